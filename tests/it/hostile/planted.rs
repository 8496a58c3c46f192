//! Links, pipes and borrowed files that lie in the caller's own folder: somebody put them there to be followed.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Target, tool_call};
use crate::program::{Program, Request};

/// What is planted as links: the name, and where it leads from `user/alice`.
const LINKS: [(&str, &str); 10] = [
    ("victim.md", "../victim/secret.md"),
    ("folder", "../victim"),
    ("git", "../../.git"),
    ("own", "../../.memoryd"),
    ("root.md", "/etc/passwd"),
    ("everything", "/"),
    ("loop.md", "loop.md"),
    ("dangling.md", "nowhere.md"),
    ("up", "../.."),
    ("fd.md", "/proc/self/environ"),
];
/// Every path by which they could be followed.
const PATHS: [&str; 19] = [
    "victim.md",
    "folder/secret.md",
    "folder/new.md",
    "folder/inner/secret.md",
    "git/secret.md",
    "git/memoryd/secret.md",
    "own/secret.md",
    "root.md",
    "everything/etc/passwd.md",
    "loop.md",
    "dangling.md",
    "up/secret.md",
    "up/elsewhere/secret.md",
    "fd.md",
    "outside.md",
    "outdoors/secret.md",
    "hard.md",
    "hard-victim.md",
    "pipe.md",
];

fn plant(program: &Program, outside: &Path) {
    let own = program.at("user/alice");
    for (name, leads_to) in LINKS {
        symlink(leads_to, own.join(name)).unwrap();
    }
    symlink(outside.join("secret.md"), own.join("outside.md")).unwrap();
    symlink(outside, own.join("outdoors")).unwrap();
    let made = Command::new("mkfifo")
        .arg(own.join("pipe.md"))
        .status()
        .unwrap();
    assert!(made.success());
    drop(UnixListener::bind(own.join("socket.md")).unwrap());
}

/// A second name for a file of somebody else's. A person's git takes it for a copy, so it is in no commit.
fn plant_hard_links(program: &Program, outside: &Path) {
    let own = program.at("user/alice");
    fs::hard_link(outside.join("secret.md"), own.join("hard.md")).unwrap();
    fs::hard_link(
        program.at("user/victim/secret.md"),
        own.join("hard-victim.md"),
    )
    .unwrap();
}

fn requests(path: &str) -> Vec<Request> {
    let name = format!("user/{path}");
    let route = format!("/v1/files/{name}?userId=alice");
    let append = json!({ "operation": "append_lines", "lines": ["x"] });
    let calls: [(&str, Value); 6] = [
        (
            "memory_list",
            json!({ "prefix": name.trim_end_matches("/secret.md") }),
        ),
        ("memory_read", json!({ "path": name })),
        (
            "memory_patch",
            json!({ "path": name, "operation": "append_lines", "lines": ["x"] }),
        ),
        (
            "memory_rename",
            json!({ "from": "user/note.md", "to": name }),
        ),
        (
            "memory_rename",
            json!({ "from": name, "to": "user/note.md" }),
        ),
        ("memory_delete", json!({ "path": name })),
    ];
    let urls = [
        Request::new("GET", &route),
        Request::new("GET", format!("{route}&revision=HEAD")),
        Request::new("GET", format!("/v1/revisions?userId=alice&path={name}")),
        Request::new("PATCH", &route).json(&append),
        Request::new("PUT", &route)
            .header("if-match", "*")
            .body("x\n"),
        Request::new("PUT", &route).body("x\n"),
        Request::new("GET", &route),
        Request::new("PATCH", &route).json(&append),
        Request::new("DELETE", &route),
        Request::new("GET", "/v1/prompt-block?userId=alice"),
        Request::new("GET", "/v1/files?userId=alice"),
        Request::new("GET", format!("/v1/links?userId=alice&path={name}")),
        Request::new("GET", "/v1/search?userId=alice&q=secret"),
    ];
    let calls = calls
        .into_iter()
        .map(|(tool, arguments)| tool_call(tool, "alice", &arguments));
    calls.chain(urls).collect()
}

fn attack(target: &mut Target) {
    for path in PATHS {
        for request in requests(path) {
            target.send(request);
        }
    }
}

#[test]
fn nothing_planted_is_followed() {
    let mut target = Target::with(|program, outside| {
        plant(program, outside);
        plant_hard_links(program, outside);
    });
    attack(&mut target);
    target.assert_unharmed(300);
}

/// The same in commits: a pull brings links as they are.
#[test]
fn no_tracked_link_is_followed() {
    let mut target = Target::with(|program, outside| {
        plant(program, outside);
        program.git(&["add", "-A"]);
        program.git(&["commit", "-q", "-m", "Start with links"]);
    });
    attack(&mut target);
    target.assert_unharmed(300);
}

/// A write takes what stands in its place out of the folder, where it is looked at: it may be a save that came between.
#[test]
fn a_second_name_that_is_written_over_tells_nothing() {
    let mut target = Target::with(plant_hard_links);
    let names = ["hard.md", "hard-victim.md"];
    for name in names {
        let route = format!("/v1/files/user/{name}?userId=alice");
        let put = target.send(Request::new("PUT", route).body("mine\n"));
        assert_eq!(put.expect("it answers").status, 201);
    }
    target.program.eventually("they are looked at", |program| {
        let log = program.log();
        let is_kept = |name: &str| {
            let mut lines = log.lines();
            lines.any(|line| line.contains(name) && line.contains("kept as .git/"))
        };
        names.into_iter().all(is_kept)
    });
    // Neither now nor by the next start, which looks through what lies there.
    for _ in 0..2 {
        for name in names {
            let route = format!("/v1/files/user/{name}?userId=alice");
            let read = target.send(Request::new("GET", route)).expect("it answers");
            assert_eq!(read.of(200).text(), "mine\n");
        }
        target.program.kill();
        target.program.start();
    }
    target.assert_unharmed(6);
}

/// A folder becomes a link, and a folder again, while it is being written to.
#[test]
fn a_folder_that_turns_into_a_link_is_not_followed() {
    let mut target = Target::new();
    let at = |name: &str| target.program.at(&format!("user/alice/{name}"));
    let (folder, aside, link) = (at("inner"), at("aside"), at("link"));
    let is_over = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&is_over);
    let turning = std::thread::spawn(move || {
        let mut turns = 0;
        while !told.load(Ordering::Relaxed) {
            drop(symlink("../victim", &link));
            if fs::rename(&folder, &aside).is_ok() {
                drop(fs::rename(&link, &folder));
                drop(fs::remove_file(&folder));
                drop(fs::rename(&aside, &folder));
                turns += 1;
            }
        }
        turns
    });
    let begun = Instant::now();
    let mut number = 0;
    while begun.elapsed() < Duration::from_secs(4) {
        number += 1;
        let route = format!("/v1/files/user/inner/{number}.md?userId=alice");
        target.send(Request::new("PUT", &route).body("x\n"));
        let secret = "/v1/files/user/inner/secret.md?userId=alice";
        target.send(Request::new("PUT", secret).body(format!("{number}\n")));
        target.send(Request::new("GET", secret));
        target.send(Request::new("DELETE", secret));
    }
    is_over.store(true, Ordering::Relaxed);
    assert!(0 < turning.join().unwrap(), "the folder never turned");
    target.assert_unharmed(8);
}
