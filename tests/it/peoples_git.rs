//! People's own git in a served folder: whatever they type, nothing acknowledged is lost, and git stays of use to them.

mod actor;
mod away;
mod between_steps;
mod committing;
mod old_losses;
mod rewriting;
mod staging;
mod under_load;
mod upkeep;

use std::collections::HashSet;
use std::io::Write;
use std::ops::Deref;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use memoryd::model::edit::Step;
use memoryd::store::Wait;

use crate::scene::{PATIENCE, Scene, edit, target};

const INDEX: &str = "shared/index.md";
const ALICE: &str = "user/alice/profile.md";
const BOB: &str = "user/bob/profile.md";
const FILES: [(&str, &str); 3] = [(INDEX, "# Index\n"), (ALICE, "# Alice\n"), (BOB, "# Bob\n")];

/// A served memory with a short history, and a list of what must never be lost.
struct Household {
    scene: Scene,
    /// Commits that were acknowledged, and commits and blobs of people that the daemon has seen.
    promised: Mutex<Vec<String>>,
}

impl Deref for Household {
    type Target = Scene;

    fn deref(&self) -> &Scene {
        &self.scene
    }
}

impl Household {
    /// Four commits of people, served.
    fn new() -> Self {
        Self::before_serving(|_| {})
    }

    /// The same, with something done before it is served.
    fn before_serving(prepare: impl FnOnce(&mut Scene)) -> Self {
        Self::of(Scene::with_files(&FILES), prepare)
    }

    /// The same in memory, where it is quicker.
    fn in_memory(prepare: impl FnOnce(&mut Scene)) -> Self {
        Self::of(Scene::in_memory(&FILES), prepare)
    }

    fn of(mut scene: Scene, prepare: impl FnOnce(&mut Scene)) -> Self {
        scene.git(&["config", "user.name", "Pat Person"]);
        scene.git(&["config", "user.email", "pat@example.com"]);
        for number in 1..4 {
            scene.save(INDEX, &numbered("# Index", number));
            scene.git(&["commit", "-q", "-am", &format!("Step {number}")]);
        }
        prepare(&mut scene);
        scene.start();
        Self {
            scene,
            promised: Mutex::default(),
        }
    }

    /// An agent writes a text, and is told that it is safe.
    fn write(&self, path: &str, text: &str) {
        let step = Step::Write {
            target: target(path),
            text: text.into(),
        };
        let receipt = self.store().write(edit(step), Wait::Acknowledged).unwrap();
        self.promised
            .lock()
            .unwrap()
            .push(receipt.revision.to_string());
    }

    /// The same, with the branch held still before, so that nothing of it is shown.
    fn write_unshown(&self, path: &str, text: &str) {
        self.store().hold("a test", 60).unwrap();
        self.write(path, text);
        self.eventually("it is published", |scene| {
            scene.store().status().unpublished_commits == 0
        });
        assert_ne!(
            self.on_disk(path).as_deref(),
            Some(text),
            "a hold keeps the folder as it is"
        );
    }

    fn release(&self) {
        self.store().release().unwrap();
    }

    /// People's newest commit must not be lost either.
    fn promise_head(&self) {
        self.promised
            .lock()
            .unwrap()
            .push(self.git(&["rev-parse", "HEAD"]));
    }

    /// Waits until branch, folder and memory say the same and git has nothing to say.
    fn agree(&self) {
        self.agree_but_for("");
    }

    /// The same, but for what a person left behind, as `git status --porcelain` has it.
    fn agree_but_for(&self, left: &str) {
        let deadline = Instant::now() + PATIENCE;
        while let Some(difference) = self.difference(left) {
            assert!(
                Instant::now() < deadline,
                "{difference}\n{}",
                self.history()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        self.assert_served("main");
        self.assert_kept();
    }

    /// In what branch, folder and memory differ, but for what a person left behind.
    fn difference(&self, left: &str) -> Option<String> {
        let status = self.store().status();
        let tips = [status.head, status.published, status.shown];
        if tips.iter().any(|seen| *seen != status.head) {
            return Some(format!("not all is shown: {status:#?}"));
        }
        let (tip, changes) = (
            self.git(&["rev-parse", "main"]),
            self.git(&["status", "--porcelain"]),
        );
        let agree = changes == left && status.head.to_string() == tip;
        (!agree).then(|| format!("the branch is at {tip}, git says {changes:?}: {status:#?}"))
    }

    /// The memory serves what a commit says, and nothing else.
    fn assert_served(&self, commit: &str) {
        let listed = self.git(&["ls-tree", "-r", "--name-only", commit]);
        for path in listed.lines() {
            let text =
                String::from_utf8(self.try_git(&["show", &format!("{commit}:{path}")]).stdout)
                    .unwrap();
            assert_eq!(self.read(path), Some(text), "{path}");
        }
        assert_eq!(self.store().status().files, listed.lines().count());
    }

    /// All that was promised can be reached from the branch or from the daemon's own refs, and git finds no fault.
    fn assert_kept(&self) {
        self.eventually("what is acknowledged is packed", |scene| {
            scene.store().status().unpublished_commits == 0
        });
        let refs = ["rev-list", "--objects", "--branches", "--glob=refs/memoryd"];
        let listed = self.git(&refs);
        let reachable: HashSet<_> = listed
            .lines()
            .filter_map(|line| line.split(' ').next())
            .collect();
        for promised in self.promised.lock().unwrap().iter() {
            assert!(
                reachable.contains(promised.as_str()),
                "{promised} is lost: {}",
                self.history()
            );
        }
        let fsck = self.try_git(&["fsck", "--strict", "--full", "--no-dangling"]);
        assert!(
            fsck.status.success(),
            "{}",
            String::from_utf8_lossy(&fsck.stderr)
        );
    }

    fn history(&self) -> String {
        self.git(&["log", "--graph", "--all", "--format=%h %an: %s%d"])
    }

    fn is_paused(&self) -> bool {
        self.store().status().paused.is_some()
    }

    /// Waits until the daemon has seen that it must hold still.
    fn eventually_paused(&self) {
        self.eventually("the daemon holds still", |scene| {
            scene.store().status().paused.is_some()
        });
    }
}

/// Lines that are far enough apart for two people to change them.
fn numbered(title: &str, number: usize) -> String {
    let lines: String = (0..20)
        .map(|line| format!("- line {line} of step {number}\n"))
        .collect();
    format!("{title}\n{lines}")
}

/// Says that it is over, also when what was done panics: otherwise whoever goes on until then would go on for ever.
struct SaysOver<'a>(&'a AtomicBool);

impl Drop for SaysOver<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Past the test runner's capture: how much there was is a part of the result.
fn tell(sentence: &str) {
    let _ = writeln!(std::io::stderr(), "{sentence}");
}
