//! How one version of a listing is put together out of an older one, and how git writes that down.
//!
//! A [`Delta`] lays the newer version out as pieces: stretches of the older version, and bytes that are new. Two deltas
//! in a row compose into one without either text at hand, so a version can be told from any of its ancestors at a cost
//! that grows with the edits between them and not with the listing, which is hundreds of kilobytes where they are few.
//!
//! Written (gitformat-pack, "Deltified representation"), a delta is the two sizes, then one instruction a piece: a copy
//! with as few bytes of its offset and length as it needs, or up to 127 literal bytes.

use std::ops::Range;

use crate::model::tree::Splice;

/// The longest copy that one instruction can tell: its length has three bytes.
const COPY_BYTES_MAX: usize = 0xff_ffff;
/// The longest insertion that one instruction can tell: its length has seven bits.
const INSERT_BYTES_MAX: usize = 0x7f;
/// The copy length that is written as no length at all; git reads a length of zero as this.
const COPY_BYTES_IMPLIED: usize = 0x1_0000;

/// A newer version as pieces of an older one.
#[derive(Debug, Clone)]
pub(super) struct Delta {
    older_bytes: usize,
    pieces: Vec<Piece>,
    literals: Vec<u8>,
}

/// A stretch of the newer version. Pieces leave no gaps: each starts where the one before it ends.
#[derive(Debug, Clone, Copy)]
struct Piece {
    at: usize,
    bytes: usize,
    origin: Origin,
}

/// Where a piece's bytes begin: in the older version, or among the delta's own literals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Older(usize),
    Literal(usize),
}

impl Delta {
    /// From a version of this many bytes to itself.
    pub(super) fn identity(bytes: usize) -> Self {
        let mut delta = Self::empty(bytes);
        delta.copy(0..bytes);
        delta
    }

    /// From a version of this many bytes to what the splices make of it, each applied to what the one before it left.
    ///
    /// Halving keeps a commit that touches ten thousand files of one folder from costing ten thousand times ten thousand.
    pub(super) fn of(splices: &[Splice], older_bytes: usize) -> Self {
        match splices {
            [] => Self::identity(older_bytes),
            [splice] => Self::of_one(splice, older_bytes),
            many => {
                let (first, second) = many.split_at(many.len() / 2);
                let first = Self::of(first, older_bytes);
                let second = Self::of(second, first.newer_bytes());
                first.then(&second)
            }
        }
    }

    /// The delta from this one's older version to the other's newer one; the other starts where this one ends.
    pub(super) fn then(&self, next: &Self) -> Self {
        debug_assert_eq!(
            self.newer_bytes(),
            next.older_bytes,
            "the deltas do not meet"
        );
        let mut composed = Self::empty(self.older_bytes);
        for piece in &next.pieces {
            match piece.origin {
                Origin::Older(at) => composed.append(self, at..at + piece.bytes),
                Origin::Literal(at) => composed.insert(&next.literals[at..at + piece.bytes]),
            }
        }
        composed
    }

    /// How long the newer version is.
    pub(super) fn newer_bytes(&self) -> usize {
        self.pieces.last().map_or(0, |piece| piece.at + piece.bytes)
    }

    /// Writes it as git's delta instructions.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        encode_size(self.older_bytes, out);
        encode_size(self.newer_bytes(), out);
        for piece in &self.pieces {
            match piece.origin {
                Origin::Older(at) => encode_copy(at, piece.bytes, out),
                Origin::Literal(at) => encode_insert(&self.literals[at..at + piece.bytes], out),
            }
        }
    }

    fn empty(older_bytes: usize) -> Self {
        Self {
            older_bytes,
            pieces: Vec::new(),
            literals: Vec::new(),
        }
    }

    fn of_one(splice: &Splice, older_bytes: usize) -> Self {
        let mut delta = Self::empty(older_bytes);
        delta.copy(0..splice.at);
        delta.insert(&splice.inserted);
        delta.copy(splice.at + splice.removed..older_bytes);
        delta
    }

    /// Appends what another delta has in a stretch of its newer version.
    fn append(&mut self, source: &Self, stretch: Range<usize>) {
        let first = source
            .pieces
            .partition_point(|piece| piece.at + piece.bytes <= stretch.start);
        for piece in source.pieces[first..]
            .iter()
            .take_while(|piece| piece.at < stretch.end)
        {
            let from = stretch.start.max(piece.at) - piece.at;
            let to = stretch.end.min(piece.at + piece.bytes) - piece.at;
            match piece.origin {
                Origin::Older(at) => self.copy(at + from..at + to),
                Origin::Literal(at) => self.insert(&source.literals[at + from..at + to]),
            }
        }
    }

    fn copy(&mut self, older: Range<usize>) {
        self.push(Origin::Older(older.start), older.len());
    }

    fn insert(&mut self, bytes: &[u8]) {
        self.push(Origin::Literal(self.literals.len()), bytes.len());
        self.literals.extend_from_slice(bytes);
    }

    /// Adds a piece at the end, or lengthens the last one where it goes on: fewer pieces are fewer instructions.
    fn push(&mut self, origin: Origin, bytes: usize) {
        let at = self.newer_bytes();
        match self.pieces.last_mut() {
            _ if bytes == 0 => {}
            Some(last) if last.origin.after(last.bytes) == origin => last.bytes += bytes,
            _ => self.pieces.push(Piece { at, bytes, origin }),
        }
    }
}

impl Origin {
    fn after(self, bytes: usize) -> Self {
        match self {
            Self::Older(at) => Self::Older(at + bytes),
            Self::Literal(at) => Self::Literal(at + bytes),
        }
    }
}

/// Seven bits a byte, the lowest first; the high bit says that more follow.
fn encode_size(mut size: usize, out: &mut Vec<u8>) {
    while size > 0x7f {
        out.push(size as u8 | 0x80);
        size >>= 7;
    }
    out.push(size as u8);
}

fn encode_copy(mut at: usize, mut bytes: usize, out: &mut Vec<u8>) {
    while bytes > 0 {
        let length = bytes.min(COPY_BYTES_MAX);
        encode_copy_instruction(at, length, out);
        at += length;
        bytes -= length;
    }
}

/// The instruction's low seven bits say which of four offset bytes and three length bytes follow; bytes of zero do not.
fn encode_copy_instruction(at: usize, length: usize, out: &mut Vec<u8>) {
    let at = u32::try_from(at).expect("a listing is far smaller than 4 GiB");
    let length = if length == COPY_BYTES_IMPLIED {
        0
    } else {
        length
    };
    let instruction = out.len();
    out.push(0x80);
    let operands = at
        .to_le_bytes()
        .into_iter()
        .chain(length.to_le_bytes().into_iter().take(3));
    for (bit, byte) in operands.enumerate().filter(|(_, byte)| *byte != 0) {
        out[instruction] |= 1 << bit;
        out.push(byte);
    }
}

fn encode_insert(literal: &[u8], out: &mut Vec<u8>) {
    for chunk in literal.chunks(INSERT_BYTES_MAX) {
        out.push(chunk.len() as u8);
        out.extend_from_slice(chunk);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What git does with the instructions, as gitformat-pack has it.
    fn resolve(older: &[u8], mut delta: &[u8]) -> Vec<u8> {
        let older_bytes = take_size(&mut delta);
        let newer_bytes = take_size(&mut delta);
        let mut newer = Vec::new();
        while let Some(instruction) = take(&mut delta) {
            let literal = usize::from(instruction);
            if literal <= INSERT_BYTES_MAX {
                assert_ne!(literal, 0, "reserved");
                newer.extend_from_slice(&delta[..literal]);
                delta = &delta[literal..];
                continue;
            }
            let mut operands = [0; 7];
            for bit in (0..7).filter(|bit| instruction & 1 << bit != 0) {
                operands[bit] = take(&mut delta).unwrap();
            }
            let [a, b, c, d, x, y, z] = operands;
            let at = u32::from_le_bytes([a, b, c, d]) as usize;
            let bytes = u32::from_le_bytes([x, y, z, 0]) as usize;
            newer.extend_from_slice(&older[at..at + if bytes == 0 { 0x1_0000 } else { bytes }]);
        }
        assert_eq!((older_bytes, newer_bytes), (older.len(), newer.len()));
        newer
    }

    fn take(delta: &mut &[u8]) -> Option<u8> {
        let (first, rest) = delta.split_first()?;
        *delta = rest;
        Some(*first)
    }

    fn take_size(delta: &mut &[u8]) -> usize {
        let mut size = 0;
        for shift in (0..).step_by(7) {
            let byte = usize::from(take(delta).unwrap());
            size |= (byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        size
    }

    fn encoded(delta: &Delta) -> Vec<u8> {
        let mut out = Vec::new();
        delta.encode(&mut out);
        out
    }

    #[test]
    fn composed_deltas_lead_where_the_splices_lead() {
        let mut state = 7_u64;
        let mut below = |bound: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % bound
        };
        for _ in 0..300 {
            let oldest: Vec<u8> = (0..below(300)).map(|_| below(256) as u8).collect();
            let mut raw = oldest.clone();
            let mut splices = Vec::new();
            for _ in 0..below(12) {
                let at = below(raw.len() + 1);
                let removed = below(raw.len() - at + 1).min(40);
                let inserted = (0..below(200)).map(|_| below(256) as u8).collect();
                let splice = Splice {
                    at,
                    removed,
                    inserted,
                };
                splice.apply(&mut raw);
                splices.push(splice);
            }
            let delta = Delta::of(&splices, oldest.len());
            assert_eq!(resolve(&oldest, &encoded(&delta)), raw, "{splices:?}");
        }
    }

    #[test]
    fn copies_take_as_few_bytes_as_they_need() {
        let cases: &[(usize, usize, &[u8])] = &[
            (0, 1, &[0x90, 1]),
            (1, 0xffff, &[0xb1, 1, 0xff, 0xff]),
            (0, 0x1_0000, &[0x80]),
            (0x0100_0000, 0x1_0001, &[0xd8, 1, 1, 1]),
            (0, 0x2_0000, &[0xc0, 2]),
            (0, 0xff_ffff, &[0xf0, 0xff, 0xff, 0xff]),
            (
                0,
                0x100_0000,
                &[0xf0, 0xff, 0xff, 0xff, 0x97, 0xff, 0xff, 0xff, 1],
            ),
        ];
        for (at, bytes, expected) in cases {
            let mut out = Vec::new();
            encode_copy(*at, *bytes, &mut out);
            assert_eq!(out, *expected, "{bytes:#x} bytes at {at:#x}");
        }
    }

    #[test]
    fn pieces_that_go_on_are_one() {
        let splice = Splice {
            at: 3,
            removed: 0,
            inserted: b"abc".to_vec(),
        };
        let inverse = Splice {
            at: 3,
            removed: 3,
            inserted: Vec::new(),
        };
        let there_and_back = Delta::of(&[splice, inverse], 10);
        assert_eq!(encoded(&there_and_back), encoded(&Delta::identity(10)));
    }
}
