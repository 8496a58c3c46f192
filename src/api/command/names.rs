//! By which names a command speaks of files.

use serde::{Deserialize, Serialize};

use crate::api::search::Sight;
use crate::model::edit::Target;
use crate::model::error::Rejection;
use crate::model::path::{
    Layout, Mount, Owners, Place, RepoPath, TeamId, UserId, VirtualPath, VirtualPrefix,
};

/// Whose view of the memory a command takes. Without a user and a team it is the repository's own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OnBehalf {
    /// The user whose files `user/` are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The team whose files `team/` are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
}

/// Translates between the names a command uses and the places of a repository.
pub(super) struct Names {
    layout: Layout,
    view: View,
}

enum View {
    Repository,
    Agent {
        user: Option<UserId>,
        team: Option<TeamId>,
    },
}

impl OnBehalf {
    /// The names to speak by. Refuses an id that cannot be one.
    pub(super) fn names(&self, layout: Layout) -> Result<Names, Rejection> {
        let user = self.user.as_deref().map(UserId::parse).transpose()?;
        let team = self.team.as_deref().map(TeamId::parse).transpose()?;
        let view = match (&user, &team) {
            (None, None) => View::Repository,
            _ => View::Agent { user, team },
        };
        Ok(Names { layout, view })
    }
}

impl Names {
    /// The file of a name. Refuses what no file can be called in this view.
    pub(super) fn target(&self, name: &str) -> Result<Target, Rejection> {
        let path = match &self.view {
            View::Repository => RepoPath::parse(name)?,
            View::Agent { .. } => self
                .layout
                .repo_path(&VirtualPath::parse(name)?, self.owners())?,
        };
        Ok(Target {
            path,
            name: name.to_owned(),
        })
    }

    /// The name of a file; none when this view does not show it.
    pub(super) fn name(&self, path: &RepoPath) -> Option<String> {
        let View::Agent { user, team } = &self.view else {
            return Some(path.to_string());
        };
        let is_seen = match self.layout.owner_of(path) {
            Place::Shared => true,
            Place::User(owner) => user.as_ref() == Some(&owner),
            Place::Team(owner) => team.as_ref() == Some(&owner),
            Place::Elsewhere => false,
        };
        if is_seen {
            self.layout.virtual_path(path).map(|path| path.to_string())
        } else {
            None
        }
    }

    /// Where all files lie that a prefix means: folders or single files of the repository, none of them inside another.
    /// An empty one is the whole repository. Refuses a prefix that no folder can have in this view.
    pub(super) fn places(&self, prefix: Option<&str>) -> Result<Vec<String>, Rejection> {
        if matches!(self.view, View::Repository) {
            let place = RepoPath::parse_prefix(prefix.unwrap_or_default())?;
            return Ok(vec![place.to_owned()]);
        }
        let prefix = VirtualPrefix::parse(prefix)?;
        let place = |mount: Mount| Ok(self.layout.folder(mount, self.owners())? + prefix.rest());
        let place = |mount| place(mount).map(|place| place.trim_end_matches('/').to_owned());
        match prefix.mount() {
            Some(mount) => Ok(vec![place(mount)?]),
            None => Ok(Mount::ALL
                .into_iter()
                .filter_map(|mount| place(mount).ok())
                .collect()),
        }
    }

    /// What this view sees under a prefix, as a search takes it. Refuses a prefix that no folder can have in it.
    pub(super) fn sight(&self, prefix: Option<&str>) -> Result<Sight, Rejection> {
        match &self.view {
            View::Repository => Ok(Sight::repository(RepoPath::parse_prefix(
                prefix.unwrap_or_default(),
            )?)),
            View::Agent { .. } => {
                Sight::of_owners(self.layout, self.owners(), &VirtualPrefix::parse(prefix)?)
            }
        }
    }

    /// The user's id, if one was named.
    pub(super) fn user(&self) -> Option<&UserId> {
        self.owners().user
    }

    /// The team's id, if one was named.
    pub(super) fn team(&self) -> Option<&TeamId> {
        self.owners().team
    }

    fn owners(&self) -> Owners<'_> {
        match &self.view {
            View::Repository => Owners::default(),
            View::Agent { user, team } => Owners {
                user: user.as_ref(),
                team: team.as_ref(),
            },
        }
    }
}

/// Whether a path is a place that [`Names::places`] gave, or lies inside it.
pub(super) fn is_within(path: &RepoPath, place: &str) -> bool {
    let rest = path.as_str().strip_prefix(place);
    place.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(user: Option<&str>, team: Option<&str>) -> Names {
        let [user, team] = [user, team].map(|id| id.map(str::to_owned));
        OnBehalf { user, team }.names(Layout::default()).unwrap()
    }

    #[test]
    fn files_have_the_names_of_whoever_looks() {
        let table = [
            (
                "shared/a.md",
                [
                    Some("shared/a.md"),
                    Some("shared/a.md"),
                    Some("shared/a.md"),
                ],
            ),
            (
                "user/ann/a.md",
                [Some("user/ann/a.md"), Some("user/a.md"), None],
            ),
            ("user/bob/a.md", [Some("user/bob/a.md"), None, None]),
            (
                "team/red/a.md",
                [Some("team/red/a.md"), None, Some("team/a.md")],
            ),
            ("README.md", [Some("README.md"), None, None]),
        ];
        let views = [
            names(None, None),
            names(Some("ann"), None),
            names(None, Some("red")),
        ];
        for (path, expected) in table {
            let path = RepoPath::parse(path).unwrap();
            for (view, expected) in views.iter().zip(expected) {
                assert_eq!(view.name(&path).as_deref(), expected, "{path}");
                if let Some(name) = expected {
                    assert_eq!(view.target(name).unwrap().path, path);
                }
            }
        }
    }

    #[test]
    fn a_prefix_means_places() {
        let ann = names(Some("ann"), None);
        assert_eq!(ann.places(None).unwrap(), ["shared", "user/ann"]);
        assert_eq!(ann.places(Some("user/")).unwrap(), ["user/ann"]);
        assert_eq!(ann.places(Some("user/notes")).unwrap(), ["user/ann/notes"]);
        assert_eq!(ann.places(Some("team")), Err(Rejection::TeamIdRequired));
        assert_eq!(
            ann.places(Some("users")).unwrap_err().code(),
            "PHYSICAL_PATH_FORBIDDEN"
        );
        assert_eq!(names(None, None).places(None).unwrap(), [""]);
        assert_eq!(
            names(None, None).places(Some("user/ann/")).unwrap(),
            ["user/ann"]
        );
        for prefix in ["/", "../memory/user", "./user", "/srv/memory/user"] {
            let refused = names(None, None).places(Some(prefix)).unwrap_err();
            assert_eq!(refused.code(), "INVALID_PATH", "{prefix}");
        }
    }

    #[test]
    fn a_place_holds_what_lies_in_it() {
        let path = RepoPath::parse("user/notes.md").unwrap();
        let within = ["", "user", "user/notes.md"].map(|place| is_within(&path, place));
        assert_eq!(within, [true; 3]);
        assert!(!is_within(&path, "user/no"));
    }
}
