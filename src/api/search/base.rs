//! The index beside the memory: opened or made anew at the start, and brought along by a thread of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::backend::search_index::{Change, IndexedFile, SearchIndex, Searcher, folder};
use crate::model::digest::Digest;
use crate::model::error::{Doing, Error, Fault};
use crate::model::limits::INDEX_ROOM_BYTES_MIN;
use crate::model::object::Revision;
use crate::model::path::{Layout, RepoPath};
use crate::model::search::language::Language;
use crate::model::snapshot::{Seconds, Snapshot};
use crate::store::Store;

use super::Sight;
use super::pending::{PendingFile, file_terms};

/// How often the thread looks whether the memory has gone on.
const LOOK: Duration = Duration::from_millis(200);
/// The index is brought along when so many files changed, or at this age.
const PENDING_FILES: usize = 256;
const PENDING_AGE: Duration = Duration::from_secs(1);
/// After that the thread rests for so many times as long: under a stream of writes it takes a part of one core.
const REST: u32 = 3;
/// Files between two lines that say how far a new index is.
const PROGRESS_FILES: usize = 20_000;

/// Searches a memory; one for all its doors.
pub struct Search {
    store: Store,
    language: Language,
    index: SearchIndex,
    state: Mutex<State>,
    /// Held while the index is brought along.
    updating: Mutex<()>,
    thread: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

/// The index, and what has changed since.
struct State {
    searcher: Arc<Searcher>,
    /// The memory that the index has.
    indexed: Revision,
    /// Up to where the changes are known.
    seen: Arc<Snapshot>,
    pending: BTreeMap<RepoPath, Arc<PendingFile>>,
    pending_since: Option<Instant>,
}

/// All that one search needs, of one moment.
pub(super) struct Moment {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) searcher: Arc<Searcher>,
    /// The files in sight that the index does not have as they are.
    pub(super) pending: Vec<Arc<PendingFile>>,
}

impl Search {
    /// Opens the index of a memory and brings it along, which for a new one takes a second for some ten thousand files.
    pub fn open(store: Store, language: Language) -> Result<Arc<Self>, Error> {
        let snapshot = store.snapshot();
        let index = match on_disk(&store, &snapshot, language) {
            Ok(index) => index,
            Err(error) => {
                let place = folder(store.path());
                if !is_behind_a_link(&place) {
                    // What there is of it must not take the room that writes need.
                    drop(std::fs::remove_dir_all(place));
                }
                tracing::warn!(%error, "the search index is kept in RAM until the next start");
                let index = SearchIndex::open(None)?.0;
                index_all(&index, &store, &snapshot, language)?;
                index
            }
        };
        let searcher = Arc::new(index.searcher()?);
        let search = Arc::new(Self {
            state: Mutex::new(State {
                searcher,
                indexed: snapshot.revision,
                seen: snapshot,
                pending: BTreeMap::new(),
                pending_since: None,
            }),
            store,
            language,
            index,
            updating: Mutex::new(()),
            thread: Mutex::new(None),
        });
        search.start()?;
        Ok(search)
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// What words in Latin letters are taken for.
    pub fn language(&self) -> Language {
        self.language
    }

    /// The memory as it is now, and what the index lacks of it in a caller's sight.
    pub(super) fn moment(&self, sight: &Sight) -> Moment {
        let state = self.seen();
        let in_sight = |folder: &str| {
            let folder = folder.to_owned();
            let from = state.pending.range::<str, _>((
                std::ops::Bound::Included(folder.as_str()),
                std::ops::Bound::Unbounded,
            ));
            let inside = from.take_while(|(path, _)| path.as_str().starts_with(&folder));
            inside.map(|(_, file)| Arc::clone(file)).collect::<Vec<_>>()
        };
        let pending = sight.folders().flat_map(in_sight).collect();
        Moment {
            snapshot: Arc::clone(&state.seen),
            searcher: Arc::clone(&state.searcher),
            pending,
        }
    }

    /// The files in sight as they were at a moment, as if the index had none of them.
    pub(super) fn past(&self, now: Moment, sight: &Sight, at: Seconds) -> Result<Moment, Error> {
        let folders: Vec<_> = sight.folders().collect();
        let past = self.store.snapshot_at(at, &folders)?;
        let snapshot = Arc::new(past.unwrap_or_else(Snapshot::empty));
        let files = snapshot.files().map(|(path, file)| {
            let file = Some(Arc::clone(file));
            Arc::new(PendingFile::new(
                path.clone(),
                file,
                self.store.layout(),
                self.language,
            ))
        });
        Ok(Moment {
            pending: files.collect(),
            snapshot: Arc::clone(&snapshot),
            searcher: now.searcher,
        })
    }

    /// Brings the index along, ends the thread, and leaves the index as the next start wants it.
    pub fn close(&self) -> Result<(), Error> {
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some((stop, thread)) = thread {
            drop(stop);
            drop(thread.join());
        }
        if !has_room(&self.store) {
            return Ok(());
        }
        self.bring_along()
    }

    /// Takes everything that changed into the index.
    pub(super) fn bring_along(&self) -> Result<(), Error> {
        let _updating = self.updating.lock().unwrap_or_else(PoisonError::into_inner);
        let (snapshot, changed) = {
            let state = self.seen();
            if state.indexed == state.seen.revision {
                return Ok(());
            }
            let changed: Vec<_> = state.pending.keys().cloned().collect();
            (Arc::clone(&state.seen), changed)
        };
        let changes = changes(&snapshot, &changed, (self.store.layout(), self.language));
        self.index
            .update(changes, &stamp_of(snapshot.revision, self.language))?;
        let searcher = Arc::new(self.index.searcher()?);
        let mut state = self.lock();
        state.pending.clear();
        state.pending_since = None;
        let newest = std::mem::replace(&mut state.seen, snapshot);
        (state.searcher, state.indexed) = (searcher, state.seen.revision);
        self.see(&mut state, newest);
        Ok(())
    }

    /// The state with every change up to now.
    fn seen(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        // Under the lock: of two searches the later one never sees the older memory.
        self.see(&mut state, self.store.snapshot());
        state
    }

    fn see(&self, state: &mut State, newest: Arc<Snapshot>) {
        if Arc::ptr_eq(&state.seen, &newest) {
            return;
        }
        for path in state.seen.changed_until(&newest) {
            let file = newest.get(path).cloned();
            let pending = PendingFile::new(path.clone(), file, self.store.layout(), self.language);
            state.pending.insert(path.clone(), Arc::new(pending));
        }
        if !state.pending.is_empty() {
            state.pending_since.get_or_insert_with(Instant::now);
        }
        state.seen = newest;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(self: &Arc<Self>) -> Result<(), Fault> {
        let (stop, stopped) = mpsc::channel();
        let search = Arc::downgrade(self);
        let thread = std::thread::Builder::new()
            .name("search".to_owned())
            .spawn(move || follow(&search, &stopped))
            .doing("start the search thread")?;
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some((stop, thread));
        Ok(())
    }

    fn is_due(&self) -> bool {
        let state = self.seen();
        let is_old = state
            .pending_since
            .is_some_and(|since| since.elapsed() >= PENDING_AGE);
        is_old || state.pending.len() >= PENDING_FILES
    }
}

/// Brings the index along until nobody searches any more.
fn follow(search: &Weak<Search>, stopped: &Receiver<()>) {
    let mut rest = LOOK;
    while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(rest) {
        rest = LOOK;
        let Some(search) = search.upgrade() else {
            return;
        };
        if search.is_due() {
            let began = Instant::now();
            if !has_room(&search.store) {
                continue;
            }
            if let Err(error) = search.bring_along() {
                // Searches read from the memory what the index does not have.
                tracing::warn!(%error, "the search index is not brought along");
            }
            rest = LOOK.max(began.elapsed() * REST);
        }
    }
}

/// The index that lies beside a memory, brought along to a snapshot, or made anew.
fn on_disk(store: &Store, snapshot: &Snapshot, language: Language) -> Result<SearchIndex, Error> {
    let place = folder(store.path());
    if is_behind_a_link(&place) {
        return Err(Fault::new("open the search index", "a link stands at .memoryd").into());
    }
    if !has_room(store) {
        return Err(Fault::new("open the search index", "the disk is nearly full").into());
    }
    let (index, stamp) = SearchIndex::open(Some(&place))?;
    let indexed = stamp
        .as_deref()
        .and_then(|stamp| revision_of(stamp, language));
    let changed = match indexed {
        Some(revision) if revision == snapshot.revision => return Ok(index),
        Some(revision) => store.changed_since(revision)?,
        None => None,
    };
    if let Some(changed) = changed {
        let changes = changes(snapshot, &changed, (store.layout(), language));
        index.update(changes, &stamp_of(snapshot.revision, language))?;
        return Ok(index);
    }
    if stamp.is_none() {
        index_all(&index, store, snapshot, language)?;
        return Ok(index);
    }
    // Of a memory that is not known any more, nothing in the index can be trusted.
    drop(index);
    std::fs::remove_dir_all(&place).doing("remove the old search index")?;
    let (index, _) = SearchIndex::open(Some(&place))?;
    index_all(&index, store, snapshot, language)?;
    Ok(index)
}

fn has_room(store: &Store) -> bool {
    store
        .room_bytes()
        .is_none_or(|bytes| bytes >= INDEX_ROOM_BYTES_MIN)
}

/// A link that came with somebody's commit would have us write where it leads.
fn is_behind_a_link(place: &Path) -> bool {
    let is_link = |path: &Path| path.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
    place.ancestors().take(2).any(is_link)
}

/// Takes every file into an empty index.
fn index_all(
    index: &SearchIndex,
    store: &Store,
    snapshot: &Snapshot,
    language: Language,
) -> Result<(), Fault> {
    let all: Vec<_> = snapshot.files().map(|(path, _)| path.clone()).collect();
    let changes = changes(snapshot, &all, (store.layout(), language));
    index.update(
        reported(changes, all.len()),
        &stamp_of(snapshot.revision, language),
    )
}

fn changes<'a>(
    snapshot: &'a Snapshot,
    changed: &'a [RepoPath],
    (layout, language): (Layout, Language),
) -> impl Iterator<Item = Change<'a>> {
    changed.iter().map(move |path| {
        let file = snapshot.get(path).map(|file| IndexedFile {
            scope: scope_key(layout.owner_folder(path).0),
            path: path.as_str(),
            blob: first_64(&file.blob.0.0),
            terms: file_terms(path, &file.text, layout, language),
        });
        Change {
            key: path_key(path),
            file,
        }
    })
}

/// Says now and then how far a long work is.
fn reported<'a>(
    changes: impl Iterator<Item = Change<'a>>,
    all: usize,
) -> impl Iterator<Item = Change<'a>> {
    changes.enumerate().map(move |(done, change)| {
        if done > 0 && done % PROGRESS_FILES == 0 {
            tracing::info!("the search index is made: {done} of {all} files");
        }
        change
    })
}

fn stamp_of(revision: Revision, language: Language) -> String {
    format!("{language:?} {revision}")
}

fn revision_of(stamp: &str, language: Language) -> Option<Revision> {
    let (written, revision) = stamp.split_once(' ')?;
    (written == format!("{language:?}")).then_some(())?;
    revision.parse().ok()
}

/// What tells a folder of an owner from all others.
pub(super) fn scope_key(folder: &str) -> u64 {
    first_64(&Digest::of(folder.as_bytes()).0)
}

/// What tells a file from all others.
pub(super) fn path_key(path: &RepoPath) -> u64 {
    first_64(&Digest::of(path.as_str().as_bytes()).0)
}

/// The first 64 bits of a digest.
pub(super) fn first_64(digest: &[u8]) -> u64 {
    let first = digest.first_chunk().copied().unwrap_or_default();
    u64::from_be_bytes(first)
}
