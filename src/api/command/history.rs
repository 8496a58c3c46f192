//! Looking back: which commits there are, and what lies between two of them.

use serde::{Deserialize, Serialize};

use super::files::resolve;
use super::names::{Names, OnBehalf};
use crate::api::history::commits;
use crate::api::memory::Memory;
use crate::backend::clock;
use crate::model::error::{Error, Rejection};
use crate::model::history::{ChangeKind, Commit};
use crate::model::limits::LOG_COMMITS_MAX;
use crate::model::message::{Message, Trailer};
use crate::model::object::Revision;

/// Asks for commits, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Log {
    /// Whose view: commits that change nothing in it are left out.
    #[serde(flatten)]
    pub on_behalf: OnBehalf,
    /// A file or a folder; everything without one.
    pub path: Option<String>,
    /// Only commits that added or removed these words, standing together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phrase: Option<String>,
    /// How many commits.
    pub limit: usize,
}

/// The commits of a [`Log`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Each of them, newest first.
    pub commits: Vec<LoggedCommit>,
}

/// One commit of a [`History`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoggedCommit {
    /// Its id.
    pub revision: Revision,
    /// When it was made.
    pub committed_at: String,
    /// Whose name it bears.
    pub author: String,
    /// Their e-mail address.
    pub email: String,
    /// The first line of its message.
    pub subject: String,
    /// Why, where the writer said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether it `added` or `removed` the phrase that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phrase: Option<String>,
    /// The files that it changed, by the names of the view.
    pub changes: Vec<LoggedChange>,
}

/// One file of a [`LoggedCommit`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedChange {
    /// Its name.
    pub path: String,
    /// `added`, `changed` or `removed`.
    pub kind: String,
}

/// Asks what differs between two revisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diff {
    /// Whose view: other files are left out.
    #[serde(flatten)]
    pub on_behalf: OnBehalf,
    /// A file or a folder; everything without one.
    pub path: Option<String>,
    /// The older revision; without one, the one before the newest commit.
    pub from: Option<String>,
    /// The newer revision; the newest without one.
    pub to: Option<String>,
}

/// What differs between two revisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The older one; none when it is compared with an empty memory.
    pub from: Option<Revision>,
    /// The newer one.
    pub to: Revision,
    /// A unified diff, which `git apply` takes; so its paths are the repository's in every view.
    pub diff: String,
}

impl Log {
    pub(super) fn run(self, memory: &Memory) -> Result<History, Error> {
        if LOG_COMMITS_MAX < self.limit {
            let (limit, size) = (LOG_COMMITS_MAX, self.limit);
            return Err(Rejection::TooLarge {
                bound: "commits_max",
                limit,
                size,
            }
            .into());
        }
        let names = self.on_behalf.names(memory.store().layout())?;
        let places = names.places(self.path.as_deref())?;
        let commits = commits(memory, &places, self.phrase.as_deref(), (self.limit, 0))?;
        let logged = commits.into_iter().map(|(commit, said)| LoggedCommit {
            phrase: said.map(str::to_owned),
            ..logged(&names, commit)
        });
        Ok(History {
            commits: logged.collect(),
        })
    }
}

impl Diff {
    pub(super) fn run(self, memory: &Memory) -> Result<Difference, Error> {
        let store = memory.store();
        let places = self
            .on_behalf
            .names(store.layout())?
            .places(self.path.as_deref())?;
        let to = match &self.to {
            Some(name) => resolve(memory, name)?,
            None => store.snapshot().revision,
        };
        let (from, to) = match &self.from {
            Some(name) => (Some(resolve(memory, name)?), to),
            None => match store.log(&places, 1, 0)?.into_iter().next() {
                Some(commit) => (commit.facts.parents.first().copied(), commit.facts.revision),
                None => (Some(to), to),
            },
        };
        let diffs = places
            .iter()
            .map(|place| store.diff(from, to, place))
            .collect::<Result<String, _>>()?;
        Ok(Difference {
            from,
            to,
            diff: diffs,
        })
    }
}

fn logged(names: &Names, commit: Commit) -> LoggedCommit {
    let message = Message::parse(&commit.facts.message);
    let change = |(path, kind)| {
        Some(LoggedChange {
            path: names.name(&path)?,
            kind: word(kind).to_owned(),
        })
    };
    LoggedCommit {
        revision: commit.facts.revision,
        committed_at: clock::iso(commit.facts.committed_at),
        author: commit.facts.author.name().to_owned(),
        email: commit.facts.author.email().to_owned(),
        subject: message.subject().to_owned(),
        reason: message.value(Trailer::Reason).map(str::to_owned),
        phrase: None,
        changes: commit.changes.into_iter().filter_map(change).collect(),
    }
}

fn word(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Added => "added",
        ChangeKind::Changed => "changed",
        ChangeKind::Removed => "removed",
    }
}
