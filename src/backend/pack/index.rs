//! The index that stands beside a pack: where each object is, by id.
//!
//! Version 2 (gitformat-pack, "Version 2 pack-*.idx files"): magic and version; 256 running counts by the id's first byte;
//! then, sorted by id, the ids, the checksums of the packed bytes and the offsets; last the pack's checksum and the index's
//! own. An offset of 2 GiB or more stands in a table of wide ones, and its place holds the row there.

use crate::model::object::{ObjectId, checksum};

const MAGIC_AND_VERSION: [u8; 8] = *b"\xfftOc\0\0\0\x02";
/// Marks a narrow offset as a row of the wide table; smaller offsets are told directly.
const WIDE: u32 = 0x8000_0000;

/// One object of a pack, as the index tells it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// Its name.
    pub(super) id: ObjectId,
    /// The CRC-32 of its packed bytes, header included.
    pub(super) crc32: u32,
    /// Where its packed bytes begin.
    pub(super) offset: u64,
}

/// The index of the pack that has these objects, each id once, and ends in this checksum.
pub(super) fn encode(mut entries: Vec<Entry>, pack_checksum: ObjectId) -> Vec<u8> {
    entries.sort_unstable_by_key(|entry| entry.id);
    let mut index = Vec::with_capacity(8 + 256 * 4 + entries.len() * 28 + 40);
    index.extend_from_slice(&MAGIC_AND_VERSION);
    for count in running_counts(&entries) {
        index.extend_from_slice(&count.to_be_bytes());
    }
    entries
        .iter()
        .for_each(|entry| index.extend_from_slice(&entry.id.0));
    entries
        .iter()
        .for_each(|entry| index.extend_from_slice(&entry.crc32.to_be_bytes()));
    encode_offsets(&entries, &mut index);
    index.extend_from_slice(&pack_checksum.0);
    let own_checksum = checksum(&index);
    index.extend_from_slice(&own_checksum.0);
    index
}

/// For each byte, how many ids begin with it or a lesser one.
fn running_counts(entries: &[Entry]) -> [u32; 256] {
    let mut counts = [0; 256];
    for entry in entries {
        counts[usize::from(entry.id.0[0])] += 1;
    }
    for byte in 1..counts.len() {
        counts[byte] += counts[byte - 1];
    }
    counts
}

fn encode_offsets(entries: &[Entry], index: &mut Vec<u8>) {
    let mut wide = Vec::new();
    for entry in entries {
        let narrow = u32::try_from(entry.offset)
            .ok()
            .filter(|offset| *offset < WIDE);
        let told = narrow.unwrap_or_else(|| {
            wide.push(entry.offset);
            WIDE | (wide.len() - 1) as u32
        });
        index.extend_from_slice(&told.to_be_bytes());
    }
    wide.iter()
        .for_each(|offset| index.extend_from_slice(&offset.to_be_bytes()));
}
