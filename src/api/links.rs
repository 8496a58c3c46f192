//! Whether a link in one file leads to another.
//!
//! People and agents write the same file in several ways: as an agent sees it (`user/profile.md`), from where the text
//! stands (`../index.md`), or by its bare name (`[[profile]]`). A link is dead only when none of these readings finds a
//! file, and when it can be judged at all: an address, a placeholder, a picture and "the user's own profile" in a
//! shared file are not this memory's to judge.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::model::document::links::{Link, Notation};
use crate::model::path::{Layout, Mount, Owners, Place, RepoPath, fold};
use crate::model::snapshot::Snapshot;

/// What links can lead to.
pub struct Links<'a> {
    snapshot: &'a Snapshot,
    layout: Layout,
    /// By their folded last components, with and without extensions. Only bare names need them.
    names: OnceCell<HashMap<String, Vec<&'a RepoPath>>>,
}

impl<'a> Links<'a> {
    /// The links of a memory at one revision.
    pub fn new(snapshot: &'a Snapshot, layout: Layout) -> Self {
        Self {
            snapshot,
            layout,
            names: OnceCell::new(),
        }
    }

    /// The files to which a link in `from` leads, in the order in which they are likely meant. More than one only where
    /// it is a bare name that several have.
    pub fn targets(&self, from: &RepoPath, link: &Link) -> Vec<RepoPath> {
        let target = plain_target(link);
        if target.is_empty() || is_elsewhere(&target) {
            return Vec::new();
        }
        let readings = self.readings(from, &target).unwrap_or_default();
        let read = readings.iter().find_map(|reading| self.file(reading));
        match read {
            Some(path) => vec![path],
            None if is_bare_name(link, &target) => {
                let named = self.names().get(fold(&target).as_ref());
                named
                    .into_iter()
                    .flatten()
                    .map(|path| (*path).clone())
                    .collect()
            }
            None => Vec::new(),
        }
    }

    /// Whether a link in `from` finds a file, or cannot be judged.
    pub fn leads_somewhere(&self, from: &RepoPath, link: &Link) -> bool {
        let target = plain_target(link);
        if target.is_empty() || is_elsewhere(&target) {
            return true;
        }
        if is_bare_name(link, &target) && self.names().contains_key(fold(&target).as_ref()) {
            return true;
        }
        let is_file = |path: &str| RepoPath::parse(path).is_ok();
        if !is_file(target.trim_start_matches(['.', '/'])) && link.notation != Notation::Wiki {
            return true;
        }
        match self.readings(from, &target) {
            Some(readings) => readings.iter().any(|reading| self.stands(reading)),
            None => true,
        }
    }

    /// The places in the repository that a target may mean; none when it depends on who reads it.
    fn readings(&self, from: &RepoPath, target: &str) -> Option<Vec<String>> {
        let folder = from
            .as_str()
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        let from_root = target.trim_start_matches('/').to_owned();
        let mut readings: Vec<_> = from_here(folder, target)
            .into_iter()
            .chain([from_root])
            .collect();
        let (first, rest) = target.split_once('/').unwrap_or((target, ""));
        let owned = [Mount::User, Mount::Team]
            .into_iter()
            .find(|mount| mount.as_str() == first);
        if let Some(mount) = owned {
            let is_known = readings.iter().any(|reading| self.stands(reading));
            match self.folder(mount, from) {
                Some(folder) => readings.push(folder + rest),
                None if !is_known => return None,
                None => {}
            }
        }
        Some(readings)
    }

    /// The folder that a mount means to the owner of `from`.
    fn folder(&self, mount: Mount, from: &RepoPath) -> Option<String> {
        let place = self.layout.owner_of(from);
        let owners = match &place {
            Place::User(user) => Owners {
                user: Some(user),
                team: None,
            },
            Place::Team(team) => Owners {
                user: None,
                team: Some(team),
            },
            Place::Shared | Place::Elsewhere => Owners::default(),
        };
        self.layout.folder(mount, owners).ok()
    }

    /// Whether a file stands there, with or without its extension in the link, or a folder.
    fn stands(&self, reading: &str) -> bool {
        let folder = format!("{}/", reading.trim_end_matches('/'));
        self.file(reading).is_some() || self.snapshot.under(&folder).next().is_some()
    }

    fn file(&self, reading: &str) -> Option<RepoPath> {
        let named = [reading, &format!("{reading}.md")].map(RepoPath::parse);
        let mut named = named.into_iter().flatten();
        named.find(|path| self.snapshot.get(path).is_some())
    }

    fn names(&self) -> &HashMap<String, Vec<&'a RepoPath>> {
        self.names.get_or_init(|| {
            let mut names: HashMap<String, Vec<&RepoPath>> = HashMap::new();
            for (path, _) in self.snapshot.files() {
                let name = path.as_str().rsplit('/').next().unwrap_or_default();
                let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
                for name in [name, stem] {
                    names.entry(fold(name).into_owned()).or_default().push(path);
                }
            }
            names
        })
    }
}

/// What a link names, without the place within it.
fn plain_target(link: &Link) -> String {
    let target = link.target.split(['#', '?']).next().unwrap_or_default();
    target.trim().replace("%20", " ")
}

fn is_bare_name(link: &Link, target: &str) -> bool {
    link.notation == Notation::Wiki && !target.contains('/')
}

/// Whether a target is an address, or a placeholder for a name.
fn is_elsewhere(target: &str) -> bool {
    target.starts_with("//")
        || target.contains([':', '<', '>', '{', '}', '*', '$'])
        || target.contains("...")
}

/// A target as seen from a folder; none when it climbs out of the memory.
fn from_here(folder: &str, target: &str) -> Option<String> {
    let mut components: Vec<_> = folder
        .split('/')
        .filter(|component| !component.is_empty())
        .collect();
    for component in target.split('/') {
        match component {
            "" | "." => {}
            ".." => drop(components.pop()?),
            name => components.push(name),
        }
    }
    Some(components.join("/"))
}
