//! What one commit did, as the journal keeps it: results, never operations.
//!
//! Replay must give the very commit that was acknowledged, whatever tomorrow's code makes of the request that led to it.
//! So a record holds the raw commit, and each path with what stands there afterwards. A text is whole, or told as the
//! stretch in which it differs from a text that the store has anyway, or only named where git has it already.
//!
//! ```text
//! version = 1, one byte        change: length, path, then one of
//! length, raw commit              0                                           removed
//! count, changes                  1 mode blob  length, text                   whole
//!                                 2 mode blob  base prefix suffix length, middle   splice
//!                                 3 mode blob                                 in git
//! ```
//!
//! Numbers are LEB128 in as few bytes as they need, ids are their 20 bytes. So a record has one encoding only: what
//! [`decode`] takes, [`encode`] gives back byte for byte.

use std::fmt;
use std::sync::Arc;

use crate::model::object::{BlobId, ObjectId};
use crate::model::tree::{Mode, TreePath};

const VERSION: u8 = 1;
const REMOVED: u64 = 0;
const WHOLE: u64 = 1;
const SPLICE: u64 = 2;
const IN_GIT: u64 = 3;
/// What a splice costs beyond its middle: the base's id, and lengths that one varint each holds in most texts.
const SPLICE_BYTES: usize = 28;
/// Room for the changes of most commits, so that their record is written without growing.
const TYPICAL_CHANGES_BYTES: usize = 2048;
/// Texts are compared in steps of this size, which the compiler turns into a few wide instructions.
const STEP_BYTES: usize = 64;

/// One commit's results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitRecord {
    /// The commit in git's format, from which its id follows.
    pub commit: Vec<u8>,
    /// Each path that it changed.
    pub changes: Vec<PathChange>,
}

/// What a commit left at one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathChange {
    /// The path.
    pub path: TreePath,
    /// What stands there now; none when the file was removed.
    pub after: Option<Written>,
}

/// A file as a commit left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// What kind of entry it is.
    pub mode: Mode,
    /// The text's id, which whoever rebuilds the text compares with.
    pub blob: BlobId,
    /// Where the text is.
    pub text: Text,
}

/// A text, or how to come by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// All of it.
    Whole(Arc<[u8]>),
    /// What differs from another text.
    Splice(TextSplice),
    /// Nothing of it: the object is in git.
    InGit,
}

/// A text that begins and ends as another one does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextSplice {
    /// The other text.
    pub base: BlobId,
    /// How many bytes both begin with.
    pub prefix: u64,
    /// How many bytes both end with, none of which are in the prefix.
    pub suffix: u64,
    /// What this text has in between.
    pub middle: Vec<u8>,
}

impl Text {
    /// The shorter of the ways to tell a text, given the one that it replaces.
    pub fn replacing(base: BlobId, old: &[u8], new: Arc<[u8]>) -> Self {
        match splice(old, &new) {
            Some((prefix, suffix, middle)) => {
                let (prefix, suffix) = (prefix as u64, suffix as u64);
                Self::Splice(TextSplice {
                    base,
                    prefix,
                    suffix,
                    middle: middle.to_vec(),
                })
            }
            None => Self::Whole(new),
        }
    }
}

impl TextSplice {
    /// Rebuilds the text; nothing when `base` is too short to be the right one.
    pub fn apply(&self, base: &[u8]) -> Option<Vec<u8>> {
        let (prefix, rest) = base.split_at_checked(usize::try_from(self.prefix).ok()?)?;
        let suffix_at = rest.len().checked_sub(usize::try_from(self.suffix).ok()?)?;
        Some([prefix, &self.middle, &rest[suffix_at..]].concat())
    }
}

/// How many bytes two texts begin with and end with in common, without overlap, and what the newer one has in between;
/// nothing when telling that takes more room than the newer text.
pub fn splice<'a>(old: &[u8], new: &'a [u8]) -> Option<(usize, usize, &'a [u8])> {
    let prefix = common_prefix(old, new);
    let (old, rest) = (&old[prefix..], &new[prefix..]);
    let suffix = common_suffix(old, rest);
    let middle = &rest[..rest.len() - suffix];
    (prefix + suffix > SPLICE_BYTES).then_some((prefix, suffix, middle))
}

/// Why bytes are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// They are of a version that this program does not know.
    Version(u8),
    /// They are not what [`encode`] gives.
    Malformed {
        /// Where reading stopped.
        at: usize,
    },
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(
                f,
                "a record of version {version}, this program reads version {VERSION}"
            ),
            Self::Malformed { at } => write!(f, "a malformed record at byte {at}"),
        }
    }
}

impl std::error::Error for Damage {}

/// Writes a record down.
pub fn encode(record: &CommitRecord) -> Vec<u8> {
    let mut out = Vec::with_capacity(record.commit.len() + TYPICAL_CHANGES_BYTES);
    out.push(VERSION);
    put_bytes(&record.commit, &mut out);
    put_number(record.changes.len() as u64, &mut out);
    for change in &record.changes {
        put_bytes(&change.path, &mut out);
        match &change.after {
            None => put_number(REMOVED, &mut out),
            Some(written) => put_written(written, &mut out),
        }
    }
    out
}

/// Reads a record. Any input gives a record or a [`Damage`]; no length in it is believed before its bytes are there.
pub fn decode(bytes: &[u8]) -> Result<CommitRecord, Damage> {
    let mut reader = Reader { bytes, at: 0 };
    match bytes.first() {
        Some(&VERSION) | None => {}
        Some(&version) => return Err(Damage::Version(version)),
    }
    let record = reader.record().filter(|_| reader.at == bytes.len());
    record.ok_or(Damage::Malformed { at: reader.at })
}

fn put_written(written: &Written, out: &mut Vec<u8>) {
    let kind = match written.text {
        Text::Whole(_) => WHOLE,
        Text::Splice(_) => SPLICE,
        Text::InGit => IN_GIT,
    };
    put_number(kind, out);
    put_number(written.mode.0.into(), out);
    out.extend_from_slice(&written.blob.0.0);
    match &written.text {
        Text::Whole(text) => put_bytes(text, out),
        Text::Splice(splice) => {
            out.extend_from_slice(&splice.base.0.0);
            put_number(splice.prefix, out);
            put_number(splice.suffix, out);
            put_bytes(&splice.middle, out);
        }
        Text::InGit => {}
    }
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_number(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn put_number(mut number: u64, out: &mut Vec<u8>) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Bytes that are read from the front; every method gives nothing where they are not what they must be.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn record(&mut self) -> Option<CommitRecord> {
        self.take(1)?;
        let commit = self.prefixed()?.to_vec();
        let count = self.number()?;
        let mut changes = Vec::new();
        for _ in 0..count {
            changes.push(self.change()?);
        }
        Some(CommitRecord { commit, changes })
    }

    fn change(&mut self) -> Option<PathChange> {
        let path = self
            .prefixed()
            .filter(|path| !path.is_empty() && !path.contains(&0))?;
        Some(PathChange {
            path: path.into(),
            after: self.after()?,
        })
    }

    fn after(&mut self) -> Option<Option<Written>> {
        let kind = self.number()?;
        if kind == REMOVED {
            return Some(None);
        }
        let mode = Mode(u32::try_from(self.number()?).ok()?);
        let blob = self.blob()?;
        let text = match kind {
            WHOLE => Text::Whole(self.prefixed()?.into()),
            SPLICE => Text::Splice(self.splice()?),
            IN_GIT => Text::InGit,
            _ => return None,
        };
        Some(Some(Written { mode, blob, text }))
    }

    fn splice(&mut self) -> Option<TextSplice> {
        let (base, prefix, suffix) = (self.blob()?, self.number()?, self.number()?);
        Some(TextSplice {
            base,
            prefix,
            suffix,
            middle: self.prefixed()?.to_vec(),
        })
    }

    fn blob(&mut self) -> Option<BlobId> {
        self.take(size_of::<ObjectId>())
            .and_then(ObjectId::from_bytes)
            .map(BlobId)
    }

    fn prefixed(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }

    /// A LEB128 number; none when it has a byte more than it needs, or more than 64 bits.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = *self.take(1)?.first()?;
            let bits = u64::from(byte & 0x7f);
            number |= bits << shift;
            if byte < 0x80 {
                let is_shortest = byte != 0 || shift == 0;
                return (is_shortest && number >> shift == bits).then_some(number);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }
}

fn common_prefix(one: &[u8], other: &[u8]) -> usize {
    let steps = one
        .chunks_exact(STEP_BYTES)
        .zip(other.chunks_exact(STEP_BYTES));
    let wide = steps.take_while(|(one, other)| one == other).count() * STEP_BYTES;
    let rest = one[wide..].iter().zip(&other[wide..]);
    wide + rest.take_while(|(one, other)| one == other).count()
}

fn common_suffix(one: &[u8], other: &[u8]) -> usize {
    let steps = one
        .rchunks_exact(STEP_BYTES)
        .zip(other.rchunks_exact(STEP_BYTES));
    let wide = steps.take_while(|(one, other)| one == other).count() * STEP_BYTES;
    let rest = one[..one.len() - wide]
        .iter()
        .rev()
        .zip(other[..other.len() - wide].iter().rev());
    wide + rest.take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::object::hash_blob;

    fn blob(byte: u8) -> BlobId {
        BlobId(ObjectId([byte; 20]))
    }

    fn change(path: &str, text: Option<Text>) -> PathChange {
        let (path, mode, blob) = (path.as_bytes().into(), Mode::FILE, blob(1));
        let after = text.map(|text| Written { mode, blob, text });
        PathChange { path, after }
    }

    fn splice_of(prefix: u64, suffix: u64, middle: &[u8]) -> TextSplice {
        let (base, middle) = (blob(2), middle.to_vec());
        TextSplice {
            base,
            prefix,
            suffix,
            middle,
        }
    }

    fn sample() -> CommitRecord {
        let changes = vec![
            change("a.md", None),
            change("b.md", Some(Text::Whole(b"text"[..].into()))),
            change("c.md", Some(Text::Splice(splice_of(300, 0, b"new")))),
            change("d.md", Some(Text::InGit)),
        ];
        let commit = b"tree".to_vec();
        CommitRecord { commit, changes }
    }

    /// The sample as the first version writes it; it must be readable for ever.
    fn sample_bytes() -> Vec<u8> {
        let file = [b"\xa4\x83\x02", &[1; 20][..]].concat();
        let mut bytes = b"\x01\x04tree\x04\x04a.md\x00\x04b.md\x01".to_vec();
        bytes.extend([&file[..], b"\x04text\x04c.md\x02", &file, &[2; 20]].concat());
        bytes.extend([b"\xac\x02\x00\x03new\x04d.md\x03", &file[..]].concat());
        bytes
    }

    fn random(state: &mut u64) -> usize {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state as usize
    }

    #[test]
    fn a_record_of_the_first_version_is_read_and_written() {
        assert_eq!(encode(&sample()), sample_bytes());
        assert_eq!(decode(&sample_bytes()), Ok(sample()));
        let (commit, changes) = (Vec::new(), Vec::new());
        let empty = CommitRecord { commit, changes };
        assert_eq!(decode(&encode(&empty)), Ok(empty));
    }

    #[test]
    fn no_input_is_read_as_what_is_written_otherwise() {
        let original = sample_bytes();
        for length in 0..original.len() {
            assert!(
                matches!(decode(&original[..length]), Err(Damage::Malformed { .. })),
                "{length}"
            );
        }
        let mut state = 5;
        for round in 0..50_000 {
            let mut bytes = original.clone();
            for _ in 0..=random(&mut state) % 3 {
                let at = random(&mut state) % bytes.len();
                bytes[at] = random(&mut state) as u8;
            }
            if let Ok(record) = decode(&bytes) {
                assert_eq!(encode(&record), bytes, "{round}");
            }
        }
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let malformed: [&[u8]; 8] = [
            b"",
            b"\x01",
            b"\x01\x00\x00\x00",
            b"\x01\x80\x00\x00",
            b"\x01\x00\x01\x00\x00",
            b"\x01\x00\x01\x01\x00\x00",
            b"\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
        ];
        for bytes in malformed {
            assert!(
                matches!(decode(bytes), Err(Damage::Malformed { .. })),
                "{bytes:?}"
            );
        }
        assert_eq!(decode(b"\x02"), Err(Damage::Version(2)));
    }

    #[test]
    fn a_splice_rebuilds_the_text_and_is_shorter() {
        let long = "0123456789".repeat(20);
        let cases = [
            ("".to_owned(), "".to_owned(), false),
            ("short".to_owned(), "shorter".to_owned(), false),
            (long.clone(), long.clone(), true),
            (long.clone(), format!("{long}{long}"), true),
            (format!("{long}{long}"), long.clone(), true),
            (long.clone(), format!("first\n{long}"), true),
            (long.clone(), long.replacen('5', "five", 1), true),
            (long.clone(), String::new(), false),
        ];
        for (old, new, pays) in cases {
            let base = hash_blob(old.as_bytes()).unwrap();
            let rebuilt = match Text::replacing(base, old.as_bytes(), new.as_bytes().into()) {
                Text::Splice(splice) => pays.then(|| splice.apply(old.as_bytes())).flatten(),
                Text::Whole(text) => (!pays).then(|| text.to_vec()),
                Text::InGit => None,
            };
            assert_eq!(
                rebuilt.as_deref(),
                Some(new.as_bytes()),
                "{old:?} -> {new:?}"
            );
        }
    }

    #[test]
    fn random_splices_rebuild_the_text_and_take_the_longest_common_ends() {
        let mut state = 9;
        for round in 0..5_000 {
            let old: Vec<u8> = (0..random(&mut state) % 300)
                .map(|_| random(&mut state) as u8 % 2)
                .collect();
            let mut position = || random(&mut state) % (old.len() + 1);
            let (start, end) = (position(), position());
            let new = [&old[..start], b"x", &old[end..]].concat();
            let (prefix, suffix) = (common_prefix(&old, &new), common_suffix(&old, &new));
            assert!(prefix >= start && suffix >= old.len() - end, "{round}");
            assert!(old.get(prefix) != new.get(prefix), "{round}");
            let Some((prefix, suffix, middle)) = splice(&old, &new) else {
                continue;
            };
            let splice = splice_of(prefix as u64, suffix as u64, middle);
            assert_eq!(splice.apply(&old).as_deref(), Some(&new[..]), "{round}");
        }
    }

    #[test]
    fn a_splice_of_another_text_gives_nothing() {
        let apply = |prefix, suffix| splice_of(prefix, suffix, b"").apply(b"abcde");
        assert_eq!(apply(3, 3), None);
        assert_eq!(apply(u64::MAX, u64::MAX), None);
        assert_eq!(apply(2, 3).as_deref(), Some(&b"abcde"[..]));
    }
}
