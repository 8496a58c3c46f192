//! The git index as the folder's thread knows it: the image, and the file it was read from or written to.

use std::time::{Duration, SystemTime};

use crate::backend::disk::{Disk, Place, Root, Stat};
use crate::backend::git::Git;
use crate::backend::git_index::{Entry, GitIndex, StatData, Update};
use crate::model::error::{Doing, Fault};
use crate::model::object::Revision;

/// Git puts its index in place a moment before it moves HEAD or the branch: what it means to do is known this long after.
pub(crate) const STIRRING: Duration = Duration::from_millis(100);

/// The index file, below `.git`.
pub(crate) const INDEX: &str = "index";

/// The image, and which file it is of.
#[derive(Default)]
pub(crate) struct Index {
    image: GitIndex,
    file: Option<Stat>,
    /// The file that a show put in place last.
    own: Option<Stat>,
}

impl Index {
    /// Reads the file again unless it is the one that is known.
    pub(crate) fn refresh(&mut self, disk: &Disk) -> Result<(), Fault> {
        let file = self.stat(disk)?;
        if file == self.file && file.is_some() {
            return Ok(());
        }
        let bytes = disk
            .read(Place(Root::Git, INDEX))
            .doing("read the git index")?
            .unwrap_or_default();
        self.image = match bytes.is_empty() {
            true => GitIndex::empty(),
            false => GitIndex::parse(&bytes).doing("read the git index")?,
        };
        self.file = file;
        Ok(())
    }

    /// Whether there is nothing to read: somebody removed the file, or a power cut emptied it after people's git, which
    /// does not sync it, had written it. An index without entries has a head all the same.
    pub(crate) fn is_lost(&self) -> bool {
        self.file.is_none_or(|file| file.size == 0)
    }

    /// Has what a commit has, until the file is read again.
    pub(crate) fn take_from(
        &mut self,
        (disk, git): (&Disk, &Git),
        commit: Revision,
    ) -> Result<(), Fault> {
        self.image = of_commit(disk, git, commit)?;
        Ok(())
    }

    /// Whether the file is still the one that is known.
    pub(crate) fn is_current(&self, disk: &Disk) -> Result<bool, Fault> {
        Ok(self.stat(disk)? == self.file)
    }

    /// The image to patch: entries that git has to compare by text are marked so, because a later index would make it
    /// trust them.
    pub(crate) fn to_patch(&self) -> GitIndex {
        let mut image = self.image.clone();
        if let Some(file) = self.file {
            image.smudge_racy(StatData::from(file).mtime_s, |_| false);
        }
        image
    }

    /// A new image is in place, in a file of this inode; or people's git has been faster to replace it again.
    pub(crate) fn replaced(
        &mut self,
        image: GitIndex,
        inode: u64,
        disk: &Disk,
    ) -> Result<(), Fault> {
        self.image = image;
        self.own = self.stat(disk)?.filter(|file| file.inode == inode);
        self.file = self.own;
        Ok(())
    }

    /// Whether people's git has only just put the index in place that is known.
    pub(crate) fn is_stirring(&self) -> bool {
        self.left_alone_for(self.file.as_ref())
            .is_some_and(|age| age < STIRRING)
    }

    /// How long people's git has left the index alone; nothing when it was the daemon that wrote it last.
    pub(crate) fn left_alone_for(&self, file: Option<&Stat>) -> Option<Duration> {
        let file = file.filter(|file| Some(**file) != self.own)?;
        let changed =
            SystemTime::UNIX_EPOCH + Duration::new(file.changed.0.unsigned_abs(), file.changed.1);
        SystemTime::now().duration_since(changed).ok()
    }

    /// The image.
    pub(crate) fn image(&self) -> &GitIndex {
        &self.image
    }

    /// Whether a file that looks like this is the one its entry was made of: nobody has changed it since.
    pub(crate) fn knows(&self, path: &str, stat: &Stat) -> bool {
        self.image
            .get(path.as_bytes())
            .is_some_and(|entry| entry.stat == StatData::from(*stat))
    }

    fn stat(&self, disk: &Disk) -> Result<Option<Stat>, Fault> {
        disk.stat(Place(Root::Git, INDEX))
            .doing("look at the git index")
    }
}

/// The index of a folder that has the files of a commit. Git compares each of them once by its text.
pub(crate) fn of_commit(disk: &Disk, git: &Git, commit: Revision) -> Result<GitIndex, Fault> {
    // Which files a sparse checkout leaves out stood in the old one only; taken for removed, they would be lost.
    let is_sparse = git.config("core.sparseCheckout").as_deref() == Some("true");
    let files = git.differences(None, commit)?;
    let mut updates = Vec::with_capacity(files.len());
    for file in &files {
        let Some(leaf) = file.new else {
            continue;
        };
        let path = std::str::from_utf8(&file.path).ok().filter(|_| is_sparse);
        let stat = path.map(|path| disk.stat(Place(Root::Folder, path)));
        let stat = stat.transpose().doing("look at a file")?;
        updates.push(Update::Set(Entry {
            mode: leaf.mode.0,
            skip_worktree: matches!(stat, Some(None)),
            ..Entry::file(&file.path, leaf.id, StatData::default())
        }));
    }
    Ok(GitIndex::empty().patched(updates))
}
