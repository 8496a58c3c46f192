//! How the last run ended: cleanly, killed, or with the power.
//!
//! A kill loses nothing that was written, synced or not. A power cut may take back any write that was not synced: a file
//! of the work tree may come back empty, shorter, with its old text or not at all, while git, which is synced, has the
//! new one. Only then, and only for files that were shown since the file system was last synced as a whole, may a start
//! take such a file for damage instead of a person's wish.

use std::sync::atomic::Ordering;

use crate::backend::disk::{Disk, Place, Root};
use crate::backend::process;
use crate::model::error::{Doing, Fault};
use crate::model::object::Revision;
use crate::model::snapshot::Snapshot;
use crate::store::shared::Shared;

const STATE: &str = "memoryd/state";

/// What is known of the last run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LastRun {
    /// Whether the power went: then some of what it wrote may not be there. Otherwise it stopped of itself or was killed.
    pub(crate) was_cut: bool,
    /// Up to there the whole folder had been synced.
    pub(crate) synced: Option<Revision>,
}

/// Reads how the last run ended.
pub(crate) fn read(disk: &Disk) -> Result<LastRun, Fault> {
    let bytes = disk
        .read(Place(Root::Git, STATE))
        .doing("read how the last run ended")?;
    let text = bytes.as_deref().map(String::from_utf8_lossy);
    let value = |key: &str| {
        let line = text
            .as_ref()?
            .lines()
            .find_map(|line| line.strip_prefix(key));
        line.map(str::trim)
    };
    let is_clean = value("stopped") == Some("yes");
    let is_this_boot =
        value("boot").is_some_and(|boot| Some(boot) == process::boot_id().as_deref());
    // Where nothing is noted, nothing was ever shown.
    let was_cut = text.is_some() && !is_clean && !is_this_boot;
    Ok(LastRun {
        was_cut,
        synced: value("synced").and_then(|id| id.parse().ok()),
    })
}

/// Notes that a run has begun. After a power cut, what was restored is synced first: another cut may come at once.
pub(crate) fn begin(shared: &Shared, last: LastRun) -> Result<(), Fault> {
    shared.has_begun.store(true, Ordering::Release);
    match last.synced.filter(|_| !last.was_cut) {
        Some(synced) => note(&shared.disk, Some(synced), false),
        None => sync(shared, false),
    }
}

/// Syncs the whole file system, and notes that the folder is durable up to what it showed before.
pub(crate) fn sync(shared: &Shared, stopped: bool) -> Result<(), Fault> {
    let shown = shared.progress.shown().revision;
    shared
        .disk
        .sync_file_system()
        .doing("sync the file system")?;
    shared.syncs.fetch_add(1, Ordering::Release);
    match shared.has_begun.load(Ordering::Acquire) {
        true => {
            // Before the first show there is nothing that the folder could be known to have.
            let synced = Some(shown).filter(|shown| *shown != Snapshot::empty().revision);
            note(&shared.disk, synced, stopped)
        }
        // What the run before left is not put right yet, and must not be forgotten.
        false => Ok(()),
    }
}

fn note(disk: &Disk, synced: Option<Revision>, stopped: bool) -> Result<(), Fault> {
    let boot = process::boot_id().unwrap_or_default();
    let synced = synced.map_or(String::new(), |revision| format!("synced {revision}\n"));
    let text = format!(
        "boot {boot}\nstopped {}\n{synced}",
        if stopped { "yes" } else { "no" }
    );
    disk.replace(Place(Root::Git, STATE), text.as_bytes())
        .doing("note how far the folder is synced")
}
