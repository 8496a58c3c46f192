//! `log` and `diff`.

use std::io;

use clap::Args;

use super::edits::short;
use super::files::moment;
use super::screen::{Screen, Style, plain};
use super::view::View;
use crate::api::command::{self, Difference, History, LoggedCommit};

/// List the changes, newest first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  memoryd log                        the newest 20 changes
  memoryd log -1 --json              the newest one, with all that is known of it
  memoryd log --path shared/ops      what changed in one folder
  memoryd log --phrase '14 days'     when these words came and went
  memoryd log --user alice           what changed in what alice's agent sees

The folder is an ordinary git repository: git log, git blame and all the rest work there, too.")]
pub(super) struct Log {
    /// How many; -5 is short for -n 5
    #[arg(short = 'n', long = "limit", value_name = "N", default_value_t = 20)]
    limit: usize,
    #[arg(value_name = "-N", hide = true, allow_negative_numbers = true, value_parser = newest, conflicts_with = "limit")]
    newest: Option<usize>,
    /// Only what changes this file, or something in this folder
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Only what added or removed these words, standing together
    #[arg(long, value_name = "WORDS")]
    phrase: Option<String>,
    #[command(flatten)]
    view: View,
}

/// Show what changed, line by line
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  memoryd diff                       what the newest change did
  memoryd diff HEAD~5                all that changed since the fifth last
  memoryd diff 3f2a91c..8d01b27      from one commit to another
  memoryd diff --path shared/index.md")]
pub(super) struct Diff {
    /// The older commit, or OLD..NEW; without it, what the newest change did
    #[arg(value_name = "REV")]
    range: Option<String>,
    /// Only this file, or what is in this folder
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    #[command(flatten)]
    view: View,
}

impl From<Log> for command::Log {
    fn from(log: Log) -> Self {
        Self {
            on_behalf: log.view.into(),
            path: log.path,
            phrase: log.phrase,
            limit: log.newest.unwrap_or(log.limit),
        }
    }
}

impl From<Diff> for command::Diff {
    fn from(diff: Diff) -> Self {
        let (from, to) = match diff
            .range
            .as_deref()
            .map(|range| range.split_once("..").unwrap_or((range, "")))
        {
            Some((from, to)) => (from.to_owned(), to.to_owned()),
            None => Default::default(),
        };
        let [from, to] = [from, to].map(|name| Some(name).filter(|name| !name.is_empty()));
        Self {
            on_behalf: diff.view.into(),
            path: diff.path,
            from,
            to,
        }
    }
}

pub(super) fn print_log(history: &History, screen: &mut Screen) -> io::Result<()> {
    history
        .commits
        .iter()
        .try_for_each(|commit| screen.line(&one_line(commit, screen)))
}

pub(super) fn print_diff(difference: &Difference, screen: &mut Screen) -> io::Result<()> {
    for line in difference.diff.split_inclusive('\n') {
        let (line, end) = line
            .strip_suffix('\n')
            .map_or((line, ""), |line| (line, "\n"));
        let painted = match style(line) {
            Some(style) => screen.paint(style, line),
            None => line.to_owned(),
        };
        screen.text(&(painted + end))?;
    }
    Ok(())
}

fn one_line(commit: &LoggedCommit, screen: &Screen) -> String {
    let revision = commit.revision.to_string();
    let revision = screen.paint(Style::Id, short(&revision));
    let moment = screen.paint(Style::Dim, &moment(&commit.committed_at));
    let said = commit
        .phrase
        .as_deref()
        .map_or(String::new(), |said| format!("{said}  "));
    format!(
        "{revision}  {moment}  {said}{}: {}",
        plain(&commit.author),
        screen.paint(Style::Strong, &plain(&commit.subject))
    )
}

fn style(line: &str) -> Option<Style> {
    match line.as_bytes() {
        [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] | [b'd', b'i', b'f', b'f', ..] => {
            Some(Style::Strong)
        }
        [b'@', b'@', ..] => Some(Style::Dim),
        [b'+', ..] => Some(Style::Added),
        [b'-', ..] => Some(Style::Removed),
        _ => None,
    }
}

/// `-5` as git writes it.
fn newest(text: &str) -> Result<usize, String> {
    let count = text
        .strip_prefix('-')
        .and_then(|digits| digits.parse().ok());
    count.ok_or_else(|| {
        format!("\"{text}\" is no number of changes, written as -5; a file is named with --path")
    })
}
