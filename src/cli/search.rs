//! `search`.

use std::io;

use clap::Args;

use super::screen::{Screen, Style, plain};
use super::view::View;
use crate::api::command::{self, Found, FoundPassage};
use crate::api::finding::Find;

/// Find passages that answer a question, best first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  memoryd search what is the budget
  memoryd search 'refund -draft \"within 14 days\"' --user alice
  memoryd search price --prefix shared --tag money --since 2026-01-01
  memoryd search price --as-of 2026-03-31        what the memory said then

Words are found in any form and language, and with one slip of the hand.
Inside the question, \"quoted words\" must stand together, -word must not be
there, and path:notes and tag:money narrow it down.")]
pub(super) struct Search {
    /// The question, in plain words
    #[arg(required = true, value_name = "QUESTION")]
    words: Vec<String>,
    /// How many
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=100))]
    limit: Option<u8>,
    /// Only in this folder, or this file
    #[arg(long, value_name = "PATH")]
    prefix: Option<String>,
    /// Only files with this tag in their front matter
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Only files that somebody of this name changed last
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
    /// Only files that changed on this day or later
    #[arg(long, value_name = "DAY")]
    since: Option<String>,
    /// What the memory said at the end of this day
    #[arg(long, value_name = "DAY")]
    as_of: Option<String>,
    /// Say what each word added to the rank
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    view: View,
}

impl From<Search> for command::Search {
    fn from(search: Search) -> Self {
        Self {
            on_behalf: search.view.into(),
            prefix: search.prefix,
            find: Find {
                question: search.words.join(" "),
                limit: search.limit.map(usize::from),
                max_chars: None,
                tag: search.tag,
                author: search.author,
                since: search.since,
                as_of: search.as_of,
                explain: search.explain,
            },
        }
    }
}

/// Each passage with where it stands, and what it says below.
pub(super) fn print(found: &Found, screen: &mut Screen) -> io::Result<()> {
    if found.results.is_empty() {
        return screen.line("Nothing was found.");
    }
    for passage in &found.results {
        screen.line(&headline(passage, screen))?;
        screen.line(&format!("    {}", marked(&plain(&passage.snippet), screen)))?;
        if let Some(explain) = &passage.explain {
            screen.line(&format!(
                "    {}",
                screen.paint(Style::Dim, &explain.to_string())
            ))?;
        }
    }
    Ok(())
}

fn headline(passage: &FoundPassage, screen: &Screen) -> String {
    let line = passage.lines.map_or(1, |(first, _)| first);
    let place = screen.paint(Style::Id, &format!("{}:{line}", plain(&passage.path)));
    let heading = match passage.heading.is_empty() {
        true => String::new(),
        false => format!("  {}", plain(&passage.heading)),
    };
    let stale = match passage.stale {
        Some(true) => "  (stale)",
        _ => "",
    };
    format!("{place}{heading}{stale}")
}

/// The marks of a snippet as the terminal shows what stands out.
fn marked(snippet: &str, screen: &Screen) -> String {
    let mut shown = String::new();
    for (index, piece) in snippet.split("<b>").enumerate() {
        match piece.split_once("</b>").filter(|_| index > 0) {
            Some((word, rest)) => shown.push_str(&(screen.paint(Style::Strong, word) + rest)),
            None => shown.push_str(piece),
        }
    }
    shown
}
