//! One race: who runs, with how many writers, for how long; and one contender's run in it.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::contender::{Contender, Entrant};
use crate::options::Options;
use crate::workload::Workload;

/// A race.
pub(crate) struct Race {
    /// As the tables call it.
    pub(crate) name: &'static str,
    /// How many write at once, each waiting for its answer before it writes again.
    pub(crate) writers: u64,
    /// How long they do.
    pub(crate) time: Duration,
    /// Whether the race ends only when everything is where it stays.
    pub(crate) is_sustained: bool,
    /// How many times each contender runs.
    pub(crate) rounds: usize,
    /// Who runs.
    pub(crate) entrants: Vec<Entrant>,
}

/// One contender's run in one round.
#[derive(Debug, Clone)]
pub(crate) struct Lap {
    /// Writes that were answered.
    pub(crate) commits: u64,
    /// How long it took.
    pub(crate) time: Duration,
    /// How long each writer waited for each answer, in microseconds.
    pub(crate) waits_us: Vec<u32>,
}

impl Race {
    /// All that there are.
    pub(crate) fn all(options: &Options) -> Vec<Self> {
        use Entrant::{CommandLine, FastImport, Loose, Memoryd, RawDisk, SqliteGroup, SqliteRows};
        let race = |name, writers, entrants: &[Entrant]| Self {
            name,
            writers,
            time: options.burst(),
            is_sustained: false,
            rounds: options.rounds(),
            entrants: if options.alone {
                vec![Memoryd]
            } else {
                entrants.to_vec()
            },
        };
        let many = [Memoryd, SqliteGroup, FastImport, Loose, CommandLine];
        vec![
            race(
                "1-writer",
                1,
                &[Memoryd, SqliteRows, Loose, CommandLine, RawDisk],
            ),
            race("64-writers", 64, &many),
            Self {
                time: options.sustained(),
                is_sustained: true,
                ..race("64-sustained", 64, &many)
            },
        ]
    }

    /// Runs one contender. Another `round` is other writes.
    pub(crate) fn lap(
        &self,
        contender: &dyn Contender,
        workload: &Workload,
        round: u64,
    ) -> Outcome<Lap> {
        let start_line = Barrier::new(self.writers as usize);
        let writer = |number: u64| {
            let writes = workload.writes(1 + round * self.writers + number);
            start_line.wait();
            write_until(Instant::now() + self.time, contender, writes)
        };
        let started = Instant::now();
        let waits = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..self.writers)
                .map(|number| scope.spawn(move || writer(number)))
                .collect();
            let ended = writers
                .into_iter()
                .map(|writer| writer.join().map_err(|_| "a writer panicked")?);
            ended.collect::<Outcome<Vec<_>>>()
        })?;
        if self.is_sustained {
            contender.settle()?;
        }
        let waits_us = waits.concat();
        Ok(Lap {
            commits: waits_us.len() as u64,
            time: started.elapsed(),
            waits_us,
        })
    }
}

impl Lap {
    /// Commits a second.
    pub(crate) fn rate(&self) -> f64 {
        self.commits as f64 / self.time.as_secs_f64()
    }
}

fn write_until(
    deadline: Instant,
    contender: &dyn Contender,
    mut writes: impl Iterator<Item = crate::workload::Write>,
) -> Outcome<Vec<u32>> {
    let mut waits_us = Vec::new();
    while Instant::now() < deadline {
        let Some(write) = writes.next() else { break };
        let asked = Instant::now();
        contender.write(&write)?;
        waits_us.push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    Ok(waits_us)
}
