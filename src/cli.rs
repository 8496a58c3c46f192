//! The command line: what a person types, what they see, and the exit code a script gets.
//!
//! Each verb has its flags, its command and its printing side by side in one file. Nothing here knows how a memory
//! works: a verb becomes a [`Command`], which the running daemon of the folder executes, or this process if there is
//! none ([`reach`]).

mod edits;
mod failure;
mod files;
mod folder;
mod history;
mod init;
mod prompt;
mod reach;
mod remote;
mod screen;
mod search;
mod serve;
mod state;
mod view;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde_json::{Value, json};

use crate::api::command::{Command, Output};
use failure::{EXIT_CODES, Exit, Failure};
use reach::Reached;
use screen::Screen;

const EXAMPLES: &str = "\
Examples:
  memoryd serve ~/memory --from sample-memory        make a memory and serve it
  memoryd -C ~/memory list --user alice              what alice's agent sees
  memoryd -C ~/memory read user/profile.md --user alice
  echo '- Prefers e-mail' | memoryd -C ~/memory patch user/profile.md --user alice
  memoryd -C ~/memory log --user alice -1            the newest change in what alice sees
  memoryd -C ~/memory check                          dead links and other mistakes";

/// A folder of Markdown that every agent reads, every person can edit, and nothing forgets how it got that way.
///
/// Without --user, paths are those of the folder (user/alice/profile.md); with it, they are what that user's agent sees
/// (user/profile.md). Changes are committed in your name either way.
#[derive(Debug, Parser)]
#[command(name = "memoryd", version, after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
struct Arguments {
    /// The memory's folder; without it, the nearest one above the current folder
    #[arg(
        short = 'C',
        long = "directory",
        value_name = "DIR",
        env = "MEMORYD_DIR",
        global = true
    )]
    folder: Option<PathBuf>,
    /// Print JSON, also for errors
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Init(init::Init),
    Serve(serve::Serve),
    #[command(flatten)]
    Memory(MemoryVerb),
}

/// The verbs that are about a memory that exists.
#[derive(Debug, Subcommand)]
enum MemoryVerb {
    Prompt(prompt::Prompt),
    List(files::List),
    Read(files::Read),
    Write(edits::Write),
    Patch(edits::Patch),
    Delete(edits::Delete),
    Rename(edits::Rename),
    Search(search::Search),
    Log(history::Log),
    Diff(history::Diff),
    Status(state::Status),
    Check(state::Check),
    Hold(state::Hold),
    Release(state::Release),
}

/// Runs one command line, the program's name first, and gives its exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let exit = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Done
            };
            // Help that nobody reads to its end is no mistake.
            drop(error.print());
            return exit.into();
        }
    };
    let as_json = arguments.json;
    let exit = run_verb(arguments)
        .unwrap_or_else(|failure| screen::report(&failure.for_a_person(), as_json));
    exit.into()
}

fn run_verb(arguments: Arguments) -> Result<Exit, Failure> {
    let Arguments { folder, json, verb } = arguments;
    match verb {
        Verb::Init(init) => init.run(json),
        Verb::Serve(serve) => serve.run(json),
        Verb::Memory(verb) => {
            let folder = folder::find(folder.as_deref())?;
            let reached = reach::execute(&folder, &verb.command()?)?;
            let mut screen = Screen::new();
            match json {
                true => screen.json(&result(&reached)),
                false => print(&reached, &mut screen),
            }?;
            screen.flush()?;
            Ok(exit(&reached.output))
        }
    }
}

impl MemoryVerb {
    /// What to execute. Reads standard input for the verbs that take a text from there.
    fn command(self) -> Result<Command, Failure> {
        Ok(match self {
            Self::Prompt(prompt) => Command::Prompt(prompt.into()),
            Self::List(list) => Command::List(list.into()),
            Self::Read(read) => Command::Read(read.into()),
            Self::Write(write) => Command::Write(write.command()?),
            Self::Patch(patch) => Command::Patch(patch.command()?),
            Self::Delete(delete) => Command::Delete(delete.into()),
            Self::Rename(rename) => Command::Rename(rename.into()),
            Self::Search(search) => Command::Search(search.into()),
            Self::Log(log) => Command::Log(log.into()),
            Self::Diff(diff) => Command::Diff(diff.into()),
            Self::Status(status) => Command::Status(status.into()),
            Self::Check(check) => Command::Check(check.into()),
            Self::Hold(hold) => Command::Hold(hold.into()),
            Self::Release(release) => Command::Release(release.into()),
        })
    }
}

/// The result alone: whoever typed the command knows which kind it is.
fn result(reached: &Reached) -> Value {
    let mut tagged = serde_json::to_value(&reached.output).unwrap_or_default();
    let mut result = tagged
        .get_mut("result")
        .map(Value::take)
        .unwrap_or_default();
    if let Output::Status(_) = reached.output {
        result["daemon"] = json!(reached.daemon);
    }
    result
}

fn print(Reached { output, daemon }: &Reached, screen: &mut Screen) -> io::Result<()> {
    match output {
        Output::PromptBlock(block) => prompt::print(block, screen),
        Output::Listing(listing) => files::print_listing(listing, screen),
        Output::File(file) => screen.text(&file.text),
        Output::Edited(edited) => edits::print(edited, screen),
        Output::Found(found) => search::print(found, screen),
        Output::History(history) => history::print_log(history, screen),
        Output::Difference(difference) => history::print_diff(difference, screen),
        Output::Status(status) => state::print_status(status, daemon.as_ref(), screen),
        Output::Checked(checked) => state::print_check(checked, screen),
        Output::Holding(holding) => state::print_holding(holding, screen),
    }
}

fn exit(output: &Output) -> Exit {
    match output {
        Output::Checked(checked) if !checked.findings.is_empty() => Exit::Findings,
        _ => Exit::Done,
    }
}

#[cfg(test)]
mod tests;
