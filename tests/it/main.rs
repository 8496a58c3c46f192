//! Everything that is shown by running it: one binary, one module a subject.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad_input;
mod chance;
mod crashes;
mod doors;
mod editors;
mod full_disk;
mod hostile;
mod kill_sweep;
mod kills;
mod links;
mod many_writers;
mod peoples_git;
mod program;
mod recovery;
mod same_history;
mod scene;
mod screening;
mod search;
mod tidy;
mod writing;
