//! Git's refs, read from their files and moved under git's own locks.
//!
//! A ref is moved the way git itself does it: whoever creates `<ref>.lock` may replace the ref, by renaming the lock onto
//! it. Two things are done more carefully than git does them. The lock is a hard link of a file that was written and
//! synced before, so that it is never seen half-written, and so that a lock left by a crash is provably ours: it shares
//! its inode with a file under `.git/memoryd/tmp`. And the directory is synced after the rename: git leaves that out, and
//! loses the last commits in a power cut even with `core.fsync=all`.

use std::io::{self, ErrorKind};

use crate::backend::disk::{Disk, Place, Root};
use crate::model::error::{Doing, Fault};
use crate::model::object::Revision;

/// Where the daemon's own files lie, below `.git`.
pub const TEMPORARY: &str = "memoryd/tmp";

/// What `HEAD` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// It follows this ref, which may not exist yet.
    Ref(String),
    /// It names a commit itself: nobody is on a branch.
    Detached(Revision),
    /// It is empty or says something else.
    Unreadable,
}

/// What `.git/HEAD` says.
pub fn head(disk: &Disk) -> Result<Head, Fault> {
    let bytes = disk
        .read(Place(Root::Git, "HEAD"))
        .doing("read HEAD")?
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim_end();
    Ok(match (text.strip_prefix("ref: "), text.parse()) {
        (Some(name), _) => Head::Ref(name.trim().to_owned()),
        (None, Ok(revision)) => Head::Detached(revision),
        (None, Err(_)) => Head::Unreadable,
    })
}

/// The commit that a ref names; none when there is no such ref, or its file is empty as after a power cut.
pub fn read(disk: &Disk, name: &str) -> Result<Option<Revision>, Fault> {
    let loose = disk.read(Place(Root::Git, name)).doing("read a ref")?;
    match loose.as_deref().map(String::from_utf8_lossy) {
        Some(text) => Ok(text.trim_end().parse().ok()),
        None => packed(disk, name),
    }
}

/// `git pack-refs` and `git gc` move refs into one file; a ref without a file of its own stands there.
fn packed(disk: &Disk, name: &str) -> Result<Option<Revision>, Fault> {
    let bytes = disk
        .read(Place(Root::Git, "packed-refs"))
        .doing("read packed-refs")?
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let mut entries = text.lines().filter_map(|line| line.split_once(' '));
    Ok(entries
        .find(|(_, ref_name)| *ref_name == name)
        .and_then(|(id, _)| id.parse().ok()))
}

/// A ref that only this program moves. Whatever else it names than it should is a fault, but for one thing: a move that
/// failed may have happened all the same, and the next one must not stumble over it.
#[derive(Debug)]
pub struct OwnRef {
    name: &'static str,
    at: Option<Revision>,
    tried: Option<Revision>,
    /// The directories above its own are durable.
    is_rooted: bool,
}

impl OwnRef {
    /// The ref as it stands.
    pub fn read(disk: &Disk, name: &'static str) -> Result<Self, Fault> {
        Ok(Self {
            name,
            at: read(disk, name)?,
            tried: None,
            is_rooted: false,
        })
    }

    /// What it names.
    pub fn at(&self) -> Option<Revision> {
        self.at
    }

    /// Moves it, durably. Where somebody has removed it, it is made anew.
    pub fn move_to(&mut self, disk: &Disk, new: Revision) -> Result<(), Fault> {
        let failed = |why: String| Fault::new(format!("move {}", self.name), why);
        let mut moving = RefMove::prepare(disk, self.name, new)?;
        if !moving.lock()? {
            return Err(failed(format!("{}.lock stands in the way", self.name)));
        }
        let found = read(disk, self.name)?;
        if found.is_some() && ![self.at, self.tried, Some(new)].contains(&found) {
            return Err(failed(format!(
                "it names {found:?} instead of {:?}",
                self.at
            )));
        }
        self.tried = Some(new);
        moving.commit()?;
        // What stands since the first move is not made anew but together with the ref.
        match self.is_rooted && found.is_some() {
            true => sync_folder(disk, Place(Root::Git, self.name).parent())?,
            false => sync(disk, self.name)?,
        }
        (self.at, self.tried, self.is_rooted) = (Some(new), None, true);
        Ok(())
    }
}

/// Makes a moved ref durable: its name, and those of directories that were made for it.
pub fn sync(disk: &Disk, name: &str) -> Result<(), Fault> {
    let mut place = Place(Root::Git, name);
    while !place.1.is_empty() {
        place = place.parent();
        sync_folder(disk, place)?;
        if place.1 == "refs" {
            break;
        }
    }
    Ok(())
}

fn sync_folder(disk: &Disk, place: Place<'_>) -> Result<(), Fault> {
    disk.sync_folder(place).doing("sync a ref's directory")
}

/// A ref's new value on its way into place: written and synced, then locked, then there. Dropped before that, it changes
/// nothing.
#[derive(Debug)]
pub struct RefMove<'a> {
    disk: &'a Disk,
    name: String,
    lock: String,
    temporary: String,
    held: bool,
}

impl<'a> RefMove<'a> {
    /// Writes the new value, which takes long, so that the lock need not be held for it.
    pub fn prepare(disk: &'a Disk, name: &str, new: Revision) -> Result<Self, Fault> {
        remove_own_lock(disk, name)?;
        let (temporary, lock) = (temporary(name), format!("{name}.lock"));
        let place = Place(Root::Git, &temporary);
        disk.make_folders(Place(Root::Git, &lock).parent())
            .doing("make a ref's directory")?;
        disk.remove(place).doing("remove an old temporary file")?;
        let file = disk
            .create(place, format!("{new}\n").as_bytes())
            .doing("write a ref")?;
        file.sync().doing("sync a ref")?;
        Ok(Self {
            disk,
            name: name.to_owned(),
            lock,
            temporary,
            held: false,
        })
    }

    /// Takes the ref's lock; says whether it could, or somebody else holds it.
    pub fn lock(&mut self) -> Result<bool, Fault> {
        let (from, to) = (
            Place(Root::Git, &self.temporary),
            Place(Root::Git, &self.lock),
        );
        match self.disk.link(from, to) {
            Ok(()) => self.held = true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Fault::new("lock a ref", error)),
        }
        Ok(self.held)
    }

    /// Puts the new value in place. It is durable after [`sync`].
    pub fn commit(mut self) -> Result<(), Fault> {
        let renamed = self
            .disk
            .rename(Place(Root::Git, &self.lock), Place(Root::Git, &self.name));
        self.held = renamed.is_err();
        renamed.doing("move a ref")
    }

    fn let_go(&mut self) -> io::Result<()> {
        if self.held {
            self.disk.remove(Place(Root::Git, &self.lock))?;
        }
        self.disk.remove(Place(Root::Git, &self.temporary))
    }
}

/// Removes a ref's lock that could not be removed when it was let go. To be called by whoever would take it.
pub fn remove_own_lock(disk: &Disk, name: &str) -> Result<(), Fault> {
    let (temporary, lock) = (temporary(name), format!("{name}.lock"));
    remove_other_name(disk, Place(Root::Git, &temporary), Place(Root::Git, &lock))
}

/// Removes a lock if it is another name of a temporary file, which proves that it is ours.
pub fn remove_other_name(disk: &Disk, temporary: Place<'_>, lock: Place<'_>) -> Result<(), Fault> {
    const DOING: &str = "remove a lock of our own";
    let Some(standing) = disk.stat(lock).doing(DOING)? else {
        return Ok(());
    };
    let own = disk.stat(temporary).doing(DOING)?;
    match own.is_some_and(|own| own.inode == standing.inode) {
        true => disk.remove(lock).doing(DOING),
        false => Ok(()),
    }
}

/// Where a ref's new value is written before it becomes its lock.
fn temporary(name: &str) -> String {
    format!("{TEMPORARY}/{}.ref", name.replace('/', "-"))
}

impl Drop for RefMove<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.let_go() {
            tracing::warn!(%error, lock = self.lock, "a ref's lock stays behind until the next start");
        }
    }
}
