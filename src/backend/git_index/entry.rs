//! One entry of git's index: its fields, and the bytes that stand for them.

use crate::backend::disk::Stat;
use crate::backend::git_index::Unreadable;
use crate::backend::git_index::input::Input;
use crate::model::object::ObjectId;

/// The mode of a plain file that is not executable.
pub const MODE_FILE: u32 = 0o100_644;

/// What every entry begins with: ten words, an id, 16 flags.
const HEAD_BYTES: usize = 62;
/// What an entry has besides its path, at most: the head, the extended flags, the padding.
pub(super) const OVERHEAD_BYTES_MAX: usize = HEAD_BYTES + 2 + 8;
/// Where the parts of the head begin that are also looked at alone.
const MTIME_AT: usize = 8;
const MODE_AT: usize = 24;
const SIZE_AT: usize = 36;
const ID_AT: usize = 40;
const FLAGS_AT: usize = 60;

const ASSUME_VALID: u16 = 0x8000;
const EXTENDED: u16 = 0x4000;
const STAGE_SHIFT: u16 = 12;
/// The path's length, or this very value when the path is at least as long.
const PATH_LENGTH: u16 = 0x0fff;

/// Flags that only version 3 and later have.
const SKIP_WORKTREE: u16 = 0x4000;
const INTENT_TO_ADD: u16 = 0x2000;

/// What `lstat` said of a file when its entry was made, each number cut to its low 32 bits as git does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "stat(2) documents each field; `_s` is seconds, `_ns` nanoseconds"
)]
pub struct StatData {
    pub ctime_s: u32,
    pub ctime_ns: u32,
    pub mtime_s: u32,
    pub mtime_ns: u32,
    pub dev: u32,
    pub ino: u32,
    pub uid: u32,
    pub gid: u32,
    /// In bytes; 0 beside the id of any text but the empty one makes git compare the text.
    pub size: u32,
}

impl From<Stat> for StatData {
    fn from(stat: Stat) -> Self {
        Self {
            ctime_s: stat.changed.0 as u32,
            ctime_ns: stat.changed.1,
            mtime_s: stat.modified.0 as u32,
            mtime_ns: stat.modified.1,
            dev: stat.device as u32,
            ino: stat.inode as u32,
            uid: stat.user,
            gid: stat.group,
            size: stat.size as u32,
        }
    }
}

/// One path in the index, or one side of a path that is in conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The path from the root of the work tree, with `/`; never empty, without NUL.
    pub path: &'a [u8],
    /// How the file looked when it last had this text; all zero when nobody looked.
    pub stat: StatData,
    /// The mode as in a tree.
    pub mode: u32,
    /// The text, or a submodule's commit.
    pub id: ObjectId,
    /// 0, or 1 to 3 (base, ours, theirs) of a path in conflict.
    pub stage: u8,
    /// A person asked git not to look at the file.
    pub assume_valid: bool,
    /// The file is absent from the work tree on purpose (`git sparse-checkout`).
    pub skip_worktree: bool,
    /// The path is announced and its text is not (`git add -N`).
    pub intent_to_add: bool,
}

impl<'a> Entry<'a> {
    /// The entry of a plain file that has the text `id` and looks like `stat`.
    pub fn file(path: &'a [u8], id: ObjectId, stat: StatData) -> Self {
        Self {
            path,
            stat,
            mode: MODE_FILE,
            id,
            stage: 0,
            assume_valid: false,
            skip_worktree: false,
            intent_to_add: false,
        }
    }

    /// The next entry of a file. `path` holds the path before, of which version 4 takes its beginning, and is given
    /// this entry's.
    pub(super) fn parse(
        input: &mut Input<'_>,
        version: u32,
        path: &'a mut Vec<u8>,
    ) -> Result<Self, Unreadable> {
        let before = input.len();
        let head = Head::parse(input)?;
        let stripped = if version == 4 {
            input.offset()?
        } else {
            path.len()
        };
        let kept = path.len().checked_sub(stripped);
        path.truncate(kept.ok_or(Unreadable::Damaged("a path shares more than there is"))?);
        path.extend(input.until_nul()?);
        if version != 4 {
            let length = before - input.len() - 1;
            input.take(padded(length) - length - 1)?;
        }
        head.check_path(path)?;
        head.check_mode()?;
        Ok(head.with_path(path))
    }

    /// The entry that begins an image's `records`.
    pub(super) fn read(records: &'a [u8]) -> Self {
        let mut input = Input::new(records);
        let head = Head::parse(&mut input).expect("an image holds what was encoded");
        let path = input
            .until_nul()
            .expect("an encoded path has a NUL behind it");
        head.with_path(path)
    }

    /// Appends the bytes that versions 2 and 3 have for it.
    pub(super) fn encode(&self, records: &mut Vec<u8>) {
        debug_assert!(!self.path.is_empty() && !self.path.contains(&0));
        let start = records.len();
        for word in self.words() {
            records.extend(word.to_be_bytes());
        }
        records.extend(self.id.0);
        records.extend(self.flags().to_be_bytes());
        if self.extended_flags() != 0 {
            records.extend(self.extended_flags().to_be_bytes());
        }
        records.extend(self.path);
        let length = records.len() - start;
        records.resize(start + padded(length), 0);
    }

    fn words(&self) -> [u32; 10] {
        let stat = &self.stat;
        [
            stat.ctime_s,
            stat.ctime_ns,
            stat.mtime_s,
            stat.mtime_ns,
            stat.dev,
            stat.ino,
            self.mode,
            stat.uid,
            stat.gid,
            stat.size,
        ]
    }

    fn flags(&self) -> u16 {
        path_length(self.path)
            | u16::from(self.stage & 3) << STAGE_SHIFT
            | bit(ASSUME_VALID, self.assume_valid)
            | bit(EXTENDED, self.extended_flags() != 0)
    }

    fn extended_flags(&self) -> u16 {
        bit(SKIP_WORKTREE, self.skip_worktree) | bit(INTENT_TO_ADD, self.intent_to_add)
    }
}

/// Whether the entry that begins `records` was made no earlier than the index was written, and is still trusted.
pub(super) fn is_racy(records: &[u8], index_mtime_s: u32) -> bool {
    word(records, MTIME_AT) >= index_mtime_s && word(records, SIZE_AT) != 0
}

/// Makes git compare the text of the entry that begins `records`.
pub(super) fn smudge(records: &mut [u8]) {
    records[SIZE_AT..][..4].fill(0);
}

/// Whether the entry that begins `records` needs version 3.
pub(super) fn is_extended(records: &[u8]) -> bool {
    flags(records) & EXTENDED != 0
}

/// What stands before the path.
struct Head<'a> {
    bytes: &'a [u8; HEAD_BYTES],
    flags: u16,
    extended_flags: u16,
}

impl<'a> Head<'a> {
    /// A flag nobody knows may change what the entry means, so it is refused, as git does.
    fn parse(input: &mut Input<'a>) -> Result<Self, Unreadable> {
        let bytes = input.array::<HEAD_BYTES>()?;
        let flags = flags(bytes);
        let extended_flags = match flags & EXTENDED {
            0 => 0,
            _ => u16::from_be_bytes(*input.array()?),
        };
        if extended_flags & !(SKIP_WORKTREE | INTENT_TO_ADD) != 0 {
            return Err(Unreadable::Damaged("an entry has flags that nobody knows"));
        }
        Ok(Self {
            bytes,
            flags,
            extended_flags,
        })
    }

    /// Only a split index has entries without a path: they replace one of the other file by its position.
    fn check_path(&self, path: &[u8]) -> Result<(), Unreadable> {
        if path.is_empty() {
            return Err(Unreadable::Split);
        }
        if self.flags & PATH_LENGTH != path_length(path) {
            return Err(Unreadable::Damaged(
                "a path is not as long as its entry says",
            ));
        }
        Ok(())
    }

    /// A tree has room for files, links and submodules; a folder is what a sparse index folds.
    fn check_mode(&self) -> Result<(), Unreadable> {
        match word(self.bytes, MODE_AT) >> 12 {
            0o10 | 0o12 | 0o16 => Ok(()),
            0o04 => Err(Unreadable::Sparse),
            _ => Err(Unreadable::Damaged("an entry has a mode that no file has")),
        }
    }

    fn with_path<'p>(&self, path: &'p [u8]) -> Entry<'p> {
        let [
            ctime_s,
            ctime_ns,
            mtime_s,
            mtime_ns,
            dev,
            ino,
            mode,
            uid,
            gid,
            size,
        ] = std::array::from_fn(|nth| word(self.bytes, 4 * nth));
        let stat = StatData {
            ctime_s,
            ctime_ns,
            mtime_s,
            mtime_ns,
            dev,
            ino,
            uid,
            gid,
            size,
        };
        Entry {
            path,
            stat,
            mode,
            id: ObjectId::from_bytes(&self.bytes[ID_AT..FLAGS_AT]).expect("40 and 20 are 60"),
            stage: (self.flags >> STAGE_SHIFT & 3) as u8,
            assume_valid: self.flags & ASSUME_VALID != 0,
            skip_worktree: self.extended_flags & SKIP_WORKTREE != 0,
            intent_to_add: self.extended_flags & INTENT_TO_ADD != 0,
        }
    }
}

fn word(head: &[u8], at: usize) -> u32 {
    let bytes = head[at..].first_chunk().expect("a head has ten words");
    u32::from_be_bytes(*bytes)
}

fn flags(head: &[u8]) -> u16 {
    u16::from_be_bytes([head[FLAGS_AT], head[FLAGS_AT + 1]])
}

fn bit(flag: u16, is_set: bool) -> u16 {
    if is_set { flag } else { 0 }
}

fn path_length(path: &[u8]) -> u16 {
    u16::try_from(path.len()).map_or(PATH_LENGTH, |length| length.min(PATH_LENGTH))
}

/// The length of an entry with its padding: one to eight NULs, so that one always ends the path.
fn padded(length: usize) -> usize {
    (length + 8) & !7
}
