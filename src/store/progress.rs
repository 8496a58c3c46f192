//! How far things are: acknowledged, published, shown; and the writers who wait to be told.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::object::Revision;
use crate::store::queue::Reply;
use crate::store::receipt::{Receipt, Wait};

/// A writer who asked to wait is told after this long that it is not published yet.
const PUBLISHED_PATIENCE: Duration = Duration::from_secs(5);
/// A writer who did not ask is not kept waiting for people's git longer than this.
const ACKNOWLEDGED_PATIENCE: Duration = Duration::from_secs(1);

/// A commit and its number in the order of commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) sequence: u64,
    pub(crate) revision: Revision,
}

/// The marks, and who waits for them.
pub(crate) struct Progress(Mutex<State>);

struct State {
    published: Mark,
    shown: Mark,
    waiting: Vec<Waiting>,
}

struct Waiting {
    sequence: u64,
    deadline: Instant,
    receipt: Receipt,
    reply: Reply<Receipt>,
}

impl Progress {
    pub(crate) fn new(published: Mark, shown: Mark) -> Self {
        Self(Mutex::new(State {
            published,
            shown,
            waiting: Vec::new(),
        }))
    }

    /// The newest commit that git has.
    pub(crate) fn published(&self) -> Mark {
        self.lock().published
    }

    /// The newest commit that branch, files and git index show.
    pub(crate) fn shown(&self) -> Mark {
        self.lock().shown
    }

    /// Git has it.
    pub(crate) fn set_published(&self, mark: Mark) {
        self.lock().published = mark;
    }

    /// Branch, files and git index show it, and it is noted durably that they do.
    pub(crate) fn set_shown(&self, mark: Mark) {
        self.lock().shown = mark;
        self.is_seen(mark);
    }

    /// Branch, files and git index show it: whoever waits for that sees it from now on.
    pub(crate) fn is_seen(&self, mark: Mark) {
        let done = take(&mut self.lock().waiting, |waiting| {
            waiting.sequence <= mark.sequence
        });
        answer(done, true);
    }

    /// Answers a writer when its commit is shown, or when the patience it came with has run out.
    pub(crate) fn wait(&self, sequence: u64, wait: Wait, receipt: Receipt, reply: Reply<Receipt>) {
        let patience = match wait {
            Wait::Acknowledged => ACKNOWLEDGED_PATIENCE,
            Wait::Published => PUBLISHED_PATIENCE,
        };
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        let waiting = Waiting {
            sequence,
            deadline,
            receipt,
            reply,
        };
        if sequence <= state.shown.sequence {
            drop(state);
            return answer(vec![waiting], true);
        }
        state.waiting.push(waiting);
    }

    /// Answers a writer at once with how things are.
    pub(crate) fn tell(&self, sequence: u64, receipt: Receipt, reply: Reply<Receipt>) {
        let published = sequence <= self.shown().sequence;
        reply(Ok(Receipt {
            published,
            ..receipt
        }));
    }

    /// Whether a writer waits to be shown.
    pub(crate) fn is_awaited(&self) -> bool {
        !self.lock().waiting.is_empty()
    }

    /// Answers those whose patience has run out, and says when the next one's does.
    pub(crate) fn expire(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut state = self.lock();
        let late = take(&mut state.waiting, |waiting| waiting.deadline <= now);
        let next = state.waiting.iter().map(|waiting| waiting.deadline).min();
        drop(state);
        answer(late, false);
        next
    }

    /// Answers everyone who is waiting: nothing can be shown at the moment.
    pub(crate) fn give_up(&self) {
        let all = std::mem::take(&mut self.lock().waiting);
        answer(all, false);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take(waiting: &mut Vec<Waiting>, is_done: impl Fn(&Waiting) -> bool) -> Vec<Waiting> {
    let (done, rest) = std::mem::take(waiting).into_iter().partition(is_done);
    *waiting = rest;
    done
}

fn answer(done: Vec<Waiting>, published: bool) {
    for waiting in done {
        (waiting.reply)(Ok(Receipt {
            published,
            ..waiting.receipt
        }));
    }
}
