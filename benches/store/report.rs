//! What comes out: a table for each race, and in the end what was to be reached.

use std::fmt::{self, Write as _};

use crate::contender::Entrant;
use crate::course::Result;
use crate::race::Race;
use crate::workload::Shape;

/// A ratio that the store is to reach.
struct Target {
    race: &'static str,
    against: Entrant,
    ratio: f64,
}

const TARGETS: [Target; 3] = [
    Target {
        race: "1-writer",
        against: Entrant::SqliteRows,
        ratio: 0.7,
    },
    Target {
        race: "64-sustained",
        against: Entrant::FastImport,
        ratio: 8.0,
    },
    Target {
        race: "64-sustained",
        against: Entrant::CommandLine,
        ratio: 100.0,
    },
];

/// How the targets were met so far, a line each.
#[derive(Default)]
pub(crate) struct Report(Vec<String>);

impl Report {
    /// Compares a race's results with what was to be reached in it.
    pub(crate) fn note(&mut self, shape: &Shape, race: &Race, results: &[Result]) {
        for target in TARGETS.iter().filter(|target| target.race == race.name) {
            let Some(peer) = results
                .iter()
                .find(|result| result.entrant == target.against)
            else {
                continue;
            };
            let reached = median(&ratios(results, peer));
            let verdict = if reached >= target.ratio {
                "reached"
            } else {
                "MISSED"
            };
            let (shape, race, against) = (shape.name, race.name, target.against.name());
            let wanted = target.ratio;
            self.0.push(format!(
                "{verdict}: {shape}/{race} {reached:.2} x {against}; the target is {wanted} x"
            ));
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// One race as a table. Rates are the medians of the rounds; `ratio` is the median of the rounds' ratios of memoryd's
/// rate to that contender's, with the lowest and the highest.
pub(crate) fn table(shape: &Shape, race: &Race, results: &[Result]) -> String {
    let (seconds, end) = (
        race.time.as_secs_f64(),
        if race.is_sustained {
            ", drain included"
        } else {
            ""
        },
    );
    let mut text = format!(
        "{}/{}: {} rounds of {seconds} s{end}\n",
        shape.name, race.name, race.rounds
    );
    let [who, rate, ratio, range] = ["", "commits/s", "ratio", "lowest-highest"];
    let [p50, p99, worst, bytes] = ["p50 ms", "p99 ms", "worst ms", "bytes/commit"];
    text +=
        &format!("{who:34}{rate:>10}{ratio:>9}{range:>17}{p50:>9}{p99:>9}{worst:>10}{bytes:>14}\n");
    for result in results {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{}", row(results, result));
    }
    text
}

fn row(results: &[Result], result: &Result) -> String {
    let rate = median(&result.laps.iter().map(|lap| lap.rate()).collect::<Vec<_>>());
    let [p50, p99, worst] = waits_ms(result);
    let (ratio, range) = match result.entrant {
        Entrant::Memoryd => (String::new(), String::new()),
        _ => compared(&ratios(results, result)),
    };
    let bytes = result
        .bytes_per_commit
        .map_or(String::new(), |bytes| format!("{bytes:.0}"));
    let who = result.entrant.name();
    format!("{who:34}{rate:>10.0}{ratio:>9}{range:>17}{p50:>9.2}{p99:>9.2}{worst:>10.1}{bytes:>14}")
}

fn compared(ratios: &[f64]) -> (String, String) {
    let lowest = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = ratios.iter().copied().fold(0.0, f64::max);
    (
        format!("{:.2} x", median(ratios)),
        format!("{lowest:.2}-{highest:.2}"),
    )
}

/// memoryd's rate to another contender's, round by round.
fn ratios(results: &[Result], peer: &Result) -> Vec<f64> {
    let ours = results
        .iter()
        .find(|result| result.entrant == Entrant::Memoryd);
    let laps = ours.into_iter().flat_map(|ours| &ours.laps).zip(&peer.laps);
    laps.map(|(ours, theirs)| ours.rate() / theirs.rate())
        .collect()
}

/// The median, the 99th percentile and the maximum of what writers waited, over all rounds.
fn waits_ms(result: &Result) -> [f64; 3] {
    let mut waits: Vec<u32> = result
        .laps
        .iter()
        .flat_map(|lap| lap.waits_us.iter().copied())
        .collect();
    waits.sort_unstable();
    let last = waits.len().saturating_sub(1);
    [last / 2, last * 99 / 100, last].map(|place| {
        waits
            .get(place)
            .map_or(0.0, |wait| f64::from(*wait) / 1000.0)
    })
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        _ if sorted.is_empty() => f64::NAN,
        0 => (sorted[middle - 1] + sorted[middle]) / 2.0,
        _ => sorted[middle],
    }
}
