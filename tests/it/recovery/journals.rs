//! Journals that hold what git does not have: torn at the end, damaged in the middle, with a gap, or of another memory.

use std::fs;
use std::path::PathBuf;

use memoryd::model::error::Error;
use memoryd::model::limits::SEGMENT_BYTES;

use super::{ALICE, FILES, INDEX, assert_serves, copied, killed_with_notes, note};
use crate::scene::Scene;

/// So small that every few notes begin another.
const SMALL_SEGMENT_BYTES: usize = 4_096;

fn segments(scene: &Scene) -> Vec<PathBuf> {
    let folder = fs::read_dir(scene.at(".git/memoryd/journal")).unwrap();
    let paths = folder.map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|found| found == "segment"))
        .collect();
    segments.sort();
    segments
}

/// The segment that holds what was written last, its bytes, and where the last of them that is written lies.
fn newest(scene: &Scene) -> (PathBuf, Vec<u8>, usize) {
    let path = segments(scene).pop().unwrap();
    let bytes = fs::read(&path).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    (path, bytes, end)
}

fn assert_notes(scene: &Scene, numbers: std::ops::Range<usize>) {
    let notes: Vec<_> = numbers.map(note).collect();
    let mut served: Vec<_> = FILES.to_vec();
    served.extend(
        notes
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str())),
    );
    assert_serves(scene, &served);
}

#[test]
fn what_only_the_journal_has_is_brought_back() {
    let mut scene = killed_with_notes(5, SEGMENT_BYTES);
    scene.start();
    assert_notes(&scene, 0..5);
}

#[test]
fn what_many_segments_have_is_brought_back() {
    let mut scene = killed_with_notes(40, SMALL_SEGMENT_BYTES);
    assert!(segments(&scene).len() > 3);
    scene.start();
    assert_notes(&scene, 0..40);
}

/// A batch that a cut tore was never acknowledged, and is no damage.
#[test]
fn a_torn_tail_costs_its_own_batch_only() {
    for torn in [1, 3, 60] {
        let mut scene = killed_with_notes(5, SEGMENT_BYTES);
        let (path, mut bytes, end) = newest(&scene);
        bytes[end + 1 - torn..].fill(0);
        fs::write(path, bytes).unwrap();
        scene.start();
        assert_notes(&scene, 0..4);
        assert_eq!(scene.read(&note(4).0), None);
        assert_eq!(scene.store().status().read_only, None);
    }
}

#[test]
fn a_record_behind_a_damaged_one_makes_the_memory_read_only() {
    let mut scene = killed_with_notes(5, SEGMENT_BYTES);
    let (path, mut bytes, _) = newest(&scene);
    let (first, _) = note(1);
    let at = bytes
        .windows(first.len())
        .position(|window| window == first.as_bytes())
        .expect("the journal names the path");
    bytes[at] ^= 1;
    fs::write(&path, &bytes).unwrap();
    scene.start();
    let why = scene.store().status().read_only.expect("it is read-only");
    assert!(why.contains("journal is damaged"), "{why}");
    let refused = scene.write("user/bob/after.md", "# After\n");
    assert!(
        matches!(&refused, Err(Error::Rejected(_))),
        "a write is refused and no fault: {refused:?}"
    );
    assert_eq!(scene.read(INDEX).as_deref(), Some("# Index\n"));
    assert_eq!(scene.read(ALICE).as_deref(), Some("# Alice\n"));
    assert_eq!(fs::read(&path).unwrap(), bytes, "the evidence stays");
    scene.stop();
    scene.start();
    assert!(scene.store().status().read_only.is_some(), "still");
}

#[test]
fn a_journal_with_a_gap_is_kept_aside_and_told() {
    let mut scene = killed_with_notes(40, SMALL_SEGMENT_BYTES);
    let segments = segments(&scene);
    fs::remove_file(&segments[segments.len() / 2]).unwrap();
    scene.start();
    assert_kept_aside(&scene);
    assert_serves(&scene, &FILES);
}

#[test]
fn a_journal_of_another_memory_is_kept_aside_and_told() {
    let donor = killed_with_notes(5, SEGMENT_BYTES);
    let mut scene = Scene::in_memory(&FILES);
    scene.start();
    scene.stop();
    let folder = scene.at(".git/memoryd/journal");
    for segment in segments(&scene) {
        fs::remove_file(segment).unwrap();
    }
    for segment in segments(&donor) {
        fs::copy(&segment, folder.join(segment.file_name().unwrap())).unwrap();
    }
    scene.start();
    assert_kept_aside(&scene);
    assert_eq!(scene.read(&note(0).0), None, "it is not this memory's");
    assert_serves(&scene, &FILES);
}

fn assert_kept_aside(scene: &Scene) {
    let status = scene.store().status();
    let kept = status
        .notices
        .iter()
        .find_map(|notice| notice.split_once("kept as .git/"))
        .unwrap_or_else(|| panic!("it is told: {status:#?}"));
    let folder = scene.at(".git").join(kept.1);
    assert!(fs::read_dir(folder).unwrap().count() > 0, "{kept:?}");
}

/// The daemon's own folder is not the only place where an acknowledged write lies, once git has it.
#[test]
fn a_copy_taken_between_journal_and_git_has_all_that_was_acknowledged() {
    let scene = killed_with_notes(5, SEGMENT_BYTES);
    for _ in 0..2 {
        let mut copy = copied(&scene);
        copy.start();
        assert_notes(&copy, 0..5);
    }
}

#[test]
fn a_journal_removed_under_the_daemon_is_written_again() {
    let mut scene = killed_with_notes(3, SEGMENT_BYTES);
    scene.start();
    fs::remove_dir_all(scene.at(".git/memoryd/journal")).unwrap();
    for number in 3..6 {
        let (path, text) = note(number);
        super::write(&scene, &path, &text);
    }
    assert!(!segments(&scene).is_empty(), "there is a journal again");
    let mut copy = copied(&scene);
    copy.start();
    assert_notes(&copy, 0..6);
}
