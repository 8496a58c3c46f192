//! The journal against its oracle: whatever makes a write durable, the same script gives the same commits.
//!
//! A script is random edits of agents, saves and git commands of a person, holds and restarts. Three stores run it side by
//! side with the same fixed clock: one with a journal, one that publishes before each acknowledgement, and one that
//! changes from the one to the other at each restart. After every step their answers, their heads and their texts are
//! compared, in the end all refs and the whole `git log`.
//!
//! `MEMORYD_SCRIPTS` sets how many scripts run, `MEMORYD_SEED` the first one's seed.

mod script;
mod world;

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use memoryd::store::Durability;

use crate::chance::{Chance, from_environment};
use script::Deed;
use world::World;

const SCRIPTS: u64 = 30;
const STEPS: i64 = 30;
/// Most of a script's time is waiting for the daemon's own pace.
const AT_ONCE: usize = 15;

#[test]
fn the_journal_and_its_oracle_give_the_same_history() {
    let first = from_environment("MEMORYD_SEED", 1);
    let last = first + from_environment("MEMORYD_SCRIPTS", SCRIPTS);
    let (next, failed) = (AtomicU64::new(first), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(seed) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < last)
                {
                    // The other scripts tell whether it is a rare thing.
                    let ran = std::panic::catch_unwind(|| run(seed));
                    failed.lock().unwrap().extend(ran.is_err().then_some(seed));
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(
        failed.is_empty(),
        "MEMORYD_SCRIPTS=1 MEMORYD_SEED={failed:?}"
    );
}

/// Says which script it was when a check fails anywhere below.
struct Told<'a>(u64, i64, &'a Deed);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = writeln!(
                std::io::stderr(),
                "seed {}, step {}: {:?}",
                self.0,
                self.1,
                self.2
            );
        }
    }
}

fn run(seed: u64) {
    let durabilities = [
        vec![Durability::Journal],
        vec![Durability::Git],
        vec![Durability::Journal, Durability::Git],
    ];
    let mut worlds = durabilities.map(World::new);
    let mut chance = Chance::new(seed);
    for step in 0..STEPS {
        let deed = script::deed(&mut chance, step);
        let _told = Told(seed, step, &deed);
        assert_same(worlds.each_mut().map(|world| world.run(&deed, step)));
    }
    assert_same(worlds.each_mut().map(World::history));
}

/// Fails with the lines that differ alone.
fn assert_same([journal, git, changing]: [Vec<String>; 3]) {
    for (name, other) in [("git", git), ("changing", changing)] {
        let without = |some: &[String], others: &[String]| -> Vec<String> {
            some.iter()
                .filter(|line| !others.contains(line))
                .cloned()
                .collect()
        };
        let differing = (without(&journal, &other), without(&other, &journal));
        assert!(
            journal == other,
            "journal and {name} differ: {differing:#?}"
        );
    }
}
