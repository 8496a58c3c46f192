//! Ids: each has one folder of its own, which gives it back, and no two share one on any file system.

use memoryd::model::path::{RepoPath, TeamId, UserId, fold};

use crate::two_texts;

/// Takes any bytes for two ids.
pub fn run(data: &[u8]) {
    let (one, other) = two_texts(data);
    let ids = [&one, &other].map(|id| UserId::parse(id).ok());
    for (text, id) in [&one, &other].into_iter().zip(&ids) {
        assert_eq!(TeamId::parse(text).is_ok(), id.is_some());
        // A folder's name that somebody chose is an id's only if it is the one that the id is given.
        if let Some(id) = UserId::from_component(text) {
            assert_eq!(id.component(), text);
        }
        let Some(id) = id else { continue };
        assert_eq!(id.as_str(), text);
        assert_eq!(UserId::from_component(id.component()).as_ref(), Some(id));
        let path = format!("user/{}/a.md", id.component());
        assert!(RepoPath::parse(&path).is_ok(), "{path:?}");
    }
    if let [Some(one), Some(other)] = &ids {
        assert_eq!(
            one == other,
            fold(one.component()) == fold(other.component()),
            "{one:?} {other:?}"
        );
    }
}
