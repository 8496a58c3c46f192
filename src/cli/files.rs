//! `list` and `read`.

use std::io;

use clap::Args;

use super::screen::{Screen, Style, plain};
use super::view::View;
use crate::api::command::{self, Listing};

/// List the files
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  memoryd list                       every file, by its path in the folder
  memoryd list shared/ops            those in one folder
  memoryd list --user alice          what alice's agent sees")]
pub(super) struct List {
    /// Only what is in this folder, or this file
    prefix: Option<String>,
    #[command(flatten)]
    view: View,
}

/// Print a file
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  memoryd read shared/index.md
  memoryd read user/profile.md --user alice
  memoryd read shared/index.md --revision HEAD~2")]
pub(super) struct Read {
    /// Which file
    path: String,
    /// As it was at this commit: an id, the first digits of one, or HEAD~2
    #[arg(long, value_name = "REV")]
    revision: Option<String>,
    #[command(flatten)]
    view: View,
}

impl From<List> for command::List {
    fn from(list: List) -> Self {
        Self {
            on_behalf: list.view.into(),
            prefix: list.prefix,
        }
    }
}

impl From<Read> for command::Read {
    fn from(read: Read) -> Self {
        Self {
            on_behalf: read.view.into(),
            path: read.path,
            revision: read.revision,
        }
    }
}

/// One file a line, the path last, so that it can be cut off by a script.
pub(super) fn print_listing(listing: &Listing, screen: &mut Screen) -> io::Result<()> {
    let width = listing
        .files
        .iter()
        .map(|file| file.bytes.to_string().len())
        .max()
        .unwrap_or_default();
    for file in &listing.files {
        let size = format!("{:>width$}", file.bytes);
        let about = screen.paint(Style::Dim, &format!("{size}  {}", moment(&file.updated_at)));
        screen.line(&format!("{about}  {}", plain(&file.path)))?;
    }
    Ok(())
}

/// A moment as people read it: `2026-06-12T14:03:05.000Z` to the minute.
pub(super) fn moment(iso: &str) -> String {
    let minute = iso.get(..16).unwrap_or(iso);
    format!("{}Z", minute.replace('T', " "))
}
