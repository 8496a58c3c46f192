//! Every operation fails once, every operation fails for good, the process is killed, the power is cut: what was
//! acknowledged and not released is there afterwards, in order and byte for byte, and nothing stands between.

use std::collections::{BTreeMap, HashMap};

use super::power_cut::{Failure, Plan, Tape};
use super::*;

/// Small enough that the script goes through several segments.
const SEGMENT: usize = 8 * format::BLOCK_BYTES;

/// One disk through several runs of the daemon, and what must be on it.
struct World {
    folder: TempDir,
    tape: Arc<Tape>,
    journal: Journal,
    /// What was handed over under each sequence, acknowledged or not.
    tried: HashMap<u64, Vec<Vec<u8>>>,
    acknowledged: BTreeMap<u64, Vec<u8>>,
    /// What the last replay gave beyond that: nobody was promised it until something is acknowledged behind it.
    unpromised: Vec<Record>,
    released: u64,
    /// What was released by the release before: only that may be gone.
    expendable: u64,
    payloads: u64,
}

impl World {
    fn new(plan: Plan) -> Self {
        let (folder, tape) = (folder(), Arc::new(Tape::new(plan)));
        let disk = Arc::new(
            Disk::open(folder.path())
                .unwrap()
                .with_witness(tape.clone()),
        );
        let (journal, _) = Journal::open(disk, REPOSITORY, SEGMENT).unwrap();
        Self {
            folder,
            tape,
            journal,
            tried: HashMap::new(),
            acknowledged: BTreeMap::new(),
            unpromised: Vec::new(),
            released: 0,
            expendable: 0,
            payloads: 0,
        }
    }

    fn append(&mut self, count: u64, bytes: usize) {
        let first = self.journal.next_sequence();
        let mut batch = Vec::new();
        for sequence in first..first + count {
            self.payloads += 1;
            let payload = [&self.payloads.to_le_bytes()[..], &vec![b'.'; bytes]].concat();
            self.tried
                .entry(sequence)
                .or_default()
                .push(payload.clone());
            batch.push(payload);
        }
        match self.journal.append(&batch) {
            Ok(last) => {
                assert_eq!(last, first + count - 1);
                let unpromised = self
                    .unpromised
                    .drain(..)
                    .map(|record| (record.sequence, record.payload));
                self.acknowledged
                    .extend(unpromised.chain((first..).zip(batch)));
            }
            Err(AppendError::Removed) => panic!("nobody removed anything"),
            Err(AppendError::Full | AppendError::Failed(_)) => {}
        }
    }

    /// Only what is acknowledged is published, all but the last few of it.
    fn release(&mut self, behind: u64) {
        let last = self
            .acknowledged
            .last_key_value()
            .map_or(0, |(last, _)| *last);
        let through = last.saturating_sub(behind);
        if through > self.released {
            (self.expendable, self.released) = (self.released, through);
        }
        self.journal.release(through);
    }

    /// A day in a daemon's life: new segments with and without a spare, batches larger than a block and larger than a
    /// segment, releases, recycled segments.
    fn run(&mut self) {
        self.append(1, 10);
        self.append(3, 100);
        let _ = self.journal.preparer().prepare();
        self.append(2, 5000);
        self.append(1, 12_000);
        self.release(1);
        self.append(2, 5000);
        self.release(0);
        let _ = self.journal.preparer().prepare();
        self.append(1, 40_000);
        self.append(1, 20_000);
        self.append(1, 20_000);
        let _ = self.journal.preparer().prepare();
        self.release(2);
        self.release(1);
        self.append(2, 9000);
        self.append(1, 10);
    }

    /// The process dies and the next one starts, on the disk as programs see it.
    fn restart(&mut self) {
        self.tape.restart();
        let disk = Arc::new(
            Disk::open(self.folder.path())
                .unwrap()
                .with_witness(self.tape.clone()),
        );
        let (journal, replay) = Journal::open(disk, REPOSITORY, SEGMENT).unwrap();
        self.unpromised = self.judge(&replay, &journal);
        // A new process knows only of releases that took effect.
        self.released = self.expendable;
        self.journal = journal;
    }

    /// The power is cut and comes back, with `seed` for what survives of that which was not flushed.
    fn cut(&self, seed: u64) {
        let (after, mut state) = (folder(), seed);
        self.tape
            .cut_into(&after.path().join(".git"), || random(&mut state) & 1 == 0);
        let disk = Arc::new(Disk::open(after.path()).unwrap());
        let (mut journal, replay) = Journal::open(disk.clone(), REPOSITORY, SEGMENT).unwrap();
        self.judge(&replay, &journal);
        let last = journal.append(&[b"goes on".to_vec()]).unwrap();
        let (_, again) = Journal::open(disk, REPOSITORY, SEGMENT).unwrap();
        assert_eq!(again.condition, Condition::Whole);
        assert_eq!(
            again.records.last(),
            Some(&Record {
                sequence: last,
                payload: b"goes on".to_vec()
            })
        );
    }

    /// Compares a replay with what was promised, and gives what it has beyond.
    fn judge(&self, replay: &Replay, journal: &Journal) -> Vec<Record> {
        assert_eq!(replay.condition, Condition::Whole);
        let first = replay
            .records
            .first()
            .map_or(journal.next_sequence(), |record| record.sequence);
        let records: BTreeMap<_, _> = replay
            .records
            .iter()
            .map(|record| (record.sequence, &record.payload))
            .collect();
        assert!(
            records.keys().copied().eq(first..journal.next_sequence()),
            "sequences are consecutive"
        );
        for (sequence, payload) in &self.acknowledged {
            assert!(
                records.contains_key(sequence) || *sequence <= self.expendable,
                "{sequence} is lost"
            );
            assert!(
                records
                    .get(sequence)
                    .is_none_or(|replayed| *replayed == payload),
                "{sequence} is another"
            );
        }
        let promised = self
            .acknowledged
            .last_key_value()
            .map_or(0, |(last, _)| *last);
        let beyond: Vec<_> = replay
            .records
            .iter()
            .filter(|record| record.sequence > promised)
            .cloned()
            .collect();
        for Record { sequence, payload } in &beyond {
            assert!(
                self.tried[sequence].contains(payload),
                "{sequence} was never written"
            );
        }
        beyond
    }
}

/// Three runs under a plan, a kill between them and a cut at any end of them; gives the number of operations.
fn live(plan: Plan, seed: u64) -> usize {
    let mut world = World::new(plan);
    for run in 0..3 {
        world.run();
        world.cut(seed + run);
        world.restart();
        world.cut(seed + 10 + run);
    }
    world.tape.operations()
}

#[test]
fn nothing_acknowledged_is_lost_when_any_one_operation_fails() {
    for failure in [Failure::Broken, Failure::Full, Failure::Short] {
        let mut failing = 1;
        while live(
            Box::new(move |operation| (operation == failing).then_some(failure)),
            7 * failing as u64,
        ) >= failing
        {
            failing += 1;
        }
        assert!(failing > 100, "the script does {failing} operations");
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_disk_dies_at_any_operation() {
    for last in 0..live(Box::new(|_| None), 1) {
        live(
            Box::new(move |operation| (operation > last).then_some(Failure::Broken)),
            5 * last as u64 + 1,
        );
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_operations_fail_at_random() {
    for seed in 1..=150_u64 {
        let plan = move |operation: usize| {
            let mut state = seed << 32 | operation as u64;
            let chance = random(&mut state) ^ random(&mut state) >> 17;
            chance.is_multiple_of(7).then_some(
                [Failure::Broken, Failure::Full, Failure::Short][chance as usize / 7 % 3],
            )
        };
        live(Box::new(plan), seed);
    }
}
