//! A wish to change files, and the pure judgement that makes it a fact.
//!
//! An [`Edit`] says what a caller wants; [`Edit::apply`] judges it against one snapshot and gives the [`Change`]: the
//! new texts, or a [`Rejection`] and no change at all. An edit of several steps is all or nothing, each step judged
//! against what the one before it left.
//!
//! The judgement also looks at what the new texts add, as [`Screening`] says.

use std::sync::Arc;

use crate::model::error::Rejection;
use crate::model::message::{Author, Message, Trailer};
use crate::model::object::{BlobId, hash_blob};
use crate::model::patch::Patch;
use crate::model::path::RepoPath;
use crate::model::screening::{Flag, Screening, in_one_line};
use crate::model::snapshot::{File, Snapshot};

/// What a writer expects to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// Anything, or nothing.
    Any,
    /// No file.
    MustNotExist,
    /// A file with this text.
    MustMatch(BlobId),
}

/// A file, as the repository names it and as the caller does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where it lies.
    pub path: RepoPath,
    /// The caller's own name for it; the only one that answers to the caller may hold.
    pub name: String,
}

/// One step of an edit.
#[derive(Debug, Clone)]
pub enum Step {
    /// Makes a file or replaces its whole text.
    Write {
        /// Which file.
        target: Target,
        /// Its new text.
        text: Arc<str>,
    },
    /// Changes lines of a file.
    Patch {
        /// Which file.
        target: Target,
        /// Which lines, and how.
        patch: Patch,
    },
    /// Removes a file.
    Delete {
        /// Which file.
        target: Target,
    },
    /// Gives a file another name; refused where a file stands already.
    Rename {
        /// Which file.
        target: Target,
        /// Its new name.
        to: Target,
    },
}

impl Step {
    /// The file that the step is about; of a rename the one it takes.
    pub fn target(&self) -> &Target {
        match self {
            Self::Write { target, .. }
            | Self::Patch { target, .. }
            | Self::Delete { target }
            | Self::Rename { target, .. } => target,
        }
    }

    /// Every path that the step reads or changes.
    pub fn paths(&self) -> impl Iterator<Item = &RepoPath> {
        let to = match self {
            Self::Rename { to, .. } => Some(&to.path),
            _ => None,
        };
        [&self.target().path].into_iter().chain(to)
    }

    fn verb(&self) -> &'static str {
        match self {
            Self::Write { .. } => "Write",
            Self::Patch { .. } => "Patch",
            Self::Delete { .. } => "Delete",
            Self::Rename { .. } => "Rename",
        }
    }
}

/// Who wishes it, and why: what the commit will say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// Whose name the commit bears.
    pub author: Author,
    /// The actor as the caller named it.
    pub actor: Option<String>,
    /// The user on whose behalf it happens.
    pub user: Option<String>,
    /// The team on whose behalf it happens.
    pub team: Option<String>,
    /// The model's tool call.
    pub tool_call: Option<String>,
    /// The evaluation run.
    pub run: Option<String>,
    /// Why, in the writer's words.
    pub reason: Option<String>,
    /// A request that bears the same key again is answered with the first one's receipt.
    pub idempotency_key: Option<String>,
}

impl Provenance {
    /// Of somebody who says nothing else.
    pub fn by(author: Author) -> Self {
        Self {
            author,
            actor: None,
            user: None,
            team: None,
            tool_call: None,
            run: None,
            reason: None,
            idempotency_key: None,
        }
    }
}

/// A wish to change files, not judged yet.
#[derive(Debug, Clone)]
pub struct Edit {
    /// What to do, in order, each with what the caller expects to find.
    pub steps: Vec<(Step, Precondition)>,
    /// Who wishes it.
    pub provenance: Provenance,
    /// The largest text this caller may leave behind, in bytes.
    pub file_bytes_max: usize,
    /// What the texts are looked through for.
    pub screening: Screening,
}

/// What became of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The caller's name for the file; of a rename the new one.
    pub name: String,
    /// The text before, where there was a file.
    pub before: Option<BlobId>,
    /// The text now, where there is a file.
    pub after: Option<BlobId>,
}

impl Outcome {
    /// Whether the step changed anything.
    pub fn changed(&self) -> bool {
        self.before != self.after
    }
}

/// One file's new text.
#[derive(Debug, Clone)]
pub struct FileChange {
    /// Where it lies.
    pub path: RepoPath,
    /// Its text and the text's id; none when the file is gone.
    pub after: Option<(BlobId, Arc<str>)>,
}

/// A judged edit: what will be committed.
#[derive(Debug, Clone)]
pub struct Change {
    /// Every file that differs, once each. Empty when the edit changes nothing.
    pub files: Vec<FileChange>,
    /// One for each step, in order.
    pub outcomes: Vec<Outcome>,
    /// What was found in the texts that it adds, and let in.
    pub flags: Vec<Flag>,
}

impl Edit {
    /// Every path that the edit reads or changes.
    pub fn paths(&self) -> impl Iterator<Item = &RepoPath> {
        self.steps.iter().flat_map(|(step, _)| step.paths())
    }

    /// What the commit says: a line as a person would write it, who did what on whose behalf, and what was found in it.
    pub fn message(&self, flags: &[Flag]) -> Message {
        let told = &self.provenance;
        let trailers = [
            (Trailer::Op, Some(&self.operation())),
            (Trailer::Actor, told.actor.as_ref()),
            (Trailer::User, told.user.as_ref()),
            (Trailer::Team, told.team.as_ref()),
            (Trailer::ToolCall, told.tool_call.as_ref()),
            (Trailer::Run, told.run.as_ref()),
            (Trailer::Reason, told.reason.as_ref()),
            (Trailer::Flags, Some(&in_one_line(flags))),
            (Trailer::IdempotencyKey, told.idempotency_key.as_ref()),
        ];
        let trailers = trailers
            .into_iter()
            .filter_map(|(trailer, value)| Some((trailer, value?)));
        trailers.fold(
            Message::new(&self.subject()),
            |message, (trailer, value)| message.with(trailer, value),
        )
    }

    fn subject(&self) -> String {
        let what = match self.steps.as_slice() {
            [(Step::Rename { target, to }, _)] => format!("Rename {} to {}", target.path, to.path),
            [(step, _)] => format!("{} {}", step.verb(), step.target().path),
            steps => format!("Change {} files", steps.len()),
        };
        match &self.provenance.reason {
            Some(reason) => format!("{what}: {reason}"),
            None => what,
        }
    }

    fn operation(&self) -> String {
        match self.steps.as_slice() {
            [(step, _)] => step.verb().to_lowercase(),
            _ => "change".to_owned(),
        }
    }

    /// Judges the edit against one revision. Refuses it whole when a step cannot be done there.
    pub fn apply(&self, at: &Snapshot) -> Result<Change, Rejection> {
        self.screen_words()?;
        let mut judge = Judge {
            now: at.clone(),
            limit: self.file_bytes_max,
            screening: self.screening,
            flags: Vec::new(),
            touched: Vec::new(),
        };
        let outcomes = self
            .steps
            .iter()
            .map(|(step, precondition)| judge.step(step, *precondition))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Change {
            flags: std::mem::take(&mut judge.flags),
            files: judge.differences(at),
            outcomes,
        })
    }

    /// A secret is as public in a commit's message, or in a file's name, as in a file.
    fn screen_words(&self) -> Result<(), Rejection> {
        let told = &self.provenance;
        let words = [
            ("in its reason", &told.reason),
            ("in its actor", &told.actor),
            ("in its tool call id", &told.tool_call),
            ("in its run id", &told.run),
        ];
        let words = words
            .into_iter()
            .filter_map(|(place, word)| Some((place, word.as_deref()?)));
        let names = self.steps.iter().flat_map(|(step, _)| step.paths());
        let names = names.map(|path| ("in a file's name", path.as_str()));
        let mut words = words.chain(names);
        let refused = words.find_map(|(place, word)| {
            Some((place.to_owned(), self.screening.refused_secret(word)?))
        });
        match refused {
            Some((place, flag)) => Err(Rejection::ContentRefused { flag, place }),
            None => Ok(()),
        }
    }
}

/// The memory as the steps so far would leave it.
struct Judge {
    now: Snapshot,
    limit: usize,
    screening: Screening,
    flags: Vec<Flag>,
    touched: Vec<RepoPath>,
}

impl Judge {
    fn step(&mut self, step: &Step, precondition: Precondition) -> Result<Outcome, Rejection> {
        let target = step.target();
        let before = self.now.get(&target.path).cloned();
        check(precondition, target, before.as_deref())?;
        let blob = before.as_ref().map(|file| file.blob);
        let outcome = |after| Outcome {
            name: target.name.clone(),
            before: blob,
            after,
        };
        match step {
            Step::Write { text, .. } => Ok(outcome(Some(self.write(target, text.clone())?))),
            Step::Patch { patch, .. } => {
                let file = before.as_ref().ok_or_else(|| not_found(target))?;
                let Some(text) = patch.apply(&file.text)? else {
                    return Ok(outcome(blob));
                };
                Ok(outcome(Some(self.write(target, text.into())?)))
            }
            Step::Delete { .. } => {
                before.ok_or_else(|| not_found(target))?;
                self.set(&target.path, None);
                Ok(outcome(None))
            }
            Step::Rename { to, .. } => self.rename(target, to, before),
        }
    }

    fn rename(
        &mut self,
        from: &Target,
        to: &Target,
        before: Option<Arc<File>>,
    ) -> Result<Outcome, Rejection> {
        let file = before.ok_or_else(|| not_found(from))?;
        if let Some(standing) = self.now.get(&to.path) {
            return Err(Rejection::FileExists {
                path: to.name.clone(),
                blob: standing.blob,
            });
        }
        self.set(&from.path, None);
        let blob = self.put(to, file.text.clone())?;
        Ok(Outcome {
            name: to.name.clone(),
            before: None,
            after: Some(blob),
        })
    }

    /// A new text. One that only gets another name is not looked through.
    fn write(&mut self, target: &Target, text: Arc<str>) -> Result<BlobId, Rejection> {
        let before = self.now.get(&target.path).cloned();
        let blob = self.put(target, text.clone())?;
        let before = before.as_ref().map(|file| &*file.text);
        match self.screening.added(before, &text) {
            Ok(flags) => self.flags.extend(flags),
            Err(flag) => {
                let place = format!("on line {}", flag.line);
                return Err(Rejection::ContentRefused { flag, place });
            }
        }
        Ok(blob)
    }

    fn put(&mut self, target: &Target, text: Arc<str>) -> Result<BlobId, Rejection> {
        if text.len() > self.limit {
            let (limit, size) = (self.limit, text.len());
            return Err(Rejection::TooLarge {
                bound: "file_bytes_max",
                limit,
                size,
            });
        }
        if text.contains('\0') {
            return Err(Rejection::validation("The text contains a NUL character"));
        }
        let standing = self.now.get(&target.path);
        if standing.is_none()
            && let Some(other) = self.now.collision(&target.path)
        {
            let (path, other) = (target.name.clone(), other.to_owned());
            return Err(Rejection::NameCollision { path, other });
        }
        let blob = hash_blob(text.as_bytes())?;
        if standing.is_none_or(|file| file.blob != blob) {
            let (revision, updated_at) = (self.now.revision, self.now.committed_at);
            self.set(
                &target.path,
                Some(Arc::new(File {
                    blob,
                    text,
                    revision,
                    updated_at,
                })),
            );
        }
        Ok(blob)
    }

    fn set(&mut self, path: &RepoPath, file: Option<Arc<File>>) {
        self.now.set(path, file);
        if !self.touched.contains(path) {
            self.touched.push(path.clone());
        }
    }

    fn differences(self, before: &Snapshot) -> Vec<FileChange> {
        let now = self.now;
        let differs = |path: &RepoPath| {
            before.get(path).map(|file| file.blob) != now.get(path).map(|file| file.blob)
        };
        let after = |path: &RepoPath| now.get(path).map(|file| (file.blob, file.text.clone()));
        let touched = self.touched.into_iter().filter(differs);
        touched
            .map(|path| FileChange {
                after: after(&path),
                path,
            })
            .collect()
    }
}

fn check(
    precondition: Precondition,
    target: &Target,
    standing: Option<&File>,
) -> Result<(), Rejection> {
    let path = target.name.clone();
    let current = standing.map(|file| file.blob);
    match precondition {
        Precondition::Any => Ok(()),
        Precondition::MustNotExist if current.is_none() => Ok(()),
        Precondition::MustMatch(blob) if current == Some(blob) => Ok(()),
        Precondition::MustNotExist | Precondition::MustMatch(_) => {
            Err(Rejection::PreconditionFailed { path, current })
        }
    }
}

fn not_found(target: &Target) -> Rejection {
    Rejection::FileNotFound {
        path: target.name.clone(),
    }
}
