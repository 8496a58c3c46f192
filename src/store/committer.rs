//! The one place where anything is changed: it judges wishes against the head, makes them durable, and answers.
//!
//! A turn takes everything that is queued. Each wish is judged against the head as the wishes before it left it, and
//! becomes a commit of its own; one flush makes them all durable; then readers get the new snapshot and writers their
//! answers. It never reads the work tree and never waits for people's git: what the folder says comes in as wishes, too.

mod flushing;
mod seat;

use std::sync::Arc;
use std::time::{Duration, Instant};

use flushing::Failure;
pub(crate) use seat::Seat;

use crate::backend::git::Git;
use crate::backend::journal::Journal;
use crate::model::edit::{Change, Edit};
use crate::model::error::{Doing, Error, Rejection};
use crate::model::limits::{BATCH_BYTES_MAX, BATCH_COMMITS_MAX};
use crate::model::object::Revision;
use crate::model::tree::Mode;
use crate::store::adoption::{Adopted, Adoption, Judged};
use crate::store::following::{self, Followed, Following};
use crate::store::head::{Committed, Head, NewFile, Plan, PlannedChange};
use crate::store::kept;
use crate::store::progress::Mark;
use crate::store::queue::{Reply, Wish};
use crate::store::receipt::{Receipt, Receipts, Wait};
use crate::store::shared::{READ_ONLY, Shared};

/// A write to a file that a person has just saved waits this long for the save to be adopted.
const PARKED_MAX: Duration = Duration::from_secs(1);
/// How long the committer waits for the publisher before it tells people that it cannot follow them now.
const DRAIN_MAX: Duration = Duration::from_secs(10);
/// Owns the head.
pub(crate) struct Committer {
    shared: Arc<Shared>,
    git: Git,
    head: Head,
    journal: Option<Journal>,
    sequence: u64,
    receipts: Receipts,
    parked: Vec<(Instant, Wish)>,
    repacks: u64,
}

/// What one flush is to make durable, and who is to be told.
#[derive(Default)]
struct Batch {
    commits: Vec<Arc<Committed>>,
    bytes: usize,
    answers: Vec<Answer>,
}

struct Answer {
    sequence: u64,
    key: Option<String>,
    wait: Wait,
    receipt: Receipt,
    reply: Reply<Receipt>,
}

impl Committer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        git: Git,
        head: Head,
        (journal, sequence): (Option<Journal>, u64),
    ) -> Self {
        let (receipts, parked) = (Receipts::default(), Vec::new());
        Self {
            shared,
            git,
            head,
            journal,
            sequence,
            receipts,
            parked,
            repacks: 0,
        }
    }

    /// Remembers the receipts of requests from before the start, so that their retries are safe, too.
    pub(crate) fn with_receipts(mut self, receipts: Receipts) -> Self {
        self.receipts = receipts;
        self
    }

    /// Takes the wishes that wait, parked ones first, and grants them.
    fn take_turn(&mut self) {
        let parked = std::mem::take(&mut self.parked).into_iter();
        let parked = parked.map(|(since, wish)| (Some(since), wish));
        let wishes = self.shared.queue.take(BATCH_COMMITS_MAX).into_iter();
        let wishes: Vec<_> = parked.chain(wishes.map(|wish| (None, wish))).collect();
        if !wishes.is_empty() {
            self.turn(wishes);
        }
    }

    fn turn(&mut self, wishes: Vec<(Option<Instant>, Wish)>) {
        let mut batch = Batch::default();
        for (since, wish) in wishes {
            match wish {
                Wish::Edit { edit, wait, reply } => {
                    let since = since.unwrap_or_else(Instant::now);
                    if self.must_wait(&edit, since) {
                        self.parked.push((since, Wish::Edit { edit, wait, reply }));
                    } else if let Err((error, reply)) = self.edit(*edit, (wait, reply), &mut batch)
                    {
                        reply(Err(error));
                    }
                }
                Wish::Adopt { adoption, reply } => {
                    self.flush(std::mem::take(&mut batch));
                    reply(self.reopened().and_then(|()| self.adopt(adoption)));
                }
                Wish::Follow { following, reply } => {
                    self.flush(std::mem::take(&mut batch));
                    reply(self.reopened().and_then(|()| self.follow(following)));
                }
            }
            if batch.bytes > BATCH_BYTES_MAX {
                self.flush(std::mem::take(&mut batch));
            }
        }
        self.flush(batch);
    }

    fn must_wait(&self, edit: &Edit, since: Instant) -> bool {
        self.shared.dirty.any_of(edit.paths()) && since.elapsed() < PARKED_MAX
    }

    /// Judges one edit and puts what came of it into the batch; hands the reply back with the reason when it cannot be.
    fn edit(
        &mut self,
        edit: Edit,
        (wait, reply): (Wait, Reply<Receipt>),
        batch: &mut Batch,
    ) -> Result<(), (Error, Reply<Receipt>)> {
        let key = edit.provenance.idempotency_key.clone();
        let same_key = |answer: &&Answer| key.is_some() && answer.key == key;
        let earlier = batch
            .answers
            .iter()
            .find(same_key)
            .map(|answer| (answer.sequence, answer.receipt.clone()));
        if let Some((sequence, receipt)) = earlier.or_else(|| self.receipts.find(key.as_deref()?)) {
            let receipt = Receipt {
                replayed: true,
                ..receipt
            };
            batch.answers.push(Answer {
                sequence,
                key: None,
                wait,
                receipt,
                reply,
            });
            return Ok(());
        }
        let change = match self.judged(&edit) {
            Ok(change) => change,
            Err(rejection) => return Err((rejection.into(), reply)),
        };
        let (outcomes, flags) = (change.outcomes.clone(), change.flags.clone());
        if !change.files.is_empty() {
            let committed = self.commit(plan(&edit, change));
            batch.bytes += committed.bytes();
            batch.commits.push(Arc::new(committed));
        }
        let (revision, committed_at) = (self.head.revision(), self.head.snapshot().committed_at);
        let receipt = Receipt {
            revision,
            committed_at,
            outcomes,
            flags,
            published: false,
            replayed: false,
        };
        batch.answers.push(Answer {
            sequence: self.sequence,
            key,
            wait,
            receipt,
            reply,
        });
        Ok(())
    }

    fn judged(&self, edit: &Edit) -> Result<Change, Rejection> {
        if let Some(reason) = self.shared.notices.get(READ_ONLY) {
            return Err(Rejection::StoreReadOnly { reason });
        }
        let change = edit.apply(self.head.snapshot())?;
        let added = || {
            change
                .files
                .iter()
                .filter(|file| file.after.is_some())
                .map(|file| file.path.as_str())
        };
        for path in added() {
            // In the head, or in this very edit.
            if self.head.is_obstructed(path.as_bytes())
                || added().any(|other| is_below(other, path))
            {
                let path = path.to_owned();
                return Err(Rejection::InvalidPath {
                    path,
                    reason: "a file and a folder want the same name",
                });
            }
        }
        Ok(change)
    }

    fn commit(&mut self, plan: Plan) -> Committed {
        self.sequence += 1;
        self.head.commit(plan, (self.shared.clock)(), self.sequence)
    }

    fn reopened(&mut self) -> Result<(), Error> {
        Ok(self
            .shared
            .reopen_after_repack(&mut self.git, &mut self.repacks)?)
    }

    fn adopt(&mut self, adoption: Adoption) -> Result<Adopted, Error> {
        let Judged {
            plan,
            conflicts,
            refused,
        } = adoption.judge(&self.head, &self.git)?;
        if let Some(plan) = plan {
            self.commit_alone(plan)?;
        }
        Ok(Adopted {
            revision: self.head.revision(),
            sequence: self.sequence,
            conflicts,
            refused,
        })
    }

    /// A commit that is no caller's: durable by itself, shown when the folder's thread next shows.
    fn commit_alone(&mut self, plan: Plan) -> Result<(), Error> {
        let commits = vec![Arc::new(self.commit(plan))];
        if let Err(failure) = self.make_durable(None, &commits) {
            self.take_back(Vec::new(), &failure);
            return Err(failure.into_error());
        }
        self.accept(commits, true);
        Ok(())
    }

    /// Brings the head to where people moved the branch, losing nothing that was acknowledged.
    fn follow(&mut self, following: Following) -> Result<Followed, Error> {
        if !self.shared.backlog.drain(DRAIN_MAX) {
            return Err(Rejection::Busy {
                reason: "acknowledged writes are being published",
            }
            .into());
        }
        // People's git does not sync what it writes; a commit of ours must not outlive one of theirs that it builds on.
        self.shared
            .disk
            .sync_file_system()
            .doing("make people's commits durable")?;
        let (old, Following { branch, shown }) = (self.head.revision(), following);
        let conflicts = if self.git.contains(branch, old)? {
            self.go_to(branch, |_, _| Ok((None, Vec::new())))?
        } else if let Some(shown) = shown
            && self.git.contains(branch, shown)?
        {
            let (plan, conflicts) = following::merge(&self.head, &self.git, following)?;
            self.commit_alone(plan)?;
            conflicts
        } else {
            kept::keep(
                &self.shared,
                &self.git,
                [shown, Some(old)].into_iter().flatten(),
            )?;
            self.go_to(branch, |head, git| {
                following::bring_back(head, git, shown, old)
            })?
        };
        Ok(Followed {
            sequence: self.sequence,
            conflicts,
        })
    }

    /// The head becomes a commit that people made, and goes on by what is planned upon it.
    fn go_to(
        &mut self,
        target: Revision,
        plan: impl FnOnce(&Head, &Git) -> Result<(Option<Plan>, Vec<String>), Error>,
    ) -> Result<Vec<String>, Error> {
        let gone = self.try_to_go_to(target, plan);
        if gone.is_err() {
            self.roll_back();
        }
        gone
    }

    /// Both in one flush: after a crash between them, what was planned would be missing and nobody would plan it again.
    fn try_to_go_to(
        &mut self,
        target: Revision,
        plan: impl FnOnce(&Head, &Git) -> Result<(Option<Plan>, Vec<String>), Error>,
    ) -> Result<Vec<String>, Error> {
        self.head.move_to(target, &self.git)?;
        self.sequence += 1;
        let (plan, conflicts) = plan(&self.head, &self.git)?;
        let commits: Vec<_> = plan
            .map(|plan| Arc::new(self.commit(plan)))
            .into_iter()
            .collect();
        self.make_durable(Some(target), &commits)
            .map_err(Failure::into_error)?;
        if commits.is_empty() {
            self.shared.move_head(target)?;
            self.shared.progress.set_published(Mark {
                sequence: self.sequence,
                revision: target,
            });
        }
        self.accept(commits, true);
        Ok(conflicts)
    }
}

/// However the committer ends, nobody waits for it in vain.
impl Drop for Committer {
    fn drop(&mut self) {
        self.shared.queue.close();
        let waiting = self.shared.queue.take(usize::MAX);
        let parked = self.parked.drain(..).map(|(_, wish)| wish);
        parked
            .chain(waiting)
            .for_each(|wish| wish.refuse(Rejection::ShuttingDown));
    }
}

/// Whether a path lies below another one.
fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// The commit of a caller's edit.
fn plan(edit: &Edit, change: Change) -> Plan {
    let planned = |file: crate::model::edit::FileChange| PlannedChange {
        path: file.path.as_str().as_bytes().into(),
        after: file.after.map(|(blob, text)| NewFile {
            mode: Mode::FILE,
            blob,
            text: Some(text),
            in_git: false,
        }),
    };
    Plan {
        author: edit.provenance.author.clone(),
        message: edit.message(&change.flags).render(),
        merged: Vec::new(),
        changes: change.files.into_iter().map(planned).collect(),
    }
}
