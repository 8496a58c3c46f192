//! What is done to the disk, as a value that can be shown, failed and written down.

use std::io;

/// Which of the two directories a path is relative to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Root {
    /// The folder that people edit.
    Folder,
    /// Its `.git`.
    Git,
}

/// A path below one of the roots; the empty path is the root itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place<'a>(pub Root, pub &'a str);

impl<'a> Place<'a> {
    /// The directory above.
    pub fn parent(self) -> Place<'a> {
        Place(
            self.0,
            self.1.rsplit_once('/').map_or("", |(folder, _)| folder),
        )
    }

    pub(super) fn name(self) -> &'a str {
        self.1.rsplit_once('/').map_or(self.1, |(_, name)| name)
    }
}

/// One change of the disk, about to be made.
#[derive(Debug)]
#[expect(
    missing_docs,
    reason = "each is the system call of its name, and its fields are that call's arguments"
)]
pub enum Operation<'a> {
    Create(Place<'a>),
    Write {
        file: Place<'a>,
        at: u64,
        bytes: &'a [u8],
    },
    Empty(Place<'a>),
    SyncFile(Place<'a>),
    SyncFolder(Place<'a>),
    SyncFileSystem,
    Rename {
        from: Place<'a>,
        to: Place<'a>,
    },
    RenameNew {
        from: Place<'a>,
        to: Place<'a>,
    },
    Exchange {
        one: Place<'a>,
        other: Place<'a>,
    },
    Link {
        from: Place<'a>,
        to: Place<'a>,
    },
    Remove(Place<'a>),
    MakeFolder(Place<'a>),
    RemoveFolder(Place<'a>),
}

/// What a witness says to an operation.
#[derive(Debug)]
pub enum Verdict {
    /// Make it.
    Proceed,
    /// Make none of it and fail so.
    Fail(io::Error),
    /// Write only this many bytes, then fail as a full disk does.
    Short(usize),
}

/// Sees every change of the disk before it is made.
pub trait Witness: Send + Sync {
    /// Says what becomes of it.
    fn judge(&self, operation: &Operation<'_>) -> Verdict;
}
