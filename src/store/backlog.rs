//! Commits that are acknowledged and not yet in a pack, on their way from the committer to the publisher.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::limits::{PACK_COMMITS_MAX, UNPUBLISHED_BYTES_MAX, UNPUBLISHED_COMMITS_MAX};
use crate::store::head::Committed;

/// A pack a second at most while writes stream in: every pack holds one whole copy of each folder listing it changes,
/// so it is the number of packs that decides the size of the repository.
const PACK_INTERVAL: Duration = Duration::from_secs(1);

/// The commits that wait to be packed.
#[derive(Default)]
pub(crate) struct Backlog {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    commits: VecDeque<Arc<Committed>>,
    bytes: usize,
    since: Option<Instant>,
    urgent: bool,
    closed: bool,
    /// The last attempt to pack failed: waiting for the next one may take for ever.
    failing: bool,
}

impl Backlog {
    /// Adds what one flush made durable. `urgent`: somebody waits to see it in git.
    pub(crate) fn push(&self, commits: Vec<Arc<Committed>>, urgent: bool) {
        let mut state = self.lock();
        let was_empty = state.commits.is_empty();
        state.bytes += commits.iter().map(|commit| commit.bytes()).sum::<usize>();
        state.commits.extend(commits);
        state.urgent |= urgent;
        state.since.get_or_insert_with(Instant::now);
        // A publisher that waits for its time is not woken by every write.
        if was_empty || urgent || state.commits.len() >= PACK_COMMITS_MAX {
            self.changed.notify_all();
        }
    }

    /// Asks for what waits to be packed at once.
    pub(crate) fn hurry(&self) {
        self.lock().urgent = true;
        self.changed.notify_all();
    }

    /// Waits until a pack is due and gives its commits, which stay here until [`done`](Self::done). None when closed and
    /// empty.
    pub(crate) fn next_pack(&self) -> Option<Vec<Arc<Committed>>> {
        let mut state = self.lock();
        loop {
            if state.commits.is_empty() {
                if state.closed {
                    return None;
                }
                state.urgent = false;
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let age = state.since.map_or(PACK_INTERVAL, |since| since.elapsed());
            let full = state.commits.len() >= PACK_COMMITS_MAX;
            if state.urgent || state.closed || full || age >= PACK_INTERVAL {
                return Some(
                    state
                        .commits
                        .iter()
                        .take(PACK_COMMITS_MAX)
                        .cloned()
                        .collect(),
                );
            }
            let wait = PACK_INTERVAL.saturating_sub(age);
            state = self
                .changed
                .wait_timeout(state, wait)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Lets go of the oldest `count` commits: they are in git.
    pub(crate) fn done(&self, count: usize) {
        let mut state = self.lock();
        let published: Vec<_> = state.commits.drain(..count).collect();
        state.bytes -= published.iter().map(|commit| commit.bytes()).sum::<usize>();
        state.since = (!state.commits.is_empty()).then(Instant::now);
        state.urgent &= !state.commits.is_empty();
        state.failing = false;
        self.changed.notify_all();
    }

    /// They could not be packed and stay. Says whether to try again: once closed, the journal keeps them for the next run.
    pub(crate) fn failed(&self) -> bool {
        let mut state = self.lock();
        state.failing = true;
        self.changed.notify_all();
        !state.closed
    }

    /// Drops everything: none of it was acknowledged.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        state.commits.clear();
        (state.bytes, state.since, state.urgent) = (0, None, false);
        self.changed.notify_all();
    }

    /// Waits until there is room for another flush, at most `patience`; says whether there is.
    pub(crate) fn wait_for_room(&self, patience: Duration) -> bool {
        self.wait_until(patience, |state| {
            state.commits.len() < UNPUBLISHED_COMMITS_MAX && state.bytes < UNPUBLISHED_BYTES_MAX
        })
    }

    /// Has everything packed and waits for it, at most `patience`; says whether it is. Does not wait for a disk that has
    /// no room.
    pub(crate) fn drain(&self, patience: Duration) -> bool {
        self.hurry();
        self.wait_until(patience, |state| state.commits.is_empty() || state.failing);
        self.lock().commits.is_empty()
    }

    /// How many commits wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().commits.len()
    }

    /// Has the rest packed, and ends the publisher when that is done.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn wait_until(&self, patience: Duration, reached: impl Fn(&State) -> bool) -> bool {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        while !reached(&state) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
