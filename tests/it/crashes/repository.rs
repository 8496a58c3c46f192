//! A repository looked at with libgit2: quick enough to be done for every state.

use std::collections::BTreeSet;
use std::path::Path;

use git2::{ObjectType, Oid, Repository, Status, StatusOptions, TreeWalkMode, TreeWalkResult};

/// Reads each path with each text that it ever had, from all that refs lead to, and finds fault with what is not whole.
pub(super) fn history(folder: &Path) -> Result<BTreeSet<(String, String)>, String> {
    let said = |error: git2::Error| error.to_string();
    let repository = Repository::open(folder).map_err(said)?;
    let mut walk = repository.revwalk().map_err(said)?;
    for reference in repository.references().map_err(said)? {
        let reference = reference.map_err(said)?;
        let name = String::from_utf8_lossy(reference.name_bytes()).into_owned();
        let commit = reference
            .peel_to_commit()
            .map_err(|error| format!("{name}: {error}"))?;
        walk.push(commit.id()).map_err(said)?;
    }
    let mut blobs = BTreeSet::new();
    for commit in walk {
        let commit = repository
            .find_commit(commit.map_err(said)?)
            .map_err(said)?;
        let tree = commit.tree().map_err(said)?;
        let walked = tree.walk(TreeWalkMode::PreOrder, |folder, entry| {
            let path = format!("{folder}{}", String::from_utf8_lossy(entry.name_bytes()));
            blobs.extend((entry.kind() == Some(ObjectType::Blob)).then(|| (path, entry.id())));
            TreeWalkResult::Ok
        });
        walked.map_err(|error| format!("the tree of commit {}: {error}", commit.id()))?;
    }
    blobs
        .into_iter()
        .map(|(path, blob)| Ok((path, text(&repository, blob)?)))
        .collect()
}

/// What `git status` would say, and locks that stand.
pub(super) fn complaints(folder: &Path) -> Result<Vec<String>, String> {
    let said = |error: git2::Error| error.to_string();
    let repository = Repository::open(folder).map_err(said)?;
    let mut options = StatusOptions::new();
    options
        .include_untracked(true)
        .recurse_untracked_dirs(true)
        .update_index(false);
    let statuses = repository.statuses(Some(&mut options)).map_err(said)?;
    let changed = statuses
        .iter()
        .filter(|entry| entry.status() != Status::CURRENT && entry.status() != Status::IGNORED);
    let mut complaints: Vec<_> = changed
        .map(|entry| {
            format!(
                "{} is {:?}",
                String::from_utf8_lossy(entry.path_bytes()),
                entry.status()
            )
        })
        .collect();
    let locks = [
        "index",
        "HEAD",
        "config",
        "refs/heads/main",
        "refs/memoryd/head",
        "refs/memoryd/shown",
        "refs/memoryd/kept",
    ];
    let standing = locks
        .iter()
        .map(|name| format!(".git/{name}.lock"))
        .filter(|lock| folder.join(lock).exists());
    complaints.extend(standing.map(|lock| format!("{lock} stands")));
    Ok(complaints)
}

fn text(repository: &Repository, blob: Oid) -> Result<String, String> {
    let blob = repository
        .find_blob(blob)
        .map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(blob.content()).into_owned())
}
