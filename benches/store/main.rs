//! How fast writes become durable commits: the real store against what else one could keep a memory in.
//!
//! `cargo bench --bench store` prints tables and never fails on a time. It takes about three quarters of an hour, and
//! `-- --quick` a few minutes; `-- --help` lists the rest.
//!
//! # What is measured
//!
//! Every write is new text of 1 KB for a random file of a random user, is a commit of its own, and is durable before the
//! writer goes on. Everybody starts from a copy of the same seed, four files of 1 KB a user, and races in turns: rounds
//! in which each contender runs once, in another order each time, with the disk synced in between. What counts is the
//! ratio within a round, of which the median over the rounds is shown: the machine's moods hit all who are in a round.
//!
//! - *memoryd* is the store itself, called in this process: journal, publisher, branch, files and git index, all at work.
//! - *SQLite* has WAL and `synchronous=FULL`; a write inserts a revision and points the file's row at it. One writer makes
//!   a transaction a write; for 64, one committing thread makes a transaction of all that wait.
//! - *git fast-import* gets a checkpoint per 64 commits, which is when they are durable; its committing thread waits for
//!   all 64. `fastimport.unpackLimit=0`, or git would unpack each of these packs into loose objects.
//! - *libgit2* writes loose objects with its tree builder and moves the branch, with `core.fsyncObjectFiles=true`, by
//!   which it syncs every object and ref.
//! - *git CLI* is `git add` and `git commit` as installed. By default it syncs no loose object: its commits are not
//!   durable, which is in its favour.
//! - *disk* is what one flush costs here: 4 KB written into a file of zeros, then `fdatasync`. It bounds all the others.
//!
//! Only memoryd and the git CLI keep files and git index up to date; the others write their database alone.
//!
//! A *burst* ends with the last answer. A *sustained* race ends when the last write is published, when pack, branch, files
//! and index have it: what had piled up counts. Bytes a commit are the growth of the history after `git repack -d
//! --geometric=2`, or after SQLite's checkpoint.
//!
//! # What to mind
//!
//! The number of flushes an answer waits for is all that matters for one writer, and a busy machine multiplies what a
//! flush costs: the thread that waits for the disk also waits for a core. Compare ratios, not rates, and run it on a
//! machine that does nothing else. Everything here runs at the priority it was started with, the programs it starts
//! included; `chrt -r 1 cargo bench --bench store` lifts all of them above the machine's other work.

mod contender;
mod course;
mod funnel;
mod options;
mod plain_git;
mod race;
mod report;
mod seed;
mod volume;
mod workload;

use std::io::Write as _;

use crate::course::Course;
use crate::options::Options;
use crate::race::Race;
use crate::report::Report;
use crate::workload::SHAPES;

/// What may go wrong in a benchmark has nobody to handle it, only somebody to read it.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let options = Options::read();
    // `cargo test --all-targets` runs this program, too, and has no hour to spare.
    if !options.is_bench() {
        return say("Run it with `cargo bench --bench store`.");
    }
    let folder = volume::work_folder(&options)?;
    say(&volume::describe(folder.path())?)?;
    let mut report = Report::default();
    for shape in &SHAPES {
        let races: Vec<Race> = Race::all(&options)
            .into_iter()
            .filter(|race| options.wants(shape, race))
            .collect();
        if races.is_empty() {
            continue;
        }
        let course = Course::lay(shape, folder.path())?;
        for race in &races {
            let results = course.run(race)?;
            say(&report::table(shape, race, &results))?;
            report.note(shape, race, &results);
        }
    }
    say(&report.to_string())
}

fn say(text: &str) -> Outcome<()> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}
