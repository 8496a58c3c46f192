//! Running the installed git, with nobody's config but the repository's.

use std::path::Path;
use std::process::Command;

use crate::Outcome;

/// A git command that nobody's settings, hooks or environment reach.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .args([
            "-c",
            "gc.auto=0",
            "-c",
            "maintenance.auto=false",
            "-c",
            "core.hooksPath=/dev/null",
        ])
        .args(["-c", "core.fsmonitor=false"]);
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), crate::workload::AUTHOR.0);
        command.env(format!("GIT_{role}_EMAIL"), crate::workload::AUTHOR.1);
    }
    command
}

/// Runs git, which must succeed, and gives what it printed.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Outcome<String> {
    let output = command(folder).args(arguments).output()?;
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout)?.trim_end().to_owned()),
        false => Err(format!(
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        )
        .into()),
    }
}
