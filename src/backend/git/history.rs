//! Walking history: what touched a path, what lies between two commits, and diffs for people.

use std::collections::HashMap;

use git2::{DiffFormat, DiffOptions, Sort};

use super::{Git, object_id, oid};
use crate::model::error::{Doing, Fault};
use crate::model::history::{Commit, CommitFacts, Difference};
use crate::model::object::{BlobId, Revision};
use crate::model::path::RepoPath;
use crate::model::search::phrase::Phrase;
use crate::model::snapshot::Seconds;
use crate::model::tree::{Leaf, TreePath};

impl Git {
    /// The commits that can be reached from `newer` and not from `older`, newest first.
    pub fn between(
        &self,
        older: Option<Revision>,
        newer: Revision,
    ) -> Result<Vec<Revision>, Fault> {
        let mut walk = self.newest_first(newer)?;
        if let Some(older) = older {
            walk.hide(oid(older.0)).doing("walk history")?;
        }
        walk.map(|id| Ok(Revision(object_id(id.doing("walk history")?))))
            .collect()
    }

    /// A commit and those that it grew out of, newest first, along first parents: the line the memory itself took.
    pub fn first_parents(&self, newest: Revision, limit: usize) -> Result<Vec<Revision>, Fault> {
        let mut line = Vec::new();
        let mut next = Some(newest);
        while let Some(revision) = next.filter(|_| line.len() < limit) {
            line.push(revision);
            next = self.known_commit(revision)?.parents.first().copied();
        }
        Ok(line)
    }

    /// Whether the daemon made a commit itself, as its committer says. Anybody with git can claim so: good enough to
    /// answer a retry, not to grant anything.
    pub fn is_own(&self, commit: &CommitFacts) -> bool {
        self.repository
            .find_commit(oid(commit.revision.0))
            .is_ok_and(|commit| commit.committer().email_bytes() == b"memoryd@localhost")
    }

    /// The commits that change something below one of `prefixes`, newest first, at most `limit` after the first
    /// `offset`. An empty prefix means everything.
    pub fn log(
        &self,
        newest: Revision,
        prefixes: &[String],
        (offset, limit): (usize, usize),
    ) -> Result<Vec<Commit>, Fault> {
        let mut found = Vec::new();
        let mut skipped = 0;
        for id in self.newest_first(newest)? {
            if found.len() == limit {
                break;
            }
            let commit = self.described(Revision(object_id(id.doing("walk history")?)))?;
            let is_meant = |prefix: &String| {
                prefix.is_empty() || commit.changes.iter().any(|(path, _)| below(path, prefix))
            };
            if !prefixes.iter().any(is_meant) {
                continue;
            }
            match skipped < offset {
                true => skipped += 1,
                false => found.push(commit),
            }
        }
        Ok(found)
    }

    /// The same of the commits after which a phrase stands more or less often below the prefixes, each with how much more
    /// often.
    pub fn log_of_phrase(
        &self,
        newest: Revision,
        prefixes: &[String],
        phrase: &Phrase,
        (offset, limit): (usize, usize),
    ) -> Result<Vec<(Commit, isize)>, Fault> {
        let mut found = Vec::new();
        let mut skipped = 0;
        for id in self.newest_first(newest)? {
            if found.len() == limit {
                break;
            }
            let facts = self.known_commit(Revision(object_id(id.doing("walk history")?)))?;
            let mut more = 0;
            for change in self.own_differences(&facts)? {
                let is_meant = |path: &RepoPath| prefixes.iter().any(|prefix| below(path, prefix));
                if change.served().is_some_and(|path| is_meant(&path)) {
                    more += self.times(phrase, change.new)? - self.times(phrase, change.old)?;
                }
            }
            match more {
                0 => {}
                _ if skipped < offset => skipped += 1,
                more => found.push((self.described(facts.revision)?, more)),
            }
        }
        Ok(found)
    }

    fn newest_first(&self, newest: Revision) -> Result<git2::Revwalk<'_>, Fault> {
        let mut walk = self.repository.revwalk().doing("walk history")?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)
            .doing("walk history")?;
        walk.push(oid(newest.0)).doing("walk history")?;
        Ok(walk)
    }

    /// How often a phrase stands in a text.
    fn times(&self, phrase: &Phrase, leaf: Option<Leaf>) -> Result<isize, Fault> {
        let Some(leaf) = leaf.filter(|leaf| leaf.mode.is_file()) else {
            return Ok(0);
        };
        let text = String::from_utf8(self.blob(BlobId(leaf.id))?).unwrap_or_default();
        Ok(phrase.found_in(&text).count() as isize)
    }

    /// A commit with what it changed.
    pub fn described(&self, revision: Revision) -> Result<Commit, Fault> {
        let facts = self.known_commit(revision)?;
        let changes = self.own_differences(&facts)?;
        let changes = changes
            .iter()
            .filter_map(|change| Some((change.served()?, change.kind())))
            .collect();
        Ok(Commit { facts, changes })
    }

    /// What a commit changed against its first parent; of a merge, only what it did not simply take over from another.
    fn own_differences(&self, commit: &CommitFacts) -> Result<Vec<Difference>, Fault> {
        let mut changes = self.differences(commit.parents.first().copied(), commit.revision)?;
        for other in commit.parents.iter().skip(1) {
            let apart = self.differences(Some(*other), commit.revision)?;
            changes.retain(|change| apart.iter().any(|other| other.path == change.path));
        }
        Ok(changes)
    }

    /// For every path that changed after `older`, the newest commit up to `newer` that changed it, and when.
    pub fn last_touched(
        &self,
        older: Option<Revision>,
        newer: Revision,
        mut wanted: usize,
    ) -> Result<HashMap<TreePath, (Revision, Seconds)>, Fault> {
        let mut found = HashMap::new();
        for revision in self.between(older, newer)? {
            let commit = self.known_commit(revision)?;
            for change in self.own_differences(&commit)? {
                if let std::collections::hash_map::Entry::Vacant(vacant) = found.entry(change.path)
                {
                    wanted = wanted.saturating_sub(usize::from(change.new.is_some()));
                    vacant.insert((revision, commit.committed_at));
                }
            }
            if wanted == 0 {
                break;
            }
        }
        Ok(found)
    }

    /// Whether a path ever had this text in the commits after `older` up to `newer`.
    pub fn had_text(
        &self,
        path: &[u8],
        blob: BlobId,
        (older, newer): (Option<Revision>, Revision),
    ) -> Result<bool, Fault> {
        for revision in self.between(older, newer)? {
            let parent = self.known_commit(revision)?.parents.first().copied();
            let differences = self.differences(parent, revision)?;
            let is = |change: &Difference| {
                &*change.path == path && change.new.is_some_and(|leaf| leaf.id == blob.0)
            };
            if differences.iter().any(is) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Every text that each path got in the commits after `older` up to `newer`, newest first.
    pub fn texts(
        &self,
        (older, newer): (Option<Revision>, Revision),
    ) -> Result<HashMap<TreePath, Vec<BlobId>>, Fault> {
        let mut texts: HashMap<_, Vec<_>> = HashMap::new();
        for revision in self.between(older, newer)? {
            let parent = self.known_commit(revision)?.parents.first().copied();
            for change in self.differences(parent, revision)? {
                let text = change
                    .new
                    .filter(|leaf| leaf.mode.is_file())
                    .map(|leaf| BlobId(leaf.id));
                texts.entry(change.path).or_default().extend(text);
            }
        }
        Ok(texts)
    }

    /// A unified diff of what lies below `prefix`; without an older commit, against nothing.
    pub fn diff(
        &self,
        older: Option<Revision>,
        newer: Revision,
        prefix: &str,
    ) -> Result<String, Fault> {
        let tree = |revision: Revision| {
            self.repository
                .find_commit(oid(revision.0))
                .and_then(|commit| commit.tree())
                .doing("read a commit")
        };
        let old = older.map(tree).transpose()?;
        let new = tree(newer)?;
        let mut options = DiffOptions::new();
        options.ignore_filemode(false).disable_pathspec_match(true);
        if !prefix.is_empty() {
            options.pathspec(prefix);
        }
        let diff = self
            .repository
            .diff_tree_to_tree(old.as_ref(), Some(&new), Some(&mut options))
            .doing("compare two commits")?;
        let mut text = Vec::new();
        let print = diff.print(DiffFormat::Patch, |_, _, line| {
            if matches!(line.origin(), '+' | '-' | ' ') {
                text.push(line.origin() as u8);
            }
            text.extend_from_slice(line.content());
            true
        });
        print.doing("print a diff")?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

fn below(path: &RepoPath, prefix: &str) -> bool {
    match path.as_str().strip_prefix(prefix) {
        Some(_) if prefix.is_empty() => true,
        Some(rest) => rest.is_empty() || rest.starts_with('/') || prefix.ends_with('/'),
        None => false,
    }
}
