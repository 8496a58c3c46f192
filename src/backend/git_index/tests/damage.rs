//! Nothing makes the parser panic, and a patch does what a map would.

use std::collections::BTreeMap;

use super::*;

/// A fixed sequence, so that what fails fails again.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % bound
    }
}

#[test]
fn nonsense_is_refused() {
    let empty = GitIndex::empty().to_bytes();
    let with = |extra: &[u8]| sealed(&[body(&empty), extra].concat());
    let version_9 = sealed(b"DIRC\0\0\0\x09\0\0\0\0");
    let unknown = Unreadable::UnknownExtension("xyz\\x00".to_owned());
    assert_eq!(GitIndex::parse(&empty), Ok(GitIndex::empty()));
    assert_eq!(
        GitIndex::parse(&with(b"XYZW\0\0\0\x01.")),
        Ok(GitIndex::empty())
    );
    assert_eq!(GitIndex::parse(&with(b"xyz\0\0\0\0\x01.")), Err(unknown));
    assert_eq!(
        GitIndex::parse(&with(b"link\0\0\0\0")),
        Err(Unreadable::Split)
    );
    assert_eq!(
        GitIndex::parse(&with(b"sdir\0\0\0\0")),
        Err(Unreadable::Sparse)
    );
    assert_eq!(
        GitIndex::parse(&version_9),
        Err(Unreadable::UnknownVersion(9))
    );
    let many = sealed(b"DIRC\0\0\0\x02\xff\xff\xff\xff");
    for bytes in [
        &many,
        &with(b"TREE\0\0\0\x02."),
        &vec![0; 32],
        &b"# Notes\n".to_vec(),
        &vec![],
    ] {
        let error = GitIndex::parse(bytes).unwrap_err();
        assert!(
            matches!(error, Unreadable::Damaged(_)),
            "{bytes:?}: {error}"
        );
    }
}

#[test]
fn entries_out_of_order_are_refused() {
    for pair in [
        [("b", 0), ("a", 0)],
        [("a", 0), ("a", 0)],
        [("a", 0), ("a", 1)],
        [("a", 2), ("a", 1)],
        [("a/b", 0), ("a.b", 0)],
    ] {
        let mut index = GitIndex::empty();
        for (path, stage) in pair {
            let entry = Entry::file(path.as_bytes(), ObjectId::ZERO, StatData::default());
            index.push(&Entry { stage, ..entry });
        }
        let refusal = Unreadable::Damaged("its entries are not in order");
        assert_eq!(GitIndex::parse(&index.to_bytes()), Err(refusal), "{pair:?}");
    }
}

#[test]
fn damage_is_refused_or_harmless() {
    let repository = Repository::new();
    let mut samples = vec![repository.bytes()];
    repository.begin_conflict();
    samples.push(repository.bytes());
    repository.git("add a.md");
    repository.git("update-index --skip-worktree b/c.md");
    samples.push(repository.bytes());
    repository.git("update-index --index-version 4");
    samples.push(repository.bytes());
    let check = |bytes: &[u8]| {
        if let Ok(index) = GitIndex::parse(bytes) {
            assert_eq!(GitIndex::parse(&index.to_bytes()), Ok(index));
        }
    };
    for sample in &samples {
        for length in 0..sample.len() {
            GitIndex::parse(&sample[..length]).unwrap_err();
            check(&sealed(&sample[..length]));
        }
    }
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..10_000 {
        let mut changed = body(&samples[round % samples.len()]).to_vec();
        let at = random.below(changed.len());
        changed[at] ^= 1 + random.below(255) as u8;
        check(&sealed(&changed));
    }
}

/// Names around every edge: of the padding, of the length flag, and of the order, where `/` is one byte among others.
#[test]
fn patches_are_those_of_a_map() {
    let mut names: Vec<Vec<u8>> = (1..=9).map(|length| vec![b'x'; length]).collect();
    names.extend((4_094..=4_097).map(|length| vec![b'y'; length]));
    names.extend(
        ["a", "a-b", "a.b", "a/b", "a0", "b", "\u{e4}"].map(|name| name.as_bytes().to_vec()),
    );
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut index = GitIndex::empty();
    let mut model = BTreeMap::new();
    for _ in 0..500 {
        let updates: Vec<_> = (0..random.below(6))
            .map(
                |_| match (&names[random.below(names.len())], random.below(5)) {
                    (name, 0 | 1) => Update::Remove(name),
                    (name, bits) => Update::Set(Entry {
                        skip_worktree: bits == 3,
                        stage: random.below(4) as u8,
                        ..Entry::file(name, checksum(&[bits as u8]), StatData::default())
                    }),
                },
            )
            .collect();
        index = index.patched(updates.iter().copied());
        for update in updates {
            match update {
                Update::Set(entry) => model.insert(entry.path, entry),
                Update::Remove(path) => model.remove(path),
            };
        }
        assert!(index.entries().eq(model.values().copied()));
        assert_eq!(GitIndex::parse(&index.to_bytes()).as_ref(), Ok(&index));
        for name in &names {
            let entry = model.get(name.as_slice()).copied();
            assert_eq!(index.get(name), entry.filter(|entry| entry.stage == 0));
        }
    }
}
