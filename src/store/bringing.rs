//! Files in and out of the folder: each swapped for its new text in one step, and back again when a show cannot finish.
//!
//! A person may save, move or remove the file at any moment, and so may their git. So nothing is replaced that was not
//! first put aside, and what is aside goes to the quarantine, where it is read again.

use std::io::{Error, ErrorKind};

use crate::backend::disk::{Disk, Place, Root, Stat};
use crate::backend::git_index::StatData;
use crate::model::error::{Doing, Fault};
use crate::model::object::BlobId;
use crate::model::tree::Leaf;
use crate::store::folder::Folder;
use crate::store::quarantine::Displaced;

/// A file that a show has put in place, or taken away.
pub(super) struct Put {
    /// Where the file lies that stood there, if one did.
    displaced: Displaced,
    was_there: bool,
    /// The text that stands there now, and how its file looked; nothing where the file was taken away.
    new: Option<(BlobId, Stat)>,
}

impl Put {
    /// The path at which it is.
    pub(super) fn path(&self) -> &str {
        &self.displaced.path
    }
}

impl Folder {
    /// Puts a file's new text in place, and gives how it looks there.
    pub(super) fn put_file(
        &mut self,
        displaced: Displaced,
        leaf: Leaf,
        puts: &mut Vec<Put>,
    ) -> Result<StatData, Fault> {
        let path = displaced.path.clone();
        let new = self.git.blob(BlobId(leaf.id))?;
        // Looked at before it is read: a save in between makes git, and the next scan, compare the text.
        let looks = self.looks(&path)?;
        let standing = match self.shared.disk.read(Place(Root::Folder, &path)) {
            Ok(standing) => standing,
            // Something that is no file stands there: a person put it there, and it is theirs to take away.
            Err(error) if error.kind() == ErrorKind::InvalidInput => return Ok(StatData::default()),
            Err(error) => return Err(Fault::new("read a file", error)),
        };
        if standing.as_deref() == Some(&*new) {
            return Ok(looks.map(StatData::from).unwrap_or_default());
        }
        if standing.is_none() && displaced.base.is_some() {
            // A person removed it, or their editor is between two steps: the adopter finds out.
            self.hold_back(&path, displaced.base);
            return Ok(StatData::default());
        }
        let put = self.write_aside(&displaced, &new, leaf)?;
        puts.extend(self.swap_in(displaced, standing.is_some(), (BlobId(leaf.id), put))?);
        // As it was put there, or else somebody has saved again since: then nobody may trust how it looks.
        let looks = self.looks(&path)?.filter(|now| is_same(now, &put));
        Ok(looks.map(StatData::from).unwrap_or_default())
    }

    /// Takes a deleted file out of the folder, and the folders that it leaves empty.
    pub(super) fn take_file(
        &mut self,
        displaced: Displaced,
        puts: &mut Vec<Put>,
    ) -> Result<(), Fault> {
        let path = displaced.path.clone();
        let (from, to) = (
            Place(Root::Folder, &path),
            Place(Root::Git, &displaced.name),
        );
        match self.shared.disk.rename_new(from, to) {
            Ok(()) => puts.push(Put {
                displaced,
                was_there: true,
                new: None,
            }),
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err(Fault::new("take a file out of the folder", error)),
        }
        self.remove_empty_folders(from.parent())
    }

    /// What a show has displaced is kept until nobody can write to it any more.
    pub(super) fn keep_displaced(&mut self, put: Put) {
        if put.was_there {
            self.quarantine.keep(put.displaced);
        }
    }

    /// Puts back what a show has displaced that cannot finish. What was displaced may be no text of this branch at all: a
    /// checkout may have put it there while the show was at work.
    pub(super) fn take_back(&mut self, put: Put) -> Result<(), Fault> {
        let Put {
            mut displaced,
            was_there,
            new,
        } = put;
        let disk = &self.shared.disk;
        let (aside, place) = (
            Place(Root::Git, &displaced.name),
            Place(Root::Folder, &displaced.path),
        );
        disk.make_folders(place.parent()).doing("make a folder")?;
        let is_back = match &new {
            // Somebody has saved upon the new text: that is theirs, and for the adopter.
            Some((_, put))
                if !self
                    .looks(&displaced.path)?
                    .is_some_and(|now| is_same(&now, put)) =>
            {
                false
            }
            Some(_) if was_there => swap(disk, aside, place).is_ok(),
            Some(_) => disk.rename_new(place, aside).is_ok(),
            None => disk.rename_new(aside, place).is_ok(),
        };
        self.remove_empty_folders(place.parent())?;
        let is_aside = match &new {
            Some((text, _)) if is_back => {
                displaced.base = Some(*text);
                true
            }
            Some((text, _)) => {
                self.bases.insert(displaced.path.clone(), Some(*text));
                was_there
            }
            None => !is_back,
        };
        if is_aside {
            self.quarantine.keep(displaced);
        }
        Ok(())
    }

    /// Writes a new file where the one it displaces will lie, and gives how it looks.
    fn write_aside(&self, displaced: &Displaced, text: &[u8], leaf: Leaf) -> Result<Stat, Fault> {
        let disk = &self.shared.disk;
        disk.make_folders(Place(Root::Folder, &displaced.path).parent())
            .doing("make a folder")?;
        let file = disk
            .create(Place(Root::Git, &displaced.name), text)
            .doing("write a file")?;
        if leaf.mode.0 & 0o111 != 0 {
            file.set_executable().doing("make a file executable")?;
        }
        file.stat().doing("look at a file")
    }

    /// Swaps the file that was written aside for the one in the folder, if it still can be.
    fn swap_in(
        &mut self,
        displaced: Displaced,
        was_there: bool,
        new: (BlobId, Stat),
    ) -> Result<Option<Put>, Fault> {
        let disk = &self.shared.disk;
        let (aside, place) = (
            Place(Root::Git, &displaced.name),
            Place(Root::Folder, &displaced.path),
        );
        let swapped = if was_there {
            swap(disk, aside, place)
        } else {
            disk.rename_new(aside, place)
        };
        match swapped {
            Ok(()) => Ok(Some(Put {
                displaced,
                was_there,
                new: Some(new),
            })),
            // Between the look and the swap a person removed the file, or made one, or a file where its folder was.
            Err(error) if is_in_the_way(&error) => {
                displaced.remove(disk)?;
                self.hold_back(&displaced.path, displaced.base);
                Ok(None)
            }
            Err(error) => Err(Fault::new("put a file in place", error)),
        }
    }

    /// The file stays as it is for now; whatever a person makes of it started from `base`.
    fn hold_back(&mut self, path: &str, base: Option<BlobId>) {
        self.bases.entry(path.to_owned()).or_insert(base);
        self.dirty.touch(path);
    }

    fn looks(&self, path: &str) -> Result<Option<Stat>, Fault> {
        self.shared
            .disk
            .stat(Place(Root::Folder, path))
            .doing("look at a file")
    }

    fn remove_empty_folders(&self, mut folder: Place<'_>) -> Result<(), Fault> {
        while !folder.1.is_empty()
            && self
                .shared
                .disk
                .remove_empty_folder(folder)
                .doing("remove an empty folder")?
        {
            folder = folder.parent();
        }
        Ok(())
    }
}

/// Whether it is the very file, with nothing written to it since. A rename changes the time of change, so that does not count.
fn is_same(now: &Stat, then: &Stat) -> bool {
    (now.inode, now.size, now.modified) == (then.inode, then.size, then.modified)
}

/// Swaps two files in one step.
fn swap(disk: &Disk, from: Place<'_>, to: Place<'_>) -> std::io::Result<()> {
    match disk.exchange(from, to) {
        // FUSE and NFS cannot swap: the old file is given a second name first, so that it is not lost.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::InvalidInput | ErrorKind::Unsupported
            ) => {}
        swapped => return swapped,
    }
    let aside = format!("{}.old", from.1);
    let aside = Place(Root::Git, &aside);
    disk.link(to, aside)?;
    disk.rename(from, to)?;
    disk.rename(aside, from)
}

fn is_in_the_way(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::AlreadyExists | ErrorKind::NotADirectory
    )
}
