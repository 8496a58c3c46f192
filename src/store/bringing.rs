//! Files in and out of the folder: each swapped for its new text in one step, and back again when a show cannot finish.
//!
//! A person may save, move or remove the file at any moment, and so may their git. So nothing is replaced that was not
//! first put aside, and what is aside goes to the quarantine, where it is read again.
//!
//! A show that finds people's git at work cannot finish. What it did to files must not stay: a checkout that was at work
//! meanwhile would find our files in its own branch, and we its files in ours. So files are put back, as soon as git has
//! come to rest; but for those of which its index has the new text, because a `git commit -a` took it along. There, to put
//! the old text back would be to revert the commit in the person's name.

use std::io::{Error, ErrorKind};

use crate::backend::disk::{Disk, Place, Root, Stat};
use crate::backend::git_index::StatData;
use crate::model::error::{Doing, Fault};
use crate::model::object::{BlobId, ObjectId, hash_blob};
use crate::model::tree::Leaf;
use crate::store::folder::Folder;
use crate::store::quarantine::Displaced;
use crate::store::saves::is_fresh;

/// A file that a show has put in place, or taken away.
pub(super) struct Put {
    /// Where the file lies that stood there, if one did.
    displaced: Displaced,
    was_there: bool,
    /// The text that stands there now, and how its file looked; nothing where the file was taken away.
    new: Option<(BlobId, Stat)>,
}

impl Folder {
    /// Puts a file's new text in place, and gives how it looks there.
    pub(super) fn put_file(
        &mut self,
        mut displaced: Displaced,
        leaf: Leaf,
    ) -> Result<StatData, Fault> {
        let path = displaced.path.clone();
        let new = self.git.blob(BlobId(leaf.id))?;
        // Looked at before it is read: a save in between makes git, and the next scan, compare the text.
        let looks = self.looks(&path)?;
        let standing = match self.standing(&path, looks.as_ref()) {
            Ok(standing) => standing,
            // Something that is no file stands there: a person put it there, and it is theirs to take away.
            Err(error) if error.kind() == ErrorKind::InvalidInput => return Ok(StatData::default()),
            Err(error) => return Err(Fault::new("read a file", error)),
        };
        if standing == Some(BlobId(leaf.id)) {
            return Ok(looks.map(StatData::from).unwrap_or_default());
        }
        if standing.is_none() && displaced.base.is_some() {
            // A person removed it, or their editor is between two steps: the adopter finds out.
            self.hold_back(&path, displaced.base);
            return Ok(StatData::default());
        }
        displaced.looks =
            looks.filter(|looks| standing == displaced.base && !is_fresh(looks.modified));
        if standing.is_none() {
            let folder = Place(Root::Folder, &path).parent();
            self.shared
                .disk
                .make_folders(folder)
                .doing("make a folder")?;
        }
        let written = self.write_aside(&displaced, &new, leaf);
        if written.is_err() {
            // On a full disk, the part that was written is the room that somebody else needs.
            let _ = displaced.remove(&self.shared.disk);
        }
        let written = written?;
        let put = self.swap_in(displaced, standing.is_some(), (BlobId(leaf.id), written))?;
        if put.is_some() {
            self.bases.close(&path);
        }
        self.unfinished.extend(put);
        // As it was put there, or else somebody has saved again since: then nobody may trust how it looks.
        let looks = self.looks(&path)?.filter(|now| is_same(now, &written));
        Ok(looks.map(StatData::from).unwrap_or_default())
    }

    /// The text that stands at a path; by its looks where these are what git's index knows. A save that left no trace in
    /// them is found in what comes out of the folder.
    fn standing(&self, path: &str, looks: Option<&Stat>) -> std::io::Result<Option<BlobId>> {
        if looks.is_some_and(|looks| looks.is_file() && self.index.knows(path, looks)) {
            let entry = self.index.image().get(path.as_bytes());
            return Ok(entry.map(|entry| BlobId(entry.id)));
        }
        let bytes = self.shared.disk.read(Place(Root::Folder, path))?;
        // A forged collision is no text of ours.
        let text = |bytes: Vec<u8>| hash_blob(&bytes).unwrap_or(BlobId(ObjectId::ZERO));
        Ok(bytes.map(text))
    }

    /// Takes a deleted file out of the folder, and the folders that it leaves empty.
    pub(super) fn take_file(&mut self, displaced: Displaced) -> Result<(), Fault> {
        let path = displaced.path.clone();
        let (from, to) = (
            Place(Root::Folder, &path),
            Place(Root::Git, &displaced.name),
        );
        match self.shared.disk.rename_new(from, to) {
            Ok(()) => self.unfinished.push(Put {
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

    /// The show is finished: what it displaced is kept until nobody can write to it any more.
    pub(super) fn keep_displaced(&mut self) {
        for put in std::mem::take(&mut self.unfinished) {
            if put.was_there {
                self.quarantine.keep(put.displaced);
            }
        }
    }

    /// Makes the files that a show left unfinished what people's index says.
    pub(super) fn settle_unfinished(&mut self) -> Result<(), Fault> {
        if self.unfinished.is_empty() {
            return Ok(());
        }
        self.index.refresh(&self.shared.disk)?;
        while let Some(put) = self.unfinished.pop() {
            let entry = self.index.image().get(put.displaced.path.as_bytes());
            match entry.map(|entry| BlobId(entry.id)) == put.new.map(|(text, _)| text) {
                true if put.was_there => self.quarantine.keep(put.displaced),
                true => {}
                false => self.take_back(put),
            }
        }
        Ok(())
    }

    /// Undoes one step of a show. Where that fails, what was displaced goes to the quarantine all the same.
    fn take_back(&mut self, put: Put) {
        let Put {
            mut displaced,
            was_there,
            new,
        } = put;
        displaced.is_disturbed = true;
        let is_back = self.is_put_back(&displaced, was_there, new.as_ref().map(|(_, stat)| stat));
        let is_aside = match new {
            Some((text, _)) if is_back => {
                displaced.base = Some(text);
                true
            }
            Some((text, _)) => {
                if !self.is_as_git_left_it(&displaced.path) {
                    // Somebody has saved upon the new text, or removed it: that is theirs, and for the adopter.
                    self.bases.replace(&displaced.path, text);
                    self.dirty.touch(&displaced.path);
                }
                was_there
            }
            None => !is_back,
        };
        if is_aside {
            self.quarantine.keep(displaced);
        }
    }

    fn is_put_back(&self, displaced: &Displaced, was_there: bool, put: Option<&Stat>) -> bool {
        let disk = &self.shared.disk;
        let (aside, place) = (
            Place(Root::Git, &displaced.name),
            Place(Root::Folder, &displaced.path),
        );
        let is_ours = |place, put| matches!(disk.stat(place), Ok(Some(now)) if is_same(&now, put));
        match put {
            Some(put) if !is_ours(place, put) => false,
            Some(put) if was_there => {
                let is_swapped = swap(disk, aside, place).is_ok();
                // Somebody else's file came out, who was faster: it goes back where it was.
                is_swapped && (is_ours(aside, put) || swap(disk, aside, place).is_err())
            }
            Some(_) => {
                disk.rename_new(place, aside).is_ok()
                    && self.remove_empty_folders(place.parent()).is_ok()
            }
            None => {
                disk.make_folders(place.parent()).is_ok() && disk.rename_new(aside, place).is_ok()
            }
        }
    }

    fn is_as_git_left_it(&self, path: &str) -> bool {
        match self.looks(path) {
            Ok(Some(now)) => self.index.knows(path, &now),
            Ok(None) => self.index.image().get(path.as_bytes()).is_none(),
            Err(_) => false,
        }
    }

    /// Writes a new file where the one it displaces will lie, and gives how it looks.
    fn write_aside(
        &mut self,
        displaced: &Displaced,
        text: &[u8],
        leaf: Leaf,
    ) -> Result<Stat, Fault> {
        let disk = &self.shared.disk;
        let file = self
            .spares
            .make(disk, &displaced.name, text)
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
        self.bases.add(path, base);
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
