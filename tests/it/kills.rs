//! Killed at any moment: what was acknowledged is there, git finds nothing wrong, and nobody removes a lock by hand.
//!
//! In each round eight clients append lines, a person saves a file that an agent writes to as well, and the daemon is
//! killed at a moment that chance picks: while it works, while it ends, or once more while it starts. Then it is started
//! and looked at. What it was doing when it was killed is told by what it left, and counted.
//!
//! `MEMORYD_KILLS` sets how many rounds there are (20 unless it is set), `MEMORYD_SEED` which:
//!
//! ```text
//! MEMORYD_KILLS=200 cargo test --release --test it kills -- --nocapture
//! ```

use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::chance::{Chance, from_environment};
use crate::program::{Connection, Program, Request, execute, file};

const KILLS: u64 = 20;
const CLIENTS: usize = 8;
/// The load goes on for at most this long after the first acknowledgement.
const LOAD_MAX_MS: usize = 400;
/// A start on a few files, on a machine that does much else. Told apart from what is to be reached: 5 s.
const START_MAX: Duration = Duration::from_secs(15);
/// Where a person and an agent write to the same file.
const BOTH: (&str, &str) = ("user/pat/diary.md", "user/diary.md");

/// What was acknowledged to one client: the lines, in their order, and the revisions that have them.
#[derive(Default)]
struct Told {
    lines: Vec<String>,
    revisions: Vec<String>,
}

/// All that must not be lost.
#[derive(Default)]
struct Promised {
    revisions: Vec<String>,
    /// Lines of the file that a person and an agent write to.
    both: Vec<String>,
}

/// How the daemon is killed.
#[derive(Clone, Copy)]
enum Moment {
    Working,
    Ending,
    /// While it works, and then again while it starts.
    Starting,
}

#[test]
fn a_killed_daemon_has_lost_nothing() {
    let (kills, seed) = (
        from_environment("MEMORYD_KILLS", KILLS),
        from_environment("MEMORYD_SEED", 1),
    );
    let mut program =
        Program::with_files(&[("shared/index.md", "# Index\n"), (BOTH.0, "# Diary\n")]).started();
    let (mut phases, mut promised, mut slowest) =
        (BTreeMap::new(), Promised::default(), Duration::ZERO);
    for round in 0..kills {
        let mut chance = Chance::new(seed << 32 | round);
        let moment = *chance.pick(&[
            Moment::Working,
            Moment::Working,
            Moment::Ending,
            Moment::Starting,
        ]);
        let told = kill_under_load(&mut program, round, (moment, &mut chance), &mut promised);
        assert!(
            told.iter().any(|told| !told.lines.is_empty()),
            "round {round}: killed too early"
        );
        *phases.entry(phase(&program, moment, &told)).or_insert(0) += 1;
        if let Moment::Starting = moment {
            program.kill_while_starting(Duration::from_micros(chance.below(80_000) as u64));
            *phases.entry("starting").or_insert(0) += 1;
        }
        let started = Instant::now();
        program.start();
        slowest = slowest.max(started.elapsed());
        assert!(
            started.elapsed() < START_MAX,
            "round {round}: slow to start; {}",
            program.log()
        );
        assert_nothing_lost(&program, round, &told);
        promised
            .revisions
            .extend(told.into_iter().flat_map(|told| told.revisions));
    }
    assert_history(&program, &promised);
    let said = format!(
        "{kills} rounds of kills: {phases:?}; {} writes acknowledged, the slowest start {slowest:.2?}\n",
        promised.revisions.len()
    );
    let _ = std::io::stderr().write_all(said.as_bytes());
}

/// Has everybody write, and kills the daemon. Gives what each client was told.
fn kill_under_load(
    program: &mut Program,
    round: u64,
    (moment, chance): (Moment, &mut Chance),
    promised: &mut Promised,
) -> Vec<Told> {
    let acknowledged = AtomicUsize::new(0);
    let (acknowledged, served) = (&acknowledged, &*program);
    let (told, both, saved) = thread::scope(|scope| {
        let client = |client| {
            move || {
                write_lines(
                    served.connect(),
                    ("alice", &path(client, round)),
                    round,
                    acknowledged,
                )
            }
        };
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| scope.spawn(client(number)))
            .collect();
        // Not counted: a client must have been acknowledged before the kill.
        let agent = scope.spawn(move || {
            let uncounted = AtomicUsize::new(0);
            write_lines(served.connect(), ("pat", BOTH.1), round, &uncounted)
        });
        let person = scope.spawn(|| save_lines(served, round, acknowledged));
        while acknowledged.load(Ordering::Relaxed) == 0 {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_millis(chance.below(LOAD_MAX_MS) as u64));
        if let Moment::Ending = moment {
            served.signal(Signal::TERM);
            thread::sleep(Duration::from_micros(chance.below(60_000) as u64));
        }
        served.signal(Signal::KILL);
        let told = clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .collect();
        (told, agent.join().unwrap(), person.join().unwrap())
    });
    program.ended();
    promised.revisions.extend(both.revisions);
    promised.both.extend(both.lines.into_iter().chain(saved));
    told
}

/// Where a client's lines of a round go, as its agent calls it.
fn path(client: usize, round: u64) -> String {
    format!("user/log-{client}-{round}.md")
}

/// Appends lines until the daemon is gone, and gives those that were acknowledged.
fn write_lines(
    mut connection: Connection,
    (user, path): (&str, &str),
    round: u64,
    acknowledged: &AtomicUsize,
) -> Told {
    let mut told = Told::default();
    let put = Request::new("PUT", format!("/v1/files/{path}?userId={user}"));
    if path != BOTH.1 && connection.ask(&put.body("# Log\n")).is_err() {
        return told;
    }
    for number in 0.. {
        let line = format!("- round {round}, {number}, by an agent");
        let arguments = json!({ "path": path, "operation": "append_lines", "lines": [line] });
        let body = json!({ "context": { "userId": user }, "arguments": arguments });
        let Ok(answer) = connection.ask(&execute("memory_patch", &body)) else {
            break;
        };
        if answer.status != 200 {
            // At its end the daemon refuses; the file, with all its lines, may have become too large.
            break;
        }
        told.lines.push(line);
        told.revisions
            .extend(answer.json()["revision"].as_str().map(str::to_owned));
        acknowledged.fetch_add(1, Ordering::Relaxed);
    }
    told
}

/// A person reads the diary, adds a line and saves, a few times; gives the lines.
fn save_lines(program: &Program, round: u64, acknowledged: &AtomicUsize) -> Vec<String> {
    while acknowledged.load(Ordering::Relaxed) == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    let save = |number| {
        let line = format!("- round {round}, {number}, by hand");
        // Begun anew each round: a diary must not outgrow what a file may hold.
        let text = program.on_disk(BOTH.0).filter(|_| number > 0);
        program.save(
            BOTH.0,
            &format!("{}{line}\n", text.unwrap_or_else(|| "# Diary\n".to_owned())),
        );
        thread::sleep(Duration::from_millis(90));
        line
    };
    (0..3).map(save).collect()
}

/// What the daemon was doing, as far as what it left tells.
fn phase(program: &Program, moment: Moment, told: &[Told]) -> &'static str {
    let is_there = |path: &str| program.at(path).exists();
    let packs = std::fs::read_dir(program.at(".git/objects/pack")).unwrap();
    let names: Vec<_> = packs.map(|entry| entry.unwrap().path()).collect();
    let is_half_packed = |name: &std::path::PathBuf| {
        let has_index = || name.with_extension("idx").exists();
        name.extension()
            .is_some_and(|kind| kind == "keep" || kind == "pack" && !has_index())
    };
    let head = std::fs::read_to_string(program.at(".git/refs/memoryd/head")).unwrap_or_default();
    let newest = told.iter().filter_map(|told| told.revisions.last());
    match moment {
        Moment::Ending => "ending",
        _ if is_there(".git/index.lock") || is_there(".git/refs/heads/main.lock") => {
            "replacing index and branch"
        }
        _ if is_there(".git/memoryd/tmp/index") => "bringing files along",
        _ if names.iter().any(is_half_packed) => "packing",
        _ if newest
            .into_iter()
            .any(|revision| revision == head.trim_end()) =>
        {
            "at rest"
        }
        _ => "with writes that only the journal has",
    }
}

/// Every line is served, once and in its order, and git has nothing to say.
fn assert_nothing_lost(program: &Program, round: u64, told: &[Told]) {
    for (client, told) in told
        .iter()
        .enumerate()
        .filter(|(_, told)| !told.lines.is_empty())
    {
        let text = program
            .ask(&file("GET", &path(client, round)))
            .of(200)
            .text();
        let found: Vec<_> = text.lines().filter(|line| line.starts_with("- ")).collect();
        // Of what was under way nobody was told anything.
        let is_there =
            found.starts_with(&told.lines.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(
            is_there && found.len() <= told.lines.len() + 1,
            "round {round}, client {client}: {found:?}"
        );
    }
    let last =
        || program.ask(&file("PUT", "user/last.md?wait=published").body(format!("{round}\n")));
    program.eventually("everything is published", |_| {
        let answer = last();
        answer.status < 300 && answer.json()["published"] == true
    });
    let saved = || program.on_disk(BOTH.0);
    let served = || {
        Some(
            program
                .get(&format!("/v1/files/{}?userId=pat", BOTH.1))
                .of(200)
                .text(),
        )
    };
    program.eventually("what was saved is served", |_| saved() == served());
    program.eventually("git has nothing to say", |program| {
        program.git(&["status", "--porcelain"]).is_empty()
    });
    // A commit that comes while fsck is at work, of a save that is only now adopted, is one it does not know.
    program.eventually("git fsck finds nothing wrong", |program| {
        program
            .try_git(&["fsck", "--strict", "--full"])
            .status
            .success()
    });
    for lock in [
        "index.lock",
        "HEAD.lock",
        "refs/heads/main.lock",
        "refs/memoryd/head.lock",
    ] {
        assert!(!program.at(".git").join(lock).exists(), "{lock} stands");
    }
}

/// Every revision that anybody was told of is in history, and so is each line that was saved or written to both's file.
fn assert_history(program: &Program, promised: &Promised) {
    let listed = program.git(&["rev-list", "main", "--glob=refs/memoryd/*"]);
    let listed: HashSet<_> = listed.lines().collect();
    let is_lost = |revision: &&String| !listed.contains(revision.as_str());
    let lost: Vec<_> = promised.revisions.iter().filter(is_lost).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    let log = program.git(&[
        "log",
        "-p",
        "-U0",
        "-m",
        "--format=",
        "main",
        "--glob=refs/memoryd/*",
        "--",
        BOTH.0,
    ]);
    let added: HashSet<_> = log
        .lines()
        .filter_map(|line| line.strip_prefix('+'))
        .collect();
    let last_save = |line: &&String| line.ends_with("2, by hand") || line.ends_with("by an agent");
    let kept = promised.both.iter().filter(last_save);
    let lost: Vec<_> = kept.filter(|line| !added.contains(line.as_str())).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
}
