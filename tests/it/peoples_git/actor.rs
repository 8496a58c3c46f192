//! Somebody who types git commands at random while agents write and files are saved: nothing acknowledged and nothing
//! that was saved and served is lost, whatever he types and however it ends.
//!
//! He commits, switches and merges branches, stashes, resets, amends, reverts, rebases, renames the served branch, repacks
//! and prunes. Now and then he goes home: then the folder must come to rest, the daemon ends, all that git thinks nobody
//! needs is collected, and the daemon starts again. At each of these times everything must be there that ever was
//! promised.
//!
//! `MEMORYD_GIT_STEPS` sets how many commands there are (300 unless it is set), `MEMORYD_SEED` which:
//!
//! ```text
//! MEMORYD_GIT_STEPS=5000 cargo test --release --test it git_at_random -- --nocapture
//! ```

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use memoryd::model::path::RepoPath;

use super::{ALICE, BOB, Household, INDEX, SaysOver, numbered, tell};
use crate::chance::{Chance, from_environment};

const STEPS: u64 = 300;
/// He goes home after so many.
const STEPS_A_DAY: u64 = 100;
/// Between two commands, at most.
const PAUSE_MAX_MS: usize = 60;
const AGENTS: usize = 2;

/// What git says of a repository that is broken, whoever broke it.
const BROKEN: [&str; 7] = [
    "bad object",
    "bad signature",
    "corrupt",
    "invalid sha1",
    "missing blob",
    "missing tree",
    "unable to read",
];

/// Commands that leave no branch and no state behind. The served branch keeps its reflog as long as it is served: only
/// what stands in there tells that it was renamed.
const PLAIN: [&[&str]; 22] = [
    &["add", "-A"],
    &["branch", "-q", "-f", "aside"],
    &["checkout", "-q", "--", "."],
    &["checkout", "-q", "--detach"],
    &["cherry-pick", "aside"],
    &["commit", "-q", "--amend", "--no-edit"],
    &["commit", "-q", "-a", "-m", "All"],
    &["commit", "-q", "-m", "Staged"],
    &["gc", "-q", "--prune=now"],
    &["merge", "-q", "--no-edit", "aside"],
    &["pack-refs", "--all"],
    &["prune", "--expire=now"],
    &["rebase", "-q", "aside"],
    &[
        "reflog",
        "expire",
        "--expire=now",
        "HEAD",
        "refs/heads/aside",
    ],
    &["repack", "-q", "-a", "-d"],
    &["repack", "-q", "-A", "-d", "--unpack-unreachable=now"],
    &["reset", "-q", "HEAD~1"],
    &["reset", "-q", "--hard", "HEAD~2"],
    &["reset", "-q", "--soft", "HEAD~1"],
    &["revert", "--no-edit", "HEAD"],
    &["stash", "-q", "-u"],
    &["stash", "pop", "-q"],
];
const AWAY: [&[&str]; 2] = [
    &["checkout", "-q", "-B", "aside", "HEAD~1"],
    &["checkout", "-q", "aside"],
];
const GIVE_UP: [&[&str]; 4] = [
    &["merge", "--abort"],
    &["rebase", "--abort"],
    &["cherry-pick", "--abort"],
    &["revert", "--abort"],
];
/// What he saves when he is home.
const LAST: &str = "shared/home.md";
/// What the branch is called for a while.
const RENAMED: &str = "trunk";

/// The one who types.
struct Actor<'a> {
    home: &'a Household,
    chance: Chance,
    branch: &'static str,
    /// Texts that were saved and not served yet, by their paths.
    saved: BTreeMap<&'static str, String>,
}

#[test]
fn git_at_random_takes_nothing() {
    let steps = from_environment("MEMORYD_GIT_STEPS", STEPS);
    let seed = from_environment("MEMORYD_SEED", 1);
    let mut home = Household::new();
    // A prune leaves commits in the commit graph that it takes away, and git fsck then complains about git itself.
    home.git(&["config", "gc.writeCommitGraph", "false"]);
    let (begun, mut done) = (Instant::now(), 0);
    while done < steps {
        let day = STEPS_A_DAY.min(steps - done);
        while_agents_write(&home, done, |home| {
            let mut actor = Actor {
                home,
                chance: Chance::new(seed << 32 | done),
                branch: "main",
                saved: BTreeMap::new(),
            };
            (done..done + day).for_each(|step| actor.step(step));
            actor.goes_home();
        });
        home.agree();
        home.scene.stop();
        home.git(&["reflog", "expire", "--expire=now", "--all"]);
        home.git(&["gc", "-q", "--prune=now"]);
        home.scene.start();
        home.agree();
        done += day;
    }
    let promised = home.promised.lock().unwrap().len();
    let elapsed = begun.elapsed();
    tell(&format!(
        "{steps} git commands at random, {promised} promises kept, in {elapsed:.0?}"
    ));
}

/// Has agents write while something is done.
fn while_agents_write(home: &Household, day: u64, act: impl FnOnce(&Household)) {
    let (is_over, written) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for agent in 0..AGENTS {
            let (is_over, written) = (&is_over, &written);
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    let number = written.fetch_add(1, Ordering::Relaxed);
                    let path = [ALICE, BOB, "user/carol/notes.md"][number % 3];
                    let title = format!("# Day {day}, agent {agent}");
                    home.write(path, &numbered(&title, number));
                    std::thread::sleep(Duration::from_millis(25));
                }
            });
        }
        let over = SaysOver(&is_over);
        act(home);
        drop(over);
    });
}

impl Actor<'_> {
    fn step(&mut self, step: u64) {
        match self.chance.below(12) {
            0..3 => self.save(step),
            3 => self.back(),
            4 => self.rename(),
            5 if self.chance.one_in(2) => self.try_any(&AWAY),
            6 if self.chance.one_in(2) => self.try_any(&GIVE_UP),
            _ => self.try_any(&PLAIN),
        }
        std::thread::sleep(Duration::from_millis(self.chance.below(PAUSE_MAX_MS) as u64));
        self.promise_what_is_served();
    }

    fn save(&mut self, step: u64) {
        let path = *self.chance.pick(&[INDEX, ALICE, "shared/saved.md"]);
        let text = numbered("# By hand", step as usize);
        self.home.save(path, &text);
        self.saved.insert(path, text);
        if self.chance.one_in(3) {
            // Longer than a save must be quiet.
            std::thread::sleep(Duration::from_millis(400));
        }
    }

    /// From the moment at which it is served, a saved text is promised.
    fn promise_what_is_served(&mut self) {
        let snapshot = self.home.store().snapshot();
        let mut promised = self.home.promised.lock().unwrap();
        self.saved.retain(|path, text| {
            let file = snapshot.get(&RepoPath::parse(path).unwrap());
            let served = file.filter(|file| *file.text == **text);
            promised.extend(served.map(|file| file.blob.to_string()));
            served.is_none()
        });
    }

    fn try_any(&mut self, commands: &[&[&str]]) {
        let command = *self.chance.pick(commands);
        self.try_it(command);
    }

    fn try_it(&self, command: &[&str]) {
        let mut git = self.home.git_command(command);
        let output = git.env("GIT_EDITOR", "true").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let broken = BROKEN.iter().find(|broken| said.contains(**broken));
        assert!(broken.is_none(), "git {command:?}: {said}");
        // The daemon makes no branch anew that was renamed.
        let names = ["for-each-ref", "refs/heads/main", "refs/heads/trunk"];
        let standing = self.home.git(&names);
        assert_eq!(standing.lines().count(), 1, "{command:?}: {standing}");
    }

    fn back(&self) {
        self.try_it(&["checkout", "-q", self.branch]);
    }

    fn rename(&mut self) {
        // A rebase that ends makes the branch anew under the name that it had before.
        if self.home.at(".git/rebase-merge").exists() {
            return;
        }
        let new = match self.branch {
            RENAMED => "main",
            _ => RENAMED,
        };
        let renamed = self.home.try_git(&["branch", "-m", self.branch, new]);
        if renamed.status.success() {
            self.branch = new;
        }
    }

    /// Leaves everything as a person would who wants it to be served.
    fn goes_home(&mut self) {
        for command in GIVE_UP {
            self.try_it(command);
        }
        // What a rebase began from may have been pruned meanwhile; then it cannot be undone, only left.
        self.try_it(&["rebase", "--quit"]);
        self.home.git(&["reset", "-q", "--hard"]);
        self.home.git(&["checkout", "-q", "-f", self.branch]);
        if self.branch == RENAMED {
            self.home.git(&["branch", "-m", RENAMED, "main"]);
        }
        // Saves are adopted one after the other: once this one is, none is under way of a text that is gone by now.
        let text = numbered("# Home", self.chance.next() as usize);
        self.home.save(LAST, &text);
        self.home
            .eventually("what was saved last is served", |scene| {
                scene.read(LAST).as_ref() == Some(&text)
            });
        self.promise_what_is_served();
    }
}
