//! What people started from at paths that a show could not bring along.
//!
//! When a show passes over a file because a person is at work on it, or a start finds one that differs, what they make
//! of it has to be merged upon the text they saw, and not upon the newer one that the branch has by then. Otherwise their
//! save would revert, in their name, what an agent wrote meanwhile. So these texts are noted, durably, before the note of
//! what is shown moves past them.
//!
//! A path is *closed* when its file has been brought along after all. The file itself is not synced then, so a power cut
//! may bring the save back: after one, what was noted of closed paths counts again. It is forgotten once the whole file
//! system has been synced.

use std::collections::HashMap;

use crate::backend::disk::{Disk, Place, Root};
use crate::model::error::{Doing, Fault};
use crate::model::object::{BlobId, ObjectId};

const NOTED: Place<'static> = Place(Root::Git, "memoryd/bases");
const OPEN: &str = "open";
const CLOSED: &str = "closed";

/// A text that somebody started from; nothing where there was no file.
type Base = Option<BlobId>;

/// The texts, by path.
#[derive(Default)]
pub(crate) struct Bases {
    open: HashMap<String, Base>,
    closed: HashMap<String, Base>,
    is_noted: bool,
    /// How often the file system had been synced when this was looked at after the last path was closed.
    syncs: Option<u64>,
}

impl Bases {
    /// What the last run noted, and whether the power went since.
    pub(crate) fn load(disk: &Disk, was_cut: bool) -> Result<Self, Fault> {
        let bytes = disk.read(NOTED).doing("read what people started from")?;
        let text = String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default();
        let mut bases = Self::default();
        for (state, path, base) in text.lines().filter_map(read_line) {
            match state {
                // The older of two: merged upon it, none of the later texts is lost.
                CLOSED if was_cut => drop(bases.open.insert(path, base)),
                OPEN => drop(bases.open.entry(path).or_insert(base)),
                _ => {}
            }
        }
        Ok(bases)
    }

    pub(crate) fn get(&self, path: &str) -> Option<Base> {
        self.open.get(path).copied()
    }

    /// What is known of a path stays: it is older.
    pub(crate) fn add(&mut self, path: &str, base: Base) {
        if !self.open.contains_key(path) {
            self.open.insert(path.to_owned(), base);
            self.is_noted = false;
        }
    }

    /// A show has put a text there, and somebody has gone on from it.
    pub(crate) fn replace(&mut self, path: &str, base: BlobId) {
        self.open.insert(path.to_owned(), Some(base));
        self.is_noted = false;
    }

    /// What stands at a path is in history.
    pub(crate) fn close(&mut self, path: &str) {
        if let Some(base) = self.open.remove(path) {
            self.closed.entry(path.to_owned()).or_insert(base);
            (self.is_noted, self.syncs) = (false, None);
        }
    }

    /// Makes them durable, if they are not.
    pub(crate) fn note(&mut self, disk: &Disk) -> Result<(), Fault> {
        if self.is_noted || self.open.is_empty() && self.closed.is_empty() {
            return Ok(());
        }
        self.write(disk)
    }

    /// Forgets what is closed, when the file system has been synced since, from beginning to end: for the second time.
    pub(crate) fn forget(&mut self, syncs: u64, disk: &Disk) -> Result<(), Fault> {
        if self.closed.is_empty() {
            return Ok(());
        }
        if syncs < *self.syncs.get_or_insert(syncs) + 2 {
            return Ok(());
        }
        self.closed.clear();
        self.write(disk)
    }

    fn write(&mut self, disk: &Disk) -> Result<(), Fault> {
        let mut text = String::new();
        for (state, bases) in [(OPEN, &self.open), (CLOSED, &self.closed)] {
            for (path, base) in bases.iter().filter(|(path, _)| !path.contains('\n')) {
                let base = base.map_or(ObjectId::ZERO, |base| base.0);
                text.push_str(&format!("{state} {base} {path}\n"));
            }
        }
        disk.replace(NOTED, text.as_bytes())
            .doing("note what people started from")?;
        self.is_noted = true;
        Ok(())
    }
}

fn read_line(line: &str) -> Option<(&str, String, Base)> {
    let (state, rest) = line.split_once(' ')?;
    let (base, path) = rest.split_once(' ')?;
    let base: BlobId = base.parse().ok()?;
    Some((
        state,
        path.to_owned(),
        Some(base).filter(|base| base.0 != ObjectId::ZERO),
    ))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::model::object::hash_blob;

    const PATH: &str = "user/a b/note.md";

    fn blob(text: &str) -> BlobId {
        hash_blob(text.as_bytes()).unwrap()
    }

    fn on_disk(deed: impl FnOnce(&mut Bases, &Disk)) -> (TempDir, Disk) {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir_all(folder.path().join(".git/memoryd")).unwrap();
        let disk = Disk::open(folder.path()).unwrap();
        deed(&mut Bases::default(), &disk);
        (folder, disk)
    }

    #[test]
    fn what_is_open_is_known_after_any_end() {
        let (_folder, disk) = on_disk(|bases, disk| {
            bases.add(PATH, Some(blob("first")));
            bases.add(PATH, Some(blob("second")));
            bases.add("new.md", None);
            bases.note(disk).unwrap();
        });
        for was_cut in [false, true] {
            let bases = Bases::load(&disk, was_cut).unwrap();
            assert_eq!(bases.get(PATH), Some(Some(blob("first"))));
            assert_eq!(bases.get("new.md"), Some(None));
        }
    }

    #[test]
    fn what_is_closed_counts_again_after_a_cut_until_all_is_synced() {
        let (_folder, disk) = on_disk(|bases, disk| {
            bases.add(PATH, Some(blob("first")));
            bases.close(PATH);
            bases.note(disk).unwrap();
        });
        assert_eq!(Bases::load(&disk, false).unwrap().get(PATH), None);
        let mut bases = Bases::load(&disk, true).unwrap();
        assert_eq!(bases.get(PATH), Some(Some(blob("first"))));
        bases.close(PATH);
        for (syncs, is_known) in [(7, true), (8, true), (9, false)] {
            bases.note(&disk).unwrap();
            bases.forget(syncs, &disk).unwrap();
            let known = Bases::load(&disk, true).unwrap().get(PATH);
            assert_eq!(known.is_some(), is_known, "after {syncs} syncs");
        }
    }
}
