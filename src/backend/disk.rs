//! The folder and its `.git`: the only place where a path becomes something the operating system opens.
//!
//! Every path is resolved beneath one of two directories that were opened once, without following any link
//! (`openat2` with `RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS`, Linux 5.6; component by component
//! with `O_NOFOLLOW` before that). Checking a path first and opening it afterwards loses against a link that is flipped
//! in between; this does not.
//!
//! # The seam
//!
//! Whatever changes the disk is first shown to a [`Witness`], if there is one, as an [`Operation`]. Tests use it to
//! fail the N-th operation, and to record all of them, so that the disk as a power cut would leave it (any subset of
//! what was not synced lost) can be built and started from. There is one implementation of the disk, the real one: what
//! is tested is what runs.

mod file;
mod operation;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{self as sys, AtFlags, Mode, OFlags, RenameFlags, ResolveFlags};

pub use file::{DiskFile, Identity};
pub use operation::{Operation, Place, Root, Verdict, Witness};

/// What the system knows of a file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "stat(2) documents each field; times are seconds and nanoseconds"
)]
pub struct Stat {
    pub mode: u32,
    pub size: u64,
    pub links: u64,
    pub device: u64,
    pub inode: u64,
    pub user: u32,
    pub group: u32,
    pub modified: (i64, u32),
    pub changed: (i64, u32),
}

impl Stat {
    /// Whether it is an ordinary file.
    pub fn is_file(&self) -> bool {
        self.mode & 0o170_000 == 0o100_000
    }

    /// Whether it is a directory.
    pub fn is_folder(&self) -> bool {
        self.mode & 0o170_000 == 0o040_000
    }
}

impl From<sys::Stat> for Stat {
    #[allow(
        clippy::unnecessary_cast,
        reason = "the widths of these fields differ between platforms"
    )]
    fn from(stat: sys::Stat) -> Self {
        Self {
            mode: stat.st_mode,
            size: stat.st_size as u64,
            links: stat.st_nlink as u64,
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            user: stat.st_uid,
            group: stat.st_gid,
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as u32),
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as u32),
        }
    }
}

/// The folder and its `.git`, opened.
pub struct Disk {
    path: PathBuf,
    folder: OwnedFd,
    git: OwnedFd,
    witness: Option<Arc<dyn Witness>>,
}

impl Drop for Disk {
    /// Closing alone does not give the lock back while a child process has not come to its `exec`.
    fn drop(&mut self) {
        let _ = self.unlock();
    }
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disk")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Disk {
    /// Opens a folder that holds a real `.git` directory.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = sys::open(path, flags, Mode::empty())?;
        let git = sys::openat(&folder, ".git", flags | OFlags::NOFOLLOW, Mode::empty())?;
        Ok(Self {
            path: std::fs::canonicalize(path)?,
            folder,
            git,
            witness: None,
        })
    }

    /// The same disk, every change of which `witness` sees first.
    pub fn with_witness(mut self, witness: Arc<dyn Witness>) -> Self {
        self.witness = Some(witness);
        self
    }

    /// The folder as people name it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes that the file system still has for us.
    pub fn room_bytes(&self) -> io::Result<u64> {
        let room = sys::fstatvfs(&self.git)?;
        Ok(room.f_bavail.saturating_mul(room.f_frsize))
    }

    /// Takes the lock that makes this process the folder's only writer; `false` when another has it. It is an `flock`
    /// on `.git` itself: it dies with the process, so nobody ever has to remove one by hand.
    pub fn lock(&self) -> io::Result<bool> {
        match sys::flock(&self.git, sys::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives the lock back before the process ends.
    pub fn unlock(&self) -> io::Result<()> {
        Ok(sys::flock(&self.git, sys::FlockOperation::Unlock)?)
    }

    /// A file's bytes; none when there is no such file. Never follows a link.
    pub fn read(&self, place: Place<'_>) -> io::Result<Option<Vec<u8>>> {
        let Some(mut file) = self.open_to_read(place)? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Opens an ordinary file for reading; none when there is none. Anything else that stands there, a link included, is
    /// `InvalidInput`.
    pub fn open_to_read(&self, place: Place<'_>) -> io::Result<Option<File>> {
        // Non-blocking, because opening a named pipe that somebody left in the folder would wait for ever.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW;
        let opened = match self.open_at(place, flags) {
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "a link"));
            }
            opened => opened,
        };
        let Some(fd) = found(opened)? else {
            return Ok(None);
        };
        let file = File::from(fd);
        if !Stat::from(sys::fstat(&file)?).is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not an ordinary file",
            ));
        }
        Ok(Some(file))
    }

    /// What stands at a path, a link as itself; none when nothing does.
    pub fn stat(&self, place: Place<'_>) -> io::Result<Option<Stat>> {
        let Some(parent) = found(self.parent(place))? else {
            return Ok(None);
        };
        let name = if place.1.is_empty() {
            "."
        } else {
            place.name()
        };
        let stat = sys::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW).map_err(io::Error::from);
        Ok(found(stat)?.map(Stat::from))
    }

    /// The names in a directory, in no order, without `.` and `..` and without names that are not UTF-8; none when
    /// there is no such directory.
    pub fn list(&self, place: Place<'_>) -> io::Result<Vec<String>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
        let Some(folder) = found(self.open_at(place, flags))? else {
            return Ok(Vec::new());
        };
        let mut names = Vec::new();
        for entry in sys::Dir::read_from(folder)? {
            match entry?.file_name().to_str() {
                Ok("." | "..") | Err(_) => {}
                Ok(name) => names.push(name.to_owned()),
            }
        }
        Ok(names)
    }

    /// What stands in a directory, in no order; names that are not UTF-8 are left out. None when there is no such directory.
    pub fn entries(&self, place: Place<'_>) -> io::Result<Vec<(String, Stat)>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
        let Some(folder) = found(self.open_at(place, flags))? else {
            return Ok(Vec::new());
        };
        let mut entries = Vec::new();
        for entry in sys::Dir::read_from(&folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            let stat =
                sys::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW).map_err(io::Error::from);
            match found(stat)? {
                Some(stat) if name != "." && name != ".." => {
                    entries.push((name.to_owned(), stat.into()))
                }
                _ => {}
            }
        }
        Ok(entries)
    }

    /// Makes a file that must not exist yet, with these bytes. Not durable until it and its directory are synced.
    pub fn create(&self, place: Place<'_>, bytes: &[u8]) -> io::Result<DiskFile<'_>> {
        self.before(&Operation::Create(place))?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let file = DiskFile::new(self, place, self.open_at(place, flags)?.into());
        file.write_at(bytes, 0)?;
        Ok(file)
    }

    /// Opens a file to be written in place.
    pub fn open_to_write(&self, place: Place<'_>) -> io::Result<Option<DiskFile<'_>>> {
        let fd = found(self.open_at(place, OFlags::RDWR | OFlags::NOFOLLOW))?;
        Ok(fd.map(|fd| DiskFile::new(self, place, fd.into())))
    }

    /// Makes or replaces a small file so that after a crash it has the old bytes or the new ones, durably.
    pub fn replace(&self, place: Place<'_>, bytes: &[u8]) -> io::Result<()> {
        let temporary = format!("{}.new", place.1);
        let temporary = Place(place.0, &temporary);
        self.remove(temporary)?;
        self.create(temporary, bytes)?.sync()?;
        self.rename(temporary, place)?;
        self.sync_folder(place.parent())
    }

    /// Renames, replacing what stands at `to`.
    pub fn rename(&self, from: Place<'_>, to: Place<'_>) -> io::Result<()> {
        self.before(&Operation::Rename { from, to })?;
        self.rename_with(from, to, RenameFlags::empty())
    }

    /// Renames, and fails with `AlreadyExists` when something stands at `to`.
    pub fn rename_new(&self, from: Place<'_>, to: Place<'_>) -> io::Result<()> {
        self.before(&Operation::RenameNew { from, to })?;
        self.rename_with(from, to, RenameFlags::NOREPLACE)
    }

    /// Swaps two files in one step: no reader ever finds either name missing.
    pub fn exchange(&self, one: Place<'_>, other: Place<'_>) -> io::Result<()> {
        self.before(&Operation::Exchange { one, other })?;
        self.rename_with(one, other, RenameFlags::EXCHANGE)
    }

    /// Gives a file a second name, and fails with `AlreadyExists` when that is taken.
    pub fn link(&self, from: Place<'_>, to: Place<'_>) -> io::Result<()> {
        self.before(&Operation::Link { from, to })?;
        let (old, new) = (self.parent(from)?, self.parent(to)?);
        Ok(sys::linkat(
            &old,
            from.name(),
            &new,
            to.name(),
            AtFlags::empty(),
        )?)
    }

    /// Removes a file; nothing happens when there is none.
    pub fn remove(&self, place: Place<'_>) -> io::Result<()> {
        let Some(parent) = found(self.parent(place))? else {
            return Ok(());
        };
        self.before(&Operation::Remove(place))?;
        let removed = sys::unlinkat(&parent, place.name(), AtFlags::empty());
        found(removed.map_err(io::Error::from)).map(drop)
    }

    /// Makes a directory and those above it; nothing happens when they stand.
    pub fn make_folders(&self, place: Place<'_>) -> io::Result<()> {
        if place.1.is_empty() || self.stat(place)?.is_some_and(|stat| stat.is_folder()) {
            return Ok(());
        }
        self.make_folders(place.parent())?;
        self.before(&Operation::MakeFolder(place))?;
        let parent = self.parent(place)?;
        match sys::mkdirat(&parent, place.name(), Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a directory if it is empty, and says whether it did.
    pub fn remove_empty_folder(&self, place: Place<'_>) -> io::Result<bool> {
        let Some(parent) = found(self.parent(place))? else {
            return Ok(false);
        };
        self.before(&Operation::RemoveFolder(place))?;
        match sys::unlinkat(&parent, place.name(), AtFlags::REMOVEDIR) {
            Ok(()) => Ok(true),
            Err(
                rustix::io::Errno::NOTEMPTY | rustix::io::Errno::NOENT | rustix::io::Errno::EXIST,
            ) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the names in a directory durable.
    pub fn sync_folder(&self, place: Place<'_>) -> io::Result<()> {
        self.before(&Operation::SyncFolder(place))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
        Ok(sys::fsync(self.open_at(place, flags)?)?)
    }

    /// Makes all that anybody wrote to this file system durable: what people's git left un-synced, too.
    pub fn sync_file_system(&self) -> io::Result<()> {
        self.before(&Operation::SyncFileSystem)?;
        Ok(sys::syncfs(&self.git)?)
    }

    fn before(&self, operation: &Operation<'_>) -> io::Result<()> {
        match self.verdict(operation) {
            Verdict::Proceed => Ok(()),
            Verdict::Fail(error) => Err(error),
            Verdict::Short(_) => Err(io::ErrorKind::StorageFull.into()),
        }
    }

    fn verdict(&self, operation: &Operation<'_>) -> Verdict {
        self.witness
            .as_ref()
            .map_or(Verdict::Proceed, |witness| witness.judge(operation))
    }

    fn rename_with(&self, from: Place<'_>, to: Place<'_>, flags: RenameFlags) -> io::Result<()> {
        let (old, new) = (self.parent(from)?, self.parent(to)?);
        Ok(sys::renameat_with(
            &old,
            from.name(),
            &new,
            to.name(),
            flags,
        )?)
    }

    fn parent(&self, place: Place<'_>) -> io::Result<Opened<'_>> {
        let parent = place.parent();
        if parent.1.is_empty() {
            return Ok(Opened::Root(self.root(parent.0)));
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW;
        self.open_at(parent, flags).map(Opened::Below)
    }

    fn root(&self, root: Root) -> BorrowedFd<'_> {
        match root {
            Root::Folder => self.folder.as_fd(),
            Root::Git => self.git.as_fd(),
        }
    }

    fn open_at(&self, place: Place<'_>, flags: OFlags) -> io::Result<OwnedFd> {
        let root = self.root(place.0);
        let path = if place.1.is_empty() { "." } else { place.1 };
        let mode = if flags.contains(OFlags::CREATE) {
            Mode::from_raw_mode(0o666)
        } else {
            Mode::empty()
        };
        match at_once(root, path, flags, mode) {
            Err(error) if is_missing(&error) => step_by_step(root, path, flags, mode),
            opened => opened,
        }
    }
}

/// A directory to look a name up in.
enum Opened<'a> {
    /// One of the two that stay open.
    Root(BorrowedFd<'a>),
    Below(OwnedFd),
}

impl AsFd for Opened<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Root(root) => *root,
            Self::Below(folder) => folder.as_fd(),
        }
    }
}

/// Opens a path by one system call that follows no link and does not leave the root.
fn at_once(root: BorrowedFd<'_>, path: &str, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    Ok(sys::openat2(
        root,
        path,
        flags | OFlags::CLOEXEC,
        mode,
        resolve,
    )?)
}

/// Whether the kernel does not know that call, or a sandbox forbids it.
fn is_missing(error: &io::Error) -> bool {
    let code = rustix::io::Errno::from_io_error(error);
    matches!(
        code,
        Some(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM)
    )
}

/// Opens a path one component at a time, following no link: what `openat2` does, on kernels and in sandboxes without it.
fn step_by_step(
    root: BorrowedFd<'_>,
    path: &str,
    flags: OFlags,
    mode: Mode,
) -> io::Result<OwnedFd> {
    if path.split('/').any(|component| component == "..") {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut at = root.try_clone_to_owned()?;
    for component in folders.split('/').filter(|component| !component.is_empty()) {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        at = sys::openat(&at, component, flags, Mode::empty())?;
    }
    Ok(sys::openat(
        &at,
        name,
        flags | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        mode,
    )?)
}

/// Turns "there is no such thing" into nothing.
fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
