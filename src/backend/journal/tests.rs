//! The journal as its caller sees it.

mod faults;
mod power_cut;

use std::path::PathBuf;

use tempfile::TempDir;

use super::format::BLOCK_BYTES;
use super::*;
use crate::backend::disk::{Operation, Verdict, Witness};
use crate::model::limits::SEGMENT_BYTES;

const REPOSITORY: [u8; 16] = [7; 16];

/// An empty folder with a `.git`; in memory where that can be had, since a cut is acted here and never real.
fn folder() -> TempDir {
    let folder = TempDir::new_in("/dev/shm")
        .or_else(|_| TempDir::new())
        .unwrap();
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    folder
}

fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Segments of three batches of one block each.
fn open(disk: Disk) -> (Journal, Replay) {
    Journal::open(Arc::new(disk), REPOSITORY, 4 * BLOCK_BYTES).unwrap()
}

fn open_in(folder: &TempDir) -> (Journal, Replay) {
    open(Disk::open(folder.path()).unwrap())
}

/// Sees what `judge` is to say of an operation.
struct On<F>(F);

impl<F: Fn(&Operation<'_>) -> Verdict + Send + Sync> Witness for On<F> {
    fn judge(&self, operation: &Operation<'_>) -> Verdict {
        (self.0)(operation)
    }
}

fn open_with(
    folder: &TempDir,
    judge: impl Fn(&Operation<'_>) -> Verdict + Send + Sync + 'static,
) -> Journal {
    open(
        Disk::open(folder.path())
            .unwrap()
            .with_witness(Arc::new(On(judge))),
    )
    .0
}

fn append(journal: &mut Journal, payload: &str) -> Result<u64, AppendError> {
    journal.append(&[payload.into()])
}

/// Appends `1` as the first record, `2` as the second, and so on.
fn append_up_to(journal: &mut Journal, last: u64) {
    for sequence in journal.next_sequence()..=last {
        assert_eq!(append(journal, &sequence.to_string()).unwrap(), sequence);
    }
}

fn texts(replay: &Replay) -> Vec<String> {
    let consecutive = replay
        .records
        .windows(2)
        .all(|pair| pair[0].sequence + 1 == pair[1].sequence);
    assert!(consecutive, "{:?}", replay.records);
    replay
        .records
        .iter()
        .map(|record| String::from_utf8(record.payload.clone()).unwrap())
        .collect()
}

fn numbers(range: impl IntoIterator<Item = u64>) -> Vec<String> {
    range.into_iter().map(|number| number.to_string()).collect()
}

fn segment(folder: &TempDir, number: u64) -> PathBuf {
    folder.path().join(".git").join(segment_path(number))
}

fn files(folder: &TempDir) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.path().join(".git/memoryd/journal")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn what_was_appended_is_replayed() {
    let folder = folder();
    let (mut journal, replay) = open_in(&folder);
    assert_eq!(
        (
            replay.condition,
            replay.records.len(),
            journal.next_sequence()
        ),
        (Condition::Whole, 0, 1)
    );
    let large = vec![b'x'; 10 * BLOCK_BYTES];
    assert_eq!(journal.append(&[]).unwrap(), 0);
    assert_eq!(
        journal
            .append(&[b"1".to_vec(), Vec::new(), b"3".to_vec()])
            .unwrap(),
        3
    );
    assert_eq!(journal.append(std::slice::from_ref(&large)).unwrap(), 4);
    assert_eq!(append(&mut journal, "5").unwrap(), 5);
    journal.release(3);
    let (journal, replay) = open_in(&folder);
    assert_eq!(
        (&replay.condition, journal.next_sequence()),
        (&Condition::Whole, 6)
    );
    assert_eq!(
        texts(&replay),
        ["1", "", "3", &"x".repeat(large.len()), "5"]
    );
}

#[test]
fn opening_changes_nothing() {
    let folder = folder();
    append_up_to(&mut open_in(&folder).0, 8);
    let journal = open_with(&folder, |operation| panic!("{operation:?}"));
    assert_eq!(journal.next_sequence(), 9);
}

#[test]
fn each_run_goes_on_where_the_last_one_ended() {
    let folder = folder();
    for run in 1..20 {
        let (mut journal, replay) = open_in(&folder);
        assert_eq!(texts(&replay), numbers(1..=(run - 1) * 2));
        append_up_to(&mut journal, run * 2);
    }
}

#[test]
fn a_segment_is_let_go_one_release_after_its_records() {
    let folder = folder();
    let (mut journal, _) = open_in(&folder);
    append_up_to(&mut journal, 3);
    journal.release(3);
    append_up_to(&mut journal, 6);
    journal.preparer().prepare().unwrap();
    assert!(
        segment(&folder, 1).exists(),
        "published only now: a pack that is lost again can still be written again"
    );
    journal.release(6);
    append_up_to(&mut journal, 7);
    journal.preparer().prepare().unwrap();
    assert!(!segment(&folder, 1).exists());
    append_up_to(&mut journal, 12);
    assert_eq!(
        texts(&open_in(&folder).1),
        numbers(4..=12),
        "and what the file held before is not replayed"
    );
}

#[test]
fn a_journal_in_use_stays_small_and_makes_no_new_files() {
    use std::os::unix::fs::MetadataExt;
    let folder = folder();
    let (mut journal, _) = open_in(&folder);
    let mut inodes = std::collections::HashSet::new();
    for last in 1..=200 {
        append_up_to(&mut journal, last);
        journal.release(last - 1);
        journal.preparer().prepare().unwrap();
        inodes.extend(
            files(&folder)
                .iter()
                .map(|path| path.metadata().unwrap().ino()),
        );
    }
    assert!(inodes.len() <= 4, "{} files in all", inodes.len());
    append_up_to(&mut journal, 400);
    journal.release(399);
    journal.release(400);
    append_up_to(&mut journal, 410);
    journal.preparer().prepare().unwrap();
    assert!(files(&folder).len() <= 12, "a backlog's room is given back");
}

#[test]
fn starting_again_and_again_does_not_leave_ever_more_files() {
    let folder = folder();
    for run in 1..=50 {
        let (mut journal, replay) = open_in(&folder);
        assert!(replay.records.len() <= 20, "{:?}", replay.records);
        journal.release(journal.next_sequence() - 1);
        append_up_to(&mut journal, run * 2 - 1);
        journal.release(run * 2 - 1);
        append_up_to(&mut journal, run * 2);
        journal.preparer().prepare().unwrap();
        assert!(files(&folder).len() <= 12, "{:?}", files(&folder));
    }
}

#[test]
fn a_thread_may_prepare_while_another_appends() {
    let folder = folder();
    let (mut journal, _) = open_in(&folder);
    let preparer = journal.preparer();
    std::thread::scope(|scope| {
        scope.spawn(move || (0..200).for_each(|_| preparer.prepare().unwrap()));
        for last in 1..=300 {
            append_up_to(&mut journal, last);
            journal.release(last / 10 * 10);
        }
    });
    assert_eq!(texts(&open_in(&folder).1).last().unwrap(), "300");
}

#[test]
fn a_batch_whose_flush_failed_is_never_replayed_behind_a_later_one() {
    let folder = folder();
    let mut journal = open_with(&folder, |operation| match operation {
        Operation::SyncFile(place) if place.1 == segment_path(1) => {
            Verdict::Fail(io::ErrorKind::Other.into())
        }
        _ => Verdict::Proceed,
    });
    append_up_to(&mut journal, 1);
    let failed = journal.append(&[b"maybe".to_vec(), b"not".to_vec()]);
    assert!(matches!(failed, Err(AppendError::Failed(_))));
    assert_eq!(
        texts(&open_in(&folder).1),
        ["1", "maybe", "not"],
        "as long as it is the last of all it may be there"
    );
    append_up_to(&mut journal, 2);
    assert_eq!(texts(&open_in(&folder).1), ["1", "2"]);
}

#[test]
fn a_full_disk_refuses_a_batch_and_takes_the_next() {
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    let (folder, is_full) = (folder(), Arc::new(AtomicBool::new(false)));
    let full = is_full.clone();
    let mut journal = open_with(&folder, move |operation| match operation {
        Operation::Write { file, .. } if full.load(Relaxed) && file.1.ends_with("spare") => {
            Verdict::Short(BLOCK_BYTES)
        }
        _ => Verdict::Proceed,
    });
    append_up_to(&mut journal, 3);
    is_full.store(true, Relaxed);
    for _ in 0..2 {
        assert!(matches!(
            append(&mut journal, "refused"),
            Err(AppendError::Full)
        ));
        assert!(journal.preparer().prepare().unwrap_err().is_disk_full());
        assert_eq!(
            files(&folder),
            [segment(&folder, 1)],
            "room that cannot be used is given back"
        );
    }
    assert_eq!(texts(&open_in(&folder).1), numbers(1..=3));
    is_full.store(false, Relaxed);
    append_up_to(&mut journal, 4);
    assert_eq!(texts(&open_in(&folder).1), numbers(1..=4));
}

#[test]
fn a_removed_journal_is_noticed_and_written_again() {
    let journal_folder = |folder: &TempDir| folder.path().join(".git/memoryd/journal");
    type Removal = fn(&TempDir, &std::path::Path);
    let removals: [Removal; 5] = [
        |folder, _| std::fs::remove_file(segment(folder, 2)).unwrap(),
        |_, journal| std::fs::remove_dir_all(journal).unwrap(),
        |_, journal| std::fs::remove_dir_all(journal.parent().unwrap()).unwrap(),
        |_, journal| std::fs::rename(journal, journal.with_extension("moved")).unwrap(),
        |folder, journal| {
            std::fs::copy(segment(folder, 2), journal.join("copy")).unwrap();
            std::fs::rename(journal.join("copy"), segment(folder, 2)).unwrap();
        },
    ];
    for remove in removals {
        let folder = folder();
        let (mut journal, _) = open_in(&folder);
        append_up_to(&mut journal, 4);
        journal.preparer().prepare().unwrap();
        journal.release(2);
        remove(&folder, &journal_folder(&folder));
        for _ in 0..2 {
            assert!(matches!(
                append(&mut journal, "5"),
                Err(AppendError::Removed)
            ));
        }
        journal
            .rewrite(3, &[b"3".to_vec(), b"4".to_vec(), b"5".to_vec()])
            .unwrap();
        append_up_to(&mut journal, 10);
        let (_, replay) = open_in(&folder);
        assert_eq!(
            (&replay.condition, texts(&replay)),
            (&Condition::Whole, numbers(3..=10))
        );
    }
}

#[test]
fn a_segment_that_is_removed_during_the_flush_acknowledges_nothing() {
    let folder = folder();
    let path = segment(&folder, 1);
    let mut journal = open_with(&folder, move |operation| {
        if matches!(operation, Operation::SyncFile(place) if place.1 == segment_path(1)) {
            std::fs::remove_file(&path).unwrap();
        }
        Verdict::Proceed
    });
    append_up_to(&mut journal, 1);
    assert!(matches!(
        append(&mut journal, "2"),
        Err(AppendError::Removed)
    ));
    journal.release(1);
    journal.rewrite(2, &[]).unwrap();
    append_up_to(&mut journal, 3);
    assert_eq!(texts(&open_in(&folder).1), numbers(2..=3));
}

#[test]
fn an_older_segment_is_missed_when_a_new_one_enters_service() {
    let folder = folder();
    let (mut journal, _) = open_in(&folder);
    append_up_to(&mut journal, 5);
    std::fs::remove_file(segment(&folder, 1)).unwrap();
    append_up_to(&mut journal, 6);
    assert!(matches!(
        append(&mut journal, "7"),
        Err(AppendError::Removed)
    ));
}

#[test]
fn what_is_missing_or_damaged_is_said() {
    type Damage = fn(&TempDir);
    fn flip(folder: &TempDir, number: u64, at: usize) {
        let mut bytes = std::fs::read(segment(folder, number)).unwrap();
        bytes[at] ^= 1;
        std::fs::write(segment(folder, number), bytes).unwrap();
    }
    let corrupt = |number, block| Condition::Corrupt {
        segment: segment_path(number),
        at: block * BLOCK_BYTES,
    };
    let cases: [(Damage, Condition, std::ops::Range<u64>); 9] = [
        (|f| flip(f, 1, BLOCK_BYTES + 30), corrupt(1, 1), 1..1),
        (|f| flip(f, 1, 3 * BLOCK_BYTES), corrupt(1, 3), 1..3),
        (|f| flip(f, 2, 50), corrupt(2, 0), 1..4),
        (|f| flip(f, 3, 50), corrupt(3, 0), 1..7),
        (
            |f| std::fs::write(segment(f, 2), "").unwrap(),
            corrupt(2, 0),
            1..4,
        ),
        (
            |f| std::fs::remove_file(segment(f, 2)).unwrap(),
            Condition::Gapped {
                expected: 4,
                found: 7,
            },
            1..4,
        ),
        (
            |f| std::fs::remove_file(segment(f, 1)).unwrap(),
            Condition::Gapped {
                expected: 1,
                found: 4,
            },
            4..10,
        ),
        // These two cannot be told from a torn tail, and from a journal that ended there.
        (|f| flip(f, 3, 3 * BLOCK_BYTES), Condition::Whole, 1..9),
        (
            |f| std::fs::remove_file(segment(f, 3)).unwrap(),
            Condition::Whole,
            1..7,
        ),
    ];
    for (damage, condition, records) in cases {
        let folder = folder();
        append_up_to(&mut open_in(&folder).0, 9);
        damage(&folder);
        let (mut journal, replay) = open_in(&folder);
        assert_eq!(
            (&replay.condition, texts(&replay)),
            (&condition, numbers(records))
        );
        assert_eq!(
            append(&mut journal, "more").is_ok(),
            condition == Condition::Whole
        );
    }
}

#[test]
fn another_repositorys_journal_is_kept_aside() {
    let folder = folder();
    for count in 1..=2 {
        append_up_to(&mut open_in(&folder).0, 4);
        let disk = Arc::new(Disk::open(folder.path()).unwrap());
        let (_, replay) = Journal::open(disk.clone(), [8; 16], SEGMENT_BYTES).unwrap();
        assert_eq!(
            replay.condition,
            Condition::Foreign {
                repository: REPOSITORY
            }
        );
        let path = Journal::set_aside(&disk).unwrap();
        assert_eq!(path, format!("memoryd/unreplayed-{count}"));
        assert_eq!(
            std::fs::read_dir(folder.path().join(".git").join(path))
                .unwrap()
                .count(),
            2
        );
        let (mut journal, replay) = Journal::open(disk, [8; 16], SEGMENT_BYTES).unwrap();
        assert_eq!(
            (replay.condition, replay.records.len()),
            (Condition::Whole, 0)
        );
        assert_eq!(append(&mut journal, "own").unwrap(), 1);
        std::fs::remove_dir_all(folder.path().join(".git/memoryd/journal")).unwrap();
    }
}

#[test]
fn no_flip_or_truncation_gives_a_record_that_was_not_written() {
    let folder = folder();
    append_up_to(&mut open_in(&folder).0, 8);
    let originals: Vec<_> = files(&folder)
        .into_iter()
        .map(|path| (std::fs::read(&path).unwrap(), path))
        .collect();
    let mut state = 3;
    for round in 0..2_000 {
        let (original, path) = &originals[random(&mut state) as usize % originals.len()];
        let mut bytes = original.clone();
        let at = random(&mut state) as usize % bytes.len();
        match random(&mut state) % 3 {
            0 => bytes.truncate(at),
            bit => bytes[at] ^= bit as u8,
        }
        std::fs::write(path, bytes).unwrap();
        let (_, replay) = open_in(&folder);
        let all = replay
            .records
            .iter()
            .all(|record| record.payload == record.sequence.to_string().as_bytes());
        assert!(
            all && texts(&replay).len() <= 8,
            "{round}: {:?}",
            replay.records
        );
        std::fs::write(path, original).unwrap();
    }
}
