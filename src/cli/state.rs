//! `status`, `check`, `hold` and `release`.

use std::io;

use clap::Args;

use super::edits::short;
use super::remote::Daemon;
use super::screen::{Screen, Style, plain};
use super::view::View;
use crate::api::command::{self, Checked, Holding};
use crate::store;

/// Tell how the memory is: what is served, what waits, what needs a person
#[derive(Debug, Args)]
pub(super) struct Status {}

/// Look for mistakes: dead links, files that nobody sees, names that collide, files over their bounds
///
/// The exit code is 1 when something is found.
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    view: View,
}

/// Leave branch, files and git index alone for a while, so that you can work with git in peace
///
/// Agents go on reading and writing meanwhile; what they write appears in the folder afterwards.
#[derive(Debug, Args)]
pub(super) struct Hold {
    /// For how long at most
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=10))]
    minutes: u64,
}

/// End a hold
#[derive(Debug, Args)]
pub(super) struct Release {}

impl From<Status> for command::Status {
    fn from(Status {}: Status) -> Self {
        Self {}
    }
}

impl From<Check> for command::Check {
    fn from(check: Check) -> Self {
        Self {
            on_behalf: check.view.into(),
        }
    }
}

impl From<Hold> for command::Hold {
    fn from(hold: Hold) -> Self {
        Self {
            seconds: hold.minutes * 60,
        }
    }
}

impl From<Release> for command::Release {
    fn from(Release {}: Release) -> Self {
        Self {}
    }
}

pub(super) fn print_status(
    status: &store::Status,
    daemon: Option<&Daemon>,
    screen: &mut Screen,
) -> io::Result<()> {
    let head = status.head.to_string();
    let folder = screen.paint(Style::Strong, &plain(&status.folder));
    screen.line(&format!(
        "{folder}  (git, branch {})",
        plain(&status.branch)
    ))?;
    screen.line(&match daemon {
        Some(daemon) => format!(
            "served at http://{} by process {}",
            daemon.address, daemon.pid
        ),
        None => "served by nobody at the moment".to_owned(),
    })?;
    let revision = screen.paint(Style::Id, short(&head));
    screen.line(&format!(
        "{}, {} at {revision}",
        count(status.files, "file"),
        count(status.users, "user")
    ))?;
    screen.line(&match &status.paused {
        Some(reason) => format!("branch and files stay behind for now: {}", plain(reason)),
        None if status.shown == status.head => "branch and files show everything".to_owned(),
        None => "branch and files follow in a moment".to_owned(),
    })?;
    let waiting = [
        (status.waiting, "write in the queue"),
        (status.unpublished_commits, "commit not in a pack yet"),
    ];
    for (number, what) in waiting.into_iter().filter(|(number, _)| 0 < *number) {
        screen.line(&format!("{number} x {what}"))?;
    }
    if let Some(reason) = &status.read_only {
        screen.line(&screen.paint(
            Style::Removed,
            &format!("no writes are taken: {}", plain(reason)),
        ))?;
    }
    status
        .notices
        .iter()
        .try_for_each(|notice| screen.line(&format!("note: {}", plain(notice))))
}

/// As compilers print it, so that editors can jump there.
pub(super) fn print_check(checked: &Checked, screen: &mut Screen) -> io::Result<()> {
    for found in &checked.findings {
        let line = found.line.map_or(String::new(), |line| format!(":{line}"));
        let place = screen.paint(Style::Strong, &format!("{}{line}", plain(&found.path)));
        screen.line(&format!("{place}: {}", plain(&found.message)))?;
    }
    let (files, findings) = (count(checked.files, "file"), checked.findings.len());
    match findings {
        0 => screen.line(&format!("{files}, nothing found")),
        _ => screen.line(&format!("{files}, {}", count(findings, "finding"))),
    }
}

pub(super) fn print_holding(holding: &Holding, screen: &mut Screen) -> io::Result<()> {
    screen.line(&match holding.seconds {
        Some(seconds) => format!(
            "holding still for {}; memoryd release ends it",
            count(to_minutes(seconds), "minute")
        ),
        None => "released".to_owned(),
    })
}

fn to_minutes(seconds: u64) -> usize {
    usize::try_from(seconds.div_ceil(60)).unwrap_or(usize::MAX)
}

/// `1 file`, `2 files`.
pub(super) fn count(number: usize, what: &str) -> String {
    if number == 1 {
        format!("1 {what}")
    } else {
        format!("{number} {what}s")
    }
}
