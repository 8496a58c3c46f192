//! Git's index file (`.git/index`) as an image in memory: parsed from bytes, patched, turned into bytes again.
//!
//! The format is gitformat-index(5). A header (`DIRC`, version, number of entries) is followed by the entries in order
//! of path and stage, then by extensions (four letters, a length, bytes) and by the SHA-1 of all that, which
//! `index.skipHash` leaves zero. An entry is ten words of what `lstat` said, the blob's id, flags, and the path, padded
//! with NULs to a multiple of eight. Version 3 adds 16 flags to the entries that need them. Version 4 drops the padding
//! and writes of each path only what differs from the path before.
//!
//! **The image is the file.** It holds the entries as version 2 or 3 has them, one after another in one block, and
//! where each begins; an [`Entry`] is read out of the block when somebody asks. So a patch copies a few long runs, and
//! writing is one copy and one checksum, with no allocation an entry. Version 4 is read and becomes 2 or 3: patching it
//! would shift what follows a path, and all that is lost is file size, until its owner asks git for version 4 again.
//!
//! **Extensions.** The case of the first letter tells whether a reader may skip one. Every program that writes an index
//! drops the optional ones it does not know, so dropping is always allowed; keeping is what does harm, because most
//! describe the entries and are wrong once those change. Hence:
//! - `TREE`, the ids of folders, is dropped. Left stale, the next `git commit` writes the old folders, and so silently
//!   reverts what was patched while `git status` is clean.
//! - `UNTR` (untracked files) and `FSMN` (files git need not look at, by position) are dropped: stale, they hide files.
//! - `EOIE` and `IEOT` are dropped: they are offsets into the file.
//! - Unknown optional ones are dropped: what they describe is unknown, so nobody can tell whether it still holds.
//! - `REUC` is kept as it is. It lets a person reopen a conflict they resolved (`git checkout -m`), names paths and ids
//!   and no positions, is used only when they ask, and nothing else on disk has it.
//! - `link` and `sdir` keep entries elsewhere or fold whole folders into one. Such an index is refused, as is any other
//!   extension that must be understood.
//!
//! **Racy entries.** Git trusts an entry when `lstat` still says what the entry says. A save within the second in which
//! the entry was made, of the same size, looks the same; so git reads the file itself when the entry's mtime is not
//! before the index's own (Documentation/technical/racy-git). A freshly set entry needs nothing else: written in the
//! same tick, it is racy, and every reader compares the text. But the *next* writer gives the index a later mtime,
//! which turns the entries it merely carries over into trusted ones. Git therefore compares those before it writes, and
//! sets the size of those that differ to 0, a value that says "compare the text". [`GitIndex::smudge_racy`] is the same
//! rule, called before each patch; without it a person's save can stay invisible to `git status` for good. It counts in
//! seconds, as git does unless built otherwise. One gap remains, in git too: a save after the `lstat`, and an index
//! written in the next second. A writer closes it by setting the new index's mtime back to before its first `lstat`.

mod entry;
mod input;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Range;

use crate::backend::git_index::input::{CUT_OFF, Input};
use crate::model::object::{ObjectId, checksum};

pub use crate::backend::git_index::entry::{Entry, MODE_FILE, StatData};

/// Of the checksum at the end.
const CHECKSUM_BYTES: usize = 20;

/// Why bytes are not taken as an index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Cut off, changed by accident, or no index at all.
    #[error("the git index is damaged: {0}")]
    Damaged(&'static str),
    /// A version of the format that came later than this program.
    #[error("the git index has version {0}; versions 2, 3 and 4 are known")]
    UnknownVersion(u32),
    /// Most entries are in a second file.
    #[error(
        "the git index is split in two; `git config core.splitIndex false` and \
         `git update-index --no-split-index` join it"
    )]
    Split,
    /// Whole folders are folded into one entry.
    #[error(
        "the git index is sparse; `git sparse-checkout reapply --no-sparse-index` makes it whole"
    )]
    Sparse,
    /// An extension without which the entries are not to be understood.
    #[error("the git index needs the extension \"{0}\", which is not known here")]
    UnknownExtension(String),
}

/// A wish about one path. Afterwards the path has this one entry or none, whatever stages it had.
#[derive(Debug, Clone, Copy)]
pub enum Update<'a> {
    /// This entry stands at its path.
    Set(Entry<'a>),
    /// Nothing stands at this path.
    Remove(&'a [u8]),
}

impl<'a> Update<'a> {
    fn into_parts(self) -> (&'a [u8], Option<Entry<'a>>) {
        match self {
            Self::Set(entry) => (entry.path, Some(entry)),
            Self::Remove(path) => (path, None),
        }
    }
}

/// An index: all its entries in order, and the conflicts that were resolved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitIndex {
    /// The entries as version 2 or 3 has them, padding included.
    records: Vec<u8>,
    /// Where in `records` each begins.
    starts: Vec<usize>,
    /// What the extension `REUC` holds; empty without one.
    resolve_undo: Vec<u8>,
}

impl GitIndex {
    /// An index without entries, as a new repository has it.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Takes the whole file; gives the reason when it is damaged or of a kind that is not read here.
    pub fn parse(bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut input = Input::new(without_checksum(bytes)?);
        let (version, count) = parse_header(&mut input)?;
        let mut index = Self {
            records: Vec::with_capacity(bytes.len()),
            ..Self::default()
        };
        let mut path = Vec::new();
        for _ in 0..count {
            let entry = Entry::parse(&mut input, version, &mut path)?;
            if index.last().is_some_and(|last| !may_follow(&last, &entry)) {
                return Err(Unreadable::Damaged("its entries are not in order"));
            }
            index.push(&entry);
        }
        while input.len() > 0 {
            index.parse_extension(&mut input)?;
        }
        Ok(index)
    }

    /// The file: version 3 when an entry needs it, else 2.
    pub fn to_bytes(&self) -> Vec<u8> {
        let version: u32 = if self.has_extended_flags() { 3 } else { 2 };
        let count = u32::try_from(self.starts.len()).expect("4 billion entries would take 300 GB");
        let mut bytes = Vec::with_capacity(self.records.len() + self.resolve_undo.len() + 40);
        bytes.extend(b"DIRC");
        bytes.extend(version.to_be_bytes());
        bytes.extend(count.to_be_bytes());
        bytes.extend(&self.records);
        if !self.resolve_undo.is_empty() {
            let length = u32::try_from(self.resolve_undo.len()).expect("it was read with 32 bits");
            bytes.extend(b"REUC");
            bytes.extend(length.to_be_bytes());
            bytes.extend(&self.resolve_undo);
        }
        let checksum = checksum(&bytes);
        bytes.extend(checksum.0);
        bytes
    }

    /// The entry of a path that is not in conflict.
    pub fn get(&self, path: &[u8]) -> Option<Entry<'_>> {
        self.first_at(path).filter(|entry| entry.stage == 0)
    }

    /// Whether a merge left this path to a person. Such a path is not for us to set: it would resolve their conflict.
    pub fn is_unmerged(&self, path: &[u8]) -> bool {
        self.first_at(path).is_some_and(|entry| entry.stage != 0)
    }

    /// All entries, by path and stage.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.starts.iter().map(|&start| self.entry(start))
    }

    /// The index with some paths changed; of two updates of a path the last one counts.
    ///
    /// It gives a new image, so that the old one goes on telling what is on disk until the new one is there. Whether a
    /// path may be touched is the caller's to judge, and that no file stands where another path needs a folder.
    #[must_use]
    pub fn patched<'u>(&self, updates: impl IntoIterator<Item = Update<'u>>) -> Self {
        let updates: BTreeMap<_, _> = updates.into_iter().map(Update::into_parts).collect();
        let growth: usize = updates
            .keys()
            .map(|path| entry::OVERHEAD_BYTES_MAX + path.len())
            .sum();
        let mut next = Self {
            records: Vec::with_capacity(self.records.len() + growth),
            starts: Vec::with_capacity(self.starts.len() + updates.len()),
            resolve_undo: self.resolve_undo.clone(),
        };
        let mut untouched = 0;
        for (path, entry) in updates {
            let standing = self.positions(path);
            next.copy(self, untouched..standing.start);
            entry.iter().for_each(|entry| next.push(entry));
            untouched = standing.end;
        }
        next.copy(self, untouched..self.starts.len());
        next
    }

    /// To be called before a patch, with the mtime of the file this image was read from or written to last: every entry
    /// that was racy there is smudged, lest the new file's later mtime make it trusted.
    ///
    /// `has_its_text` may compare a file with its entry once more; an entry it vouches for is spared, which saves
    /// git the comparison. To answer "no" is always right.
    pub fn smudge_racy(
        &mut self,
        index_mtime_s: u32,
        mut has_its_text: impl FnMut(&Entry<'_>) -> bool,
    ) {
        for position in 0..self.starts.len() {
            let start = self.starts[position];
            if entry::is_racy(&self.records[start..], index_mtime_s)
                && !has_its_text(&self.entry(start))
            {
                entry::smudge(&mut self.records[start..]);
            }
        }
    }

    fn entry(&self, start: usize) -> Entry<'_> {
        Entry::read(&self.records[start..])
    }

    fn last(&self) -> Option<Entry<'_>> {
        self.starts.last().map(|&start| self.entry(start))
    }

    fn first_at(&self, path: &[u8]) -> Option<Entry<'_>> {
        let standing = self.positions(path);
        Some(self.entry(*self.starts[standing].first()?))
    }

    /// Which entries have this path; where it would go, when none has.
    fn positions(&self, path: &[u8]) -> Range<usize> {
        let first = self
            .starts
            .partition_point(|&start| self.entry(start).path < path);
        let stages = self.starts[first..]
            .iter()
            .take_while(|&&start| self.entry(start).path == path);
        first..first + stages.count()
    }

    fn has_extended_flags(&self) -> bool {
        self.starts
            .iter()
            .any(|&start| entry::is_extended(&self.records[start..]))
    }

    fn push(&mut self, entry: &Entry<'_>) {
        self.starts.push(self.records.len());
        entry.encode(&mut self.records);
    }

    fn copy(&mut self, from: &Self, positions: Range<usize>) {
        let (start, end) = (from.start(positions.start), from.start(positions.end));
        let here = self.records.len();
        let starts = from.starts[positions].iter();
        self.starts.extend(starts.map(|there| there - start + here));
        self.records.extend(&from.records[start..end]);
    }

    /// Where the entry of this position begins, or would begin.
    fn start(&self, position: usize) -> usize {
        self.starts
            .get(position)
            .copied()
            .unwrap_or(self.records.len())
    }

    fn parse_extension(&mut self, input: &mut Input<'_>) -> Result<(), Unreadable> {
        let signature = input.array::<4>()?;
        let length = input.word()?;
        let bytes = input.take(length as usize)?;
        match signature {
            b"REUC" => self.resolve_undo = bytes.to_vec(),
            b"link" => return Err(Unreadable::Split),
            b"sdir" => return Err(Unreadable::Sparse),
            [b'A'..=b'Z', ..] => {}
            other => {
                return Err(Unreadable::UnknownExtension(
                    other.escape_ascii().to_string(),
                ));
            }
        }
        Ok(())
    }
}

fn without_checksum(bytes: &[u8]) -> Result<&[u8], Unreadable> {
    let (body, sum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(CUT_OFF)?;
    let skipped = ObjectId(*sum) == ObjectId::ZERO;
    if !skipped && ObjectId(*sum) != checksum(body) {
        return Err(Unreadable::Damaged("its checksum does not match"));
    }
    Ok(body)
}

fn parse_header(input: &mut Input<'_>) -> Result<(u32, u32), Unreadable> {
    if input.array()? != b"DIRC" {
        return Err(Unreadable::Damaged("it does not begin with DIRC"));
    }
    match input.word()? {
        version @ 2..=4 => Ok((version, input.word()?)),
        other => Err(Unreadable::UnknownVersion(other)),
    }
}

/// By path, then by stage; a path that is merged has no other stage. Git dies where this does not hold.
fn may_follow(last: &Entry<'_>, next: &Entry<'_>) -> bool {
    match last.path.cmp(next.path) {
        Ordering::Less => true,
        Ordering::Equal => 0 < last.stage && last.stage < next.stage,
        Ordering::Greater => false,
    }
}
