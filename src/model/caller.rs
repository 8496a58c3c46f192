//! Who asks, and on whose behalf: one function for every door.
//!
//! A credential says what somebody may do and for whom. A request names a user, a team, or neither.
//! [`Caller::new`] brings the two together or refuses, and no door decides anything of this by itself:
//!
//! - a bound credential may name who stands in its binding, and may leave out the one who stands there alone;
//! - an unbound one is an application's own key and may name anybody;
//! - a team whose members stand in `memoryd.toml` is open to those users only, whatever the credential;
//! - nobody is ever put in the place of somebody else: what does not fit is refused.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::error::Rejection;
use crate::model::path::{Mount, Owners, TeamId, UserId};

/// What a credential allows; each role includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads.
    Reader,
    /// Also writes what belongs to its user and team.
    Agent,
    /// Also writes `shared/`, and reverts.
    Editor,
    /// Also sees the memory as it lies in the repository, of all users.
    Admin,
}

/// For whom a credential speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// For anybody: it is an application's own key.
    Unbound,
    /// For these and nobody else.
    Bound {
        /// The users.
        users: BTreeSet<UserId>,
        /// The teams.
        teams: BTreeSet<TeamId>,
    },
}

/// How somebody was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// No credential is configured, and the daemon can only be reached from its own computer.
    OpenDoor,
    /// A token that was given out.
    Token,
    /// The token that lies beside the journal: whoever reads it may read the whole memory anyway.
    LocalToken,
}

/// What is known of somebody before they name a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// What they may do.
    pub role: Role,
    /// For whom.
    pub binding: Binding,
    /// Why we believe it.
    pub proof: Proof,
}

/// For whom a door was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Models that call tools.
    Agents,
    /// People and their scripts.
    People,
}

/// What a request says of itself, not yet believed. Texts that are empty are refused where an id is meant.
#[derive(Debug, Clone, Copy, Default)]
pub struct Named<'a> {
    /// On whose behalf.
    pub user: Option<&'a str>,
    /// In which team.
    pub team: Option<&'a str>,
    /// Who acts.
    pub actor: Option<&'a str>,
    /// The model's own id of its tool call.
    pub tool_call: Option<&'a str>,
    /// The evaluation run.
    pub run: Option<&'a str>,
}

/// The members of the teams that have a list of members.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Teams(pub BTreeMap<TeamId, BTreeSet<UserId>>);

/// Who asks: what they may do, and on whose behalf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// What they may do.
    pub role: Role,
    /// Whose files `user/` are.
    pub user: Option<UserId>,
    /// Whose files `team/` are.
    pub team: Option<TeamId>,
    /// Who acts, as the request names it.
    pub actor: Option<String>,
    /// The model's own id of its tool call.
    pub tool_call: Option<String>,
    /// The evaluation run.
    pub run: Option<String>,
    /// Whether it is the person at this computer: a command of theirs, or their script at an open door.
    pub is_at_this_computer: bool,
    is_bound: bool,
}

impl Credential {
    /// What everybody has while no credential is configured.
    pub fn open_door() -> Self {
        let binding = Binding::Unbound;
        Self {
            role: Role::Editor,
            binding,
            proof: Proof::OpenDoor,
        }
    }

    /// The role at a door. An open door cannot tell a person from a model, so the door itself has to: `shared/` is
    /// what people wrote, and no model rewrites it because nobody configured a key.
    fn role_at(&self, door: Door) -> Role {
        match (self.proof, door) {
            (Proof::OpenDoor, Door::Agents) => self.role.min(Role::Agent),
            _ => self.role,
        }
    }
}

impl Caller {
    /// Decides on whose behalf a credential speaks in one request. Refuses who lies outside its binding or is no
    /// member of the team.
    pub fn new(
        credential: &Credential,
        door: Door,
        named: Named<'_>,
        teams: &Teams,
    ) -> Result<Self, Rejection> {
        let user = named.user.map(UserId::parse).transpose()?;
        let team = named.team.map(TeamId::parse).transpose()?;
        let (user, team) = match &credential.binding {
            Binding::Unbound => (user, team),
            Binding::Bound { users, teams } => (within(users, user)?, within(teams, team)?),
        };
        if credential.role < Role::Admin {
            check_membership(teams, user.as_ref(), team.as_ref())?;
        }
        Ok(Self {
            role: credential.role_at(door),
            user,
            team,
            actor: named.actor.map(str::to_owned),
            tool_call: named.tool_call.map(str::to_owned),
            run: named.run.map(str::to_owned),
            is_at_this_computer: door == Door::People && credential.proof != Proof::Token,
            is_bound: credential.binding != Binding::Unbound,
        })
    }

    /// Who owns what the caller sees.
    pub fn owners(&self) -> Owners<'_> {
        Owners {
            user: self.user.as_ref(),
            team: self.team.as_ref(),
        }
    }

    /// The mounts that hold something for this caller.
    pub fn mounts(&self) -> impl Iterator<Item = Mount> {
        Mount::ALL
            .into_iter()
            .filter(|mount| self.require(*mount).is_ok())
    }

    /// Refuses a mount whose owner the caller did not name.
    pub fn require(&self, mount: Mount) -> Result<(), Rejection> {
        let (is_named, missing) = match mount {
            Mount::Shared => return Ok(()),
            Mount::User => (self.user.is_some(), Rejection::UserIdRequired),
            Mount::Team => (self.team.is_some(), Rejection::TeamIdRequired),
        };
        match is_named {
            true => Ok(()),
            false if self.is_bound => Err(forbidden(&format!(
                "This credential is bound: name one of the {mount}s it is bound to"
            ))),
            false => Err(missing),
        }
    }

    /// Refuses a caller who speaks for nobody: an agent has a user or a team.
    pub fn require_somebody(&self) -> Result<(), Rejection> {
        self.require(if self.team.is_some() {
            Mount::Team
        } else {
            Mount::User
        })
    }

    /// Refuses a caller whose role does not reach.
    pub fn require_role(&self, role: Role) -> Result<(), Rejection> {
        match role <= self.role {
            true => Ok(()),
            false => Err(forbidden(&format!(
                "This credential does not allow {}",
                role.deed()
            ))),
        }
    }
}

impl Role {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Agent => "agent",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }

    /// What the role is needed for, after "does not allow".
    fn deed(self) -> &'static str {
        match self {
            Self::Reader => "reading",
            Self::Agent => "writing",
            Self::Editor => "editing what people own",
            Self::Admin => "administration",
        }
    }
}

/// The one who is named, if the binding holds them; the one whom it holds, if nobody is named.
fn within<Id: Ord + Clone>(
    bound: &BTreeSet<Id>,
    named: Option<Id>,
) -> Result<Option<Id>, Rejection> {
    match named {
        Some(id) if bound.contains(&id) => Ok(Some(id)),
        Some(_) => Err(forbidden(
            "This credential is bound to others than the one that is named",
        )),
        None if bound.len() == 1 => Ok(bound.first().cloned()),
        None => Ok(None),
    }
}

fn check_membership(
    teams: &Teams,
    user: Option<&UserId>,
    team: Option<&TeamId>,
) -> Result<(), Rejection> {
    let Some(members) = team.and_then(|team| teams.0.get(team)) else {
        return Ok(());
    };
    match user {
        Some(user) if members.contains(user) => Ok(()),
        Some(_) => Err(forbidden("The user is not a member of the team")),
        None => Err(forbidden(
            "The team is open to its members: name one of them as the user",
        )),
    }
}

fn forbidden(reason: &str) -> Rejection {
    Rejection::Forbidden {
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(ids: &[&str]) -> BTreeSet<UserId> {
        ids.iter().map(|id| UserId::parse(id).unwrap()).collect()
    }

    fn teams(ids: &[&str]) -> BTreeSet<TeamId> {
        ids.iter().map(|id| TeamId::parse(id).unwrap()).collect()
    }

    fn bound(users_: &[&str], teams_: &[&str]) -> Binding {
        Binding::Bound {
            users: users(users_),
            teams: teams(teams_),
        }
    }

    /// The caller as "user/team", or the code of the refusal.
    fn ask(binding: Binding, user: Option<&str>, team: Option<&str>) -> String {
        let credential = Credential {
            role: Role::Agent,
            binding,
            proof: Proof::Token,
        };
        let listed = Teams([(TeamId::parse("sales").unwrap(), users(&["ann", "bob"]))].into());
        let named = Named {
            user,
            team,
            ..Named::default()
        };
        match Caller::new(&credential, Door::Agents, named, &listed) {
            Ok(caller) => {
                let (user, team) = (caller.user, caller.team);
                let user = user.map_or("-".to_owned(), |user| user.to_string());
                format!(
                    "{user}/{}",
                    team.map_or("-".to_owned(), |team| team.to_string())
                )
            }
            Err(rejection) => rejection.code().to_owned(),
        }
    }

    #[test]
    fn a_credential_speaks_for_whom_it_may() {
        let none = Binding::Unbound;
        let one = || bound(&["ann"], &["red"]);
        let two = || bound(&["ann", "bob"], &["red", "blue"]);
        let table = [
            (none.clone(), None, None, "-/-"),
            (none.clone(), Some("zoe"), Some("red"), "zoe/red"),
            (none.clone(), Some(""), None, "USER_ID_REQUIRED"),
            (none.clone(), None, Some(""), "TEAM_ID_REQUIRED"),
            (one(), None, None, "ann/red"),
            (one(), Some("ann"), Some("red"), "ann/red"),
            (one(), Some("bob"), None, "FORBIDDEN"),
            (one(), None, Some("blue"), "FORBIDDEN"),
            (one(), Some("Ann"), None, "FORBIDDEN"),
            (two(), Some("bob"), Some("blue"), "bob/blue"),
            (two(), None, None, "-/-"),
            (two(), Some("zoe"), None, "FORBIDDEN"),
            (bound(&[], &["red"]), Some("ann"), None, "FORBIDDEN"),
            (bound(&["ann"], &[]), None, Some("red"), "FORBIDDEN"),
        ];
        for (binding, user, team, expected) in table {
            let what = format!("{binding:?} {user:?} {team:?}");
            assert_eq!(ask(binding, user, team), expected, "{what}");
        }
    }

    #[test]
    fn a_listed_team_is_open_to_its_members_only() {
        let bound = || bound(&["ann", "zoe"], &["sales"]);
        let table = [
            (Binding::Unbound, Some("ann"), "ann/sales"),
            (Binding::Unbound, Some("zoe"), "FORBIDDEN"),
            (Binding::Unbound, None, "FORBIDDEN"),
            (bound(), Some("ann"), "ann/sales"),
            (bound(), Some("zoe"), "FORBIDDEN"),
        ];
        for (binding, user, expected) in table {
            assert_eq!(ask(binding, user, Some("sales")), expected, "{user:?}");
        }
    }

    #[test]
    fn a_mount_without_an_owner_is_asked_for_in_the_credentials_own_words() {
        let ask = |binding| {
            let credential = Credential {
                role: Role::Agent,
                binding,
                proof: Proof::Token,
            };
            let caller = Caller::new(
                &credential,
                Door::People,
                Named::default(),
                &Teams::default(),
            );
            let caller = caller.unwrap();
            assert_eq!(caller.mounts().collect::<Vec<_>>(), [Mount::Shared]);
            caller.require_somebody().unwrap_err().code()
        };
        assert_eq!(ask(Binding::Unbound), "USER_ID_REQUIRED");
        assert_eq!(ask(bound(&["ann", "bob"], &[])), "FORBIDDEN");
    }

    #[test]
    fn an_open_door_makes_no_model_an_editor() {
        let role = |credential: &Credential, door| {
            Caller::new(credential, door, Named::default(), &Teams::default())
                .unwrap()
                .role
        };
        let open = Credential::open_door();
        assert_eq!(role(&open, Door::Agents), Role::Agent);
        assert_eq!(role(&open, Door::People), Role::Editor);
        let editor = Credential {
            proof: Proof::Token,
            ..open
        };
        assert_eq!(role(&editor, Door::Agents), Role::Editor);
    }

    #[test]
    fn roles_include_the_ones_before() {
        let mut caller = Caller::new(
            &Credential::open_door(),
            Door::People,
            Named::default(),
            &Teams::default(),
        )
        .unwrap();
        assert!(caller.require_role(Role::Agent).is_ok());
        assert!(caller.require_role(Role::Admin).is_err());
        caller.role = Role::Reader;
        assert_eq!(
            caller.require_role(Role::Agent).unwrap_err().code(),
            "FORBIDDEN"
        );
    }
}
