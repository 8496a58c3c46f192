//! Comparing two trees, folder by folder, descending only where their ids differ.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::Git;
use crate::model::error::Fault;
use crate::model::history::Difference;
use crate::model::object::{Revision, TreeId};
use crate::model::tree::{Leaf, Mode, entries};

impl Git {
    /// Every file at which two commits differ, in path order; without an older one, every file of the newer.
    pub fn differences(
        &self,
        older: Option<Revision>,
        newer: Revision,
    ) -> Result<Vec<Difference>, Fault> {
        let old = older
            .map(|older| self.known_commit(older))
            .transpose()?
            .map(|commit| commit.tree);
        self.tree_differences(old, Some(self.known_commit(newer)?.tree))
    }

    /// The same for two trees.
    pub fn tree_differences(
        &self,
        old: Option<TreeId>,
        new: Option<TreeId>,
    ) -> Result<Vec<Difference>, Fault> {
        let mut found = Vec::new();
        let mut waiting = vec![(Vec::new(), old, new)];
        while let Some((path, old, new)) = waiting.pop() {
            if old != new {
                self.compare_folders(&path, (old, new), &mut found, &mut waiting)?;
            }
        }
        found.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(found)
    }

    /// What stands at a path in a commit.
    pub fn leaf_at(&self, revision: Revision, path: &[u8]) -> Result<Option<Leaf>, Fault> {
        let mut at = Leaf {
            mode: Mode::FOLDER,
            id: self.known_commit(revision)?.tree.0,
        };
        for name in path.split(|byte| *byte == b'/') {
            if !is_folder(&at) {
                return Ok(None);
            }
            let raw = self.listing(TreeId(at.id))?;
            let Some(entry) = entries(&raw).flatten().find(|entry| entry.name == name) else {
                return Ok(None);
            };
            at = entry.leaf;
        }
        Ok(Some(at))
    }

    fn compare_folders(
        &self,
        path: &[u8],
        (old, new): (Option<TreeId>, Option<TreeId>),
        found: &mut Vec<Difference>,
        waiting: &mut Vec<(Vec<u8>, Option<TreeId>, Option<TreeId>)>,
    ) -> Result<(), Fault> {
        let read = |id: Option<TreeId>| id.map_or(Ok(Vec::new()), |id| self.listing(id));
        let (old, new) = (read(old)?, read(new)?);
        for (name, old, new) in pairs(&old, &new) {
            let path = join(path, name);
            let folder = |leaf: Option<Leaf>| leaf.filter(is_folder).map(|leaf| TreeId(leaf.id));
            let file = |leaf: Option<Leaf>| leaf.filter(|leaf| !is_folder(leaf));
            if file(old) != file(new) {
                let path = path.as_slice().into();
                found.push(Difference {
                    path,
                    old: file(old),
                    new: file(new),
                });
            }
            if folder(old) != folder(new) {
                waiting.push((path, folder(old), folder(new)));
            }
        }
        Ok(())
    }
}

/// The folders that a raw listing names.
pub(super) fn folders(raw: &[u8]) -> impl Iterator<Item = (&[u8], Leaf)> {
    entries(raw)
        .flatten()
        .map(|entry| (entry.name, entry.leaf))
        .filter(|(_, leaf)| is_folder(leaf))
}

pub(super) fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    match folder.is_empty() {
        true => name.to_vec(),
        false => [folder, b"/", name].concat(),
    }
}

fn is_folder(leaf: &Leaf) -> bool {
    leaf.mode == Mode::FOLDER
}

/// The entries that differ, by name. A file and a folder of one name sort apart, so pairing is by name alone.
fn pairs<'a>(old: &'a [u8], new: &'a [u8]) -> Vec<(&'a [u8], Option<Leaf>, Option<Leaf>)> {
    let list = |raw| {
        entries(raw)
            .flatten()
            .map(|entry| (entry.name, entry.leaf))
            .collect::<Vec<_>>()
    };
    let (old, new) = (list(old), list(new));
    let (mut left, mut right) = (old.as_slice(), new.as_slice());
    let mut differing: BTreeMap<&[u8], (Option<Leaf>, Option<Leaf>)> = BTreeMap::new();
    loop {
        let order = match (left.first(), right.first()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => old.0.cmp(new.0),
        };
        if order.is_le()
            && let Some((first, rest)) = left.split_first()
        {
            if order.is_lt() || right.first() != Some(first) {
                differing.entry(first.0).or_default().0 = Some(first.1);
            }
            left = rest;
            if order.is_eq() && right.first() == Some(first) {
                right = right.get(1..).unwrap_or_default();
                continue;
            }
        }
        if order.is_ge()
            && let Some((first, rest)) = right.split_first()
        {
            differing.entry(first.0).or_default().1 = Some(first.1);
            right = rest;
        }
    }
    differing
        .into_iter()
        .map(|(name, (old, new))| (name, old, new))
        .filter(|(_, old, new)| old != new)
        .collect()
}
