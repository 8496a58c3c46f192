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
//! Each run takes some of all states. `MEMORYD_CRASH_STATES` and `MEMORYD_FAULTS` set how many, `MEMORYD_SEED` which, and
//! `MEMORYD_ONLY` is a part of what those are called that are taken alone:
//!
//! ```text
//! MEMORYD_CRASH_STATES=20000 MEMORYD_FAULTS=20000 cargo test --release --test it crashes
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

const STATES: u64 = 2_000;
const FAULTS: u64 = 500;
/// Most of a state's time is waiting for the daemon's own pace.
const AT_ONCE: usize = 48;
/// A stride through all places that shares no divisor with their number, most likely.
const STRIDE: usize = 7_919;

/// Where something goes wrong.
enum Place<'a> {
    /// The power, after so many events.
    Cut(&'a Recording, usize),
    Fault(Fault),
}

impl Place<'_> {
    fn told(&self) -> String {
        match self {
            Self::Cut(recording, events) => format!("{}, {events} events", recording.name),
            Self::Fault(fault) => fault.told(),
        }
    }

    fn judge(&self, chance: &mut Chance) -> Result<(), String> {
        match self {
            Self::Cut(recording, events) => recording.judge(*events, chance),
            Self::Fault(fault) => fault.judge(chance),
        }
    }
}

#[test]
fn the_tape_sees_all_that_the_daemon_does() {
    for scenario in &SCENARIOS {
        let mut stage = Stage::new(Durability::Journal);
        (scenario.prepare)(&mut stage);
        (scenario.play)(&mut stage);
        stage.stop();
        let unseen = stage.tape.unseen().into_iter();
        // libgit2 writes the configuration.
        let unseen: Vec<_> = unseen.filter(|path| path != ".git/config").collect();
        assert!(unseen.is_empty(), "{}: {unseen:?}", scenario.name);
    }
}

#[test]
fn a_cut_after_any_operation_loses_nothing() {
    let recordings = both_ways(|scenario, way| vec![Recording::of(scenario, way)]);
    let cuts = recordings.iter().flat_map(|recording| {
        let events = recording.begun..=recording.events.len();
        events.map(move |events| Place::Cut(recording, events))
    });
    let count = from_environment("MEMORYD_CRASH_STATES", STATES);
    try_some("cuts", count as usize, cuts.collect());
}

#[test]
fn a_failure_of_any_operation_loses_nothing() {
    let faults: Vec<_> = both_ways(Fault::all)
        .into_iter()
        .map(Place::Fault)
        .collect();
    let count = from_environment("MEMORYD_FAULTS", FAULTS) as usize;
    try_some("failures", count, faults);
}

/// Each scenario with a journal and without.
fn both_ways<T>(of: impl Fn(&Scenario, Durability) -> Vec<T>) -> Vec<T> {
    let ways = |scenario| [Durability::Journal, Durability::Git].map(|way| (scenario, way));
    let ways = SCENARIOS.iter().flat_map(ways);
    ways.flat_map(|(scenario, way)| of(scenario, way)).collect()
}

/// Tries so many places, each before any a second time and many at once.
fn try_some(what: &str, count: usize, mut places: Vec<Place<'_>>) {
    let only = std::env::var("MEMORYD_ONLY").unwrap_or_default();
    places.retain(|place| place.told().contains(&only));
    let seed = from_environment("MEMORYD_SEED", 1);
    let (started, next, bad) = (Instant::now(), AtomicUsize::new(0), AtomicUsize::new(0));
    let try_one = |number: usize| {
        let place = &places[(seed as usize + number * STRIDE) % places.len()];
        let mut chance = Chance::new(seed << 32 | number as u64);
        let judged = catch_unwind(AssertUnwindSafe(|| place.judge(&mut chance)));
        if let Err(wrong) = judged.unwrap_or_else(|_| Err("panicked".to_owned())) {
            say(&format!("{what} {number}: {}: {wrong}", place.told()));
            bad.fetch_add(1, Ordering::Relaxed);
        }
    };
    let next = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < count);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| std::iter::from_fn(next).for_each(try_one));
        }
    });
    let (bad, elapsed) = (bad.load(Ordering::Relaxed), started.elapsed());
    say(&format!(
        "{count} {what} at {} places in {elapsed:.0?}, {bad} bad",
        places.len()
    ));
    assert_eq!(bad, 0, "bad {what}");
}

/// Past the test runner's capture: how many there were is a part of the result, and what is bad is worth knowing early.
fn say(sentence: &str) {
    let _ = writeln!(std::io::stderr(), "{sentence}");
}
