//! What people started from at paths that a show could not bring along.
//!
//! When a show passes over a file because a person is at work on it, or a start finds one that differs, what they make
//! of it has to be merged upon the text they saw, and not upon the newer one that the branch has by then. Otherwise their
//! save would revert, in their name, what an agent wrote meanwhile. So these texts are noted, durably, before the note of
//! what is shown moves past them. A note that is older than it need be does no harm: merged upon an earlier text, none of
//! the later ones is lost.

use std::collections::HashMap;

use crate::backend::disk::{Disk, Place, Root};
use crate::model::error::{Doing, Fault};
use crate::model::object::{BlobId, ObjectId};

const NOTED: Place<'static> = Place(Root::Git, "memoryd/bases");

/// The texts, by path; nothing where there was no file.
#[derive(Default)]
pub(crate) struct Bases {
    now: HashMap<String, Option<BlobId>>,
    noted: HashMap<String, Option<BlobId>>,
}

impl Bases {
    /// What the last run noted.
    pub(crate) fn load(disk: &Disk) -> Result<Self, Fault> {
        let bytes = disk.read(NOTED).doing("read what people started from")?;
        let text = String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default();
        let noted: HashMap<_, _> = text.lines().filter_map(read_line).collect();
        Ok(Self {
            now: noted.clone(),
            noted,
        })
    }

    pub(crate) fn get(&self, path: &str) -> Option<Option<BlobId>> {
        self.now.get(path).copied()
    }

    /// What is known of a path stays: it is older.
    pub(crate) fn add(&mut self, path: &str, base: Option<BlobId>) {
        self.now.entry(path.to_owned()).or_insert(base);
    }

    /// A show has put a text there, and somebody has gone on from it.
    pub(crate) fn replace(&mut self, path: &str, base: BlobId) {
        self.now.insert(path.to_owned(), Some(base));
    }

    /// What stands at a path is in history.
    pub(crate) fn remove(&mut self, path: &str) {
        self.now.remove(path);
    }

    /// Makes them durable, if they are not.
    pub(crate) fn note(&mut self, disk: &Disk) -> Result<(), Fault> {
        if self.now == self.noted {
            return Ok(());
        }
        let lines = self.now.iter().filter(|(path, _)| !path.contains('\n'));
        let text: String = lines
            .map(|(path, base)| format!("{} {path}\n", base.map_or(ObjectId::ZERO, |base| base.0)))
            .collect();
        disk.replace(NOTED, text.as_bytes())
            .doing("note what people started from")?;
        self.noted = self.now.clone();
        Ok(())
    }
}

fn read_line(line: &str) -> Option<(String, Option<BlobId>)> {
    let (base, path) = line.split_once(' ')?;
    let base: BlobId = base.parse().ok()?;
    Some((
        path.to_owned(),
        Some(base).filter(|base| base.0 != ObjectId::ZERO),
    ))
}
