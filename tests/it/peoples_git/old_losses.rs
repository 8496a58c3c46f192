//! Losses that others have had with git and a folder that somebody else writes to, one by one.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use memoryd::backend::disk::{Operation, Verdict, Witness};

use crate::scene::RESTLESS;

use super::{ALICE, BOB, Household, INDEX};

/// Longer than the daemon waits before it adopts what it sees.
const SEEN: Duration = Duration::from_millis(900);

/// Has git throw away, before each of the publisher's steps, all that no ref leads to.
#[derive(Default)]
struct Sweeper {
    folder: Mutex<Option<std::path::PathBuf>>,
    sweeps: AtomicUsize,
}

impl Witness for Sweeper {
    fn judge(&self, _: &Operation<'_>) -> Verdict {
        let folder = self.folder.lock().unwrap().clone();
        if let (Some("publisher"), Some(folder)) = (std::thread::current().name(), folder) {
            for arguments in [
                &["prune", "--expire=now"][..],
                &["repack", "-q", "-a", "-d"],
            ] {
                let mut git = Command::new("git");
                git.arg("-C").arg(&folder).args(arguments);
                assert!(git.output().unwrap().status.success());
            }
            self.sweeps.fetch_add(1, Ordering::Relaxed);
        }
        Verdict::Proceed
    }
}

#[test]
fn what_is_pruned_between_two_steps_of_publishing_is_not_missed() {
    let sweeper = Arc::new(Sweeper::default());
    let home = Household::in_memory(|scene| {
        scene.witness = Some(Arc::<Sweeper>::clone(&sweeper));
        scene.pacing = RESTLESS;
    });
    *sweeper.folder.lock().unwrap() = Some(home.path().to_owned());
    for number in 0..4 {
        home.write(ALICE, &format!("# Alice, swept {number}\n"));
        home.write(&format!("user/u{number}/new.md"), "# New\n");
    }
    home.eventually("all is published", |scene| {
        scene.store().status().unpublished_commits == 0
    });
    *sweeper.folder.lock().unwrap() = None;
    assert!(sweeper.sweeps.load(Ordering::Relaxed) > 8);
    home.agree();
}

/// The old object is about to be pruned when the same text comes again.
#[test]
fn a_text_that_comes_back_while_its_old_object_is_pruned_is_kept() {
    let home = Household::in_memory(|scene| scene.pacing = RESTLESS);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for number in 0..30 {
                let text = format!("# Dave {number}\n");
                home.save(".git/draft", &text);
                // Pruning takes the half-made object away now and then, and git says so.
                home.try_git(&["hash-object", "-w", ".git/draft"]);
                home.write("user/dave/profile.md", &text);
            }
        });
        while !writer.is_finished() {
            home.try_git(&["prune", "--expire=now"]);
        }
    });
    home.agree();
}

#[test]
fn a_forced_gc_under_load_takes_nothing() {
    let home = Household::in_memory(|scene| scene.pacing = RESTLESS);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for number in 0..200 {
                let path = format!("user/u{}/note.md", number % 5);
                home.write(&path, &format!("# Note {number}\n"));
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        while !writer.is_finished() {
            home.git(&["reflog", "expire", "--expire=now", "--all"]);
            home.git(&["gc", "-q", "--force", "--prune=now"]);
        }
    });
    home.agree();
}

#[test]
fn a_lock_that_stands_for_long_stops_no_write() {
    let home = Household::new();
    for lock in ["index.lock", "HEAD.lock", "refs/heads/main.lock"] {
        let path = home.at(".git").join(lock);
        fs::write(&path, "").unwrap();
        home.write(ALICE, &format!("# Alice, behind {lock}\n"));
        std::thread::sleep(SEEN);
        assert!(path.exists(), "{lock} is a person's");
        assert_eq!(home.read(ALICE), Some(format!("# Alice, behind {lock}\n")));
        fs::remove_file(path).unwrap();
        home.agree();
    }
}

/// People convert line ends and run filters for their other files; a memory's texts are what its files say.
#[test]
fn no_conversion_of_gits_touches_a_text() {
    let home = Household::before_serving(|scene| {
        scene.git(&["config", "core.autocrlf", "true"]);
        scene.git(&["config", "filter.loud.clean", "tr a-z A-Z"]);
        scene.git(&["config", "filter.loud.smudge", "tr A-Z a-z"]);
        scene.save(".gitattributes", "*.md text eol=crlf ident filter=loud\n");
        scene.git(&["add", ".gitattributes"]);
        scene.git(&["commit", "-q", "-m", "Conversions"]);
    });
    let agree = |home: &Household| {
        home.eventually("git has nothing to say", |_| home.difference("").is_none());
        home.assert_kept();
    };
    home.write(ALICE, "# Alice\nby an agent, $Id$\n");
    agree(&home);
    home.save(BOB, "# Bob\r\nwith other line ends\r\n");
    home.eventually("it is served", |scene| {
        scene.read(BOB).as_deref() == Some("# Bob\r\nwith other line ends\r\n")
    });
    agree(&home);
    home.git(&["checkout", "-q", "HEAD~1"]);
    home.git(&["checkout", "-q", "main"]);
    std::thread::sleep(SEEN);
    agree(&home);
    assert_eq!(
        home.git(&["rev-list", "--count", "main"]),
        "7",
        "{}",
        home.history()
    );
    assert_eq!(
        home.on_disk(ALICE).as_deref(),
        Some("# Alice\nby an agent, $Id$\n")
    );
    assert_eq!(
        home.on_disk(BOB).as_deref(),
        Some("# Bob\r\nwith other line ends\r\n")
    );
}

/// Neither the size nor the time that git compares has changed.
#[test]
fn an_edit_of_the_same_size_and_time_is_seen() {
    for is_served in [true, false] {
        let mut home = Household::before_serving(|scene| {
            scene.git(&["config", "core.checkStat", "minimal"]);
        });
        if !is_served {
            home.scene.stop();
        }
        let modified = fs::metadata(home.at(BOB)).unwrap().modified().unwrap();
        let file = fs::OpenOptions::new()
            .write(true)
            .open(home.at(BOB))
            .unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, b"# Rob\n", 0).unwrap();
        file.set_modified(modified).unwrap();
        drop(file);
        if !is_served {
            home.scene.start();
        }
        home.eventually("it is served", |scene| {
            scene.read(BOB).as_deref() == Some("# Rob\n")
        });
        home.scene.settle();
        assert_eq!(home.git(&["show", &format!("main:{BOB}")]), "# Rob");
    }
}

/// Nothing can bring back a save that was only just made; one that was quiet for a second is in history.
#[test]
fn a_save_that_was_quiet_survives_what_people_throw_away() {
    for arguments in [
        &["checkout", "-q", "-f", "HEAD"][..],
        &["reset", "-q", "--hard", "HEAD~1"],
        &["restore", "--source=HEAD~1", INDEX],
    ] {
        let home = Household::new();
        home.save(INDEX, "# Index, saved and quiet\n");
        home.eventually("it is served", |scene| {
            scene.read(INDEX).as_deref() == Some("# Index, saved and quiet\n")
        });
        home.scene.settle();
        home.promise_head();
        home.git(arguments);
        std::thread::sleep(SEEN);
        home.scene.settle();
        home.agree();
    }
}

/// What git is told to ignore is nobody's memory; still, no agent's write takes it away.
#[test]
fn an_ignored_file_is_not_served_and_not_lost() {
    let home = Household::before_serving(|scene| {
        scene.save(".gitignore", "shared/draft.md\n");
        scene.git(&["add", ".gitignore"]);
        scene.git(&["commit", "-q", "-m", "Ignore a draft"]);
    });
    home.save("shared/draft.md", "# A draft by hand\n");
    std::thread::sleep(SEEN);
    assert_eq!(home.read("shared/draft.md"), None);
    home.write("shared/draft.md", "# By an agent\n");
    home.eventually("the draft is somewhere", |scene| {
        scene.on_disk("shared/draft.md").as_deref() == Some("# A draft by hand\n")
            || scene
                .git(&[
                    "log",
                    "--all",
                    "--glob=refs/memoryd",
                    "--format=",
                    "-p",
                    "--",
                    "shared/draft.md",
                ])
                .contains("A draft by hand")
    });
}

/// Git says that the index is locked where a daemon holds it for long or often; a person would have to try again.
#[test]
fn people_can_add_while_agents_write() {
    const ADDS: usize = 300;
    let home = Household::new();
    let write = |number| home.write(ALICE, &format!("# Alice {number}\n"));
    // The first few are shown at once; what follows is shown at the pace of people.
    (0..20).for_each(write);
    let is_over = AtomicBool::new(false);
    let failed = std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 20.. {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                write(number);
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        let adds = (0..ADDS).filter(|_| {
            std::thread::sleep(Duration::from_millis(10));
            !home.try_git(&["add", INDEX]).status.success()
        });
        let failed = adds.count();
        is_over.store(true, Ordering::Relaxed);
        failed
    });
    assert!(failed * 50 <= ADDS, "{failed} of {ADDS} failed");
    home.agree();
}
