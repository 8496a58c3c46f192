//! What the command line asks of a memory, as data: a command goes in, its result comes out, and nobody printed anything.
//!
//! The same command runs in the process that was started for it, or inside the daemon that has the folder open already;
//! whoever asked cannot tell the difference. So each verb is one struct that can travel, and each result is one, too.
//!
//! Commands are given by a person at the computer that holds the memory. With a user or a team named they see what that
//! user's agent sees, under the names it uses; without, they see the repository. Either way it is the person who acts:
//! their name is on the commits, and the bounds are theirs.

mod edits;
mod files;
mod history;
mod names;
mod prompt;
mod search;
mod state;

use serde::{Deserialize, Serialize};

use crate::api::memory::Memory;
use crate::model::error::Error;

pub use edits::{Delete, EditOutcome, Edited, Expected, Patch, PatchLines, Rename, Terms, Write};
pub use files::{List, ListedFile, Listing, Read, ReadFile};
pub use history::{Diff, Difference, History, Log, LoggedChange, LoggedCommit};
pub use names::OnBehalf;
pub use prompt::Prompt;
pub use search::{Found, FoundPassage, Search};
pub use state::{Check, Checked, Hold, Holding, Release, Status};

/// One command. Every verb of the command line that needs an open store has a struct of its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "camelCase")]
#[expect(missing_docs, reason = "each variant's struct says what it does")]
pub enum Command {
    Prompt(Prompt),
    List(List),
    Read(Read),
    Write(Write),
    Patch(Patch),
    Delete(Delete),
    Rename(Rename),
    Search(Search),
    Log(Log),
    Diff(Diff),
    Status(Status),
    Check(Check),
    Hold(Hold),
    Release(Release),
}

/// What a command gives back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "result", rename_all = "camelCase")]
pub enum Output {
    /// The prompt block, in the shape that `/v1/prompt-block` answers.
    PromptBlock(serde_json::Value),
    /// The files there are.
    Listing(Listing),
    /// One file.
    File(ReadFile),
    /// What became of an edit.
    Edited(Edited),
    /// What a search found.
    Found(Found),
    /// Commits.
    History(History),
    /// What differs between two revisions.
    Difference(Difference),
    /// How the store is.
    Status(crate::store::Status),
    /// What is likely a mistake.
    Checked(Checked),
    /// Whether the store holds still.
    Holding(Holding),
}

/// Does what a command says. It may read git and wait for the committer, so it blocks.
pub fn execute(memory: &Memory, command: Command) -> Result<Output, Error> {
    match command {
        Command::Prompt(prompt) => prompt.run(memory).map(Output::PromptBlock),
        Command::List(list) => list.run(memory).map(Output::Listing),
        Command::Read(read) => read.run(memory).map(Output::File),
        Command::Write(write) => write.run(memory).map(Output::Edited),
        Command::Patch(patch) => patch.run(memory).map(Output::Edited),
        Command::Delete(delete) => delete.run(memory).map(Output::Edited),
        Command::Rename(rename) => rename.run(memory).map(Output::Edited),
        Command::Search(search) => search.run(memory).map(Output::Found),
        Command::Log(log) => log.run(memory).map(Output::History),
        Command::Diff(diff) => diff.run(memory).map(Output::Difference),
        Command::Status(Status {}) => Ok(Output::Status(memory.store().status())),
        Command::Check(check) => check.run(memory).map(Output::Checked),
        Command::Hold(hold) => hold.run(memory).map(Output::Holding),
        Command::Release(release) => release.run(memory).map(Output::Holding),
    }
}

#[cfg(test)]
mod tests;
