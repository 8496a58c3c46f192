//! A file system in memory: names, and the files that they lead to.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const PAGE_BYTES: usize = 4096;
const ZEROS: [u8; PAGE_BYTES] = [0; PAGE_BYTES];

/// Which file a name leads to, whatever it is called.
pub(super) type FileId = u64;

/// What a name leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    Folder,
    File(FileId),
}

/// A file's bytes. Pages of zeros are left out: a journal is mostly those.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bytes {
    size: usize,
    pages: BTreeMap<usize, Arc<[u8; PAGE_BYTES]>>,
}

impl Bytes {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut all = Self::default();
        all.write(0, bytes);
        all
    }

    pub(super) fn write(&mut self, at: usize, bytes: &[u8]) {
        self.size = self.size.max(at + bytes.len());
        let mut done = 0;
        while done < bytes.len() {
            let (page, start) = ((at + done) / PAGE_BYTES, (at + done) % PAGE_BYTES);
            let part = &bytes[done..bytes.len().min(done + PAGE_BYTES - start)];
            done += part.len();
            if *part == ZEROS[..part.len()] && !self.pages.contains_key(&page) {
                continue;
            }
            let page = self
                .pages
                .entry(page)
                .or_insert_with(|| Arc::new([0; PAGE_BYTES]));
            Arc::make_mut(page)[start..start + part.len()].copy_from_slice(part);
        }
    }

    /// Makes it longer by zeros.
    pub(super) fn extend_to(&mut self, size: usize) {
        self.size = self.size.max(size);
    }

    pub(super) fn to_vec(&self) -> Vec<u8> {
        let mut all = vec![0; self.size];
        for (page, bytes) in &self.pages {
            let start = page * PAGE_BYTES;
            let length = PAGE_BYTES.min(self.size - start);
            all[start..start + length].copy_from_slice(&bytes[..length]);
        }
        all
    }

    fn put(&self, path: &Path, age: Duration) -> std::io::Result<()> {
        let file = File::create(path)?;
        file.set_len(self.size as u64)?;
        for (page, bytes) in &self.pages {
            let start = page * PAGE_BYTES;
            file.write_all_at(&bytes[..PAGE_BYTES.min(self.size - start)], start as u64)?;
        }
        file.set_modified(SystemTime::now() - age)
    }
}

/// All names below a folder, with slashes, and all files.
#[derive(Debug, Clone, Default)]
pub(super) struct Image {
    pub(super) names: BTreeMap<String, Node>,
    pub(super) files: HashMap<FileId, Bytes>,
}

impl Image {
    /// A folder as it stands. The files' ids are their inodes.
    pub(super) fn of(folder: &Path) -> Self {
        let mut image = Self::default();
        image.add(folder, "");
        image
    }

    fn add(&mut self, folder: &Path, below: &str) {
        for entry in fs::read_dir(folder.join(below)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = if below.is_empty() {
                name
            } else {
                format!("{below}/{name}")
            };
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() {
                self.names.insert(path.clone(), Node::Folder);
                self.add(folder, &path);
            } else {
                let file = metadata.ino();
                self.files
                    .entry(file)
                    .or_insert_with(|| Bytes::of(&fs::read(entry.path()).unwrap()));
                self.names.insert(path, Node::File(file));
            }
        }
    }

    /// Makes a folder of it, its files as old as is said of each. What lies below a folder that is not there is not there either.
    pub(super) fn put(&self, folder: &Path, age: impl Fn(FileId) -> Duration) {
        let mut names: HashMap<FileId, &str> = HashMap::new();
        for (path, node) in self.names.iter().filter(|(path, _)| self.has_parents(path)) {
            match node {
                Node::Folder => fs::create_dir(folder.join(path)).unwrap(),
                Node::File(file) => match names.get(file) {
                    Some(other) => fs::hard_link(folder.join(other), folder.join(path)).unwrap(),
                    None => {
                        self.files
                            .get(file)
                            .cloned()
                            .unwrap_or_default()
                            .put(&folder.join(path), age(*file))
                            .unwrap();
                        names.insert(*file, path);
                    }
                },
            }
        }
    }

    /// The file that a path leads to.
    pub(super) fn file(&self, path: &str) -> Option<FileId> {
        match self.names.get(path)? {
            Node::File(file) => Some(*file),
            Node::Folder => None,
        }
    }

    /// The names below a folder.
    pub(super) fn below<'a>(
        &'a self,
        folder: &str,
    ) -> impl Iterator<Item = (&'a String, &'a Node)> {
        let prefix = format!("{folder}/");
        self.names
            .range(prefix.clone()..)
            .take_while(move |(path, _)| path.starts_with(&prefix))
    }

    pub(super) fn set(&mut self, path: &str, node: Option<Node>) {
        match node {
            Some(node) => drop(self.names.insert(path.to_owned(), node)),
            None => drop(self.names.remove(path)),
        }
    }

    pub(super) fn write(&mut self, file: FileId, at: usize, bytes: &[u8]) {
        self.files.entry(file).or_default().write(at, bytes);
    }

    fn has_parents(&self, path: &str) -> bool {
        parents(path).all(|folder| self.names.get(folder) == Some(&Node::Folder))
    }
}

/// The folders above a path, the nearest first; not the root.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(path.rsplit_once('/').map(|(folder, _)| folder), |folder| {
        folder.rsplit_once('/').map(|(folder, _)| folder)
    })
}

/// The folder that a name stands in; empty for the root.
pub(super) fn parent(path: &str) -> &str {
    parents(path).next().unwrap_or("")
}
