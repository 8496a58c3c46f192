//! The store: the only floor that changes anything.
//!
//! # The threads
//!
//! ```text
//!   doors --> queue --> committer --> backlog --> publisher --> folder <-- watcher, people
//!                          |              (packs, refs/memoryd/head)  |
//!                          v                                          v
//!                    journal, snapshot                  branch, files, git index
//! ```
//!
//! The committer owns the head and makes commits durable; the publisher makes them part of git; the folder's thread
//! brings branch, files and index along, and turns what people do into wishes for the committer. Each owns its state
//! and hands on values; what they share stands in one struct, `Shared`.

mod adopter;
mod adoption;
mod backlog;
mod bases;
mod bringing;
mod circumstances;
mod committer;
mod folder;
mod following;
mod head;
mod hold;
mod index;
mod journaled;
mod kept;
mod last_run;
mod loading;
mod maintenance;
mod pace;
mod progress;
mod publisher;
mod quarantine;
mod queue;
mod receipt;
mod recovery;
mod renamed;
mod repair;
mod replay;
mod restoring;
mod saves;
mod shared;
mod shower;
mod spares;
mod status;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::backend::clock::Clock;
use crate::backend::disk::Witness;
use crate::backend::git::Git;
use crate::model::edit::Edit;
use crate::model::error::{Doing, Error, Fault};
use crate::model::history::Commit;
use crate::model::message::Author;
use crate::model::object::{BlobId, Revision};
use crate::model::path::{Layout, RepoPath};
use crate::model::search::phrase::Phrase;
use crate::model::snapshot::{Seconds, Snapshot};
use crate::store::committer::Seat;
use crate::store::queue::Wish;
use crate::store::recovery::Started;
use crate::store::shared::{Errand, Shared};

pub use pace::Pacing;
pub use receipt::{Receipt, Wait};
pub use shared::Durability;
pub use status::Status;

/// How long a close waits for writes that are queued already.
const QUEUE_DRAIN_MAX: Duration = Duration::from_secs(10);

/// How a store is opened.
pub struct Options {
    /// What makes a write durable before it is acknowledged.
    pub durability: Durability,
    /// How ids map to folders here: chosen when the memory was made.
    pub layout: Layout,
    /// The branch that is served.
    pub branch: String,
    /// Where commit times come from.
    pub clock: Clock,
    /// How often the branch may move.
    pub pacing: Pacing,
    /// How large a segment of the journal is.
    pub segment_bytes: usize,
    /// Sees every change of the disk; for tests.
    pub witness: Option<Arc<dyn Witness>>,
}

/// The store: a cheap handle that every door clones.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    seat: Arc<Seat>,
    /// For questions about history, and how many repacks it has seen.
    reader: Mutex<(Git, u64)>,
    threads: Mutex<Threads>,
}

/// The threads, in the order in which they end.
#[derive(Default)]
struct Threads {
    folder: Option<JoinHandle<()>>,
    committer: Option<JoinHandle<()>>,
    publisher: Option<JoinHandle<()>>,
    maintenance: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
}

impl Store {
    /// Opens a folder: takes its lock, brings back what a crash left in the journal, adopts what people did meanwhile,
    /// and begins to serve. Refuses a folder that is no repository of its own, and one that another daemon serves.
    pub fn open(folder: &Path, options: Options) -> Result<Self, Error> {
        let Started {
            shared,
            reader,
            committer,
            publisher,
            mut folder,
        } = recovery::start(folder, options)?;
        let (ready, is_ready) = mpsc::channel();
        let look_after = move || {
            folder.first_look();
            let _ = ready.send(());
            folder.run();
        };
        let seat = Arc::new(Seat::new(committer));
        let seated = Arc::clone(&seat);
        let (close, closed) = mpsc::channel();
        let maintained = Arc::clone(&shared);
        let maintain = move || maintenance::run(&maintained, &closed);
        let threads = Threads {
            publisher: Some(spawn("publisher", move || publisher.run())?),
            committer: Some(spawn("committer", move || seated.run())?),
            folder: Some(spawn("folder", look_after)?),
            maintenance: Some((close, spawn("maintenance", maintain)?)),
        };
        // What people did while nobody served is part of the first answer.
        let _ = is_ready.recv();
        Ok(Self(Arc::new(Inner {
            shared,
            seat,
            reader: Mutex::new((reader, 0)),
            threads: Mutex::new(threads),
        })))
    }

    /// The memory as of the last acknowledged write. No lock, no disk.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.0.shared.snapshot.load_full()
    }

    /// How ids map to folders here.
    pub fn layout(&self) -> Layout {
        self.0.shared.layout
    }

    /// Hands an edit to the committer. `reply` is called once, from a thread of the store: it must be quick.
    pub fn submit(
        &self,
        edit: Edit,
        wait: Wait,
        reply: impl FnOnce(Result<Receipt, Error>) + Send + 'static,
    ) {
        self.0.shared.queue.push(Wish::Edit {
            edit: Box::new(edit),
            wait,
            reply: Box::new(reply),
        });
    }

    /// Has an edit committed, on this thread if nobody else commits, and waits for the answer.
    pub fn write(&self, edit: Edit, wait: Wait) -> Result<Receipt, Error> {
        let (sender, receiver) = mpsc::channel();
        self.0.seat.grant(Wish::Edit {
            edit: Box::new(edit),
            wait,
            reply: Box::new(move |result| drop(sender.send(result))),
        });
        receiver
            .recv()
            .unwrap_or_else(|_| Err(Fault::new("write", "the committer has ended").into()))
    }

    /// What the store can say of itself.
    pub fn status(&self) -> Status {
        status::of(&self.0.shared)
    }

    /// Nothing is shown until [`release`](Self::release) or until the time is over, at most ten minutes.
    pub fn hold(&self, by: &str, seconds: u64) -> Result<(), Error> {
        hold::hold(&self.0.shared, by, seconds)?;
        self.0.shared.send(Errand::Hold);
        Ok(())
    }

    /// Ends a hold.
    pub fn release(&self) -> Result<(), Error> {
        hold::release(&self.0.shared)?;
        self.0.shared.send(Errand::Hold);
        Ok(())
    }

    /// The bytes that its disk still has room for; none when that cannot be told.
    pub fn room_bytes(&self) -> Option<u64> {
        self.0.shared.disk.room_bytes().ok()
    }

    /// The folder that is served.
    pub fn path(&self) -> &Path {
        self.0.shared.disk.path()
    }

    /// The memory as it was at a moment, along the line it took itself; of the files only those in some folders, which
    /// end in a slash. None before its first commit. It reads git, file by file.
    pub fn snapshot_at(
        &self,
        moment: Seconds,
        folders: &[&str],
    ) -> Result<Option<Snapshot>, Error> {
        let newest = self.published()?;
        if newest == Snapshot::empty().revision {
            return Ok(None);
        }
        self.read(|git| loading::load_at(git, newest, moment, folders))
    }

    /// The files at which a commit differs from the memory as it is; none when git does not know the commit.
    pub fn changed_since(&self, revision: Revision) -> Result<Option<Vec<RepoPath>>, Error> {
        let newest = self.published()?;
        self.read(|git| {
            if !git.has(revision.0)? {
                return Ok(None);
            }
            let differences = git.differences(Some(revision), newest)?.into_iter();
            let paths = differences.filter_map(|difference| head::served(&difference.path));
            Ok(Some(paths.collect()))
        })
    }

    /// The published commits that touch one of these paths, or something below one of these folders, newest first. An
    /// empty one means all.
    pub fn log(
        &self,
        prefixes: &[String],
        limit: usize,
        offset: usize,
    ) -> Result<Vec<Commit>, Error> {
        let newest = self.published()?;
        if newest == Snapshot::empty().revision {
            return Ok(Vec::new());
        }
        self.read(|git| git.log(newest, prefixes, (offset, limit)))
    }

    /// The same of the commits that added or removed a phrase below the prefixes, each with how much more often it stands
    /// there since. It reads every text that changed, so it takes its time.
    pub fn log_of_phrase(
        &self,
        prefixes: &[String],
        phrase: &Phrase,
        limit: usize,
        offset: usize,
    ) -> Result<Vec<(Commit, isize)>, Error> {
        let newest = self.published()?;
        if newest == Snapshot::empty().revision {
            return Ok(Vec::new());
        }
        self.read(|git| git.log_of_phrase(newest, prefixes, phrase, (offset, limit)))
    }

    /// One commit, if it is in the history of the memory.
    pub fn commit(&self, revision: Revision) -> Result<Option<Commit>, Error> {
        let newest = self.published()?;
        self.read(|git| match git.commit(revision)? {
            Some(_) if git.contains(newest, revision)? => git.described(revision).map(Some),
            _ => Ok(None),
        })
    }

    /// The text of a file at a revision; none when it has no such file.
    pub fn text_at(
        &self,
        revision: Revision,
        path: &RepoPath,
    ) -> Result<Option<(BlobId, Arc<str>)>, Error> {
        self.published()?;
        self.read(|git| {
            let leaf = git
                .leaf_at(revision, path.as_str().as_bytes())?
                .filter(|leaf| leaf.mode.is_file());
            let Some(blob) = leaf.map(|leaf| BlobId(leaf.id)) else {
                return Ok(None);
            };
            Ok(String::from_utf8(git.blob(blob)?)
                .ok()
                .map(|text| (blob, text.into())))
        })
    }

    /// A unified diff of what changed below `prefix` between two revisions; from nothing, where the first is not given.
    pub fn diff(
        &self,
        from: Option<Revision>,
        to: Revision,
        prefix: &str,
    ) -> Result<String, Error> {
        self.published()?;
        self.read(|git| git.diff(from, to, prefix))
    }

    /// Resolves a full or abbreviated id, `HEAD`, `HEAD~2` or a branch.
    pub fn resolve(&self, name: &str) -> Result<Option<Revision>, Error> {
        let newest = self.published()?;
        self.read(|git| {
            Ok(if name == "HEAD" {
                Some(newest)
            } else {
                git.resolve(name)
            })
        })
    }

    /// Who edits this folder: git's config, else the user of this computer.
    pub fn person(&self) -> Author {
        let configured = self.read(|git| Ok(git.configured_person())).ok().flatten();
        configured.unwrap_or_else(|| self.0.shared.person.clone())
    }

    /// Drains the queue, publishes and shows everything, ends the threads and releases the lock. Later writes are refused.
    pub fn close(&self) -> Result<(), Error> {
        let shared = &self.0.shared;
        shared.queue.close_to_callers();
        let deadline = Instant::now() + QUEUE_DRAIN_MAX;
        while shared.queue.len() > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        let mut threads = self
            .0
            .threads
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        shared.send(Errand::Stop);
        let join = |thread: Option<JoinHandle<()>>| match thread.map(JoinHandle::join) {
            Some(Err(_)) => Err(Fault::new("stop", "a thread of the store has panicked")),
            _ => Ok(()),
        };
        let folder = join(threads.folder.take());
        shared.queue.close();
        let committer = join(threads.committer.take());
        shared.backlog.close();
        let publisher = join(threads.publisher.take());
        let maintenance = threads.maintenance.take().map(|(close, thread)| {
            drop(close);
            thread
        });
        let maintenance = join(maintenance);
        recovery::stop(shared)?;
        Ok(folder.and(committer).and(publisher).and(maintenance)?)
    }

    /// The head, when git has it: what history is read from. Acknowledged writes are packed first.
    fn published(&self) -> Result<Revision, Error> {
        let wanted = self.snapshot().revision;
        let shared = &self.0.shared;
        if shared.progress.published().revision != wanted && !shared.backlog.drain(QUEUE_DRAIN_MAX)
        {
            return Err(Fault::new(
                "read history",
                "acknowledged writes cannot be packed at the moment",
            )
            .into());
        }
        Ok(shared.progress.published().revision)
    }

    fn read<T>(&self, question: impl FnOnce(&Git) -> Result<T, Fault>) -> Result<T, Error> {
        let mut reader = self.0.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let (git, repacks) = &mut *reader;
        self.0.shared.reopen_after_repack(git, repacks)?;
        Ok(question(git)?)
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Fault> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .doing("start a thread")
}
