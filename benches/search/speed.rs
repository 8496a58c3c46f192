//! How long a search takes among many users, beside SQLite FTS5; and how long an index takes to make.

use std::time::{Duration, Instant};

use crate::Outcome;
use crate::folder::{Opened, put};
use crate::fts::Fts;

const USERS: usize = 10_000;
const FILES: usize = 10;
const SHARED: usize = 200;
const WORDS: usize = 100;
const VOCABULARY: usize = 20_000;
const ROUNDS: usize = 300;

/// One user's questions, asked of both in turns.
pub(crate) fn race() -> Outcome<()> {
    let opened = memory(USERS, FILES, SHARED)?;
    let fts = Fts::new(&opened.sections())?;
    let mut chance = Chance(7);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let user = format!("u{}", chance.below(USERS));
        let rare = (0..3).map(|_| word(VOCABULARY / 2 + chance.below(VOCABULARY / 2)));
        let common = [word(1), word(2)];
        let question = rare.chain(common).collect::<Vec<_>>().join(" ");
        ours.push(timed(|| opened.find(&user, &question, 10).map(drop))?);
        theirs.push(timed(|| fts.find(&user, &question, 10).map(drop))?);
    }
    println!(
        "{USERS} users of {FILES} files and {SHARED} shared ones; 3 rare and 2 common words, first 10"
    );
    let (ours, theirs) = (Times::of(ours), Times::of(theirs));
    ours.print("memoryd, one user's view");
    theirs.print("FTS5, the scope as a term");
    println!(
        "ratio of the medians: {:.1}",
        theirs.median.as_secs_f64() / ours.median.as_secs_f64()
    );
    Ok(())
}

/// Deletes the index and has it made anew.
pub(crate) fn rebuild() -> Outcome<()> {
    let opened = memory(USERS, FILES, 0)?;
    opened.memory.close()?;
    std::fs::remove_dir_all(opened.folder.path().join(".memoryd"))?;
    let memory = memoryd::daemon::open(opened.folder.path())?;
    let took = timed(|| memory.search().map(drop).map_err(Into::into))?;
    println!(
        "index of {} files of {WORDS} words made in {:.2} s",
        USERS * FILES,
        took.as_secs_f64()
    );
    Ok(memory.close()?)
}

fn memory(users: usize, files: usize, shared: usize) -> Outcome<Opened> {
    let folder = tempfile::tempdir()?;
    let mut chance = Chance(1);
    for user in 0..users {
        for file in 0..files {
            put(
                folder.path(),
                &format!("user/u{user}/n{file}.md"),
                &text(&mut chance),
            )?;
        }
    }
    for file in 0..shared {
        put(
            folder.path(),
            &format!("shared/n{file}.md"),
            &text(&mut chance),
        )?;
    }
    Opened::new(folder)
}

/// Words of which the frequent ones are very frequent, as in any language.
fn text(chance: &mut Chance) -> String {
    let words = (0..WORDS).map(|_| {
        let share = chance.below(1_000_000) as f64 / 1_000_000.0;
        word((VOCABULARY as f64).powf(share) as usize)
    });
    format!("# Note\n\n{}\n", words.collect::<Vec<_>>().join(" "))
}

/// Made of syllables, so that one word is seldom a slip away from another.
fn word(number: usize) -> String {
    let scattered = number.wrapping_mul(7_919) % 1_000_000;
    let syllable = |part: usize| {
        let consonant = b"bcdfghjklmnpqrstvwxz".get(part % 20);
        let vowel = b"aeiou".get(part / 20 % 5);
        [consonant, vowel].map(|letter| char::from(*letter.unwrap_or(&b'y')))
    };
    let parts = [scattered, scattered / 100, scattered / 10_000].map(syllable);
    parts.into_iter().flatten().collect()
}

/// What each of many took.
pub(crate) struct Times {
    pub(crate) median: Duration,
    p99: Duration,
}

impl Times {
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        let at = |part: f64| {
            times
                .get(((times.len() - 1) as f64 * part) as usize)
                .copied()
        };
        Self {
            median: at(0.5).unwrap_or_default(),
            p99: at(0.99).unwrap_or_default(),
        }
    }

    pub(crate) fn print(&self, name: &str) {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        println!(
            "{name:<36} p50 {:>9.1} us   p99 {:>9.1} us",
            micros(self.median),
            micros(self.p99)
        );
    }
}

pub(crate) fn timed(work: impl FnOnce() -> Outcome<()>) -> Outcome<Duration> {
    let began = Instant::now();
    work()?;
    Ok(began.elapsed())
}

/// The same numbers every time (xorshift64*).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }
}
