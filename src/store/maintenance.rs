//! What a store does for itself now and then: syncing the folder as a whole, rolling packs up, keeping `git gc` away.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use crate::backend::disk::{Place, Root};
use crate::backend::packs::PACKS;
use crate::backend::{maintenance, process};
use crate::model::error::{Doing, Fault};
use crate::model::limits::PACKS_MAX;
use crate::store::last_run;
use crate::store::shared::Shared;

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(60);
/// `git gc` believes a `gc.pid` for twelve hours.
const GC_PID: &str = "gc.pid";

/// Looks until the store is closed.
pub(crate) fn run(shared: &Arc<Shared>, closed: &Receiver<()>) {
    while let Err(RecvTimeoutError::Timeout) = closed.recv_timeout(INTERVAL) {
        for (about, done) in [
            ("sync", sync(shared)),
            ("gc.pid", keep_gc_away(shared)),
            ("repack", repack(shared)),
        ] {
            match done {
                Ok(()) => shared.notices.unsay(about),
                Err(fault) => shared.notices.say(about, fault.to_string()),
            }
        }
    }
}

/// Everything that is shown now survives a power cut from here on, work tree included.
fn sync(shared: &Shared) -> Result<(), Fault> {
    last_run::sync(shared, false)
}

fn repack(shared: &Shared) -> Result<(), Fault> {
    let names = shared
        .disk
        .list(Place(Root::Git, PACKS))
        .doing("count packs")?;
    if names.iter().filter(|name| name.ends_with(".pack")).count() < PACKS_MAX {
        return Ok(());
    }
    if maintenance::repack(shared.disk.path())? {
        shared.repacks.fetch_add(1, Ordering::Release);
    }
    Ok(())
}

/// `git gc` deletes what looks abandoned to it, a pack that is being put in place included. It gives way to another one
/// that seems to run.
pub(crate) fn keep_gc_away(shared: &Shared) -> Result<(), Fault> {
    let holder = format!("{} {}", std::process::id(), process::host());
    shared
        .disk
        .replace(Place(Root::Git, GC_PID), holder.as_bytes())
        .doing("keep git gc away")
}

/// Lets `git gc` run again.
pub(crate) fn let_gc_run(shared: &Shared) -> Result<(), Fault> {
    shared
        .disk
        .remove(Place(Root::Git, GC_PID))
        .doing("let git gc run again")
}
