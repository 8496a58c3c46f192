//! Putting a finished pack into the repository so that it is there after a power cut, whole or not at all.
//!
//! # What a crash at each point leaves
//!
//! 1. Pack and index are written and synced under `.git/memoryd/tmp`: a crash leaves files that the next start removes.
//!    Not in `objects/pack`, where `git gc --prune=now` deletes what looks like somebody's abandoned `tmp_*`.
//! 2. An empty `.keep` is put beside where the pack will be: until the ref has moved, the pack's objects are reachable
//!    from nothing, and a repack would leave them out and delete it. A crash leaves a `.keep` for the next start to remove.
//! 3. The pack is renamed into place, then its index. Git reads a pack only through its index, so between the two the
//!    pack is invisible; a crash leaves a pack without index, which the next start indexes.
//! 4. The directory is synced: from here on both names survive. The ref is moved after this, never before, so that it
//!    never names an object that a power cut takes away.
//! 5. After the ref has moved, both files are looked at once more ([`Installed::verify`]): a foreign `git gc` that scanned
//!    the directory between the two renames deletes the index of a pack it did not see.

use std::io::ErrorKind;

use crate::backend::disk::{Disk, Place, Root};
use crate::backend::pack::Pack;
use crate::backend::refs::TEMPORARY;
use crate::model::error::{Doing, Fault};

/// Where packs lie, below `.git`.
pub const PACKS: &str = "objects/pack";
/// What a `.keep` of ours says, so that a start can tell it from a person's.
pub const KEEP_TEXT: &[u8] = b"memoryd puts this pack in place\n";

/// A pack that is in place and whose objects nothing may reach yet.
#[must_use = "move the ref, then verify that the pack is still there"]
pub struct Installed<'a> {
    disk: &'a Disk,
    pack: Pack,
}

/// Puts a pack in place, durably.
pub fn install(disk: &Disk, pack: Pack) -> Result<Installed<'_>, Fault> {
    let installed = Installed { disk, pack };
    match installed.write() {
        Ok(()) => Ok(installed),
        Err(error) => {
            installed.clean_up();
            Err(Fault::new("write a pack", error))
        }
    }
}

impl Installed<'_> {
    /// Makes sure that the pack is still there now that a ref leads to it, and lets repacks have it.
    pub fn verify(self) -> Result<(), Fault> {
        let there = |ending: &str| {
            let path = self.path(ending);
            Ok::<_, std::io::Error>(self.disk.stat(Place(Root::Git, &path))?.is_some())
        };
        if !(there("pack").doing("look at a pack")? && there("idx").doing("look at a pack")?) {
            tracing::warn!(pack = %self.pack.name, "somebody removed a new pack; it is written again");
            self.write().doing("write a pack again")?;
        }
        self.disk
            .remove(Place(Root::Git, &self.path("keep")))
            .doing("let a pack go")
    }

    fn write(&self) -> std::io::Result<()> {
        let keep = self.path("keep");
        match self.disk.create(Place(Root::Git, &keep), KEEP_TEXT) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let files = [("pack", &self.pack.pack), ("idx", &self.pack.index)];
        for (ending, bytes) in files {
            let temporary = self.temporary(ending);
            self.disk.remove(Place(Root::Git, &temporary))?;
            self.disk
                .create(Place(Root::Git, &temporary), bytes)?
                .sync()?;
        }
        for (ending, _) in files {
            self.disk.rename(
                Place(Root::Git, &self.temporary(ending)),
                Place(Root::Git, &self.path(ending)),
            )?;
        }
        self.disk.sync_folder(Place(Root::Git, PACKS))
    }

    /// Gives back the room that a pack took which did not fit.
    fn clean_up(&self) {
        for path in [
            self.temporary("pack"),
            self.temporary("idx"),
            self.path("keep"),
        ] {
            if let Err(error) = self.disk.remove(Place(Root::Git, &path)) {
                tracing::warn!(%error, path, "a temporary file stays behind until the next start");
            }
        }
    }

    fn path(&self, ending: &str) -> String {
        format!("{PACKS}/pack-{}.{ending}", self.pack.name)
    }

    fn temporary(&self, ending: &str) -> String {
        format!("{TEMPORARY}/pack-{}.{ending}", self.pack.name)
    }
}
