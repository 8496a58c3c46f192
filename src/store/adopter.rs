//! Adopting what people saved: from a hint to a commit in their name.

use std::time::Duration;

use crate::backend::disk::{Place, Root, Stat};
use crate::model::error::{Doing, Error, Fault};
use crate::model::object::{BlobId, hash_blob};
use crate::model::path::RepoPath;
use crate::store::adoption::{Adopted, Adoption, Save};
use crate::store::circumstances::{self, Circumstances};
use crate::store::folder::Folder;
use crate::store::quarantine::{self, Displaced, Held, Seen};
use crate::store::queue::Wish;
use crate::store::saves::{self, ABSENT, EMPTY, Found, QUIET, Since, is_fresh};

/// People's policy, beside the memory's files the only thing that is adopted.
const POLICY: &str = "memoryd.toml";
/// Deletes that may be adopted in one tick without a person's word, and the part of all files they may be.
const MASS_DELETE: (usize, usize) = (5, 5);
/// A text that is staged is looked at this often, until it is committed or taken back.
const STAGED_POLL: Duration = Duration::from_secs(1);

/// What is to be done about a dirty path.
enum Verdict {
    Settled,
    /// It is what the person staged and has not committed yet.
    Staged,
    Later(Duration),
    Adopt(Save),
}

impl Folder {
    /// Something happened at a path, if only a show of our own.
    pub(super) fn touched(&mut self, path: &str) -> Result<(), Error> {
        if is_adoptable(path) {
            let stat = self
                .shared
                .disk
                .stat(Place(Root::Folder, path))
                .doing("look at a file")?;
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
            let entries = self
                .shared
                .disk
                .entries(Place(Root::Folder, &folder))
                .doing("scan a folder")?;
            // Another repository inside: its files are its own.
            if !folder.is_empty() && entries.iter().any(|(name, _)| name == ".git") {
                continue;
            }
            for (name, stat) in entries {
                let path = if folder.is_empty() {
                    name.clone()
                } else {
                    format!("{folder}/{name}")
                };
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
        let prefix = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
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
            if self
                .shared
                .disk
                .stat(Place(Root::Folder, &path))
                .doing("look at a file")?
                .is_none()
            {
                self.seen(&path, None);
            }
        }
        Ok(())
    }

    fn seen(&mut self, path: &str, stat: Option<&Stat>) {
        let is_known = stat.is_some_and(|stat| self.index.knows(path, stat));
        if is_known && !stat.is_some_and(|stat| is_fresh(stat.changed)) {
            return self.settle(path);
        }
        self.dirty.touch(path);
        if stat.is_some_and(|stat| stat.size > 0) {
            self.dirty.occupied(path);
        }
        if !is_known && let Ok(path) = RepoPath::parse(path) {
            self.shared.dirty.insert(path);
        }
    }

    fn settle(&mut self, path: &str) {
        self.dirty.settle(path);
        self.let_agents_write(path);
        if self.staged.remove(path) && self.staged.is_empty() {
            self.shared.notices.unsay("staged");
        }
    }

    /// Nobody need wait any more for what a person makes of a path.
    fn let_agents_write(&self, path: &str) {
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
            for (path, _) in due {
                self.dirty.begin_again(&path, QUIET);
                self.let_agents_write(&path);
            }
            return Ok(());
        }
        self.index.refresh(&self.shared.disk)?;
        let mut saves = Vec::new();
        let mut staged = Vec::new();
        for (path, since) in due {
            match self.judge(&path, since)? {
                Verdict::Settled => self.settle(&path),
                Verdict::Staged => staged.push(path),
                Verdict::Later(wait) => self.dirty.put_off(&path, wait),
                Verdict::Adopt(save) => saves.push(save),
            }
        }
        self.say_staged(staged);
        self.keep_mass_deletes(&mut saves)?;
        if saves.is_empty() || circumstances::look(&self.shared)? != *before {
            return Ok(());
        }
        self.adopt_standing(saves)
    }

    fn judge(&mut self, path: &str, since: Since) -> Result<Verdict, Error> {
        let found =
            saves::read(&self.shared.disk, path, since.is_overdue()).doing("read a save")?;
        let entry = self.index.image().get(path.as_bytes());
        let (staged, is_skipped) = (
            entry.map(|e| BlobId(e.id)),
            entry.is_some_and(|e| e.skip_worktree),
        );
        if self.index.image().is_unmerged(path.as_bytes()) || is_skipped {
            return Ok(Verdict::Settled);
        }
        let head = self.in_head(path)?;
        match found {
            Found::Moving => Ok(Verdict::Later(QUIET)),
            Found::Unfit(reason) => {
                self.shared
                    .notices
                    .say("unfit", format!("{path} is not served: {reason}"));
                Ok(Verdict::Settled)
            }
            Found::Nothing if head.is_none() || staged.is_none() => {
                self.bases.close(path);
                Ok(Verdict::Settled)
            }
            // It was never there: a show could not put it in place.
            Found::Nothing if self.bases.get(path) == Some(None) => Ok(Verdict::Settled),
            Found::Nothing => {
                let absent = self.dirty.vacant(path);
                match ABSENT.checked_sub(absent) {
                    Some(left) if !left.is_zero() => Ok(Verdict::Later(left)),
                    _ => Ok(Verdict::Adopt(self.save(path, None)?)),
                }
            }
            Found::Text(text) => {
                let blob = hash_blob(text.as_bytes())?;
                let is_as_shown = Some(blob) == staged && staged == self.last_shown(path)?;
                if Some(blob) == head || is_as_shown || self.is_gits(path, blob)? {
                    self.bases.close(path);
                    return Ok(Verdict::Settled);
                }
                if Some(blob) == staged {
                    return Ok(Verdict::Staged);
                }
                let emptied = text.is_empty() && head.is_some_and(|head| head != blob);
                match EMPTY.checked_sub(if emptied {
                    self.dirty.vacant(path)
                } else {
                    EMPTY
                }) {
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
                Ok(self
                    .git
                    .leaf_at(head, path.as_bytes())?
                    .map(|leaf| BlobId(leaf.id)))
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
        let Some(shown) = self.shown.filter(|shown| *shown != head) else {
            return Ok(false);
        };
        self.git
            .had_text(path.as_bytes(), blob, (Some(shown), head))
    }

    fn save(&self, path: &str, text: Option<std::sync::Arc<str>>) -> Result<Save, Fault> {
        let base = match (self.bases.get(path), self.adopted.get(path)) {
            (Some(base), _) => base,
            (None, Some(text)) => Some(*text),
            (None, None) => self.last_shown(path)?,
        };
        Ok(Save {
            path: path.as_bytes().into(),
            base,
            text,
        })
    }

    /// The text that the daemon, or people's git, last put at a path.
    pub(super) fn last_shown(&self, path: &str) -> Result<Option<BlobId>, Fault> {
        let Some(shown) = self.folder_at() else {
            return Ok(None);
        };
        Ok(self
            .git
            .leaf_at(shown, path.as_bytes())?
            .map(|leaf| BlobId(leaf.id)))
    }

    /// What a person staged is theirs until they commit it; they may also take it back, which no file tells.
    fn say_staged(&mut self, paths: Vec<String>) {
        if let Some(first) = paths.first() {
            self.shared.notices.say(
                "staged",
                format!("{first} is staged and not committed; it is served once it is"),
            );
        }
        for path in paths {
            self.dirty.begin_again(&path, STAGED_POLL);
            self.let_agents_write(&path);
            self.staged.insert(path);
        }
    }

    /// Many files gone at once are more often a stash, an unmounted disk or a slip than a wish.
    fn keep_mass_deletes(&mut self, saves: &mut Vec<Save>) -> Result<(), Error> {
        let deletes = if saves.iter().any(|save| save.text.is_none()) {
            self.count_gone()?
        } else {
            0
        };
        let files = self.shared.snapshot.load().len();
        if deletes <= MASS_DELETE.0 || deletes * MASS_DELETE.1 <= files {
            self.shared.notices.unsay("mass delete");
            return Ok(());
        }
        let told = format!(
            "{deletes} files are gone from the folder and still served; if that is meant, commit it with git \
             (git add -A && git commit), else git restore . brings them back"
        );
        self.shared.notices.say("mass delete", told);
        let gone = saves.iter().filter(|save| save.text.is_none());
        gone.for_each(|save| {
            self.dirty
                .begin_again(&String::from_utf8_lossy(&save.path), ABSENT)
        });
        saves.retain(|save| save.text.is_some());
        Ok(())
    }

    /// How many served files are gone, whether or not they have been gone for long enough: they go one after another.
    fn count_gone(&self) -> Result<usize, Error> {
        let mut gone = 0;
        for path in self.dirty.paths() {
            let stat = self
                .shared
                .disk
                .stat(Place(Root::Folder, path))
                .doing("look at a file")?;
            gone += usize::from(stat.is_none() && self.in_head(path)?.is_some());
        }
        Ok(gone)
    }

    /// Adopts what stands in the folder.
    fn adopt_standing(&mut self, saves: Vec<Save>) -> Result<(), Error> {
        let mut standing = Vec::new();
        for save in &saves {
            let path = String::from_utf8_lossy(&save.path).into_owned();
            // Whatever becomes of it now: it is not to be tried without a pause.
            self.dirty.put_off(&path, QUIET);
            standing.push((
                path,
                save.text
                    .as_ref()
                    .map(|text| hash_blob(text.as_bytes()))
                    .transpose()?,
            ));
        }
        let refused = self.adopt_saves(saves)?;
        for (path, text) in standing
            .into_iter()
            .filter(|(path, _)| !refused.contains(path))
        {
            self.settle(&path);
            self.bases.close(&path);
            match text {
                Some(text) => self.adopted.insert(path, text),
                None => self.adopted.remove(&path),
            };
        }
        Ok(())
    }

    /// Has saves committed in the person's name. Gives the paths of those that cannot be.
    pub(super) fn adopt_saves(&mut self, saves: Vec<Save>) -> Result<Vec<String>, Error> {
        let paths: Vec<_> = saves
            .iter()
            .map(|s| String::from_utf8_lossy(&s.path).into_owned())
            .collect();
        let author = self
            .git
            .configured_person()
            .unwrap_or_else(|| self.shared.person.clone());
        let adoption = Adoption { author, saves };
        let Adopted {
            revision,
            sequence,
            conflicts,
            refused,
        } = self.ask(|reply| Wish::Adopt { adoption, reply })?;
        tracing::info!(%revision, ?paths, "adopted");
        self.peoples = self.peoples.max(sequence);
        self.say_conflicts(conflicts);
        if let Some(path) = refused.first() {
            let told = format!("{path} is not served: a file and a folder want the same name");
            self.shared.notices.say("unfit", told);
        }
        Ok(refused)
    }

    /// Looks once more at files that shows took out of the folder, and lets go of those that have been out for long enough.
    pub(super) fn release_quarantine(
        &mut self,
        displaced: Vec<Displaced>,
        long_enough: Duration,
    ) -> Result<(), Error> {
        let mut all = Ok(());
        for mut displaced in displaced {
            let seen = self.look_at_displaced(&mut displaced);
            match seen {
                Ok(Seen::Known) if displaced.age() >= long_enough => {
                    self.spares.take_in(&self.shared.disk, displaced.name)?
                }
                Ok(Seen::Stranded) => {
                    let told = format!(
                        "{}: a save that cannot be served is kept as .git/{}",
                        displaced.path, displaced.name
                    );
                    self.shared.notices.say("quarantine", told);
                }
                Ok(Seen::Known | Seen::Open) | Err(_) => {
                    displaced.look_again(!matches!(seen, Ok(Seen::Known)));
                    self.quarantine.keep(displaced);
                    all = all.and(seen.map(drop));
                }
            }
        }
        all
    }

    /// Adopts what a displaced file holds, unless it is what was known to stand there.
    fn look_at_displaced(&mut self, displaced: &mut Displaced) -> Result<Seen, Error> {
        if displaced.age() < quarantine::OLD && displaced.looks_untouched(&self.shared.disk)? {
            return Ok(Seen::Known);
        }
        let bytes = match displaced.read(&self.shared.disk)? {
            Held::Nothing => return Ok(Seen::Known),
            Held::Unsettled => return Ok(Seen::Open),
            Held::Final(bytes) => bytes,
        };
        let blob = hash_blob(&bytes)?;
        // An editor had just emptied the file when it was swapped; what it writes next may go into either of the two.
        if bytes.is_empty() || Some(blob) == displaced.base {
            return Ok(Seen::Known);
        }
        if !self.is_no_save(displaced, blob)? {
            let is_linked = displaced.has_second_name(&self.shared.disk)?;
            let Some(text) = String::from_utf8(bytes)
                .ok()
                .filter(|text| !text.contains('\0') && !is_linked)
            else {
                return Ok(Seen::Stranded);
            };
            let path = displaced.path.as_bytes().into();
            let refused = self.adopt_saves(vec![Save {
                path,
                base: displaced.base,
                text: Some(text.into()),
            }])?;
            if !refused.is_empty() {
                return Ok(Seen::Stranded);
            }
        }
        displaced.base = Some(blob);
        Ok(Seen::Known)
    }

    /// Whether a displaced text is none that a person typed: it is of this very show, put there by one before it that
    /// could not finish; or git has it, and people's git was at work.
    fn is_no_save(&self, displaced: &Displaced, text: BlobId) -> Result<bool, Fault> {
        let path = displaced.path.as_bytes();
        Ok(displaced.is_disturbed && self.git.has(text.0)?
            || self.git.had_text(path, text, displaced.between)?)
    }
}

fn is_adoptable(path: &str) -> bool {
    path == POLICY || RepoPath::parse(path).is_ok()
}
