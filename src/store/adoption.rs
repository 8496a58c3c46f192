//! What people saved in the folder, judged like any other wish: against the head, three-way.

use std::sync::Arc;

use crate::backend::git::{Git, Merged, merge_texts};
use crate::model::error::{Error, Fault, Rejection};
use crate::model::message::{Author, Message, Trailer};
use crate::model::object::{BlobId, Revision, hash_blob};
use crate::model::tree::{Mode, TreePath};
use crate::store::head::{Head, NewFile, Plan, PlannedChange, served, text_in_git};

/// Saves that became quiet together: one commit in one person's name.
pub(crate) struct Adoption {
    /// Who edits this folder.
    pub(crate) author: Author,
    /// What they saved.
    pub(crate) saves: Vec<Save>,
}

/// One file as a person left it.
pub(crate) struct Save {
    /// Where it lies.
    pub(crate) path: TreePath,
    /// The text that the file showed before: what the person started from.
    pub(crate) base: Option<BlobId>,
    /// What they made of it; none when they removed it.
    pub(crate) text: Option<Arc<str>>,
}

/// What became of an adoption.
pub(crate) struct Adopted {
    /// The head that has it.
    pub(crate) revision: Revision,
    /// Its number; git may not have it yet.
    pub(crate) sequence: u64,
    /// Files where a person and an agent changed the same lines: the person's text stands, the agent's is in history.
    pub(crate) conflicts: Vec<String>,
    /// Files that cannot be where the head has a folder, or below one of its files.
    pub(crate) refused: Vec<String>,
}

/// What an adoption comes to, before it is a commit.
#[derive(Default)]
pub(crate) struct Judged {
    /// The commit; none when the head has it all already.
    pub(crate) plan: Option<Plan>,
    /// Paths that conflicted.
    pub(crate) conflicts: Vec<String>,
    /// Paths that cannot be.
    pub(crate) refused: Vec<String>,
}

impl Adoption {
    /// Merges every save into the head. One that cannot be holds up no other.
    pub(crate) fn judge(self, head: &Head, git: &Git) -> Result<Judged, Error> {
        let mut judged = Judged::default();
        let mut changes = Vec::new();
        for save in self.saves {
            let path = || String::from_utf8_lossy(&save.path).into_owned();
            if save.text.is_some() && head.is_obstructed(&save.path) {
                judged.refused.push(path());
                continue;
            }
            let side = Side {
                path: &save.path,
                base: save.base,
                theirs: save.text.clone(),
            };
            let (outcome, conflicted) = side.merge(head, git)?;
            if conflicted {
                judged.conflicts.push(path());
            }
            changes.extend(outcome);
        }
        if !changes.is_empty() {
            let message = Message::new(&subject(&changes, head))
                .with(Trailer::Op, "edit")
                .render();
            judged.plan = Some(Plan {
                author: self.author,
                message,
                merged: Vec::new(),
                changes,
            });
        }
        Ok(judged)
    }
}

/// One path on which a person's side meets the head's.
pub(crate) struct Side<'a> {
    /// Where it lies.
    pub(crate) path: &'a TreePath,
    /// What both started from.
    pub(crate) base: Option<BlobId>,
    /// The person's text; none when they removed the file.
    pub(crate) theirs: Option<Arc<str>>,
}

impl Side<'_> {
    /// The change that brings the person's side into the head, if the head lacks it, and whether the two conflicted. In a
    /// conflict the person's side stands: they looked at the file, and the agent's text stays in history.
    pub(crate) fn merge(
        &self,
        head: &Head,
        git: &Git,
    ) -> Result<(Option<PlannedChange>, bool), Error> {
        let standing = head.leaf(self.path);
        let ours = standing.map(|leaf| BlobId(leaf.id));
        let theirs = match &self.theirs {
            None if ours.is_none() => return Ok((None, false)),
            None => return Ok((Some(self.change(None)), ours != self.base)),
            Some(text) => text,
        };
        if ours == Some(hash_blob(theirs.as_bytes())?) {
            return Ok((None, false));
        }
        if head.is_obstructed(self.path) {
            let path = String::from_utf8_lossy(self.path).into_owned();
            return Err(Rejection::InvalidPath {
                path,
                reason: "a file and a folder want the same name",
            }
            .into());
        }
        let mode = standing.map_or(Mode::FILE, |leaf| leaf.mode);
        let (text, conflicted) = match (ours, self.base) {
            (Some(ours), Some(base)) if ours != base => {
                let (base, ours) = (
                    text_of(head, git, self.path, base)?,
                    text_of(head, git, self.path, ours)?,
                );
                match merge_texts(&base, &ours, theirs)? {
                    Merged::Clean(text) if *text == *ours => return Ok((None, false)),
                    Merged::Clean(text) => (text.into(), false),
                    Merged::Conflict => (theirs.clone(), true),
                }
            }
            (Some(_), None) => (theirs.clone(), true),
            _ => (theirs.clone(), false),
        };
        let blob = hash_blob(text.as_bytes())?;
        Ok((
            Some(self.change(Some(NewFile {
                mode,
                blob,
                text: Some(text),
                in_git: false,
            }))),
            conflicted,
        ))
    }

    fn change(&self, after: Option<NewFile>) -> PlannedChange {
        PlannedChange {
            path: self.path.clone(),
            after,
        }
    }
}

/// A text that is in the head, or in git.
fn text_of(head: &Head, git: &Git, path: &[u8], blob: BlobId) -> Result<Arc<str>, Fault> {
    let standing = served(path).and_then(|path| head.snapshot().get(&path).cloned());
    if let Some(file) = standing.filter(|file| file.blob == blob) {
        return Ok(file.text.clone());
    }
    Ok(text_in_git(git, Mode::FILE, blob)?
        .unwrap_or_default()
        .into())
}

/// What a person would have written: which file, or how many.
fn subject(changes: &[PlannedChange], head: &Head) -> String {
    let verb = |change: &PlannedChange| match (&change.after, head.leaf(&change.path)) {
        (None, _) => "Remove",
        (Some(_), None) => "Add",
        (Some(_), Some(_)) => "Edit",
    };
    match changes {
        [change] => format!("{} {}", verb(change), String::from_utf8_lossy(&change.path)),
        changes => {
            let first = verb(&changes[0]);
            let same = changes.iter().all(|change| verb(change) == first);
            format!(
                "{} {} files",
                if same { first } else { "Edit" },
                changes.len()
            )
        }
    }
}
