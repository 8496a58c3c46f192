//! A disk without room: what was acknowledged stays, what cannot be kept is refused, reads go on, and with room comes
//! service. The disk is a small one in a mount namespace; where this computer allows none, nothing is shown, and said.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::chance::Chance;
use crate::program::{Answer, Program, Room, file, skipped};

/// Room for a journal of three segments, and for all that one segment takes as a pack and as files.
const DISK_MEBIBYTES: usize = 64;
/// What fills it up. Git does not look at it.
const BALLAST: &str = ".git/ballast";
const CLIENTS: usize = 4;
/// What each client may write until the disk is full; half-way it begins to fill up.
const WRITES_BEFORE_FULL: usize = 20;

/// Texts that were acknowledged, by their virtual paths.
type Kept = BTreeMap<String, String>;

/// A memory on a disk of its own, served.
fn on_small_disk() -> Option<Program> {
    let program = Program::empty();
    match Room::of_mebibytes(DISK_MEBIBYTES, program.path()) {
        Ok(room) => Some(
            program
                .moved_into(room)
                .begin(&[("shared/index.md", "# Index\n")])
                .started(),
        ),
        Err(why) => {
            skipped("a full disk", &why);
            None
        }
    }
}

/// Thirty-two kilobytes that no packer makes small.
fn text(chance: &mut Chance) -> String {
    (0..512)
        .map(|_| {
            format!(
                "{:016x} {:016x} {:016x} {:012x}\n",
                chance.next(),
                chance.next(),
                chance.next(),
                chance.next() >> 16
            )
        })
        .collect()
}

/// Writes until there is not a byte left.
fn fill(program: &Program) {
    let mut ballast = File::options()
        .create(true)
        .append(true)
        .open(program.at(BALLAST))
        .unwrap();
    for size in [1 << 20, 1 << 12, 1] {
        let block = vec![0x42; size];
        loop {
            match ballast.write_all(&block) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn write(program: &Program, path: &str, text: &str) -> Answer {
    program.ask(&file("PUT", path).body(text))
}

/// Clients write files of their own until they are refused, and the disk fills up meanwhile. Gives what was
/// acknowledged, and the refusals.
fn fill_while_writing(program: &Program) -> (Kept, Vec<Answer>) {
    let (kept, is_full) = (Mutex::new(Kept::new()), AtomicBool::new(false));
    let client = |client: u64| {
        let mut chance = Chance::new(client);
        for number in 0.. {
            while number >= WRITES_BEFORE_FULL && !is_full.load(Ordering::Acquire) {
                thread::sleep(Duration::from_millis(5));
            }
            let (path, text) = (
                format!("user/note-{client}-{number:04}.md"),
                text(&mut chance),
            );
            let answer = write(program, &path, &text);
            match answer.status {
                201 => drop(kept.lock().unwrap().insert(path, text)),
                _ => return answer,
            }
        }
        unreachable!("a disk is finite")
    };
    let refusals = thread::scope(|scope| {
        let client = &client;
        let clients: Vec<_> = (0..CLIENTS as u64)
            .map(|number| scope.spawn(move || client(number)))
            .collect();
        while kept.lock().unwrap().len() < CLIENTS * WRITES_BEFORE_FULL / 2 {
            thread::sleep(Duration::from_millis(5));
        }
        fill(program);
        is_full.store(true, Ordering::Release);
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .collect()
    });
    (kept.into_inner().unwrap(), refusals)
}

fn make_room(program: &Program) {
    std::fs::remove_file(program.at(BALLAST)).unwrap();
}

fn assert_served(program: &Program, kept: &Kept) {
    for (path, text) in kept {
        assert!(
            program.ask(&file("GET", path)).of(200).text() == *text,
            "{path} is another text"
        );
    }
}

/// Everything is in git and on the disk, and git finds nothing wrong.
fn assert_kept(program: &Program, kept: &Kept) {
    program.eventually("everything is published", |program| {
        let last = program.ask(&file("PUT", "user/last.md?wait=published").body("last\n"));
        last.status < 300 && last.json()["published"] == true
    });
    for (path, text) in kept {
        let path = path.replace("user/", "user/alice/");
        assert!(
            program.on_disk(&path).as_ref() == Some(text),
            "{path} is another text"
        );
        assert!(
            program.git(&["show", &format!("main:{path}")]) == text.trim_end(),
            "{path} is another text in git"
        );
    }
    program.assert_clean();
}

#[test]
fn a_full_disk_refuses_writes_and_nothing_else() {
    let Some(mut program) = on_small_disk() else {
        return;
    };
    let (kept, refusals) = fill_while_writing(&program);
    for refusal in refusals {
        let error = refusal.refused(507, "DISK_FULL");
        assert!(
            error["hint"]
                .as_str()
                .is_some_and(|hint| hint.contains("room")),
            "{error}"
        );
    }
    assert_served(&program, &kept);
    program.get("/v1/prompt-block?userId=alice").of(200);
    program.get("/health").of(200);
    // A pack that did not fit gives its room back, so it takes a while until there is really none.
    // Another text each time: one that stands there already needs no room, and is not refused.
    let chance = Mutex::new(Chance::new(99));
    program.eventually("a write is refused", |program| {
        fill(program);
        let more = text(&mut chance.lock().unwrap());
        write(program, "user/more.md", &more).status == 507
    });
    make_room(&program);
    program.eventually("writes are taken again", |program| {
        write(program, "user/more.md", "more\n").status < 300
    });
    assert_kept(&program, &kept);
    let ready: Value = program.get("/ready").of(200).json();
    assert_eq!(
        (&ready["readOnly"], &ready["paused"]),
        (&Value::Null, &Value::Null),
        "{ready}"
    );
    program.stop();
    program.start();
    assert_served(&program, &kept);
}

#[test]
fn a_kill_on_a_full_disk_loses_nothing() {
    let Some(mut program) = on_small_disk() else {
        return;
    };
    let (kept, _) = fill_while_writing(&program);
    program.kill();
    make_room(&program);
    program.start();
    assert_served(&program, &kept);
    assert_kept(&program, &kept);
}

#[test]
fn an_orderly_end_on_a_full_disk_loses_nothing() {
    let Some(mut program) = on_small_disk() else {
        return;
    };
    let (kept, _) = fill_while_writing(&program);
    program.signal(rustix::process::Signal::TERM);
    program.ended();
    make_room(&program);
    program.start();
    assert_served(&program, &kept);
    assert_kept(&program, &kept);
}
