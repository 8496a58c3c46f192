//! A witness that makes operations fail, remembers all of them, and builds the disk as a power cut would leave it.
//!
//! What was not flushed when the power went survives in any part: a name by a coin, a write sector by sector, and a
//! sector that was being written may hold anything. What a failed flush was for survives by a coin even when a later
//! flush of the same file succeeds.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::Mutex;

use crate::backend::disk::{Operation, Place, Verdict, Witness};

const SECTOR_BYTES: usize = 512;

/// How an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    Broken,
    Full,
    /// A write stops half-way; anything else finds the disk full.
    Short,
}

/// Tells which operations fail, by their number.
pub(super) type Plan = Box<dyn Fn(usize) -> Option<Failure> + Send + Sync>;

pub(super) struct Tape {
    plan: Plan,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    operations: usize,
    changes: Vec<(Change, Certainty)>,
    /// Which file each name leads to at the moment.
    names: HashMap<String, usize>,
    /// Files of which a write or a flush failed in this process.
    poisoned: HashSet<usize>,
}

enum Change {
    Folder(String),
    Create {
        path: String,
        file: usize,
    },
    Rename {
        from: String,
        to: String,
        file: usize,
    },
    Remove {
        path: String,
    },
    Write {
        file: usize,
        at: usize,
        bytes: Vec<u8>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Certainty {
    Pending,
    Durable,
    /// The flush for it failed, and no later one will tell.
    Doubtful,
}

impl Witness for Tape {
    fn judge(&self, operation: &Operation<'_>) -> Verdict {
        let mut log = self.log.lock().unwrap();
        log.operations += 1;
        let failure = (self.plan)(log.operations);
        log.note(operation, failure);
        match (failure, operation) {
            (None, _) => Verdict::Proceed,
            (Some(Failure::Short), Operation::Write { bytes, .. }) => {
                Verdict::Short(bytes.len() / 2)
            }
            (Some(Failure::Broken), _) => Verdict::Fail(io::Error::other("injected")),
            (Some(Failure::Full | Failure::Short), _) => {
                Verdict::Fail(io::ErrorKind::StorageFull.into())
            }
        }
    }
}

impl Tape {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            plan,
            log: Mutex::default(),
        }
    }

    pub(super) fn operations(&self) -> usize {
        self.log.lock().unwrap().operations
    }

    /// Says that a new process has started.
    pub(super) fn restart(&self) {
        self.log.lock().unwrap().poisoned.clear();
    }

    /// Makes `git` the directory that a cut at this moment would leave, as far as the journal has changed it.
    pub(super) fn cut_into(&self, git: &Path, mut coin: impl FnMut() -> bool) {
        let log = self.log.lock().unwrap();
        let (mut folders, mut names, mut files) = (HashSet::new(), HashMap::new(), HashMap::new());
        for (change, certainty) in &log.changes {
            let mut survives = || *certainty == Certainty::Durable || coin();
            match change {
                Change::Write { file, at, bytes } => {
                    write(files.entry(*file).or_default(), *at, bytes, survives)
                }
                _ if !survives() => {}
                Change::Folder(path) => drop(folders.insert(path)),
                Change::Create { path, file } => drop(names.insert(path, *file)),
                Change::Remove { path } => drop(names.remove(path)),
                Change::Rename { from, to, file } => {
                    names.retain(|name, standing| (*name, &*standing) != (from, file));
                    names.insert(to, *file);
                }
            }
        }
        if ["memoryd", "memoryd/journal"]
            .iter()
            .all(|folder| folders.contains(&folder.to_string()))
        {
            std::fs::create_dir_all(git.join("memoryd/journal")).unwrap();
            for (path, file) in names {
                std::fs::write(git.join(path), files.remove(&file).unwrap_or_default()).unwrap();
            }
        }
    }
}

fn write(file: &mut Vec<u8>, at: usize, bytes: &[u8], mut survives: impl FnMut() -> bool) {
    for (index, sector) in bytes.chunks(SECTOR_BYTES).enumerate() {
        // A write that starts within a sector puts all of that sector at risk.
        let at = at + index * SECTOR_BYTES;
        let (start, end) = (at / SECTOR_BYTES * SECTOR_BYTES, at + sector.len());
        if survives() {
            file.resize(file.len().max(end), 0);
            file[at..end].copy_from_slice(sector);
        } else if end <= file.len() && survives() && survives() {
            file[start..end].fill(b'?');
        }
    }
}

impl Log {
    fn note(&mut self, operation: &Operation<'_>, failure: Option<Failure>) {
        let path = |place: &Place<'_>| place.1.to_owned();
        let change = match operation {
            Operation::SyncFile(place) => return self.settle_file(self.names[place.1], failure),
            Operation::SyncFolder(place) => return self.settle_folder(place.1, failure),
            Operation::Write { file, at, bytes } if failure == Some(Failure::Short) => {
                let (file, at) = (self.names[file.1], *at as usize);
                self.changes.push((
                    Change::Write {
                        file,
                        at,
                        bytes: bytes[..bytes.len() / 2].to_vec(),
                    },
                    Certainty::Pending,
                ));
                self.poisoned.insert(file);
                return;
            }
            Operation::Write { file, .. } if failure.is_some() => {
                self.poisoned.insert(self.names[file.1]);
                return;
            }
            _ if failure.is_some() => return,
            Operation::Write { file, at, bytes } => Change::Write {
                file: self.names[file.1],
                at: *at as usize,
                bytes: bytes.to_vec(),
            },
            Operation::MakeFolder(place) => Change::Folder(path(place)),
            Operation::Create(place) => Change::Create {
                path: path(place),
                file: self.operations,
            },
            Operation::Remove(place) => Change::Remove { path: path(place) },
            Operation::Rename { from, to } | Operation::RenameNew { from, to } => {
                let Some(file) = self.names.get(from.1) else {
                    return;
                };
                Change::Rename {
                    from: path(from),
                    to: path(to),
                    file: *file,
                }
            }
            other => panic!("the journal does not do this: {other:?}"),
        };
        if let Change::Write { file, .. } = change {
            assert!(
                !self.poisoned.contains(&file),
                "a file is written after a write or flush of it failed"
            );
        }
        self.rename(&change);
        self.changes.push((change, Certainty::Pending));
    }

    fn rename(&mut self, change: &Change) {
        match change {
            Change::Create { path, file } => drop(self.names.insert(path.clone(), *file)),
            Change::Remove { path } => drop(self.names.remove(path)),
            Change::Rename { from, to, file } => {
                self.names.remove(from);
                self.names.insert(to.clone(), *file);
            }
            Change::Folder(_) | Change::Write { .. } => {}
        }
    }

    fn settle_file(&mut self, synced: usize, failure: Option<Failure>) {
        self.poisoned.extend(failure.is_some().then_some(synced));
        self.settle(
            failure,
            |change| matches!(change, Change::Write { file, .. } if *file == synced),
        );
    }

    fn settle_folder(&mut self, synced: &str, failure: Option<Failure>) {
        let within = |path: &str| path.rsplit_once('/').map_or("", |(folder, _)| folder) == synced;
        self.settle(failure, |change| match change {
            Change::Folder(path) | Change::Create { path, .. } | Change::Remove { path } => {
                within(path)
            }
            Change::Rename { to, .. } => within(to),
            Change::Write { .. } => false,
        });
    }

    fn settle(&mut self, failure: Option<Failure>, concerns: impl Fn(&Change) -> bool) {
        let after = if failure.is_some() {
            Certainty::Doubtful
        } else {
            Certainty::Durable
        };
        for (change, certainty) in self
            .changes
            .iter_mut()
            .filter(|(change, _)| concerns(change))
        {
            // Without its folder there would be no journal to speak of: that much a directory's sync must be good for.
            let is_folder = matches!(change, Change::Folder(_));
            if *certainty == Certainty::Pending || is_folder && failure.is_none() {
                *certainty = after;
            }
        }
    }
}
