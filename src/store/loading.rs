//! Reading the whole memory at a commit into RAM.

use std::sync::Arc;

use crate::backend::disk::{Disk, Place, Root};
use crate::backend::git::Git;
use crate::backend::touched::{self, Touched};
use crate::model::error::{Doing, Fault};
use crate::model::object::{BlobId, Revision};
use crate::model::snapshot::{File, Seconds, Snapshot};
use crate::model::tree::{Forest, TreePath, entries};
use crate::store::head::{Head, served, text_in_git};

/// Where it is written down when each file was changed last.
const TOUCHED: &str = ".memoryd/touched";

/// Reads the memory at a commit; an empty one where there is none.
pub(crate) fn load(disk: &Disk, git: &Git, at: Option<Revision>) -> Result<Head, Fault> {
    let damaged = || Fault::new("read the memory", "a folder's listing is damaged");
    let Some(revision) = at else {
        return Ok(Head::new(
            Snapshot::empty(),
            Forest::new([]).ok_or_else(damaged)?,
        ));
    };
    let facts = git.known_commit(revision)?;
    let listings = git.listings(facts.tree)?;
    let touched = last_touched(disk, git, revision, &listings)?;
    let mut snapshot = Snapshot::empty_at(revision, facts.committed_at);
    for (folder, raw) in &listings {
        for entry in entries(raw).flatten() {
            let path = if folder.is_empty() {
                entry.name.to_vec()
            } else {
                [folder, &b"/"[..], entry.name].concat()
            };
            let Some(served) = served(&path) else {
                continue;
            };
            let blob = BlobId(entry.leaf.id);
            let Some(text) = text_in_git(git, entry.leaf.mode, blob)? else {
                continue;
            };
            let (revision, updated_at) = *touched
                .get(&*path)
                .unwrap_or(&(revision, facts.committed_at));
            snapshot.set(
                &served,
                Some(Arc::new(File {
                    blob,
                    text: text.into(),
                    revision,
                    updated_at,
                })),
            );
        }
    }
    Ok(Head::new(
        snapshot,
        Forest::new(listings).ok_or_else(damaged)?,
    ))
}

/// Reads some folders of the memory as it was at a moment.
pub(crate) fn load_at(
    git: &Git,
    newest: Revision,
    moment: Seconds,
    folders: &[&str],
) -> Result<Option<Snapshot>, Fault> {
    let mut commit = git.known_commit(newest)?;
    while commit.committed_at > moment {
        let Some(parent) = commit.parents.first() else {
            return Ok(None);
        };
        commit = git.known_commit(*parent)?;
    }
    let files = git.differences(None, commit.revision)?;
    let touched = git.last_touched(None, commit.revision, files.len())?;
    let mut snapshot = Snapshot::empty_at(commit.revision, commit.committed_at);
    for file in files {
        let (Some(path), Some(leaf)) = (served(&file.path), file.new) else {
            continue;
        };
        if !folders
            .iter()
            .any(|folder| path.as_str().starts_with(folder))
        {
            continue;
        }
        let blob = BlobId(leaf.id);
        if let Some(text) = text_in_git(git, leaf.mode, blob)? {
            let (revision, updated_at) = *touched
                .get(&file.path)
                .unwrap_or(&(commit.revision, commit.committed_at));
            let file = File {
                blob,
                text: text.into(),
                revision,
                updated_at,
            };
            snapshot.set(&path, Some(Arc::new(file)));
        }
    }
    Ok(Some(snapshot))
}

/// Writes down when each file was changed last. Only a start reads it, and can do without.
pub(crate) fn write_down(disk: &Disk, snapshot: &Snapshot) -> Result<(), Fault> {
    let place = Place(Root::Folder, TOUCHED);
    disk.make_folders(place.parent()).doing("make .memoryd")?;
    disk.replace(place, &touched::encode(snapshot))
        .doing("write .memoryd/touched")
}

fn last_touched(
    disk: &Disk,
    git: &Git,
    newest: Revision,
    listings: &[(TreePath, Vec<u8>)],
) -> Result<Touched, Fault> {
    let written = disk.read(Place(Root::Folder, TOUCHED)).ok().flatten();
    if let Some((stamp, mut touched)) = written.as_deref().and_then(touched::decode)
        && git.has(stamp.0)?
        && git.contains(newest, stamp)?
    {
        touched.extend(git.last_touched(Some(stamp), newest, usize::MAX)?);
        return Ok(touched);
    }
    let files = listings
        .iter()
        .map(|(_, raw)| {
            entries(raw)
                .flatten()
                .filter(|e| e.leaf.mode.is_file())
                .count()
        })
        .sum();
    git.last_touched(None, newest, files)
}
