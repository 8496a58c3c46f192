//! A person, or their git, acts between any two steps of a show.
//!
//! The store's thread that looks after the folder is stopped before its N-th change of the disk, something is done to the
//! folder, and the thread goes on; for N = 1, 2, 3 and so on, until a show has no N-th change any more.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use memoryd::backend::disk::{Operation, Verdict, Witness};

use crate::scene::RESTLESS;

use super::{ALICE, BOB, Household, INDEX, numbered};

/// A show of this many changes never ends.
const STEPS_MAX: usize = 120;

/// Households that go through the rounds side by side.
const LANES: usize = 10;

type Deed = Box<dyn FnOnce() + Send>;

/// Does one deed before a change of the disk that the folder's thread is about to make.
#[derive(Default)]
struct Meddler {
    /// How many changes are let through first, and the deed.
    deed: Mutex<Option<(usize, Deed)>>,
    is_done: AtomicBool,
}

impl Meddler {
    fn arm(&self, step: usize, deed: Deed) {
        self.is_done.store(false, Ordering::Release);
        *self.deed.lock().unwrap() = Some((step, deed));
    }

    fn is_done(&self) -> bool {
        self.is_done.load(Ordering::Acquire)
    }
}

impl Witness for Meddler {
    fn judge(&self, _: &Operation<'_>) -> Verdict {
        if std::thread::current().name() == Some("folder") {
            let mut deed = self.deed.lock().unwrap();
            match deed.take_if(|(left, _)| *left == 1) {
                Some((_, deed)) => {
                    deed();
                    self.is_done.store(true, Ordering::Release);
                }
                None => drop(deed.as_mut().map(|(left, _)| *left -= 1)),
            }
        }
        Verdict::Proceed
    }
}

/// What somebody does to the folder while a show is at work, and what has to be so afterwards.
struct Meddling {
    name: &'static str,
    /// Makes the deed of one round.
    deed: fn(&Household, usize) -> Deed,
    /// What is done when the show is over.
    after: fn(&Household),
    /// The line that the deed saves, up to the round's number: it must be in history.
    saves: Option<&'static str>,
    /// How many commits in the person's name a deed may lead to.
    commits_max: usize,
    /// Whether what the agent wrote is served in the end: nobody has decided otherwise.
    is_agent_served: bool,
}

const HARMLESS: Meddling = Meddling {
    name: "git status",
    deed: |home, _| git(home, &[&["status"]]),
    after: |_| {},
    saves: None,
    commits_max: 0,
    is_agent_served: true,
};

#[test]
fn git_status_changes_nothing() {
    meddle(&HARMLESS);
}

#[test]
fn a_checkout_finds_nothing_of_ours_and_leaves_nothing_of_its_own() {
    meddle(&Meddling {
        name: "git checkout",
        deed: |home, _| git(home, &[&["checkout", "-q", "old"]]),
        after: |home| {
            home.eventually("people find nothing of ours", |scene| {
                scene.git(&["status", "--porcelain"]).is_empty()
            });
            home.git(&["checkout", "-q", "main"]);
        },
        ..HARMLESS
    });
}

#[test]
fn there_and_back_again_is_no_different() {
    meddle(&Meddling {
        name: "git checkout, twice",
        deed: |home, _| {
            git(
                home,
                &[&["checkout", "-q", "old"], &["checkout", "-q", "main"]],
            )
        },
        after: |home| drop(home.try_git(&["checkout", "-q", "main"])),
        ..HARMLESS
    });
}

#[test]
fn a_commit_takes_along_what_it_finds_and_reverts_nothing() {
    meddle(&Meddling {
        name: "git commit -a",
        deed: |home, round| {
            let (path, text) = (
                home.at(INDEX),
                numbered(&format!("# Index, committed in between, {round}"), round),
            );
            let commit = git(home, &[&["commit", "-q", "-am", "In between"]]);
            Box::new(move || {
                fs::write(path, text).unwrap();
                commit();
            })
        },
        saves: Some("# Index, committed in between, "),
        // The commit, and the save alone where the commit lost its race.
        commits_max: 2,
        ..HARMLESS
    });
}

#[test]
fn a_commit_of_the_index_as_it_is_reverts_nothing() {
    meddle(&Meddling {
        name: "git commit",
        deed: |home, _| {
            git(
                home,
                &[&["commit", "-q", "--allow-empty", "-m", "In between"]],
            )
        },
        commits_max: 1,
        ..HARMLESS
    });
}

#[test]
fn a_staged_text_is_not_lost() {
    meddle(&Meddling {
        name: "git add",
        deed: |home, round| {
            let (path, text) = (
                home.at(INDEX),
                numbered(&format!("# Index, staged in between, {round}"), round),
            );
            let add = git(home, &[&["add", INDEX]]);
            Box::new(move || {
                fs::write(path, text).unwrap();
                add();
            })
        },
        after: |home| drop(home.try_git(&["commit", "-q", "-am", "What was staged"])),
        saves: Some("# Index, staged in between, "),
        commits_max: 2,
        ..HARMLESS
    });
}

#[test]
fn a_reset_stands() {
    meddle(&Meddling {
        name: "git reset --hard",
        deed: |home, _| git(home, &[&["reset", "-q", "--hard", "HEAD~1"]]),
        is_agent_served: false,
        ..HARMLESS
    });
}

#[test]
fn a_stash_comes_back() {
    meddle(&Meddling {
        name: "git stash",
        deed: |home, round| {
            let (path, text) = (
                home.at(INDEX),
                numbered(&format!("# Index, stashed in between, {round}"), round),
            );
            let stash = git(home, &[&["stash", "-q"]]);
            Box::new(move || {
                fs::write(path, text).unwrap();
                stash();
            })
        },
        after: |home| drop(home.try_git(&["stash", "pop", "-q"])),
        saves: Some("# Index, stashed in between, "),
        commits_max: 1,
        // The stash may have taken, and brought back, files of ours that it found.
        is_agent_served: false,
    });
}

#[test]
fn a_save_in_place_is_adopted() {
    meddle(&Meddling {
        name: "save in place",
        deed: |home, round| {
            let (path, line) = (home.at(ALICE), format!("- saved in between, {round}\n"));
            Box::new(move || {
                let text = fs::read_to_string(&path).unwrap();
                fs::write(&path, text + &line).unwrap();
            })
        },
        saves: Some("- saved in between, "),
        commits_max: 1,
        ..HARMLESS
    });
}

#[test]
fn a_save_by_rename_is_adopted() {
    meddle(&Meddling {
        name: "save by rename",
        deed: |home, round| {
            let (path, line) = (home.at(ALICE), format!("- saved in between, {round}\n"));
            Box::new(move || {
                let temporary = path.with_extension("saving");
                fs::write(&temporary, fs::read_to_string(&path).unwrap() + &line).unwrap();
                fs::rename(temporary, path).unwrap();
            })
        },
        saves: Some("- saved in between, "),
        commits_max: 1,
        ..HARMLESS
    });
}

#[test]
fn a_save_into_a_file_that_was_open_is_adopted() {
    meddle(&Meddling {
        name: "save into an open file",
        deed: |home, round| {
            let (path, line) = (home.at(ALICE), format!("- saved in between, {round}\n"));
            Box::new(move || {
                let mut file = OpenOptions::new().append(true).open(path).unwrap();
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(80));
                    file.write_all(line.as_bytes()).unwrap();
                });
            })
        },
        after: |_| std::thread::sleep(Duration::from_millis(500)),
        saves: Some("- saved in between, "),
        commits_max: 1,
        ..HARMLESS
    });
}

#[test]
fn a_file_that_is_away_for_a_moment_was_not_removed() {
    meddle(&Meddling {
        name: "save as vim does",
        deed: |home, round| {
            let (path, line) = (home.at(ALICE), format!("- saved in between, {round}\n"));
            Box::new(move || {
                let backup = path.with_extension("md~");
                fs::rename(&path, &backup).unwrap();
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(80));
                    fs::write(&path, fs::read_to_string(&backup).unwrap() + &line).unwrap();
                    fs::remove_file(backup).unwrap();
                });
            })
        },
        after: |_| std::thread::sleep(Duration::from_millis(500)),
        saves: Some("- saved in between, "),
        commits_max: 1,
        ..HARMLESS
    });
}

#[test]
fn a_file_that_comes_back_unchanged_shows_what_was_written() {
    meddle(&Meddling {
        name: "away and back",
        deed: |home, _| {
            let path = home.at(ALICE);
            Box::new(move || {
                let backup = path.with_extension("md~");
                fs::rename(&path, &backup).unwrap();
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(80));
                    fs::rename(backup, path).unwrap();
                });
            })
        },
        after: |_| std::thread::sleep(Duration::from_millis(500)),
        ..HARMLESS
    });
}

/// Git commands one after another; each may fail, as it may for a person who types it at a bad moment.
fn git(home: &Household, commands: &[&[&str]]) -> Deed {
    let mut commands: Vec<Command> = commands
        .iter()
        .map(|arguments| home.git_command(arguments))
        .collect();
    Box::new(move || {
        commands
            .iter_mut()
            .for_each(|command| drop(command.output().unwrap()))
    })
}

/// Most of a round is waiting, so several households go through their part of the rounds at once.
fn meddle(meddling: &Meddling) {
    std::thread::scope(|scope| {
        for first in 1..=LANES {
            scope.spawn(move || meddle_from(first, meddling));
        }
    });
}

fn meddle_from(first: usize, meddling: &Meddling) {
    let meddler = Arc::new(Meddler::default());
    let witness = Arc::clone(&meddler);
    let home = Household::in_memory(move |scene| {
        scene.git(&["branch", "old", "HEAD~2"]);
        scene.witness = Some(witness);
        scene.pacing = RESTLESS;
    });
    home.write(ALICE, &numbered("# Alice", 0));
    home.agree();
    for step in (first..STEPS_MAX).step_by(LANES) {
        let people_before = commits_of_people(&home);
        let written = home.read(ALICE).unwrap();
        let (_, rest) = written.split_once('\n').unwrap();
        home.write_unshown(ALICE, &format!("# Alice, round {step}\n{rest}"));
        home.write(&format!("user/new{step}/note.md"), "# New\n");
        home.write(BOB, &numbered("# Bob", step));
        meddler.arm(step, (meddling.deed)(&home, step));
        home.release();
        home.eventually("it is shown, or somebody has meddled", |scene| {
            let status = scene.store().status();
            status.shown == status.head || meddler.is_done()
        });
        let has_meddled = meddler.deed.lock().unwrap().take().is_none();
        let context = format!("{} before change {step}", meddling.name);
        if !has_meddled {
            return assert!(step > 10, "{context}: a show has more changes than that");
        }
        (meddling.after)(&home);
        home.agree();
        check(&home, meddling, (&context, step), people_before);
    }
    panic!("{}: the show does not end", meddling.name);
}

fn check(
    home: &Household,
    meddling: &Meddling,
    (context, step): (&str, usize),
    people_before: usize,
) {
    let made = commits_of_people(home).saturating_sub(people_before);
    assert!(
        made <= meddling.commits_max,
        "{context}: {made} commits of people\n{}\n{}",
        home.git(&["log", "-p", "-4", "-U0"]),
        home.history()
    );
    if let Some(line) = meddling.saves {
        let log = home.git(&["log", "-p", "--all", "-m", "--format="]);
        let added = format!("+{line}{step}");
        let is_saved = log.lines().any(|line| line == added);
        assert!(is_saved, "{context}: the save is lost\n{}", home.history());
    }
    if meddling.is_agent_served {
        let served = home.read(ALICE).unwrap_or_default();
        let title = format!("# Alice, round {step}\n");
        assert!(
            served.starts_with(&title),
            "{context}: {served}\n{}",
            home.history()
        );
    }
}

fn commits_of_people(home: &Household) -> usize {
    home.git(&["rev-list", "--count", "--author=Pat", "main"])
        .parse()
        .unwrap()
}
