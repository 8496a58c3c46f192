//! Files that have served once and are empty now, to be written again: making a new one is slow.
//!
//! A show puts a new file in the place of an old one and takes the old one away, and so a stream of writes makes and removes
//! thousands of files a minute. ext4 does not give an inode's number away again within some minutes of its removal: it
//! passes over such numbers one by one, and after a while most of a show's time goes there. So a displaced file whose
//! bytes are in history is emptied and kept for the next file that is made, by the next run of the daemon, too. It gets a
//! name of its own first: whatever a crash leaves under such a name is nobody's save.
//!
//! Nobody may notice. Whoever still has the old file open would find another one's bytes in it, and write into them; a
//! second name, as backup programs make, would lead to them; permissions and attributes that a person gave the old file
//! would be the new one's. A file with any of these is removed instead. And it is emptied first, which the file system
//! keeps in order with the renames that come later: a power cut that takes the new bytes leaves an empty file or their
//! beginning, as it would of a new one, and never bytes of another.

use std::io;

use crate::backend::disk::{Disk, DiskFile, Place, Root, Stat};
use crate::backend::lease::{self, Lease};
use crate::model::error::{Doing, Fault};
use crate::model::limits::SPARES_MAX;
use crate::store::quarantine::QUARANTINE;

/// What the names of spare files begin with.
pub(crate) const SPARE: &str = "spare-";
/// Made to see how a new file looks here.
const SAMPLE: Place<'static> = Place(Root::Git, "memoryd/tmp/sample");

/// The spare files, by their paths below `.git`.
#[derive(Default)]
pub(crate) struct Spares {
    paths: Vec<String>,
    count: u64,
    /// How a file looks that this process makes.
    fresh: Option<Stat>,
}

impl Spares {
    /// Makes a file below `.git` that must not exist yet, of a spare one if there is one.
    pub(crate) fn make<'d>(
        &mut self,
        disk: &'d Disk,
        path: &str,
        bytes: &[u8],
    ) -> io::Result<DiskFile<'d>> {
        let place = Place(Root::Git, path);
        while let Some(spare) = self.paths.pop() {
            if disk.rename_new(Place(Root::Git, &spare), place).is_err() {
                // Somebody tidied up in the quarantine.
                continue;
            }
            if let Some(file) = disk.open_to_write(place)? {
                file.write_at(bytes, 0)?;
                return Ok(file);
            }
        }
        disk.create(place, bytes)
    }

    /// Takes in a file below `.git` that nobody needs any more, or removes it where it cannot serve again.
    pub(crate) fn take_in(&mut self, disk: &Disk, path: String) -> Result<(), Fault> {
        if self.paths.len() < SPARES_MAX
            && let Some(path) = self.emptied(disk, &path).unwrap_or(None)
        {
            self.paths.push(path);
            return Ok(());
        }
        disk.remove(Place(Root::Git, &path))
            .doing("remove a displaced file")
    }

    /// Empties a file, if it can serve again, and gives its new path.
    fn emptied(&mut self, disk: &Disk, path: &str) -> io::Result<Option<String>> {
        let fresh = self.fresh(disk)?;
        let place = Place(Root::Git, path);
        let Some(file) = disk.open_to_write(place)? else {
            return Ok(None);
        };
        let looks = file.stat()?;
        let is_alike = (looks.mode, looks.user, looks.group)
            == (fresh.mode, fresh.user, fresh.group)
            && (looks.device, looks.links) == (fresh.device, 1);
        if !is_alike || file.has_attributes()? || !is_nobodys(&file) {
            return Ok(None);
        }
        let spare = self.next_path(disk)?;
        disk.rename_new(place, Place(Root::Git, &spare))?;
        disk.open_to_write(Place(Root::Git, &spare))?
            .map_or(Ok(()), |file| file.empty())?;
        Ok(Some(spare))
    }

    /// A name that no file has, whoever left some from an earlier run.
    fn next_path(&mut self, disk: &Disk) -> io::Result<String> {
        loop {
            self.count += 1;
            let path = format!("{QUARANTINE}/{SPARE}{}", self.count);
            if disk.stat(Place(Root::Git, &path))?.is_none() {
                return Ok(path);
            }
        }
    }

    fn fresh(&mut self, disk: &Disk) -> io::Result<Stat> {
        if let Some(fresh) = self.fresh {
            return Ok(fresh);
        }
        disk.remove(SAMPLE)?;
        let fresh = disk.create(SAMPLE, b"")?.stat()?;
        disk.remove(SAMPLE)?;
        self.fresh = Some(fresh);
        Ok(fresh)
    }
}

/// Whether it is known that nobody else has the file open.
fn is_nobodys(file: &DiskFile<'_>) -> bool {
    matches!(lease::write_lease(file.as_file()), Lease::Held(_))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;

    const OLD: &str = "memoryd/quarantine/old";
    const NEW: &str = "memoryd/quarantine/new";

    /// A displaced file, what somebody does to it, and whether the next new file is made of it.
    fn is_written_again(deed: impl FnOnce(&PathBuf)) -> bool {
        lease::ignore_break_signal();
        let folder = TempDir::new().unwrap();
        let git = folder.path().join(".git");
        fs::create_dir_all(git.join(QUARANTINE)).unwrap();
        fs::create_dir_all(git.join("memoryd/tmp")).unwrap();
        let disk = Disk::open(folder.path()).unwrap();
        disk.create(Place(Root::Git, OLD), b"a long old text")
            .unwrap();
        let (old, mut spares) = (git.join(OLD), Spares::default());
        deed(&old);
        spares.take_in(&disk, OLD.to_owned()).unwrap();
        assert!(!old.exists(), "it has another name, or none");
        let is_kept = !spares.paths.is_empty();
        drop(spares.make(&disk, NEW, b"new").unwrap());
        assert_eq!(fs::read_to_string(git.join(NEW)).unwrap(), "new");
        is_kept
    }

    #[test]
    fn a_file_that_nobody_has_is_written_again() {
        // Where the kernel cannot tell, it is not.
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "").unwrap();
        let can_tell = matches!(
            lease::write_lease(&File::open(path).unwrap()),
            Lease::Held(_)
        );
        assert_eq!(is_written_again(|_| {}), can_tell);
    }

    #[test]
    fn a_file_that_somebody_has_open_is_left_to_them() {
        let mut open = None;
        assert!(!is_written_again(
            |old| open = Some(File::open(old).unwrap())
        ));
        let held = std::io::read_to_string(open.unwrap()).unwrap();
        assert_eq!(held, "a long old text");
    }

    #[test]
    fn a_file_with_a_second_name_keeps_its_text_there() {
        let other = TempDir::new().unwrap();
        let backup = other.path().join("backup");
        assert!(!is_written_again(|old| fs::hard_link(old, &backup).unwrap()));
        assert_eq!(fs::read_to_string(backup).unwrap(), "a long old text");
    }

    #[test]
    fn what_a_person_permitted_for_one_file_is_not_permitted_for_another() {
        assert!(!is_written_again(|old| {
            fs::set_permissions(old, fs::Permissions::from_mode(0o600)).unwrap();
        }));
    }
}
