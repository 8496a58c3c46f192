//! Keeps every directory of the folder watched.
//!
//! # One watch a directory
//!
//! notify can watch a whole tree by itself, but then it watches `.git/objects` too, and it does not hear what is born
//! in a new directory before its watch stands: of `mkdir -p a/b/c && echo > a/b/c/deep.md` one file in four. So every
//! directory gets a watch of its own here, always *before* it is listed: what was made before the watch is found by
//! whoever looks at the hinted directory, what is made after it is heard.
//!
//! # Names are not directories
//!
//! The kernel watches a directory, notify speaks of the path it once had, and the two part ways when directories are
//! moved, swapped or made again; notify also ends a watch by its path, even when that is another directory by now. So
//! nothing is concluded from the order or the kind of events. Whenever a name changes, all that is known of it and
//! below it is forgotten, and what stands there at that moment is watched afresh. notify ends watches before it takes
//! the order for a new one, and every end of a watch is such an event: whatever the race, the last word is ours.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::io;
use std::path::PathBuf;

use notify::{ErrorKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::has_dotted_name;

/// The directories that are watched.
pub(super) struct Tree {
    root: PathBuf,
    watcher: RecommendedWatcher,
    watched: BTreeSet<String>,
}

/// What [`Tree::cover`] met.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    /// Directories that were not watched before; of those that lie in each other only the topmost.
    pub(super) born: Vec<String>,
    /// Why not all are watched, if so.
    pub(super) trouble: Option<String>,
}

impl Tree {
    /// No directory is watched yet.
    pub(super) fn new(root: PathBuf, watcher: RecommendedWatcher) -> Self {
        Self {
            root,
            watcher,
            watched: BTreeSet::new(),
        }
    }

    /// Takes what stood at a path, and all below, for no longer watched; says whether it was a directory.
    pub(super) fn forget(&mut self, path: &str) -> bool {
        if path.is_empty() {
            return !std::mem::take(&mut self.watched).is_empty();
        }
        // The character after the slash is the zero: between the two lies all that is below.
        let below = format!("{path}/")..format!("{path}0");
        self.watched.extract_if(below, |_| true).for_each(drop);
        self.watched.remove(path)
    }

    /// Watches all there is.
    pub(super) fn cover_all(&mut self) -> Coverage {
        // git's directories are few and tell the most: they come first, in case there are not enough watches.
        let git = self.cover(".git");
        let mut all = self.cover("");
        all.born.extend(git.born);
        all.trouble = all.trouble.or(git.trouble);
        all
    }

    /// Watches a directory and those below it, the upper ones first; nothing happens when none stands there. One that
    /// is watched already is watched again: to the kernel that is the same watch, if it is the same directory.
    pub(super) fn cover(&mut self, top: &str) -> Coverage {
        let mut coverage = Coverage::default();
        let mut queue = VecDeque::new();
        if is_worth_watching(top) && self.is_folder(top) {
            queue.push_back((top.to_owned(), false));
        }
        while let Some((folder, is_told)) = queue.pop_front() {
            if let Err(error) = self.watch(&folder) {
                coverage.trouble.get_or_insert_with(|| trouble(&error));
                continue;
            }
            let below = self.folders_in(&folder);
            let is_new = self.watched.insert(folder.clone());
            queue.extend(below.into_iter().map(|folder| (folder, is_told || is_new)));
            if is_new && !is_told {
                coverage.born.push(folder);
            }
        }
        coverage
    }

    fn watch(&mut self, folder: &str) -> notify::Result<()> {
        match self
            .watcher
            .watch(&self.root.join(folder), RecursiveMode::NonRecursive)
        {
            // It went again, and that is an event to come.
            Err(error) if is_absence(&error) => Ok(()),
            result => result,
        }
    }

    /// The directories in a directory that are worth watching. Links to directories are none.
    fn folders_in(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.root.join(folder)) else {
            return Vec::new();
        };
        entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .filter_map(|entry| Some(join(folder, entry.file_name().to_str()?)))
            .filter(|folder| is_worth_watching(folder))
            .collect()
    }

    fn is_folder(&self, path: &str) -> bool {
        fs::symlink_metadata(self.root.join(path)).is_ok_and(|found| found.is_dir())
    }
}

/// Of git's own directories only those whose entries are its state: objects, logs and our own files in there change far
/// too often and mean nothing to us.
fn is_worth_watching(folder: &str) -> bool {
    matches!(folder, ".git" | ".git/refs" | ".git/refs/heads")
        || folder.starts_with(".git/refs/heads/")
        || !has_dotted_name(folder)
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

fn is_absence(error: &notify::Error) -> bool {
    match &error.kind {
        ErrorKind::PathNotFound => true,
        ErrorKind::Io(error) => {
            matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            )
        }
        _ => false,
    }
}

fn trouble(error: &notify::Error) -> String {
    let consequence = "some changes are found by the timed scan alone";
    match error.kind {
        ErrorKind::MaxFilesWatch => format!(
            "the limit of inotify watches is reached, so {consequence}; raise fs.inotify.max_user_watches"
        ),
        _ => format!("a directory cannot be watched, so {consequence}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(watched: &[&str]) -> Tree {
        let watcher = notify::recommended_watcher(|_| {}).unwrap();
        let mut tree = Tree::new(PathBuf::from("/nonexistent"), watcher);
        tree.watched
            .extend(watched.iter().map(|folder| (*folder).to_owned()));
        tree
    }

    #[test]
    fn what_is_below_a_forgotten_path_is_forgotten() {
        let cases: [(&str, &[&str]); 4] = [
            ("a", &["", "a b", "a-b", "a0", "b"]),
            ("a/b", &["", "a", "a b", "a-b", "a0", "b"]),
            ("c", &["", "a", "a b", "a-b", "a/b", "a0", "b"]),
            ("", &[]),
        ];
        for (path, left) in cases {
            let mut tree = tree(&["", "a", "a b", "a-b", "a/b", "a0", "b"]);
            assert_eq!(tree.forget(path), path != "c", "{path}");
            assert!(tree.watched.iter().eq(left), "{path}: {:?}", tree.watched);
        }
    }

    #[test]
    fn of_git_only_its_state_is_watched() {
        for (folder, expected) in [
            ("", true),
            ("user/ada", true),
            (".git", true),
            (".git/refs", true),
            (".git/refs/heads/topic", true),
            (".git/refs/memoryd", false),
            (".git/objects", false),
            (".github", false),
            ("user/.obsidian/plugins", false),
        ] {
            assert_eq!(is_worth_watching(folder), expected, "{folder}");
        }
    }

    #[test]
    fn a_limit_is_told_with_its_remedy() {
        let limit = notify::Error::new(ErrorKind::MaxFilesWatch);
        assert!(trouble(&limit).ends_with("raise fs.inotify.max_user_watches"));
        assert!(!is_absence(&limit));
    }
}
