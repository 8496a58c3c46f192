//! The whole memory at one revision, in RAM, immutable.
//!
//! Readers hold one for as long as they answer one question, so a reply never mixes two revisions. The map shares all
//! that did not change with the snapshot before it: keeping one costs a pointer, making the next a few nodes.

use std::ops::Bound;
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;

use crate::model::object::{BlobId, ObjectId, Revision};
use crate::model::path::{RepoPath, fold};

/// A moment in seconds since 1970 in UTC: the resolution of git's own history.
pub type Seconds = i64;

/// One file at one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The id of its text.
    pub blob: BlobId,
    /// Its text.
    pub text: Arc<str>,
    /// The newest commit that changed it.
    pub revision: Revision,
    /// When that was.
    pub updated_at: Seconds,
}

/// Every served file at one revision.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The commit this is.
    pub revision: Revision,
    /// When it was made.
    pub committed_at: Seconds,
    files: OrdMap<RepoPath, Arc<File>>,
    /// By their folded form, the names that are not their own folded form. Two names can only collide when one of
    /// them stands here, so an ordinary lower-case memory pays nothing.
    unfolded: OrdMap<String, RepoPath>,
}

impl Snapshot {
    /// A memory without files, before its first commit.
    pub fn empty() -> Self {
        Self::empty_at(Revision(ObjectId::ZERO), 0)
    }

    /// A revision whose files are still to be set.
    pub fn empty_at(revision: Revision, committed_at: Seconds) -> Self {
        Self {
            revision,
            committed_at,
            files: OrdMap::new(),
            unfolded: OrdMap::new(),
        }
    }

    /// The file at a path.
    pub fn get(&self, path: &RepoPath) -> Option<&Arc<File>> {
        self.files.get(path)
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// All files in path order.
    pub fn files(&self) -> impl Iterator<Item = (&RepoPath, &Arc<File>)> {
        self.files.iter()
    }

    /// The files whose path begins with `prefix`, in path order. End it with a slash to mean a folder.
    pub fn under<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a RepoPath, &'a Arc<File>)> {
        self.files
            .range::<_, str>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(move |(path, _)| path.as_str().starts_with(prefix))
    }

    /// The paths at which another snapshot is not as this one. What the two share is not looked at.
    pub fn changed_until<'a>(&'a self, newer: &'a Self) -> impl Iterator<Item = &'a RepoPath> {
        self.files
            .diff(&newer.files)
            .map(|difference| match difference {
                DiffItem::Add(path, _) | DiffItem::Remove(path, _) => path,
                DiffItem::Update { new: (path, _), .. } => path,
            })
    }

    /// A path or folder that stands already and differs from `path`, or from a folder above it, only by case or
    /// Unicode form: on many people's computers the two could not lie side by side.
    pub fn collision(&self, path: &RepoPath) -> Option<&str> {
        prefixes(path.as_str()).find_map(|prefix| {
            let folded = fold(prefix);
            let other = match self.unfolded_like(&folded, prefix) {
                Some(other) => Some(other),
                None if folded == prefix => None,
                None => self.standing(&folded),
            };
            other.filter(|other| *other != prefix)
        })
    }

    /// Sets or removes one file.
    pub fn set(&mut self, path: &RepoPath, file: Option<Arc<File>>) {
        match file {
            Some(file) => drop(self.files.insert(path.clone(), file)),
            None => drop(self.files.remove(path)),
        }
        let folded = fold(path.as_str());
        if folded != path.as_str() {
            match self.files.contains_key(path) {
                true => drop(self.unfolded.insert(folded.into_owned(), path.clone())),
                false => drop(self.unfolded.remove(folded.as_ref())),
            }
        }
    }

    /// A file or folder that stands at exactly `name`, in that spelling.
    fn standing(&self, name: &str) -> Option<&str> {
        let (path, _) = self
            .files
            .range::<_, str>((Bound::Included(name), Bound::Unbounded))
            .next()?;
        same_or_inside(path.as_str(), name).or_else(|| self.under_folder(name))
    }

    fn under_folder(&self, name: &str) -> Option<&str> {
        let folder = format!("{name}/");
        let (path, _) = self
            .files
            .range::<_, str>((Bound::Included(folder.as_str()), Bound::Unbounded))
            .next()?;
        same_or_inside(path.as_str(), name)
    }

    /// A name in another spelling whose folded form is `folded`.
    fn unfolded_like(&self, folded: &str, spelling: &str) -> Option<&str> {
        let depth = folded.matches('/').count();
        self.unfolded
            .range::<_, str>((Bound::Included(folded), Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(folded))
            .filter(|(key, _)| same_or_inside(key, folded).is_some())
            .filter_map(|(_, path)| prefixes(path.as_str()).nth(depth))
            .find(|other| *other != spelling)
    }
}

/// `name` as it stands at the front of `path`, when `path` is it or lies inside it.
fn same_or_inside<'a>(path: &'a str, name: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(name)?;
    (rest.is_empty() || rest.starts_with('/')).then(|| path.split_at(name.len()).0)
}

/// "a", "a/b" and "a/b/c.md" of "a/b/c.md".
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/')
        .map(|(slash, _)| path.split_at(slash).0)
        .chain([path])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(paths: &[&str]) -> Snapshot {
        let mut snapshot = Snapshot::empty();
        for path in paths {
            let file = File {
                blob: BlobId(ObjectId::ZERO),
                text: "".into(),
                revision: Revision(ObjectId::ZERO),
                updated_at: 0,
            };
            snapshot.set(&RepoPath::parse(path).unwrap(), Some(Arc::new(file)));
        }
        snapshot
    }

    #[test]
    fn a_name_collides_with_its_other_spellings_only() {
        let table = [
            (
                &["shared/Profile.md"][..],
                "shared/profile.md",
                Some("shared/Profile.md"),
            ),
            (
                &["shared/profile.md"],
                "shared/Profile.md",
                Some("shared/profile.md"),
            ),
            (
                &["shared/PROFILE.md"],
                "shared/Profile.md",
                Some("shared/PROFILE.md"),
            ),
            (&["shared/Ops/a.md"], "shared/ops/b.md", Some("shared/Ops")),
            (&["shared/ops/a.md"], "shared/Ops/b.md", Some("shared/ops")),
            (
                &["shared/ops-x/a.md", "shared/ops/a.md"],
                "shared/OPS/b.md",
                Some("shared/ops"),
            ),
            (&["shared/Profile.md"], "shared/Profile.md", None),
            (&["shared/Ops/a.md"], "shared/Ops/b.md", None),
            (&["shared/profile.md"], "shared/profiles.md", None),
        ];
        for (standing, path, expected) in table {
            let path = RepoPath::parse(path).unwrap();
            assert_eq!(
                snapshot(standing).collision(&path),
                expected,
                "{standing:?} {path}"
            );
        }
    }

    #[test]
    fn a_removed_name_collides_no_more() {
        let mut snapshot = snapshot(&["shared/Profile.md"]);
        snapshot.set(&RepoPath::parse("shared/Profile.md").unwrap(), None);
        assert_eq!(
            snapshot.collision(&RepoPath::parse("shared/profile.md").unwrap()),
            None
        );
    }

    #[test]
    fn a_folder_holds_what_lies_in_it() {
        let snapshot = snapshot(&["user/a/x.md", "user/ab/y.md", "user/a/z/w.md"]);
        let inside: Vec<_> = snapshot
            .under("user/a/")
            .map(|(path, _)| path.as_str())
            .collect();
        assert_eq!(inside, ["user/a/x.md", "user/a/z/w.md"]);
    }
}
