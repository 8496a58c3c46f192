//! One folder's listing: git's tree format, read, searched and patched in place.

use super::{Leaf, Mode, Splice};
use crate::model::object::{ObjectId, TreeId, hash_tree};

/// One folder's listing: its bytes, and where each entry starts in them.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) raw: Vec<u8>,
    starts: Vec<u32>,
    pub(super) id: TreeId,
}

impl Folder {
    pub(super) fn empty() -> Self {
        Self {
            raw: Vec::new(),
            starts: Vec::new(),
            id: hash_tree(b""),
        }
    }

    pub(super) fn parse(raw: Vec<u8>) -> Option<Self> {
        let mut starts = Vec::new();
        for entry in entries(&raw) {
            starts.push(u32::try_from(entry?.at).ok()?);
        }
        let id = hash_tree(&raw);
        Some(Self { raw, starts, id })
    }

    fn entry(&self, index: usize) -> Option<Entry<'_>> {
        entry_at(&self.raw, *self.starts.get(index)? as usize)
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<Leaf> {
        // Git sorts "a" the folder as "a/": the same name stands in one of two places.
        [true, false].into_iter().find_map(|folder| {
            let index = self.search(name, folder).ok()?;
            self.entry(index).map(|entry| entry.leaf)
        })
    }

    fn search(&self, name: &[u8], is_folder: bool) -> Result<usize, usize> {
        self.starts.binary_search_by(|start| {
            entry_at(&self.raw, *start as usize).map_or(std::cmp::Ordering::Less, |entry| {
                entry.sort_key().cmp(sort_key(name, is_folder))
            })
        })
    }

    /// Sets or removes one entry and gives the splice and the bytes it took away; nothing when nothing changes.
    pub(super) fn set(&mut self, name: &[u8], leaf: Option<Leaf>) -> Option<(Splice, Vec<u8>)> {
        let standing = [true, false]
            .into_iter()
            .find_map(|folder| self.search(name, folder).ok());
        let old = standing
            .and_then(|index| self.entry(index))
            .map(|entry| (entry.at, entry.end, entry.leaf));
        let splice = match (old, leaf) {
            (None, None) => return None,
            (Some((.., old)), Some(new)) if old == new => return None,
            (Some((at, end, _)), None) => Splice {
                at,
                removed: end - at,
                inserted: Vec::new(),
            },
            (Some((at, end, old)), Some(new)) if new.mode.is_folder() == old.mode.is_folder() => {
                Splice {
                    at,
                    removed: end - at,
                    inserted: encode(name, new),
                }
            }
            (None, Some(new)) => {
                let index = self
                    .search(name, new.mode.is_folder())
                    .unwrap_or_else(|index| index);
                let at = self
                    .starts
                    .get(index)
                    .map_or(self.raw.len(), |start| *start as usize);
                Splice {
                    at,
                    removed: 0,
                    inserted: encode(name, new),
                }
            }
            // A file becomes a folder or a folder a file: the entry moves, so what lies between is replaced with it.
            (Some((at, end, _)), Some(new)) => self.moved(name, (at, end), new),
        };
        let removed = self.splice(&splice);
        Some((splice, removed))
    }

    fn moved(&self, name: &[u8], (at, end): (usize, usize), new: Leaf) -> Splice {
        let index = self
            .search(name, new.mode.is_folder())
            .unwrap_or_else(|index| index);
        let target = self
            .starts
            .get(index)
            .map_or(self.raw.len(), |start| *start as usize);
        let (from, to) = (at.min(target), end.max(target));
        let mut inserted = encode(name, new);
        if target <= at {
            inserted.extend_from_slice(&self.raw[from..at]);
        } else {
            inserted.splice(0..0, self.raw[end..to].iter().copied());
        }
        Splice {
            at: from,
            removed: to - from,
            inserted,
        }
    }

    /// Replaces bytes, keeps the starts right, and gives what was taken away.
    pub(super) fn splice(&mut self, splice: &Splice) -> Vec<u8> {
        let end = splice.at + splice.removed;
        let removed = self
            .raw
            .splice(splice.at..end, splice.inserted.iter().copied())
            .collect();
        let first = self
            .starts
            .partition_point(|start| (*start as usize) < splice.at);
        let last = self.starts.partition_point(|start| (*start as usize) < end);
        let shift = splice.inserted.len() as i64 - splice.removed as i64;
        for start in &mut self.starts[last..] {
            *start = (i64::from(*start) + shift) as u32;
        }
        let inserted = entries(&splice.inserted)
            .flatten()
            .map(|entry| (splice.at + entry.at) as u32);
        self.starts.splice(first..last, inserted);
        removed
    }
}

/// One entry, read out of a listing's bytes.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Where it starts.
    at: usize,
    /// Where the next one starts.
    end: usize,
    /// Its name, one component.
    pub name: &'a [u8],
    /// What it stands for.
    pub leaf: Leaf,
}

impl<'a> Entry<'a> {
    fn sort_key(&self) -> SortKey<'a> {
        sort_key(self.name, self.leaf.mode.is_folder())
    }
}

/// The entries of a raw listing in order; `None` in place of one that is damaged, after which it ends.
pub fn entries(raw: &[u8]) -> impl Iterator<Item = Option<Entry<'_>>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        if at >= raw.len() {
            return None;
        }
        let entry = entry_at(raw, at);
        at = entry.map_or(raw.len(), |entry| entry.end);
        Some(entry)
    })
}

fn entry_at(raw: &[u8], at: usize) -> Option<Entry<'_>> {
    let rest = raw.get(at..)?;
    let space = rest.iter().take(8).position(|byte| *byte == b' ')?;
    let mode = u32::from_str_radix(std::str::from_utf8(&rest[..space]).ok()?, 8).ok()?;
    let nul = space + rest[space..].iter().position(|byte| *byte == 0)?;
    let id = ObjectId::from_bytes(rest.get(nul + 1..nul + 21)?)?;
    let name = &rest[space + 1..nul];
    (!name.is_empty()).then_some(Entry {
        at,
        end: at + nul + 21,
        name,
        leaf: Leaf {
            mode: Mode(mode),
            id,
        },
    })
}

type SortKey<'a> =
    std::iter::Chain<std::iter::Copied<std::slice::Iter<'a, u8>>, std::option::IntoIter<u8>>;

fn sort_key(name: &[u8], is_folder: bool) -> SortKey<'_> {
    name.iter().copied().chain(is_folder.then_some(b'/'))
}

fn encode(name: &[u8], leaf: Leaf) -> Vec<u8> {
    let mut raw = format!("{:o} ", leaf.mode.0).into_bytes();
    raw.extend_from_slice(name);
    raw.push(0);
    raw.extend_from_slice(&leaf.id.0);
    raw
}
