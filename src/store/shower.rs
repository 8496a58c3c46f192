//! Showing: branch, files and git index are brought along to what is published, together.
//!
//! # The steps, and what a crash after each leaves
//!
//! 1. The index is read again if it is not the one we know. What a person staged is adopted before it is replaced.
//! 2. Files are swapped into place, each in one step, without any lock. *After a crash* some files are newer than the
//!    branch. Their bytes are texts that lie between what was shown and the head, so the next start does not take them for
//!    a person's save, and the next show finds them in place.
//! 3. The new index is written and synced beside the old one; the branch's lock and the index's are taken, by hard links of
//!    files under `.git/memoryd/tmp`. *After a crash* the next start removes both locks: they are provably ours.
//! 4. **The index is renamed into place first, then the branch.** *After a crash between the two* the branch is old and the
//!    index is new: `git status` shows staged changes, and the next show finishes. The other way round, the next `git
//!    commit` of a person would silently revert what was written.
//! 5. The branch's directory is synced, and only then `refs/memoryd/shown` moves. *After a crash before that* the branch
//!    lies between what was shown and the head: it is ours, and the next start notes so.
//!
//! When somebody else was faster at any point, the locks are dropped and the show is tried again later.

use std::io::ErrorKind;

use crate::backend::disk::{Disk, Place, Root};
use crate::backend::git_index::{Entry, GitIndex, StatData, Update};
use crate::backend::refs::{self, RefLock, TEMPORARY};
use crate::model::error::{Doing, Error, Fault};
use crate::model::history::Difference;
use crate::model::object::{BlobId, Revision};
use crate::model::tree::Leaf;
use crate::store::adoption::Save;
use crate::store::folder::Folder;
use crate::store::index::INDEX;
use crate::store::progress::Mark;
use crate::store::quarantine::{Displaced, Held, QUARANTINE};

/// The index that is about to be put in place.
const NEW_INDEX: &str = "memoryd/tmp/index";
const INDEX_LOCK: &str = "index.lock";

/// What a show has done so far.
#[derive(Default)]
struct Brought {
    entries: Vec<(String, Option<NewEntry>)>,
    displaced: Vec<(Displaced, Vec<u8>)>,
}

/// An entry of the new index.
struct NewEntry {
    leaf: Leaf,
    stat: StatData,
    is_skipped: bool,
}

impl Folder {
    /// Brings branch, files and index to the newest commit that git has.
    pub(super) fn show(&mut self) -> Result<(), Error> {
        let target = self.shared.progress.published();
        self.index.refresh(&self.shared.disk)?;
        let differences = self.git.differences(self.shown, target.revision)?;
        let staged = self.staged(&differences)?;
        if !staged.is_empty() {
            return self.adopt_saves(staged);
        }
        let mut brought = Brought::default();
        let mut brought_all = Ok(());
        for difference in &differences {
            brought_all = self.bring(difference, &mut brought);
            if brought_all.is_err() {
                break;
            }
        }
        let Brought { entries, displaced } = brought;
        let shown = brought_all.and_then(|()| self.put_in_place(&entries, target));
        // Whatever became of the show: what came out of the folder is in our hands alone now.
        for (displaced, bytes) in displaced {
            self.adopt_displaced(&displaced, bytes)?;
        }
        if shown? {
            self.adopted_staged.clear();
            self.log_move(target)?;
        }
        Ok(())
    }

    /// Texts that a person staged at paths that are about to be replaced in the index.
    fn staged(&mut self, differences: &[Difference]) -> Result<Vec<Save>, Error> {
        let mut saves = Vec::new();
        for difference in differences {
            let Some(entry) = self.index.image().get(&difference.path) else { continue };
            let is = |leaf: Option<Leaf>| leaf.is_some_and(|leaf| leaf.id == entry.id);
            if is(difference.old) || is(difference.new) || entry.intent_to_add || entry.skip_worktree {
                continue;
            }
            let path = String::from_utf8_lossy(&difference.path).into_owned();
            let blob = BlobId(entry.id);
            let Ok(text) = String::from_utf8(self.git.blob(blob)?) else { continue };
            if self.adopted_staged.insert((path, blob)) {
                let base = difference.old.map(|leaf| BlobId(leaf.id));
                saves.push(Save { path: difference.path.clone(), base, text: Some(text.into()) });
            }
        }
        Ok(saves)
    }

    /// Brings one file along.
    fn bring(&mut self, difference: &Difference, brought: &mut Brought) -> Result<(), Fault> {
        let Ok(path) = std::str::from_utf8(&difference.path) else { return Ok(()) };
        let path = path.to_owned();
        if self.index.image().is_unmerged(path.as_bytes()) {
            return Ok(());
        }
        let entry = self.index.image().get(path.as_bytes());
        let is_skipped = entry.is_some_and(|entry| entry.skip_worktree);
        let stat = match (difference.new, is_skipped) {
            (_, true) => StatData::default(),
            (Some(leaf), false) if leaf.mode.is_file() => self.put_file(&path, difference, leaf, brought)?,
            (Some(_), false) => StatData::default(),
            (None, false) => {
                self.take_file(&path, difference, brought)?;
                StatData::default()
            }
        };
        brought.entries.push((path, difference.new.map(|leaf| NewEntry { leaf, stat, is_skipped })));
        Ok(())
    }

    /// Puts a file's new text in place, and gives how it looks there.
    fn put_file(
        &mut self,
        path: &str,
        difference: &Difference,
        leaf: Leaf,
        brought: &mut Brought,
    ) -> Result<StatData, Fault> {
        let place = Place(Root::Folder, path);
        let new = self.git.blob(BlobId(leaf.id))?;
        let standing = match self.shared.disk.read(place) {
            Ok(standing) => standing,
            // Something that is no file stands there: a person put it there, and it is theirs to take away.
            Err(error) if error.kind() == ErrorKind::InvalidInput => return Ok(StatData::default()),
            Err(error) => return Err(Fault::new("read a file", error)),
        };
        if standing.as_deref() == Some(&*new) {
            return self.looks(path);
        }
        let base = difference.old.map(|leaf| BlobId(leaf.id));
        if standing.is_none() && base.is_some() {
            // A person removed it, or their editor is between two steps: the adopter finds out.
            self.hold_back(path, base);
            return Ok(StatData::default());
        }
        let displaced = self.quarantine.next(path, base);
        let temporary = Place(Root::Git, &displaced.name);
        let disk = &self.shared.disk;
        disk.make_folders(place.parent()).doing("make a folder")?;
        let file = disk.create(temporary, &new).doing("write a file")?;
        if leaf.mode.0 & 0o111 != 0 {
            file.set_executable().doing("make a file executable")?;
        }
        let swapped = match standing {
            Some(_) => swap(disk, &displaced.name, path),
            None => disk.rename_new(temporary, place).map(|()| false),
        };
        match swapped {
            Ok(true) => self.came_out(displaced, brought)?,
            Ok(false) => {}
            // Between the look and the swap a person removed the file, or made one.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::AlreadyExists) => {
                displaced.remove(&self.shared.disk)?;
                self.hold_back(path, base);
                return Ok(StatData::default());
            }
            Err(error) => return Err(Fault::new("put a file in place", error)),
        }
        self.looks(path)
    }

    /// Takes a deleted file out of the folder, and the folders that it leaves empty.
    fn take_file(&mut self, path: &str, difference: &Difference, brought: &mut Brought) -> Result<(), Fault> {
        let base = difference.old.map(|leaf| BlobId(leaf.id));
        let displaced = self.quarantine.next(path, base);
        let (from, to) = (Place(Root::Folder, path), Place(Root::Git, &displaced.name));
        match self.shared.disk.rename_new(from, to) {
            Ok(()) => self.came_out(displaced, brought)?,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err(Fault::new("take a file out of the folder", error)),
        }
        let mut folder = from.parent();
        while !folder.1.is_empty() && self.shared.disk.remove_empty_folder(folder).doing("remove an empty folder")? {
            folder = folder.parent();
        }
        Ok(())
    }

    /// What came out of the folder is either nobody's any more, or kept until it is.
    fn came_out(&mut self, displaced: Displaced, brought: &mut Brought) -> Result<(), Fault> {
        match displaced.read(&self.shared.disk)? {
            Held::Nothing => {}
            Held::Unsettled => self.quarantine.keep(displaced),
            Held::Final(bytes) => brought.displaced.push((displaced, bytes)),
        }
        Ok(())
    }

    /// The file stays as it is for now; whatever a person makes of it started from `base`.
    fn hold_back(&mut self, path: &str, base: Option<BlobId>) {
        self.bases.entry(path.to_owned()).or_insert(base);
        self.dirty.touch(path);
    }

    fn looks(&self, path: &str) -> Result<StatData, Fault> {
        let stat = self.shared.disk.stat(Place(Root::Folder, path)).doing("look at a file")?;
        Ok(stat.map(StatData::from).unwrap_or_default())
    }

    /// Replaces index and branch, if both are still as they were; says whether it did.
    fn put_in_place(&mut self, entries: &[(String, Option<NewEntry>)], target: Mark) -> Result<bool, Fault> {
        let disk = &self.shared.disk;
        let image = patched(self.index.to_patch(), entries);
        let new_index = Place(Root::Git, NEW_INDEX);
        disk.remove(new_index).doing("remove an old temporary file")?;
        disk.create(new_index, &image.to_bytes()).and_then(|file| file.sync()).doing("write the git index")?;
        let branch = &self.shared.branch;
        let Some(lock) = RefLock::take(disk, branch, target.revision)? else { return Ok(false) };
        if refs::read(disk, branch)? != self.shown || !is_on(disk, branch)? {
            return Ok(false);
        }
        let Some(index_lock) = IndexLock::take(disk)? else { return Ok(false) };
        // Looked at under the lock: from here on nobody else can replace the index.
        if !self.index.is_current(disk)? || !is_on(disk, branch)? {
            return Ok(false);
        }
        index_lock.commit()?;
        lock.commit()?;
        refs::sync(disk, branch)?;
        self.index.replaced(image, &self.shared.disk)?;
        self.set_shown(target)?;
        Ok(true)
    }

    /// One line a show in the branch's and HEAD's reflog, as git writes one a command.
    fn log_move(&self, target: Mark) -> Result<(), Fault> {
        if self.git.config("core.logAllRefUpdates").as_deref() == Some("false") {
            return Ok(());
        }
        let before = self.reflog_tip()?;
        let now = (self.shared.clock)();
        let line = format!("{before} {} memoryd <memoryd@localhost> {} +0000\tmemoryd: show\n", target.revision, now.seconds);
        for name in ["HEAD", self.shared.branch.as_str()] {
            let path = format!("logs/{name}");
            let place = Place(Root::Git, &path);
            self.shared.disk.make_folders(place.parent()).doing("make the reflog's directory")?;
            append(&self.shared.disk, place, line.as_bytes()).doing("write the reflog")?;
        }
        Ok(())
    }

    fn reflog_tip(&self) -> Result<Revision, Fault> {
        let path = format!("logs/{}", self.shared.branch);
        let bytes = self.shared.disk.read(Place(Root::Git, &path)).doing("read the reflog")?.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let tip = text.lines().last().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        Ok(tip.unwrap_or(crate::model::snapshot::Snapshot::empty().revision))
    }
}

fn append(disk: &Disk, place: Place<'_>, line: &[u8]) -> std::io::Result<()> {
    match disk.open_to_write(place)? {
        Some(file) => file.write_at(line, file.stat()?.size),
        None => disk.create(place, line).map(drop),
    }
}

/// Whether people are on the branch.
fn is_on(disk: &Disk, branch: &str) -> Result<bool, Fault> {
    Ok(refs::head(disk)? == refs::Head::Ref(branch.to_owned()))
}

/// Swaps a new file for the one at `path`, and says whether something came out, under the new one's old name.
fn swap(disk: &Disk, new: &str, path: &str) -> std::io::Result<bool> {
    let (from, to) = (Place(Root::Git, new), Place(Root::Folder, path));
    match disk.exchange(from, to) {
        // FUSE and NFS cannot swap: the old file is given a second name first, so that it is not lost.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {}
        swapped => return swapped.map(|()| true),
    }
    let aside = format!("{new}.old");
    disk.link(to, Place(Root::Git, &aside))?;
    disk.rename(from, to)?;
    disk.rename(Place(Root::Git, &aside), from)?;
    Ok(true)
}

fn patched(image: GitIndex, entries: &[(String, Option<NewEntry>)]) -> GitIndex {
    image.patched(entries.iter().map(|(path, entry)| match entry {
        None => Update::Remove(path.as_bytes()),
        Some(NewEntry { leaf, stat, is_skipped }) => {
            let entry = Entry::file(path.as_bytes(), leaf.id, *stat);
            Update::Set(Entry { mode: leaf.mode.0, skip_worktree: *is_skipped, ..entry })
        }
    }))
}

/// The index's lock, held: a hard link of the new index. Dropped without [`commit`](Self::commit), it changes nothing.
struct IndexLock<'a> {
    disk: &'a Disk,
    held: bool,
}

impl<'a> IndexLock<'a> {
    fn take(disk: &'a Disk) -> Result<Option<Self>, Fault> {
        match disk.link(Place(Root::Git, NEW_INDEX), Place(Root::Git, INDEX_LOCK)) {
            Ok(()) => Ok(Some(Self { disk, held: true })),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(Fault::new("lock the git index", error)),
        }
    }

    fn commit(mut self) -> Result<(), Fault> {
        let renamed = self.disk.rename(Place(Root::Git, INDEX_LOCK), Place(Root::Git, INDEX));
        self.held = renamed.is_err();
        renamed.doing("replace the git index")
    }
}

impl Drop for IndexLock<'_> {
    fn drop(&mut self) {
        let mut leftovers = vec![NEW_INDEX];
        if self.held {
            leftovers.push(INDEX_LOCK);
        }
        for path in leftovers {
            if let Err(error) = self.disk.remove(Place(Root::Git, path)) {
                tracing::warn!(%error, path, "a temporary file stays behind until the next start");
            }
        }
    }
}

/// Makes the directories that shows need.
pub(crate) fn prepare(disk: &Disk) -> Result<(), Fault> {
    for folder in [TEMPORARY, QUARANTINE] {
        disk.make_folders(Place(Root::Git, folder)).doing("make the daemon's directories")?;
    }
    Ok(())
}
