//! A journal segment's bytes: written, and read back however damaged they are.
//!
//! Pure, so that it can be fuzzed: no input makes [`read`] panic, allocate more than a few times its size, or give a record that
//! was not written. The layout is drawn in the [journal's essay](super).

/// What a segment is divided into. Each batch starts a block of its own, so that no byte that was acknowledged ever
/// shares a sector or a page with one that is still to be written.
pub const BLOCK_BYTES: usize = 4096;
/// The version of the layout that is written, and the only one that is read.
pub const VERSION: u64 = 1;

const MAGIC: &[u8; 16] = b"memoryd journal\n";
/// The part of the header under its checksum.
const HEADER_BYTES: usize = 64;
/// The part of a batch's head under its checksum.
const HEAD_BYTES: usize = 24;

/// What stands in a segment's first block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The repository whose writes these are.
    pub repository: [u8; 16],
    /// Told by each batch of the segment, and by no other bytes: what a recycled file held before does not have it.
    pub salt: u64,
    /// The first record's sequence. Records of older segments with this sequence or a later one do not count.
    pub first: u64,
    /// The journal was whole from this sequence on; earlier records may be gone.
    pub floor: u64,
}

/// One payload, and where it stands among all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// One more than the record's before it.
    pub sequence: u64,
    /// What the store handed over.
    pub payload: Vec<u8>,
}

/// What a segment holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its first block.
    pub header: Header,
    /// The records of all batches up to the first that does not verify, in sequence.
    pub records: Vec<Record>,
    /// The first sequence of the last of these batches.
    pub last_batch: u64,
    /// Where the last of these batches ends.
    pub end: usize,
    /// Whether a batch that verifies stands behind one that does not. Batches are written one at a time, each after the
    /// one before it was flushed, so no crash leaves this: bytes that were durable have changed.
    pub is_damaged: bool,
}

/// Why a file is no segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The first block is not a header, or not as it was written.
    #[error("its header does not verify")]
    Header,
    /// The header is of a version that this program does not know.
    #[error("its format is version {0}, this program reads version {VERSION}")]
    Version(u64),
}

impl Header {
    /// Appends the header's block.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.repository);
        for number in [self.salt, self.first, self.floor] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        let checksum = crc32fast::hash(&out[start..]);
        out.extend_from_slice(&checksum.to_le_bytes());
        out.resize(start + BLOCK_BYTES, 0);
    }

    fn decode(segment: &[u8]) -> Result<Self, Unreadable> {
        let verified = segment
            .split_at_checked(HEADER_BYTES)
            .filter(|(header, rest)| Cursor(rest).u32() == Some(crc32fast::hash(header)))
            .and_then(|(header, _)| header.strip_prefix(MAGIC));
        let mut fields = Cursor(verified.ok_or(Unreadable::Header)?);
        let version = fields.u64().ok_or(Unreadable::Header)?;
        if version != VERSION {
            return Err(Unreadable::Version(version));
        }
        fields.header().ok_or(Unreadable::Header)
    }
}

/// Appends one batch, and zeros up to the next block.
pub fn encode_batch(salt: u64, first: u64, payloads: &[&[u8]], out: &mut Vec<u8>) {
    let start = out.len();
    let length: usize = payloads.iter().map(|payload| 8 + payload.len()).sum();
    for number in [salt, first, length as u64] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    let checksum_at = out.len();
    out.extend_from_slice(&[0; 4]);
    for payload in payloads {
        out.extend_from_slice(&(payload.len() as u64).to_le_bytes());
        out.extend_from_slice(payload);
    }
    let checksum = checksum(&out[start..checksum_at], &out[checksum_at + 4..]);
    out[checksum_at..checksum_at + 4].copy_from_slice(&checksum.to_le_bytes());
    out.resize(start + whole_blocks(length), 0);
}

/// How many bytes [`encode_batch`] appends for these payloads.
pub fn batch_bytes(payloads: &[&[u8]]) -> usize {
    whole_blocks(payloads.iter().map(|payload| 8 + payload.len()).sum())
}

/// Reads a segment: its header, and the batches up to the first that does not verify.
pub fn read(segment: &[u8]) -> Result<Segment, Unreadable> {
    let header = Header::decode(segment)?;
    let mut records = Vec::new();
    let (mut end, mut next, mut last_batch) = (BLOCK_BYTES, header.first, header.first);
    while let Some(batch) =
        Batch::read(segment, end, header.salt).filter(|batch| batch.first == next)
    {
        last_batch = next;
        records.extend(batch.records());
        end += whole_blocks(batch.body.len());
        next = batch.next;
    }
    let mut behind = (end..segment.len()).step_by(BLOCK_BYTES);
    let is_damaged = behind.any(|at| Batch::read(segment, at, header.salt).is_some());
    Ok(Segment {
        header,
        records,
        last_batch,
        end,
        is_damaged,
    })
}

/// A batch that verifies.
struct Batch<'a> {
    first: u64,
    /// The sequence after its last record.
    next: u64,
    body: &'a [u8],
}

impl<'a> Batch<'a> {
    fn read(segment: &'a [u8], at: usize, salt: u64) -> Option<Self> {
        let (head, rest) = segment.get(at..)?.split_at_checked(HEAD_BYTES)?;
        let mut fields = Cursor(head);
        if fields.u64()? != salt {
            return None;
        }
        let (first, length) = (fields.u64()?, fields.u64()?);
        let mut rest = Cursor(rest);
        let expected = rest.u32()?;
        let body = rest.take(length)?;
        if expected != checksum(head, body) {
            return None;
        }
        let next = first.checked_add(count(body)?)?;
        Some(Self { first, next, body })
    }

    fn records(&self) -> impl Iterator<Item = Record> {
        (self.first..)
            .zip(payloads(self.body))
            .map(|(sequence, payload)| Record {
                sequence,
                payload: payload.to_vec(),
            })
    }
}

/// How many payloads a body is, at least one and the last ending where the body ends; nothing when it is not so.
fn count(body: &[u8]) -> Option<u64> {
    let (count, bytes) = payloads(body).fold((0, 0), |(count, bytes), payload| {
        (count + 1, bytes + 8 + payload.len())
    });
    (count > 0 && bytes == body.len()).then_some(count)
}

fn payloads(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Cursor(body);
    std::iter::from_fn(move || {
        let length = rest.u64()?;
        rest.take(length)
    })
}

/// From one batch's start to the next one's, for a body of `length` bytes.
fn whole_blocks(length: usize) -> usize {
    (HEAD_BYTES + 4 + length).next_multiple_of(BLOCK_BYTES)
}

fn checksum(head: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(body);
    hasher.finalize()
}

/// Bytes that are read from the front, little-endian, until there are too few.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn array<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn header(&mut self) -> Option<Header> {
        Some(Header {
            repository: self.array()?,
            salt: self.u64()?,
            first: self.u64()?,
            floor: self.u64()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header {
        repository: [3; 16],
        salt: 0x0123_4567_89ab_cdef,
        first: 7,
        floor: 5,
    };

    /// Three batches in a recycled file: two records, then a long one, then an empty one.
    fn segment() -> Vec<u8> {
        let mut bytes = Vec::new();
        HEADER.encode(&mut bytes);
        encode_batch(HEADER.salt, 7, &[b"one", b"two"], &mut bytes);
        encode_batch(HEADER.salt, 9, &[&[b'x'; 5000]], &mut bytes);
        encode_batch(HEADER.salt, 10, &[b""], &mut bytes);
        encode_batch(0xdead, 11, &[b"what the file held before"], &mut bytes);
        bytes
    }

    fn records() -> Vec<Record> {
        let payloads = [
            b"one".to_vec(),
            b"two".to_vec(),
            vec![b'x'; 5000],
            Vec::new(),
        ];
        (7..)
            .zip(payloads)
            .map(|(sequence, payload)| Record { sequence, payload })
            .collect()
    }

    fn random(state: &mut u64) -> usize {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state as usize
    }

    #[test]
    fn what_was_written_is_read() {
        let read = read(&segment()).unwrap();
        assert_eq!((read.header, read.records), (HEADER, records()));
        assert_eq!(
            (read.last_batch, read.end, read.is_damaged),
            (10, 5 * BLOCK_BYTES, false)
        );
    }

    #[test]
    fn a_segment_of_the_first_version_is_read() {
        let header = "6d656d6f727964206a6f75726e616c0a0100000000000000000102030405060708090a0b0c0d0e0f\
                      efcdab896745230107000000000000000500000000000000";
        let batch = "efcdab896745230107000000000000001300000000000000";
        let body = "03000000000000006f6e650000000000000000";
        let checksums = ["e59ad4e3", "997d6059"];
        let mut sample = hex(&[header, checksums[0]].concat());
        sample.resize(BLOCK_BYTES, 0);
        sample.extend(hex(&[batch, checksums[1], body].concat()));
        let read = read(&sample).unwrap();
        assert_eq!(
            read.header.repository.to_vec(),
            (0..16).collect::<Vec<u8>>()
        );
        assert_eq!(
            (read.header.salt, read.header.first, read.header.floor),
            (HEADER.salt, 7, 5)
        );
        let payloads: Vec<_> = read
            .records
            .into_iter()
            .map(|record| record.payload)
            .collect();
        assert_eq!(payloads, [b"one".to_vec(), Vec::new()]);
    }

    #[test]
    fn a_later_version_is_not_taken_for_damage() {
        let mut bytes = segment();
        bytes[16] = 2;
        assert_eq!(read(&bytes), Err(Unreadable::Header));
        let checksum = crc32fast::hash(&bytes[..HEADER_BYTES]).to_le_bytes();
        bytes[HEADER_BYTES..HEADER_BYTES + 4].copy_from_slice(&checksum);
        assert_eq!(read(&bytes), Err(Unreadable::Version(2)));
    }

    #[test]
    fn every_truncation_ends_between_two_batches() {
        let (bytes, all) = (segment(), records());
        for length in 0..bytes.len() {
            let Ok(read) = read(&bytes[..length]) else {
                assert!(length < HEADER_BYTES + 4, "{length}");
                continue;
            };
            assert!([0, 2, 3, 4].contains(&read.records.len()), "{length}");
            assert_eq!(read.records, all[..read.records.len()], "{length}");
            assert!(!read.is_damaged, "{length}");
        }
    }

    #[test]
    fn no_flip_gives_a_record_that_was_not_written() {
        let (original, all, mut state) = (segment(), records(), 1);
        for round in 0..20_000 {
            let mut bytes = original.clone();
            for _ in 0..=random(&mut state) % 4 {
                let at = random(&mut state) % bytes.len();
                bytes[at] ^= 1 << (random(&mut state) % 8);
            }
            let Ok(read) = read(&bytes) else { continue };
            assert_eq!(read.header, HEADER, "{round}");
            assert_eq!(read.records, all[..read.records.len()], "{round}");
            // Whatever the flips took away before the last batch is seen to be missing, unless they took that, too.
            let last_batch = &bytes[4 * BLOCK_BYTES..5 * BLOCK_BYTES];
            if read.records.len() < 3 && last_batch == &original[4 * BLOCK_BYTES..5 * BLOCK_BYTES] {
                assert!(read.is_damaged, "{round}");
            }
        }
    }

    #[test]
    fn a_batch_torn_anywhere_is_not_damage() {
        let whole = segment();
        let (start, end) = (2 * BLOCK_BYTES, 4 * BLOCK_BYTES);
        for sectors in 0..1_u32 << ((end - start) / 1024) {
            let mut bytes = whole[..start].to_vec();
            bytes.resize(whole.len(), 0);
            for (index, sector) in whole[start..end].chunks(1024).enumerate() {
                if sectors & 1 << index != 0 {
                    bytes[start + index * 1024..][..1024].copy_from_slice(sector);
                }
            }
            let read = read(&bytes).unwrap();
            assert!(!read.is_damaged, "{sectors:b}");
            assert_eq!(read.records, records()[..read.records.len()], "{sectors:b}");
        }
    }

    fn hex(digits: &str) -> Vec<u8> {
        let pairs = digits.as_bytes().chunks(2);
        pairs
            .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }
}
