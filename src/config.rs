//! What a person decides: `memoryd.toml` at the root of the memory, and the secrets of the environment.
//!
//! The file is tracked by git and reviewed like memory, so it holds policy and never a secret. It is read when the
//! daemon starts. Every section is the settings of one part of the program, declared where they are used; here they
//! become one file. What nobody knows is refused, with its line: a misspelt bound must not leave the memory without
//! one.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;

use crate::api::memory::{SearchSettings, Settings, SharedWrites};
use crate::api::prompt::PromptSettings;
use crate::model::caller::Teams;
use crate::model::error::{Error, Fault, Rejection};
use crate::model::limits::Limits;
use crate::model::path::{Fanout, TeamId, UserId};
use crate::model::screening::Screening;
use crate::server::guard::Secrets;
use crate::store::Durability;

/// The file's name at the root of a memory.
pub const FILE: &str = "memoryd.toml";
/// Where a daemon listens when nobody says otherwise.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7171);

/// All of `memoryd.toml`.
///
/// ```toml
/// shared_writes = "refuse"        # or "direct": agents write shared/ too
///
/// [limits]
/// file_bytes_max = 49152
///
/// [guard]                         # what callers may add: each "off", "flag" or "refuse"
/// secrets = "refuse"
/// pii = "off"
/// instructions = "flag"
///
/// [prompt]
/// max_tokens = 8000
///
/// [search]
/// language = "english"            # of words in Latin letters
///
/// [store]
/// user_fanout = 0                 # or 2; chosen when the memory was made
/// durability = "journal"          # or "git"
/// branch = "main"
///
/// [server]
/// listen = "127.0.0.1:7171"
/// allowed_hosts = ["memory.example.org"]
///
/// [teams.sales]
/// users = ["alice", "bob"]
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What agents may do to `shared/`.
    pub shared_writes: SharedWrites,
    /// The bounds.
    pub limits: Limits,
    /// What is looked for in what callers write.
    pub guard: Screening,
    /// What the prompt block shows.
    pub prompt: PromptSettings,
    /// How the memory is searched.
    pub search: SearchSettings,
    /// How the store works.
    pub store: StoreConfig,
    /// Where the daemon listens.
    pub server: ServerConfig,
    teams: BTreeMap<Id<TeamId>, TeamConfig>,
}

/// The section `[store]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    user_fanout: HexDigits,
    /// What makes a write durable before it is acknowledged.
    pub durability: Durability,
    /// The branch that is served.
    pub branch: String,
}

/// The section `[server]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The host names under which clients reach the daemon, beside localhost and its address.
    pub allowed_hosts: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct TeamConfig {
    users: Vec<Id<UserId>>,
}

/// How users' folders are spread, as the file says it: by no hex digits, or by two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "u64")]
struct HexDigits(Fanout);

/// An id that is checked while the line it stands in is still known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(
    try_from = "String",
    bound = "Self: TryFrom<String, Error = Rejection>"
)]
struct Id<T>(T);

impl Config {
    /// Reads the file of a memory; all is as usual when it has none.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        match std::fs::read_to_string(folder.join(FILE)) {
            Ok(text) => Ok(Self::parse(&text)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Fault::new(format!("read {FILE}"), error).into()),
        }
    }

    /// Takes the file's text. Refuses what it does not know, with line and key.
    pub fn parse(text: &str) -> Result<Self, Rejection> {
        toml::from_str(text).map_err(|error| {
            let place = error
                .span()
                .map_or_else(String::new, |span| place(text, span));
            Rejection::validation(format!("{FILE}{place}: {}", error.message()))
        })
    }

    /// How users' folders are spread.
    pub fn user_fanout(&self) -> Fanout {
        self.store.user_fanout.0
    }

    /// What the doors have to know of it.
    pub fn settings(&self) -> Settings {
        let teams = self.teams.iter().map(|(team, config)| {
            let users = config.users.iter().map(|user| user.0.clone());
            (team.0.clone(), users.collect())
        });
        Settings {
            limits: self.limits.clone(),
            prompt: self.prompt.clone(),
            shared_writes: self.shared_writes,
            search: self.search.clone(),
            screening: self.guard,
            teams: Teams(teams.collect()),
        }
    }
}

/// The credentials in `MEMORYD_API_KEY` and `MEMORYD_ADMIN_SECRET`. Refuses one that cannot be sent in a header.
pub fn secrets() -> Result<Secrets, Rejection> {
    Ok(Secrets {
        api_key: secret("MEMORYD_API_KEY")?,
        admin_secret: secret("MEMORYD_ADMIN_SECRET")?,
    })
}

fn secret(name: &str) -> Result<Option<String>, Rejection> {
    let Some(value) = std::env::var_os(name).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let value = value
        .into_string()
        .ok()
        .filter(|value| value.bytes().all(|byte| byte.is_ascii_graphic()));
    let wrong = || Rejection::validation(format!("{name} must be printable ASCII without spaces"));
    value.map(Some).ok_or_else(wrong)
}

/// The line a span begins in, and what stands there: it names the key.
fn place(text: &str, span: Range<usize>) -> String {
    let before = text.get(..span.start).unwrap_or(text);
    let number = before.matches('\n').count() + 1;
    let line = text.lines().nth(number - 1).unwrap_or_default().trim();
    format!(", line {number} ({line})")
}

impl Default for StoreConfig {
    fn default() -> Self {
        let (user_fanout, branch) = (HexDigits::default(), "main".to_owned());
        Self {
            user_fanout,
            durability: Durability::Journal,
            branch,
        }
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: LISTEN,
            allowed_hosts: Vec::new(),
        }
    }
}

impl TryFrom<u64> for HexDigits {
    type Error = &'static str;

    fn try_from(digits: u64) -> Result<Self, Self::Error> {
        match digits {
            0 => Ok(Self(Fanout::Flat)),
            2 => Ok(Self(Fanout::TwoHex)),
            _ => Err("user_fanout is 0 or 2"),
        }
    }
}

impl TryFrom<String> for Id<UserId> {
    type Error = Rejection;

    fn try_from(id: String) -> Result<Self, Rejection> {
        UserId::parse(&id).map(Self)
    }
}

impl TryFrom<String> for Id<TeamId> {
    type Error = Rejection;

    fn try_from(id: String) -> Result<Self, Rejection> {
        TeamId::parse(&id).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::screening::Measure;

    #[test]
    fn an_empty_file_is_the_usual() {
        let config = Config::parse("").unwrap();
        assert_eq!(config, Config::default());
        assert_eq!(config.settings(), Settings::default());
        assert_eq!(
            (config.server.listen.to_string(), config.store.branch),
            ("127.0.0.1:7171".into(), "main".into())
        );
    }

    #[test]
    fn everything_can_be_set() {
        let text = r#"
            shared_writes = "direct"
            [limits]
            file_bytes_max = 1048576
            [guard]
            secrets = "flag"
            pii = "refuse"
            [prompt]
            shared_tokens = 100
            [store]
            user_fanout = 2
            durability = "git"
            branch = "memory"
            [server]
            listen = "[::1]:80"
            allowed_hosts = ["memory.example.org"]
            [teams.sales]
            users = ["ann", "user:42"]
        "#;
        let config = Config::parse(text).unwrap();
        let settings = config.settings();
        assert_eq!(settings.shared_writes, SharedWrites::Direct);
        assert_eq!(
            (
                settings.limits.file_bytes_max,
                settings.limits.body_bytes_max
            ),
            (1 << 20, 1 << 20)
        );
        let screening = Screening {
            secrets: Measure::Flag,
            pii: Measure::Refuse,
            instructions: Measure::Flag,
        };
        assert_eq!(settings.screening, screening);
        assert_eq!(settings.prompt.shared_tokens, 100);
        assert_eq!(
            (config.user_fanout(), config.store.durability),
            (Fanout::TwoHex, Durability::Git)
        );
        assert_eq!(config.server.listen.port(), 80);
        let members = settings
            .teams
            .0
            .get(&TeamId::parse("sales").unwrap())
            .unwrap();
        assert!(members.contains(&UserId::parse("user:42").unwrap()) && members.len() == 2);
    }

    #[test]
    fn what_is_wrong_is_told_with_line_and_key() {
        let table = [
            (
                "[limits]\nfile_byte_max = 1",
                &["line 2", "file_byte_max", "unknown field"][..],
            ),
            (
                "[limits]\nfile_bytes_max = \"big\"",
                &["line 2", "file_bytes_max", "invalid type"],
            ),
            ("\n\n[surprise]\n", &["line 3", "surprise"]),
            (
                "shared_writes = \"maybe\"",
                &["line 1", "shared_writes", "direct"],
            ),
            (
                "[guard]\nsecrets = \"maybe\"",
                &["line 2", "secrets", "refuse"],
            ),
            ("[store]\nuser_fanout = 3", &["line 2", "0 or 2"]),
            ("[server]\nlisten = \"localhost\"", &["line 2", "listen"]),
            ("[teams.sales]\nusers = [\"\"]", &["line 2", "users"]),
            ("[teams.sales]\n", &["line 1", "users"]),
            ("key = ", &["line 1"]),
        ];
        for (text, expected) in table {
            let message = Config::parse(text).unwrap_err().to_string();
            for word in expected {
                assert!(message.contains(word), "{text:?}: {message}");
            }
        }
    }
}
