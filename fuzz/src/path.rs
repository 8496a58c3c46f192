//! Paths: what is taken is safe on every file system, and stays within its mount.

use memoryd::model::path::{
    Layout, Owners, Place, RepoPath, UserId, VirtualPath, VirtualPrefix, fold,
};

/// Takes any bytes for a path.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    assert_eq!(fold(&fold(text)), fold(text));
    let _ = VirtualPrefix::parse(Some(text));
    if let Ok(path) = RepoPath::parse(text) {
        assert_eq!(path.as_str(), text);
        assert_safe(text);
    }
    let Ok(path) = VirtualPath::parse(text) else {
        return;
    };
    assert_eq!(path.as_str(), text);
    let user = UserId::parse("alice").expect("it is an id");
    let owners = Owners {
        user: Some(&user),
        team: None,
    };
    let layout = Layout::default();
    if let Ok(place) = layout.repo_path(&path, owners) {
        assert_safe(place.as_str());
        let is_in_its_place = match layout.owner_of(&place) {
            Place::Shared => place.as_str().starts_with("shared/"),
            Place::User(owner) => owner == user && place.as_str().starts_with("user/alice/"),
            Place::Team(_) | Place::Elsewhere => false,
        };
        assert!(is_in_its_place, "{text:?} lies at {place:?}");
        assert_eq!(layout.virtual_path(&place).as_ref(), Some(&path));
    }
}

fn assert_safe(path: &str) {
    assert!(
        path.len() <= 1_000 && path.split('/').count() <= 16,
        "{path:?}"
    );
    for part in path.split('/') {
        // A look-alike of a dot or a slash is one to some file systems.
        for form in [part, &*fold(part)] {
            assert!(
                !form.is_empty() && !form.starts_with(['.', '-', '~']),
                "{path:?}"
            );
            assert!(
                !form.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|']),
                "{path:?}"
            );
            assert!(!form.chars().any(char::is_control), "{path:?}");
        }
        assert!(
            part.len() <= 200 && !part.ends_with(['.', ' ']) && !part.starts_with(' '),
            "{path:?}"
        );
    }
}
