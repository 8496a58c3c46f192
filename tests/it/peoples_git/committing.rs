//! People commit: on top of what is shown, beside what agents write, slowly, again.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{ALICE, BOB, Household, INDEX, numbered};

#[test]
fn a_commit_on_top_is_served_as_it_is() {
    let home = Household::new();
    home.save(INDEX, "# By hand\n");
    home.git(&["commit", "-q", "-am", "By hand"]);
    home.promise_head();
    home.agree();
    assert_eq!(home.read(INDEX).as_deref(), Some("# By hand\n"));
    assert_eq!(home.git(&["log", "-1", "--format=%s"]), "By hand");
}

#[test]
fn a_commit_beside_writes_that_are_not_shown_is_merged() {
    let home = Household::new();
    home.write_unshown(ALICE, "# Alice, by an agent\n");
    home.save(BOB, "# Bob, by hand\n");
    home.git(&["commit", "-q", "-am", "By hand"]);
    home.promise_head();
    home.release();
    home.agree();
    assert_eq!(home.read(ALICE).as_deref(), Some("# Alice, by an agent\n"));
    assert_eq!(home.read(BOB).as_deref(), Some("# Bob, by hand\n"));
}

#[test]
fn where_both_changed_the_same_lines_the_persons_stand() {
    let home = Household::new();
    home.write_unshown(ALICE, "# Alice, by an agent\n");
    home.save(ALICE, "# Alice, by hand\n");
    home.git(&["commit", "-q", "-am", "By hand"]);
    home.promise_head();
    home.release();
    home.agree();
    assert_eq!(home.read(ALICE).as_deref(), Some("# Alice, by hand\n"));
    assert!(
        home.store()
            .status()
            .notices
            .iter()
            .any(|notice| notice.contains(ALICE)),
        "the conflict is told"
    );
}

#[test]
fn commits_that_race_writes_lose_nothing() {
    let home = Household::new();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let agents: Vec<_> = (0..2)
            .map(|agent| {
                scope.spawn({
                    let (home, is_over) = (&home, &is_over);
                    move || write_until(home, agent, is_over)
                })
            })
            .collect();
        let mut failed = 0;
        for number in 0..40 {
            home.save(INDEX, &numbered("# Raced", number));
            let is_committed = || {
                home.try_git(&["commit", "-q", "-am", &format!("Race {number}")])
                    .status
                    .success()
            };
            // The daemon may have adopted the save before, or moved the branch meanwhile: then a person tries again.
            while !is_committed() && !home.git(&["status", "--porcelain", INDEX]).is_empty() {
                failed += 1;
                assert!(failed < 40, "people can hardly commit");
            }
            home.promise_head();
            std::thread::sleep(Duration::from_millis(25 * (number as u64 % 4)));
        }
        is_over.store(true, Ordering::Relaxed);
        agents.into_iter().for_each(|agent| agent.join().unwrap());
    });
    home.agree();
    assert_eq!(home.read(INDEX), Some(numbered("# Raced", 39)));
}

fn write_until(home: &Household, agent: usize, is_over: &AtomicBool) {
    let mut number = 0;
    while !is_over.load(Ordering::Relaxed) {
        home.write(
            &format!("user/u{agent}{}/note.md", number % 7),
            &format!("# Note {number} of {agent}\n"),
        );
        number += 1;
        std::thread::sleep(Duration::from_millis(30));
    }
}

#[test]
fn an_amended_commit_takes_nothing_with_it() {
    let home = Household::new();
    home.write(ALICE, "# Alice, shown\n");
    home.agree();
    home.write_unshown(BOB, "# Bob, not shown\n");
    home.git(&[
        "commit",
        "-q",
        "--amend",
        "--no-edit",
        "--author",
        "Pat Person <pat@example.com>",
    ]);
    home.release();
    home.agree();
    assert_eq!(home.read(ALICE).as_deref(), Some("# Alice, shown\n"));
    assert_eq!(home.read(BOB).as_deref(), Some("# Bob, not shown\n"));
}

#[test]
fn a_revert_is_followed() {
    let home = Household::new();
    home.write(ALICE, "# A slip\n");
    home.agree();
    home.git(&["revert", "--no-edit", "HEAD"]);
    home.agree();
    assert_eq!(home.read(ALICE).as_deref(), Some("# Alice\n"));
}

#[test]
fn a_slow_editor_is_waited_for() {
    let home = Household::new();
    let commands: [&[&str]; 4] = [
        &["commit", "-a"],
        &["revert", "HEAD"],
        &["commit", "--amend"],
        &["commit", "--allow-empty"],
    ];
    for (number, arguments) in commands.into_iter().enumerate() {
        home.write(BOB, &numbered("# Bob, before that", number));
        home.agree();
        if arguments.contains(&"-a") {
            home.save(INDEX, &numbered("# Slowly", number));
        }
        let mut git = home.git_command(arguments);
        git.env("GIT_EDITOR", "sleep 1; echo Slowly >")
            .stdout(Stdio::null());
        let mut git = git.spawn().unwrap();
        home.eventually("the hook has asked to hold", |scene| {
            scene.at(".git/memoryd/hold").exists()
        });
        for write in 0..10 {
            home.write(
                ALICE,
                &format!("# While somebody types, {number}, {write}\n"),
            );
        }
        assert!(
            git.wait().unwrap().success(),
            "git {arguments:?} lost its race"
        );
        home.promise_head();
        home.agree();
        assert!(home.git(&["log", "--format=%s"]).contains("Slowly"));
    }
}

#[test]
fn a_hold_keeps_everything_still_until_its_release() {
    let home = Household::new();
    let tip = home.git(&["rev-parse", "HEAD"]);
    home.write_unshown(ALICE, "# Held\n");
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(home.git(&["rev-parse", "HEAD"]), tip);
    assert_eq!(home.git(&["status", "--porcelain"]), "");
    assert_eq!(
        home.read(ALICE).as_deref(),
        Some("# Held\n"),
        "served all the same"
    );
    assert!(home.is_paused());
    home.release();
    home.agree();
    assert_eq!(home.on_disk(ALICE).as_deref(), Some("# Held\n"));
}
