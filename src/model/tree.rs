//! The repository's folders as git's tree objects, held so that changing one file costs one splice a folder.
//!
//! A tree object is a run of entries `<octal mode> <name>\0<20-byte id>`, sorted by name as if folder names ended in a
//! slash (gitformat-pack, "tree"). A [`Forest`] keeps the raw bytes of every folder of the head and where each entry
//! starts. A change patches those bytes in place and hashes them again; the [`Splice`] that did it is handed on, because
//! it is exactly the delta that a pack wants, and because its inverse takes the change back when a flush fails.

mod listing;

use std::collections::HashMap;
use std::sync::Arc;

use listing::Folder;
pub use listing::{Entry, entries};

use crate::model::object::{ObjectId, TreeId, hash_tree};

/// What an entry is: a file, an executable, a link, a folder, or another repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode(pub u32);

impl Mode {
    /// An ordinary file, which is all that a memory serves.
    pub const FILE: Self = Self(0o100_644);
    /// A folder.
    pub const FOLDER: Self = Self(0o040_000);

    /// Whether an entry of this mode is a file whose text may be served, executable or not.
    pub fn is_file(self) -> bool {
        self.0 & 0o170_000 == 0o100_000
    }

    fn is_folder(self) -> bool {
        self == Self::FOLDER
    }
}

/// What a name in a folder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// What it is.
    pub mode: Mode,
    /// Its object.
    pub id: ObjectId,
}

/// One replaced stretch of bytes: from one version of a folder's listing to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splice {
    /// Where it starts, in the older version.
    pub at: usize,
    /// How many bytes of the older version it takes away.
    pub removed: usize,
    /// What it puts there.
    pub inserted: Vec<u8>,
}

impl Splice {
    /// Turns the older version into the newer one.
    pub fn apply(&self, raw: &mut Vec<u8>) {
        raw.splice(
            self.at..self.at + self.removed,
            self.inserted.iter().copied(),
        );
    }
}

/// A path in the repository as git holds it: any bytes but NUL, components divided by slashes.
pub type TreePath = Arc<[u8]>;

/// One folder's listing after a commit, and how it came out of the listing before.
#[derive(Debug, Clone)]
pub struct TreeVersion {
    /// The folder; empty for the root.
    pub folder: TreePath,
    /// The listing before, where the folder existed.
    pub base: Option<TreeId>,
    /// The listing now.
    pub id: TreeId,
    /// From the one to the other, each splice applied to what the one before it left.
    pub splices: Vec<Splice>,
}

/// A path that cannot be set, because a file stands where it needs a folder or the other way round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle(pub TreePath);

/// What is to stand at one name of a folder, if anything.
type Named = (Vec<u8>, Option<Leaf>);

/// Every folder of one commit.
#[derive(Debug)]
pub struct Forest {
    folders: HashMap<TreePath, Folder>,
    undo: Vec<Undo>,
}

#[derive(Debug)]
struct Undo {
    folder: TreePath,
    splice: Splice,
    id: TreeId,
}

impl Forest {
    /// Takes the raw listing of every folder, the root's under the empty path. Gives nothing when one is damaged.
    pub fn new(listings: impl IntoIterator<Item = (TreePath, Vec<u8>)>) -> Option<Self> {
        let mut folders = HashMap::new();
        for (path, raw) in listings {
            folders.insert(path, Folder::parse(raw)?);
        }
        folders
            .entry(TreePath::from(&b""[..]))
            .or_insert_with(Folder::empty);
        Some(Self {
            folders,
            undo: Vec::new(),
        })
    }

    /// The root's id.
    pub fn root(&self) -> TreeId {
        self.folder(b"")
            .map_or_else(|| hash_tree(b""), |folder| folder.id)
    }

    /// What stands at a path.
    pub fn get(&self, path: &[u8]) -> Option<Leaf> {
        let (folder, name) = split(path);
        self.folder(folder)?.get(name)
    }

    /// What keeps a file from standing at `path`: a file above it, or a folder in its place.
    pub fn obstacle(&self, path: &[u8]) -> Option<Obstacle> {
        let is = |path: &[u8], folder: bool| {
            self.get(path).is_some_and(|l| l.mode.is_folder() == folder)
        };
        if is(path, true) {
            return Some(Obstacle(path.into()));
        }
        ancestors(path)
            .find(|above| is(above, false))
            .map(|above| Obstacle(above.into()))
    }

    /// Sets or removes files and gives every folder that changed, the deepest first and the root last. Folders come and
    /// go with their files. Where the result is what stood before, nothing is given.
    pub fn apply(&mut self, changes: &[(TreePath, Option<Leaf>)]) -> Vec<TreeVersion> {
        let mut pending: HashMap<TreePath, Vec<Named>> = HashMap::new();
        for (path, leaf) in changes {
            let (folder, name) = split(path);
            pending
                .entry(folder.into())
                .or_default()
                .push((name.to_vec(), *leaf));
        }
        let mut versions = Vec::new();
        while let Some(deepest) = pending
            .keys()
            .max_by_key(|path| (depth(path), path.to_vec()))
            .cloned()
        {
            let entries = pending.remove(&deepest).unwrap_or_default();
            let Some(version) = self.change_folder(&deepest, entries) else {
                continue;
            };
            if !deepest.is_empty() {
                let (above, name) = split(&deepest);
                let gone = self
                    .folder(&deepest)
                    .is_none_or(|folder| folder.raw.is_empty());
                let leaf = (!gone).then_some(Leaf {
                    mode: Mode::FOLDER,
                    id: version.id.0,
                });
                let entries = pending.entry(above.into()).or_default();
                // A file that takes the place of a folder was set already: the folder's end must not remove it.
                if leaf.is_some() || entries.iter().all(|(other, _)| other != name) {
                    entries.push((name.to_vec(), leaf));
                }
            }
            versions.push(version);
        }
        versions
    }

    /// Forgets how to take changes back: all that was applied so far is durable.
    pub fn settle(&mut self) {
        for undo in std::mem::take(&mut self.undo) {
            if self
                .folder(&undo.folder)
                .is_some_and(|folder| folder.raw.is_empty())
                && !undo.folder.is_empty()
            {
                self.folders.remove(&undo.folder);
            }
        }
    }

    /// Takes back all that was applied since the last [`settle`](Self::settle).
    pub fn roll_back(&mut self) {
        while let Some(Undo { folder, splice, id }) = self.undo.pop() {
            let folder = self.folders.entry(folder).or_insert_with(Folder::empty);
            folder.splice(&splice);
            folder.id = id;
        }
        let empty: Vec<_> = self
            .folders
            .iter()
            .filter(|(_, f)| f.raw.is_empty())
            .map(|(p, _)| p.clone())
            .collect();
        empty
            .iter()
            .filter(|path| !path.is_empty())
            .for_each(|path| drop(self.folders.remove(path)));
    }

    fn folder(&self, path: &[u8]) -> Option<&Folder> {
        self.folders.get(path)
    }

    fn change_folder(&mut self, path: &TreePath, entries: Vec<Named>) -> Option<TreeVersion> {
        let folder = self
            .folders
            .entry(path.clone())
            .or_insert_with(Folder::empty);
        let before = folder.id;
        let base = (!folder.raw.is_empty()).then_some(before);
        let mut splices = Vec::with_capacity(entries.len());
        for (name, leaf) in entries {
            let Some((splice, removed)) = folder.set(&name, leaf) else {
                continue;
            };
            let inverse = Splice {
                at: splice.at,
                removed: splice.inserted.len(),
                inserted: removed,
            };
            self.undo.push(Undo {
                folder: path.clone(),
                splice: inverse,
                id: before,
            });
            splices.push(splice);
        }
        if splices.is_empty() {
            return None;
        }
        folder.id = hash_tree(&folder.raw);
        Some(TreeVersion {
            folder: path.clone(),
            base,
            id: folder.id,
            splices,
        })
    }
}

/// The folder above and the last component.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

fn ancestors(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'/')
        .map(|(slash, _)| &path[..slash])
}

fn depth(path: &[u8]) -> usize {
    if path.is_empty() {
        0
    } else {
        1 + path.iter().filter(|byte| **byte == b'/').count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(byte: u8) -> Option<Leaf> {
        Some(Leaf {
            mode: Mode::FILE,
            id: ObjectId([byte; 20]),
        })
    }

    fn path(text: &str) -> TreePath {
        text.as_bytes().into()
    }

    fn names(forest: &Forest, folder: &str) -> Vec<String> {
        let raw = &forest.folder(folder.as_bytes()).unwrap().raw;
        entries(raw)
            .map(|entry| String::from_utf8(entry.unwrap().name.to_vec()).unwrap())
            .collect()
    }

    #[test]
    fn a_folder_sorts_as_if_its_name_ended_in_a_slash() {
        let mut forest = Forest::new([]).unwrap();
        for name in ["a.md", "a/x.md", "a0", "a-b"] {
            forest.apply(&[(path(name), leaf(1))]);
        }
        assert_eq!(names(&forest, ""), ["a-b", "a.md", "a", "a0"]);
    }

    #[test]
    fn every_splice_turns_the_old_listing_into_the_new_one() {
        let mut forest = Forest::new([]).unwrap();
        let mut copies: HashMap<TreePath, Vec<u8>> = HashMap::new();
        let steps = [
            vec![("user/a/x.md", 1), ("user/b.md", 2)],
            vec![("user/a/x.md", 3)],
            vec![("user/a/x.md", 0), ("user/a/y.md", 4), ("shared/z.md", 5)],
            vec![("user/a/y.md", 0)],
            vec![("user/a", 6)],
            vec![("user/a", 0), ("user/a/again.md", 7)],
            vec![("user/a/again.md", 0), ("user/a", 8)],
            vec![("user/a", 0), ("user/a/again.md", 7)],
        ];
        for step in steps {
            let changes: Vec<_> = step
                .iter()
                .map(|(p, b)| (path(p), if *b == 0 { None } else { leaf(*b) }))
                .collect();
            for version in forest.apply(&changes) {
                let raw = copies.entry(version.folder).or_default();
                version.splices.iter().for_each(|splice| splice.apply(raw));
                assert_eq!(hash_tree(raw), version.id);
            }
        }
        assert_eq!(names(&forest, "user"), ["a", "b.md"]);
        assert_eq!(names(&forest, "user/a"), ["again.md"]);
    }

    #[test]
    fn rolling_back_restores_what_was_settled() {
        let mut forest = Forest::new([]).unwrap();
        forest.apply(&[(path("user/a/x.md"), leaf(1))]);
        forest.settle();
        let settled = forest.root();
        forest.apply(&[(path("user/a/x.md"), None), (path("b/c/d.md"), leaf(2))]);
        forest.apply(&[(path("b/c/d.md"), leaf(3))]);
        assert_ne!(forest.root(), settled);
        forest.roll_back();
        assert_eq!(forest.root(), settled);
        assert_eq!(forest.get(b"user/a/x.md"), leaf(1));
        assert_eq!(forest.get(b"b"), None);
    }

    #[test]
    fn files_and_folders_stand_in_each_others_way() {
        let mut forest = Forest::new([]).unwrap();
        forest.apply(&[(path("user/a.md/x.md"), leaf(1)), (path("user/b"), leaf(2))]);
        assert_eq!(
            forest.obstacle(b"user/a.md"),
            Some(Obstacle(path("user/a.md")))
        );
        assert_eq!(
            forest.obstacle(b"user/b/c.md"),
            Some(Obstacle(path("user/b")))
        );
        assert_eq!(forest.obstacle(b"user/c.md"), None);
    }
}
