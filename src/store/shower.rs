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
//!    commit` of a person would silently revert what was written. The lock of the index stands until the branch has moved:
//!    git commands that change both fail whole, instead of finding the one without the other.
//! 5. The branch's directory is synced, and only then `refs/memoryd/shown` moves. *After a crash before that* the branch
//!    lies between what was shown and the head: it is ours, and the next start notes so.
//!
//! When somebody else was faster at any point, the locks are dropped and the show is tried again later. Until then the
//! files are put back (`bringing.rs`).

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use crate::backend::disk::{Disk, Place, Root};
use crate::backend::git_index::{Entry, GitIndex, StatData, Update};
use crate::backend::refs::{self, RefMove, TEMPORARY};
use crate::model::error::{Doing, Error, Fault};
use crate::model::history::Difference;
use crate::model::object::{BlobId, Revision};
use crate::model::tree::Leaf;
use crate::store::adoption::Save;
use crate::store::folder::Folder;
use crate::store::hold;
use crate::store::index::INDEX;
use crate::store::progress::Mark;
use crate::store::quarantine::QUARANTINE;

/// The index that is about to be put in place.
const NEW_INDEX: &str = "memoryd/tmp/index";
/// Its name on the way to its place.
const PLACED_INDEX: &str = "memoryd/tmp/index.placed";
const INDEX_LOCK: &str = "index.lock";
/// People's git is looked for this often while files are brought along: no command of theirs is over sooner.
const UNDISTURBED: Duration = Duration::from_millis(1);

/// A path that was brought along, with its entry of the new index.
type Brought = (String, Option<NewEntry>);

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
        if let Some(shown) = self.folder_at().filter(|_| self.index.is_lost()) {
            self.index
                .take_from((&self.shared.disk, &self.git), shown)?;
        }
        let differences = self.to_bring(target.revision)?;
        let staged = self.staged(&differences, target.revision)?;
        if !staged.is_empty() {
            // A checkout stages what it takes out, a moment before it moves HEAD.
            if self.index.is_stirring() {
                return Ok(());
            }
            return self.adopt_saves(staged).map(drop);
        }
        let brought = self.bring_all(&differences, target.revision);
        let shown = brought.and_then(|entries| {
            entries.map_or(Ok(false), |entries| self.put_in_place(&entries, target))
        });
        if shown? {
            self.keep_displaced();
            self.adopted_staged.clear();
            self.adopted.clear();
            self.left_behind_at = None;
        }
        Ok(())
    }

    /// Every file at which the folder is not as a commit has it: what changed since the folder was brought along last, and
    /// where a person's save was adopted and merged with what an agent had written meanwhile.
    fn to_bring(&self, target: Revision) -> Result<Vec<Difference>, Fault> {
        let mut differences = self.git.differences(self.folder_at(), target)?;
        for (path, text) in &self.adopted {
            let path = path.as_bytes();
            if differences
                .iter()
                .all(|difference| *difference.path != *path)
            {
                let leaf = self.git.leaf_at(target, path)?;
                let is_there = leaf.is_some_and(|leaf| leaf.id == text.0);
                differences.extend((!is_there).then(|| Difference {
                    path: path.into(),
                    old: leaf,
                    new: leaf,
                }));
            }
        }
        Ok(differences)
    }

    /// Texts that a person staged at paths that are about to be replaced in the index.
    fn staged(&mut self, differences: &[Difference], target: Revision) -> Result<Vec<Save>, Error> {
        let between = (self.folder_at(), target);
        let mut saves = Vec::new();
        for difference in differences {
            let Some(entry) = self.index.image().get(&difference.path) else {
                continue;
            };
            let is = |leaf: Option<Leaf>| leaf.is_some_and(|leaf| leaf.id == entry.id);
            if is(difference.old)
                || is(difference.new)
                || entry.intent_to_add
                || entry.skip_worktree
            {
                continue;
            }
            let path = String::from_utf8_lossy(&difference.path).into_owned();
            let blob = BlobId(entry.id);
            // A show that could not finish had put its index in place, and the head has gone on since.
            if self.git.had_text(&difference.path, blob, between)? {
                continue;
            }
            let Ok(text) = String::from_utf8(self.git.blob(blob)?) else {
                continue;
            };
            if self.adopted_staged.insert((path, blob)) {
                let base = difference.old.map(|leaf| BlobId(leaf.id));
                saves.push(Save {
                    path: difference.path.clone(),
                    base,
                    text: Some(text.into()),
                });
            }
        }
        Ok(saves)
    }

    /// Brings all files along and gives the entries of the new index; none when people's git was at work meanwhile.
    fn bring_all(
        &mut self,
        differences: &[Difference],
        target: Revision,
    ) -> Result<Option<Vec<Brought>>, Fault> {
        let mut entries = Vec::new();
        let mut looked = None;
        for difference in differences {
            if looked.is_none_or(|looked: Instant| looked.elapsed() > UNDISTURBED) {
                if !self.is_undisturbed()? {
                    return Ok(None);
                }
                looked = Some(Instant::now());
            }
            entries.extend(self.bring(difference, target)?);
        }
        Ok(Some(entries))
    }

    /// Whether nobody's git has begun something since the last look.
    fn is_undisturbed(&self) -> Result<bool, Fault> {
        let disk = &self.shared.disk;
        let is_locked = disk
            .stat(Place(Root::Git, INDEX_LOCK))
            .doing("look at the git index")?
            .is_some();
        Ok(!is_locked && self.index.is_current(disk)? && is_on(disk, &self.shared.branch())?)
    }

    /// Brings one file along, and gives its path with its entry of the new index.
    fn bring(
        &mut self,
        difference: &Difference,
        target: Revision,
    ) -> Result<Option<Brought>, Fault> {
        let Ok(path) = std::str::from_utf8(&difference.path) else {
            return Ok(None);
        };
        let path = path.to_owned();
        if self.index.image().is_unmerged(path.as_bytes()) {
            return Ok(None);
        }
        let entry = self.index.image().get(path.as_bytes());
        let is_skipped = entry.is_some_and(|entry| entry.skip_worktree);
        let text = |leaf: Leaf| BlobId(leaf.id);
        let (shown, new) = (difference.old.map(text), difference.new.map(text));
        let base = match (self.bases.get(&path), self.adopted.get(&path)) {
            (Some(base), _) => base,
            (None, adopted) => adopted.copied().or(shown),
        };
        let displaced = self
            .quarantine
            .next(&path, (base, new), (self.folder_at(), target));
        let stat = match difference.new {
            Some(leaf) if leaf.mode.is_file() && !is_skipped => self.put_file(displaced, leaf)?,
            None if !is_skipped => {
                self.take_file(displaced)?;
                StatData::default()
            }
            _ => StatData::default(),
        };
        Ok(Some((
            path,
            difference.new.map(|leaf| NewEntry {
                leaf,
                stat,
                is_skipped,
            }),
        )))
    }

    /// Replaces index and branch, if both are still as they were; says whether it did.
    fn put_in_place(&mut self, entries: &[Brought], target: Mark) -> Result<bool, Fault> {
        let disk = &self.shared.disk;
        let image = patched(self.index.to_patch(), entries);
        let new_index = Place(Root::Git, NEW_INDEX);
        disk.remove(new_index)
            .doing("remove an old temporary file")?;
        let file = disk
            .create(new_index, &image.to_bytes())
            .doing("write the git index")?;
        file.sync().doing("write the git index")?;
        let inode = file.stat().doing("look at the git index")?.inode;
        let branch = &*self.shared.branch();
        let mut moving = RefMove::prepare(disk, branch, target.revision)?;
        // The index first: whoever of people's git wants both takes them in this order, too, and fails at the second only
        // after it has changed files.
        let Some(index_lock) = IndexLock::take(disk)? else {
            return Ok(false);
        };
        // Looked at under the locks: from here on nobody else can replace index or branch.
        if !moving.lock()? || !self.may_replace()? {
            drop(moving);
            return Ok(false);
        }
        index_lock.put_in_place()?;
        // Two directories: without this, a power cut may keep the branch and take the index back.
        disk.sync_folder(Place(Root::Git, ""))
            .doing("sync the git index")?;
        moving.commit()?;
        drop(index_lock);
        refs::sync(disk, branch)?;
        self.shared.progress.is_seen(target);
        self.index.replaced(image, inode, &self.shared.disk)?;
        if self.shown != Some(target.revision) {
            self.log_move(target)?;
        }
        self.set_shown(target)?;
        Ok(true)
    }

    /// Whether branch, HEAD and index are as the show found them, and nobody has asked to hold still since.
    fn may_replace(&self) -> Result<bool, Fault> {
        let (disk, branch) = (&self.shared.disk, &*self.shared.branch());
        Ok(refs::read(disk, branch)? == self.shown
            && is_on(disk, branch)?
            && self.index.is_current(disk)?
            && hold::standing(&self.shared)?.is_none())
    }

    /// One line a show in the branch's and HEAD's reflog, as git writes one a command.
    fn log_move(&self, target: Mark) -> Result<(), Fault> {
        if self.git.config("core.logAllRefUpdates").as_deref() == Some("false") {
            return Ok(());
        }
        let before = self.reflog_tip()?;
        let now = (self.shared.clock)();
        let line = format!(
            "{before} {} memoryd <memoryd@localhost> {} +0000\tmemoryd: show\n",
            target.revision, now.seconds
        );
        for name in ["HEAD", self.shared.branch().as_str()] {
            let path = format!("logs/{name}");
            let place = Place(Root::Git, &path);
            self.shared
                .disk
                .make_folders(place.parent())
                .doing("make the reflog's directory")?;
            append(&self.shared.disk, place, line.as_bytes()).doing("write the reflog")?;
        }
        Ok(())
    }

    fn reflog_tip(&self) -> Result<Revision, Fault> {
        let path = format!("logs/{}", self.shared.branch());
        let bytes = self
            .shared
            .disk
            .read(Place(Root::Git, &path))
            .doing("read the reflog")?
            .unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let tip = text
            .lines()
            .last()
            .and_then(|line| line.split(' ').nth(1)?.parse().ok());
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

fn patched(image: GitIndex, entries: &[Brought]) -> GitIndex {
    image.patched(entries.iter().map(|(path, entry)| match entry {
        None => Update::Remove(path.as_bytes()),
        Some(NewEntry {
            leaf,
            stat,
            is_skipped,
        }) => {
            let entry = Entry::file(path.as_bytes(), leaf.id, *stat);
            Update::Set(Entry {
                mode: leaf.mode.0,
                skip_worktree: *is_skipped,
                ..entry
            })
        }
    }))
}

/// The index's lock, held until it is dropped: a hard link of the new index.
struct IndexLock<'a>(&'a Disk);

impl<'a> IndexLock<'a> {
    fn take(disk: &'a Disk) -> Result<Option<Self>, Fault> {
        match disk.link(Place(Root::Git, NEW_INDEX), Place(Root::Git, INDEX_LOCK)) {
            Ok(()) => Ok(Some(Self(disk))),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(Fault::new("lock the git index", error)),
        }
    }

    /// Replaces the index by a third name of the new one, so that the lock stands on. A checkout or a reset that came
    /// between index and branch would take all that is new for what a person staged.
    fn put_in_place(&self) -> Result<(), Fault> {
        const DOING: &str = "replace the git index";
        let (new, placed) = (Place(Root::Git, NEW_INDEX), Place(Root::Git, PLACED_INDEX));
        self.0.remove(placed).doing(DOING)?;
        self.0.link(new, placed).doing(DOING)?;
        self.0.rename(placed, Place(Root::Git, INDEX)).doing(DOING)
    }
}

impl Drop for IndexLock<'_> {
    fn drop(&mut self) {
        // The lock first: as long as it stands, its other name is what proves that it is ours.
        for path in [INDEX_LOCK, NEW_INDEX] {
            if let Err(error) = self.0.remove(Place(Root::Git, path)) {
                tracing::warn!(%error, path, "a lock or its other name stays behind until the next look");
                return;
            }
        }
    }
}

/// Removes locks that an earlier show could not remove when it let them go.
pub(super) fn remove_own_locks(disk: &Disk, branch: &str) -> Result<(), Fault> {
    refs::remove_other_name(
        disk,
        Place(Root::Git, NEW_INDEX),
        Place(Root::Git, INDEX_LOCK),
    )?;
    refs::remove_own_lock(disk, branch)
}

/// Makes the directories that shows need.
pub(crate) fn prepare(disk: &Disk) -> Result<(), Fault> {
    for folder in [TEMPORARY, QUARANTINE] {
        disk.make_folders(Place(Root::Git, folder))
            .doing("make the daemon's directories")?;
    }
    Ok(())
}
