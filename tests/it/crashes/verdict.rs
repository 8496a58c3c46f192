//! What must hold once a store has been started on whatever was left, and for how long that may take.

use std::time::{Duration, Instant};

use super::repository;
use super::stage::Stage;
use crate::chance::Chance;

/// A start on a few files, on a machine that does much else.
const START_MAX: Duration = Duration::from_secs(15);
/// A file that is gone is believed to be after two seconds, one that is empty after four.
const ADOPTION_MAX: Duration = Duration::from_secs(20);
/// One in so many states is looked at with git's own programs.
const THOROUGH: usize = 25;
const AFTERWARDS: (&str, &str) = ("team/sales/afterwards.md", "# Written afterwards\n");

/// Starts the store on the stage's folder and says what is not as it must be.
pub(super) fn of(stage: &mut Stage, chance: &mut Chance) -> Result<(), String> {
    let started = Instant::now();
    stage.open()?;
    check(started.elapsed() < START_MAX, || {
        "takes too long to start".to_owned()
    })?;
    stage.release();
    serves(stage)?;
    stage.write(AFTERWARDS.0, AFTERWARDS.1);
    serves(stage)?;
    stage.close()?;
    is_sound(stage)?;
    if chance.one_in(THOROUGH) {
        pleases_git(stage)?;
    }
    // A save that raced the last show is adopted by the stop itself.
    let before = std::fs::read_to_string(stage.scene.at(".git/refs/memoryd/head"));
    let before = before.map_err(|error| format!("the head: {error}"))?;
    stage.open()?;
    serves(stage)?;
    let after = stage.scene.store().status().head.to_string();
    stage.close()?;
    check(before.trim_end() == after, || {
        format!("the second start went from {before} to {after}")
    })
}

/// What was promised is served, and nothing that nobody wrote.
fn serves(stage: &Stage) -> Result<(), String> {
    let is_settled = stage.wait_until(ADOPTION_MAX, Stage::is_settled);
    check(is_settled, || format!("does not settle: {}", stage.told()))?;
    let served = stage.scene.store().snapshot();
    let claims = stage.claims();
    for path in claims.paths() {
        let (found, allowed) = (stage.scene.read(path), claims.allowed(path));
        let is_allowed = allowed.contains(&found.as_deref());
        check(is_allowed, || {
            format!("{path} is {found:?}; it may be {allowed:?}")
        })?;
    }
    for (path, file) in served.files() {
        let is_claimed = claims.has(path.as_str(), &file.text);
        check(is_claimed, || {
            format!("{path} is {:?}, which nobody wrote", file.text)
        })?;
    }
    for group in claims.together() {
        let has = |path: &str, text: &Option<String>| stage.scene.read(path) == *text;
        let has: Vec<_> = group
            .iter()
            .map(|claim| has(&claim.path, &claim.text))
            .collect();
        let is_split = has.contains(&true) && has.contains(&false);
        check(!is_split, || format!("only a part of {group:?}"))?;
    }
    Ok(())
}

/// What was promised is in history, and nothing that nobody wrote.
fn is_sound(stage: &Stage) -> Result<(), String> {
    let history = repository::history(stage.scene.path())?;
    let claims = stage.claims();
    for (path, text) in claims.promised() {
        let is_there = history.contains(&(path.to_owned(), text.to_owned()));
        check(is_there, || {
            format!("{path} was {text:?}, and history does not know")
        })?;
    }
    for (path, text) in &history {
        let is_claimed = claims.has(path, text);
        check(is_claimed, || {
            format!("history has {path} as {text:?}, which nobody wrote")
        })?;
    }
    let complaints = repository::complaints(stage.scene.path())?;
    check(complaints.is_empty(), || complaints.join(", "))
}

fn pleases_git(stage: &Stage) -> Result<(), String> {
    let fsck = stage.scene.try_git(&["fsck", "--strict", "--full"]);
    let said = String::from_utf8_lossy(&fsck.stderr);
    check(fsck.status.success(), || format!("git fsck: {said}"))?;
    let status = stage.scene.git(&["status", "--porcelain"]);
    check(status.is_empty(), || format!("git status: {status}"))
}

fn check(is_so: bool, wrong: impl FnOnce() -> String) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(wrong()) }
}
