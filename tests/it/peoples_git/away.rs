//! People leave the served branch, or take it away: writes go on, and are shown when they come back.

use std::time::Duration;

use super::{ALICE, BOB, Household, INDEX, numbered};

/// A branch of three commits less, made before it is served.
fn with_old_branch() -> Household {
    Household::before_serving(|scene| drop(scene.git(&["branch", "old", "HEAD~2"])))
}

#[test]
fn writes_go_on_while_another_branch_is_checked_out() {
    for place in ["old", "HEAD~2"] {
        let home = with_old_branch();
        home.git(&["checkout", "-q", place]);
        home.eventually_paused();
        home.write(ALICE, "# Alice, meanwhile\n");
        home.write(INDEX, "# Index, meanwhile\n");
        std::thread::sleep(Duration::from_millis(900));
        assert_eq!(
            home.on_disk(INDEX),
            Some(numbered("# Index", 1)),
            "{place}: the checkout is theirs"
        );
        assert_eq!(home.read(INDEX).as_deref(), Some("# Index, meanwhile\n"));
        assert_eq!(home.git(&["status", "--porcelain"]), "");
        home.git(&["checkout", "-q", "main"]);
        home.agree();
        assert_eq!(
            home.git(&["rev-list", "--count", "main"]),
            "6",
            "nothing but the two writes: {}",
            home.history()
        );
        assert_eq!(home.on_disk(ALICE).as_deref(), Some("# Alice, meanwhile\n"));
    }
}

#[test]
fn what_is_committed_elsewhere_comes_with_a_merge() {
    let home = with_old_branch();
    home.git(&["checkout", "-q", "-b", "topic"]);
    home.eventually_paused();
    home.save(BOB, "# Bob, on a topic\n");
    home.write(ALICE, "# Alice, meanwhile\n");
    std::thread::sleep(Duration::from_millis(900));
    assert_eq!(
        home.read(BOB).as_deref(),
        Some("# Bob\n"),
        "what is saved on a topic is the topic's"
    );
    home.git(&["commit", "-q", "-am", "Bob, on a topic"]);
    home.git(&["checkout", "-q", "main"]);
    home.git(&["merge", "-q", "--no-edit", "topic"]);
    home.promise_head();
    home.agree();
    assert_eq!(home.read(BOB).as_deref(), Some("# Bob, on a topic\n"));
    assert_eq!(home.read(ALICE).as_deref(), Some("# Alice, meanwhile\n"));
}

#[test]
fn to_and_fro_under_writes_commits_nothing_of_the_other_branch() {
    let home = with_old_branch();
    std::thread::scope(|scope| {
        let agent = scope.spawn(|| {
            for number in 0..40 {
                home.write(INDEX, &numbered("# An agent's index", number));
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        while !agent.is_finished() {
            for branch in ["old", "main"] {
                // Git refuses while the daemon holds a lock, or has just put a file in place.
                home.try_git(&["checkout", "-q", branch]);
                std::thread::sleep(Duration::from_millis(60));
            }
        }
    });
    home.git(&["checkout", "-q", "main"]);
    home.agree();
    assert_eq!(home.read(INDEX), Some(numbered("# An agent's index", 39)));
    assert_eq!(
        home.git(&["log", "--author=Pat", "--format=%s", "main"]),
        "Step 3\nStep 2\nStep 1\nStart",
        "{}",
        home.git(&["log", "-p", "-U0", "--author=Pat", "-4", "main"])
    );
}

/// Git puts the index in place before it moves HEAD; a hook of a person's lets time pass between the two.
#[test]
fn a_checkout_is_not_over_when_its_index_is_in_place() {
    let home = with_old_branch();
    home.write_unshown(INDEX, "# Index, not shown\n");
    let (hook, begun) = (
        home.at(".git/hooks/post-index-change"),
        home.at(".git/hook-has-begun"),
    );
    std::fs::write(&hook, "#!/bin/sh\ntouch .git/hook-has-begun\nsleep 0.05\n").unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut checkout = home
        .git_command(&["checkout", "-q", "old"])
        .spawn()
        .unwrap();
    home.eventually("the index is in place", |_| begun.exists());
    home.release();
    assert!(checkout.wait().unwrap().success());
    std::fs::remove_file(hook).unwrap();
    std::thread::sleep(Duration::from_millis(900));
    assert_eq!(home.git(&["status", "--porcelain"]), "");
    assert_eq!(home.on_disk(INDEX), Some(numbered("# Index", 1)));
    home.git(&["checkout", "-q", "main"]);
    home.agree();
    assert_eq!(home.read(INDEX).as_deref(), Some("# Index, not shown\n"));
    assert_eq!(
        home.git(&["rev-list", "--count", "main"]),
        "5",
        "{}",
        home.history()
    );
}

#[test]
fn a_renamed_branch_is_followed() {
    let mut home = Household::new();
    for (number, (old, new)) in [("main", "trunk"), ("trunk", "deep/er")]
        .into_iter()
        .enumerate()
    {
        home.git(&["branch", "-m", old, new]);
        let text = format!("# Alice, {number}\n");
        home.write(ALICE, &text);
        home.eventually("it is shown", |scene| {
            scene.on_disk(ALICE).as_ref() == Some(&text)
        });
        home.eventually("git has nothing to say", |scene| {
            scene.git(&["status", "--porcelain"]).is_empty()
        });
        assert_eq!(home.store().status().branch, new);
    }
    // The settings name the branch as it was called at first.
    home.scene.stop();
    home.scene.start();
    home.write(ALICE, "# Alice, after a start\n");
    home.eventually("it is shown", |scene| {
        scene.git(&["show", &format!("deep/er:{ALICE}")]) == "# Alice, after a start"
    });
    assert_eq!(home.store().status().paused, None);
    assert_eq!(
        home.git(&["branch", "--format=%(refname:short)"]),
        "deep/er"
    );
}

/// A deleted branch beside another one at the same commit looks like a renamed one, but for its reflog.
#[test]
fn a_deleted_branch_is_not_taken_for_a_renamed_one() {
    let home = Household::new();
    home.write(ALICE, "# Alice, shown\n");
    home.agree();
    let tip = home.git(&["rev-parse", "main"]);
    home.git(&["checkout", "-q", "-b", "topic"]);
    home.git(&["branch", "-q", "-D", "main"]);
    home.eventually_paused();
    home.write(BOB, "# Bob, meanwhile\n");
    std::thread::sleep(std::time::Duration::from_millis(900));
    assert_eq!(home.git(&["rev-parse", "topic"]), tip);
    home.git(&["branch", "-m", "topic", "main"]);
    home.agree();
    assert_eq!(home.on_disk(BOB).as_deref(), Some("# Bob, meanwhile\n"));
}

#[test]
fn a_deleted_branch_is_not_made_again_by_the_daemon() {
    let home = with_old_branch();
    home.write(ALICE, "# Alice, shown\n");
    home.agree();
    home.git(&["checkout", "-q", "old"]);
    home.git(&["branch", "-q", "-D", "main"]);
    home.eventually_paused();
    home.write(BOB, "# Bob, meanwhile\n");
    std::thread::sleep(Duration::from_millis(900));
    assert!(
        !home
            .try_git(&["rev-parse", "-q", "--verify", "main"])
            .status
            .success()
    );
    home.assert_kept();
    home.git(&["checkout", "-q", "-b", "main", "refs/memoryd/shown"]);
    home.agree();
    assert_eq!(home.read(ALICE).as_deref(), Some("# Alice, shown\n"));
    assert_eq!(home.read(BOB).as_deref(), Some("# Bob, meanwhile\n"));
}

#[test]
fn an_unborn_branch_is_a_branch_that_is_gone() {
    let home = Household::new();
    home.write(ALICE, "# Alice, shown\n");
    home.agree();
    home.git(&["update-ref", "-d", "refs/heads/main"]);
    home.eventually("it is told", |scene| {
        scene
            .store()
            .status()
            .paused
            .is_some_and(|reason| reason.contains("main is gone"))
    });
    home.write(BOB, "# Bob, meanwhile\n");
    assert!(
        !home
            .try_git(&["rev-parse", "-q", "--verify", "main"])
            .status
            .success()
    );
    home.git(&["update-ref", "refs/heads/main", "refs/memoryd/shown"]);
    home.agree();
    assert_eq!(home.read(BOB).as_deref(), Some("# Bob, meanwhile\n"));
}

#[test]
fn a_second_work_tree_on_the_branch_is_not_pulled_from_under_its_feet() {
    let home = Household::new();
    let second = tempfile::TempDir::new().unwrap();
    let folder = second.path().join("tree");
    home.git(&[
        "worktree",
        "add",
        "-q",
        "--force",
        folder.to_str().unwrap(),
        "main",
    ]);
    home.eventually_paused();
    let tip = home.git(&["rev-parse", "main"]);
    home.write(ALICE, "# Alice, meanwhile\n");
    std::thread::sleep(Duration::from_millis(900));
    assert_eq!(home.git(&["rev-parse", "main"]), tip);
    assert_eq!(home.read(ALICE).as_deref(), Some("# Alice, meanwhile\n"));
    std::fs::write(folder.join(BOB), "# Bob, from the second tree\n").unwrap();
    let committed = home
        .git_command(&["commit", "-q", "-am", "From the second tree"])
        .current_dir(&folder)
        .output();
    assert!(committed.unwrap().status.success());
    home.promise_head();
    home.eventually("it is served", |scene| {
        scene.read(BOB).as_deref() == Some("# Bob, from the second tree\n")
    });
    home.git(&["worktree", "remove", "--force", folder.to_str().unwrap()]);
    home.agree();
    assert_eq!(
        home.on_disk(BOB).as_deref(),
        Some("# Bob, from the second tree\n")
    );
    assert_eq!(home.on_disk(ALICE).as_deref(), Some("# Alice, meanwhile\n"));
}
