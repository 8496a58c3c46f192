//! The command line of this benchmark.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::race::Race;
use crate::workload::Shape;

/// Measures the store against SQLite, git and libgit2.
#[derive(Parser)]
pub(crate) struct Options {
    /// Two short rounds, to see that it runs: the figures mean little
    #[arg(long)]
    pub(crate) quick: bool,
    /// How many times each contender runs; 10, and 2 with --quick, unless it is given
    #[arg(long, value_name = "NUMBER")]
    rounds: Option<usize>,
    /// Without the others, for a profiler
    #[arg(long)]
    pub(crate) alone: bool,
    /// Where the data goes; all contenders share this disk
    #[arg(long, value_name = "FOLDER")]
    pub(crate) dir: Option<PathBuf>,
    /// Measure memory instead of a disk, where that is what the folder is
    #[arg(long)]
    pub(crate) allow_tmpfs: bool,
    /// Only races whose title has this in it, as in "10k" or "1k-flat/1-writer"
    #[arg(value_name = "TITLE")]
    filter: Option<String>,
    /// Cargo says so when it is `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// Reads the arguments, or says what is wrong with them and ends the program.
    pub(crate) fn read() -> Self {
        Self::parse()
    }

    /// Whether this is a benchmark and no test of whether it builds.
    pub(crate) fn is_bench(&self) -> bool {
        self.bench
    }

    /// Whether a race is to be run.
    pub(crate) fn wants(&self, shape: &Shape, race: &Race) -> bool {
        let title = format!("{}/{}", shape.name, race.name);
        self.filter
            .as_ref()
            .is_none_or(|filter| title.contains(filter))
    }

    /// How many times each contender runs.
    pub(crate) fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 2 } else { 10 })
    }

    /// How long a burst takes.
    pub(crate) fn burst(&self) -> Duration {
        if self.quick {
            Duration::from_millis(500)
        } else {
            Duration::from_secs(2)
        }
    }

    /// How long writes stream in before the drain.
    pub(crate) fn sustained(&self) -> Duration {
        if self.quick {
            Duration::from_millis(500)
        } else {
            Duration::from_secs(10)
        }
    }
}
