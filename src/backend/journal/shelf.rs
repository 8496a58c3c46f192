//! The files that wait to become segments: the spare, and the retired ones it is made of.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::backend::disk::{Disk, Place, Root, Stat};
use crate::model::error::{Doing, Fault};
use crate::model::limits::RETIRED_SEGMENTS_MAX;

use super::{FOLDER, segment_path};

const SPARE: Place<'static> = Place(Root::Git, "memoryd/journal/spare");

/// Makes the next segment's file ahead of time, on whichever thread has it to spare.
#[derive(Debug, Clone)]
pub struct Preparer(Arc<Mutex<Shelf>>);

impl Preparer {
    pub(super) fn new(shelf: Arc<Mutex<Shelf>>) -> Self {
        Self(shelf)
    }

    /// Makes a spare if there is none, and gives back the room of retired segments that nobody will need.
    pub fn prepare(&self) -> Result<(), Fault> {
        let mut shelf = lock(&self.0);
        shelf.trim();
        shelf.prepare().doing("prepare a journal segment")
    }
}

/// The shelf knows at each step what is on the disk, so a panic under its lock leaves it usable.
pub(super) fn lock(shelf: &Mutex<Shelf>) -> MutexGuard<'_, Shelf> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What lies in the journal's folder and holds nothing that anybody needs.
#[derive(Debug)]
pub(super) struct Shelf {
    disk: Arc<Disk>,
    segment_bytes: usize,
    /// Whether the spare may be filled. A file under its name may be there without.
    is_ready: bool,
    /// Retired segments that may become a spare.
    recyclable: Vec<u64>,
    /// Those that may only be removed.
    surplus: Vec<u64>,
}

impl Shelf {
    pub(super) fn new(disk: Arc<Disk>, segment_bytes: usize) -> Self {
        Self {
            disk,
            segment_bytes,
            is_ready: false,
            recyclable: Vec::new(),
            surplus: Vec::new(),
        }
    }

    /// Takes over a segment that is not needed any more.
    pub(super) fn retire(&mut self, number: u64, is_recyclable: bool) {
        let retired = if is_recyclable {
            &mut self.recyclable
        } else {
            &mut self.surplus
        };
        retired.push(number);
    }

    /// Makes a spare unless there is one.
    pub(super) fn prepare(&mut self) -> io::Result<()> {
        // Whoever removed the journal has removed the spare with it.
        self.is_ready = self.is_ready && self.disk.stat(SPARE)?.is_some();
        while !self.is_ready {
            match self.recyclable.pop() {
                // What cannot be recycled stays where it is, and the next start finds it again.
                Some(number) => self.is_ready = self.recycle(number).is_ok(),
                None => return self.create(),
            }
        }
        Ok(())
    }

    /// Removes retired segments that are too many or of no use.
    pub(super) fn trim(&mut self) {
        let kept = self.recyclable.len().min(RETIRED_SEGMENTS_MAX);
        self.surplus.extend(self.recyclable.drain(kept..));
        for number in self.surplus.drain(..) {
            // One that stays does no harm, and the next start finds it again.
            let _ = self.disk.remove(Place(Root::Git, &segment_path(number)));
        }
    }

    /// Writes a segment's beginning into the spare and flushes it. The spare is used up even when that fails: its bytes
    /// are unknown then.
    pub(super) fn fill(&mut self, segment: &[u8]) -> io::Result<Stat> {
        self.is_ready = false;
        let file = self
            .disk
            .open_to_write(SPARE)?
            .ok_or(io::ErrorKind::NotFound)?;
        file.write_at(segment, 0)?;
        file.sync()?;
        file.stat()
    }

    /// Gives the filled spare a segment's name, which is not durable yet.
    pub(super) fn commission(&self, number: u64) -> io::Result<()> {
        self.disk
            .rename_new(SPARE, Place(Root::Git, &segment_path(number)))
    }

    /// Makes the spare of a retired segment. When it is written over, its old name must not come back by a crash.
    fn recycle(&self, number: u64) -> io::Result<()> {
        self.disk
            .rename(Place(Root::Git, &segment_path(number)), SPARE)?;
        self.disk.sync_folder(FOLDER)
    }

    /// Makes the spare of zeros that are written and not only promised, so that a flush of the segment later has no
    /// block to find and no length to record.
    fn create(&mut self) -> io::Result<()> {
        self.disk.make_folders(FOLDER)?;
        self.disk.sync_folder(Place(Root::Git, ""))?;
        self.disk.sync_folder(FOLDER.parent())?;
        self.disk.remove(SPARE)?;
        let zeroed = self
            .disk
            .create(SPARE, &vec![0; self.segment_bytes])
            .and_then(|spare| spare.sync());
        if zeroed.is_err() {
            // On a full disk the part that was written is the room that somebody else needs.
            let _ = self.disk.remove(SPARE);
        }
        self.is_ready = zeroed.is_ok();
        zeroed
    }
}
