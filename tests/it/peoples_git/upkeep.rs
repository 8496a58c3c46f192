//! People tidy up: `clean`, `gc`, `repack`, `pack-refs`, `prune`. Nothing the daemon needs can be reached by them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{ALICE, BOB, Household, INDEX};

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

#[test]
fn repacking_and_pruning_under_load_take_nothing() {
    let home = Household::new();
    let is_over = AtomicBool::new(false);
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
        for _ in 0..6 {
            home.git(&["repack", "-q", "-a", "-d"]);
            home.git(&["prune", "--expire=now"]);
            home.git(&["pack-refs", "--all"]);
            home.git(&["repack", "-q", "-A", "-d", "--unpack-unreachable=now"]);
            home.git(&["reflog", "expire", "--expire=now", "--all"]);
            home.git(&["prune-packed"]);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    home.agree();
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
