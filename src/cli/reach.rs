//! Where a command is executed: in the daemon that has the folder open, else in this process.

use std::path::Path;
use std::time::{Duration, Instant};

use super::failure::{Exit, Failure};
use super::remote::Daemon;
use crate::api::command::{self, Command, Output};
use crate::daemon;

/// How long a command waits for another process to let go of the folder: another command is done by then, and a daemon
/// that is starting answers.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

/// What a command gave back, and who executed it: none stands for this process.
pub(super) struct Reached {
    pub(super) output: Output,
    pub(super) daemon: Option<Daemon>,
}

/// Executes a command on the memory in a folder.
pub(super) fn execute(folder: &Path, command: &Command) -> Result<Reached, Failure> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let daemon = Daemon::of(folder);
        if let Some(answer) = daemon.as_ref().and_then(|daemon| daemon.execute(command)) {
            return answer.map(|output| Reached { output, daemon });
        }
        match here(folder, command) {
            Err(failure) if failure.exit() == Exit::Busy && Instant::now() < deadline => {
                std::thread::sleep(PAUSE)
            }
            Err(failure) if failure.exit() == Exit::Busy => {
                return Err(held(failure, daemon.as_ref()));
            }
            done => {
                return done.map(|output| Reached {
                    output,
                    daemon: None,
                });
            }
        }
    }
}

/// Opens the store, executes, and closes it, so that all of it is in the folder when the shell's prompt comes back.
fn here(folder: &Path, command: &Command) -> Result<Output, Failure> {
    let memory = daemon::open(folder)?;
    let output = command::execute(&memory, command.clone());
    let closed = memory.close();
    let output = output?;
    closed?;
    Ok(output)
}

/// Somebody has the folder, and nobody answers for it.
fn held(failure: Failure, daemon: Option<&Daemon>) -> Failure {
    match daemon {
        Some(daemon) => failure.hint(format!(
            "process {} was the last to serve it; see whether it hangs",
            daemon.pid
        )),
        None => failure.hint(
            "another memoryd command may be at work, or a daemon is just starting; try again",
        ),
    }
}
