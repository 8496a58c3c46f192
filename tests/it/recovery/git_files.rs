//! What git keeps in `.git`: empty, torn, left over or missing.

use std::fs;
use std::path::PathBuf;

use super::{ALICE, FILES, INDEX, assert_serves, cut_power, note, write};
use crate::scene::Scene;

const WRITTEN: &str = "# Alice, written\n";
const SERVED: [(&str, &str); 2] = [(ALICE, WRITTEN), (INDEX, "# Index\n")];

/// A memory with a written text, stopped; the power went.
fn cut() -> Scene {
    let mut scene = Scene::in_memory(&FILES);
    scene.start();
    write(&scene, ALICE, WRITTEN);
    scene.settle();
    scene.stop();
    cut_power(&scene, &scene.git(&["rev-parse", "HEAD"]));
    scene
}

/// Starts from a file of git's that has these bytes.
fn assert_survives(path: &str, bytes: &[u8]) {
    let mut scene = cut();
    fs::write(scene.at(".git").join(path), bytes).unwrap();
    scene
        .start_if_possible()
        .unwrap_or_else(|error| panic!("{path} of {} bytes: {error:?}", bytes.len()));
    assert_serves(&scene, &SERVED);
}

#[test]
fn an_empty_head_is_written_again() {
    assert_survives("HEAD", b"");
}

#[test]
fn a_head_of_zeros_is_written_again() {
    assert_survives("HEAD", &[0; 21]);
}

#[test]
fn an_empty_branch_is_written_again() {
    assert_survives("refs/heads/main", b"");
}

#[test]
fn a_branch_of_zeros_is_written_again() {
    assert_survives("refs/heads/main", &[0; 41]);
}

#[test]
fn an_empty_ref_of_our_own_is_written_again() {
    for name in ["head", "shown"] {
        assert_survives(&format!("refs/memoryd/{name}"), b"");
    }
}

#[test]
fn all_refs_empty_at_once_are_written_again() {
    let mut scene = cut();
    for name in ["refs/heads/main", "refs/memoryd/shown", "HEAD"] {
        fs::write(scene.at(".git").join(name), "").unwrap();
    }
    scene.start();
    assert_serves(&scene, &SERVED);
}

#[test]
fn an_empty_index_is_made_anew() {
    assert_survives("index", b"");
}

#[test]
fn an_index_of_zeros_is_made_anew() {
    assert_survives("index", &[0; 512]);
}

#[test]
fn a_torn_index_is_made_anew() {
    let mut scene = cut();
    let index = fs::read(scene.at(".git/index")).unwrap();
    for kept in [4, 12, 40, index.len() - 7] {
        fs::write(scene.at(".git/index"), &index[..kept]).unwrap();
        cut_power(&scene, &scene.git(&["rev-parse", "HEAD"]));
        scene.start();
        assert_serves(&scene, &SERVED);
        scene.stop();
    }
}

fn packs(scene: &Scene, ending: &str) -> Vec<PathBuf> {
    let folder = fs::read_dir(scene.at(".git/objects/pack")).unwrap();
    let paths = folder.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .collect()
}

#[test]
fn a_pack_without_its_index_has_it_again() {
    let mut scene = cut();
    for index in packs(&scene, "idx") {
        fs::remove_file(index).unwrap();
    }
    scene.start();
    assert_serves(&scene, &SERVED);
    assert_eq!(packs(&scene, "idx").len(), packs(&scene, "pack").len());
}

#[test]
fn an_index_without_its_pack_harms_nobody() {
    let mut scene = cut();
    let index = packs(&scene, "idx").remove(0);
    let name = "pack-00112233445566778899aabbccddeeff00112233.idx";
    fs::copy(index, scene.at(".git/objects/pack").join(name)).unwrap();
    scene.start();
    assert_serves(&scene, &SERVED);
}

#[test]
fn a_torn_pack_that_nobody_needs_is_set_aside() {
    let mut scene = cut();
    let pack = fs::read(packs(&scene, "pack").remove(0)).unwrap();
    let name = "pack-00112233445566778899aabbccddeeff00112233.pack";
    let torn = scene.at(".git/objects/pack").join(name);
    for kept in [0, 20, pack.len() - 1] {
        fs::write(&torn, &pack[..kept]).unwrap();
        scene.start();
        assert_serves(&scene, &SERVED);
        assert!(!torn.exists(), "{kept} bytes of it");
        scene.stop();
    }
}

#[test]
fn stale_temporary_files_are_removed() {
    let mut scene = cut();
    for name in ["main.ref", "index", "pack-1.pack", "whatever"] {
        fs::write(scene.at(".git/memoryd/tmp").join(name), "left by a crash").unwrap();
    }
    fs::write(scene.at(".git/memoryd/state.new"), "half").unwrap();
    fs::write(scene.at(".git/objects/pack/tmp_pack_AbCdEf"), "git's own").unwrap();
    scene.start();
    assert_serves(&scene, &SERVED);
    scene.stop();
    for name in ["pack-1.pack", "whatever"] {
        assert!(!scene.at(".git/memoryd/tmp").join(name).exists(), "{name}");
    }
}

/// As a power cut leaves them: older than the boot. As a crash of the daemon leaves them: another name of a file of its own.
#[test]
fn locks_that_nobody_holds_are_removed() {
    let mut scene = cut();
    let names = ["index.lock", "HEAD.lock", "refs/heads/main.lock"];
    for name in names {
        let lock = fs::File::create(scene.at(".git").join(name)).unwrap();
        lock.set_modified(std::time::SystemTime::UNIX_EPOCH)
            .unwrap();
    }
    scene.start();
    assert_serves(&scene, &SERVED);
    scene.stop();
    fs::create_dir_all(scene.at(".git/memoryd/tmp")).unwrap();
    let own = scene.at(".git/memoryd/tmp/left");
    fs::write(&own, "").unwrap();
    for name in names {
        fs::hard_link(&own, scene.at(".git").join(name)).unwrap();
    }
    scene.start();
    assert_serves(&scene, &SERVED);
}

#[test]
fn a_lock_of_a_persons_git_stays_and_is_waited_for() {
    let mut scene = cut();
    let lock = scene.at(".git/index.lock");
    fs::write(&lock, "").unwrap();
    scene.start();
    let (path, text) = note(1);
    write(&scene, &path, &text);
    scene.eventually("it is told", |scene| {
        scene.store().status().paused.is_some()
    });
    assert!(lock.exists(), "it is somebody's");
    assert_eq!(scene.on_disk(&path), None);
    fs::remove_file(lock).unwrap();
    scene.eventually("it is shown", |scene| scene.on_disk(&path).is_some());
    assert_serves(&scene, &SERVED);
}

#[test]
fn a_backup_without_the_daemons_folder_is_served() {
    for is_all_gone in [false, true] {
        let mut scene = cut();
        fs::remove_dir_all(scene.at(".git/memoryd")).unwrap();
        if is_all_gone {
            fs::remove_dir_all(scene.at(".git/refs/memoryd")).unwrap();
        }
        scene.start();
        assert_serves(&scene, &SERVED);
        scene.stop();
        scene.start();
        assert_serves(&scene, &SERVED);
    }
}
