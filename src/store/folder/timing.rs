//! When the folder's thread looks, and when it shows.

use std::time::{Duration, Instant};

use super::{Folder, PAUSED_POLL, SCAN_INTERVAL, UNWATCHED_SCAN_INTERVAL};
use crate::backend::watch::Watch;
use crate::model::object::Revision;
use crate::model::path::RepoPath;

impl Folder {
    /// Whether there is something to show, and it may be shown now.
    pub(super) fn is_show_due(&mut self) -> bool {
        let (published, shown) = (
            self.shared.progress.published(),
            self.shared.progress.shown(),
        );
        if !self.is_behind() {
            return false;
        }
        let is_paid = self.paid_for > shown.sequence;
        match is_paid {
            // The token was taken for a commit that the publisher is still packing.
            true if published.sequence < self.paid_for => false,
            true => true,
            false => self.has_rested() && self.shared.pace.take(),
        }
    }

    fn has_rested(&self) -> bool {
        self.rest_until <= Instant::now() || self.shared.progress.is_awaited()
    }

    /// Whether there is something to show. Until git has the commit that has what people did, what git has would take the
    /// branch, or a file, back to where people had left it.
    pub(super) fn is_behind(&self) -> bool {
        let (published, shown) = (
            self.shared.progress.published(),
            self.shared.progress.shown(),
        );
        let is_folder_behind =
            || self.left_behind_at.is_some() || self.has_merged(published.revision);
        published.sequence >= self.peoples
            && (published.revision != shown.revision || is_folder_behind())
    }

    /// Whether a person's save was merged with what agents wrote, and the folder has only the save.
    fn has_merged(&self, published: Revision) -> bool {
        let head = self.shared.snapshot.load();
        let in_head = |path: &String| head.get(&RepoPath::parse(path).ok()?).map(|file| file.blob);
        head.revision == published
            && self
                .adopted
                .iter()
                .any(|(path, text)| in_head(path) != Some(*text))
    }

    /// How long after a scan the next one is due.
    pub(super) fn scan_interval(&self) -> Duration {
        let reason = self.watch.as_ref().map(Watch::degraded);
        match reason {
            Some(None) => SCAN_INTERVAL,
            _ => UNWATCHED_SCAN_INTERVAL,
        }
    }

    /// When to look again although nobody asks.
    pub(super) fn next_look(&self) -> Instant {
        let now = Instant::now();
        if self.has_failed || self.stirring_since.is_some() {
            return now + PAUSED_POLL;
        }
        let progress = &self.shared.progress;
        let show_at = match (self.is_behind(), self.paused_since.is_some()) {
            (true, false) => {
                let paced = now + self.shared.pace.next().max(Duration::from_millis(5));
                let rested = if self.has_rested() {
                    paced
                } else {
                    self.rest_until
                };
                Some(paced.max(rested))
            }
            (_, true) => Some(now + PAUSED_POLL),
            (false, false) => None,
        };
        // While git is at work nobody looks at them, due or not.
        let quarantine = self
            .quarantine
            .next_look()
            .map(|at| at.max(now + Duration::from_millis(5)));
        let due = [self.dirty.next(), show_at, quarantine, progress.expire()];
        due.into_iter()
            .flatten()
            .min()
            .unwrap_or(self.scan_at)
            .min(self.scan_at)
    }
}
