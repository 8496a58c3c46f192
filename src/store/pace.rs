//! The pace of shows: a token bucket, so that people's own `git commit` nearly always wins its race.
//!
//! Git reads HEAD before it takes its locks, so a commit fails whenever the branch moves while somebody's editor is open
//! or a large index is being read. At one move a second nine in ten succeed, at twenty a second none does. A burst of
//! single writes is shown at once; a stream is shown once a second.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const BURST: u32 = 16;
const REFILL: Duration = Duration::from_secs(1);

/// The tokens that shows take.
pub(crate) struct Pace(Mutex<(u32, Instant)>);

impl Pace {
    pub(crate) fn new() -> Self {
        Self(Mutex::new((BURST, Instant::now())))
    }

    /// Takes a token if there is one.
    pub(crate) fn take(&self) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (tokens, since) = *state;
        let refills = u32::try_from(since.elapsed().as_secs() / REFILL.as_secs()).unwrap_or(BURST);
        let tokens = tokens.saturating_add(refills).min(BURST);
        let since = if tokens == BURST {
            Instant::now()
        } else {
            since + REFILL * refills
        };
        let taken = tokens > 0;
        *state = (tokens - u32::from(taken), since);
        taken
    }

    /// How long until there is a token.
    pub(crate) fn next(&self) -> Duration {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 > 0 {
            Duration::ZERO
        } else {
            REFILL.saturating_sub(state.1.elapsed())
        }
    }
}
