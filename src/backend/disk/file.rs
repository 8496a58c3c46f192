//! A file that is written in place: the journal's segments, and whatever is made anew.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rustix::fs::{self as sys, AtFlags, Mode};

use super::{Disk, Operation, Place, Root, Stat, Verdict};

/// Which file it is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The device that holds it.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// How many names it has; with none it is gone once it is closed.
    pub links: u64,
}

/// A file that is written in place.
pub struct DiskFile<'a> {
    disk: &'a Disk,
    root: Root,
    path: String,
    file: File,
}

impl<'a> DiskFile<'a> {
    pub(super) fn new(disk: &'a Disk, place: Place<'_>, file: File) -> Self {
        let (root, path) = (place.0, place.1.to_owned());
        Self {
            disk,
            root,
            path,
            file,
        }
    }

    /// Writes all bytes at an offset.
    pub fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let file = Place(self.root, &self.path);
        match self.disk.verdict(&Operation::Write { file, at, bytes }) {
            Verdict::Proceed => self.file.write_all_at(bytes, at),
            Verdict::Fail(error) => Err(error),
            Verdict::Short(length) => {
                self.file
                    .write_all_at(bytes.get(..length).unwrap_or(bytes), at)?;
                Err(io::ErrorKind::StorageFull.into())
            }
        }
    }

    /// Makes the file's bytes and its size durable; its name is the directory's.
    pub fn sync(&self) -> io::Result<()> {
        self.disk
            .before(&Operation::SyncFile(Place(self.root, &self.path)))?;
        Ok(sys::fdatasync(&self.file)?)
    }

    /// Takes all its bytes away.
    pub fn empty(&self) -> io::Result<()> {
        self.disk
            .before(&Operation::Empty(Place(self.root, &self.path)))?;
        Ok(sys::ftruncate(&self.file, 0)?)
    }

    /// Whether somebody has given it extended attributes: an access control list is one, too.
    pub fn has_attributes(&self) -> io::Result<bool> {
        match sys::flistxattr(&self.file, &mut [0_u8; 0][..]) {
            Ok(bytes) => Ok(bytes > 0),
            // A file system without attributes.
            Err(rustix::io::Errno::NOTSUP) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The file as the standard library has it, to be looked at.
    pub fn as_file(&self) -> &File {
        &self.file
    }

    /// Which file it is and how many names it has left. Quicker than [`stat`](Self::stat) on a file that is written again
    /// and again: asking for its times makes the next write log a new one, which costs a third of an append.
    pub fn identity(&self) -> io::Result<Identity> {
        let wanted = sys::StatxFlags::INO | sys::StatxFlags::NLINK;
        let stat = sys::statx(&self.file, "", AtFlags::EMPTY_PATH, wanted)?;
        let device = sys::makedev(stat.stx_dev_major, stat.stx_dev_minor);
        Ok(Identity {
            device,
            inode: stat.stx_ino,
            links: stat.stx_nlink.into(),
        })
    }

    /// What the system knows of the file.
    pub fn stat(&self) -> io::Result<Stat> {
        Ok(sys::fstat(&self.file)?.into())
    }

    /// Gives a file the permissions of git's mode: an executable one may be executed by whoever may read it.
    pub fn set_executable(&self) -> io::Result<()> {
        Ok(sys::fchmod(&self.file, Mode::from_raw_mode(0o755))?)
    }
}
