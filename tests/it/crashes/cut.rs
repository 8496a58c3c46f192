//! The disk as a power cut leaves it.
//!
//! What was synced is there. Of the rest any part may be: a name comes and goes, or not; bytes that were written are
//! there, or zeros in their place, or only some sectors of them, and the file may have its length or not. One thing holds:
//! changes of one name are not taken in another order than they were made, since they are changes of one directory.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::image::{Bytes, FileId, Image, Node};
use super::tape::Event;
use crate::chance::Chance;

const SECTOR_BYTES: usize = 512;

/// What is not durable yet.
#[derive(Debug, Clone)]
enum Pending {
    Names {
        sets: Vec<(String, Option<Node>)>,
        folders: Vec<String>,
    },
    Write {
        file: FileId,
        at: usize,
        bytes: Arc<[u8]>,
        is_doubtful: bool,
    },
}

/// A disk between two events: what is durable, and what is on its way.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    durable: Image,
    pending: Vec<Pending>,
}

/// How much of what is pending survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Survival {
    /// All of it: the process was killed, and the power stayed.
    All,
    Nothing,
    /// Each thing with this chance in a hundred.
    Percent(usize),
}

impl Survival {
    /// One of them.
    pub(super) fn choose(chance: &mut Chance) -> Self {
        *chance.pick(&[
            Self::All,
            Self::Nothing,
            Self::Percent(20),
            Self::Percent(60),
            Self::Percent(90),
        ])
    }
}

impl Ledger {
    pub(super) fn new(before: &Image) -> Self {
        Self {
            durable: before.clone(),
            pending: Vec::new(),
        }
    }

    /// Goes on by one event.
    pub(super) fn add(&mut self, event: &Event) {
        match event.clone() {
            Event::Names { sets, folders } => self.pending.push(Pending::Names { sets, folders }),
            Event::Write { file, at, bytes } => {
                self.pending.push(Pending::Write {
                    file,
                    at,
                    bytes,
                    is_doubtful: false,
                });
            }
            Event::SyncFile { file, failed } => self.sync_file(file, failed),
            Event::SyncFolder(folder) => self.sync_folder(&folder),
            Event::SyncFileSystem => self.sync_file_system(),
            Event::People { sets, files } => self.write_through(&sets, files),
        }
    }

    /// The disk after a cut now, and what was lost of it, in words.
    pub(super) fn cut(&self, survival: Survival, chance: &mut Chance) -> (Image, Vec<String>) {
        let mut image = self.durable.clone();
        let (mut lost, mut held) = (Vec::new(), HashSet::new());
        let survives = |chance: &mut Chance| match survival {
            Survival::All => true,
            Survival::Nothing => false,
            Survival::Percent(percent) => chance.below(100) < percent,
        };
        let mut writes: BTreeMap<FileId, Vec<Written>> = BTreeMap::new();
        for pending in &self.pending {
            match pending {
                Pending::Names { sets, .. } => {
                    let is_held = sets.iter().any(|(path, _)| is_held(&held, path));
                    if survives(chance) && !is_held {
                        sets.iter().for_each(|(path, node)| image.set(path, *node));
                    } else {
                        held.extend(sets.iter().map(|(path, _)| path.as_str()));
                        lost.push(format!("{sets:?}"));
                    }
                }
                Pending::Write {
                    file, at, bytes, ..
                } => writes.entry(*file).or_default().push((*at, bytes.clone())),
            }
        }
        for (file, writes) in writes {
            let durable = image.files.entry(file).or_default();
            let before = durable.clone();
            let how = if survives(chance) {
                "all"
            } else {
                torn(durable, &writes, survival, chance)
            };
            if how == "all" {
                *durable = before;
                writes
                    .iter()
                    .for_each(|(at, bytes)| durable.write(*at, bytes));
            } else {
                lost.push(format!(
                    "of what was written to file {file}, there is {how}"
                ));
            }
        }
        (image, lost)
    }

    fn sync_file(&mut self, synced: FileId, failed: bool) {
        for pending in std::mem::take(&mut self.pending) {
            match pending {
                Pending::Write {
                    file,
                    at,
                    bytes,
                    is_doubtful: false,
                } if file == synced => match failed {
                    true => self.pending.push(Pending::Write {
                        file,
                        at,
                        bytes,
                        is_doubtful: true,
                    }),
                    false => self.durable.write(file, at, &bytes),
                },
                other => self.pending.push(other),
            }
        }
    }

    fn sync_folder(&mut self, synced: &str) {
        let mut settled = Vec::new();
        for (index, pending) in self.pending.iter_mut().enumerate() {
            if let Pending::Names { folders, .. } = pending {
                folders.retain(|folder| folder != synced);
                settled.extend(folders.is_empty().then_some(index));
            }
        }
        self.settle(settled);
    }

    fn sync_file_system(&mut self) {
        for pending in std::mem::take(&mut self.pending) {
            match pending {
                Pending::Names { sets, .. } => sets
                    .iter()
                    .for_each(|(path, node)| self.durable.set(path, *node)),
                Pending::Write {
                    file,
                    at,
                    bytes,
                    is_doubtful: false,
                } => self.durable.write(file, at, &bytes),
                doubtful => self.pending.push(doubtful),
            }
        }
    }

    fn write_through(&mut self, sets: &[(String, Option<Node>)], files: Vec<(FileId, Bytes)>) {
        for (file, bytes) in files {
            self.pending.retain(
                |pending| !matches!(pending, Pending::Write { file: other, .. } if *other == file),
            );
            self.durable.files.insert(file, bytes);
        }
        self.pending.push(Pending::Names {
            sets: sets.to_vec(),
            folders: Vec::new(),
        });
        self.settle(vec![self.pending.len() - 1]);
    }

    /// Makes some changes of names durable, and those that came before them at the same names.
    fn settle(&mut self, mut settled: Vec<usize>) {
        let mut done = 0;
        while let Some(index) = settled.get(done).copied() {
            done += 1;
            let Pending::Names { sets, .. } = &self.pending[index] else {
                continue;
            };
            let names: HashSet<_> = sets.iter().map(|(path, _)| path.as_str()).collect();
            let removed: Vec<_> = sets
                .iter()
                .filter(|(_, node)| node.is_none())
                .map(|(path, _)| path)
                .collect();
            let concerns = |path: &str| {
                let is_below = |folder: &&String| {
                    path.strip_prefix(folder.as_str())
                        .is_some_and(|rest| rest.starts_with('/'))
                };
                names.contains(path) || removed.iter().any(is_below)
            };
            let earlier = self.pending[..index]
                .iter()
                .enumerate()
                .filter(|(_, pending)| match pending {
                    Pending::Names { sets, .. } => sets.iter().any(|(path, _)| concerns(path)),
                    Pending::Write { .. } => false,
                });
            settled.extend(
                earlier
                    .map(|(index, _)| index)
                    .filter(|index| !settled.contains(index))
                    .collect::<Vec<_>>(),
            );
        }
        let pending = std::mem::take(&mut self.pending);
        for (index, pending) in pending.into_iter().enumerate() {
            match pending {
                Pending::Names { sets, .. } if settled.contains(&index) => {
                    sets.iter()
                        .for_each(|(path, node)| self.durable.set(path, *node));
                }
                other => self.pending.push(other),
            }
        }
    }
}

/// Bytes and where in a file they were written.
type Written = (usize, Arc<[u8]>);

/// Whether an earlier change of a name, or of one below it, has been lost.
fn is_held(held: &HashSet<&str>, path: &str) -> bool {
    held.contains(path)
        || held.iter().any(|lost| {
            lost.strip_prefix(path)
                .is_some_and(|rest| rest.starts_with('/'))
        })
}

/// Takes some of what was written, and says what.
fn torn(
    bytes: &mut Bytes,
    writes: &[Written],
    survival: Survival,
    chance: &mut Chance,
) -> &'static str {
    let end = writes
        .iter()
        .map(|(at, bytes)| at + bytes.len())
        .max()
        .unwrap_or(0);
    match (survival, chance.below(5)) {
        (Survival::Nothing, 0..=2) | (_, 0) => "nothing",
        (_, 1) => {
            bytes.extend_to(end);
            "its length in zeros"
        }
        (_, 2) => {
            let length = chance.below(end.max(1));
            writes
                .iter()
                .filter(|(at, _)| *at < length)
                .for_each(|(at, written)| {
                    bytes.write(*at, &written[..written.len().min(length - at)]);
                });
            "its beginning"
        }
        _ => {
            for (at, written) in writes {
                for (index, sector) in written.chunks(SECTOR_BYTES).enumerate() {
                    if chance.one_in(2) {
                        bytes.write(at + index * SECTOR_BYTES, sector);
                    }
                }
            }
            "some sectors"
        }
    }
}
