//! The first look at a folder after a crash: what a power cut took from files, and what a show had taken out of them.

use std::collections::HashMap;

use crate::backend::disk::{Place, Root};
use crate::model::error::{Doing, Error, Fault};
use crate::model::history::Difference;
use crate::model::object::{BlobId, Revision, hash_blob};
use crate::store::adoption::Save;
use crate::store::folder::Folder;
use crate::store::last_run::LastRun;
use crate::store::quarantine::{self, QUARANTINE};

impl Folder {
    /// Puts right what the last run could not finish, before anything on disk is taken for a person's wish.
    pub(super) fn restore(&mut self, last: LastRun) -> Result<(), Error> {
        if let LastRun::Cut { synced } = last {
            self.restore_files(synced)?;
        }
        self.adopt_leftovers()
    }

    /// After a power cut: files that were shown since the folder was last synced, and that came back damaged.
    fn restore_files(&mut self, synced: Option<Revision>) -> Result<(), Fault> {
        let head = self.shared.progress.published().revision;
        let synced = match synced {
            Some(synced) if self.git.contains(head, synced)? => Some(synced),
            _ => None,
        };
        for difference in self.git.differences(synced, head)? {
            let Ok(path) = std::str::from_utf8(&difference.path) else {
                continue;
            };
            let standing = self.shared.disk.read(Place(Root::Folder, path));
            let Ok(standing) = standing else { continue };
            match difference.new {
                Some(leaf) if leaf.mode.is_file() => {
                    let text = self.git.blob(BlobId(leaf.id))?;
                    if self.is_remains(&difference, standing.as_deref(), &text)? {
                        tracing::warn!(path, "restored after a power cut");
                        self.put_back(path, &text)?;
                    }
                }
                None if self.is_old_text(&difference, standing.as_deref())? => {
                    self.shared
                        .disk
                        .remove(Place(Root::Folder, path))
                        .doing("remove a file that came back")?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether what stands at a path is what a power cut makes of a text: nothing, empty, zeros, its beginning, or a text
    /// that the daemon had put there before. Anything else is a person's.
    fn is_remains(
        &self,
        difference: &Difference,
        standing: Option<&[u8]>,
        text: &[u8],
    ) -> Result<bool, Fault> {
        let Some(standing) = standing else {
            return Ok(true);
        };
        let is_part = standing.iter().all(|byte| *byte == 0) || text.starts_with(standing);
        Ok(standing != text && (is_part || self.is_old_text(difference, Some(standing))?))
    }

    fn is_old_text(&self, difference: &Difference, standing: Option<&[u8]>) -> Result<bool, Fault> {
        let Some(Ok(blob)) = standing.map(hash_blob) else {
            return Ok(false);
        };
        if difference.old.is_some_and(|leaf| leaf.id == blob.0) {
            return Ok(true);
        }
        let head = self.shared.progress.published().revision;
        let Some(shown) = self.shown else {
            return Ok(false);
        };
        self.git
            .had_text(&difference.path, blob, (Some(shown), head))
    }

    fn put_back(&self, path: &str, text: &[u8]) -> Result<(), Fault> {
        const DOING: &str = "restore a file";
        let disk = &self.shared.disk;
        let (temporary, place) = (
            Place(Root::Git, "memoryd/tmp/restored"),
            Place(Root::Folder, path),
        );
        disk.remove(temporary).doing(DOING)?;
        disk.create(temporary, text).doing(DOING)?;
        disk.make_folders(place.parent()).doing(DOING)?;
        disk.rename(temporary, place).doing(DOING)
    }

    /// What shows took out of the folder and nobody looked at again: bytes that git does not have are a person's save.
    fn adopt_leftovers(&mut self) -> Result<(), Error> {
        let names = self
            .shared
            .disk
            .list(Place(Root::Git, QUARANTINE))
            .doing("look into the quarantine")?;
        if names.is_empty() {
            return Ok(());
        }
        let paths = self.paths_by_key()?;
        for name in names {
            let place = format!("{QUARANTINE}/{name}");
            let place = Place(Root::Git, &place);
            let bytes = self
                .shared
                .disk
                .read(place)
                .doing("read the quarantine")?
                .unwrap_or_default();
            let text = String::from_utf8(bytes)
                .ok()
                .filter(|text| !text.is_empty() && !text.contains('\0'));
            if let Some(text) = text
                && let blob = hash_blob(text.as_bytes())?
                && !self.git.has(blob.0)?
                && quarantine::origin(&name).is_none_or(|(_, known)| known != Some(blob))
            {
                let origin = quarantine::origin(&name);
                let Some((path, base)) =
                    origin.and_then(|(key, base)| Some((paths.get(key)?, base)))
                else {
                    let told =
                        format!("a save whose file nobody knows is kept as .git/{}", place.1);
                    self.shared.notices.say("quarantine", told);
                    continue;
                };
                let save = Save {
                    path: path.as_bytes().into(),
                    base,
                    text: Some(text.into()),
                };
                if !self.adopt_saves(vec![save])?.is_empty() {
                    continue;
                }
            }
            self.shared
                .disk
                .remove(place)
                .doing("clear the quarantine")?;
        }
        Ok(())
    }

    /// Every path that what was shown or is in the head has, by the key that quarantined files bear.
    fn paths_by_key(&self) -> Result<HashMap<String, String>, Fault> {
        let head = self.shared.progress.published().revision;
        let mut paths = HashMap::new();
        for revision in [Some(head), self.shown].into_iter().flatten() {
            for difference in self.git.differences(None, revision)? {
                let key = quarantine::path_key(&difference.path);
                paths.insert(key, String::from_utf8_lossy(&difference.path).into_owned());
            }
        }
        Ok(paths)
    }
}
