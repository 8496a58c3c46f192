//! Making a batch durable: by one flush of the journal, or by git itself; and taking it back when that fails.

use std::sync::Arc;
use std::time::Duration;

use super::{Answer, Batch, Committer, DRAIN_MAX};
use crate::backend::journal::AppendError;
use crate::backend::refs;
use crate::model::error::{Error, Fault, Rejection};
use crate::model::object::Revision;
use crate::store::head::Committed;
use crate::store::journaled;
use crate::store::receipt::Wait;
use crate::store::shared::{Errand, READ_ONLY};

/// A writer waits to be shown only with so few other commits; behind a stream of writes it is answered at once.
const AWAITED_COMMITS_MAX: u64 = 64;

impl Committer {
    /// Makes a batch durable and answers; or takes it back and says so.
    pub(super) fn flush(&mut self, batch: Batch) {
        let Batch {
            commits, answers, ..
        } = batch;
        if let Err(failure) = self.make_durable(None, &commits) {
            tracing::error!(%failure, "a flush failed; {} writes were not acknowledged", commits.len());
            return self.take_back(answers, &failure);
        }
        let urgent = !commits.is_empty() && self.is_shown_soon() && self.shared.pace.take();
        let waited_for = answers.iter().any(|answer| answer.wait == Wait::Published);
        self.accept(commits, urgent || waited_for);
        if urgent {
            self.shared.send(Errand::Show {
                paid_for: self.sequence,
            });
        }
        for Answer {
            sequence,
            key,
            wait,
            receipt,
            reply,
        } in answers
        {
            if let Some(key) = key {
                self.receipts.keep(key, sequence, receipt.clone());
            }
            match wait == Wait::Published || urgent {
                true => self.shared.progress.wait(sequence, wait, receipt, reply),
                // What changed nothing, or was asked for before, may be shown long since.
                false => self.shared.progress.tell(sequence, receipt, reply),
            }
        }
    }

    /// Whether a show would come within a moment: nobody waits for one that cannot come, or that has much to bring along.
    fn is_shown_soon(&self) -> bool {
        let shown = self.shared.progress.shown().sequence;
        self.sequence.saturating_sub(shown) <= AWAITED_COMMITS_MAX
            && !self.shared.notices.keep_from_showing()
    }

    /// Readers see what is durable; the publisher gets it.
    pub(super) fn accept(&mut self, commits: Vec<Arc<Committed>>, urgent: bool) {
        self.head.settle();
        self.shared
            .snapshot
            .store(Arc::new(self.head.snapshot().clone()));
        if !commits.is_empty() && self.journal.is_some() {
            self.shared.backlog.push(commits, urgent);
        } else if urgent {
            self.shared.backlog.hurry();
        }
    }

    /// Makes commits durable, and before them that the head went where people had moved the branch: all or none.
    pub(super) fn make_durable(
        &mut self,
        moved: Option<Revision>,
        commits: &[Arc<Committed>],
    ) -> Result<(), Failure> {
        let Some(journal) = &mut self.journal else {
            return self.publish_now(commits);
        };
        journal.release(self.shared.progress.published().sequence);
        let commits = commits
            .iter()
            .map(|commit| journaled::commit(&commit.payload));
        let payloads: Vec<_> = moved
            .map(journaled::moved)
            .into_iter()
            .chain(commits)
            .collect();
        match journal.append(&payloads) {
            Ok(_) => Ok(()),
            Err(AppendError::Full) => Err(Failure::NoRoom),
            Err(AppendError::Failed(fault)) => Err(Failure::Unknown(fault)),
            Err(AppendError::Removed) => self.journal_again(&payloads),
        }
    }

    /// Somebody removed the journal under the running daemon. All that is acknowledged and not in git stands in the
    /// backlog, so a new journal can be written from there.
    fn journal_again(&mut self, payloads: &[Vec<u8>]) -> Result<(), Failure> {
        self.shared.notices.say(
            "journal",
            "somebody removed the journal; a new one was written".to_owned(),
        );
        let Some(journal) = &mut self.journal else {
            return Ok(());
        };
        if !self.shared.backlog.drain(DRAIN_MAX) {
            let reason = "the journal was removed and packs cannot be written".to_owned();
            self.shared.notices.say(READ_ONLY, reason.clone());
            return Err(Failure::Unknown(Fault::new("write the journal", reason)));
        }
        let first = self.sequence + 1 - payloads.len() as u64;
        journal
            .rewrite(first, payloads)
            .map_err(|error| match error {
                AppendError::Full => Failure::NoRoom,
                AppendError::Failed(fault) => Failure::Unknown(fault),
                AppendError::Removed => {
                    Failure::Unknown(Fault::new("write the journal", "it was removed again"))
                }
            })
    }

    /// Without a journal, a batch is durable when git has it.
    fn publish_now(&self, commits: &[Arc<Committed>]) -> Result<(), Failure> {
        let Some(last) = commits.last() else {
            return Ok(());
        };
        self.shared.backlog.push(commits.to_vec(), true);
        self.shared.backlog.drain(Duration::MAX / 4);
        match self.shared.progress.published().revision == last.revision {
            true => Ok(()),
            false => Err(self.why_not_published(last.revision)),
        }
    }

    /// The ref may have moved although making that durable failed: then nobody knows.
    fn why_not_published(&self, wanted: Revision) -> Failure {
        let moved = refs::read(&self.shared.disk, crate::store::publisher::HEAD);
        let cause = Fault::new("publish a batch", "see the log");
        match moved {
            Ok(found) if found == Some(wanted) => Failure::Unknown(cause),
            Ok(_) => Failure::NoRoom,
            Err(fault) => Failure::Unknown(fault),
        }
    }

    pub(super) fn take_back(&mut self, answers: Vec<Answer>, failure: &Failure) {
        self.roll_back();
        for answer in answers {
            let rejection = match failure {
                Failure::NoRoom => Rejection::DiskFull,
                Failure::Unknown(_) => Rejection::OutcomeUnknown,
            };
            (answer.reply)(Err(rejection.into()));
        }
    }

    /// The head is again what is durable, and the next commit gets the journal's next number.
    pub(super) fn roll_back(&mut self) {
        self.head.roll_back();
        self.sequence = match &self.journal {
            Some(journal) => journal.next_sequence() - 1,
            None => self.shared.progress.published().sequence,
        };
    }
}

/// Why a batch is not durable.
#[derive(Debug)]
pub(super) enum Failure {
    /// There was no room, and nothing of it was written.
    NoRoom,
    /// It may be durable or not.
    Unknown(Fault),
}

impl Failure {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::NoRoom => Rejection::DiskFull.into(),
            Self::Unknown(fault) => fault.into(),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoRoom => f.write_str("no room"),
            Self::Unknown(fault) => fault.fmt(f),
        }
    }
}
