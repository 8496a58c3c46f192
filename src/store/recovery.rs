//! Starting and stopping: from whatever the last run, a crash, a power cut or people left, to a store that serves.
//!
//! The order matters. The lock comes first, so that nobody else is at work here. Locks that this program left behind are
//! removed next, then damage is repaired that would keep git from reading at all. The journal is replayed onto
//! `refs/memoryd/head`, and what it brings back is published before anything else happens. Only then is the folder
//! looked at: by that time every text that was ever acknowledged is in git, so whatever differs on disk is a person's.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};

use crate::backend::clock::Clock;
use crate::backend::disk::{Disk, Place, Root};
use crate::backend::git::{self, Git};
use crate::backend::journal::Journal;
use crate::backend::refs::{self, OwnRef};
use crate::backend::{lease, person};
use crate::model::error::{Doing, Error, Fault, Rejection};
use crate::model::object::Revision;
use crate::model::snapshot::Snapshot;
use crate::store::Options;
use crate::store::backlog::Backlog;
use crate::store::bases::Bases;
use crate::store::committer::Committer;
use crate::store::folder::{Folder, SHOWN};
use crate::store::head::Head;
use crate::store::pace::Pace;
use crate::store::progress::{Mark, Progress};
use crate::store::publisher::{HEAD, Publisher};
use crate::store::queue::Queue;
use crate::store::receipt::Receipts;
use crate::store::shared::{self, Dirty, Errand, Notices, Shared};
use crate::store::{hold, last_run, loading, maintenance, renamed, repair, replay, shower};

/// A store whose threads have not started.
pub(crate) struct Started {
    pub(crate) shared: Arc<Shared>,
    pub(crate) reader: Git,
    pub(crate) committer: Committer,
    pub(crate) publisher: Publisher,
    pub(crate) folder: Folder,
}

/// Git's own maintenance would take packs away while they are being put in place; the daemon repacks itself.
const OWN_MAINTENANCE: [(&str, &str); 2] = [("gc.auto", "0"), ("maintenance.auto", "false")];

/// What keeps line-ending conversion, filters and keyword expansion off the memory's texts.
const ATTRIBUTES: &str = "\
    *.md -text -filter -ident -working-tree-encoding\n\
    *.txt -text -filter -ident -working-tree-encoding\n\
    *.json -text -filter -ident -working-tree-encoding\n\
    *.yaml -text -filter -ident -working-tree-encoding\n\
    *.yml -text -filter -ident -working-tree-encoding\n\
    *.csv -text -filter -ident -working-tree-encoding\n\
    *.xml -text -filter -ident -working-tree-encoding\n\
    memoryd.toml -text -filter -ident -working-tree-encoding\n";
/// What of the daemon's lies in the work tree.
const EXCLUDES: &str = ".memoryd/\n";

/// Brings a folder to the point where its threads can start.
pub(crate) fn start(folder: &Path, options: Options) -> Result<Started, Error> {
    lease::ignore_break_signal();
    let disk = Arc::new(open_disk(folder, &options)?);
    refuse_unknown_formats(disk.path())?;
    let configured = format!("refs/heads/{}", options.branch);
    let branch = renamed::new_name(&disk, &configured)?.unwrap_or(configured);
    shower::prepare(&disk)?;
    let last = last_run::read(&disk)?;
    let git = mended(&disk, &branch)?;
    let tips = Tips::read(&disk, &branch)?;
    let head = loading::load(&disk, &git, tips.start())?;
    let is_new = tips.head.at().is_none();
    let (sender, errands) = mpsc::channel();
    let (shared, shown) = share(disk, options, (branch, tips), (&head, sender));
    if is_new && head.revision() != Snapshot::empty().revision {
        // People's git does not sync what it writes: a ref of ours must not outlive a commit of theirs.
        shared
            .disk
            .sync_file_system()
            .doing("make people's commits durable")?;
        shared.move_head(head.revision())?;
    }
    hold::install_hook(&shared)?;
    maintenance::keep_gc_away(&shared)?;
    let another_git = || Git::open(shared.disk.path());
    let mut publisher = Publisher::new(Arc::clone(&shared), another_git()?);
    let (head, journal, sequence) = replay::replay(&shared, &git, head, &mut publisher)?;
    let publisher = publisher.with_preparer(journal.as_ref().map(Journal::preparer));
    let receipts = Receipts::from_history(&git, &shared, head.revision())?;
    let committer = Committer::new(
        Arc::clone(&shared),
        another_git()?,
        head,
        (journal, sequence),
    );
    let mut folder = Folder::new(Arc::clone(&shared), another_git()?, errands, shown);
    folder.last_run = Some(last);
    folder.bases = Bases::load(&shared.disk, last.was_cut)?;
    Ok(Started {
        reader: git,
        committer: committer.with_receipts(receipts),
        publisher,
        folder,
        shared,
    })
}

/// The repository, once git can read it and leaves it alone.
fn mended(disk: &Disk, branch: &str) -> Result<Git, Error> {
    repair::remove_dead_locks(disk, branch)?;
    repair::fill_lost_files(disk, branch)?;
    let git = Git::open(disk.path())?;
    repair::index_orphan_packs(disk, &git)?;
    repair::mend_index(disk, &git)?;
    configure(disk, &git)?;
    Ok(git)
}

/// What the threads share, as it stands before any of them has started; and the ref of what was shown, which is the
/// folder's thread's own.
fn share(
    disk: Arc<Disk>,
    options: Options,
    (branch, tips): (String, Tips),
    (head, errands): (&Head, Sender<Errand>),
) -> (Arc<Shared>, OwnRef) {
    let mark = |revision| Mark {
        sequence: 0,
        revision,
    };
    let shown = tips.shown.at().unwrap_or(Snapshot::empty().revision);
    let shared = Shared {
        person: person::at_this_computer(),
        durability: options.durability,
        clock: Clock::clone(&options.clock),
        layout: options.layout,
        segment_bytes: options.segment_bytes,
        branch: shared::current(branch),
        snapshot: shared::current(head.snapshot().clone()),
        queue: Queue::default(),
        backlog: Backlog::default(),
        progress: Progress::new(mark(head.revision()), mark(shown)),
        pace: Pace::new(options.pacing),
        dirty: Dirty::default(),
        notices: Notices::default(),
        repacks: AtomicU64::new(0),
        syncs: AtomicU64::new(0),
        has_begun: AtomicBool::new(false),
        head: Mutex::new(tips.head),
        folder: Mutex::new(errands),
        disk,
    };
    (Arc::new(shared), tips.shown)
}

/// Leaves the folder as a clean stop should.
pub(crate) fn stop(shared: &Shared) -> Result<(), Fault> {
    // What a full disk has no room for, the next start does without.
    let written = loading::write_down(&shared.disk, &shared.snapshot.load())
        .and_then(|()| last_run::sync(shared, true));
    if let Err(fault) = written {
        tracing::warn!(%fault, "the next start takes a little longer");
    }
    let released = maintenance::let_gc_run(shared);
    let unlocked = shared.disk.unlock().doing("release the folder's lock");
    released.and(unlocked)
}

fn open_disk(folder: &Path, options: &Options) -> Result<Disk, Error> {
    let refused = |reason: &str| {
        let message = format!("{} {reason}", folder.display());
        Error::from(Rejection::validation(message))
    };
    let disk = Disk::open(folder).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound if folder.exists() => {
            refused("is no git repository; memoryd init makes it one")
        }
        std::io::ErrorKind::NotFound => refused("does not exist; memoryd init makes it"),
        std::io::ErrorKind::NotADirectory => {
            refused("has no .git directory of its own: it is a linked work tree or a submodule; serve a clone of it")
        }
        _ => Fault::new(format!("open {}", folder.display()), error).into(),
    })?;
    if !disk.lock().doing("lock the folder")? {
        return Err(Rejection::Busy {
            reason: "another memoryd serves this folder",
        }
        .into());
    }
    Ok(match &options.witness {
        Some(witness) => disk.with_witness(Arc::clone(witness)),
        None => disk,
    })
}

/// Nothing is touched, and git not even opened, before this: our git cannot read every repository.
fn refuse_unknown_formats(folder: &Path) -> Result<(), Error> {
    let is = |key: &str, value: &str| {
        git::config_in(folder, key).is_none_or(|set| set.eq_ignore_ascii_case(value))
    };
    let refused = |reason: &str| Err(Rejection::validation(reason).into());
    match () {
        () if !is("extensions.objectformat", "sha1") => {
            refused("This repository uses SHA-256 ids; memoryd reads SHA-1 repositories")
        }
        () if !is("extensions.refstorage", "files") => {
            refused("This repository keeps its refs in reftable; memoryd reads ref files")
        }
        () if !is("core.bare", "false") => {
            refused("This repository is bare; memoryd serves one with a work tree")
        }
        () => Ok(()),
    }
}

/// Keeps git's maintenance and conversions away from the memory.
fn configure(disk: &Disk, git: &Git) -> Result<(), Fault> {
    for (key, value) in OWN_MAINTENANCE {
        if git.config(key).as_deref() != Some(value) {
            git.set_config(key, value)?;
        }
    }
    add_lines(disk, "info/attributes", ATTRIBUTES)?;
    add_lines(disk, "info/exclude", EXCLUDES)
}

fn add_lines(disk: &Disk, path: &str, lines: &str) -> Result<(), Fault> {
    let place = Place(Root::Git, path);
    let standing = disk
        .read(place)
        .doing("read the repository's info")?
        .unwrap_or_default();
    let mut text = String::from_utf8_lossy(&standing).into_owned();
    if text.contains(lines) {
        return Ok(());
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(lines);
    disk.make_folders(place.parent())
        .doing("make the repository's info directory")?;
    disk.replace(place, text.as_bytes())
        .doing("write the repository's info")
}

/// Where the refs are.
struct Tips {
    head: OwnRef,
    shown: OwnRef,
    branch: Option<Revision>,
}

impl Tips {
    fn read(disk: &Disk, branch: &str) -> Result<Self, Fault> {
        let (head, shown) = (OwnRef::read(disk, HEAD)?, OwnRef::read(disk, SHOWN)?);
        Ok(Self {
            head,
            shown,
            branch: refs::read(disk, branch)?,
        })
    }

    fn start(&self) -> Option<Revision> {
        self.head.at().or(self.shown.at()).or(self.branch)
    }
}
