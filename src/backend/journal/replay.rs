//! Reading what the last run left: which segments there are, and which records they amount to.

use std::fmt;

use crate::backend::disk::{Disk, Place, Root};
use crate::model::error::{Doing, Fault};

use super::format::{self, Record, Unreadable};
use super::{FOLDER, segment_path};

/// What the last run left.
#[derive(Debug)]
pub struct Replay {
    /// The records by consecutive sequences, up to the first that is missing or damaged. The earliest may be in git
    /// already, and the last batch may be one that was never acknowledged.
    pub records: Vec<Record>,
    /// Whether that is all.
    pub condition: Condition,
}

/// Whether a journal holds all that was acknowledged and is not expendable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// It does. It may end in a batch that a cut tore: that was never acknowledged.
    Whole,
    /// Bytes that were durable have changed: a batch that verifies lies behind one that does not.
    Corrupt {
        /// The segment's path below `.git`.
        segment: String,
        /// Where in it the first batch lies that does not verify.
        at: usize,
    },
    /// It holds another repository's writes.
    Foreign {
        /// That repository.
        repository: [u8; 16],
    },
    /// A segment is missing.
    Gapped {
        /// The first sequence that is missing.
        expected: u64,
        /// The next one that is there.
        found: u64,
    },
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("the journal is whole"),
            Self::Corrupt { segment, at } => {
                write!(f, "the journal is damaged: {segment} at byte {at}")
            }
            Self::Foreign { .. } => f.write_str("the journal is another repository's"),
            Self::Gapped { expected, found } => {
                write!(f, "the journal lacks records {expected} to {}", found - 1)
            }
        }
    }
}

/// A file under a segment's name.
#[derive(Debug)]
pub(super) struct Found {
    number: u64,
    bytes: usize,
    /// None when the header does not verify.
    segment: Option<format::Segment>,
}

/// Where a journal goes on after its replay.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct End {
    /// The sequence after the last record.
    pub(super) next: u64,
    /// The first sequence of the last batch.
    pub(super) last_batch: u64,
    /// The last sequence before the floor.
    pub(super) expendable: u64,
}

impl Found {
    pub(super) fn segment(&self) -> super::Segment {
        let last = self
            .segment
            .as_ref()
            .and_then(|segment| segment.records.last());
        let last = last.map_or(0, |record| record.sequence);
        super::Segment {
            number: self.number,
            last,
            bytes: self.bytes,
            is_poisoned: false,
        }
    }
}

/// Reads every segment, by number. Fails when one cannot be read, or is of a version that this program does not know:
/// a newer program's writes must not be taken for damage.
pub(super) fn find(disk: &Disk) -> Result<Vec<Found>, Fault> {
    const DOING: &str = "read the journal";
    let names = disk.list(FOLDER).doing(DOING)?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| number(name)).collect();
    numbers.sort_unstable();
    let mut found = Vec::with_capacity(numbers.len());
    for number in numbers {
        let Some(bytes) = disk
            .read(Place(Root::Git, &segment_path(number)))
            .doing(DOING)?
        else {
            continue;
        };
        let segment = match format::read(&bytes) {
            Ok(segment) => Some(segment),
            Err(Unreadable::Header) => None,
            Err(version @ Unreadable::Version(_)) => return Err(Fault::new(DOING, version)),
        };
        found.push(Found {
            number,
            bytes: bytes.len(),
            segment,
        });
    }
    Ok(found)
}

/// Puts the segments together.
pub(super) fn assemble(found: Vec<Found>, repository: [u8; 16]) -> (Replay, End) {
    let headers = || {
        found
            .iter()
            .filter_map(|found| Some(&found.segment.as_ref()?.header))
    };
    let foreign = headers()
        .map(|header| header.repository)
        .find(|other| *other != repository);
    let floor = headers()
        .next_back()
        .map_or(1, |newest| newest.floor.max(1));
    let begins = |found: &Found| {
        found
            .segment
            .as_ref()
            .is_some_and(|segment| segment.header.first <= floor)
    };
    let start = found.iter().rposition(begins).unwrap_or(0);
    let mut chain = Chain::default();
    let broken = found
        .into_iter()
        .skip(start)
        .find_map(|found| chain.add(found).err());
    let Chain {
        mut records,
        last_batch,
        ..
    } = chain;
    records.retain(|record| record.sequence >= floor);
    let end = End {
        next: records.last().map_or(floor, |record| record.sequence + 1),
        last_batch,
        expendable: floor - 1,
    };
    let headless = records
        .first()
        .map(|record| record.sequence)
        .filter(|first| *first > floor);
    let condition = match (foreign, broken, headless) {
        (Some(repository), ..) => Condition::Foreign { repository },
        (None, Some(broken), _) => broken,
        (None, None, Some(found)) => Condition::Gapped {
            expected: floor,
            found,
        },
        (None, None, None) => Condition::Whole,
    };
    if foreign.is_some() {
        records.clear();
    }
    (Replay { records, condition }, end)
}

/// The records of the segments so far.
#[derive(Debug, Default)]
struct Chain {
    records: Vec<Record>,
    last_batch: u64,
    /// The number of the last segment, and where in it the last batch that verifies ends.
    tail: (u64, usize),
}

impl Chain {
    /// Adds the next segment, which supersedes the records that it begins before. Says what is wrong, if anything; what
    /// stands then is right as far as it goes.
    fn add(&mut self, found: Found) -> Result<(), Condition> {
        let Some(segment) = found.segment else {
            return Err(corrupt(found.number, 0));
        };
        let first = segment.header.first;
        let kept = self
            .records
            .partition_point(|record| record.sequence < first);
        self.records.truncate(kept);
        match self.records.last().map(|record| record.sequence + 1) {
            // No file can be missing between neighbours, so the one before has lost its end.
            Some(expected) if expected < first && self.tail.0 + 1 == found.number => {
                return Err(corrupt(self.tail.0, self.tail.1));
            }
            Some(expected) if expected < first => {
                return Err(Condition::Gapped {
                    expected,
                    found: first,
                });
            }
            _ => {}
        }
        (self.last_batch, self.tail) = (segment.last_batch, (found.number, segment.end));
        // A segment without a batch never had a name.
        let is_damaged = segment.is_damaged || segment.records.is_empty();
        self.records.extend(segment.records);
        if is_damaged {
            Err(corrupt(self.tail.0, self.tail.1))
        } else {
            Ok(())
        }
    }
}

fn corrupt(number: u64, at: usize) -> Condition {
    Condition::Corrupt {
        segment: segment_path(number),
        at,
    }
}

/// The number in a segment's name.
fn number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".segment")?;
    (digits.len() == 20 && digits.bytes().all(|digit| digit.is_ascii_digit()))
        .then(|| digits.parse().ok())?
}
