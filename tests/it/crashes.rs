//! A power cut at every operation, a failure of every operation: nothing that was promised is lost, and nothing that
//! nobody wrote is there.
//!
//! There is no simulated file system under the store: it runs on a real one, and its seam tells a [`tape`] of all that it
//! does. From the tape the disk is built as a cut after any operation leaves it, with any part lost of what was not synced
//! ([`cut`]); a folder is made of that, and a real store is started on it ([`verdict`]); or it is cut off once more while
//! it starts. What people do counts as written through, but it lies on what the daemon left un-synced.
//!
//! For the second part operations fail ([`faults`]), one or all from one on, and stop failing: whoever was told that his
//! write is safe has it, whoever was told that nothing was changed finds nothing, and the store serves again by itself.
//!
//! Each run takes some of all states. `MEMORYD_CRASH_STATES` and `MEMORYD_FAULTS` set how many, `MEMORYD_SEED` which:
//!
//! ```text
//! MEMORYD_CRASH_STATES=20000 MEMORYD_FAULTS=20000 cargo test --release --test it crashes -- --ignored
//! ```

mod claims;
mod cut;
mod faults;
mod image;
mod recording;
mod repository;
mod scenarios;
mod stage;
mod tape;
mod verdict;

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use memoryd::store::Durability;

use crate::chance::{Chance, from_environment};
use faults::Fault;
use recording::Recording;
use scenarios::{SCENARIOS, Scenario};
use stage::Stage;

const STATES: u64 = 300;
const FAULTS: u64 = 100;
/// Every so many cuts are followed by another one.
const TWICE: usize = 8;
/// Most of a state's time is waiting for the daemon's own pace.
const AT_ONCE: usize = 16;
/// A stride through all states that shares no divisor with their number, most likely.
const STRIDE: usize = 7_919;

#[test]
fn the_tape_sees_all_that_the_daemon_does() {
    for scenario in &SCENARIOS {
        let mut stage = Stage::new(Durability::Journal);
        (scenario.prepare)(&mut stage);
        (scenario.play)(&mut stage);
        stage.stop();
        // libgit2 writes the configuration.
        let unseen: Vec<_> = stage
            .tape
            .unseen()
            .into_iter()
            .filter(|path| path != ".git/config")
            .collect();
        assert!(unseen.is_empty(), "{}: {unseen:?}", scenario.name);
    }
}

#[test]
#[ignore = "takes minutes: cargo test --release --test it crashes -- --ignored"]
fn a_cut_after_any_operation_loses_nothing() {
    let recordings: Vec<_> =
        both_ways(|scenario, durability| vec![Recording::of(scenario, durability)]);
    let cuts = |recording: &Recording| recording.begun..=recording.events.len();
    let cuts: Vec<_> = recordings
        .iter()
        .flat_map(|one| cuts(one).map(move |events| (one, events)))
        .collect();
    let seed = from_environment("MEMORYD_SEED", 1);
    try_all(
        "cuts",
        from_environment("MEMORYD_CRASH_STATES", STATES) as usize,
        cuts.len(),
        |number, place| {
            let (recording, events) = cuts[place];
            let mut chance = Chance::new(seed << 32 | number as u64);
            recording.judge(events, &mut chance, number % TWICE == TWICE - 1)
        },
    );
}

#[test]
#[ignore = "takes minutes: cargo test --release --test it crashes -- --ignored"]
fn a_failure_of_any_operation_loses_nothing() {
    let faults = both_ways(Fault::all);
    let seed = from_environment("MEMORYD_SEED", 1) as usize;
    let count = (from_environment("MEMORYD_FAULTS", FAULTS) as usize).min(faults.len());
    try_all("failures", count, faults.len(), |number, place| {
        faults[(place + seed) % faults.len()].judge(number.is_multiple_of(verdict::THOROUGH))
    });
}

/// Each scenario with a journal and without.
fn both_ways<T>(of: impl Fn(&Scenario, Durability) -> Vec<T>) -> Vec<T> {
    let ways = SCENARIOS
        .iter()
        .flat_map(|scenario| [Durability::Journal, Durability::Git].map(|way| (scenario, way)));
    ways.flat_map(|(scenario, way)| of(scenario, way)).collect()
}

/// Tries so many of all places, each before any a second time and many at once.
fn try_all(
    what: &str,
    count: usize,
    places: usize,
    run: impl Fn(usize, usize) -> Result<(), String> + Sync,
) {
    let (started, next, failed) = (Instant::now(), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(number) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < count)
                {
                    let ran =
                        catch_unwind(AssertUnwindSafe(|| run(number, number * STRIDE % places)));
                    if let Err(wrong) = ran.unwrap_or_else(|_| Err("panicked".to_owned())) {
                        say(&format!("{what} {number}: {wrong}"));
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let (failed, elapsed) = (failed.into_inner(), started.elapsed());
    say(&format!(
        "{count} {what} at {places} places in {elapsed:.0?}, {failed} bad"
    ));
    assert_eq!(failed, 0, "bad {what}");
}

/// Past the test runner's capture: how many there were is a part of the result, and what is bad is worth knowing early.
fn say(sentence: &str) {
    let _ = writeln!(std::io::stderr(), "{sentence}");
}
