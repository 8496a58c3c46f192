//! Paths as an agent sees them: the mount first, and never an id.

use std::fmt;
use std::sync::Arc;

use crate::model::error::Rejection;
use crate::model::path::{invalid, rules, shown};

/// The three parts of a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mount {
    /// Guidance from people, the same for everybody.
    Shared,
    /// What belongs to the caller's team.
    Team,
    /// What belongs to the user on whose behalf the caller speaks.
    User,
}

impl Mount {
    /// Each of them, in the order of their names.
    pub const ALL: [Self; 3] = [Self::Shared, Self::Team, Self::User];

    /// The first component of its paths.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Team => "team",
            Self::User => "user",
        }
    }

    /// The mount that a path names first, and what follows it. Refuses a path of the wrong shape or of no mount.
    fn split(path: &str) -> Result<(Self, &str), Rejection> {
        rules::check_shape(path).map_err(|reason| invalid(path, reason))?;
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        let mount = Self::ALL.into_iter().find(|mount| mount.as_str() == first);
        mount.map(|mount| (mount, rest)).ok_or_else(|| match first {
            "users" => Rejection::PhysicalPath { path: shown(path) },
            _ => Rejection::UnknownMount { path: shown(path) },
        })
    }
}

impl fmt::Display for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an agent calls a file: `shared/knowledge/products.md`, `user/profile.md`, `team/notes.md`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtualPath {
    mount: Mount,
    text: Arc<str>,
}

impl VirtualPath {
    /// Takes a path as an agent writes it. Refuses `users/...` as a physical path, another first component as an
    /// unknown mount, and what no memory can hold as invalid.
    pub fn parse(path: &str) -> Result<Self, Rejection> {
        let (mount, rest) = Mount::split(path)?;
        if rest.is_empty() {
            return Err(invalid(path, "it names a folder, not a file"));
        }
        rules::check_file(path).map_err(|reason| invalid(path, reason))?;
        Ok(Self {
            mount,
            text: path.into(),
        })
    }

    /// Joins a mount with a path below it; the caller has both from a path that was checked.
    pub(super) fn checked(mount: Mount, text: Arc<str>) -> Self {
        Self { mount, text }
    }

    /// The whole path.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Which part of the memory it lies in.
    pub fn mount(&self) -> Mount {
        self.mount
    }

    /// The path below the mount: `profile.md` of `user/profile.md`.
    pub fn rest(&self) -> &str {
        below(&self.text)
    }
}

impl fmt::Display for VirtualPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for VirtualPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// The files that a listing or a search is about: all, those in one folder, or one. `user/no` is a folder or a file of
/// that very name, not the front of `user/notes.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualPrefix {
    mount: Option<Mount>,
    text: String,
}

impl VirtualPrefix {
    /// Takes a folder, with or without a slash at its end, or a file; nothing or an empty text means everything.
    /// Refuses the same as [`VirtualPath::parse`], save that a folder has no extension.
    pub fn parse(prefix: Option<&str>) -> Result<Self, Rejection> {
        let given = prefix.unwrap_or_default();
        if given.is_empty() {
            return Ok(Self {
                mount: None,
                text: String::new(),
            });
        }
        // A lone slash keeps its slash, and is refused as absolute.
        let folder = given
            .strip_suffix('/')
            .filter(|folder| !folder.is_empty())
            .unwrap_or(given);
        let (mount, _) = Mount::split(folder)?;
        rules::check_folder(folder).map_err(|reason| invalid(given, reason))?;
        Ok(Self {
            mount: Some(mount),
            text: folder.to_owned(),
        })
    }

    /// The one part of the memory it lies in; none when it means everything.
    pub fn mount(&self) -> Option<Mount> {
        self.mount
    }

    /// The path below the mount, without a slash at its end; empty for a whole mount and for everything.
    pub fn rest(&self) -> &str {
        below(&self.text)
    }

    /// Whether a file is meant.
    pub fn contains(&self, path: &VirtualPath) -> bool {
        let rest = path.text.strip_prefix(self.text.as_str());
        self.text.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

fn below(path: &str) -> &str {
    path.split_once('/').map_or("", |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_path_is_a_mount_and_a_file_below_it() {
        for (path, mount, rest) in [
            (
                "shared/knowledge/products.md",
                Mount::Shared,
                "knowledge/products.md",
            ),
            ("user/profile.md", Mount::User, "profile.md"),
            ("team/notes.md", Mount::Team, "notes.md"),
            ("user/users/x.md", Mount::User, "users/x.md"),
        ] {
            let parsed = VirtualPath::parse(path).unwrap();
            assert_eq!(
                (parsed.mount(), parsed.rest(), parsed.as_str()),
                (mount, rest, path)
            );
        }
    }

    #[test]
    fn refused_paths_are_told_apart() {
        for (path, code) in [
            ("", "INVALID_PATH"),
            ("/user/a.md", "INVALID_PATH"),
            ("user/a.md/", "INVALID_PATH"),
            ("user//a.md", "INVALID_PATH"),
            ("user/../a.md", "INVALID_PATH"),
            ("users/../a.md", "INVALID_PATH"),
            ("user/./a.md", "INVALID_PATH"),
            ("user\\a.md", "INVALID_PATH"),
            ("user/%2e%2e/a.md", "INVALID_PATH"),
            ("user", "INVALID_PATH"),
            ("shared", "INVALID_PATH"),
            ("user/notes", "INVALID_PATH"),
            ("user/.git/config", "INVALID_PATH"),
            ("users/alice/a.md", "PHYSICAL_PATH_FORBIDDEN"),
            ("users", "PHYSICAL_PATH_FORBIDDEN"),
            ("users/alice/HEAD", "PHYSICAL_PATH_FORBIDDEN"),
            ("a.md", "UNKNOWN_MOUNT"),
            ("User/a.md", "UNKNOWN_MOUNT"),
            ("other/a.md", "UNKNOWN_MOUNT"),
            ("memories/a.md", "UNKNOWN_MOUNT"),
            ("%75sers/a.md", "UNKNOWN_MOUNT"),
        ] {
            assert_eq!(VirtualPath::parse(path).unwrap_err().code(), code, "{path}");
        }
    }

    #[test]
    fn a_prefix_is_everything_a_folder_or_a_file() {
        let files = [
            "shared/index.md",
            "team/a.md",
            "user/no.md",
            "user/no/b.md",
            "user/notes.md",
        ];
        for (prefix, expected) in [
            (None, &files[..]),
            (Some(""), &files[..]),
            (Some("shared"), &files[..1]),
            (Some("user"), &files[2..]),
            (Some("user/"), &files[2..]),
            (Some("user/no"), &files[3..4]),
            (Some("user/no/"), &files[3..4]),
            (Some("user/no.md"), &files[2..3]),
            (Some("user/missing"), &[]),
        ] {
            let parsed = VirtualPrefix::parse(prefix).unwrap();
            let paths = files.map(|path| VirtualPath::parse(path).unwrap());
            let met: Vec<_> = paths
                .iter()
                .filter(|path| parsed.contains(path))
                .map(VirtualPath::as_str)
                .collect();
            assert_eq!(met, expected, "{prefix:?}");
        }
    }

    #[test]
    fn refused_prefixes_are_told_apart() {
        for (prefix, code) in [
            ("/", "INVALID_PATH"),
            ("//", "INVALID_PATH"),
            ("user//", "INVALID_PATH"),
            ("user/..", "INVALID_PATH"),
            ("user/.git", "INVALID_PATH"),
            ("users/", "PHYSICAL_PATH_FORBIDDEN"),
            ("us", "UNKNOWN_MOUNT"),
        ] {
            assert_eq!(
                VirtualPrefix::parse(Some(prefix)).unwrap_err().code(),
                code,
                "{prefix}"
            );
        }
    }
}
