//! Files that are gone or empty: between two steps of an editor, by a slip, or meant so.

use std::fs;
use std::time::Duration;

use super::{AFTERMATH, NOTE, QUIET, commits, desk, in_place, long_text};
use crate::scene::Scene;

#[test]
fn a_file_is_removed_only_when_it_stays_away() {
    let scene = desk();
    let text = long_text("start");
    fs::remove_file(scene.at(NOTE)).unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(
        scene.read(NOTE).as_deref(),
        Some(&*text),
        "an editor may be between two steps"
    );
    scene.eventually("the file is gone", |scene| scene.read(NOTE).is_none());
    scene.settle();
    assert_eq!(
        scene.git(&["log", "-1", "--format=%an %s"]),
        format!("Pat Person Remove {NOTE}")
    );
    std::thread::sleep(AFTERMATH);
    assert_eq!(commits(&scene, NOTE), 2);
    scene.assert_clean();
}

#[test]
fn a_file_that_comes_back_in_time_was_never_removed() {
    let scene = desk();
    for what in ["again", "and again"] {
        fs::remove_file(scene.at(NOTE)).unwrap();
        std::thread::sleep(Duration::from_millis(1_500));
        in_place(&scene.at(NOTE), &long_text(what));
        scene.eventually("it is served", |scene| {
            scene.read(NOTE) == Some(long_text(what))
        });
    }
    scene.settle();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(commits(&scene, NOTE), 3);
    scene.assert_clean();
}

#[test]
fn an_emptied_file_is_believed_only_when_it_stays_empty() {
    let scene = desk();
    let text = long_text("start");
    in_place(&scene.at(NOTE), "");
    std::thread::sleep(Duration::from_secs(2));
    in_place(&scene.at(NOTE), &text);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(commits(&scene, NOTE), 1, "it was only empty for a while");
    in_place(&scene.at(NOTE), "");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(scene.read(NOTE).as_deref(), Some(&*text));
    scene.eventually("the emptiness is served", |scene| {
        scene.read(NOTE).as_deref() == Some("")
    });
    scene.settle();
    assert_eq!(commits(&scene, NOTE), 2);
    scene.assert_clean();
}

/// Thirty files, each of which is a fifth of none.
fn crowd() -> Scene {
    let paths: Vec<_> = (0..30)
        .map(|nth| format!("user/u{nth}/profile.md"))
        .collect();
    let files: Vec<_> = paths
        .iter()
        .map(|path| (path.as_str(), "# Profile\n"))
        .collect();
    Scene::served(&files)
}

#[test]
fn many_files_gone_at_once_wait_for_a_persons_word() {
    for pause in [Duration::ZERO, Duration::from_millis(30)] {
        let scene = crowd();
        for nth in 0..20 {
            fs::remove_dir_all(scene.at(&format!("user/u{nth}"))).unwrap();
            std::thread::sleep(pause);
        }
        scene.eventually("it is told", |scene| {
            scene
                .store()
                .status()
                .notices
                .iter()
                .any(|notice| notice.contains("20 files are gone"))
        });
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(scene.store().status().files, 30, "removed {pause:?} apart");
        assert_eq!(scene.git(&["rev-list", "--count", "HEAD"]), "1");
        scene.git(&["restore", "user/u0"]);
        scene.git(&["add", "-A"]);
        scene.git(&["commit", "-q", "-m", "They may go"]);
        scene.eventually("the word is heard", |scene| {
            scene.store().status().files == 11
        });
        scene.settle();
        scene.eventually("nothing is told any more", |scene| {
            scene.store().status().notices.is_empty()
        });
        scene.assert_clean();
    }
}

#[test]
fn many_files_that_come_back_were_never_removed() {
    let scene = crowd();
    fs::rename(scene.at("user"), scene.at(".git/away")).unwrap();
    std::thread::sleep(Duration::from_secs(3));
    fs::rename(scene.at(".git/away"), scene.at("user")).unwrap();
    std::thread::sleep(QUIET + AFTERMATH);
    assert_eq!(scene.store().status().files, 30);
    assert_eq!(scene.git(&["rev-list", "--count", "HEAD"]), "1");
    scene.assert_clean();
}

#[test]
fn a_folder_under_a_new_name_keeps_its_files() {
    let scene = crowd();
    fs::rename(scene.at("user/u3"), scene.at("user/eve")).unwrap();
    scene.eventually("the new name is served", |scene| {
        scene.read("user/eve/profile.md").is_some()
    });
    scene.eventually("the old name is gone", |scene| {
        scene.read("user/u3/profile.md").is_none()
    });
    scene.settle();
    scene.assert_clean();
}
