//! What people's git is doing in the folder right now, and whether the daemon must hold still for it.

use std::sync::Arc;

use crate::backend::disk::{Place, Root, Stat};
use crate::backend::refs::{self, Head};
use crate::model::error::{Doing, Fault};
use crate::model::object::Revision;
use crate::model::snapshot::Snapshot;
use crate::store::shared::Shared;
use crate::store::{hold, renamed};

/// Each of these in `.git` means that a git operation is under way; the daemon's own index lock is never left standing.
/// Waiting for `index.lock` alone is not enough: a checkout puts the index in place before it moves HEAD.
const UNDER_WAY: [&str; 9] = [
    "index.lock",
    "HEAD.lock",
    "MERGE_HEAD",
    "CHERRY_PICK_HEAD",
    "REVERT_HEAD",
    "rebase-merge",
    "rebase-apply",
    "sequencer",
    "BISECT_LOG",
];

/// One look at people's git: nothing of it may have changed between reading a file and believing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Circumstances {
    /// Where the served branch is; none when it is gone.
    pub(crate) branch: Option<Revision>,
    /// Why files must not be taken for what a person wants in the served branch, if so.
    pub(crate) unsettled: Option<String>,
    /// Whether a command of people's git is running that may be between two of its files.
    pub(crate) is_locked: bool,
    /// Why branch, files and index must not be touched, if so.
    pub(crate) paused: Option<String>,
    /// Whether another work tree is on the served branch, too.
    pub(crate) is_elsewhere: bool,
    /// People's git index.
    pub(crate) index: Option<Stat>,
    head: Head,
}

/// Looks.
pub(crate) fn look(shared: &Shared) -> Result<Circumstances, Fault> {
    let disk = &shared.disk;
    let head = refs::head(disk)?;
    if let Some(name) = renamed::new_name(disk, &shared.branch())? {
        tracing::info!(name, "the branch has another name");
        shared.branch.store(Arc::new(name));
    }
    let served = shared.branch();
    let branch = refs::read(disk, &served)?;
    let index = disk
        .stat(Place(Root::Git, "index"))
        .doing("look at the git index")?;
    let was_shown = shared.progress.shown().revision != Snapshot::empty().revision;
    let unsettled =
        operation_under_way(shared)?.or_else(|| wrong_head(&head, (branch, was_shown), &served));
    let elsewhere = checked_out_elsewhere(shared)?;
    let is_elsewhere = elsewhere.is_some();
    let paused = match &unsettled {
        Some(reason) => Some(reason.clone()),
        None => hold::standing(shared)?.or(elsewhere),
    };
    Ok(Circumstances {
        branch,
        is_locked: is_locked(shared)?,
        unsettled,
        paused,
        is_elsewhere,
        index,
        head,
    })
}

fn is_locked(shared: &Shared) -> Result<bool, Fault> {
    for lock in ["index.lock", "HEAD.lock"] {
        let standing = shared.disk.stat(Place(Root::Git, lock));
        if standing.doing("look at git's locks")?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn operation_under_way(shared: &Shared) -> Result<Option<String>, Fault> {
    let names = shared
        .disk
        .list(Place(Root::Git, ""))
        .doing("look at .git")?;
    let standing = UNDER_WAY
        .iter()
        .find(|name| names.iter().any(|other| other == *name));
    if let Some(name) = standing {
        return Ok(Some(format!("a git operation is under way (.git/{name})")));
    }
    let lock = format!("{}.lock", shared.branch());
    let locked = shared
        .disk
        .stat(Place(Root::Git, &lock))
        .doing("look at the branch's lock")?;
    Ok(locked.map(|_| format!("a git operation is under way (.git/{lock})")))
}

fn wrong_head(
    head: &Head,
    (branch, was_shown): (Option<Revision>, bool),
    served: &str,
) -> Option<String> {
    let short = |name: &str| name.strip_prefix("refs/heads/").unwrap_or(name).to_owned();
    match head {
        // Before the first show there need not be a branch yet.
        Head::Ref(name) if name == served && (branch.is_some() || !was_shown) => None,
        Head::Ref(name) if name == served => Some(format!("the branch {} is gone", short(served))),
        Head::Ref(name) => Some(format!(
            "HEAD is on {}; git checkout {} resumes",
            short(name),
            short(served)
        )),
        Head::Detached(_) => Some(format!(
            "HEAD is on no branch; git checkout {} resumes",
            short(served)
        )),
        Head::Unreadable => Some("HEAD is unreadable".to_owned()),
    }
}

/// Git refuses to move a branch under a second work tree, because that tree would then show a revert of every change.
fn checked_out_elsewhere(shared: &Shared) -> Result<Option<String>, Fault> {
    for name in shared
        .disk
        .list(Place(Root::Git, "worktrees"))
        .doing("look at work trees")?
    {
        let head = format!("worktrees/{name}/HEAD");
        let bytes = shared
            .disk
            .read(Place(Root::Git, &head))
            .doing("look at a work tree")?;
        let text = String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned();
        if text.trim_end().strip_prefix("ref: ") == Some(&**shared.branch()) {
            return Ok(Some(format!(
                "the branch is checked out in the work tree {name}, too"
            )));
        }
    }
    Ok(None)
}
