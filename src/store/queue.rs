//! The bounded queue of wishes before the committer: full means "try again", never "wait and see".

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::edit::Edit;
use crate::model::error::{Error, Rejection};
use crate::model::limits::QUEUE_LENGTH_MAX;
use crate::store::adoption::{Adopted, Adoption};
use crate::store::following::{Followed, Following};
use crate::store::receipt::{Receipt, Wait};

/// How long the committer stays awake for the next wish.
const AWAKE: Duration = Duration::from_micros(50);

/// Called once with what became of a wish, from a thread of the store: it must be quick.
pub(crate) type Reply<T> = Box<dyn FnOnce(Result<T, Error>) + Send>;

/// Something that is to become part of the head.
pub(crate) enum Wish {
    /// A caller's edit.
    Edit {
        edit: Box<Edit>,
        wait: Wait,
        reply: Reply<Receipt>,
    },
    /// What people saved in the folder.
    Adopt {
        adoption: Adoption,
        reply: Reply<Adopted>,
    },
    /// Where people moved the branch.
    Follow {
        following: Following,
        reply: Reply<Followed>,
    },
}

/// Wishes in the order in which they came.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    /// Whether a wish may wait for the thread: to be looked at without the lock.
    is_filled: AtomicBool,
}

#[derive(Default)]
struct State {
    wishes: VecDeque<Wish>,
    is_nudged: bool,
    closed_to_callers: bool,
    closed: bool,
}

impl Queue {
    /// Takes a wish in and wakes the committer's thread. A caller's edit is handed back with the reason when the queue is
    /// full or closed; the store's own wishes are bounded by the one thread that makes them, one at a time, and are always
    /// taken.
    pub(crate) fn push(&self, wish: Wish) {
        if self.push_quietly(wish) {
            self.is_filled.store(true, Ordering::Release);
            self.filled.notify_one();
        }
    }

    /// The same without waking anybody, for a caller that is about to commit by itself; says whether the wish was taken.
    pub(crate) fn push_quietly(&self, wish: Wish) -> bool {
        let mut state = self.lock();
        let refused = match &wish {
            _ if state.closed => Some(Rejection::ShuttingDown),
            Wish::Edit { .. } if state.closed_to_callers => Some(Rejection::ShuttingDown),
            Wish::Edit { .. } if state.wishes.len() >= QUEUE_LENGTH_MAX => Some(Rejection::Busy {
                reason: "too many writes are waiting",
            }),
            _ => None,
        };
        let Some(rejection) = refused else {
            state.wishes.push_back(wish);
            return true;
        };
        drop(state);
        wish.refuse(rejection);
        false
    }

    /// Makes the next [`wait`](Self::wait) return: something else than a wish is to be looked at.
    pub(crate) fn nudge(&self) {
        self.lock().is_nudged = true;
        self.filled.notify_one();
    }

    /// Waits until there are wishes, somebody nudges, or `patience` has run out; says no when the queue is closed and
    /// drained.
    pub(crate) fn wait(&self, patience: Option<Duration>) -> bool {
        let deadline = patience.map(|patience| Instant::now() + patience);
        self.stay_awake();
        let mut state = self.lock();
        while state.wishes.is_empty() && !std::mem::take(&mut state.is_nudged) {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            state = match left {
                None if state.closed => return false,
                None => self
                    .filled
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => return true,
                Some(left) => {
                    let waited = self.filled.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        true
    }

    /// Takes the first `limit` wishes, or as many as there are.
    pub(crate) fn take(&self, limit: usize) -> Vec<Wish> {
        let mut state = self.lock();
        let count = limit.min(state.wishes.len());
        let taken = state.wishes.drain(..count).collect();
        self.is_filled
            .store(!state.wishes.is_empty(), Ordering::Relaxed);
        taken
    }

    /// A writer that has just been answered often writes again: to be woken for that takes longer than to wait for it.
    fn stay_awake(&self) {
        let until = Instant::now() + AWAKE;
        while !self.is_filled.load(Ordering::Acquire) && Instant::now() < until {
            std::hint::spin_loop();
        }
    }

    /// Whether no wish is taken any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// How many wishes wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().wishes.len()
    }

    /// Takes no more edits; the store may still wish.
    pub(crate) fn close_to_callers(&self) {
        self.lock().closed_to_callers = true;
    }

    /// Takes no more wishes; those that wait are still handed out.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wish {
    /// Answers that it cannot be.
    pub(crate) fn refuse(self, rejection: Rejection) {
        match self {
            Self::Edit { reply, .. } => reply(Err(rejection.into())),
            Self::Adopt { reply, .. } => reply(Err(rejection.into())),
            Self::Follow { reply, .. } => reply(Err(rejection.into())),
        }
    }
}
