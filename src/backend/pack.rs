//! Writes git packs: the objects of many commits in one file, where a wide folder costs its edits and not its width.
//!
//! A pack is the word `PACK`, a version, a count, the objects, and a SHA-1 over all of it (gitformat-pack). An object is
//! its kind and size, then its bytes in zlib's format. Of a folder's listing, hundreds of kilobytes where it has ten
//! thousand files, only the first version in a pack is stored so; the others are `OFS_DELTA`s, which name an earlier
//! object by how far back it begins. Git reads no delta across packs, so one whole copy a pack is the floor, and how
//! many commits share a pack decides the size far more than the deltas do.
//!
//! Nothing here searches for similarity as `git pack-objects` does: the committer knows the splices that made each
//! version, and a delta is those splices written down. `chain` chooses what a version is told from, `delta` composes and
//! writes deltas, `index` writes the file that finds objects by id. All of it is bytes in, bytes out.

mod chain;
mod delta;
mod index;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use libdeflater::{CompressionLvl, Compressor};

use crate::backend::pack::chain::Chain;
use crate::backend::pack::index::Entry;
use crate::model::object::{ObjectId, checksum};
use crate::model::tree::{TreePath, TreeVersion};

/// Below this size the 20-byte hashes that listings and deltas consist of leave deflate a dozen bytes to save, for the 5 us
/// that clearing its match table costs.
const DEFLATE_BYTES_MIN: usize = 200;
/// `PACK`, version 2, and a count that is filled in at the end.
const PACK_HEADER: [u8; 12] = *b"PACK\0\0\0\x02\0\0\0\0";
const COUNT_AT: usize = 8;
const OFS_DELTA: u8 = 6;

/// What an object is, by git's number for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A commit.
    Commit = 1,
    /// A folder's listing.
    Tree = 2,
    /// A text.
    Blob = 3,
}

/// A finished pack and its index: the bytes of `pack-<name>.pack` and `pack-<name>.idx`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// The pack's checksum, which git names its files by.
    pub name: ObjectId,
    /// The pack.
    pub pack: Vec<u8>,
    /// Its index, version 2: byte for byte what `git index-pack` would write.
    pub index: Vec<u8>,
}

/// One pack being built.
pub struct PackWriter {
    objects: Objects,
    chains: HashMap<TreePath, Chain>,
    instructions: Vec<u8>,
}

impl Default for PackWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl PackWriter {
    /// Begins a pack of no objects.
    pub fn new() -> Self {
        Self {
            objects: Objects::new(),
            chains: HashMap::new(),
            instructions: Vec::new(),
        }
    }

    /// Adds an object whole, unless the pack has it already. The id is taken at its word.
    pub fn add(&mut self, kind: Kind, id: ObjectId, bytes: &[u8]) {
        self.objects.add_whole(kind, id, bytes);
    }

    /// Adds a version of a folder's listing, unless the pack has it already: as a delta where an earlier version of the
    /// folder is in the pack and that pays, else whole. `raw` is the listing after the version's splices.
    ///
    /// The version's base must be right about the splices; it need not be the version that was added last.
    pub fn add_tree(&mut self, version: &TreeVersion, raw: &[u8]) {
        // A folder without files stands in no listing: its object would dangle, and `git fsck` would say so.
        if raw.is_empty() && !version.folder.is_empty() {
            return;
        }
        if self.continue_chain(version, raw) {
            return;
        }
        // Where another folder brought the very listing, it may be a delta itself, at the end of a chain not to be
        // lengthened: the folder's next version is stored whole and begins its chain.
        if let Some(offset) = self.objects.add_whole(Kind::Tree, version.id.0, raw) {
            self.chains.insert(
                version.folder.clone(),
                Chain::begin(version.id, offset, raw.len()),
            );
        }
    }

    /// How many objects the pack has so far.
    pub fn len(&self) -> usize {
        self.objects.entries.len()
    }

    /// Whether the pack has no object, and is not worth a file.
    pub fn is_empty(&self) -> bool {
        self.objects.entries.is_empty()
    }

    /// Fills in the count and seals the pack with its checksum, and makes its index.
    pub fn finish(self) -> Pack {
        let Objects {
            bytes: mut pack,
            entries,
            ..
        } = self.objects;
        let count =
            u32::try_from(entries.len()).expect("four billion objects do not fit into memory");
        pack[COUNT_AT..PACK_HEADER.len()].copy_from_slice(&count.to_be_bytes());
        let name = checksum(&pack);
        pack.extend_from_slice(&name.0);
        Pack {
            name,
            pack,
            index: index::encode(entries, name),
        }
    }

    /// Tells whether the version is in the pack now. One that came back (A, B, A) is not stored a second time; it takes no
    /// number in the chain, and the next version's delta spans it.
    fn continue_chain(&mut self, version: &TreeVersion, raw: &[u8]) -> bool {
        let chain = self.chains.get_mut(&version.folder);
        let Some(chain) = chain.filter(|chain| version.base == Some(chain.tip())) else {
            return false;
        };
        chain.follow(version);
        if self.objects.ids.contains(&version.id.0) {
            return true;
        }
        let Some((base, delta)) = chain.next_base() else {
            return false;
        };
        debug_assert_eq!(
            delta.newer_bytes(),
            raw.len(),
            "the splices do not lead to the listing"
        );
        self.instructions.clear();
        delta.encode(&mut self.instructions);
        if self.instructions.len() > raw.len() / 2 {
            return false;
        }
        let offset = self
            .objects
            .add_delta(base, version.id.0, &self.instructions);
        chain.stored_at(offset, raw.len());
        true
    }
}

/// The objects of a pack as they will stand in the file, and what the index will say of them.
struct Objects {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    ids: HashSet<ObjectId>,
    deflating: Compressor,
    storing: Compressor,
}

impl Objects {
    fn new() -> Self {
        let level = |level| CompressionLvl::new(level).expect("libdeflate has levels 0 to 12");
        Self {
            bytes: PACK_HEADER.to_vec(),
            entries: Vec::new(),
            ids: HashSet::new(),
            deflating: Compressor::new(level(1)),
            storing: Compressor::new(level(0)),
        }
    }

    /// Gives where the object begins, or nothing when it was there already.
    fn add_whole(&mut self, kind: Kind, id: ObjectId, bytes: &[u8]) -> Option<usize> {
        if self.ids.contains(&id) {
            return None;
        }
        let offset = self.bytes.len();
        encode_header(kind as u8, bytes.len(), &mut self.bytes);
        self.add_zlib(bytes);
        self.end_object(id, offset);
        Some(offset)
    }

    fn add_delta(&mut self, base_offset: usize, id: ObjectId, instructions: &[u8]) -> usize {
        let offset = self.bytes.len();
        encode_header(OFS_DELTA, instructions.len(), &mut self.bytes);
        encode_distance(offset - base_offset, &mut self.bytes);
        self.add_zlib(instructions);
        self.end_object(id, offset);
        offset
    }

    fn add_zlib(&mut self, bytes: &[u8]) {
        let small = bytes.len() < DEFLATE_BYTES_MIN;
        let compressor = if small {
            &mut self.storing
        } else {
            &mut self.deflating
        };
        let start = self.bytes.len();
        self.bytes
            .resize(start + compressor.zlib_compress_bound(bytes.len()), 0);
        let written = compressor
            .zlib_compress(bytes, &mut self.bytes[start..])
            .expect("the bound is room enough");
        self.bytes.truncate(start + written);
    }

    fn end_object(&mut self, id: ObjectId, offset: usize) {
        let crc32 = libdeflater::crc32(&self.bytes[offset..]);
        self.entries.push(Entry {
            id,
            crc32,
            offset: offset as u64,
        });
        self.ids.insert(id);
    }
}

/// Kind and size: four bits of the size beside the kind, then seven a byte, the lowest first.
fn encode_header(kind: u8, size: usize, out: &mut Vec<u8>) {
    let mut byte = kind << 4 | (size & 0x0f) as u8;
    let mut rest = size >> 4;
    while rest > 0 {
        out.push(byte | 0x80);
        byte = (rest & 0x7f) as u8;
        rest >>= 7;
    }
    out.push(byte);
}

/// How far back a delta's base begins: seven bits a byte, the highest first, where each byte but the last counts from one,
/// so that no distance has two spellings.
fn encode_distance(distance: usize, out: &mut Vec<u8>) {
    let mut reversed = vec![(distance & 0x7f) as u8];
    let mut rest = distance >> 7;
    while rest > 0 {
        rest -= 1;
        reversed.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.extend(reversed.iter().rev());
}
