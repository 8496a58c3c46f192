//! What the watching thread has yet to look at: a mailbox that merges, so that it stays small however much happens.
use crate::model::limits::WATCH_PENDING_PATHS_MAX;

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex};

/// What is yet to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pending {
    /// Paths to look at.
    pub(super) paths: BTreeMap<String, Change>,
    /// Events were lost: the paths are not all.
    pub(super) lost: bool,
    /// Every directory is to be watched again.
    pub(super) rewatch: bool,
    /// The watching is to end.
    pub(super) stopped: bool,
}

/// What an event says about a path; of several, the greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    /// A file's bytes may be others.
    Bytes,
    /// What stands there may be something else, or nothing.
    Name,
}

impl Pending {
    /// Adds a path to look at.
    pub(super) fn add(&mut self, path: String, change: Change) {
        if self.paths.len() >= WATCH_PENDING_PATHS_MAX {
            self.lost = true;
            self.paths.clear();
        }
        let known = self.paths.entry(path).or_insert(change);
        *known = change.max(*known);
    }
}

/// Where everybody leaves what is to be done, and one thread takes it.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    pending: Mutex<Pending>,
    posted: Condvar,
}

impl Inbox {
    /// Adds something; never waits for the thread that takes it.
    pub(super) fn post(&self, add: impl FnOnce(&mut Pending)) {
        add(&mut self.pending.lock().expect(UNPOISONED));
        self.posted.notify_one();
    }

    /// Waits until there is something, and takes all of it; none when the watching is to end.
    pub(super) fn next(&self) -> Option<Pending> {
        let pending = self.pending.lock().expect(UNPOISONED);
        let is_empty = |pending: &mut Pending| *pending == Pending::default();
        let mut pending = self.posted.wait_while(pending, is_empty).expect(UNPOISONED);
        let pending = std::mem::take(&mut *pending);
        (!pending.stopped).then_some(pending)
    }
}

const UNPOISONED: &str = "nothing that can panic happens under this lock";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_to_a_path_is_merged() {
        let inbox = Inbox::default();
        for change in [Change::Bytes, Change::Name, Change::Bytes] {
            inbox.post(|pending| pending.add("note.md".into(), change));
        }
        let pending = inbox.next().unwrap();
        assert_eq!(
            pending.paths,
            BTreeMap::from([("note.md".into(), Change::Name)])
        );
    }

    #[test]
    fn too_many_paths_are_lost_and_nothing_grows() {
        let mut pending = Pending::default();
        for number in 0..3 * WATCH_PENDING_PATHS_MAX {
            assert_eq!(pending.lost, number > WATCH_PENDING_PATHS_MAX);
            pending.add(number.to_string(), Change::Bytes);
            assert!(pending.paths.len() <= WATCH_PENDING_PATHS_MAX);
        }
    }

    #[test]
    fn the_end_comes_before_all_that_waits() {
        let inbox = Inbox::default();
        inbox.post(|pending| pending.lost = true);
        inbox.post(|pending| pending.stopped = true);
        assert_eq!(inbox.next(), None);
    }
}
