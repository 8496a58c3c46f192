//! More files at once than the system tells of: floods, folders that come and go as one, and watches that run out.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::{AFTERMATH, desk};
use crate::program::{Program, Room, skipped};
use crate::scene::Scene;

const THOUSAND: usize = 1_000;

/// More events than the kernel's queue holds, from many hands at once.
#[test]
fn a_flood_of_files_is_found_whole() {
    const HANDS: usize = 8;
    const FILES: usize = 750;
    let mut scene = Scene::in_memory(&[("shared/index.md", "# Index\n")]);
    scene.start();
    std::thread::scope(|scope| {
        for hand in 0..HANDS {
            let scene = &scene;
            scope.spawn(move || {
                for number in 0..FILES {
                    let path = format!("user/u{hand}/n{}/note{number}.md", number % 10);
                    // Three saves and as many events each.
                    for text in ["# Half", "# Half a", "# Whole\n"] {
                        scene.save(&path, text);
                    }
                }
            });
        }
    });
    scene.eventually("all are served", |scene| {
        scene.store().status().files == HANDS * FILES + 1
    });
    scene.settle();
    for (path, file) in scene.store().snapshot().under("user/") {
        assert_eq!(&*file.text, "# Whole\n", "{path}");
    }
    scene.assert_clean();
}

fn thousand_notes(folder: &std::path::Path) {
    for number in 0..THOUSAND {
        let folder = folder.join(format!("d{}", number % 20));
        fs::create_dir_all(&folder).unwrap();
        fs::write(
            folder.join(format!("note{number}.md")),
            format!("# Note {number}\n"),
        )
        .unwrap();
    }
}

#[test]
fn a_folder_of_a_thousand_files_is_moved_in_and_out() {
    let mut scene = Scene::in_memory(&[("shared/index.md", "# Index\n")]);
    thousand_notes(&scene.at(".git/elsewhere"));
    scene.start();
    fs::rename(scene.at(".git/elsewhere"), scene.at("team")).unwrap();
    scene.eventually("all are served", |scene| {
        scene.store().status().files == THOUSAND + 1
    });
    scene.settle();
    scene.assert_clean();
    let logged = scene.git(&["log", "--format=", "--name-only", "--", "team"]);
    assert_eq!(logged.lines().count(), THOUSAND, "each is in one commit");
    let commits = scene.git(&["rev-list", "--count", "HEAD", "--", "team"]);
    assert!(commits.parse::<usize>().unwrap() < 20, "{commits} commits");
    fs::rename(scene.at("team"), scene.at(".git/elsewhere")).unwrap();
    scene.eventually("a person is asked", |scene| {
        let notices = scene.store().status().notices;
        notices
            .iter()
            .any(|notice| notice.contains("1000 files are gone"))
    });
    assert_eq!(
        scene.store().status().files,
        THOUSAND + 1,
        "nothing is removed unasked"
    );
    scene.git(&["rm", "-r", "-q", "--cached", "team"]);
    scene.git(&["commit", "-q", "-m", "They may go"]);
    scene.eventually("the word is heard", |scene| {
        scene.store().status().files == 1
    });
    scene.settle();
    scene.assert_clean();
}

#[test]
fn a_save_is_found_where_watches_ran_out() {
    let program = Program::in_memory(&[("shared/index.md", "# Index\n")]);
    for number in 0..60 {
        program.save(&format!("user/u{number}/note.md"), "# Note\n");
    }
    let room = match Room::of_watches(20, program.path()) {
        Ok(room) => room,
        Err(why) => return skipped("what is done when watches run out", &why),
    };
    let mut program = program.moved_into(room);
    program.start();
    program.eventually("the files of before are served", |program| {
        is_served(program, "# Note\n")
    });
    program.save("user/u59/note.md", "# Saved unwatched\n");
    program.eventually("a scan finds the save", |program| {
        is_served(program, "# Saved unwatched\n")
    });
    let status = program.cli(&["status", "--json"]);
    let told = String::from_utf8_lossy(&status.stdout);
    assert!(told.contains("max_user_watches"), "it is told: {told}");
    program.stop();
}

fn is_served(program: &Program, text: &str) -> bool {
    let read = crate::program::Request::new("GET", "/v1/files/user/note.md");
    let answer = program.ask(&read.header("x-memory-user", "u59"));
    answer.status == 200 && answer.text() == text
}

/// The daemon keeps the folder open, so it follows what happens there under any name.
#[test]
fn a_folder_that_is_moved_away_and_back_is_served_on() {
    let scene = desk();
    let away = TempDir::new_in(scene.path().parent().unwrap()).unwrap();
    let elsewhere = away.path().join("memory");
    fs::rename(scene.path(), &elsewhere).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    fs::rename(&elsewhere, scene.path()).unwrap();
    scene.save("shared/index.md", "# Saved after the move\n");
    scene.eventually("it is served", |scene| {
        scene.read("shared/index.md").as_deref() == Some("# Saved after the move\n")
    });
    scene
        .write("user/alice/note.md", "# Written after the move\n")
        .unwrap();
    scene.settle();
    std::thread::sleep(AFTERMATH);
    scene.assert_clean();
}

/// What it acknowledged would lie in a folder that is gone.
#[test]
fn nothing_is_acknowledged_into_a_folder_that_was_removed() {
    let mut program = Program::serving(&[("shared/index.md", "# Index\n")]);
    let copy = TempDir::new().unwrap();
    let copied = Command::new("cp")
        .arg("-a")
        .args([program.at("."), copy.path().join("memory")])
        .output()
        .unwrap();
    assert!(copied.status.success(), "{copied:?}");
    for entry in fs::read_dir(program.path()).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => fs::remove_dir_all(path).unwrap(),
            false => fs::remove_file(path).unwrap(),
        }
    }
    fs::remove_dir(program.path()).unwrap();
    let moved = Command::new("cp")
        .arg("-a")
        .args([copy.path().join("memory").as_path(), program.path()])
        .output()
        .unwrap();
    assert!(moved.status.success(), "{moved:?}");
    let write = |program: &Program, text: &str| {
        let put = crate::program::file("PUT", "user/note.md").body(text.to_owned());
        program.ask(&put)
    };
    let answer = write(&program, "# Into nowhere\n");
    assert!(answer.status >= 500, "it was acknowledged: {answer}");
    let health: Value = program.get("/ready").json();
    let is_told = !health["readOnly"].is_null() || !health["paused"].is_null();
    assert!(is_told, "{health}");
    program.kill();
    program.start();
    let written = write(&program, "# Into the new one\n");
    assert!(written.status < 300, "{written}");
    program.stop();
    program.assert_clean();
}
