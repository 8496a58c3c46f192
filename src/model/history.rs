//! What history says of one commit, as lists and replies show it.

use crate::model::message::Author;
use crate::model::object::{Revision, TreeId};
use crate::model::path::RepoPath;
use crate::model::snapshot::Seconds;
use crate::model::tree::{Leaf, TreePath};

/// A commit as git holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitFacts {
    /// Its id.
    pub revision: Revision,
    /// The whole memory as it left it.
    pub tree: TreeId,
    /// The commits it follows; the first is the line the memory itself took.
    pub parents: Vec<Revision>,
    /// Who wrote it.
    pub author: Author,
    /// When it was committed.
    pub committed_at: Seconds,
    /// Its whole message.
    pub message: String,
}

/// A commit and what it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The commit itself.
    pub facts: CommitFacts,
    /// The served files that differ from its first parent, in path order.
    pub changes: Vec<(RepoPath, ChangeKind)>,
}

/// How a file differs from the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// Its text or mode is another.
    Changed,
    /// It is gone.
    Removed,
}

/// One path at which two trees differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where.
    pub path: TreePath,
    /// What stood there.
    pub old: Option<Leaf>,
    /// What stands there.
    pub new: Option<Leaf>,
}

impl Difference {
    /// How the path changed.
    pub fn kind(&self) -> ChangeKind {
        match (&self.old, &self.new) {
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
            _ => ChangeKind::Changed,
        }
    }

    /// The path as a file that a memory can serve, if it is one.
    pub fn served(&self) -> Option<RepoPath> {
        RepoPath::parse(std::str::from_utf8(&self.path).ok()?).ok()
    }
}
