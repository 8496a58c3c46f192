//! Keeping the repository small and quick to read, by git's own programs, at idle priority.
//!
//! Git is run as a program only here, and only where it cannot be made to run other people's code: no hooks, no
//! fsmonitor, no configuration but the repository's own and what stands on the command line.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::model::error::{Doing, Fault};

/// Rolls small packs up into larger ones, so that their number grows with the logarithm of the history, and brings the
/// commit graph with changed paths up to date, so that `git log -- path` is quick. Says whether there is a git to do it.
pub fn repack(folder: &Path) -> Result<bool, Fault> {
    let runs: [&[&str]; 2] = [
        &["repack", "-q", "-d", "--geometric=2", "--write-midx"],
        &[
            "commit-graph",
            "write",
            "--reachable",
            "--changed-paths",
            "--split",
            "--no-progress",
        ],
    ];
    for arguments in runs {
        if !run(folder, arguments)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn run(folder: &Path, arguments: &[&str]) -> Result<bool, Fault> {
    const CLOSED: [&str; 5] = [
        "core.hooksPath=/dev/null",
        "core.fsmonitor=false",
        "core.attributesFile=/dev/null",
        "safe.bareRepository=explicit",
        "gc.auto=0",
    ];
    let mut git = Command::new("nice");
    git.args(["-n", "19", "git", "--no-optional-locks"]);
    for setting in CLOSED {
        git.args(["-c", setting]);
    }
    // The folder was named on purpose, whoever owns it.
    git.args(["-c", "safe.directory=*"])
        .args(arguments)
        .current_dir(folder);
    git.env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    git.env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("HOME", "/nonexistent");
    // What is missing is not fetched: the configuration names the program by which a remote is reached.
    git.env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_ALLOW_PROTOCOL", "");
    git.env("GIT_DIR", ".git")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    match git.output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Ok(output) if output.status.code() == Some(127) => Ok(false),
        Ok(output) if !output.status.success() => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            Err(Fault::new(format!("run git {}", arguments[0]), said))
        }
        output => output.doing("run git").map(|_| true),
    }
}
