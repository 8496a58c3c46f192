//! The journal's reader: of a damaged segment it gives what was written, or nothing, and never anything else.

use memoryd::backend::journal::format::{Header, Record, encode_batch, read};
use memoryd::model::record::{decode, encode};

/// Takes any bytes for a segment, for a record, and for the damage that is done to a whole one.
pub fn run(data: &[u8]) {
    let _ = read(data);
    if let Ok(record) = decode(data) {
        assert_eq!(decode(&encode(&record)), Ok(record));
    }
    damaged(data);
}

fn damaged(data: &[u8]) {
    let header = Header {
        repository: [7; 16],
        salt: 0x5a17_5a17_5a17_5a17,
        first: 9,
        floor: 3,
    };
    let mut segment = Vec::new();
    header.encode(&mut segment);
    let (damage, payloads) = data.split_at(data.len() / 4);
    let mut written = Vec::new();
    for batch in payloads.split(|byte| *byte == 0) {
        let batch: Vec<_> = batch.split(|byte| *byte == 1).collect();
        let first = header.first + written.len() as u64;
        encode_batch(header.salt, first, &batch, &mut segment);
        for payload in batch {
            let sequence = header.first + written.len() as u64;
            written.push(Record {
                sequence,
                payload: payload.to_vec(),
            });
        }
    }
    let whole = read(&segment).expect("it is whole");
    assert_eq!(
        (&whole.records, whole.end, whole.is_damaged),
        (&written, segment.len(), false)
    );
    for spot in damage.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([spot[0], spot[1]])) * 7 % segment.len();
        segment[at] ^= spot[2];
    }
    let cut = damage.first().map_or(segment.len(), |cut| {
        segment.len() - usize::from(*cut).min(segment.len())
    });
    for segment in [&segment[..], &segment[..cut]] {
        if let Ok(left) = read(segment) {
            assert_eq!(left.header, header);
            assert!(left.records.len() <= written.len());
            assert_eq!(left.records, written[..left.records.len()]);
        }
    }
}
