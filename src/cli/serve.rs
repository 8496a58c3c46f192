//! `serve`: the first screen, and then the daemon.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::failure::{Exit, Failure};
use super::init::{at_home, print_outer_ignore};
use super::screen::{Screen, Style, colours_stderr, plain};
use super::state::count;
use crate::api::create::{Created, Plan, Site, Wishes};
use crate::daemon::Daemon;
use crate::model::error::Error;
use crate::model::path::Place;
use crate::store::{Status, Store};

/// Serve a memory to agents, and keep up with what people do in its folder
///
/// An absent or empty folder is made a memory first. Ctrl-C ends it in order; nothing that was acknowledged is lost
/// however it ends.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  memoryd serve ~/memory --from sample-memory
  memoryd serve ~/memory --listen 127.0.0.1:8080
  MEMORYD_API_KEY=... memoryd serve ~/memory --listen 0.0.0.0:7171

Credentials come from the environment: MEMORYD_API_KEY for agents, MEMORYD_ADMIN_SECRET for administration.")]
pub(super) struct Serve {
    /// The memory's folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Copy the files of this folder into a new memory
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one. memoryd.toml says it otherwise, or else 127.0.0.1:7171
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

impl Serve {
    pub(super) fn run(self, as_json: bool) -> Result<Exit, Failure> {
        log_to_stderr();
        let created = self.create()?;
        let folder = self.folder.canonicalize().unwrap_or(self.folder);
        let daemon = Daemon::start(&folder, self.listen)?;
        let mut screen = Screen::new();
        match as_json {
            true => print_json(&daemon, &mut screen),
            false => Welcome::of(&daemon, created.as_ref())?.print(&mut screen),
        }?;
        screen.flush()?;
        // Standard output stays free: whoever reads it through a pipe must not keep the daemon waiting.
        drop(screen);
        daemon.run()?;
        Ok(Exit::Done)
    }

    /// Makes the memory where there is nothing yet. Never of files that somebody has there: that is asked first.
    fn create(&self) -> Result<Option<Created>, Failure> {
        let shown = at_home(&self.folder);
        match Site::of(&self.folder)? {
            Site::Repository => {
                if self.from.is_some() {
                    tracing::info!("{shown} is a memory already, so --from is not used");
                }
                Ok(None)
            }
            Site::Free => {
                let wishes = Wishes {
                    from: self.from.as_deref(),
                    user_fanout: None,
                };
                Ok(Some(Plan::new(&self.folder, wishes)?.carry_out()?))
            }
            Site::Files => {
                let failure =
                    Failure::refused(format!("{shown} has files in it and is no git repository"));
                Err(failure.hint(format!(
                    "memoryd init {shown} lists what it would commit, and asks"
                )))
            }
        }
    }
}

/// What a person is told when it serves.
struct Welcome<'a> {
    status: Status,
    address: SocketAddr,
    is_open_door: bool,
    user: String,
    created: Option<&'a Created>,
}

impl<'a> Welcome<'a> {
    fn of(daemon: &Daemon, created: Option<&'a Created>) -> Result<Self, Failure> {
        let store = daemon.memory().store();
        Ok(Self {
            status: store.status(),
            address: daemon.address().map_err(Error::from)?,
            is_open_door: daemon.is_open_door(),
            user: some_user(store),
            created,
        })
    }

    fn print(&self, screen: &mut Screen) -> io::Result<()> {
        let Status {
            branch,
            files,
            users,
            ..
        } = &self.status;
        let folder = Path::new(&self.status.folder);
        let name = screen.paint(
            Style::Strong,
            concat!("memoryd ", env!("CARGO_PKG_VERSION")),
        );
        let about = format!(
            "git, branch {}, {}, {}",
            plain(branch),
            count(*files, "file"),
            count(*users, "user")
        );
        screen.line(&format!("{name}  {}  ({about})", at_home(folder)))?;
        let address = screen.paint(Style::Strong, &format!("http://{}", self.address));
        screen.line(&format!("{address}  {}", self.doors()))?;
        let index = folder.join("shared/index.md");
        screen.line(&format!("try    {}", self.curl()))?;
        screen.line(&format!("edit   {} in any editor", shell_word(&index)))?;
        screen.line(&format!("log    git -C {} log --stat", shell_word(folder)))?;
        let notes = self
            .status
            .paused
            .iter()
            .chain(&self.status.read_only)
            .chain(&self.status.notices);
        notes
            .into_iter()
            .try_for_each(|note| screen.line(&format!("note   {}", plain(note))))?;
        self.created
            .map_or(Ok(()), |created| print_outer_ignore(created, screen))
    }

    fn doors(&self) -> &'static str {
        match self.is_open_door {
            true => "open to this computer only; set MEMORYD_API_KEY to listen elsewhere",
            false => "callers need the token",
        }
    }

    fn curl(&self) -> String {
        let address = match self.address.ip().is_unspecified() {
            true => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), self.address.port()),
            false => self.address,
        };
        let token = if self.is_open_door {
            ""
        } else {
            " -H \"x-api-key: $MEMORYD_API_KEY\""
        };
        format!(
            "curl '{address}/v1/prompt-block?userId={}' -H 'Accept: text/markdown'{token}",
            self.user
        )
    }
}

/// One line that a script can wait for.
fn print_json(daemon: &Daemon, screen: &mut Screen) -> io::Result<()> {
    let status = daemon.memory().store().status();
    let address = daemon.address().map_err(io::Error::other)?;
    let line = json!({ "address": address, "pid": std::process::id(), "folder": status.folder, "branch": status.branch });
    screen.line(&line.to_string())
}

/// Somebody to try it with: the first user whose id needs no encoding in an address.
fn some_user(store: &Store) -> String {
    let snapshot = store.snapshot();
    let is_plain = |id: &str| {
        id.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let owners = snapshot
        .under("user/")
        .map(|(path, _)| store.layout().owner_of(path));
    let mut users = owners.filter_map(|place| match place {
        Place::User(id) => Some(id.to_string()),
        _ => None,
    });
    users
        .find(|id| is_plain(id))
        .unwrap_or_else(|| "alice".to_owned())
}

/// A path to be pasted into a shell.
fn shell_word(path: &Path) -> String {
    let shown = at_home(path);
    let is_plain = |letter: char| letter.is_alphanumeric() || "/~._-+@".contains(letter);
    match shown.chars().all(is_plain) {
        true => shown,
        false => format!(
            "'{}'",
            plain(&path.display().to_string()).replace('\'', r"'\''")
        ),
    }
}

/// What the daemon has to say while it runs goes where it disturbs nobody who reads standard output.
fn log_to_stderr() {
    let log = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(colours_stderr())
        .with_target(false);
    // A second one is refused, and the first goes on.
    drop(log.try_init());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_can_be_pasted_into_a_shell() {
        let table = [
            ("/srv/memory", "/srv/memory"),
            ("/srv/it's mine", r"'/srv/it'\''s mine'"),
            ("/a;b", "'/a;b'"),
        ];
        for (path, expected) in table {
            assert_eq!(shell_word(Path::new(path)), expected);
        }
    }
}
