//! The pace of shows: a token bucket, so that people's own `git commit` nearly always wins its race.
//!
//! Git reads HEAD before it takes its locks, so a commit fails whenever the branch moves while somebody's editor is open
//! or a large index is being read. At one move a second 99 of 100 succeed, at twenty a second none does. A burst of
//! single writes is shown at once; a stream is shown once a second.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::model::limits::{SHOW_BURST, SHOW_INTERVAL};

/// How often the branch may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pacing {
    /// So many shows may follow each other at once.
    pub burst: u32,
    /// One more may after each of these.
    pub interval: Duration,
}

impl Pacing {
    /// Slow enough for people's git.
    pub const FOR_PEOPLE: Self = Self {
        burst: SHOW_BURST,
        interval: SHOW_INTERVAL,
    };
}

/// The tokens that shows take.
pub(crate) struct Pace {
    pacing: Pacing,
    /// How many there are, and since when.
    tokens: Mutex<(u32, Instant)>,
}

impl Pace {
    pub(crate) fn new(pacing: Pacing) -> Self {
        Self {
            tokens: Mutex::new((pacing.burst, Instant::now())),
            pacing,
        }
    }

    /// Takes a token if there is one.
    pub(crate) fn take(&self) -> bool {
        let Pacing { burst, interval } = self.pacing;
        let mut state = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let (tokens, since) = *state;
        let refills = since.elapsed().as_nanos() / interval.as_nanos().max(1);
        let refills = u32::try_from(refills).unwrap_or(burst).min(burst);
        let tokens = tokens.saturating_add(refills).min(burst);
        let since = if tokens == burst {
            Instant::now()
        } else {
            since + interval * refills
        };
        let taken = tokens > 0;
        *state = (tokens - u32::from(taken), since);
        taken
    }

    /// How long until there is a token.
    pub(crate) fn next(&self) -> Duration {
        let state = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 > 0 {
            Duration::ZERO
        } else {
            self.pacing.interval.saturating_sub(state.1.elapsed())
        }
    }
}
