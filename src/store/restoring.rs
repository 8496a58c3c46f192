//! The first look at a folder after a crash: what a power cut took from files, and what a show had taken out of them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::backend::disk::{Place, Root};
use crate::model::error::{Doing, Error, Fault};
use crate::model::object::{BlobId, Revision, hash_blob};
use crate::store::adoption::Save;
use crate::store::folder::Folder;
use crate::store::last_run::LastRun;
use crate::store::quarantine::{Origin, QUARANTINE, path_key};
use crate::store::spares::SPARE;

const RESTORE: &str = "restore a file";
/// Where a file is written before it is put back.
const RESTORED: &str = "memoryd/tmp/restored";

impl Folder {
    /// Puts right what the last run could not finish, before anything on disk is taken for a person's wish.
    pub(super) fn restore(&mut self, last: LastRun) -> Result<(), Error> {
        let head = self.shared.progress.published().revision;
        let synced = match last.synced {
            Some(synced) if self.git.contains(head, synced)? => Some(synced),
            _ => None,
        };
        if last.was_cut {
            self.restore_files(synced, head)?;
        }
        self.adopt_leftovers()
    }

    /// After a power cut: files that were shown since the folder was last synced, and that came back damaged.
    fn restore_files(&mut self, synced: Option<Revision>, head: Revision) -> Result<(), Fault> {
        let mut shown = None;
        for difference in self.git.differences(synced, head)? {
            let Ok(path) = std::str::from_utf8(&difference.path) else {
                continue;
            };
            let Ok(standing) = self.shared.disk.read(Place(Root::Folder, path)) else {
                continue;
            };
            let blob = standing.as_ref().and_then(|bytes| hash_blob(bytes).ok());
            if blob.map(|blob| blob.0) == difference.new.map(|leaf| leaf.id) {
                continue;
            }
            let shown = match &mut shown {
                Some(shown) => shown,
                none => none.insert(self.git.texts((synced, head))?),
            };
            let old = difference.old.map(|leaf| BlobId(leaf.id));
            let known = shown
                .get(&difference.path)
                .into_iter()
                .flatten()
                .copied()
                .chain(old);
            let is_remains = self.is_remains(standing.as_deref().unwrap_or_default(), known)?;
            match difference.new {
                Some(leaf) if is_remains && leaf.mode.is_file() => {
                    self.put_back(path, BlobId(leaf.id))?
                }
                None if is_remains => self
                    .shared
                    .disk
                    .remove(Place(Root::Folder, path))
                    .doing(RESTORE)?,
                // A person's. Nobody knows which of the texts since then they saw; merged upon the first, none is lost.
                _ if synced.is_some() => self.bases.add(path, old),
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether bytes are what a crash makes of one of these texts: all of it, nothing, zeros, or its beginning. Any other
    /// are a person's.
    fn is_remains(
        &self,
        bytes: &[u8],
        mut of: impl Iterator<Item = BlobId>,
    ) -> Result<bool, Fault> {
        let is_blank = bytes.iter().all(|byte| *byte == 0);
        of.try_fold(is_blank, |is, text| {
            Ok(is || self.git.blob(text)?.starts_with(bytes))
        })
    }

    fn put_back(&self, path: &str, text: BlobId) -> Result<(), Fault> {
        tracing::warn!(path, "restored after a power cut");
        let disk = &self.shared.disk;
        let (temporary, place) = (Place(Root::Git, RESTORED), Place(Root::Folder, path));
        disk.remove(temporary).doing(RESTORE)?;
        disk.create(temporary, &self.git.blob(text)?)
            .doing(RESTORE)?;
        disk.make_folders(place.parent()).doing(RESTORE)?;
        disk.rename(temporary, place).doing(RESTORE)
    }

    /// What shows took out of the folder: bytes that git does not have are a person's save.
    fn adopt_leftovers(&mut self) -> Result<(), Error> {
        const DOING: &str = "look into the quarantine";
        let disk = Arc::clone(&self.shared.disk);
        let entries = disk.entries(Place(Root::Git, QUARANTINE)).doing(DOING)?;
        let mut paths = None;
        for (name, stat) in entries {
            let path = format!("{QUARANTINE}/{name}");
            let is_done = stat.size == 0
                || name.starts_with(SPARE)
                || self.is_in_history(&name, &path, (&mut paths, 1 < stat.links))?;
            if is_done {
                self.spares.take_in(&disk, path)?;
            } else {
                let told = format!("a save that cannot be served is kept as .git/{path}");
                self.shared.notices.say("quarantine", told);
            }
        }
        Ok(())
    }

    /// Whether history has, or now gets, what a displaced file holds.
    fn is_in_history(
        &mut self,
        name: &str,
        path: &str,
        (paths, has_second_name): (&mut Option<HashMap<String, String>>, bool),
    ) -> Result<bool, Error> {
        let bytes = self.shared.disk.read(Place(Root::Git, path));
        let bytes = bytes.doing("read a displaced file")?.unwrap_or_default();
        let origin = Origin::read(name);
        // What was to be swapped in lay there before, maybe not to its end.
        let new = origin.as_ref().and_then(|origin| origin.new);
        if self.is_remains(&bytes, new.into_iter())? || self.git.has(hash_blob(&bytes)?.0)? {
            return Ok(true);
        }
        if has_second_name {
            return Ok(false);
        }
        let paths = match paths {
            Some(paths) => paths,
            none => none.insert(self.paths_by_key()?),
        };
        self.adopt_leftover(origin, paths, bytes)
    }

    /// Adopts what is left of a save; says whether it could.
    fn adopt_leftover(
        &mut self,
        origin: Option<Origin<'_>>,
        paths: &HashMap<String, String>,
        bytes: Vec<u8>,
    ) -> Result<bool, Error> {
        let origin = origin.and_then(|origin| Some((paths.get(origin.path_key)?, origin.base)));
        let text = String::from_utf8(bytes)
            .ok()
            .filter(|text| !text.contains('\0'));
        let (Some((path, base)), Some(text)) = (origin, text) else {
            return Ok(false);
        };
        let save = Save {
            path: path.as_bytes().into(),
            base,
            text: Some(text.into()),
        };
        Ok(self.adopt_saves(vec![save])?.is_empty())
    }

    /// Every path that what was shown or is in the head has, by the key that quarantined files bear.
    fn paths_by_key(&self) -> Result<HashMap<String, String>, Fault> {
        let head = self.shared.progress.published().revision;
        let mut paths = HashMap::new();
        for revision in [Some(head), self.shown].into_iter().flatten() {
            for difference in self.git.differences(None, revision)? {
                let key = path_key(&difference.path);
                paths.insert(key, String::from_utf8_lossy(&difference.path).into_owned());
            }
        }
        Ok(paths)
    }
}
