//! Who commits: the committer's thread, or a caller who finds the seat empty.
//!
//! A caller that would wait for its answer anyway commits by itself when nobody else does: two threads need not be woken
//! for one write, which costs a lone writer as much as the disk does. Whoever comes meanwhile queues as always, and the
//! thread takes them all in the next turn.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use super::Committer;
use crate::store::queue::Wish;
use crate::store::shared::Shared;

/// How often parked writes are looked at again.
const PARKED_POLL: Duration = Duration::from_millis(20);
/// How long a full backlog holds up the queue before the next look.
const ROOM_POLL: Duration = Duration::from_millis(200);

/// Holds the committer between turns.
pub(crate) struct Seat {
    shared: Arc<Shared>,
    /// None when the thread has ended.
    committer: Mutex<Option<Committer>>,
}

impl Seat {
    pub(crate) fn new(committer: Committer) -> Self {
        Self {
            shared: Arc::clone(&committer.shared),
            committer: Mutex::new(Some(committer)),
        }
    }

    /// Commits until the queue is closed and drained, or until a turn has panicked.
    pub(crate) fn run(&self) {
        let queue = &self.shared.queue;
        let mut patience = None;
        loop {
            while !self.shared.backlog.wait_for_room(ROOM_POLL) && !queue.is_closed() {}
            if !queue.wait(patience) {
                break;
            }
            let Ok(mut seat) = self.committer.lock() else {
                break;
            };
            let Some(committer) = &mut *seat else {
                break;
            };
            committer.take_turn();
            patience = (!committer.parked.is_empty()).then_some(PARKED_POLL);
        }
        drop(self.vacated().take());
    }

    /// Has a wish granted: here and now if nobody else commits, else by whoever does.
    pub(crate) fn grant(&self, wish: Wish) {
        let queue = &self.shared.queue;
        let seat = match self.committer.try_lock() {
            Ok(seat) if self.shared.backlog.wait_for_room(Duration::ZERO) => Some(seat),
            Ok(_) | Err(TryLockError::WouldBlock | TryLockError::Poisoned(_)) => None,
        };
        let Some(mut seat) = seat else {
            return queue.push(wish);
        };
        let Some(committer) = &mut *seat else {
            return queue.push(wish);
        };
        if queue.push_quietly(wish) {
            committer.take_turn();
        }
        let is_rest = !committer.parked.is_empty() || queue.len() > 0;
        drop(seat);
        if is_rest {
            queue.nudge();
        }
    }

    fn vacated(&self) -> MutexGuard<'_, Option<Committer>> {
        self.committer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
