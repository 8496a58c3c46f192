//! Adopting what people saved: from a hint to a commit in their name.

use std::time::{Duration, SystemTime};

use crate::backend::disk::{Place, Root, Stat};
use crate::model::error::{Doing, Error, Fault};
use crate::model::object::{BlobId, hash_blob};
use crate::model::path::RepoPath;
use crate::store::adoption::{Adoption, Save};
use crate::store::circumstances::{self, Circumstances};
use crate::store::folder::Folder;
use crate::store::quarantine::{Displaced, Held};
use crate::store::queue::Wish;
use crate::store::saves::{self, ABSENT, EMPTY, Found, QUIET, Since};

/// People's policy, beside the memory's files the only thing that is adopted.
const POLICY: &str = "memoryd.toml";
/// Deletes that may be adopted in one tick without a person's word, and the part of all files they may be.
const MASS_DELETE: (usize, usize) = (5, 5);
/// The kernel's clock for files moves in steps of up to 10 ms: within a step, a second write leaves no trace in the times.
const CLOCK_STEP: Duration = Duration::from_millis(50);

/// What is to be done about a dirty path.
enum Verdict {
    Settled,
    Later(Duration),
    Adopt(Save),
}

impl Folder {
    /// Something happened at a path, if only a show of our own.
    pub(super) fn touched(&mut self, path: &str) -> Result<(), Error> {
        if is_adoptable(path) {
            let stat = self.shared.disk.stat(Place(Root::Folder, path)).doing("look at a file")?;
            self.seen(path, stat.as_ref());
        }
        Ok(())
    }

    /// Looks at everything below a folder.
    pub(super) fn scan(&mut self, folder: &str) -> Result<(), Error> {
        self.index.refresh(&self.shared.disk)?;
        let mut waiting = vec![folder.to_owned()];
        let mut tracked = 0;
        while let Some(folder) = waiting.pop() {
            let entries = self.shared.disk.entries(Place(Root::Folder, &folder)).doing("scan a folder")?;
            // Another repository inside: its files are its own.
            if !folder.is_empty() && entries.iter().any(|(name, _)| name == ".git") {
                continue;
            }
            for (name, stat) in entries {
                let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
                match stat.is_folder() {
                    true if !name.starts_with('.') => waiting.push(path),
                    true => {}
                    false if is_adoptable(&path) => {
                        tracked += usize::from(self.index.image().get(path.as_bytes()).is_some());
                        self.seen(&path, Some(&stat));
                    }
                    false => {}
                }
            }
        }
        self.find_missing(folder, tracked)
    }

    /// Looks at the whole folder, and has every directory watched.
    pub(super) fn scan_everything(&mut self) -> Result<(), Error> {
        self.scan("")?;
        if let Some(watch) = &self.watch {
            watch.rewatch();
            match watch.degraded() {
                Some(reason) => self.shared.notices.say("watch", reason),
                None => self.shared.notices.unsay("watch"),
            }
        }
        Ok(())
    }

    /// Files that git knows and that are not there, when only `found` of those below a folder are.
    fn find_missing(&mut self, folder: &str, found: usize) -> Result<(), Error> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let expected: Vec<_> = (self.index.image().entries())
            .filter(|entry| entry.stage == 0 && !entry.skip_worktree)
            .filter_map(|entry| std::str::from_utf8(entry.path).ok())
            .filter(|path| path.starts_with(&prefix) && is_adoptable(path))
            .map(str::to_owned)
            .collect();
        if expected.len() == found {
            return Ok(());
        }
        for path in expected {
            if self.shared.disk.stat(Place(Root::Folder, &path)).doing("look at a file")?.is_none() {
                self.seen(&path, None);
            }
        }
        Ok(())
    }

    fn seen(&mut self, path: &str, stat: Option<&Stat>) {
        let is_known = stat.is_some_and(|stat| self.index.knows(path, stat));
        if is_known && !stat.is_some_and(is_fresh) {
            return self.settle(path);
        }
        self.dirty.touch(path);
        if !is_known && let Ok(path) = RepoPath::parse(path) {
            self.shared.dirty.insert(path);
        }
    }

    fn settle(&mut self, path: &str) {
        self.dirty.settle(path);
        if let Ok(path) = RepoPath::parse(path) {
            self.shared.dirty.remove(&path);
        }
    }

    /// Adopts what has become quiet, if nothing about people's git changed while it was read.
    pub(super) fn adopt(&mut self, before: &Circumstances) -> Result<(), Error> {
        let due = self.dirty.due();
        if due.is_empty() {
            return Ok(());
        }
        if before.unsettled.is_some() {
            due.iter().for_each(|(path, _)| self.dirty.put_off(path, QUIET));
            return Ok(());
        }
        self.index.refresh(&self.shared.disk)?;
        let mut saves = Vec::new();
        for (path, since) in due {
            match self.judge(&path, since)? {
                Verdict::Settled => self.settle(&path),
                Verdict::Later(wait) => self.dirty.put_off(&path, wait),
                Verdict::Adopt(save) => saves.push(save),
            }
        }
        self.keep_mass_deletes(&mut saves);
        if saves.is_empty() || circumstances::look(&self.shared)? != *before {
            return Ok(());
        }
        self.adopt_saves(saves)
    }

    fn judge(&mut self, path: &str, since: Since) -> Result<Verdict, Error> {
        let found = saves::read(&self.shared.disk, path, since.is_overdue()).doing("read a save")?;
        let entry = self.index.image().get(path.as_bytes());
        let (staged, is_skipped) = (entry.map(|e| BlobId(e.id)), entry.is_some_and(|e| e.skip_worktree));
        if self.index.image().is_unmerged(path.as_bytes()) || is_skipped {
            return Ok(Verdict::Settled);
        }
        let head = self.in_head(path)?;
        match found {
            Found::Moving => Ok(Verdict::Later(QUIET)),
            Found::Unfit(reason) => {
                self.shared.notices.say("unfit", format!("{path} is not served: {reason}"));
                Ok(Verdict::Settled)
            }
            Found::Nothing if head.is_none() || staged.is_none() => Ok(Verdict::Settled),
            Found::Nothing => {
                let absent = self.dirty.vacant(path);
                match ABSENT.checked_sub(absent) {
                    Some(left) if !left.is_zero() => Ok(Verdict::Later(left)),
                    _ => Ok(Verdict::Adopt(self.save(path, None)?)),
                }
            }
            Found::Text(text) => {
                let blob = hash_blob(text.as_bytes())?;
                if Some(blob) == head || Some(blob) == staged || self.is_gits(path, blob)? {
                    return Ok(Verdict::Settled);
                }
                let emptied = text.is_empty() && head.is_some_and(|head| head != blob);
                match EMPTY.checked_sub(if emptied { self.dirty.vacant(path) } else { EMPTY }) {
                    Some(left) if !left.is_zero() => Ok(Verdict::Later(left)),
                    _ => Ok(Verdict::Adopt(self.save(path, Some(text))?)),
                }
            }
        }
    }

    fn in_head(&self, path: &str) -> Result<Option<BlobId>, Fault> {
        match RepoPath::parse(path) {
            Ok(path) => Ok(self.shared.snapshot.load().get(&path).map(|file| file.blob)),
            Err(_) => {
                let head = self.shared.progress.published().revision;
                Ok(self.git.leaf_at(head, path.as_bytes())?.map(|leaf| BlobId(leaf.id)))
            }
        }
    }

    /// Whether a text was put there by the daemon, half-way through a show, or is one that people told git to ignore.
    fn is_gits(&self, path: &str, blob: BlobId) -> Result<bool, Fault> {
        let is_tracked = self.index.image().get(path.as_bytes()).is_some();
        if !is_tracked && self.git.ignores(path) {
            return Ok(true);
        }
        let head = self.shared.progress.published().revision;
        let Some(shown) = self.shown.filter(|shown| *shown != head) else { return Ok(false) };
        self.git.had_text(path.as_bytes(), blob, (Some(shown), head))
    }

    fn save(&self, path: &str, text: Option<std::sync::Arc<str>>) -> Result<Save, Fault> {
        let base = match self.bases.get(path) {
            Some(base) => *base,
            None => self.last_shown(path)?,
        };
        Ok(Save { path: path.as_bytes().into(), base, text })
    }

    /// The text that the daemon, or people's git, last put at a path.
    pub(super) fn last_shown(&self, path: &str) -> Result<Option<BlobId>, Fault> {
        let Some(shown) = self.shown else { return Ok(None) };
        Ok(self.git.leaf_at(shown, path.as_bytes())?.map(|leaf| BlobId(leaf.id)))
    }

    /// Many files gone at once are more often a stash, an unmounted disk or a slip than a wish.
    fn keep_mass_deletes(&mut self, saves: &mut Vec<Save>) {
        let deletes = saves.iter().filter(|save| save.text.is_none()).count();
        let files = self.shared.snapshot.load().len();
        if deletes <= MASS_DELETE.0 || deletes * MASS_DELETE.1 <= files {
            self.shared.notices.unsay("mass delete");
            return;
        }
        let told = format!(
            "{deletes} files are gone from the folder and still served; if that is meant, commit it with git \
             (git add -A && git commit), else git restore . brings them back"
        );
        self.shared.notices.say("mass delete", told);
        let gone = saves.iter().filter(|save| save.text.is_none());
        gone.for_each(|save| self.dirty.put_off(&String::from_utf8_lossy(&save.path), ABSENT));
        saves.retain(|save| save.text.is_some());
    }

    pub(super) fn adopt_saves(&mut self, saves: Vec<Save>) -> Result<(), Error> {
        if saves.is_empty() {
            return Ok(());
        }
        let paths: Vec<_> = saves.iter().map(|s| String::from_utf8_lossy(&s.path).into_owned()).collect();
        let author = self.git.configured_person().unwrap_or_else(|| self.shared.person.clone());
        let adoption = Adoption { author, saves };
        let adopted = self.ask(|reply| Wish::Adopt { adoption, reply })?;
        tracing::info!(revision = %adopted.revision, ?paths, "adopted");
        self.say_conflicts(adopted.conflicts);
        for path in paths {
            self.settle(&path);
            self.bases.remove(&path);
        }
        Ok(())
    }

    /// Looks once more at the files that shows took out of the folder.
    pub(super) fn release_quarantine(&mut self, now: &Circumstances) -> Result<(), Error> {
        if self.quarantine.is_empty() || now.unsettled.is_some() {
            return Ok(());
        }
        for displaced in self.quarantine.drain() {
            match displaced.read(&self.shared.disk)? {
                Held::Nothing => {}
                Held::Unsettled => self.quarantine.keep(displaced),
                Held::Final(bytes) => self.adopt_displaced(&displaced, bytes)?,
            }
        }
        Ok(())
    }

    /// Adopts what came out of the folder unless it is what the daemon had put there, and lets the file go.
    pub(super) fn adopt_displaced(&mut self, displaced: &Displaced, bytes: Vec<u8>) -> Result<(), Error> {
        let is_ours = |blob| Some(blob) == displaced.base;
        let saved = match String::from_utf8(bytes) {
            Ok(text) if text.contains('\0') => None,
            Ok(text) if is_ours(hash_blob(text.as_bytes())?) => return Ok(displaced.remove(&self.shared.disk)?),
            // An editor had just emptied the file when it was swapped: what it writes next goes into the new one.
            Ok(text) if text.is_empty() => return Ok(displaced.remove(&self.shared.disk)?),
            Ok(text) => Some(text),
            Err(_) => None,
        };
        let Some(text) = saved else {
            let told = format!("{}: what was saved there is no text; it is kept as .git/{}", displaced.path, displaced.name);
            self.shared.notices.say("quarantine", told);
            return Ok(());
        };
        let path = displaced.path.as_bytes().into();
        self.adopt_saves(vec![Save { path, base: displaced.base, text: Some(text.into()) }])?;
        Ok(displaced.remove(&self.shared.disk)?)
    }
}

fn is_adoptable(path: &str) -> bool {
    path == POLICY || RepoPath::parse(path).is_ok()
}

/// Whether a file changed so lately that a later change may not show in its times.
fn is_fresh(stat: &Stat) -> bool {
    let changed = SystemTime::UNIX_EPOCH + Duration::new(stat.changed.0.unsigned_abs(), stat.changed.1);
    SystemTime::now().duration_since(changed).map_or(true, |age| age < CLOCK_STEP)
}
