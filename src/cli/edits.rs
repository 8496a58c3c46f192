//! `write`, `patch`, `delete` and `rename`.

use std::io::{self, IsTerminal, Read};

use clap::Args;

use super::failure::Failure;
use super::screen::{Screen, Style, plain};
use super::view::View;
use crate::api::command::{self, EditOutcome, Edited, Expected, PatchLines};
use crate::model::error::Rejection;
use crate::model::limits::PERSON_FILE_BYTES_MAX;
use crate::model::object::BlobId;

/// Make a file, or replace its whole text
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  memoryd write user/profile.md 'Lives in Pune.' --user alice
  memoryd write shared/ops/refunds.md < refunds.md --reason 'agreed with support'")]
pub(super) struct Write {
    /// Which file
    path: String,
    /// The text; without it, or with -, it is read from standard input
    #[arg(allow_hyphen_values = true)]
    text: Option<String>,
    #[command(flatten)]
    terms: Terms,
    /// Only if there is no such file yet
    #[arg(long, conflicts_with = "if_match")]
    new: bool,
    #[command(flatten)]
    view: View,
}

/// Add lines to a file, or replace a piece of it
///
/// Lines that the file has already are not added again. The text to replace must stand in the file exactly once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  memoryd patch user/profile.md --append '- Prefers e-mail' --user alice
  memoryd patch user/profile.md --append '- Pune' --after '## Cities' --user alice
  memoryd patch shared/index.md --replace 'Mumbai' --with 'Thane'
  echo '- Prefers e-mail' | memoryd patch user/profile.md --user alice")]
pub(super) struct Patch {
    /// Which file
    path: String,
    /// Add this line at the end; may be given several times. Without it and --replace, lines come from standard input
    #[arg(long, value_name = "LINE", allow_hyphen_values = true)]
    append: Vec<String>,
    /// Add the lines at the end of the section with this heading, written as in the file: '## Cities'
    #[arg(long, value_name = "HEADING", conflicts_with = "replace")]
    after: Option<String>,
    /// Replace this text
    #[arg(
        long,
        value_name = "OLD",
        allow_hyphen_values = true,
        requires = "with",
        conflicts_with = "append"
    )]
    replace: Option<String>,
    /// The text to put in its place
    #[arg(
        long,
        value_name = "NEW",
        allow_hyphen_values = true,
        requires = "replace"
    )]
    with: Option<String>,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    view: View,
}

/// Delete a file; its text stays in the history
#[derive(Debug, Args)]
pub(super) struct Delete {
    /// Which file
    path: String,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    view: View,
}

/// Give a file another name
#[derive(Debug, Args)]
pub(super) struct Rename {
    /// Its name
    from: String,
    /// Its new name, which no file has
    to: String,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    view: View,
}

/// The flags of every verb that changes a file.
#[derive(Debug, Args)]
struct Terms {
    /// Why, for the history
    #[arg(long, value_name = "SENTENCE")]
    reason: Option<String>,
    /// Only if the file still has the text with this blob id (list --json tells it)
    #[arg(long, value_name = "BLOB")]
    if_match: Option<BlobId>,
}

impl Write {
    pub(super) fn command(self) -> Result<command::Write, Failure> {
        let text = match self.text {
            Some(text) if text != "-" => with_newline(text),
            _ => standard_input("the text")?,
        };
        let terms = command::Terms::from(self.terms);
        let expected = if self.new {
            Expected::NoFile
        } else {
            terms.expected
        };
        let terms = command::Terms { expected, ..terms };
        Ok(command::Write {
            on_behalf: self.view.into(),
            terms,
            path: self.path,
            text,
        })
    }
}

impl Patch {
    pub(super) fn command(self) -> Result<command::Patch, Failure> {
        let after_heading = self.after;
        let lines = match (self.replace, self.with) {
            (Some(find), Some(replacement)) => PatchLines::Replace { find, replacement },
            _ if !self.append.is_empty() => PatchLines::Append {
                lines: self.append,
                after_heading,
            },
            _ => {
                let lines = standard_input("the lines to add")?
                    .lines()
                    .map(str::to_owned)
                    .collect();
                PatchLines::Append {
                    lines,
                    after_heading,
                }
            }
        };
        let terms = self.terms.into();
        Ok(command::Patch {
            on_behalf: self.view.into(),
            terms,
            path: self.path,
            lines,
        })
    }
}

impl From<Delete> for command::Delete {
    fn from(delete: Delete) -> Self {
        Self {
            on_behalf: delete.view.into(),
            terms: delete.terms.into(),
            path: delete.path,
        }
    }
}

impl From<Rename> for command::Rename {
    fn from(rename: Rename) -> Self {
        let (from, to) = (rename.from, rename.to);
        Self {
            on_behalf: rename.view.into(),
            terms: rename.terms.into(),
            from,
            to,
        }
    }
}

impl From<Terms> for command::Terms {
    fn from(terms: Terms) -> Self {
        Self {
            reason: terms.reason,
            expected: terms.if_match.map_or(Expected::Anything, Expected::Text),
        }
    }
}

pub(super) fn print(edited: &Edited, screen: &mut Screen) -> io::Result<()> {
    let path = plain(&edited.path);
    if edited.outcome == EditOutcome::Unchanged {
        return screen.line(&format!("unchanged {path}"));
    }
    let verb = match edited.outcome {
        EditOutcome::Created => "created",
        EditOutcome::Changed => "changed",
        EditOutcome::Deleted => "deleted",
        EditOutcome::Renamed => "renamed to",
        EditOutcome::Unchanged => "unchanged",
    };
    let revision = screen.paint(Style::Id, short(&edited.revision.to_string()));
    screen.line(&format!("{verb} {path}  {revision}"))?;
    for flag in &edited.flags {
        let what = screen.paint(Style::Strong, flag.kind.noun());
        screen.line(&format!(
            "note: line {} adds {what} ({})",
            flag.line,
            plain(&flag.what)
        ))?;
    }
    match edited.published {
        true => Ok(()),
        false => screen
            .line("it is safe, but not in the folder yet; memoryd status says what it waits for"),
    }
}

/// As much of a commit's id as git shows.
pub(super) fn short(id: &str) -> &str {
    id.get(..7).unwrap_or(id)
}

/// A text file ends with a newline, which nobody types into a shell's quotes.
fn with_newline(text: String) -> String {
    if text.is_empty() || text.ends_with('\n') {
        text
    } else {
        text + "\n"
    }
}

fn standard_input(what: &str) -> Result<String, Failure> {
    let stdin = io::stdin().lock();
    if stdin.is_terminal() {
        let failure = Failure::usage(format!("{what} is missing"));
        return Err(failure.hint("give it on the command line, or on standard input"));
    }
    let mut bytes = Vec::new();
    let limit = PERSON_FILE_BYTES_MAX;
    stdin
        .take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::usage(format!("could not read {what}: {error}")))?;
    if limit < bytes.len() {
        return Err(Rejection::TooLarge {
            bound: "person_file_bytes_max",
            limit,
            size: bytes.len(),
        }
        .into());
    }
    String::from_utf8(bytes).map_err(|_| Failure::refused(format!("{what} is not UTF-8")))
}
