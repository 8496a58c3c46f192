//! The thread that looks after the folder: it adopts what people saved, follows where they moved the branch, and shows
//! what was written.
//!
//! One thread does all three, one after the other, so none of them ever sees another half-done. What wakes it is only a
//! hint; each time it looks at the facts.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::backend::git::Git;
use crate::backend::refs::{self, Moved};
use crate::backend::watch::{Hint, Watch};
use crate::model::error::{Error, Fault};
use crate::model::object::{BlobId, Revision};
use crate::store::circumstances::{self, Circumstances};
use crate::store::following::Following;
use crate::store::index::Index;
use crate::store::last_run::{self, LastRun};
use crate::store::progress::Mark;
use crate::store::quarantine::Quarantine;
use crate::store::queue::{Reply, Wish};
use crate::store::saves::DirtyPaths;
use crate::store::shared::{Errand, PAUSED, Shared};

/// The last tip that the branch, the index and the files were brought to.
pub(crate) const SHOWN: &str = "refs/memoryd/shown";

/// The whole folder is scanned this often whatever the watcher says.
const SCAN_INTERVAL: Duration = Duration::from_secs(60);
/// While something keeps the daemon from showing, it looks again this often.
const PAUSED_POLL: Duration = Duration::from_millis(250);
/// Displaced files that somebody may still write to are looked at this often.
const QUARANTINE_POLL: Duration = Duration::from_millis(100);
/// The committer answers within this time or is told again later.
const COMMITTER_MAX: Duration = Duration::from_secs(30);
/// At the end, what is acknowledged is published within this time or left to the journal.
const DRAIN_MAX: Duration = Duration::from_secs(30);

/// Everything the thread knows between two looks.
pub(crate) struct Folder {
    pub(super) shared: Arc<Shared>,
    pub(super) git: Git,
    errands: Receiver<Errand>,
    pub(super) watch: Option<Watch>,
    pub(super) index: Index,
    pub(super) dirty: DirtyPaths,
    pub(super) quarantine: Quarantine,
    /// What people started from at paths where a show could not bring the file along.
    pub(super) bases: HashMap<String, Option<BlobId>>,
    /// Staged texts that were adopted and may be replaced in the index.
    pub(super) adopted_staged: HashSet<(String, BlobId)>,
    pub(super) shown: Option<Revision>,
    paid_for: u64,
    scan_at: Instant,
    is_paused: bool,
    /// How the last run ended, until its loose ends are tied.
    pub(crate) last_run: LastRun,
    repacks: u64,
}

impl Folder {
    pub(crate) fn new(
        shared: Arc<Shared>,
        git: Git,
        errands: Receiver<Errand>,
        shown: Option<Revision>,
    ) -> Self {
        Self {
            shared,
            git,
            errands,
            watch: None,
            index: Index::default(),
            dirty: DirtyPaths::default(),
            quarantine: Quarantine::default(),
            bases: HashMap::new(),
            adopted_staged: HashSet::new(),
            shown,
            paid_for: 0,
            scan_at: Instant::now(),
            is_paused: false,
            last_run: LastRun::Written,
            repacks: 0,
        }
    }

    /// Starts listening to the system. Without its help, the scan alone finds what people save.
    fn watch(&mut self) {
        let shared = Arc::clone(&self.shared);
        match Watch::start(self.shared.disk.path(), move |hint| shared.send(Errand::Look(hint))) {
            Ok(watch) => self.watch = Some(watch),
            Err(fault) => self.shared.notices.say("watch", fault.to_string()),
        }
    }

    /// Looks after the folder until it is told to stop.
    pub(crate) fn run(mut self) {
        loop {
            let wait = self.next_look().saturating_duration_since(Instant::now());
            let stop = match self.errands.recv_timeout(wait) {
                Ok(errand) => self.take(errand),
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => true,
            };
            if stop {
                return self.finish();
            }
            self.look();
        }
    }

    /// Takes an errand and all that came after it; says whether one of them was to stop.
    fn take(&mut self, first: Errand) -> bool {
        let mut next = Some(first);
        while let Some(errand) = next {
            match errand {
                Errand::Look(hint) => self.hinted(hint),
                Errand::Show { paid_for } => self.paid_for = self.paid_for.max(paid_for),
                Errand::Hold => {}
                Errand::Stop => return true,
            }
            next = self.errands.try_recv().ok();
        }
        false
    }

    fn hinted(&mut self, hint: Hint) {
        let seen = match hint {
            Hint::Path(path) => self.touched(&path),
            Hint::Folder(path) => self.scan(&path),
            Hint::Git => Ok(()),
            Hint::Everything => {
                self.scan_at = Instant::now();
                Ok(())
            }
        };
        self.report(seen);
    }

    /// The first look: what the last run left is put right, and what people did meanwhile is taken in.
    pub(crate) fn first_look(&mut self) {
        self.watch();
        let restored = self.restore(self.last_run);
        self.report(restored);
        let begun = last_run::begin(&self.shared);
        self.report(begun.map_err(Error::from));
        self.look();
    }

    /// One look at the facts: what people did first, then what is to be shown.
    fn look(&mut self) {
        let reopened = self.shared.reopen_after_repack(&mut self.git, &mut self.repacks);
        let looked = reopened.map_err(Error::from).and_then(|()| self.look_around());
        self.report(looked);
        self.shared.progress.expire();
    }

    fn look_around(&mut self) -> Result<(), Error> {
        let now = circumstances::look(&self.shared)?;
        self.say_whether_paused(now.paused.as_ref());
        if self.scan_at <= Instant::now() {
            self.scan_at = Instant::now() + SCAN_INTERVAL;
            self.scan_everything()?;
        }
        if now.unsettled.is_none() {
            self.follow(&now)?;
        }
        self.adopt(&now)?;
        self.release_quarantine(&now)?;
        if now.paused.is_none() && self.is_show_due() {
            self.show()?;
        }
        Ok(())
    }

    fn say_whether_paused(&mut self, reason: Option<&String>) {
        self.is_paused = reason.is_some();
        match reason {
            Some(reason) => {
                self.shared.notices.say(PAUSED, reason.clone());
                self.shared.progress.give_up();
            }
            None => self.shared.notices.unsay(PAUSED),
        }
    }

    fn is_show_due(&mut self) -> bool {
        let (published, shown) = (self.shared.progress.published(), self.shared.progress.shown());
        if published.revision == shown.revision {
            return false;
        }
        let is_paid = self.paid_for > shown.sequence;
        match is_paid {
            // The token was taken for a commit that the publisher is still packing.
            true if published.sequence < self.paid_for => false,
            true => true,
            false => self.shared.pace.take(),
        }
    }

    /// Brings the head to where people moved the branch.
    fn follow(&mut self, now: &Circumstances) -> Result<(), Error> {
        let Some(branch) = now.branch.filter(|branch| Some(*branch) != self.shown) else { return Ok(()) };
        let head = self.shared.progress.published().revision;
        let since = self.shown.or_else(|| self.git.merge_base(branch, head));
        if let Some(shown) = since
            && self.git.contains(head, branch)?
            && self.git.contains(branch, shown)?
        {
            // Ours: a crash came between the branch and the note that it was shown.
            return Ok(self.set_shown(self.mark_of(branch))?);
        }
        let following = Following { branch, shown: since };
        let followed = self.ask(|reply| Wish::Follow { following, reply })?;
        self.say_conflicts(followed.conflicts);
        Ok(self.set_shown(self.mark_of(branch))?)
    }

    /// How far a branch tip is: as far as git, or no farther than the show before it.
    fn mark_of(&self, branch: Revision) -> Mark {
        let progress = &self.shared.progress;
        let nearest = [progress.published(), progress.shown()].into_iter().find(|mark| mark.revision == branch);
        nearest.unwrap_or(Mark { revision: branch, ..progress.shown() })
    }

    /// Notes durably that branch, index and files are at a commit.
    pub(super) fn set_shown(&mut self, mark: Mark) -> Result<(), Fault> {
        match refs::compare_and_swap(&self.shared.disk, SHOWN, self.shown, mark.revision)? {
            Moved::Yes => {}
            other => return Err(Fault::new("move refs/memoryd/shown", format!("{other:?}"))),
        }
        self.shown = Some(mark.revision);
        self.shared.progress.set_shown(mark);
        Ok(())
    }

    /// Has the committer grant a wish, and waits for it.
    pub(super) fn ask<T: Send + 'static>(&self, wish: impl FnOnce(Reply<T>) -> Wish) -> Result<T, Error> {
        let (sender, receiver) = mpsc::channel();
        self.shared.queue.push(wish(Box::new(move |result| drop(sender.send(result)))));
        receiver
            .recv_timeout(COMMITTER_MAX)
            .unwrap_or_else(|_| Err(Fault::new("wait for the committer", "it does not answer").into()))
    }

    pub(super) fn say_conflicts(&self, conflicts: Vec<String>) {
        if !conflicts.is_empty() {
            let paths = conflicts.join(", ");
            let told = format!("{paths}: a person and an agent changed the same lines; the person's text stands, the agent's is in git log");
            self.shared.notices.say("conflict", told);
        }
    }

    /// Everything that is acknowledged goes into git and, if people let it, into the folder.
    fn finish(mut self) {
        if !self.shared.backlog.drain(DRAIN_MAX) {
            tracing::warn!("some acknowledged writes stay in the journal; the next start publishes them");
        }
        let shown = circumstances::look(&self.shared).map_err(Error::from).and_then(|now| {
            let published = self.shared.progress.published().revision;
            let due = now.paused.is_none() && self.shared.progress.shown().revision != published;
            if due { self.show() } else { Ok(()) }
        });
        self.report(shown);
        self.shared.progress.give_up();
    }

    fn report(&self, done: Result<(), Error>) {
        match done {
            Ok(()) => self.shared.notices.unsay("folder"),
            Err(Error::Rejected(rejection)) => tracing::info!(%rejection, "the folder is looked at again"),
            Err(Error::Failed(fault)) => self.shared.notices.say("folder", fault.to_string()),
        }
    }

    /// When to look again although nobody asks.
    fn next_look(&self) -> Instant {
        let now = Instant::now();
        let progress = &self.shared.progress;
        let behind = progress.published().revision != progress.shown().revision;
        let show_at = match (behind, self.is_paused) {
            (true, false) => Some(now + self.shared.pace.next().max(Duration::from_millis(5))),
            (_, true) => Some(now + PAUSED_POLL),
            (false, false) => None,
        };
        let quarantine = (!self.quarantine.is_empty()).then_some(now + QUARANTINE_POLL);
        let due = [self.dirty.next(), show_at, quarantine, progress.expire()];
        due.into_iter().flatten().min().unwrap_or(self.scan_at).min(self.scan_at)
    }
}
