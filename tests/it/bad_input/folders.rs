//! Folders that cannot be served, or not as one might think: said at the start, and left as they are.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{INDEX, NOTE, Sight, assert_command_helps, gather};
use crate::program::{Program, Request, Room, file, skipped};

const ANYWHERE: [&str; 2] = ["--listen", "127.0.0.1:0"];

/// Every file below a folder, git's own included.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    gather(folder, "./", &mut files);
    files
}

/// Makes, in a repository with an index, the folder that is to be served.
type Make = fn(&Program) -> PathBuf;

const NO_MEMORIES: [(&str, Make, &str); 8] = [
    (
        "files without a repository",
        without_repository,
        "memoryd init",
    ),
    ("a linked work tree", linked_work_tree, "linked work tree"),
    ("a bare repository", bare, "bare"),
    (
        "a folder of another checkout",
        |program| program.at("shared"),
        "tracked",
    ),
    ("a link for .git", linked_git, ".git"),
    (
        "SHA-256",
        |program| of_format(program, "--object-format=sha256"),
        "SHA-256",
    ),
    (
        "reftable",
        |program| of_format(program, "--ref-format=reftable"),
        "reftable",
    ),
    ("settings that nobody knows", unknown_settings, "line 2"),
];

#[test]
fn what_is_no_memory_is_said_and_left_alone() {
    for (name, make, word) in NO_MEMORIES {
        let program = Program::in_memory(&[INDEX]);
        let folder = make(&program);
        let before = contents(program.path());
        let refused = program.refused_at(&folder, &ANYWHERE);
        let error = assert_command_helps(&refused, name);
        assert_eq!(refused.status.code(), Some(3), "{name}: {error}");
        assert!(error.to_string().contains(word), "{name}: {error}");
        assert!(
            contents(program.path()) == before,
            "{name}: something was changed"
        );
    }
}

/// Making a memory of these would bury a repository in another, or take files from one.
#[test]
fn no_memory_is_made_where_another_repository_is() {
    for (name, make, word) in [NO_MEMORIES[2], NO_MEMORIES[3]] {
        let program = Program::in_memory(&[INDEX]);
        let folder = make(&program);
        let before = contents(program.path());
        let refused = program.cli(&["init", "--yes", "--json", &folder.display().to_string()]);
        let error = assert_command_helps(&refused, name);
        assert!(error.to_string().contains(word), "{name}: {error}");
        assert!(
            contents(program.path()) == before,
            "{name}: something was changed"
        );
    }
}

fn without_repository(program: &Program) -> PathBuf {
    fs::remove_dir_all(program.at(".git")).unwrap();
    program.path().to_owned()
}

fn linked_work_tree(program: &Program) -> PathBuf {
    program.git(&["worktree", "add", "-q", "linked", "-b", "side"]);
    program.at("linked")
}

fn bare(program: &Program) -> PathBuf {
    program.git(&["clone", "-q", "--bare", ".", "bare.git"]);
    program.at("bare.git")
}

fn linked_git(program: &Program) -> PathBuf {
    fs::rename(program.at(".git"), program.at("elsewhere")).unwrap();
    symlink("elsewhere", program.at(".git")).unwrap();
    program.path().to_owned()
}

fn of_format(program: &Program, format: &str) -> PathBuf {
    program.git(&["init", "-q", "-b", "main", format, "other"]);
    program.at("other")
}

fn unknown_settings(program: &Program) -> PathBuf {
    program.save("memoryd.toml", "[limits]\nfile_bytes_mx = 1\n");
    program.path().to_owned()
}

#[test]
fn two_daemons_do_not_share_a_folder() {
    let program = Program::serving(&[INDEX]);
    let refused = program.refused(&ANYWHERE);
    let error = assert_command_helps(&refused, "a second daemon");
    assert_eq!(
        (refused.status.code(), &error["code"]),
        (Some(6), &json!("BUSY"))
    );
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("another memoryd"),
        "{error}"
    );
    program.ask(&file("PUT", "user/a.md").body("a\n")).of(201);
    // The file that says where the first one listens is still its own.
    let read = program.cli(&["read", "user/alice/a.md"]);
    assert_eq!(String::from_utf8_lossy(&read.stdout), "a\n");
}

#[test]
fn two_daemons_do_not_share_an_address() {
    let (first, second) = (Program::serving(&[INDEX]), Program::in_memory(&[INDEX]));
    let refused = second.refused(&["--listen", &first.address().to_string()]);
    let error = assert_command_helps(&refused, "a taken address");
    assert_eq!(refused.status.code(), Some(3));
    assert!(
        error["message"].as_str().unwrap().contains("--listen"),
        "{error}"
    );
}

#[test]
fn another_branch_is_not_touched_and_writes_go_on() {
    let mut program = Program::in_memory(&[INDEX, NOTE]);
    program.git(&["checkout", "-q", "-b", "topic"]);
    program.start();
    let ready = program.get("/ready").of(200).json();
    assert_eq!(
        (&ready["ready"], &ready["readOnly"]),
        (&json!(true), &Value::Null),
        "{ready}"
    );
    assert!(
        ready["paused"]
            .as_str()
            .is_some_and(|why| why.contains("main")),
        "{ready}"
    );
    let written = program
        .ask(&file("PUT", "user/note.md?wait=published").body("# New\n"))
        .of(200)
        .json();
    assert_eq!(written["published"], false, "{written}");
    assert_eq!(
        program.ask(&file("GET", "user/note.md")).of(200).text(),
        "# New\n"
    );
    assert_eq!(program.on_disk(NOTE.0).as_deref(), Some(NOTE.1));
    assert_eq!(program.git(&["rev-list", "--count", "topic"]), "1");
    assert_eq!(program.git(&["status", "--porcelain"]), "");
    program.git(&["checkout", "-q", "main"]);
    program.eventually("the write is shown", |program| {
        program.on_disk(NOTE.0).as_deref() == Some("# New\n")
    });
    program.eventually("the pause is over", |program| {
        program.get("/ready").of(200).json()["paused"].is_null()
    });
    program.assert_clean();
}

#[test]
fn a_folder_that_cannot_be_written_is_refused() {
    let writable = Program::with_files(&[INDEX]);
    let before = contents(writable.path());
    let program = match Room::read_only(writable.path()) {
        Ok(room) => writable.moved_into(room),
        Err(why) => return skipped("a read-only folder", &why),
    };
    let refused = program.refused(&ANYWHERE);
    let error: Value = serde_json::from_slice(&refused.stderr).unwrap();
    let error = &error["error"];
    assert_eq!(refused.status.code(), Some(7), "{error}");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("Read-only file system"),
        "{error}"
    );
    assert!(
        error["hint"].as_str().unwrap().contains("mounted"),
        "{error}"
    );
    assert!(contents(program.path()) == before, "something was changed");
}

#[test]
fn a_command_reaches_the_daemon_or_does_it_itself() {
    let mut program = Program::in_memory(&[INDEX, NOTE]);
    let status = |program: &Program| -> Value {
        let output = program.cli(&["status", "--json"]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let not_yet = program.cli(&["list", "--json"]);
    assert_eq!(
        assert_command_helps(&not_yet, "no memory yet")["code"],
        "NO_MEMORY"
    );
    program.start();
    assert_eq!(
        status(&program)["daemon"]["address"],
        program.address().to_string()
    );
    let write = |program: &Program, text: &str| {
        let output = program.cli(&["write", "user/note.md", text, "--user", "alice", "--json"]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(program.on_disk(NOTE.0), Some(format!("{text}\n")));
        assert_eq!(program.git(&["status", "--porcelain"]), "");
    };
    write(&program, "by the daemon");
    program.stop();
    write(&program, "by the command");
    assert_eq!(status(&program)["daemon"], Value::Null);
    program.start();
    program.kill();
    // What the killed daemon left says where to find it, and it is not there.
    write(&program, "after a kill");
    assert_eq!(program.git(&["rev-list", "--count", "main"]), "4");
    let log = program.cli(&["log", "--user", "alice", "--json"]);
    let log: Value = serde_json::from_slice(&log.stdout).unwrap();
    assert_eq!(log["commits"].as_array().unwrap().len(), 4);
    program.assert_clean();
}

#[test]
fn a_memory_is_made_only_where_nothing_is() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/sample-memory");
    let mut program = Program::empty();
    program.start_with(&[&ANYWHERE[..], &["--from", sample]].concat());
    let index = program.get("/v1/files/shared/index.md").of(200).text();
    assert_eq!(
        index,
        fs::read_to_string(format!("{sample}/shared/index.md")).unwrap()
    );
    program
        .ask(&Request::new("PUT", "/v1/files/shared/index.md").body("mine\n"))
        .of(200);
    program.stop();
    program.start_with(&[&ANYWHERE[..], &["--from", sample]].concat());
    assert_eq!(
        program.get("/v1/files/shared/index.md").of(200).text(),
        "mine\n"
    );
    let before = Sight::of(&program);
    program.stop();
    let again = program.cli(&["init", &program.path().display().to_string(), "--json"]);
    assert_command_helps(&again, "init on a memory");
    assert_eq!(Sight::of(&program), before);
}
