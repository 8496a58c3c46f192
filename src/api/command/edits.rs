//! Changing files, in the name of the person at the keyboard.

use serde::{Deserialize, Serialize};

use super::names::{Names, OnBehalf};
use crate::api::memory::Memory;
use crate::backend::clock;
use crate::model::edit::{Edit, Precondition, Provenance, Step};
use crate::model::error::{Error, Fault, Rejection};
use crate::model::limits::PERSON_FILE_BYTES_MAX;
use crate::model::object::{BlobId, Revision};
use crate::model::patch;
use crate::model::screening::Flag;
use crate::store::{Receipt, Wait};

/// What a person expects to find, and why they change it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
    /// Why, in one sentence.
    pub reason: Option<String>,
    /// What must stand there.
    pub expected: Expected,
}

/// What must stand at a path, so that nobody else's change is buried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Expected {
    /// Anything, or nothing.
    #[default]
    Anything,
    /// No file.
    NoFile,
    /// A file with this text.
    Text(BlobId),
}

/// Makes a file or replaces its whole text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are what the verb's sentence names")]
pub struct Write {
    #[serde(flatten)]
    pub on_behalf: OnBehalf,
    #[serde(flatten)]
    pub terms: Terms,
    pub path: String,
    pub text: String,
}

/// Changes lines of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are what the verb's sentence names")]
pub struct Patch {
    #[serde(flatten)]
    pub on_behalf: OnBehalf,
    #[serde(flatten)]
    pub terms: Terms,
    pub path: String,
    pub lines: PatchLines,
}

/// Which lines, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum PatchLines {
    /// Adds lines at the end, or at the end of one section.
    Append {
        /// The lines, without line ends.
        lines: Vec<String>,
        /// The heading of the section.
        after_heading: Option<String>,
    },
    /// Puts one text in the place of another, which stands there exactly once.
    Replace {
        /// The text that stands there.
        find: String,
        /// The text that is to stand there.
        replacement: String,
    },
}

/// Removes a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are what the verb's sentence names")]
pub struct Delete {
    #[serde(flatten)]
    pub on_behalf: OnBehalf,
    #[serde(flatten)]
    pub terms: Terms,
    pub path: String,
}

/// Gives a file another name, which no file has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are what the verb's sentence names")]
pub struct Rename {
    #[serde(flatten)]
    pub on_behalf: OnBehalf,
    #[serde(flatten)]
    pub terms: Terms,
    pub from: String,
    pub to: String,
}

/// What became of an edit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Edited {
    /// The file; of a rename its new name.
    pub path: String,
    /// What happened to it.
    pub outcome: EditOutcome,
    /// The id of its text now; none when it is gone.
    pub blob_id: Option<BlobId>,
    /// The commit; of an edit that changed nothing the one it was judged against.
    pub revision: Revision,
    /// When that was made.
    pub committed_at: String,
    /// Whether branch, files and git index show it already.
    pub published: bool,
    /// What was found in the text that it adds, and let in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<Flag>,
}

/// What an edit did to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the words say it")]
pub enum EditOutcome {
    Created,
    Changed,
    Unchanged,
    Deleted,
    Renamed,
}

impl Write {
    pub(super) fn run(self, memory: &Memory) -> Result<Edited, Error> {
        let names = self.on_behalf.names(memory.store().layout())?;
        let step = Step::Write {
            target: names.target(&self.path)?,
            text: self.text.into(),
        };
        edit(memory, &names, step, self.terms)
    }
}

impl Patch {
    pub(super) fn run(self, memory: &Memory) -> Result<Edited, Error> {
        let names = self.on_behalf.names(memory.store().layout())?;
        let step = Step::Patch {
            target: names.target(&self.path)?,
            patch: self.lines.into(),
        };
        edit(memory, &names, step, self.terms)
    }
}

impl Delete {
    pub(super) fn run(self, memory: &Memory) -> Result<Edited, Error> {
        let names = self.on_behalf.names(memory.store().layout())?;
        let step = Step::Delete {
            target: names.target(&self.path)?,
        };
        edit(memory, &names, step, self.terms)
    }
}

impl Rename {
    pub(super) fn run(self, memory: &Memory) -> Result<Edited, Error> {
        let names = self.on_behalf.names(memory.store().layout())?;
        let step = Step::Rename {
            target: names.target(&self.from)?,
            to: names.target(&self.to)?,
        };
        let edited = edit(memory, &names, step, self.terms)?;
        Ok(Edited {
            outcome: EditOutcome::Renamed,
            ..edited
        })
    }
}

impl From<PatchLines> for patch::Patch {
    fn from(lines: PatchLines) -> Self {
        match lines {
            PatchLines::Append {
                lines,
                after_heading,
            } => Self::AppendLines {
                lines,
                after_heading,
            },
            PatchLines::Replace { find, replacement } => Self::ReplaceLines { find, replacement },
        }
    }
}

impl From<Expected> for Precondition {
    fn from(expected: Expected) -> Self {
        match expected {
            Expected::Anything => Self::Any,
            Expected::NoFile => Self::MustNotExist,
            Expected::Text(blob) => Self::MustMatch(blob),
        }
    }
}

/// Has the store make one step, and waits until git shows it: whoever typed a command looks at the folder next.
fn edit(memory: &Memory, names: &Names, step: Step, terms: Terms) -> Result<Edited, Error> {
    let provenance = Provenance {
        author: memory.store().person(),
        actor: None,
        user: names.user().map(ToString::to_string),
        team: names.team().map(ToString::to_string),
        tool_call: None,
        run: None,
        reason: terms.reason,
        idempotency_key: None,
    };
    let steps = vec![(step, terms.expected.into())];
    let edit = Edit {
        steps,
        provenance,
        file_bytes_max: PERSON_FILE_BYTES_MAX,
        screening: memory.settings().screening,
    };
    let receipt = memory.store().write(edit, Wait::Published);
    edited(receipt.map_err(|error| in_the_words_of(terms.expected, error))?)
}

/// Who asked for a new file is told that there is one, not that it has changed.
fn in_the_words_of(expected: Expected, error: Error) -> Error {
    match (expected, error) {
        (
            Expected::NoFile,
            Error::Rejected(Rejection::PreconditionFailed {
                path,
                current: Some(blob),
            }),
        ) => Rejection::FileExists { path, blob }.into(),
        (_, error) => error,
    }
}

fn edited(receipt: Receipt) -> Result<Edited, Error> {
    let Some(step) = receipt.outcomes.into_iter().next() else {
        return Err(
            Fault::new("tell what became of the edit", "its receipt has no outcome").into(),
        );
    };
    let outcome = match (step.before, step.after) {
        (None, Some(_)) => EditOutcome::Created,
        (Some(_), None) => EditOutcome::Deleted,
        (before, after) if before == after => EditOutcome::Unchanged,
        _ => EditOutcome::Changed,
    };
    Ok(Edited {
        path: step.name,
        outcome,
        blob_id: step.after,
        revision: receipt.revision,
        committed_at: clock::iso(receipt.committed_at),
        published: receipt.published,
        flags: receipt.flags,
    })
}
