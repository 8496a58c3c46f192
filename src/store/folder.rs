//! The thread that looks after the folder: it adopts what people saved, follows where they moved the branch, and shows
//! what was written.
//!
//! One thread does all three, one after the other, so none of them ever sees another half-done. What wakes it is only a
//! hint; each time it looks at the facts.

mod branch;
mod timing;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::backend::git::Git;
use crate::backend::refs::OwnRef;
use crate::backend::watch::{Hint, Watch};
use crate::model::error::{Error, Fault, Rejection};
use crate::model::object::{BlobId, Revision};
use crate::store::bases::Bases;
use crate::store::bringing::Put;
use crate::store::circumstances::{self, Circumstances};
use crate::store::index::{Index, STIRRING};
use crate::store::last_run::{self, LastRun};
use crate::store::progress::Mark;
use crate::store::quarantine::{self, Quarantine};
use crate::store::queue::{Reply, Wish};
use crate::store::saves::DirtyPaths;
use crate::store::shared::{Errand, FOLDER, PAUSED, Shared};
use crate::store::shower;
use crate::store::spares::Spares;

/// The last tip that the branch, the index and the files were brought to.
pub(crate) const SHOWN: &str = "refs/memoryd/shown";

/// The whole folder is scanned this often whatever the watcher says.
const SCAN_INTERVAL: Duration = Duration::from_secs(60);
/// And this often while there are folders that it cannot watch: there only a scan finds what a person saved.
const UNWATCHED_SCAN_INTERVAL: Duration = Duration::from_secs(10);
/// While something keeps the daemon from showing, it looks again this often.
const PAUSED_POLL: Duration = Duration::from_millis(100);
/// A pause that lasts longer than this is told to those who wait for a show.
const PASSING: Duration = Duration::from_millis(300);
/// People's git that never rests is followed all the same.
const STIRRING_MAX: Duration = Duration::from_secs(3);
/// After a show the thread rests for so many times as long, so that bringing thousands of files along takes a part of one
/// core and no more. What is written to a file meanwhile is brought along once.
const REST: u32 = 3;
/// And never longer than this.
const REST_MAX: Duration = Duration::from_secs(3);
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
    pub(super) spares: Spares,
    /// What people started from at paths where a show could not bring the file along.
    pub(crate) bases: Bases,
    /// Staged texts that were adopted and may be replaced in the index.
    pub(super) adopted_staged: HashSet<(String, BlobId)>,
    /// Texts of people that were adopted since the last show and that stand in the folder, whatever became of them.
    pub(super) adopted: HashMap<String, BlobId>,
    /// What a show did to files and could not finish.
    pub(super) unfinished: Vec<Put>,
    /// Paths at which people staged a text and have not committed it.
    pub(super) staged: BTreeSet<String>,
    pub(super) shown: Option<Revision>,
    shown_ref: OwnRef,
    /// What index and files show, when people moved the branch from another work tree.
    pub(super) left_behind_at: Option<Revision>,
    /// The number of the newest commit that has what people did.
    pub(super) peoples: u64,
    paid_for: u64,
    scan_at: Instant,
    /// When the next show may begin for which nobody waits.
    rest_until: Instant,
    paused_since: Option<Instant>,
    stirring_since: Option<Instant>,
    has_failed: bool,
    /// How the last run ended, until its loose ends are tied.
    pub(crate) last_run: Option<LastRun>,
    repacks: u64,
}

impl Folder {
    pub(crate) fn new(
        shared: Arc<Shared>,
        git: Git,
        errands: Receiver<Errand>,
        shown: OwnRef,
    ) -> Self {
        Self {
            shared,
            git,
            errands,
            watch: None,
            index: Index::default(),
            dirty: DirtyPaths::default(),
            quarantine: Quarantine::new(),
            spares: Spares::default(),
            bases: Bases::default(),
            adopted_staged: HashSet::new(),
            adopted: HashMap::new(),
            unfinished: Vec::new(),
            staged: BTreeSet::new(),
            shown: shown.at(),
            shown_ref: shown,
            left_behind_at: None,
            peoples: 0,
            paid_for: 0,
            scan_at: Instant::now(),
            rest_until: Instant::now(),
            paused_since: None,
            stirring_since: None,
            has_failed: false,
            last_run: None,
            repacks: 0,
        }
    }

    /// Starts listening to the system. Without its help, the scan alone finds what people save.
    fn watch(&mut self) {
        let shared = Arc::clone(&self.shared);
        match Watch::start(self.shared.disk.path(), move |hint| {
            shared.send(Errand::Look(hint))
        }) {
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
        let rested = self.look_at_rest();
        self.report(rested.map(drop).map_err(Error::from));
        self.look();
    }

    /// One look at the facts: what people did first, then what is to be shown.
    fn look(&mut self) {
        let reopened = self
            .shared
            .reopen_after_repack(&mut self.git, &mut self.repacks);
        let looked = reopened
            .map_err(Error::from)
            .and_then(|()| self.look_around());
        self.has_failed = looked.is_err();
        self.report(looked);
        self.shared.progress.expire();
    }

    fn look_around(&mut self) -> Result<(), Error> {
        shower::remove_own_locks(&self.shared.disk, &self.shared.branch())?;
        let now = circumstances::look(&self.shared)?;
        self.say_whether_paused(now.paused.as_ref());
        if self.scan_at <= Instant::now() {
            self.scan_at = Instant::now() + self.scan_interval();
            self.scan_everything()?;
        }
        if self.is_stirring(&now) {
            return Ok(());
        }
        if !now.is_locked {
            self.settle_unfinished()?;
        }
        if now.unsettled.is_none() {
            self.follow(&now)?;
            self.tie_loose_ends()?;
            let displaced = self.quarantine.due();
            self.release_quarantine(displaced, quarantine::OLD)?;
        }
        self.adopt(&now)?;
        let syncs = self.shared.syncs.load(Ordering::Acquire);
        self.bases.forget(syncs, &self.shared.disk)?;
        if now.paused.is_none() && self.is_show_due() {
            let begun = Instant::now();
            self.show()?;
            self.rest_until = Instant::now() + (begun.elapsed() * REST).min(REST_MAX);
        }
        Ok(())
    }

    /// Puts right what the last run left, before a file is taken for a person's wish; and not while files are of another
    /// branch than the served one.
    fn tie_loose_ends(&mut self) -> Result<(), Error> {
        let Some(last) = self.last_run else {
            return Ok(());
        };
        // What followed the branch has to be in git: the head before it may have what people have dropped.
        if !self.shared.backlog.drain(DRAIN_MAX) {
            return Err(Rejection::Busy {
                reason: "acknowledged writes are being published",
            }
            .into());
        }
        self.restore(last)?;
        self.bases.note(&self.shared.disk)?;
        last_run::begin(&self.shared, last)?;
        self.last_run = None;
        Ok(())
    }

    /// Whether people's git has only just put an index in place, and may be about to move the branch.
    fn is_stirring(&mut self, now: &Circumstances) -> bool {
        let is_young = self
            .index
            .left_alone_for(now.index.as_ref())
            .is_some_and(|age| age < STIRRING);
        let since = is_young.then(|| self.stirring_since.unwrap_or_else(Instant::now));
        self.stirring_since = since.filter(|since| since.elapsed() < STIRRING_MAX);
        self.stirring_since.is_some()
    }

    /// Looks at people's git once it has come to rest.
    fn look_at_rest(&mut self) -> Result<Circumstances, Fault> {
        loop {
            let now = circumstances::look(&self.shared)?;
            if !self.is_stirring(&now) {
                return Ok(now);
            }
            std::thread::sleep(STIRRING / 4);
        }
    }

    fn say_whether_paused(&mut self, reason: Option<&String>) {
        match reason {
            Some(reason) => {
                self.shared.notices.say(PAUSED, reason.clone());
                // Most of people's git commands are over before anybody who waits for a show would notice.
                if self.paused_since.get_or_insert_with(Instant::now).elapsed() > PASSING {
                    self.shared.progress.give_up();
                }
            }
            None => {
                self.shared.notices.unsay(PAUSED);
                self.paused_since = None;
            }
        }
    }

    /// The commit that index and files show.
    pub(super) fn folder_at(&self) -> Option<Revision> {
        self.left_behind_at.or(self.shown)
    }

    /// Notes durably that branch, index and files are at a commit.
    pub(super) fn set_shown(&mut self, mark: Mark) -> Result<(), Fault> {
        self.bases.note(&self.shared.disk)?;
        self.shown_ref.move_to(&self.shared.disk, mark.revision)?;
        self.shown = Some(mark.revision);
        self.shared.progress.set_shown(mark);
        Ok(())
    }

    /// Has the committer grant a wish, and waits for it.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        wish: impl FnOnce(Reply<T>) -> Wish,
    ) -> Result<T, Error> {
        let (sender, receiver) = mpsc::channel();
        self.shared
            .queue
            .push(wish(Box::new(move |result| drop(sender.send(result)))));
        receiver.recv_timeout(COMMITTER_MAX).unwrap_or_else(|_| {
            Err(Fault::new("wait for the committer", "it does not answer").into())
        })
    }

    pub(super) fn say_conflicts(&self, conflicts: Vec<String>) {
        if !conflicts.is_empty() {
            let paths = conflicts.join(", ");
            let told = format!(
                "{paths}: a person and an agent changed the same lines; the person's text stands, the agent's is in git log"
            );
            self.shared.notices.say("conflict", told);
        }
    }

    /// Everything that is acknowledged goes into git and, if people let it, into the folder.
    fn finish(mut self) {
        if !self.shared.backlog.drain(DRAIN_MAX) {
            tracing::warn!(
                "some acknowledged writes stay in the journal; the next start publishes them"
            );
        }
        let shown = self.show_last();
        self.report(shown);
        self.shared.progress.give_up();
    }

    fn show_last(&mut self) -> Result<(), Error> {
        let now = self.look_at_rest()?;
        if !now.is_locked {
            self.settle_unfinished()?;
        }
        if now.paused.is_none() && self.is_behind() {
            self.show()?;
        }
        // A save that raced the last show is in nobody's hands but ours.
        let displaced = self.quarantine.drain();
        if !displaced.is_empty() {
            std::thread::sleep(STIRRING);
        }
        self.release_quarantine(displaced, Duration::ZERO)
    }

    fn report(&self, done: Result<(), Error>) {
        match done {
            Ok(()) => self.shared.notices.unsay(FOLDER),
            Err(Error::Rejected(rejection)) => {
                tracing::info!(%rejection, "the folder is looked at again")
            }
            Err(Error::Failed(fault)) => self.shared.notices.say(FOLDER, fault.to_string()),
        }
    }
}
