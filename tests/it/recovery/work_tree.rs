//! Files of the folder that a power cut took back, or that are not its doing.

use std::fs;

use super::{ALICE, FILES, INDEX, assert_serves, copied, cut_power, write};
use crate::scene::Scene;

const WRITTEN: &str = "# Alice, written before the cut\n- one\n- two\n";

/// A memory whose folder shows a text that was acknowledged and, as far as anybody noted, not synced.
fn cut() -> Scene {
    let mut scene = Scene::in_memory(&FILES);
    scene.start();
    let synced = scene.git(&["rev-parse", "HEAD"]);
    write(&scene, ALICE, WRITTEN);
    scene.settle();
    scene.stop();
    cut_power(&scene, &synced);
    scene
}

fn assert_restored(scene: &Scene) {
    assert_serves(scene, &[(ALICE, WRITTEN), (INDEX, "# Index\n")]);
    let people = scene.git(&["rev-list", "--count", "HEAD", "--", ALICE]);
    assert_eq!(people, "2", "what a cut did was taken for a save");
}

#[test]
fn a_file_that_a_cut_emptied_is_written_again() {
    let mut scene = cut();
    fs::write(scene.at(ALICE), "").unwrap();
    scene.start();
    assert_restored(&scene);
}

#[test]
fn a_file_whose_bytes_a_cut_left_zero_is_written_again() {
    let mut scene = cut();
    fs::write(scene.at(ALICE), vec![0; WRITTEN.len()]).unwrap();
    scene.start();
    assert_restored(&scene);
}

#[test]
fn a_file_that_a_cut_shortened_is_written_again() {
    let mut scene = cut();
    fs::write(scene.at(ALICE), &WRITTEN.as_bytes()[..12]).unwrap();
    scene.start();
    assert_restored(&scene);
}

/// The rename that showed the text did not survive.
#[test]
fn a_file_whose_rename_a_cut_lost_is_written_again() {
    for old in [None, Some("# Alice\n")] {
        let mut scene = cut();
        fs::remove_file(scene.at(ALICE)).unwrap();
        if let Some(old) = old {
            fs::write(scene.at(ALICE), old).unwrap();
        }
        scene.start();
        assert_restored(&scene);
    }
}

#[test]
fn a_text_that_no_cut_can_have_made_is_a_persons() {
    let mut scene = cut();
    fs::write(scene.at(ALICE), "# Typed before the power went\n").unwrap();
    scene.start();
    scene.eventually("it is served", |scene| {
        scene.read(ALICE).as_deref() == Some("# Typed before the power went\n")
    });
    scene.settle();
    scene.assert_clean();
    let history = scene.git(&["log", "--format=%s", "--", ALICE]);
    assert_eq!(history.lines().count(), 3, "{history}");
}

#[test]
fn an_emptied_file_is_believed_where_no_power_went() {
    let mut scene = Scene::in_memory(&FILES);
    scene.start();
    write(&scene, ALICE, WRITTEN);
    scene.settle();
    scene.stop();
    fs::write(scene.at(ALICE), "").unwrap();
    scene.start();
    scene.eventually("the emptiness is served", |scene| {
        scene.read(ALICE).as_deref() == Some("")
    });
    scene.settle();
    scene.assert_clean();
}

/// Its lock, its names and its address are its own; the original does not notice it.
#[test]
fn a_copy_of_a_served_memory_is_served_beside_it() {
    let mut scene = Scene::in_memory(&FILES);
    scene.start();
    write(&scene, ALICE, WRITTEN);
    scene.settle();
    let mut copy = copied(&scene);
    copy.start();
    copy.write(INDEX, "# The copy's index\n").unwrap();
    scene.write(INDEX, "# The original's index\n").unwrap();
    assert_serves(&copy, &[(INDEX, "# The copy's index\n"), (ALICE, WRITTEN)]);
    assert_serves(
        &scene,
        &[(INDEX, "# The original's index\n"), (ALICE, WRITTEN)],
    );
    copy.stop();
    scene.stop();
    scene.start();
    assert_serves(
        &scene,
        &[(INDEX, "# The original's index\n"), (ALICE, WRITTEN)],
    );
}
