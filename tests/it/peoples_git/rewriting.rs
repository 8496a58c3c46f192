//! People rewrite the branch: what they dropped stays reachable, what they never saw comes back on top, and nothing they
//! undid returns.

use std::process::Output;

use tempfile::TempDir;

use super::{ALICE, BOB, Household, INDEX, numbered};

#[test]
fn a_reset_stands_and_writes_it_had_not_seen_come_back() {
    for steps in [1, 3] {
        let home = Household::new();
        home.write(ALICE, "# Alice, shown and dropped\n");
        home.agree();
        home.write_unshown(BOB, "# Bob, not shown\n");
        home.git(&["reset", "-q", "--hard", &format!("HEAD~{steps}")]);
        home.release();
        home.agree();
        assert_eq!(
            home.read(ALICE).as_deref(),
            Some("# Alice\n"),
            "the reset stands"
        );
        assert_eq!(home.read(BOB).as_deref(), Some("# Bob, not shown\n"));
        assert_eq!(home.read(INDEX), Some(numbered("# Index", 4 - steps)));
    }
}

#[test]
fn a_reset_below_a_text_that_was_not_shown_keeps_that_text_in_history() {
    let home = Household::new();
    home.write_unshown(INDEX, "# An agent's, not shown\n");
    home.git(&["reset", "-q", "--hard", "HEAD~2"]);
    home.release();
    home.agree();
    assert_eq!(
        home.read(INDEX),
        Some(numbered("# Index", 1)),
        "people decided on this very text"
    );
}

#[test]
fn a_soft_reset_leaves_its_texts_staged() {
    let home = Household::new();
    home.git(&["reset", "-q", "--soft", "HEAD~1"]);
    home.eventually("the branch is followed", |scene| {
        scene.store().status().shown.to_string() == scene.git(&["rev-parse", "main"])
    });
    home.write(ALICE, "# Alice, meanwhile\n");
    home.agree_but_for(&format!("M  {INDEX}"));
    home.git(&["commit", "-q", "-m", "Step 3 again"]);
    home.agree();
    assert_eq!(home.read(INDEX), Some(numbered("# Index", 3)));
    assert_eq!(home.read(ALICE).as_deref(), Some("# Alice, meanwhile\n"));
}

#[test]
fn a_rebase_is_waited_for_and_followed() {
    let home = Household::new();
    home.git(&["branch", "base", "HEAD~2"]);
    home.write(ALICE, "# Alice, shown\n");
    home.agree();
    home.write_unshown(BOB, "# Bob, not shown\n");
    let mut rebase = home.git_command(&["rebase", "-q", "-i", "base"]);
    rebase
        .env("GIT_SEQUENCE_EDITOR", "sed -i '1s/pick/edit/'")
        .env("GIT_EDITOR", "true");
    assert!(rebase.output().unwrap().status.success());
    home.release();
    home.eventually_paused();
    home.write("user/carol/profile.md", "# Carol, during the rebase\n");
    home.git(&["commit", "-q", "--amend", "-m", "Step 2, told better"]);
    home.git(&["rebase", "--continue"]);
    home.agree();
    assert_eq!(home.read(ALICE).as_deref(), Some("# Alice, shown\n"));
    assert_eq!(home.read(BOB).as_deref(), Some("# Bob, not shown\n"));
    assert_eq!(
        home.read("user/carol/profile.md").as_deref(),
        Some("# Carol, during the rebase\n")
    );
    assert!(
        home.git(&["log", "--format=%s"])
            .contains("Step 2, told better")
    );
}

#[test]
fn a_rebase_that_is_aborted_was_none() {
    let home = Household::new();
    home.write(ALICE, "# Alice, shown\n");
    home.agree();
    home.git(&["branch", "other", "HEAD~2"]);
    home.git(&["checkout", "-q", "other"]);
    home.save(INDEX, "# Another index\n");
    home.git(&["commit", "-q", "-am", "Another index"]);
    home.git(&["checkout", "-q", "main"]);
    assert!(
        !home.try_git(&["rebase", "-q", "other"]).status.success(),
        "it conflicts"
    );
    home.eventually_paused();
    home.write(BOB, "# Bob, during the rebase\n");
    std::thread::sleep(std::time::Duration::from_millis(900));
    home.git(&["rebase", "--abort"]);
    home.agree();
    assert_eq!(
        home.read(INDEX),
        Some(numbered("# Index", 3)),
        "no conflict markers were adopted"
    );
    assert_eq!(
        home.read(BOB).as_deref(),
        Some("# Bob, during the rebase\n")
    );
}

/// A clone beside the served folder, and the person who works in it.
struct Clone<'a> {
    home: &'a Household,
    folder: TempDir,
}

impl<'a> Clone<'a> {
    fn of(home: &'a Household) -> Self {
        let clone = Self {
            home,
            folder: TempDir::new().unwrap(),
        };
        clone.git(&["clone", "-q", home.path().to_str().unwrap(), "."]);
        clone
    }

    fn try_git(&self, arguments: &[&str]) -> Output {
        self.home
            .git_command(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }

    fn git(&self, arguments: &[&str]) {
        let output = self.try_git(arguments);
        assert!(
            output.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn commit(&self, path: &str, text: &str) {
        std::fs::write(self.folder.path().join(path), text).unwrap();
        self.git(&["commit", "-q", "-am", "From a clone"]);
    }
}

#[test]
fn what_is_pulled_is_served() {
    for (how, is_shown) in [
        ("--ff-only", true),
        ("--no-rebase", false),
        ("--rebase", false),
    ] {
        let home = Household::new();
        let clone = Clone::of(&home);
        clone.commit(ALICE, "# Alice, from a clone\n");
        if is_shown {
            home.write_unshown(BOB, "# Bob, meanwhile\n");
        } else {
            home.write(BOB, "# Bob, meanwhile\n");
            home.agree();
        }
        home.git(&[
            "pull",
            "-q",
            "--no-edit",
            how,
            clone.folder.path().to_str().unwrap(),
            "main",
        ]);
        home.release();
        home.agree();
        assert_eq!(
            home.read(ALICE).as_deref(),
            Some("# Alice, from a clone\n"),
            "{how}"
        );
        assert_eq!(
            home.read(BOB).as_deref(),
            Some("# Bob, meanwhile\n"),
            "{how}"
        );
    }
}

#[test]
fn what_is_pushed_is_served_by_force_too() {
    let home = Household::new();
    home.git(&["config", "receive.denyCurrentBranch", "updateInstead"]);
    let clone = Clone::of(&home);
    clone.commit(ALICE, "# Alice, from a clone\n");
    clone.git(&["push", "-q", "origin", "main"]);
    home.agree();
    assert_eq!(home.read(ALICE).as_deref(), Some("# Alice, from a clone\n"));
    home.write(BOB, "# Bob, shown and dropped\n");
    home.agree();
    clone.commit(INDEX, "# Index, from a clone\n");
    assert!(
        !clone
            .try_git(&["push", "-q", "origin", "main"])
            .status
            .success(),
        "it would drop Bob's"
    );
    clone.git(&["push", "-q", "--force", "origin", "main"]);
    home.agree();
    assert_eq!(home.read(INDEX).as_deref(), Some("# Index, from a clone\n"));
    assert_eq!(
        home.read(BOB).as_deref(),
        Some("# Bob\n"),
        "the push stands"
    );
}
