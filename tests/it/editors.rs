//! Editors: each save of a person, however their program makes it, becomes one commit with all of its text.

mod crowds;
mod programs;
mod races;
mod vacancies;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use memoryd::store::Wait;

use crate::scene::{Scene, edit, target};
use memoryd::model::edit::Step;

/// What the daemon waits after the last change of a path.
const QUIET: Duration = Duration::from_millis(300);
/// A save is served this long after that, at the latest.
const SERVED_MAX: Duration = Duration::from_secs(1);
/// Whatever the daemon would still make of a save it has made by then.
const AFTERMATH: Duration = Duration::from_millis(1_200);

const NOTE: &str = "shared/note.md";

/// Saves a text at a path.
type Save = fn(&Path, &str);

const WAYS_TO_SAVE: [(&str, Save); 14] = [
    ("in place", in_place),
    ("in place, in pieces", in_pieces),
    ("in place, over the old bytes", over_the_old_bytes),
    ("appended piece by piece", appended),
    ("renamed over", renamed_over),
    ("renamed over from a hidden file", renamed_over_from_hidden),
    ("renamed over from another folder", renamed_from_elsewhere),
    ("removed and made again", made_again),
    ("as vim does", as_vim_does),
    ("as emacs does at first", as_emacs_does_at_first),
    ("as nano does", as_nano_does),
    ("as VS Code does", in_pieces_of_its_own),
    ("through a mapping", mapped),
    ("cut by its path", cut_by_path),
];

/// A served memory with a note in it, and a person whom git knows.
fn desk() -> Scene {
    let text = long_text("start");
    let scene = Scene::served(&[("shared/index.md", "# Index\n"), (NOTE, &text)]);
    scene.git(&["config", "user.name", "Pat Person"]);
    scene.git(&["config", "user.email", "pat@example.com"]);
    scene
}

/// More than an editor writes at once, and different in every line.
fn long_text(what: &str) -> String {
    (0..600)
        .map(|line| format!("- {what}, line {line} of what somebody wants to remember\n"))
        .collect()
}

fn commits(scene: &Scene, path: &str) -> usize {
    scene
        .git(&["rev-list", "--count", "HEAD", "--", path])
        .parse()
        .unwrap()
}

/// The text is served as one commit in the person's name. Gives how long that took.
fn assert_saved(scene: &Scene, path: &str, text: &str, commits_before: usize) -> Duration {
    let saved = Instant::now();
    let found = format!("{path} is served as saved");
    scene.eventually(&found, |scene| scene.read(path).as_deref() == Some(text));
    let took = saved.elapsed();
    scene.settle();
    assert_eq!(
        commits(scene, path),
        commits_before + 1,
        "{found}: {}",
        scene.git(&["log", "--stat"])
    );
    assert_eq!(
        scene.git(&["log", "-1", "--format=%an <%ae>", "--", path]),
        "Pat Person <pat@example.com>"
    );
    assert_eq!(
        scene.git(&["show", &format!("HEAD:{path}")]),
        text.trim_end(),
        "{found}"
    );
    took
}

#[test]
fn every_way_to_save_is_one_commit() {
    std::thread::scope(|scope| {
        for (name, save) in WAYS_TO_SAVE {
            let try_it = move || {
                let scene = desk();
                let saves = [
                    (NOTE, "first", 1),
                    (NOTE, "second", 2),
                    ("shared/new.md", "third", 0),
                ];
                let times = saves.map(|(path, what, before)| {
                    let text = long_text(what);
                    save(&scene.at(path), &text);
                    assert_saved(&scene, path, &text, before)
                });
                // A busy computer may hold up one of them; what is too slow by itself is so every time.
                assert!(
                    times.iter().any(|took| *took < QUIET + SERVED_MAX),
                    "served only after {times:?}"
                );
                std::thread::sleep(AFTERMATH);
                assert_eq!(scene.git(&["rev-list", "--count", "HEAD"]), "4");
                scene.assert_clean();
            };
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn_scoped(scope, try_it)
                .unwrap();
        }
    });
}

#[test]
fn several_files_saved_at_once_are_in_one_commit_each() {
    let scene = desk();
    let paths = [
        NOTE,
        "shared/index.md",
        "user/alice/profile.md",
        "user/alice/plans/next.md",
        "user/bob/profile.md",
    ];
    for path in paths {
        scene.save(path, &long_text(path));
    }
    for path in paths {
        scene.eventually("all are served", |scene| {
            scene.read(path).as_deref() == Some(&*long_text(path))
        });
    }
    scene.settle();
    std::thread::sleep(AFTERMATH);
    for path in paths {
        let known = usize::from([NOTE, "shared/index.md"].contains(&path));
        assert_eq!(commits(&scene, path), known + 1, "{path}");
    }
    scene.assert_clean();
}

#[test]
fn what_is_no_save_makes_no_commit() {
    let scene = desk();
    let (note, text) = (scene.at(NOTE), long_text("start"));
    let mode = fs::metadata(&note).unwrap().permissions();
    fs::set_permissions(&note, fs::Permissions::from_mode(0o755)).unwrap();
    std::thread::sleep(2 * QUIET);
    fs::set_permissions(&note, mode).unwrap();
    OpenOptions::new()
        .append(true)
        .open(&note)
        .unwrap()
        .set_modified(std::time::SystemTime::now())
        .unwrap();
    in_place(&note, &text);
    std::thread::sleep(2 * QUIET);
    as_vim_does(&note, &text);
    for _ in 0..100 {
        assert_eq!(fs::read_to_string(&note).unwrap(), text);
    }
    for ignored in [
        ".note.md.swp",
        "note.md~",
        "#note.md#",
        "4913",
        "note.md.tmp",
    ] {
        fs::write(scene.at("shared").join(ignored), "left by an editor").unwrap();
    }
    scene.git(&["status", "--porcelain"]);
    std::thread::sleep(AFTERMATH);
    assert_eq!(scene.git(&["rev-list", "--count", "HEAD"]), "1");
}

#[test]
fn the_daemons_own_writes_make_one_commit_each() {
    let scene = desk();
    for number in 0..64 {
        let step = Step::Write {
            target: target(&format!("user/u{}/note.md", number % 8)),
            text: format!("{number}\n").into(),
        };
        scene.store().write(edit(step), Wait::Acknowledged).unwrap();
    }
    scene.settle();
    std::thread::sleep(AFTERMATH);
    assert_eq!(
        scene.git(&["rev-list", "--count", "--author=support-bot", "HEAD"]),
        "64"
    );
    assert_eq!(scene.git(&["rev-list", "--count", "HEAD"]), "65");
    scene.assert_clean();
}

#[test]
fn a_file_in_folders_just_made_is_never_missed() {
    let scene = desk();
    let path = |round| format!("team/t{round}/b/c/deep.md");
    for round in 0..200 {
        scene.save(&path(round), &format!("# Deep {round}\n"));
    }
    for round in 0..200 {
        let text = format!("# Deep {round}\n");
        scene.eventually("it is served", |scene| {
            scene.read(&path(round)).as_deref() == Some(&*text)
        });
    }
    scene.settle();
    scene.assert_clean();
}

#[test]
fn a_file_in_the_way_of_a_save_holds_up_no_other_save() {
    let scene = Scene::served(&[
        ("shared/index.md", "# Index\n"),
        ("shared/notes", "a file without an ending\n"),
    ]);
    fs::remove_file(scene.at("shared/notes")).unwrap();
    scene.save("shared/notes/a.md", "# In the way\n");
    scene.save("shared/index.md", "# Saved with it\n");
    scene.eventually("the other save is served", |scene| {
        scene.read("shared/index.md").as_deref() == Some("# Saved with it\n")
    });
    scene.git(&["add", "-A"]);
    scene.git(&["commit", "-q", "-m", "A folder instead of a file"]);
    scene.eventually("what was committed is served", |scene| {
        scene.read("shared/notes/a.md").as_deref() == Some("# In the way\n")
    });
    scene.settle();
    scene.assert_clean();
}

/// As `>` does, and most editors: emptied, then written.
fn in_place(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

/// As VS Code does: emptied, then written in pieces, then made durable.
fn in_pieces(path: &Path, text: &str) {
    let mut file = fs::File::create(path).unwrap();
    for piece in text.as_bytes().chunks(8_192) {
        file.write_all(piece).unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
    file.sync_data().unwrap();
}

/// As VS Code does: emptied, then pieces of 16 KiB, flushed before it is closed.
fn in_pieces_of_its_own(path: &Path, text: &str) {
    let mut file = fs::File::create(path).unwrap();
    for piece in text.as_bytes().chunks(16_384) {
        file.write_all(piece).unwrap();
        file.sync_data().unwrap();
    }
}

/// The system tells of no change but the last close.
fn mapped(path: &Path, text: &str) {
    let mut file = OpenOptions::new();
    let file = file.read(true).write(true).create(true).truncate(false);
    let file = file.open(path).unwrap();
    file.set_len(text.len() as u64).unwrap();
    #[expect(unsafe_code, reason = "a mapping is what is tried")]
    // SAFETY: the file has this length, nobody shortens it, and the mapping ends before the file is closed.
    unsafe {
        let (any, shared) = (std::ptr::null_mut(), libc::MAP_SHARED);
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let fd = std::os::fd::AsRawFd::as_raw_fd(&file);
        let mapping = libc::mmap(any, text.len(), access, shared, fd, 0);
        assert_ne!(mapping, libc::MAP_FAILED);
        for (nth, piece) in text.as_bytes().chunks(4_096).enumerate() {
            let to = mapping.cast::<u8>().add(nth * 4_096);
            std::ptr::copy_nonoverlapping(piece.as_ptr(), to, piece.len());
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(libc::munmap(mapping, text.len()), 0);
    }
}

/// Written over and longer, then `truncate(2)` by its path: nobody closes the file after that.
fn cut_by_path(path: &Path, text: &str) {
    let longer = format!("{text}- a line too many\n");
    over_the_old_bytes(path, &longer);
    let path = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()).unwrap();
    let length = i64::try_from(text.len()).unwrap();
    #[expect(unsafe_code, reason = "the standard library cuts open files only")]
    // SAFETY: the path ends in NUL.
    let cut = unsafe { libc::truncate(path.as_ptr(), length) };
    assert_eq!(cut, 0);
}

/// As `rsync --inplace` does: never empty, and cut at the end.
fn over_the_old_bytes(path: &Path, text: &str) {
    let file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .open(path)
        .unwrap();
    for (nth, piece) in text.as_bytes().chunks(8_192).enumerate() {
        file.write_all_at(piece, nth as u64 * 8_192).unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
    file.set_len(text.len() as u64).unwrap();
}

/// As micro does: opened and closed again, then appended to, opened anew for each piece.
fn appended(path: &Path, text: &str) {
    fs::File::create(path).unwrap();
    for piece in text.as_bytes().chunks(8_192) {
        OpenOptions::new()
            .append(true)
            .open(path)
            .unwrap()
            .write_all(piece)
            .unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// As `sed -i` does.
fn renamed_over(path: &Path, text: &str) {
    let temporary = path.with_file_name("sedAbCdEf");
    fs::write(&temporary, text).unwrap();
    fs::rename(temporary, path).unwrap();
}

/// As gedit and rsync do.
fn renamed_over_from_hidden(path: &Path, text: &str) {
    let temporary = path.with_file_name(".goutputstream-A1B2C3");
    fs::write(&temporary, text).unwrap();
    fs::rename(temporary, path).unwrap();
}

/// As `mv` does: the folder sees nothing but the new name.
fn renamed_from_elsewhere(path: &Path, text: &str) {
    let elsewhere = path
        .ancestors()
        .find(|folder| folder.join(".git").is_dir())
        .unwrap()
        .join(".git/saved-elsewhere");
    fs::write(&elsewhere, text).unwrap();
    fs::rename(elsewhere, path).unwrap();
}

/// As `cp --remove-destination` and `mv` from another file system do.
fn made_again(path: &Path, text: &str) {
    drop(fs::remove_file(path));
    std::thread::sleep(Duration::from_millis(50));
    in_pieces(path, text);
}

/// Swap file, probe for the permission to make files, the old text moved aside, the new one written, the old removed.
fn as_vim_does(path: &Path, text: &str) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let (swap, probe) = (
        path.with_file_name(format!(".{name}.swp")),
        path.with_file_name("4913"),
    );
    let backup = path.with_file_name(format!("{name}~"));
    fs::write(&swap, "b0VIM 9.0").unwrap();
    fs::write(&probe, "").unwrap();
    fs::remove_file(probe).unwrap();
    let is_old = path.exists();
    if is_old {
        fs::rename(path, &backup).unwrap();
    }
    std::thread::sleep(Duration::from_millis(5));
    in_pieces(path, text);
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    if is_old {
        fs::remove_file(backup).unwrap();
    }
    fs::remove_file(swap).unwrap();
}

/// The first save of a session keeps the old text under another name; later ones are in place.
fn as_emacs_does_at_first(path: &Path, text: &str) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let (lock, backup) = (
        path.with_file_name(format!(".#{name}")),
        path.with_file_name(format!("{name}~")),
    );
    std::os::unix::fs::symlink("pat@desk.1:1", &lock).unwrap();
    if path.exists() {
        fs::rename(path, &backup).unwrap();
    }
    in_pieces(path, text);
    drop(OpenOptions::new().append(true).open(path).unwrap());
    fs::remove_file(lock).unwrap();
    drop(fs::remove_file(backup));
}

/// A lock file by vim's name, then in place.
fn as_nano_does(path: &Path, text: &str) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let lock = path.with_file_name(format!(".{name}.swp"));
    fs::write(&lock, "b0nano").unwrap();
    in_pieces(path, text);
    fs::remove_file(lock).unwrap();
}
