//! People tidy up: `clean`, `gc`, `repack`, `pack-refs`, `prune`. Nothing the daemon needs can be reached by them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use memoryd::model::path::RepoPath;

use super::{ALICE, BOB, Household, INDEX, SaysOver, numbered, tell};
use crate::chance::from_environment;

#[test]
fn a_clean_folder_is_served_as_before() {
    let home = Household::new();
    home.write_unshown(ALICE, "# Alice, not shown\n");
    home.save("shared/.draft", "not the memory's");
    home.git(&["clean", "-q", "-fdx"]);
    home.release();
    home.agree();
    home.write(BOB, "# Bob, afterwards\n");
    home.agree();
    assert!(!home.at("shared/.draft").exists());
}

#[test]
fn packed_refs_are_read_and_moved() {
    let home = Household::new();
    for number in 0..5 {
        home.git(&["pack-refs", "--all", "--prune"]);
        home.write(ALICE, &format!("# Alice, {number}\n"));
        home.agree();
    }
    home.git(&["pack-refs", "--all", "--prune"]);
    home.save(INDEX, "# By hand\n");
    home.git(&["commit", "-q", "-am", "By hand"]);
    home.git(&["pack-refs", "--all", "--prune"]);
    home.agree();
    assert_eq!(home.read(INDEX).as_deref(), Some("# By hand\n"));
}

#[test]
fn gc_is_refused_while_the_memory_is_served() {
    let mut home = Household::new();
    for arguments in [
        &["gc", "-q"][..],
        &["gc", "--prune=now"],
        &["maintenance", "run", "--task=gc"],
    ] {
        let refused = home.try_git(arguments);
        assert!(!refused.status.success(), "{arguments:?} was let through");
        assert!(
            String::from_utf8_lossy(&refused.stderr).contains("gc is already running"),
            "{refused:?}"
        );
    }
    home.write(ALICE, "# Alice\n- more\n");
    home.agree();
    home.scene.stop();
    home.git(&["gc", "-q", "--prune=now"]);
    home.scene.start();
    home.agree();
}

/// Goes on for as many seconds as `MEMORYD_UPKEEP_SECONDS` says, or five.
#[test]
fn repacking_and_pruning_under_load_take_nothing() {
    let seconds = from_environment("MEMORYD_UPKEEP_SECONDS", 5);
    let home = Household::new();
    let (is_over, begun) = (AtomicBool::new(false), Instant::now());
    let mut rounds = 0;
    std::thread::scope(|scope| {
        for agent in 0..2 {
            let (home, is_over) = (&home, &is_over);
            scope.spawn(move || {
                for number in 0.. {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    home.write(
                        &format!("user/u{agent}/note{}.md", number % 5),
                        &format!("# Note {number}\n"),
                    );
                    std::thread::sleep(Duration::from_millis(10));
                }
            });
        }
        let over = SaysOver(&is_over);
        while begun.elapsed() < Duration::from_secs(seconds) {
            tidy_up(&home, rounds);
            rounds += 1;
        }
        drop(over);
    });
    home.agree();
    let promised = home.promised.lock().unwrap().len();
    let elapsed = begun.elapsed();
    tell(&format!(
        "{rounds} rounds of upkeep, {promised} promises kept, in {elapsed:.0?}"
    ));
}

/// A person saves, and while that is adopted tries everything that takes away what nobody seems to need.
fn tidy_up(home: &Household, round: usize) {
    let text = numbered("# By hand", round);
    home.save(INDEX, &text);
    home.git(&["repack", "-q", "-a", "-d"]);
    home.git(&["prune", "--expire=now"]);
    home.git(&["pack-refs", "--all"]);
    home.git(&["repack", "-q", "-A", "-d", "--unpack-unreachable=now"]);
    home.git(&["reflog", "expire", "--expire=now", "--all"]);
    home.git(&["prune-packed"]);
    assert!(!home.try_git(&["gc", "--prune=now"]).status.success());
    home.eventually("what was saved is served", |scene| {
        scene.read(INDEX).as_ref() == Some(&text)
    });
    let snapshot = home.store().snapshot();
    let file = snapshot.get(&RepoPath::parse(INDEX).unwrap()).unwrap();
    home.promised.lock().unwrap().push(file.blob.to_string());
}

#[test]
fn what_was_dropped_survives_gc() {
    let mut home = Household::new();
    home.write(ALICE, "# Alice, shown and dropped\n");
    home.agree();
    home.write_unshown(INDEX, "# Index, never shown\n");
    home.git(&["reset", "-q", "--hard", "HEAD~3"]);
    home.release();
    home.agree();
    home.scene.stop();
    home.git(&[
        "reflog",
        "expire",
        "--expire=now",
        "--expire-unreachable=now",
        "--all",
    ]);
    home.git(&["gc", "-q", "--prune=now"]);
    home.scene.start();
    home.agree();
}
