//! Killed at every system call of a write, of a save and of a start: what was promised is there after the next start, git
//! finds nothing wrong, and nobody removes a lock by hand.
//!
//! The real binary is traced ([`tracer`]). It is killed as it is about to make its first call after a write was sent, is
//! started again and looked at; then at its second, and so on until it has made them all. A save is what the daemon makes
//! of a file that a person saved. A start has writes to bring from the journal into git that were acknowledged before.
//!
//! An ordinary run goes from call to call in strides. `MEMORYD_SWEEP_EVERY` sets another stride:
//!
//! ```text
//! MEMORYD_SWEEP_EVERY=1 cargo test --release --test it kill_sweep
//! ```

mod tracer;

use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::chance::from_environment;
use crate::program::{Answer, Connection, Program, file};
use tracer::Victim;

/// Everything is done when nothing has been called for so long. A save is looked at after half of that.
const REST: Duration = Duration::from_millis(600);
/// So many points in a row beyond the last call end a sweep.
const UNREACHED_MAX: u64 = 3;
/// Each of the three makes more calls than this; a sweep that ended before has seen something else.
const CALLS_MIN: u64 = 500;
const NEVER: u64 = u64::MAX;

const START: (&str, &str) = (INDEX.0, "# Index\n");
/// Files, and how alice's agents call them.
const INDEX: (&str, &str) = ("shared/index.md", "shared/index.md");
const NOTE: (&str, &str) = ("user/alice/note.md", "user/note.md");

/// The next points of a sweep, and how many were reached.
struct Points {
    every: u64,
    next: AtomicU64,
    reached: AtomicU64,
    unreached: AtomicU64,
}

/// What must be in history: revisions that were acknowledged, and lines of files that were saved.
#[derive(Default)]
struct Promised {
    revisions: Vec<String>,
    lines: Vec<String>,
}

impl Points {
    /// In an ordinary run, one point in so many calls.
    fn every(ordinary: u64) -> Self {
        Self {
            every: from_environment("MEMORYD_SWEEP_EVERY", ordinary).max(1),
            next: AtomicU64::new(0),
            reached: AtomicU64::new(0),
            unreached: AtomicU64::new(0),
        }
    }

    fn next(&self) -> Option<u64> {
        let is_over = self.unreached.load(Ordering::SeqCst) >= UNREACHED_MAX;
        (!is_over).then(|| 1 + self.every * self.next.fetch_add(1, Ordering::SeqCst))
    }

    fn note(&self, is_reached: bool) {
        if is_reached {
            self.reached.fetch_add(1, Ordering::SeqCst);
            self.unreached.store(0, Ordering::SeqCst);
        } else {
            self.unreached.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Goes through all of them in several lanes, and says how many there were.
    fn sweep(&self, what: &str, lanes: usize, lane: impl Fn(usize) + Sync) {
        let begun = Instant::now();
        thread::scope(|scope| {
            for number in 0..lanes {
                let lane = &lane;
                scope.spawn(move || lane(number));
            }
        });
        let reached = self.reached.load(Ordering::SeqCst);
        let said = format!(
            "{reached} kills of {what}, one at every {}. system call, in {:.0?}\n",
            self.every,
            begun.elapsed()
        );
        drop(std::io::stderr().write_all(said.as_bytes()));
        let calls = reached * self.every;
        assert!(calls >= CALLS_MIN, "{calls} calls are not {what}");
    }
}

#[test]
fn a_write_survives_a_kill_at_every_call() {
    let points = Points::every(6);
    points.sweep("a write", 3, |lane| {
        let mut program = Program::in_memory(&[START]);
        let (mut promised, mut acknowledged) = (Promised::default(), None);
        while let Some(call) = points.next() {
            let victim = started(&program);
            let address = victim.address().expect("nobody has killed it yet");
            victim.kill_at(call);
            let line = format!("- lane {lane}, before call {call}");
            if let Some(answer) = put(address, NOTE.1, &format!("{line}\n")) {
                let revision = answer.json()["revision"].as_str().map(str::to_owned);
                promised.revisions.extend(revision);
                acknowledged = Some(line.clone());
            }
            points.note(victim.dies_before_rest(REST));
            drop(victim);
            let served = assert_whole(&mut program, NOTE);
            // Of what nobody was told is safe, either is right.
            let is_right = served.is_none() && acknowledged.is_none()
                || served.as_ref() == acknowledged.as_ref()
                || served.as_ref() == Some(&line);
            assert!(is_right, "{line}: {served:?} instead of {acknowledged:?}");
            acknowledged = served;
        }
        assert_history(&program, &promised);
    });
}

#[test]
fn a_save_survives_a_kill_at_every_call() {
    let points = Points::every(5);
    // Most of a save is waiting until it is quiet.
    points.sweep("a save", 5, |lane| {
        let mut program = Program::in_memory(&[START]);
        let mut promised = Promised::default();
        while let Some(call) = points.next() {
            let victim = started(&program);
            victim.kill_at(call);
            let line = format!("- lane {lane}, before call {call}");
            save(&program, INDEX.0, &format!("{line}\n"), call);
            points.note(victim.dies_before_rest(REST));
            drop(victim);
            let served = assert_whole(&mut program, INDEX);
            assert_eq!(served.as_ref(), Some(&line), "what was saved is served");
            promised.lines.push(line);
        }
        assert_history(&program, &promised);
    });
}

#[test]
fn a_start_survives_a_kill_at_every_call() {
    let points = Points::every(16);
    let (left, promised) = with_a_journal();
    points.sweep("a start", 2, |_| {
        while let Some(call) = points.next() {
            let mut program = copy(&left);
            let victim = Victim::start(serve(&program), call);
            points.note(victim.dies_before_rest(REST));
            drop(victim);
            let served = assert_whole(&mut program, NOTE);
            assert_eq!(served.as_ref(), promised.lines.last(), "before call {call}");
            assert_history(&program, &promised);
        }
    });
}

/// What serves the folder on some free port.
fn serve(program: &Program) -> Command {
    program.serve(program.path(), &["--listen", "127.0.0.1:0"])
}

fn started(program: &Program) -> Victim {
    Victim::start(serve(program), NEVER)
}

/// Writes, and gives the answer if there is one.
fn put(address: SocketAddr, path: &str, text: &str) -> Option<Answer> {
    let answer = Connection::open(address)
        .and_then(|mut connection| connection.ask(&file("PUT", path).body(text)));
    answer.ok().filter(|answer| answer.status < 300)
}

/// A person saves: in place, or by a new file in place of the old one.
fn save(program: &Program, path: &str, text: &str, number: u64) {
    if number.is_multiple_of(2) {
        return program.save(path, text);
    }
    let temporary = program.at(path).with_extension("saving");
    fs::write(&temporary, text).unwrap();
    fs::rename(temporary, program.at(path)).unwrap();
}

/// Starts the daemon and waits until it has come to rest with nothing left behind; gives the text of a file once it is
/// served as the disk has it, and kills the daemon.
fn assert_whole(program: &mut Program, (path, name): (&str, &str)) -> Option<String> {
    program.start();
    let served = |program: &Program| {
        let answer = program.ask(&file("GET", name));
        (answer.status == 200).then(|| answer.text())
    };
    program.eventually("disk and memory agree", |program| {
        program.on_disk(path) == served(program)
    });
    program.eventually("git has nothing to say", |program| {
        program.git(&["status", "--porcelain"]).is_empty()
    });
    // A commit that comes while fsck is at work is one it does not know.
    program.eventually("git fsck finds nothing wrong", |program| {
        let fsck = program.try_git(&["fsck", "--strict", "--full"]);
        fsck.status.success()
    });
    program.eventually("no lock stands", |program| {
        locks(&program.at(".git")).is_empty()
    });
    let served = served(program);
    program.kill();
    served.map(|text| text.trim_end().to_owned())
}

/// The lock files in a folder of git's.
fn locks(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let found = paths.flat_map(|path| match path.extension() {
        Some(kind) if kind == "lock" => vec![path],
        _ if path.is_dir() => locks(&path),
        _ => Vec::new(),
    });
    found.collect()
}

fn assert_history(program: &Program, promised: &Promised) {
    let refs = ["--branches", "--glob=refs/memoryd/*"];
    let listed = program.git(&["rev-list", refs[0], refs[1]]);
    let listed: HashSet<_> = listed.lines().collect();
    for revision in &promised.revisions {
        assert!(listed.contains(revision.as_str()), "{revision} is lost");
    }
    let log = program.git(&["log", "-p", "-U0", "-m", "--format=", refs[0], refs[1]]);
    let added: HashSet<_> = log
        .lines()
        .filter_map(|line| line.strip_prefix('+'))
        .collect();
    for line in &promised.lines {
        assert!(added.contains(line.as_str()), "{line} is lost");
    }
}

/// A memory whose daemon was killed when its newest writes were in the journal and not in git yet, and what was promised.
fn with_a_journal() -> (Program, Promised) {
    loop {
        let mut program = Program::in_memory(&[START]).started();
        let mut promised = Promised::default();
        // As many as are shown before they are answered, and some that are not.
        for number in 0..40 {
            let line = format!("- write {number}");
            let answer = put(program.address(), NOTE.1, &format!("{line}\n"));
            let revision = answer.expect("it is acknowledged").json()["revision"].take();
            promised
                .revisions
                .extend(revision.as_str().map(str::to_owned));
            promised.lines.push(line);
        }
        program.kill();
        let in_git = fs::read_to_string(program.at(".git/refs/memoryd/head")).unwrap();
        if promised.revisions.last().map(String::as_str) != Some(in_git.trim_end()) {
            return (program, promised);
        }
    }
}

/// The same memory in a folder of its own.
fn copy(program: &Program) -> Program {
    let folder = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new());
    let folder = folder.unwrap();
    let copied = Command::new("cp")
        .arg("-a")
        .arg(program.at("."))
        .arg(folder.path())
        .status();
    assert!(copied.unwrap().success());
    Program::in_folder(folder)
}
