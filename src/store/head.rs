//! The head: the newest commit, held whole in RAM, and the making of the next one.
//!
//! A [`Head`] is ahead of what is durable while a batch is being judged. When the flush succeeds it is
//! [settled](Head::settle); when it fails, it is [rolled back](Head::roll_back) to what was acknowledged last, as if the
//! batch had never been.

use std::sync::Arc;

use crate::backend::clock::Moment;
use crate::backend::git::Git;
use crate::model::error::{Doing, Fault};
use crate::model::limits::PERSON_FILE_BYTES_MAX;
use crate::model::message::Author;
use crate::model::object::{BlobId, Revision, TreeId, hash_blob, hash_commit};
use crate::model::path::RepoPath;
use crate::model::record::{self, CommitRecord, PathChange, Text, Written};
use crate::model::snapshot::{File, Seconds, Snapshot};
use crate::model::tree::{Forest, Leaf, Mode, TreePath, TreeVersion};

/// A commit's time is never before its parent's, so that `asOf` can walk back in time; unless the parent's clock was
/// ahead by more than this, in which case its lie is not passed on.
const CLOCK_SKEW_SECONDS_MAX: Seconds = 300;

const REPLAY: &str = "replay the journal";

/// Who commits, whoever wrote: people see in `git log --format=full` what went through the daemon.
const COMMITTER: &str = "memoryd <memoryd@localhost>";

/// What the next commit is to be.
pub(crate) struct Plan {
    /// Whose name it bears.
    pub(crate) author: Author,
    /// Its whole message.
    pub(crate) message: String,
    /// Tips that it joins to the head.
    pub(crate) merged: Vec<Revision>,
    /// The files it sets or removes, once each.
    pub(crate) changes: Vec<PlannedChange>,
}

/// One file of a plan.
pub(crate) struct PlannedChange {
    /// Where it lies.
    pub(crate) path: TreePath,
    /// What stands there from now on.
    pub(crate) after: Option<NewFile>,
}

/// A file that a commit puts in place.
pub(crate) struct NewFile {
    /// Its mode.
    pub(crate) mode: Mode,
    /// Its object.
    pub(crate) blob: BlobId,
    /// Its text, where the memory serves it or git does not have it yet.
    pub(crate) text: Option<Arc<str>>,
    /// Whether git has the object already, because a person committed or staged it.
    pub(crate) in_git: bool,
}

/// A commit as the journal and the pack need it.
pub(crate) struct Committed {
    /// Its number in the journal.
    pub(crate) sequence: u64,
    /// Its id.
    pub(crate) revision: Revision,
    /// Its bytes.
    pub(crate) raw: Vec<u8>,
    /// Every folder it changed, the deepest first.
    pub(crate) trees: Vec<TreeVersion>,
    /// Every text it brings that git does not have.
    pub(crate) blobs: Vec<(BlobId, Arc<str>)>,
    /// Its record in the journal.
    pub(crate) payload: Vec<u8>,
}

impl Committed {
    /// Roughly what it holds in RAM until it is in a pack.
    pub(crate) fn bytes(&self) -> usize {
        self.raw.len()
            + self.payload.len()
            + self.blobs.iter().map(|(_, text)| text.len()).sum::<usize>()
    }
}

/// A commit as the journal tells it.
pub(crate) struct Recorded {
    /// Its id.
    pub(crate) revision: Revision,
    /// The commit that it was made upon; the empty one where it was the first.
    pub(crate) parent: Revision,
    record: CommitRecord,
    payload: Vec<u8>,
}

impl Recorded {
    /// Reads a record.
    pub(crate) fn read(payload: &[u8]) -> Result<Self, Fault> {
        let record = record::decode(payload).doing("read a record of the journal")?;
        let parent = CommitHeader::read(&record.commit).and_then(|header| header.parent);
        let parent = parent.unwrap_or(Snapshot::empty().revision);
        Ok(Self {
            revision: hash_commit(&record.commit),
            parent,
            record,
            payload: payload.to_vec(),
        })
    }
}

/// The newest commit.
pub(crate) struct Head {
    snapshot: Snapshot,
    settled: Snapshot,
    forest: Forest,
}

impl Head {
    pub(crate) fn new(snapshot: Snapshot, forest: Forest) -> Self {
        Self {
            settled: snapshot.clone(),
            snapshot,
            forest,
        }
    }

    /// The memory as the commits so far leave it, durable or not.
    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    pub(crate) fn revision(&self) -> Revision {
        self.snapshot.revision
    }

    /// What stands at a path, served or not.
    pub(crate) fn leaf(&self, path: &[u8]) -> Option<Leaf> {
        self.forest.get(path)
    }

    /// Whether a file cannot stand at `path`, because another one is above it or a folder is in its place.
    pub(crate) fn is_obstructed(&self, path: &[u8]) -> bool {
        self.forest.obstacle(path).is_some()
    }

    /// Makes the next commit. Nothing is durable yet.
    pub(crate) fn commit(&mut self, plan: Plan, now: Moment, sequence: u64) -> Committed {
        let trees = self.forest.apply(&leaves(&plan.changes));
        let moment = Moment {
            seconds: self.next_second(now.seconds),
            ..now
        };
        let raw = self.encode(&plan, moment);
        let revision = hash_commit(&raw);
        let record = self.record(&raw, &plan.changes);
        let blobs = new_blobs(&plan.changes);
        self.advance(revision, moment.seconds, plan.changes);
        Committed {
            sequence,
            revision,
            raw,
            trees,
            blobs,
            payload: record::encode(&record),
        }
    }

    /// Does again what the journal recorded, unless git had it before: then nothing is given. Refuses a record that does
    /// not lead to the commit it names.
    pub(crate) fn replay(
        &mut self,
        sequence: u64,
        recorded: Recorded,
        git: &Git,
    ) -> Result<Option<Committed>, Fault> {
        let Recorded {
            revision,
            parent,
            record,
            payload,
        } = recorded;
        if parent != self.revision() && git.has(revision.0)? {
            return Ok(None);
        }
        let changes = record
            .changes
            .iter()
            .map(|change| self.replayed(change, git));
        let changes = changes.collect::<Result<Vec<_>, _>>()?;
        let trees = self.forest.apply(&leaves(&changes));
        let header = CommitHeader::read(&record.commit)
            .filter(|header| header.tree == self.forest.root() && parent == self.revision())
            .ok_or_else(|| Fault::new(REPLAY, "a record does not follow from the one before it"))?;
        let blobs = new_blobs(&changes);
        self.advance(revision, header.committed_at, changes);
        Ok(Some(Committed {
            sequence,
            revision,
            raw: record.commit,
            trees,
            blobs,
            payload,
        }))
    }

    /// Becomes a commit that people made, whatever its history; not for good before it is settled. Every commit so far must
    /// be in git.
    pub(crate) fn move_to(&mut self, target: Revision, git: &Git) -> Result<(), Fault> {
        let facts = git.known_commit(target)?;
        let differences = git.tree_differences(Some(self.forest.root()), Some(facts.tree))?;
        let touched = git.last_touched(Some(self.revision()), target, differences.len())?;
        let leaves: Vec<_> = differences
            .iter()
            .map(|change| (change.path.clone(), change.new))
            .collect();
        self.forest.apply(&leaves);
        if self.forest.root() != facts.tree {
            return Err(Fault::new(
                "follow the branch",
                "the tree in memory has come apart from git's",
            ));
        }
        for change in &differences {
            let Some(path) = served(&change.path) else {
                continue;
            };
            let (revision, updated_at) = *touched
                .get(&change.path)
                .unwrap_or(&(target, facts.committed_at));
            let text = change
                .new
                .map(|leaf| text_in_git(git, leaf.mode, BlobId(leaf.id)))
                .transpose()?
                .flatten();
            let blob = change.new.map(|leaf| BlobId(leaf.id));
            let file = text.zip(blob).map(|(text, blob)| File {
                blob,
                text: text.into(),
                revision,
                updated_at,
            });
            self.snapshot.set(&path, file.map(Arc::new));
        }
        (self.snapshot.revision, self.snapshot.committed_at) = (target, facts.committed_at);
        Ok(())
    }

    /// All commits so far are durable.
    pub(crate) fn settle(&mut self) {
        self.forest.settle();
        self.settled = self.snapshot.clone();
    }

    /// None of the commits since the last [`settle`](Self::settle) ever was.
    pub(crate) fn roll_back(&mut self) {
        self.forest.roll_back();
        self.snapshot = self.settled.clone();
    }

    fn next_second(&self, now: Seconds) -> Seconds {
        let parent = self.snapshot.committed_at;
        if parent > now + CLOCK_SKEW_SECONDS_MAX {
            now
        } else {
            now.max(parent)
        }
    }

    fn encode(&self, plan: &Plan, moment: Moment) -> Vec<u8> {
        let mut text = format!("tree {}\n", self.forest.root());
        for parent in std::iter::once(&self.revision()).chain(&plan.merged) {
            if *parent != Snapshot::empty().revision {
                text.push_str(&format!("parent {parent}\n"));
            }
        }
        let (sign, offset) = (
            if moment.offset_minutes < 0 { '-' } else { '+' },
            moment.offset_minutes.abs(),
        );
        let at = format!(
            "{} {sign}{:02}{:02}",
            moment.seconds,
            offset / 60,
            offset % 60
        );
        text.push_str(&format!(
            "author {} <{}> {at}\n",
            plan.author.name(),
            plan.author.email()
        ));
        text.push_str(&format!("committer {COMMITTER} {at}\n\n{}", plan.message));
        text.into_bytes()
    }

    /// The change as results: each text whole, or as a splice of the one before it.
    fn record(&self, raw: &[u8], changes: &[PlannedChange]) -> CommitRecord {
        let changes = changes.iter().map(|change| {
            let written = |file: &NewFile| {
                let text = match file.text.as_ref().filter(|_| !file.in_git) {
                    Some(text) => self.recorded_text(&change.path, text),
                    None => Text::InGit,
                };
                Written {
                    mode: file.mode,
                    blob: file.blob,
                    text,
                }
            };
            PathChange {
                path: change.path.clone(),
                after: change.after.as_ref().map(written),
            }
        });
        CommitRecord {
            commit: raw.to_vec(),
            changes: changes.collect(),
        }
    }

    fn recorded_text(&self, path: &[u8], new: &str) -> Text {
        match self.served_text(path) {
            Some(old) => Text::replacing(old.blob, old.text.as_bytes(), new.as_bytes().into()),
            None => Text::Whole(new.as_bytes().into()),
        }
    }

    fn replayed(&self, change: &PathChange, git: &Git) -> Result<PlannedChange, Fault> {
        let path = change.path.clone();
        let Some(file) = &change.after else {
            return Ok(PlannedChange { path, after: None });
        };
        let bytes =
            match &file.text {
                Text::Whole(bytes) => Some(bytes.to_vec()),
                Text::Splice(splice) => {
                    let base = self
                        .served_text(&path)
                        .filter(|old| old.blob == splice.base);
                    let text = base.and_then(|old| splice.apply(old.text.as_bytes()));
                    Some(text.ok_or_else(|| {
                        Fault::new(REPLAY, "a splice has lost the text it changes")
                    })?)
                }
                Text::InGit => None,
            };
        let in_git = bytes.is_none();
        let text = match bytes {
            Some(bytes) => Some(checked(bytes, file.blob)?),
            None => text_in_git(git, file.mode, file.blob)?,
        };
        let after = NewFile {
            mode: file.mode,
            blob: file.blob,
            text: text.map(Into::into),
            in_git,
        };
        Ok(PlannedChange {
            path,
            after: Some(after),
        })
    }

    fn served_text(&self, path: &[u8]) -> Option<Arc<File>> {
        self.snapshot.get(&served(path)?).cloned()
    }

    fn advance(&mut self, revision: Revision, committed_at: Seconds, changes: Vec<PlannedChange>) {
        self.snapshot.revision = revision;
        self.snapshot.committed_at = committed_at;
        for change in changes {
            let Some(path) = served(&change.path) else {
                continue;
            };
            let file = change
                .after
                .filter(|file| file.mode.is_file())
                .and_then(|file| {
                    let text = file.text.filter(|text| is_servable(text))?;
                    Some(Arc::new(File {
                        blob: file.blob,
                        text,
                        revision,
                        updated_at: committed_at,
                    }))
                });
            self.snapshot.set(&path, file);
        }
    }
}

/// A replayed text, if it is the one that was recorded.
fn checked(bytes: Vec<u8>, blob: BlobId) -> Result<String, Fault> {
    let text = String::from_utf8(bytes).doing(REPLAY)?;
    match hash_blob(text.as_bytes()) {
        Ok(id) if id == blob => Ok(text),
        _ => Err(Fault::new(
            REPLAY,
            format!("the text of {blob} is another one"),
        )),
    }
}

fn leaves(changes: &[PlannedChange]) -> Vec<(TreePath, Option<Leaf>)> {
    let leaf = |file: &NewFile| Leaf {
        mode: file.mode,
        id: file.blob.0,
    };
    changes
        .iter()
        .map(|change| (change.path.clone(), change.after.as_ref().map(leaf)))
        .collect()
}

fn new_blobs(changes: &[PlannedChange]) -> Vec<(BlobId, Arc<str>)> {
    let files = changes.iter().filter_map(|change| change.after.as_ref());
    files
        .filter(|file| !file.in_git)
        .filter_map(|file| Some((file.blob, file.text.clone()?)))
        .collect()
}

/// The text of a file that git has, where it is one that can be served.
pub(crate) fn text_in_git(git: &Git, mode: Mode, blob: BlobId) -> Result<Option<String>, Fault> {
    if !mode.is_file() {
        return Ok(None);
    }
    Ok(String::from_utf8(git.blob(blob)?)
        .ok()
        .filter(|text| is_servable(text)))
}

/// The path as one that the memory serves, if it is one.
pub(crate) fn served(path: &[u8]) -> Option<RepoPath> {
    RepoPath::parse(std::str::from_utf8(path).ok()?).ok()
}

/// Whether a text that a person committed is one the memory serves: of bearable size, without NUL.
pub(crate) fn is_servable(text: &str) -> bool {
    text.len() <= PERSON_FILE_BYTES_MAX && !text.contains('\0')
}

/// What of a raw commit proves that it follows from the state before it.
struct CommitHeader {
    tree: TreeId,
    parent: Option<Revision>,
    committed_at: Seconds,
}

impl CommitHeader {
    fn read(raw: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(raw);
        let mut lines = text.lines();
        let tree = lines.next()?.strip_prefix("tree ")?.parse().ok()?;
        let mut lines = lines.peekable();
        let parent = lines
            .peek()?
            .strip_prefix("parent ")
            .and_then(|id| id.parse().ok());
        let committer = lines.find_map(|line| line.strip_prefix("committer "))?;
        let (_, moment) = committer.rsplit_once("> ")?;
        let committed_at = moment.split(' ').next()?.parse().ok()?;
        Some(Self {
            tree,
            parent,
            committed_at,
        })
    }
}
