//! What the journal holds: commits, and the moments when the head went where people had moved the branch.

use crate::model::object::{ObjectId, Revision};

const COMMIT: u8 = 0;
const MOVED: u8 = 1;

/// One payload of the journal, read.
pub(crate) enum Journaled<'a> {
    /// A commit on the head: its record.
    Commit(&'a [u8]),
    /// The head became this commit, which git has.
    Moved(Revision),
}

/// The payload of a commit's record.
pub(crate) fn commit(record: &[u8]) -> Vec<u8> {
    [&[COMMIT], record].concat()
}

/// The payload of a head that moved.
pub(crate) fn moved(to: Revision) -> Vec<u8> {
    [&[MOVED][..], &to.0.0].concat()
}

/// Reads a payload; nothing when it is of no known kind.
pub(crate) fn read(payload: &[u8]) -> Option<Journaled<'_>> {
    match payload.split_first()? {
        (&COMMIT, record) => Some(Journaled::Commit(record)),
        (&MOVED, id) => Some(Journaled::Moved(Revision(ObjectId::from_bytes(id)?))),
        _ => None,
    }
}
