//! People's index: what is staged, announced, skipped, stashed or in conflict is theirs, and no conflict marker is a text.

use std::path::Path;
use std::time::Duration;

use super::{ALICE, BOB, Household, INDEX, numbered};

/// Longer than the daemon waits before it adopts what it sees.
const SEEN: Duration = Duration::from_millis(900);

/// A household with a branch `other` that changed the index' first line another way.
fn with_rival_branch() -> Household {
    Household::before_serving(|scene| {
        scene.git(&["checkout", "-q", "-b", "other", "HEAD~1"]);
        scene.save(INDEX, &numbered("# Rival index", 2));
        scene.git(&["commit", "-q", "-am", "A rival index"]);
        scene.git(&["checkout", "-q", "main"]);
        scene.save(INDEX, &numbered("# Our index", 2));
        scene.git(&["commit", "-q", "-am", "Our index"]);
    })
}

fn has_markers(home: &Household) -> bool {
    home.on_disk(INDEX)
        .is_some_and(|text| text.contains("<<<<<<<"))
}

/// No version of the index in any commit has conflict markers.
fn assert_no_markers_in_history(home: &Household) {
    let found = home.git(&["log", "--all", "--format=%h %an %s", "-S<<<<<<<"]);
    assert_eq!(found, "", "conflict markers were committed");
}

#[test]
fn a_merge_in_conflict_is_peoples_until_they_commit() {
    let home = with_rival_branch();
    assert!(
        !home.try_git(&["merge", "-q", "other"]).status.success(),
        "it conflicts"
    );
    assert!(has_markers(&home));
    home.eventually_paused();
    home.write(ALICE, "# Alice, meanwhile\n");
    std::thread::sleep(SEEN);
    assert_eq!(home.read(INDEX), Some(numbered("# Our index", 2)));
    home.save(INDEX, "# Both\n");
    home.git(&["commit", "-q", "-am", "Both"]);
    home.promise_head();
    home.agree();
    assert_eq!(home.read(INDEX).as_deref(), Some("# Both\n"));
    assert_eq!(home.read(ALICE).as_deref(), Some("# Alice, meanwhile\n"));
    assert_no_markers_in_history(&home);
}

#[test]
fn a_merge_that_is_aborted_was_none() {
    let home = with_rival_branch();
    home.try_git(&["merge", "-q", "other"]);
    home.eventually_paused();
    std::thread::sleep(SEEN);
    home.git(&["merge", "--abort"]);
    std::thread::sleep(SEEN);
    home.agree();
    assert_eq!(home.git(&["rev-list", "--count", "main"]), "5");
}

/// Each leaves conflict markers and unmerged entries, and no file in `.git` that says so.
#[test]
fn conflicts_without_a_state_file_are_peoples_too() {
    let ways: [(&str, &[&[&str]]); 3] = [
        ("stash pop", &[&["stash", "pop"]]),
        (
            "checkout -m",
            &[
                &["checkout", "-q", "-m", "other"],
                &["symbolic-ref", "HEAD", "refs/heads/main"],
            ],
        ),
        ("apply --3way", &[&["apply", "--3way", ".git/rival.patch"]]),
    ];
    for (name, commands) in ways {
        let home = with_rival_branch();
        let patch = home.try_git(&["diff", "other~1", "other"]).stdout;
        std::fs::write(home.at(".git/rival.patch"), patch).unwrap();
        home.store().hold("a test", 60).unwrap();
        match name {
            "stash pop" => {
                home.git(&["checkout", "-q", "--detach"]);
                home.git(&["checkout", "-q", "other~1"]);
                home.save(INDEX, &numbered("# Stashed", 2));
                home.git(&["stash", "-q"]);
                home.git(&["checkout", "-q", "main"]);
            }
            "checkout -m" => {
                home.git(&["checkout", "-q", "--detach"]);
                home.save(INDEX, &numbered("# Unsaved", 2));
            }
            _ => {}
        }
        for command in commands {
            home.try_git(command);
        }
        assert!(has_markers(&home), "{name}: {:?}", home.on_disk(INDEX));
        home.release();
        home.write(ALICE, "# Alice, meanwhile\n");
        std::thread::sleep(2 * SEEN);
        assert_eq!(home.read(INDEX), Some(numbered("# Our index", 2)), "{name}");
        assert!(
            has_markers(&home),
            "{name}: what people have before them stays"
        );
        assert!(
            home.git(&["status", "--porcelain", INDEX])
                .starts_with("UU"),
            "{name}"
        );
        home.save(INDEX, &format!("# After {name}\n"));
        home.git(&["add", INDEX]);
        home.git(&["commit", "-q", "-m", "Resolved"]);
        home.promise_head();
        home.agree();
        assert_eq!(home.read(INDEX), Some(format!("# After {name}\n")));
        assert_eq!(
            home.read(ALICE).as_deref(),
            Some("# Alice, meanwhile\n"),
            "{name}"
        );
        assert_no_markers_in_history(&home);
    }
}

#[test]
fn a_stash_takes_no_file_from_the_memory() {
    for arguments in [
        &["stash", "-q"][..],
        &["stash", "-q", "-u"],
        &["stash", "-q", "-a"],
    ] {
        let home = Household::new();
        home.store().hold("a test", 60).unwrap();
        home.save(INDEX, "# Half a thought\n");
        for number in 0..8 {
            home.save(&format!("team/t{number}/new.md"), "# Just begun\n");
        }
        home.git(&["add", "team/t0"]);
        home.git(arguments);
        home.release();
        home.write(ALICE, "# Alice, meanwhile\n");
        std::thread::sleep(3 * SEEN);
        home.git(&["stash", "pop", "-q"]);
        home.eventually("what comes back is served", |scene| {
            scene.read(INDEX).as_deref() == Some("# Half a thought\n")
                && scene.read("team/t7/new.md").is_some()
        });
        home.git(&["reset", "-q"]);
        home.eventually("the staged file is served, too", |scene| {
            scene.read("team/t0/new.md").is_some()
        });
        home.agree();
        assert_eq!(
            home.read(ALICE).as_deref(),
            Some("# Alice, meanwhile\n"),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_staged_text_is_adopted_before_it_is_replaced() {
    let home = Household::new();
    home.write_unshown(INDEX, &format!("{}- by an agent\n", numbered("# Index", 3)));
    home.save(INDEX, &numbered("# Staged index", 3));
    home.git(&["add", INDEX]);
    home.save(INDEX, &numbered("# Saved after that", 3));
    home.release();
    // The second save came out of the folder when the first was shown, and is looked at a moment later.
    for line in ["+# Staged index", "+# Saved after that", "+- by an agent"] {
        home.eventually("every text is in history", |scene| {
            let log = scene.git(&["log", "-p", "--format="]);
            log.lines().any(|logged| logged == line)
        });
    }
    home.agree();
}

#[test]
fn a_staged_text_at_another_path_stays_staged() {
    let home = Household::new();
    home.save(BOB, "# Bob, staged\n");
    home.git(&["add", BOB]);
    home.write(ALICE, "# Alice, meanwhile\n");
    home.agree_but_for(&format!("M  {BOB}"));
    std::thread::sleep(SEEN);
    home.git(&["commit", "-q", "-m", "Bob"]);
    home.promise_head();
    home.agree();
    assert_eq!(home.read(BOB).as_deref(), Some("# Bob, staged\n"));
    assert_eq!(
        home.read(ALICE).as_deref(),
        Some("# Alice, meanwhile\n"),
        "the commit reverts nothing"
    );
}

#[test]
fn an_announced_file_is_adopted_with_its_text() {
    let home = Household::new();
    home.save("user/carol/profile.md", "# Carol\n");
    home.git(&["add", "-N", "user/carol/profile.md"]);
    home.eventually("it is served", |scene| {
        scene.read("user/carol/profile.md").as_deref() == Some("# Carol\n")
    });
    home.agree();
    home.store().hold("a test", 60).unwrap();
    home.save("user/dave/profile.md", "# Dave, by hand\n");
    home.git(&["add", "-N", "user/dave/profile.md"]);
    home.write("user/dave/profile.md", "# Dave, by an agent\n");
    home.release();
    home.agree();
    let log = home.git(&["log", "-p", "--format=", "--", "user/dave/profile.md"]);
    assert!(
        log.contains("+# Dave, by hand") && log.contains("+# Dave, by an agent"),
        "{log}"
    );
}

#[test]
fn a_skipped_file_stays_away_and_is_served() {
    let home = Household::new();
    home.git(&["update-index", "--skip-worktree", ALICE]);
    std::fs::remove_file(home.at(ALICE)).unwrap();
    home.write(ALICE, "# Alice, by an agent\n");
    home.write(BOB, "# Bob, by an agent\n");
    std::thread::sleep(3 * SEEN);
    home.agree();
    assert_eq!(home.on_disk(ALICE), None);
    assert_eq!(home.read(ALICE).as_deref(), Some("# Alice, by an agent\n"));
    home.git(&["update-index", "--no-skip-worktree", ALICE]);
    home.git(&["restore", ALICE]);
    home.agree();
    assert_eq!(
        home.on_disk(ALICE).as_deref(),
        Some("# Alice, by an agent\n")
    );
}

#[test]
fn a_sparse_checkout_keeps_its_shape() {
    let home = Household::new();
    home.git(&["sparse-checkout", "set", "--no-cone", "/shared/"]);
    assert_eq!(home.on_disk(ALICE), None);
    std::thread::sleep(3 * SEEN);
    home.write(ALICE, "# Alice, by an agent\n");
    home.write(INDEX, "# Index, by an agent\n");
    home.agree();
    assert_eq!(home.on_disk(ALICE), None);
    assert_eq!(
        home.on_disk(INDEX).as_deref(),
        Some("# Index, by an agent\n")
    );
    home.git(&["sparse-checkout", "disable"]);
    home.agree();
    assert_eq!(
        home.on_disk(ALICE).as_deref(),
        Some("# Alice, by an agent\n")
    );
}

#[test]
fn a_commit_after_a_write_reverts_nothing() {
    let home = Household::new();
    for number in 0..3 {
        home.git(&["write-tree"]);
        home.write(ALICE, &format!("# Alice, {number}\n"));
        home.agree();
        home.git(&[
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            "From the index as it is",
        ]);
        home.agree();
        assert_eq!(
            home.git(&["show", &format!("HEAD:{ALICE}")]),
            format!("# Alice, {number}")
        );
    }
}

/// People's git does not sync the index that `git status` writes, so a power cut may empty it.
#[test]
fn an_index_that_was_lost_is_made_again_at_the_next_start() {
    for lose in [
        |path: &Path| std::fs::write(path, "").unwrap(),
        |path: &Path| std::fs::remove_file(path).unwrap(),
    ] {
        let mut home = Household::new();
        home.write(ALICE, "# Alice, before\n");
        home.agree();
        home.scene.stop();
        lose(&home.at(".git/index"));
        home.scene.start();
        home.agree();
        home.write(BOB, "# Bob, afterwards\n");
        home.agree();
    }
}

#[test]
fn an_index_that_was_removed_is_made_again_with_the_next_write() {
    let home = Household::new();
    home.write(ALICE, "# Alice, before\n");
    home.agree();
    std::fs::remove_file(home.at(".git/index")).unwrap();
    home.write(BOB, "# Bob, afterwards\n");
    home.agree();
    home.save(INDEX, "# Index, by hand\n");
    home.git(&["commit", "-q", "-am", "By hand"]);
    home.agree();
    assert_eq!(home.read(ALICE).as_deref(), Some("# Alice, before\n"));
}
