//! Links that are flipped while the daemon reads and writes: nothing outside the folder is ever read or written.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use memoryd::model::edit::Step;
use memoryd::model::error::Error;
use memoryd::store::Wait;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use tempfile::TempDir;

use crate::program::{Program, skipped};
use crate::scene::{RESTLESS, Scene, edit, target};

const INDEX: (&str, &str) = ("shared/index.md", "# Index\n");
const SECRET: &str = "the secret outside";
const FLIPPING: Duration = Duration::from_secs(3);

/// A folder outside, with files under the names that the memory has, and with nothing that may change.
fn outside() -> TempDir {
    let outside = TempDir::new_in("/dev/shm")
        .or_else(|_| TempDir::new())
        .unwrap();
    for number in 0..4 {
        let path = outside.path().join(format!("note{number}.md"));
        fs::write(path, format!("{SECRET} {number}\n")).unwrap();
    }
    outside
}

fn assert_untouched(outside: &Path) {
    let mut names: Vec<_> = fs::read_dir(outside)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["note0.md", "note1.md", "note2.md", "note3.md"]);
    for (number, name) in names.iter().enumerate() {
        let text = fs::read_to_string(outside.join(name)).unwrap();
        assert_eq!(text, format!("{SECRET} {number}\n"));
    }
}

/// No commit, object or served text has anything of what is outside.
fn assert_nothing_came_in(scene: &Scene) {
    for (path, file) in scene.store().snapshot().under("") {
        assert!(!file.text.contains(SECRET), "{path} is served");
    }
    let found = scene.git(&[
        "log",
        "--all",
        "--glob=refs/memoryd",
        "--format=%h %s",
        &format!("-S{SECRET}"),
    ]);
    assert_eq!(found, "", "it was committed");
}

/// Swaps two names over and over while the race lasts; then they are as before.
fn flip(one: &Path, other: &Path) -> usize {
    let deadline = Instant::now() + FLIPPING;
    let mut flips = 0;
    while Instant::now() < deadline || flips % 2 == 1 {
        renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
        flips += 1;
        if flips % 64 == 0 {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    flips
}

#[test]
fn a_folder_flipped_with_a_link_lets_nothing_out_or_in() {
    let mut scene = Scene::in_memory(&[INDEX, ("user/alice/note0.md", "# Note\n")]);
    let outside = outside();
    scene.pacing = RESTLESS;
    scene.start();
    let link = scene.at(".git/link");
    symlink(outside.path(), &link).unwrap();
    race(&scene, &scene.at("user/alice"), &link);
    assert_untouched(outside.path());
    assert_nothing_came_in(&scene);
    assert!(scene.at("user/alice").is_dir());
    scene.write("user/alice/after.md", "# After\n").unwrap();
    scene.eventually("it serves on", |scene| {
        scene.on_disk("user/alice/after.md").as_deref() == Some("# After\n")
    });
    scene.settle();
}

#[test]
fn a_file_flipped_with_a_link_lets_nothing_out_or_in() {
    let mut scene = Scene::in_memory(&[INDEX, ("user/alice/note0.md", "# Note\n")]);
    let outside = outside();
    scene.pacing = RESTLESS;
    scene.start();
    let link = scene.at("user/alice/.link");
    symlink(outside.path().join("note0.md"), &link).unwrap();
    let note = scene.at("user/alice/note0.md");
    std::thread::scope(|scope| {
        let flipper = scope.spawn(|| {
            let deadline = Instant::now() + FLIPPING;
            let mut flips = 0;
            // The daemon takes the file away and puts another there, so a swap may find the name missing.
            while Instant::now() < deadline {
                let swapped = renameat_with(CWD, &note, CWD, &link, RenameFlags::EXCHANGE);
                flips += usize::from(swapped.is_ok());
            }
            flips
        });
        write_and_save(&scene, FLIPPING);
        assert!(flipper.join().unwrap() > 100, "it was hardly a race");
    });
    assert_untouched(outside.path());
    assert_nothing_came_in(&scene);
}

fn race(scene: &Scene, folder: &Path, link: &Path) {
    std::thread::scope(|scope| {
        let flipper = scope.spawn(|| flip(folder, link));
        write_and_save(scene, FLIPPING);
        assert!(flipper.join().unwrap() > 1_000, "it was hardly a race");
    });
}

/// Has the daemon write and remove files, and look at those that a person saved.
fn write_and_save(scene: &Scene, time: Duration) {
    let deadline = Instant::now() + time;
    let (mut number, mut written) = (0, 0);
    while Instant::now() < deadline {
        let path = format!("user/alice/note{}.md", number % 4);
        let step = match number % 7 {
            5 => Step::Delete {
                target: target(&path),
            },
            _ => Step::Write {
                target: target(&path),
                text: format!("# Note {number}\n").into(),
            },
        };
        let receipt = scene.store().write(edit(step), Wait::Acknowledged);
        // What is about to be looked at, and what is not there, may be refused; nothing may fail.
        assert!(!matches!(receipt, Err(Error::Failed(_))), "{receipt:?}");
        written += usize::from(receipt.is_ok());
        if number % 5 == 0 {
            scene.save(
                &format!("shared/saved{}.md", number % 3),
                &format!("# Saved {number}\n"),
            );
        }
        number += 1;
    }
    assert!(written > 2, "hardly anything was written: {written}");
}

/// What a committed link names is not served, and is not written through.
#[test]
fn a_link_that_was_committed_leads_nowhere() {
    let outside = outside();
    let mut scene = Scene::in_memory(&[INDEX]);
    symlink(outside.path(), scene.at("team")).unwrap();
    fs::create_dir_all(scene.at("user/alice")).unwrap();
    symlink(
        outside.path().join("note0.md"),
        scene.at("user/alice/note0.md"),
    )
    .unwrap();
    scene.git(&["add", "-A"]);
    scene.git(&["commit", "-q", "-m", "Links"]);
    scene.start();
    assert_eq!(scene.read("user/alice/note0.md"), None);
    assert_eq!(scene.read("team/note1.md"), None);
    for path in ["user/alice/note0.md", "team/note1.md"] {
        let step = Step::Write {
            target: target(path),
            text: "# Written\n".into(),
        };
        drop(scene.store().write(edit(step), Wait::Acknowledged));
    }
    scene.write("user/bob/note.md", "# Bob\n").unwrap();
    assert_untouched(outside.path());
    assert_nothing_came_in(&scene);
}

/// The system call is new in Linux 5.6, and some sandboxes forbid it.
#[test]
fn a_kernel_without_openat2_is_enough() {
    for error in ["ENOSYS", "EPERM"] {
        let mut program = Program::serving(&[INDEX]);
        program.stop();
        let outside = outside();
        symlink(outside.path(), program.at("team")).unwrap();
        let memoryd = |arguments: &[&str]| {
            let mut strace = Command::new("strace");
            strace.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=openat2", "-e"]);
            strace.arg(format!("inject=openat2:error={error}"));
            strace
                .args([env!("CARGO_BIN_EXE_memoryd"), "-C"])
                .arg(program.path());
            strace.args(arguments).env("HOME", "/nonexistent").output()
        };
        let Ok(written) = memoryd(&["write", "user/note.md", "kept", "--user", "alice"]) else {
            return skipped("a kernel without openat2", "strace is not installed");
        };
        assert!(written.status.success(), "{written:?}");
        assert_eq!(
            program.on_disk("user/alice/note.md").as_deref(),
            Some("kept\n")
        );
        let read = memoryd(&["read", "user/note.md", "--user", "alice"]).unwrap();
        assert_eq!(String::from_utf8_lossy(&read.stdout), "kept\n");
        let through = memoryd(&["read", "team/note0.md"]).unwrap();
        assert!(!String::from_utf8_lossy(&through.stdout).contains(SECRET));
        assert_untouched(outside.path());
    }
}
