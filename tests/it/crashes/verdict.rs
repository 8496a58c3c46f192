//! What must hold once a store has been started on whatever was left, and for how long that may take.

use std::time::{Duration, Instant};

use super::repository;
use super::stage::Stage;

/// A start on a few files, on a machine that does much else.
const START_MAX: Duration = Duration::from_secs(15);
/// A file that is gone is believed to be after two seconds, one that is empty after four.
const ADOPTION_MAX: Duration = Duration::from_secs(15);
/// One in so many states is looked at with git's own programs.
pub(super) const THOROUGH: usize = 25;
const AFTERWARDS: (&str, &str) = ("team/sales/afterwards.md", "# Written afterwards\n");

/// Starts the store on the stage's folder and says what is not as it must be. `thorough`: with git's own programs, too.
pub(super) fn of(stage: &mut Stage, thorough: bool) -> Result<(), String> {
    let started = Instant::now();
    stage
        .scene
        .start_if_possible()
        .map_err(|error| format!("does not start: {error}"))?;
    (started.elapsed() < START_MAX)
        .then_some(())
        .ok_or("takes too long to start")?;
    stage.release();
    serves(stage)?;
    stage.write(AFTERWARDS.0, AFTERWARDS.1);
    serves(stage)?;
    stage
        .scene
        .try_stop()
        .map_err(|error| format!("does not stop: {error}"))?;
    is_sound(stage, thorough)?;
    // A save that raced the last show is adopted by the stop itself.
    let before = stage.scene.git(&["rev-parse", "refs/memoryd/head"]);
    stage
        .scene
        .start_if_possible()
        .map_err(|error| format!("does not start again: {error}"))?;
    serves(stage)?;
    let after = stage.scene.store().status().head.to_string();
    stage
        .scene
        .try_stop()
        .map_err(|error| format!("does not stop again: {error}"))?;
    (before == after)
        .then_some(())
        .ok_or_else(|| format!("the second start went from {before} to {after}"))
}

/// What was promised is served, and nothing that nobody wrote.
fn serves(stage: &Stage) -> Result<(), String> {
    if !stage.wait_until(ADOPTION_MAX, |stage| stage.is_settled()) {
        let status = stage.scene.store().status();
        return Err(format!(
            "does not settle: {:?} differ; {status:#?}",
            stage.differing()
        ));
    }
    let served = stage.scene.store().snapshot();
    let claims = stage.claims();
    for path in claims.paths() {
        let (found, allowed) = (stage.scene.read(path), claims.allowed(path));
        if !allowed.contains(&found.as_deref()) {
            return Err(format!("{path} is {found:?}; it may be {allowed:?}"));
        }
    }
    for (path, file) in served.files() {
        if !claims.has(path.as_str(), &file.text) {
            return Err(format!("{path} is {:?}, which nobody wrote", file.text));
        }
    }
    for group in claims.together() {
        let fulfilled: Vec<_> = group
            .iter()
            .map(|claim| stage.scene.read(&claim.path) == claim.text)
            .collect();
        if fulfilled.contains(&true) && fulfilled.contains(&false) {
            return Err(format!("only a part of {group:?}"));
        }
    }
    Ok(())
}

/// What was promised is in history, and nothing that nobody wrote; git finds nothing wrong.
fn is_sound(stage: &Stage, thorough: bool) -> Result<(), String> {
    let history = repository::history(stage.scene.path())?;
    let claims = stage.claims();
    for (path, text) in claims.promised() {
        if !history.texts.contains(&(path.to_owned(), text.to_owned())) {
            return Err(format!("{path} was {text:?}, and history does not know"));
        }
    }
    for (path, text) in &history.texts {
        if !claims.has(path, text) {
            return Err(format!(
                "history has {path} as {text:?}, which nobody wrote"
            ));
        }
    }
    let complaints = repository::complaints(stage.scene.path())?;
    complaints
        .is_empty()
        .then_some(())
        .ok_or_else(|| format!("{complaints:?}"))?;
    if thorough {
        let fsck = stage.scene.try_git(&["fsck", "--strict", "--full"]);
        let said = String::from_utf8_lossy(&fsck.stderr).into_owned();
        fsck.status
            .success()
            .then_some(())
            .ok_or(format!("git fsck: {said}"))?;
        let status = stage.scene.git(&["status", "--porcelain"]);
        status
            .is_empty()
            .then_some(())
            .ok_or(format!("git status: {status}"))?;
    }
    Ok(())
}
