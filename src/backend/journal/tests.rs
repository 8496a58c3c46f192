//! The journal as its caller sees it.

mod faults;
mod power_cut;

use tempfile::TempDir;

use super::*;
use crate::backend::disk::{Operation, Verdict, Witness};

const REPOSITORY: [u8; 16] = [7; 16];

/// An empty folder with a `.git`; in memory where that can be had, since a cut is acted here and never real.
fn folder() -> TempDir {
    let folder = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap();
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    folder
}

fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn open(folder: &TempDir) -> (Journal, Replay) {
    Journal::open_with(Arc::new(Disk::open(folder.path()).unwrap()), REPOSITORY, 4 * format::BLOCK_BYTES).unwrap()
}

/// One batch of one payload of a few bytes: one block.
fn append(journal: &mut Journal, payload: &str) -> Result<u64, AppendError> {
    journal.append(&[payload.as_bytes().to_vec()])
}

fn texts(replay: &Replay) -> Vec<(u64, &str)> {
    let text = |record: &'_ Record| (record.sequence, str::from_utf8(&record.payload).unwrap().to_owned().leak() as &str);
    replay.records.iter().map(text).collect()
}
