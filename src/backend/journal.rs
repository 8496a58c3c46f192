//! The journal: opaque payloads that one flush makes durable, long before git has them.
//!
//! Payloads are numbered by consecutive sequences and lie in segment files, `.git/memoryd/journal/<number>.segment`. The
//! store appends what it is about to acknowledge, and releases what git has. After a crash [`Journal::open`] gives back
//! what was appended and may not be in git yet.
//!
//! # The format
//!
//! ```text
//!  segment, whole blocks of 4096 bytes           header, numbers little-endian
//! +--------+-----------------------------+       0 "memoryd journal\n"    48 first sequence
//! | block  | header                      |      16 version = 1            56 floor
//! +--------+-----------------------------+      24 repository id          64 crc32 of 0..64
//! | blocks | batch                       |      40 salt                   68 zeros
//! +--------+-----------------------------+
//! | blocks | batch                       |      batch
//! +--------+-----------------------------+       0 salt                   24 crc32 of 0..24 and 28..28+length
//! | ...    | zeros, or what a recycled   |       8 first sequence         28 payloads: length (8 bytes), bytes; ...
//! |        | file held before            |      16 length                 .. zeros up to the block's end
//! +--------+-----------------------------+
//! ```
//!
//! The checksum is over the batch and not over each payload, because the batch is what a flush makes durable. A cut in
//! the middle of a flush keeps any of its pages and loses any other; were records checked one by one, a valid one behind
//! an invalid one would be the mark of an ordinary cut. As it is, a batch is there or it is not, and since the next one
//! is only written when this one was flushed, a valid batch behind an invalid one proves that durable bytes have changed.
//!
//! # What is assumed of the disk
//!
//! - A flush (`fdatasync`) that returned without an error made the file's bytes durable, a sync of the directory its
//!   names. Until then a write may survive in any part, sector by sector, and a rename or not.
//! - Writing a block leaves the others alone. That is why each batch starts a block: a torn or unreadable sector never
//!   takes acknowledged bytes along.
//! - A flush that failed says nothing at all: the kernel may have dropped the pages and call them clean, so that reading
//!   shows what the disk does not hold and the next flush succeeds. After a failure the segment is never written again.
//!
//! # The life of a segment
//!
//! A *spare* is a file of zeros, written and flushed, or a retired segment; it has no segment's name. Making it is slow
//! and needs no answer, so a [`Preparer`] does it ahead. It enters *service* with its first batch in it: header and batch
//! are one write and one flush, then the file is renamed to the next number and the directory synced, and only then is
//! the batch acknowledged. So a file under a segment's name has a valid header and a batch, or it was damaged. Zeroing a
//! retired segment would bring nothing: its old batches tell another salt, 64 random bits that no client ever sees.
//!
//! A segment is full, or *poisoned* by a failure, and the next takes over. Its header's *floor* is the sequence behind
//! all that was released before the last release: a pack that is lost right after it was published can be written again.
//! Segments that end below the floor are *retired*. A poisoned one is then removed and not written again. From another
//! one the name is taken away, and the directory synced, before it is written over. Only a new segment writes a floor
//! down, and each start begins one; so one enters service early, too, when many wait to be retired.
//!
//! # Why replay is right
//!
//! Replay reads segments by number. A segment supersedes what older ones say from its first sequence on; it begins with
//! the last segment whose first sequence is at most the floor of the newest one. The argument, by what may have failed:
//!
//! - *Cut during an append.* The batch does not verify and nothing lies behind it: a torn tail, never acknowledged.
//! - *Cut while a segment enters service.* Without its name it is a spare. With it, its first batch was flushed.
//! - *An append failed* (write, flush, or the sync after the rename). The batch may be there or not, but the next one gets
//!   the same first sequence and a segment of its own, which supersedes the failed batch once it is durable. Until then
//!   the failed batch can only be the last of all: a suffix that nobody was promised, and never a hole.
//! - *A failed append, then a new process.* Replay may have read the failed batch from memory that the disk does not hold,
//!   and what is appended next would stand behind a hole. Only the last batch can be so: an earlier one was flushed, or
//!   it was superseded. So the first append after [`open`](Journal::open) writes the last batch again, together with its
//!   own payloads as one batch of a new segment. Opening itself writes nothing.
//! - *Retired segments* that come back under their old names, or do not, lie before the segment replay begins with.
//! - *A segment is missing or damaged.* Sequences from the floor to the end are consecutive or [`Condition`] says where
//!   they are not, the oldest segment's loss included. Between neighbouring numbers no file can be missing: it is damage.
//! - *Removed while the daemon runs.* Each append opens the segment by its name, and after the flush looks whether the
//!   file is the one that was begun and still has a name: no acknowledgement rests on a file that replay cannot find. The
//!   segments before are looked for when a new one enters service. [`Journal::rewrite`] starts over from the store's
//!   memory.
//!
//! What no replay can tell is damage to the very last batch from a torn tail; and a newest segment that somebody removed
//! while no daemon ran leaves no trace here.

pub mod format;
mod replay;
mod shelf;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use crate::backend::disk::{Disk, Place, Root, Stat};
use crate::backend::random;
use crate::model::error::{Doing, Fault};
use crate::model::limits::RETIRED_SEGMENTS_MAX;

use self::format::Header;
pub use self::format::Record;
use self::replay::Found;
pub use self::replay::{Condition, Replay};
pub use self::shelf::Preparer;
use self::shelf::Shelf;

const FOLDER: Place<'static> = Place(Root::Git, "memoryd/journal");
const APPEND: &str = "append to the journal";
const BEGIN: &str = "begin a journal segment";

/// Why a batch was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// There is no room for a new segment. Nothing of the batch will ever be replayed; the next append tries again.
    #[error("there is no room for a journal segment")]
    Full,
    /// Somebody removed the journal. Nothing is appended until [`Journal::rewrite`] succeeded.
    #[error("the journal was removed")]
    Removed,
    /// The batch may or may not be replayed, unless a later append succeeds: then it is not.
    #[error(transparent)]
    Failed(Fault),
}

/// Payloads on their way to git.
#[derive(Debug)]
pub struct Journal {
    disk: Arc<Disk>,
    repository: [u8; 16],
    segment_bytes: usize,
    shelf: Arc<Mutex<Shelf>>,
    state: State,
    /// All that are not retired, the newest last.
    segments: VecDeque<Segment>,
    /// The newest segment while it may be written to.
    active: Option<Active>,
    /// The last batch that replay found, until it is written again.
    carried: Vec<Vec<u8>>,
    /// The highest number that a segment had or may have.
    number: u64,
    next: u64,
    released: u64,
    /// What was released before the last release.
    expendable: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Sound,
    Removed,
    /// What the last run left is not whole. Appending to it would bury the evidence.
    Unsound,
}

#[derive(Debug, Clone, Copy)]
struct Segment {
    number: u64,
    /// The last sequence in it that anybody may need.
    last: u64,
    bytes: usize,
    /// A write or flush of it failed: the disk below it is not trusted again.
    is_poisoned: bool,
}

/// What must be known of the newest segment to write to it.
#[derive(Debug, Clone, Copy)]
struct Active {
    salt: u64,
    inode: (u64, u64),
}

impl Journal {
    /// Reads all that the last run left, and changes nothing. What was replayed stays until it is released. When the
    /// replay's condition is not whole, the journal refuses to append: set it aside and open again, or stay read-only.
    /// Its own segments will be of `segment_bytes`, unless one batch alone is larger.
    pub fn open(
        disk: Arc<Disk>,
        repository: [u8; 16],
        segment_bytes: usize,
    ) -> Result<(Self, Replay), Fault> {
        let found = replay::find(&disk)?;
        let segments: VecDeque<_> = found.iter().map(Found::segment).collect();
        let (replay, end) = replay::assemble(found, repository);
        let records = &replay.records;
        let carried = records
            .iter()
            .filter(|record| record.sequence >= end.last_batch);
        let is_whole = replay.condition == Condition::Whole;
        let journal = Self {
            repository,
            segment_bytes,
            shelf: Arc::new(Mutex::new(Shelf::new(disk.clone(), segment_bytes))),
            disk,
            state: if is_whole {
                State::Sound
            } else {
                State::Unsound
            },
            number: segments.back().map_or(0, |segment| segment.number),
            segments,
            active: None,
            carried: carried.map(|record| record.payload.clone()).collect(),
            next: end.next,
            released: end.expendable,
            expendable: end.expendable,
        };
        Ok((journal, replay))
    }

    /// Makes payloads durable, all or none, and gives the sequence of the last. One write and one flush, unless a new
    /// segment has to enter service.
    pub fn append(&mut self, payloads: &[Vec<u8>]) -> Result<u64, AppendError> {
        self.check()?;
        let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        match self.active {
            _ if payloads.is_empty() => {}
            Some(active) if self.has_room(&payloads) && !self.is_crowded() => {
                self.extend(active, &payloads)?;
            }
            _ => self.begin(&payloads)?,
        }
        Ok(self.next - 1)
    }

    /// Says that git has every record up to this one; of a sequence that is not beyond the last one told, nothing new.
    /// What the release before told is expendable from now on, and its files are let go when the next segment enters
    /// service.
    pub fn release(&mut self, through: u64) {
        let through = through.min(self.next - 1);
        if through > self.released {
            self.expendable = self.released;
            self.released = through;
        }
    }

    /// Starts over after [`AppendError::Removed`], with every payload from `first_sequence` (at least 1) on that git may
    /// not have; the batch that failed may be among them and is then durable, too, when this returns.
    pub fn rewrite(
        &mut self,
        first_sequence: u64,
        payloads: &[Vec<u8>],
    ) -> Result<(), AppendError> {
        if self.state == State::Unsound {
            return self.check();
        }
        self.state = State::Removed;
        self.active = None;
        self.carried.clear();
        self.segments
            .iter_mut()
            .for_each(|segment| segment.last = 0);
        self.next = first_sequence.max(1);
        self.released = self.next - 1;
        self.expendable = self.released;
        if !payloads.is_empty() {
            self.begin(&payloads.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        }
        self.state = State::Sound;
        Ok(())
    }

    /// The sequence that the next payload gets.
    pub fn next_sequence(&self) -> u64 {
        self.next
    }

    /// What makes segments ahead of time for this journal.
    pub fn preparer(&self) -> Preparer {
        Preparer::new(self.shelf.clone())
    }

    /// Renames the journal on this disk to `unreplayed-<n>` beside it, for a person to look at, and gives the new path
    /// below `.git`. The next [`open`](Self::open) finds an empty one.
    pub fn set_aside(disk: &Disk) -> Result<String, Fault> {
        const DOING: &str = "set the journal aside";
        let mut path = String::new();
        for count in 1.. {
            path = format!("{}/unreplayed-{count}", FOLDER.parent().1);
            if disk.stat(Place(Root::Git, &path)).doing(DOING)?.is_none() {
                break;
            }
        }
        disk.rename_new(FOLDER, Place(Root::Git, &path))
            .doing(DOING)?;
        disk.sync_folder(FOLDER.parent()).doing(DOING)?;
        Ok(path)
    }

    /// Removes a journal of which git has every record: the oldest segment first, so that a crash leaves one that is whole.
    pub fn remove_published(self) -> Result<(), Fault> {
        const DOING: &str = "remove the journal";
        let mut names = self.disk.list(FOLDER).doing(DOING)?;
        names.sort_unstable();
        for name in names {
            self.disk
                .remove(Place(Root::Git, &format!("{}/{name}", FOLDER.1)))
                .doing(DOING)?;
            self.disk.sync_folder(FOLDER).doing(DOING)?;
        }
        Ok(())
    }

    fn check(&self) -> Result<(), AppendError> {
        match self.state {
            State::Sound => Ok(()),
            State::Removed => Err(AppendError::Removed),
            State::Unsound => Err(failed(APPEND, "what the last run left is not whole")),
        }
    }

    fn has_room(&self, payloads: &[&[u8]]) -> bool {
        let used = self.segments.back().map_or(0, |newest| newest.bytes);
        used + format::batch_bytes(payloads) <= self.segment_bytes
    }

    /// Whether a new segment would retire many.
    fn is_crowded(&self) -> bool {
        let expendable = |segment: &&Segment| segment.last <= self.expendable;
        self.segments.iter().filter(expendable).count() > RETIRED_SEGMENTS_MAX
    }

    /// Writes a batch behind the last one.
    fn extend(&mut self, active: Active, payloads: &[&[u8]]) -> Result<(), AppendError> {
        let Some(newest) = self.segments.back_mut() else {
            return self.removed();
        };
        let path = segment_path(newest.number);
        let opened = self
            .disk
            .open_to_write(Place(Root::Git, &path))
            .map_err(|error| failed(APPEND, error))?;
        let Some(file) = opened else {
            return self.removed();
        };
        let mut batch = Vec::with_capacity(format::batch_bytes(payloads));
        format::encode_batch(active.salt, self.next, payloads, &mut batch);
        let end = newest.bytes + batch.len();
        // Whatever fails from here on, the segment is never written again.
        (self.active, newest.is_poisoned) = (None, true);
        let flushed = file
            .write_at(&batch, newest.bytes as u64)
            .and_then(|()| file.sync())
            .and_then(|()| file.identity());
        let file = flushed.map_err(|error| failed(APPEND, error))?;
        // A file that lost its name is not found by replay, and one that took it is not the one that was begun.
        if file.links == 0 || (file.device, file.inode) != active.inode {
            return self.removed();
        }
        (self.active, newest.is_poisoned) = (Some(active), false);
        self.acknowledge(payloads, end);
        Ok(())
    }

    /// Brings a new segment into service with a batch in it.
    fn begin(&mut self, payloads: &[&[u8]]) -> Result<(), AppendError> {
        if !self.is_standing().map_err(|error| failed(BEGIN, error))? {
            return self.removed();
        }
        let salt = u64::from_le_bytes(random::bytes().map_err(AppendError::Failed)?);
        let segment = self.encode_segment(salt, payloads);
        let shelf = self.shelf.clone();
        let mut shelf = shelf::lock(&shelf);
        let stat = shelf
            .prepare()
            .and_then(|()| shelf.fill(&segment))
            .map_err(full_or_failed)?;
        // From here on it may have its name, and supersede what would be written to the segment before it. Nothing in
        // it is needed before the batch is acknowledged.
        self.active = None;
        self.number += 1;
        self.segments.push_back(Segment {
            number: self.number,
            last: 0,
            bytes: segment.len(),
            is_poisoned: false,
        });
        shelf.commission(self.number).map_err(full_or_failed)?;
        self.disk
            .sync_folder(FOLDER)
            .map_err(|error| failed(BEGIN, error))?;
        self.active = Some(Active {
            salt,
            inode: inode(&stat),
        });
        self.carried.clear();
        self.acknowledge(payloads, segment.len());
        self.retire(&mut shelf);
        Ok(())
    }

    /// The header and first batch of a new segment.
    fn encode_segment(&self, salt: u64, payloads: &[&[u8]]) -> Vec<u8> {
        let batch: Vec<&[u8]> = self
            .carried
            .iter()
            .map(Vec::as_slice)
            .chain(payloads.iter().copied())
            .collect();
        let first = self.next - self.carried.len() as u64;
        let mut segment = Vec::with_capacity(format::BLOCK_BYTES + format::batch_bytes(&batch));
        Header {
            repository: self.repository,
            salt,
            first,
            floor: self.expendable + 1,
        }
        .encode(&mut segment);
        format::encode_batch(salt, first, &batch, &mut segment);
        segment
    }

    /// Counts a batch that is durable, and with which the newest segment is filled up to `end`.
    fn acknowledge(&mut self, payloads: &[&[u8]], end: usize) {
        self.next += payloads.len() as u64;
        if let Some(newest) = self.segments.back_mut() {
            (newest.last, newest.bytes) = (self.next - 1, end);
        }
    }

    /// Lets go of the segments that replay does not need since the newest is in service.
    fn retire(&mut self, shelf: &mut Shelf) {
        let (expendable, newest, segment_bytes) =
            (self.expendable, self.number, self.segment_bytes);
        self.segments.retain(|segment| {
            let is_needed = segment.number == newest || segment.last > expendable;
            if !is_needed {
                shelf.retire(
                    segment.number,
                    segment.bytes <= segment_bytes && !segment.is_poisoned,
                );
            }
            is_needed
        });
    }

    /// Whether every segment that replay would need is where it was.
    fn is_standing(&self) -> io::Result<bool> {
        let expendable = self.expendable;
        for segment in self
            .segments
            .iter()
            .filter(|segment| segment.last > expendable)
        {
            let path = segment_path(segment.number);
            if self.disk.stat(Place(Root::Git, &path))?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn removed(&mut self) -> Result<(), AppendError> {
        self.active = None;
        self.state = State::Removed;
        Err(AppendError::Removed)
    }
}

/// Where the segment of a number lies below `.git`.
fn segment_path(number: u64) -> String {
    format!("{}/{number:020}.segment", FOLDER.1)
}

fn inode(stat: &Stat) -> (u64, u64) {
    (stat.device, stat.inode)
}

fn failed(doing: &str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> AppendError {
    AppendError::Failed(Fault::new(doing, cause))
}

fn full_or_failed(error: io::Error) -> AppendError {
    let fault = Fault::new(BEGIN, error);
    if fault.is_disk_full() {
        AppendError::Full
    } else {
        AppendError::Failed(fault)
    }
}
