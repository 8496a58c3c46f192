//! What the store can say of itself.

use serde::{Deserialize, Serialize};

use crate::model::object::Revision;
use crate::model::path::Place;
use crate::store::shared::{PAUSED, READ_ONLY, Shared};

/// A store at one moment, for a person and for `/ready`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The folder that is served.
    pub folder: String,
    /// The branch that is served.
    pub branch: String,
    /// The newest acknowledged commit.
    pub head: Revision,
    /// The newest commit that git has, in `refs/memoryd/head`.
    pub published: Revision,
    /// The newest commit that branch, files and git index show.
    pub shown: Revision,
    /// How many files are served.
    pub files: usize,
    /// How many users have files.
    pub users: usize,
    /// How many writes wait for the committer.
    pub waiting: usize,
    /// How many commits wait for the publisher.
    pub unpublished_commits: usize,
    /// Why the branch does not follow at the moment, if it does not.
    pub paused: Option<String>,
    /// Why writes are refused at the moment, if they are.
    pub read_only: Option<String>,
    /// Things a person should know, one sentence each.
    pub notices: Vec<String>,
}

/// Looks at it.
pub(crate) fn of(shared: &Shared) -> Status {
    let snapshot = shared.snapshot.load_full();
    let owners = snapshot
        .under("user/")
        .map(|(path, _)| shared.layout.owner_of(path));
    let mut users: Vec<_> = owners
        .filter_map(|place| match place {
            Place::User(id) => Some(id),
            _ => None,
        })
        .collect();
    users.dedup();
    Status {
        folder: shared.disk.path().display().to_string(),
        branch: shared.branch().trim_start_matches("refs/heads/").to_owned(),
        head: snapshot.revision,
        published: shared.progress.published().revision,
        shown: shared.progress.shown().revision,
        files: snapshot.len(),
        users: users.len(),
        waiting: shared.queue.len(),
        unpublished_commits: shared.backlog.len(),
        paused: shared.notices.get(PAUSED),
        read_only: shared.notices.get(READ_ONLY),
        notices: shared.notices.rest(),
    }
}
