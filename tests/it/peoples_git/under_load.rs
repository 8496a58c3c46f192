//! People commit while agents write without a break: nearly every commit succeeds at once, and each that had an editor.
//!
//! Git reads the branch before it locks it, so a commit loses whenever a show comes between. The pace of shows keeps that
//! rare. An agent writes 50 times a second here, in a memory of 1,000 files, and a person edits and commits every now and
//! then: all that changed, or what was staged. `MEMORYD_COMMITS` sets how often (20 times unless it is set); for one in
//! five of these there is one more with an editor.
//!
//! ```text
//! MEMORYD_COMMITS=100 cargo test --release --test it commits_under_load
//! ```

use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use memoryd::model::edit::Step;
use memoryd::store::Wait;

use super::{SaysOver, tell};
use crate::chance::{Chance, from_environment};
use crate::scene::{Scene, edit, target};

const FILES: usize = 1_000;
const COMMITS: u64 = 20;
/// Between two writes of the agent.
const PACE: Duration = Duration::from_millis(20);
/// Between two commits, at most.
const PAUSE_MAX_MS: usize = 1_000;
/// Of so many commits one may fail, and in a short run one more.
const FAILED_ONE_IN: usize = 20;

/// The file that the person edits.
const PLAN: &str = "shared/plan.md";

#[test]
fn commits_under_load_succeed() {
    let commits = from_environment("MEMORYD_COMMITS", COMMITS) as usize;
    let mut chance = Chance::new(from_environment("MEMORYD_SEED", 1));
    let scene = crowded();
    let written = while_an_agent_writes(&scene, || {
        let tries = (0..commits).map(|number| {
            std::thread::sleep(Duration::from_millis(chance.below(PAUSE_MAX_MS) as u64));
            commit(&scene, number)
        });
        let failed: Vec<_> = tries.filter(|output| !output.status.success()).collect();
        tell(&format!("{} of {commits} commits failed", failed.len()));
        let bearable = commits / FAILED_ONE_IN + usize::from(commits < 100);
        assert!(failed.len() <= bearable, "{failed:#?}");
    });
    tell(&format!("{written} writes beside them"));
    assert_at_rest(&scene);
}

#[test]
fn commits_under_load_with_an_editor_always_succeed() {
    let commits = from_environment("MEMORYD_COMMITS", COMMITS) as usize / 5;
    let scene = crowded();
    while_an_agent_writes(&scene, || {
        for number in 0..commits {
            scene.save(PLAN, &format!("# Plan {number}\n"));
            let mut git = scene.git_command(&["commit", "-a"]);
            git.env("GIT_EDITOR", format!("sleep 1; echo Slowly {number} >"));
            let output = git.output().unwrap();
            assert!(output.status.success(), "{number}: {output:?}");
        }
    });
    assert_at_rest(&scene);
    let subjects = scene.git(&["log", "--format=%s", "main"]);
    for number in 0..commits {
        let subject = format!("Slowly {number}");
        assert!(subjects.lines().any(|line| line == subject), "{subject}");
    }
}

/// A memory with many files, served.
fn crowded() -> Scene {
    let files: Vec<_> = (0..FILES)
        .map(|number| (path(number), format!("# Note {number}\n")))
        .collect();
    let plan = [(PLAN, "# Plan\n")];
    let files = files.iter().map(|(path, text)| (&**path, &**text));
    let scene = Scene::served(&files.chain(plan).collect::<Vec<_>>());
    scene.git(&["config", "user.name", "Pat Person"]);
    scene.git(&["config", "user.email", "pat@example.com"]);
    scene
}

fn path(number: usize) -> String {
    format!("user/u{}/note{}.md", number % 50, number / 50)
}

/// The person edits the plan and commits, one time all that changed and the next what was staged.
fn commit(scene: &Scene, number: usize) -> Output {
    scene.save(PLAN, &format!("# Plan {number}\n"));
    let message = format!("Plan {number}");
    if number.is_multiple_of(2) {
        return scene.try_git(&["commit", "-q", "-a", "-m", &message]);
    }
    let added = scene.try_git(&["add", PLAN]);
    if !added.status.success() {
        return added;
    }
    scene.try_git(&["commit", "-q", "-m", &message])
}

/// Has an agent write at its pace while something is done, and gives how often it wrote.
fn while_an_agent_writes(scene: &Scene, act: impl FnOnce()) -> usize {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let agent = scope.spawn(|| {
            let (begun, mut written) = (Instant::now(), 0);
            while !is_over.load(Ordering::Relaxed) {
                let step = Step::Write {
                    target: target(&path(written * 37 % FILES)),
                    text: format!("# Write {written}\n").into(),
                };
                scene.store().write(edit(step), Wait::Acknowledged).unwrap();
                written += 1;
                let next = begun + PACE * u32::try_from(written).unwrap();
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
            }
            written
        });
        let over = SaysOver(&is_over);
        act();
        drop(over);
        agent.join().unwrap()
    })
}

/// Once everything is shown, git says nothing that nobody changed, and serves what the person saved last.
fn assert_at_rest(scene: &Scene) {
    scene.eventually("what was saved is served", |scene| {
        scene.on_disk(PLAN) == scene.read(PLAN)
    });
    scene.settle();
    scene.eventually("git has nothing to say", |scene| {
        scene.git(&["status", "--porcelain"]).is_empty()
    });
    scene.settle();
    scene.assert_clean();
}
