//! Holding still for people: while a hold stands, branch, files and git index do not move.
//!
//! `git commit` fails when the branch moves while its editor is open. So a `prepare-commit-msg` hook leaves a hold in the
//! name of the committing process; it ends with that process, at the latest after ten minutes. `memoryd hold` and
//! `memoryd release` do the same by hand. Writes are acknowledged and served as always meanwhile.

use std::time::{Duration, SystemTime};

use crate::backend::disk::{Place, Root};
use crate::backend::process;
use crate::model::error::{Doing, Fault};
use crate::model::limits::HOLD_SECONDS_MAX;
use crate::store::shared::Shared;

const HOLD: &str = "memoryd/hold";
const HOOK: &str = "hooks/prepare-commit-msg";

/// Left where there is no hook yet. It must never fail: a hook that fails stops the person's commit.
const HOOK_TEXT: &str = "#!/bin/sh\n\
    # Asks memoryd to hold still while this commit is being written; the hold ends with the commit.\n\
    dir=$(git rev-parse --git-common-dir 2>/dev/null)/memoryd\n\
    [ -d \"$dir\" ] && printf 'pid %s\\n600\\ngit commit\\n' \"$PPID\" > \"$dir/hold\" 2>/dev/null\n\
    exit 0\n";

/// Why the daemon holds still, if it does.
pub(crate) fn standing(shared: &Shared) -> Result<Option<String>, Fault> {
    let place = Place(Root::Git, HOLD);
    let Some(stat) = shared.disk.stat(place).doing("look at the hold")? else {
        return Ok(None);
    };
    let bytes = shared
        .disk
        .read(place)
        .doing("read the hold")?
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let mut lines = text.lines();
    let holder = lines.next().unwrap_or_default();
    let seconds = lines
        .next()
        .and_then(|seconds| seconds.parse().ok())
        .unwrap_or(HOLD_SECONDS_MAX);
    let by = lines.next().unwrap_or("somebody");
    let begun = SystemTime::UNIX_EPOCH + Duration::from_secs(stat.modified.0.unsigned_abs());
    // A clock that was set back must not lengthen a hold by as much.
    let age = SystemTime::now()
        .duration_since(begun)
        .unwrap_or_else(|ahead| ahead.duration());
    let is_over = age.as_secs() > seconds.min(HOLD_SECONDS_MAX);
    let is_gone = holder
        .strip_prefix("pid ")
        .is_some_and(|pid| !pid.parse().is_ok_and(process::is_alive));
    if is_over || is_gone {
        release(shared)?;
        return Ok(None);
    }
    Ok(Some(format!("held by {by}; memoryd release ends it")))
}

/// Begins a hold by hand, instead of one that stands.
pub(crate) fn hold(shared: &Shared, by: &str, seconds: u64) -> Result<(), Fault> {
    let text = format!(
        "hand\n{}\n{}\n",
        seconds.min(HOLD_SECONDS_MAX),
        by.replace('\n', " ")
    );
    shared
        .disk
        .replace(Place(Root::Git, HOLD), text.as_bytes())
        .doing("write the hold")
}

/// Ends a hold.
pub(crate) fn release(shared: &Shared) -> Result<(), Fault> {
    shared
        .disk
        .remove(Place(Root::Git, HOLD))
        .doing("remove the hold")
}

/// Leaves the hook, unless people have one of their own or keep their hooks elsewhere.
pub(crate) fn install_hook(shared: &Shared) -> Result<(), Fault> {
    let place = Place(Root::Git, HOOK);
    if shared.disk.stat(place).doing("look at the hook")?.is_some() {
        return Ok(());
    }
    shared
        .disk
        .make_folders(place.parent())
        .doing("make the hooks' directory")?;
    let hook = shared
        .disk
        .create(place, HOOK_TEXT.as_bytes())
        .doing("write the hook")?;
    hook.set_executable().doing("make the hook executable")
}
