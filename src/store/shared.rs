//! What the store's threads share: the snapshot that readers take, and the hand-overs between the threads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use crate::backend::clock::Clock;
use crate::backend::disk::Disk;
use crate::backend::git::Git;
use crate::backend::refs::OwnRef;
use crate::backend::watch::Hint;
use crate::model::error::Fault;
use crate::model::message::Author;
use crate::model::object::Revision;
use crate::model::path::{Layout, RepoPath};
use crate::model::snapshot::Snapshot;
use crate::store::backlog::Backlog;
use crate::store::pace::Pace;
use crate::store::progress::Progress;
use crate::store::queue::Queue;

/// How a write becomes durable before it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// By one flush of the journal; packs follow.
    Journal,
    /// By a pack and a moved ref: slower, with nothing to replay. It is the oracle of the journal's tests.
    Git,
}

/// Something for the thread that looks after the folder.
pub(crate) enum Errand {
    /// The watcher saw something.
    Look(Hint),
    /// There is something to show. Up to this commit a token was taken already.
    Show { paid_for: u64 },
    /// A hold began or ended.
    Hold,
    /// Show what there is, then end.
    Stop,
}

/// Owned by no thread, used by all.
pub(crate) struct Shared {
    pub(crate) disk: Arc<Disk>,
    pub(crate) durability: Durability,
    pub(crate) clock: Clock,
    pub(crate) layout: Layout,
    /// How large a segment of the journal is.
    pub(crate) segment_bytes: usize,
    /// The ref that is served, as `refs/heads/main`: what people call it now.
    pub(crate) branch: ArcSwap<String>,
    /// Who edits this folder, when no commit says otherwise.
    pub(crate) person: Author,
    /// The memory as of the last acknowledged write.
    pub(crate) snapshot: ArcSwap<Snapshot>,
    pub(crate) queue: Queue,
    pub(crate) backlog: Backlog,
    pub(crate) progress: Progress,
    pub(crate) pace: Pace,
    pub(crate) dirty: Dirty,
    pub(crate) notices: Notices,
    /// How often packs were rolled up: every thread opens git anew then, letting go of deleted packs.
    pub(crate) repacks: AtomicU64,
    /// How often the whole file system was synced.
    pub(crate) syncs: AtomicU64,
    /// Whether what the last run left in the folder was put right.
    pub(crate) has_begun: AtomicBool,
    /// `refs/memoryd/head`: everything that is acknowledged and packed.
    pub(crate) head: Mutex<OwnRef>,
    pub(crate) folder: Mutex<Sender<Errand>>,
}

/// What readers take without a lock.
pub(crate) fn current<T>(value: T) -> ArcSwap<T> {
    ArcSwap::from_pointee(value)
}

impl Shared {
    /// Opens git anew if packs were rolled up since the caller last did: deleted packs would stay open for ever.
    pub(crate) fn reopen_after_repack(&self, git: &mut Git, seen: &mut u64) -> Result<(), Fault> {
        let repacks = self.repacks.load(Ordering::Acquire);
        match std::mem::replace(seen, repacks) == repacks {
            true => Ok(()),
            false => git.reopen(),
        }
    }

    /// The ref that is served.
    pub(crate) fn branch(&self) -> Arc<String> {
        self.branch.load_full()
    }

    /// Moves `refs/memoryd/head`, durably.
    pub(crate) fn move_head(&self, to: Revision) -> Result<(), Fault> {
        self.head
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .move_to(&self.disk, to)
    }

    /// Sends the folder's thread on an errand. Once the thread has ended, nobody needs it done.
    pub(crate) fn send(&self, errand: Errand) {
        let sent = self
            .folder
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .send(errand);
        drop(sent);
    }
}

/// Files on which a person's save was seen and is not adopted yet: an agent's write to one of them waits a moment, so
/// that it is judged against the text it would otherwise bury.
#[derive(Default)]
pub(crate) struct Dirty {
    any: AtomicBool,
    paths: Mutex<BTreeMap<RepoPath, ()>>,
}

impl Dirty {
    pub(crate) fn insert(&self, path: RepoPath) {
        self.lock().insert(path, ());
        self.any.store(true, Ordering::Release);
    }

    pub(crate) fn remove(&self, path: &RepoPath) {
        let mut paths = self.lock();
        paths.remove(path);
        self.any.store(!paths.is_empty(), Ordering::Release);
    }

    /// Whether one of the paths is dirty. Costs a load when none is.
    pub(crate) fn any_of<'a>(&self, mut paths: impl Iterator<Item = &'a RepoPath>) -> bool {
        self.any.load(Ordering::Acquire) && {
            let dirty = self.lock();
            paths.any(|path| dirty.contains_key(path))
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RepoPath, ()>> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a person should know, one sentence for each thing, until it is over.
#[derive(Default)]
pub(crate) struct Notices(Mutex<BTreeMap<&'static str, String>>);

/// The thing that keeps the branch from following.
pub(crate) const PAUSED: &str = "paused";
/// The thing that keeps acknowledged writes from git.
pub(crate) const PUBLISH: &str = "publish";
/// The thing that keeps the folder from being looked after.
pub(crate) const FOLDER: &str = "folder";
/// The thing that keeps writes from being taken.
pub(crate) const READ_ONLY: &str = "read-only";

impl Notices {
    /// Says something about a thing, instead of what was said about it before.
    pub(crate) fn say(&self, about: &'static str, sentence: String) {
        let before = self.lock().insert(about, sentence.clone());
        match before.as_ref() == Some(&sentence) {
            true => {}
            // People's git pauses shows all day long.
            false if about == PAUSED => tracing::debug!(about, "{sentence}"),
            false => tracing::warn!(about, "{sentence}"),
        }
    }

    /// The thing is over.
    pub(crate) fn unsay(&self, about: &'static str) {
        self.lock().remove(about);
    }

    /// What is said about a thing.
    pub(crate) fn get(&self, about: &'static str) -> Option<String> {
        self.lock().get(about).cloned()
    }

    /// Whether anything keeps acknowledged writes from being shown.
    pub(crate) fn keep_from_showing(&self) -> bool {
        let said = self.lock();
        [PAUSED, PUBLISH, FOLDER]
            .iter()
            .any(|about| said.contains_key(about))
    }

    /// Everything that is said, but about the two things that have fields of their own.
    pub(crate) fn rest(&self) -> Vec<String> {
        let said = self.lock();
        said.iter()
            .filter(|(about, _)| ![PAUSED, READ_ONLY].contains(*about))
            .map(|(_, s)| s.clone())
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
