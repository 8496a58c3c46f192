//! Where each owner's files lie in the repository.
//!
//! `shared/...` is the same in both worlds; a user's and a team's files lie in a folder named after the id, as
//! `user/<component>/...` and `team/<component>/...`. A memory that expects thousands of users puts one more folder
//! before the user's, so that no folder's listing grows with their number: git writes a folder anew for every change
//! in it. That choice is made once, when the memory is made.

use std::sync::Arc;

use crate::model::error::Rejection;
use crate::model::object::checksum;
use crate::model::path::{Mount, RepoPath, TeamId, UserId, VirtualPath};

/// What stands between `user/` and a user's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fanout {
    /// Nothing: people find things.
    #[default]
    Flat,
    /// The first byte of the id's SHA-1, as two hex digits.
    TwoHex,
}

/// On whose behalf a path is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Owners<'a> {
    /// Who owns `user/`.
    pub user: Option<&'a UserId>,
    /// Who owns `team/`.
    pub team: Option<&'a TeamId>,
}

/// Whose file a path in the repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Everybody's.
    Shared,
    /// One user's.
    User(UserId),
    /// One team's.
    Team(TeamId),
    /// Nobody's: a file at the root or straight under `user/`, or in a folder that no id is encoded to.
    Elsewhere,
}

/// How virtual paths lie in one repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Layout {
    /// How users' folders are spread.
    pub user_fanout: Fanout,
}

impl Layout {
    /// Where a file lies. Refuses a path whose owner is not named, and one that is too long or too deep where it lies.
    pub fn repo_path(&self, path: &VirtualPath, owners: Owners<'_>) -> Result<RepoPath, Rejection> {
        let folder = self.folder(path.mount(), owners)?;
        RepoPath::parse(&(folder + path.rest())).map_err(|rejection| match rejection {
            Rejection::InvalidPath { reason, .. } => Rejection::InvalidPath {
                path: path.to_string(),
                reason,
            },
            other => other,
        })
    }

    /// The folder of a mount, with a slash at its end. Refuses a mount whose owner is not named.
    pub fn folder(&self, mount: Mount, owners: Owners<'_>) -> Result<String, Rejection> {
        match mount {
            Mount::Shared => Ok("shared/".to_owned()),
            Mount::User => owners
                .user
                .map(|id| self.user_folder(id))
                .ok_or(Rejection::UserIdRequired),
            Mount::Team => owners
                .team
                .map(|id| self.team_folder(id))
                .ok_or(Rejection::TeamIdRequired),
        }
    }

    /// A user's folder, with a slash at its end: `user/alice/`.
    pub fn user_folder(&self, id: &UserId) -> String {
        match self.user_fanout {
            Fanout::Flat => format!("user/{}/", id.component()),
            Fanout::TwoHex => format!("user/{}/{}/", two_hex(id), id.component()),
        }
    }

    /// A team's folder, with a slash at its end: `team/red/`.
    pub fn team_folder(&self, id: &TeamId) -> String {
        format!("team/{}/", id.component())
    }

    /// Whose file it is.
    pub fn owner_of(&self, path: &RepoPath) -> Place {
        self.locate(path)
            .map_or(Place::Elsewhere, |(place, _)| place)
    }

    /// What its owner calls the file; none when it is nobody's.
    pub fn virtual_path(&self, path: &RepoPath) -> Option<VirtualPath> {
        let (place, rest) = self.locate(path)?;
        let mount = match place {
            Place::Shared => return Some(VirtualPath::checked(Mount::Shared, path.0.clone())),
            Place::User(_) => Mount::User,
            Place::Team(_) => Mount::Team,
            Place::Elsewhere => return None,
        };
        let text: Arc<str> = format!("{mount}/{rest}").into();
        Some(VirtualPath::checked(mount, text))
    }

    /// The folder of a file's owner, with a slash at its end, and the path below it. Nobody's file is in no such folder.
    pub fn owner_folder<'a>(&self, path: &'a RepoPath) -> (&'a str, &'a str) {
        let rest = self.locate(path).map_or(path.as_str(), |(_, rest)| rest);
        path.as_str().split_at(path.as_str().len() - rest.len())
    }

    /// The owner, and the path below the owner's folder.
    fn locate<'a>(&self, path: &'a RepoPath) -> Option<(Place, &'a str)> {
        let (mount, below) = path.as_str().split_once('/')?;
        match mount {
            "shared" => Some((Place::Shared, below)),
            "user" => self.locate_user(below),
            "team" => {
                let (component, rest) = below.split_once('/')?;
                Some((Place::Team(TeamId::from_component(component)?), rest))
            }
            _ => None,
        }
    }

    fn locate_user<'a>(&self, below: &'a str) -> Option<(Place, &'a str)> {
        let (spread, below) = match self.user_fanout {
            Fanout::Flat => (None, below),
            Fanout::TwoHex => below
                .split_once('/')
                .map(|(spread, below)| (Some(spread), below))?,
        };
        let (component, rest) = below.split_once('/')?;
        let id = UserId::from_component(component)?;
        let is_there = spread.is_none_or(|spread| spread == two_hex(&id));
        is_there.then_some((Place::User(id), rest))
    }
}

fn two_hex(id: &UserId) -> String {
    let [first, ..] = checksum(id.as_str().as_bytes()).0;
    format!("{first:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAT: Layout = Layout {
        user_fanout: Fanout::Flat,
    };
    const SPREAD: Layout = Layout {
        user_fanout: Fanout::TwoHex,
    };

    #[test]
    fn owners_files_lie_in_their_folders() {
        let user = UserId::parse("user:42").unwrap();
        let team = TeamId::parse("Red").unwrap();
        let owners = Owners {
            user: Some(&user),
            team: Some(&team),
        };
        // `printf user:42 | sha1sum` begins with ad.
        for (layout, path, expected, place) in [
            (FLAT, "shared/a.md", "shared/a.md", Place::Shared),
            (
                FLAT,
                "user/x/profile.md",
                "user/user=3a42/x/profile.md",
                Place::User(user.clone()),
            ),
            (
                FLAT,
                "team/notes.md",
                "team/=52ed/notes.md",
                Place::Team(team.clone()),
            ),
            (SPREAD, "shared/a.md", "shared/a.md", Place::Shared),
            (
                SPREAD,
                "user/profile.md",
                "user/ad/user=3a42/profile.md",
                Place::User(user.clone()),
            ),
            (
                SPREAD,
                "team/notes.md",
                "team/=52ed/notes.md",
                Place::Team(team.clone()),
            ),
        ] {
            let virtual_path = VirtualPath::parse(path).unwrap();
            let repo_path = layout.repo_path(&virtual_path, owners).unwrap();
            assert_eq!(repo_path.as_str(), expected);
            assert_eq!(layout.owner_of(&repo_path), place);
            assert_eq!(layout.virtual_path(&repo_path), Some(virtual_path));
        }
    }

    #[test]
    fn other_files_are_nobodys() {
        for (layout, path) in [
            (FLAT, "README.md"),
            (FLAT, "state/buffers.json"),
            (FLAT, "users/alice/a.md"),
            (FLAT, "user/alice.md"),
            (FLAT, "team/alice.md"),
            (FLAT, "user/Alice/a.md"),
            (FLAT, "user/=61lice/a.md"),
            (SPREAD, "user/alice/a.md"),
            (SPREAD, "user/52/alice.md"),
            (SPREAD, "user/03/user=3a42/a.md"),
            (SPREAD, "user/user=3a42/x/a.md"),
        ] {
            let path = RepoPath::parse(path).unwrap();
            assert_eq!(layout.owner_of(&path), Place::Elsewhere, "{path}");
            assert_eq!(layout.virtual_path(&path), None, "{path}");
        }
    }

    #[test]
    fn an_owner_must_be_named() {
        for (path, rejection) in [
            ("user/a.md", Rejection::UserIdRequired),
            ("team/a.md", Rejection::TeamIdRequired),
        ] {
            let path = VirtualPath::parse(path).unwrap();
            assert_eq!(FLAT.repo_path(&path, Owners::default()), Err(rejection));
        }
    }

    #[test]
    fn a_path_too_long_where_it_lies_is_refused_by_its_own_name() {
        let user = UserId::parse(&"u".repeat(200)).unwrap();
        let folders = format!("{}/", "x".repeat(199)).repeat(4);
        let path = VirtualPath::parse(&format!("user/{folders}{}.md", "y".repeat(100))).unwrap();
        let refused = FLAT
            .repo_path(
                &path,
                Owners {
                    user: Some(&user),
                    team: None,
                },
            )
            .unwrap_err();
        assert_eq!(refused.code(), "INVALID_PATH");
        assert!(!refused.to_string().contains("uu"), "{refused}");
    }
}
