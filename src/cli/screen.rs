//! What a command prints on: standard output, in colour only where a person looks at it.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use serde::Serialize;
use serde_json::json;

use super::failure::{Exit, Failure};
use crate::model::path::is_hidden;

/// Standard output.
pub(super) struct Screen {
    out: BufWriter<StdoutLock<'static>>,
    is_coloured: bool,
}

/// How a piece of text stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// What other commands take: ids.
    Id,
    /// What the eye looks for.
    Strong,
    /// What it may skip.
    Dim,
    /// New lines of a diff.
    Added,
    /// Old lines of a diff.
    Removed,
}

impl Screen {
    pub(super) fn new() -> Self {
        let stdout = io::stdout().lock();
        let is_coloured = wants_colour(stdout.is_terminal());
        Self {
            out: BufWriter::new(stdout),
            is_coloured,
        }
    }

    /// Prints a line.
    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// Prints a text as it is, without a line end of its own.
    pub(super) fn text(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }

    /// Prints a value as JSON.
    pub(super) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut self.out, value)?;
        writeln!(self.out)
    }

    /// Brings out what is still buffered.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// A text that stands out, where colours are shown.
    pub(super) fn paint(&self, style: Style, text: &str) -> String {
        paint(self.is_coloured, style, text)
    }
}

impl Style {
    /// The number that the terminal knows it by (ECMA-48, "SGR").
    fn code(self) -> u8 {
        match self {
            Self::Id => 33,
            Self::Strong => 1,
            Self::Dim => 2,
            Self::Added => 32,
            Self::Removed => 31,
        }
    }
}

fn paint(is_coloured: bool, style: Style, text: &str) -> String {
    match is_coloured {
        true => format!("\x1b[{}m{text}\x1b[0m", style.code()),
        false => text.to_owned(),
    }
}

/// Says on standard error why a command failed, and gives the exit code of that.
pub(super) fn report(failure: &Failure, as_json: bool) -> Exit {
    let exit = failure.exit();
    if exit != Exit::Done {
        let mut stderr = io::stderr().lock();
        let said = match as_json {
            true => writeln!(stderr, "{}", json!({ "error": failure })),
            false => complain(failure, &mut stderr),
        };
        // There is nobody else to tell that standard error is closed.
        drop(said);
    }
    exit
}

fn complain(failure: &Failure, stderr: &mut io::StderrLock<'_>) -> io::Result<()> {
    let is_coloured = colours_stderr();
    let painted = |style, text| paint(is_coloured, style, text);
    writeln!(
        stderr,
        "{} {}",
        painted(Style::Removed, "error:"),
        failure.message
    )?;
    match &failure.hint {
        Some(hint) => writeln!(stderr, "{} {hint}", painted(Style::Strong, "hint:")),
        None => Ok(()),
    }
}

/// One line of somebody's text as a terminal may get it: names and messages are anybody's, and an escape sequence in
/// one could repaint the lines above it.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .map(|letter| {
            if is_hidden(letter) {
                char::REPLACEMENT_CHARACTER
            } else {
                letter
            }
        })
        .collect()
}

/// Whether what goes to standard error may be in colour.
pub(super) fn colours_stderr() -> bool {
    wants_colour(io::stderr().is_terminal())
}

/// Whether to colour what goes to standard output or standard error (<https://no-color.org>).
fn wants_colour(is_terminal: bool) -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    is_terminal && !is_set("NO_COLOR") && !is_dumb
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_steers_the_terminal() {
        assert_eq!(
            plain("caf\u{e9} \u{1b}[31mred\u{7}"),
            "caf\u{e9} \u{fffd}[31mred\u{fffd}"
        );
    }
}
