//! Where a shape's races are run: the seed, a fresh copy of it for each lap, and an audit at the end.

use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::contender::{Audit, Entrant};
use crate::race::{Lap, Race};
use crate::seed::Seed;
use crate::volume;
use crate::workload::{Shape, Workload};

/// The course of one shape.
pub(crate) struct Course {
    workload: Workload,
    seed: Seed,
    folder: PathBuf,
}

/// What one contender did in one race.
pub(crate) struct Result {
    /// Who.
    pub(crate) entrant: Entrant,
    /// Its laps, round by round.
    pub(crate) laps: Vec<Lap>,
    /// What a commit takes on disk in the end, where the race was a sustained one.
    pub(crate) bytes_per_commit: Option<f64>,
}

/// A contender's own folder in one race.
struct Lane {
    folder: PathBuf,
    /// What was in it before the first lap, if it is to be audited after the last.
    before: Option<Audit>,
    /// Writes that were answered since.
    commits: u64,
    result: Result,
}

impl Course {
    /// Writes the seed.
    pub(crate) fn lay(shape: &Shape, folder: &Path) -> Outcome<Self> {
        let folder = folder.join(shape.name);
        let workload = Workload::new(shape)?;
        let seed = Seed::plant(&workload, &folder)?;
        Ok(Self {
            workload,
            seed,
            folder,
        })
    }

    /// Runs a race: in each round every contender once, beginning with another one each time.
    pub(crate) fn run(&self, race: &Race) -> Outcome<Vec<Result>> {
        let lane = |entrant: &Entrant| Lane::new(*entrant, self.folder.join(race.name));
        let mut lanes: Vec<Lane> = race.entrants.iter().map(lane).collect();
        let count = lanes.len();
        for round in 0..race.rounds {
            for place in 0..count {
                let lane = &mut lanes[(round + place) % count];
                let ran = self.lap(race, round as u64, lane);
                ran.map_err(|error| format!("{}: {error}", lane.result.entrant.name()))?;
            }
        }
        lanes.into_iter().map(Lane::end).collect()
    }

    fn lap(&self, race: &Race, round: u64, lane: &mut Lane) -> Outcome<()> {
        let entrant = lane.result.entrant;
        if !(entrant.goes_on() && lane.folder.exists()) {
            lane.begin(&self.seed, race)?;
        }
        let contender = entrant.open(&self.workload, &lane.folder)?;
        volume::sync();
        let lap = race.lap(&*contender, &self.workload, round)?;
        contender.close()?;
        lane.commits += lap.commits;
        lane.result.laps.push(lap);
        Ok(())
    }
}

impl Lane {
    fn new(entrant: Entrant, folder: PathBuf) -> Self {
        let result = Result {
            entrant,
            laps: Vec::new(),
            bytes_per_commit: None,
        };
        Self {
            folder: folder.join(format!("{entrant:?}")),
            before: None,
            commits: 0,
            result,
        }
    }

    /// Puts a fresh copy of the seed where the last lap's leavings are.
    fn begin(&mut self, seed: &Seed, race: &Race) -> Outcome<()> {
        if self.folder.exists() {
            std::fs::remove_dir_all(&self.folder)?;
        }
        self.result.entrant.prepare(seed, &self.folder)?;
        self.commits = 0;
        if race.is_sustained {
            self.before = self.result.entrant.audit(&self.folder)?;
        }
        Ok(())
    }

    /// Sees that all that was answered is there, and what it takes.
    fn end(mut self) -> Outcome<Result> {
        if let Some(before) = self.before
            && let Some(after) = self.result.entrant.audit(&self.folder)?
        {
            let (found, answered) = (after.commits - before.commits, self.commits);
            if found != answered {
                let who = self.result.entrant.name();
                return Err(
                    format!("{who} has {found} commits of {answered} that it answered").into(),
                );
            }
            self.result.bytes_per_commit =
                Some((after.bytes as f64 - before.bytes as f64) / found as f64);
        }
        Ok(self.result)
    }
}
