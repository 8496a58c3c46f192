//! Why a command did not do what it was asked to: what is printed, and the exit code that scripts see.

use std::io;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

use crate::model::error::{Error, Fault, Rejection};

/// What `--help` says of exit codes; [`Exit`] is its table.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  done, and `check` found something
  2  the command line is wrong
  3  refused: what was asked for cannot be
  4  not found: no such file, revision or memory
  5  the file is not as expected: it changed meanwhile, or stands there already
  6  busy: another process has the memory, or the daemon is stopping; try again
  7  the machine failed: disk full, read-only, or a fault";

/// Nobody reads any more, as in `memoryd log | head`: that is no mistake, and there is nobody to tell it to.
const BROKEN_PIPE: &str = "BROKEN_PIPE";

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    Done = 0,
    Findings = 1,
    Usage = 2,
    Refused = 3,
    NotFound = 4,
    Precondition = 5,
    Busy = 6,
    Fault = 7,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A failed command, in the shape that the daemon's answers have, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failure {
    /// The code that the doors use, or one of the command line's own.
    pub(super) code: String,
    /// What went wrong, in one sentence.
    pub(super) message: String,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
}

impl Failure {
    /// The command line asks for something that makes no sense.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new("USAGE", message)
    }

    /// There is no memory where one is needed.
    pub(super) fn no_memory(message: impl Into<String>) -> Self {
        Self::new("NO_MEMORY", message)
            .hint("memoryd init DIR makes one; memoryd -C DIR names the one you mean")
    }

    /// What is asked for cannot be done.
    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self::new("REFUSED", message)
    }

    /// The daemon that should answer does not.
    pub(super) fn no_answer(message: impl Into<String>) -> Self {
        Self::new("NO_ANSWER", message)
    }

    /// The same with another hint.
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// The exit code of this kind of failure.
    pub(super) fn exit(&self) -> Exit {
        match self.code.as_str() {
            BROKEN_PIPE => Exit::Done,
            "USAGE" => Exit::Usage,
            "FILE_NOT_FOUND" | "REVISION_NOT_FOUND" | "NO_MEMORY" => Exit::NotFound,
            "PRECONDITION_FAILED" | "FILE_EXISTS" | "NAME_COLLISION" => Exit::Precondition,
            "BUSY" | "SHUTTING_DOWN" | "LOCKED" => Exit::Busy,
            "INTERNAL_ERROR" | "NO_ANSWER" | "DISK_FULL" | "STORE_READ_ONLY"
            | "OUTCOME_UNKNOWN" => Exit::Fault,
            _ => Exit::Refused,
        }
    }

    /// Speaks to a person at a shell, where the doors' hints speak to a model or a program.
    pub(super) fn for_a_person(mut self) -> Self {
        let hint = match self.code.as_str() {
            "FILE_NOT_FOUND" => "memoryd list shows the files there are",
            "REVISION_NOT_FOUND" => "memoryd log shows the revisions there are",
            "PHYSICAL_PATH_FORBIDDEN" => {
                "With --user the user's own files are user/...; without it, paths are the repository's"
            }
            "USER_ID_REQUIRED" => "Name the user with --user",
            "TEAM_ID_REQUIRED" => "Name the team with --team",
            "BUSY" | "SHUTTING_DOWN" => "Try again in a moment",
            "OUTCOME_UNKNOWN" => "memoryd log shows whether the change was made",
            _ => return self,
        };
        self.hint = Some(hint.to_owned());
        self
    }

    fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            hint: None,
        }
    }
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        let hint = rejection.hint().map(str::to_owned);
        Self {
            hint,
            ..Self::new(rejection.code(), rejection.to_string())
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        if fault.is_disk_full() {
            return Rejection::DiskFull.into();
        }
        let failure = Self::new("INTERNAL_ERROR", fault.to_string());
        match fault.is_not_permitted() {
            true => failure.hint("memoryd writes where the memory is: see who owns the folder, and how it is mounted"),
            false => failure,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Rejected(rejection) => rejection.into(),
            Error::Failed(fault) => fault.into(),
        }
    }
}

/// Of standard output; that of files is said with what was being done.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(BROKEN_PIPE, "nobody reads the output any more"),
            _ => Self::new("INTERNAL_ERROR", format!("could not print: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_failure_has_its_exit_code() {
        let table = [
            (Failure::usage("x"), 2),
            (Rejection::validation("x").into(), 3),
            (Rejection::PatchMatchNotFound.into(), 3),
            (Rejection::FileNotFound { path: "x".into() }.into(), 4),
            (Failure::no_memory("x"), 4),
            (
                Rejection::PreconditionFailed {
                    path: "x".into(),
                    current: None,
                }
                .into(),
                5,
            ),
            (Rejection::ShuttingDown.into(), 6),
            (Rejection::DiskFull.into(), 7),
            (Fault::new("do it", "no").into(), 7),
        ];
        for (failure, code) in table {
            assert_eq!(failure.exit() as u8, code, "{failure:?}");
            assert!(EXIT_CODES.contains(&format!("\n  {code}  ")));
        }
    }

    #[test]
    fn the_daemons_answers_can_be_read() {
        let answer = r#"{"code":"FILE_NOT_FOUND","message":"File not found: a.md","hint":"x","blobId":null}"#;
        let failure: Failure = serde_json::from_str(answer).unwrap();
        assert_eq!(failure.exit(), Exit::NotFound);
        assert_eq!(
            failure.for_a_person().hint.as_deref(),
            Some("memoryd list shows the files there are")
        );
    }
}
