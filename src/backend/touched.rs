//! When each file was changed last, and by which commit: written down, so that a start need not walk all of history.
//!
//! A file below `.memoryd`, rebuilt when it is missing, damaged, or stamped with a commit that is not in the history:
//!
//! ```text
//! "touched1" | stamp (20) | count (u64) | count x { length (u16) | path | commit (20) | seconds (i64) } | first 4 of SHA-1
//! ```
//!
//! Numbers are little-endian.

use std::collections::HashMap;

use crate::model::object::{ObjectId, Revision};
use crate::model::snapshot::{Seconds, Snapshot};
use crate::model::tree::TreePath;

const MAGIC: &[u8; 8] = b"touched1";

/// For each path the newest commit that changed it, and when that was.
pub type Touched = HashMap<TreePath, (Revision, Seconds)>;

/// Writes down what a snapshot knows.
pub fn encode(snapshot: &Snapshot) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(snapshot.revision.0.0);
    bytes.extend((snapshot.len() as u64).to_le_bytes());
    for (path, file) in snapshot.files() {
        let path = path.as_str().as_bytes();
        bytes.extend((path.len() as u16).to_le_bytes());
        bytes.extend(path);
        bytes.extend(file.revision.0.0);
        bytes.extend(file.updated_at.to_le_bytes());
    }
    let sum = checksum(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

/// Reads it, with the commit it is stamped with; nothing when it is damaged.
pub fn decode(bytes: &[u8]) -> Option<(Revision, Touched)> {
    let (body, sum) = bytes.split_last_chunk::<4>()?;
    let mut rest = body
        .strip_prefix(MAGIC)
        .filter(|_| checksum(body) == u32::from_le_bytes(*sum))?;
    let stamp = Revision(ObjectId(*take(&mut rest)?));
    let count = u64::from_le_bytes(*take(&mut rest)?);
    let mut touched = Touched::new();
    for _ in 0..count {
        let length = usize::from(u16::from_le_bytes(*take(&mut rest)?));
        let (path, after) = rest.split_at_checked(length)?;
        rest = after;
        let revision = Revision(ObjectId(*take(&mut rest)?));
        let seconds = Seconds::from_le_bytes(*take(&mut rest)?);
        touched.insert(path.into(), (revision, seconds));
    }
    rest.is_empty().then_some((stamp, touched))
}

fn take<'a, const COUNT: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; COUNT]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(taken)
}

fn checksum(bytes: &[u8]) -> u32 {
    // The first bytes of the object hash: this file needs no faster one, and no other package.
    let sum = crate::model::object::checksum(bytes);
    u32::from_le_bytes([sum.0[0], sum.0[1], sum.0[2], sum.0[3]])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::object::BlobId;
    use crate::model::path::RepoPath;
    use crate::model::snapshot::File;

    #[test]
    fn what_is_written_down_is_read_and_damage_is_noticed() {
        let mut snapshot = Snapshot::empty_at(Revision(ObjectId([7; 20])), 5);
        for (path, second) in [("user/a/x.md", 3), ("shared/index.md", 4)] {
            let revision = Revision(ObjectId([second; 20]));
            let file = File {
                blob: BlobId(ObjectId::ZERO),
                text: "".into(),
                revision,
                updated_at: second.into(),
            };
            snapshot.set(&RepoPath::parse(path).unwrap(), Some(Arc::new(file)));
        }
        let bytes = encode(&snapshot);
        let (stamp, touched) = decode(&bytes).unwrap();
        assert_eq!(stamp, snapshot.revision);
        assert_eq!(
            touched[b"user/a/x.md".as_slice()],
            (Revision(ObjectId([3; 20])), 3)
        );
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end]).is_none(), "cut at {end}");
        }
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            assert!(decode(&bytes).is_none(), "flipped at {at}");
        }
    }
}
