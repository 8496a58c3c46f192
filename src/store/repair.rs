//! Mending what a crash or a power cut left in `.git`, before anything else looks at it.

use crate::backend::disk::{Disk, Place, Root};
use crate::backend::git::Git;
use crate::backend::git_index::{GitIndex, Unreadable};
use crate::backend::packs::{KEEP_TEXT, PACKS};
use crate::backend::process;
use crate::backend::refs::{self, Head, TEMPORARY};
use crate::model::error::{Doing, Fault};
use crate::store::folder::SHOWN;
use crate::store::index::{self, INDEX};

/// Removes locks that nobody holds any more: those that a crash of this program left, which share an inode with a file of
/// its own, and those that are older than the system's start. Any other is a person's git at work; until it is gone,
/// nothing is shown.
pub(crate) fn remove_dead_locks(disk: &Disk, branch: &str) -> Result<(), Fault> {
    const DOING: &str = "remove locks that a crash left";
    let own = disk.entries(Place(Root::Git, TEMPORARY)).doing(DOING)?;
    let booted_at = process::booted_at().unwrap_or(0);
    for path in ["index.lock", "HEAD.lock", &format!("{branch}.lock")] {
        let Some(lock) = disk.stat(Place(Root::Git, path)).doing(DOING)? else {
            continue;
        };
        if lock.modified.0 < booted_at || own.iter().any(|(_, stat)| stat.inode == lock.inode) {
            disk.remove(Place(Root::Git, path)).doing(DOING)?;
        }
    }
    for name in ["head", "shown", "kept"] {
        disk.remove(Place(Root::Git, &format!("refs/memoryd/{name}.lock")))
            .doing(DOING)?;
    }
    for (name, _) in own {
        disk.remove(Place(Root::Git, &format!("{TEMPORARY}/{name}")))
            .doing(DOING)?;
    }
    Ok(())
}

/// Fills files that git wrote, did not sync, and lost the bytes of. Without this git refuses the repository.
pub(crate) fn fill_lost_files(disk: &Disk, branch: &str) -> Result<(), Fault> {
    const DOING: &str = "repair what a power cut left";
    let is_lost = |path: &str| {
        let bytes = disk.read(Place(Root::Git, path)).doing(DOING)?;
        Ok::<_, Fault>(bytes.is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0)))
    };
    if is_lost("HEAD")? {
        disk.replace(
            Place(Root::Git, "HEAD"),
            format!("ref: {branch}\n").as_bytes(),
        )
        .doing(DOING)?;
    }
    if is_lost(branch)? {
        match refs::read(disk, SHOWN)? {
            Some(shown) => disk.replace(Place(Root::Git, branch), format!("{shown}\n").as_bytes()),
            None => disk.remove(Place(Root::Git, branch)),
        }
        .doing(DOING)?;
    }
    Ok(())
}

/// Writes the git index anew where it was lost or damaged, as `git reset` would. Without this everything would seem to be
/// deleted and staged so, and the next commit of a person would delete it. Before the first show nothing is known to be
/// lost. Whoever had texts staged finds the old bytes beside the new.
pub(crate) fn mend_index(disk: &Disk, git: &Git) -> Result<(), Fault> {
    const DOING: &str = "repair the git index";
    let place = Place(Root::Git, INDEX);
    match disk.read(place).doing(DOING)? {
        None => {
            // Whoever holds the lock is about to write one.
            let lock = disk.stat(Place(Root::Git, "index.lock")).doing(DOING)?;
            if lock.is_some() || refs::read(disk, SHOWN)?.is_none() {
                return Ok(());
            }
        }
        Some(bytes) if matches!(GitIndex::parse(&bytes), Err(Unreadable::Damaged(_))) => {
            disk.replace(Place(Root::Git, "index.bad"), &bytes)
                .doing(DOING)?;
        }
        Some(_) => return Ok(()),
    }
    let checked_out = match refs::head(disk)? {
        Head::Ref(name) => refs::read(disk, &name)?,
        Head::Detached(revision) => Some(revision),
        Head::Unreadable => None,
    };
    let index = match checked_out {
        Some(revision) => index::of_commit(disk, git, revision)?,
        None => GitIndex::empty(),
    };
    tracing::warn!(
        "the git index was lost or damaged; it is made anew, a damaged one is index.bad"
    );
    disk.replace(place, &index.to_bytes()).doing(DOING)
}

/// Indexes packs that have no index: a crash between the two renames, or a foreign `git gc` that took the index of a pack
/// it had not seen. One that cannot be read is set aside, where git does not stumble over it.
pub(crate) fn index_orphan_packs(disk: &Disk, git: &Git) -> Result<(), Fault> {
    const DOING: &str = "look for packs without an index";
    let names = disk.list(Place(Root::Git, PACKS)).doing(DOING)?;
    for name in names.iter().filter_map(|name| name.strip_suffix(".keep")) {
        let keep = format!("{PACKS}/{name}.keep");
        if disk.read(Place(Root::Git, &keep)).doing(DOING)?.as_deref() == Some(KEEP_TEXT) {
            disk.remove(Place(Root::Git, &keep)).doing(DOING)?;
        }
    }
    for name in names.iter().filter_map(|name| name.strip_suffix(".pack")) {
        if names.contains(&format!("{name}.idx")) {
            continue;
        }
        let (pack, index) = (
            format!("{PACKS}/{name}.pack"),
            format!("{PACKS}/{name}.idx"),
        );
        let bytes = disk
            .read(Place(Root::Git, &pack))
            .doing(DOING)?
            .unwrap_or_default();
        let scratch = disk.path().join(".git").join(TEMPORARY);
        match git.index_of_pack(&bytes, &scratch) {
            Ok(bytes) => {
                tracing::warn!(pack = name, "a pack had lost its index; it has one again");
                disk.replace(Place(Root::Git, &index), &bytes)
                    .doing(DOING)?;
            }
            Err(fault) => {
                tracing::warn!(pack = name, %fault, "a pack is set aside as .bad");
                let aside = format!("{pack}.bad");
                disk.rename(Place(Root::Git, &pack), Place(Root::Git, &aside))
                    .doing(DOING)?;
            }
        }
    }
    Ok(())
}
