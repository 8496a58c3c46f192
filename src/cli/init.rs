//! `init`.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::json;

use super::failure::{Exit, Failure};
use super::screen::{Screen, Style, plain};
use super::state::count;
use crate::api::create::{Created, Plan, Site, Wishes};
use crate::daemon;
use crate::model::path::Fanout;

/// How many names a question lists.
const NAMES_MAX: usize = 20;

/// Make a memory of a folder, and commit what is in it
///
/// An absent or empty folder is made a memory at once. Of a folder with files, it lists what it will commit and asks.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  memoryd init ~/memory --from sample-memory
  memoryd init ~/notes                    make a folder of notes a memory, where it is")]
pub(super) struct Init {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Copy the files of this folder into it
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// How users' folders lie: 0 is user/<id>/, 2 is user/<2 hex>/<id>/ for more than about 2,000 users
    #[arg(long, value_enum, value_name = "N")]
    user_fanout: Option<UserFanout>,
    /// Commit without asking
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum UserFanout {
    #[value(name = "0")]
    Flat,
    #[value(name = "2")]
    TwoHex,
}

impl From<UserFanout> for Fanout {
    fn from(fanout: UserFanout) -> Self {
        match fanout {
            UserFanout::Flat => Self::Flat,
            UserFanout::TwoHex => Self::TwoHex,
        }
    }
}

impl Init {
    pub(super) fn run(self, as_json: bool) -> Result<Exit, Failure> {
        let wishes = Wishes {
            from: self.from.as_deref(),
            user_fanout: self.user_fanout.map(Fanout::from),
        };
        let site = Site::of(&self.folder)?;
        if site == Site::Repository {
            let shown = self.folder.display();
            return Err(
                Failure::refused(format!("{shown} is a git repository already"))
                    .hint(format!("memoryd serve {shown}")),
            );
        }
        let plan = Plan::new(&self.folder, wishes)?;
        if site == Site::Files && !self.yes {
            ask(&plan)?;
        }
        let created = plan.carry_out()?;
        // The first start leaves what makes the folder a memory for all other commands, and reads the settings.
        daemon::open(&created.folder)?.close()?;
        let mut screen = Screen::new();
        match as_json {
            true => screen.json(&json!({ "folder": created.folder, "files": created.files })),
            false => print(&created, &mut screen),
        }?;
        screen.flush()?;
        Ok(Exit::Done)
    }
}

/// What a person should do about a checkout around a new memory.
pub(super) fn print_outer_ignore(created: &Created, screen: &mut Screen) -> io::Result<()> {
    let Some((file, line)) = &created.outer_ignore else {
        return Ok(());
    };
    let file = plain(&file.display().to_string());
    screen.line(&format!(
        "It lies in another checkout. So that git there leaves it alone, add to {file}:"
    ))?;
    screen.line(&format!("    {}", plain(line)))
}

/// A path as its owner knows it: their home is `~`.
pub(super) fn at_home(path: &Path) -> String {
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .filter(|home| home.is_absolute());
    let below = home.and_then(|home| path.strip_prefix(home).ok().map(Path::to_owned));
    let shown = match below {
        Some(below) if below.as_os_str().is_empty() => "~".to_owned(),
        Some(below) => format!("~/{}", below.display()),
        None => path.display().to_string(),
    };
    plain(&shown)
}

fn print(created: &Created, screen: &mut Screen) -> io::Result<()> {
    let folder = at_home(&created.folder);
    screen.line(&format!(
        "{}  (git, {})",
        screen.paint(Style::Strong, &folder),
        count(created.files, "file")
    ))?;
    print_outer_ignore(created, screen)?;
    screen.line(&format!("serve  memoryd serve {folder}"))
}

/// Lists what would be committed on standard error, so that standard output keeps its shape, and waits for a yes.
fn ask(plan: &Plan) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        let failure = Failure::refused(format!(
            "{} has files in it, and nobody is here to ask",
            plan.folder().display()
        ));
        return Err(failure.hint("--yes commits them without asking"));
    }
    let answer = question(plan).and_then(|()| {
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(answer)
    })?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::refused("nothing was changed")),
    }
}

fn question(plan: &Plan) -> io::Result<()> {
    let mut stderr = io::stderr().lock();
    let files = plan.files();
    let left_out = plan
        .left_out()
        .iter()
        .map(|left| format!("{} ({})", left.path, left.reason))
        .collect::<Vec<_>>();
    writeln!(stderr, "To be committed in {}:", at_home(plan.folder()))?;
    list(&mut stderr, files.iter().copied())?;
    if !left_out.is_empty() {
        writeln!(stderr, "To be left where they are, unserved:")?;
        list(&mut stderr, left_out.iter().map(String::as_str))?;
    }
    write!(stderr, "Commit {}? [y/N] ", count(files.len(), "file"))?;
    stderr.flush()
}

fn list<'a>(out: &mut impl Write, names: impl ExactSizeIterator<Item = &'a str>) -> io::Result<()> {
    let more = names.len().saturating_sub(NAMES_MAX);
    for name in names.take(NAMES_MAX) {
        writeln!(out, "  {}", plain(name))?;
    }
    if 0 < more {
        writeln!(out, "  and {more} more")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// The settings of a new memory, as they are and with every commented line in force.
    fn settings(user_fanout: Fanout) -> (Config, Config) {
        let folder = tempfile::tempdir().unwrap();
        let wishes = Wishes {
            from: None,
            user_fanout: Some(user_fanout),
        };
        let created = Plan::new(folder.path(), wishes)
            .unwrap()
            .carry_out()
            .unwrap();
        let text = std::fs::read_to_string(created.folder.join("memoryd.toml")).unwrap();
        let uncomment = |line: &str| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') => setting.to_owned(),
            _ => line.to_owned(),
        };
        let uncommented: Vec<_> = text.lines().map(uncomment).collect();
        (
            Config::parse(&text).unwrap(),
            Config::parse(&uncommented.join("\n")).unwrap(),
        )
    }

    #[test]
    fn the_settings_of_a_new_memory_say_what_holds() {
        assert_eq!(
            settings(Fanout::Flat),
            (Config::default(), Config::default())
        );
        let (spread, with_all) = settings(Fanout::TwoHex);
        assert_eq!((spread.user_fanout(), &spread), (Fanout::TwoHex, &with_all));
    }
}
