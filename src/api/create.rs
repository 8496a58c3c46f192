//! Making a memory out of nothing, or out of a folder of files.
//!
//! It goes in two steps, so that a person can see what would be committed and say no: a [`Plan`] only looks, and
//! [`Plan::carry_out`] acts on what was seen. Files are put in place first, then git takes them in one commit, then one
//! sync makes all of it durable: neither `git init` nor a first commit survives a power cut by itself. A folder in which
//! this stopped half-way holds files and no repository, and the same command goes on from there.

mod source;

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::backend::disk::Disk;
use crate::backend::git::{Git, Surroundings, surroundings};
use crate::backend::person;
use crate::model::error::{Doing, Error, Fault, Rejection};
use crate::model::path::Fanout;
use source::{Links, gather};

pub use source::LeftOut;

/// The branch of a new memory.
const BRANCH: &str = "main";
const SUBJECT: &str = "Start the memory\n";
/// What a person decides about a memory stands here, tracked by git like everything else.
const SETTINGS: &str = "memoryd.toml";

/// What a folder is before it is a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// Nothing, or an empty folder.
    Free,
    /// A folder with files in it, and no repository.
    Files,
    /// A git repository.
    Repository,
}

/// How a memory is to be made.
#[derive(Debug, Clone, Copy)]
pub struct Wishes<'a> {
    /// A folder whose files are to be copied into it.
    pub from: Option<&'a Path>,
    /// How users' folders are to be spread; as the settings say that come with the files, or else flat, if nobody says.
    pub user_fanout: Option<Fanout>,
}

/// What would be made, and nothing made yet.
#[derive(Debug)]
#[must_use = "a plan has changed nothing; carry it out"]
pub struct Plan {
    folder: PathBuf,
    /// What lies in the folder already, by its path there.
    standing: Vec<(String, Vec<u8>)>,
    /// What is to be put into it.
    arriving: Vec<(String, Vec<u8>)>,
    left_out: Vec<LeftOut>,
    surroundings: Option<Surroundings>,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The memory's folder.
    pub folder: PathBuf,
    /// How many files its first commit has.
    pub files: usize,
    /// A `.gitignore` of a checkout around it that should get a line, and the line.
    pub outer_ignore: Option<(PathBuf, String)>,
}

impl Site {
    /// Looks at a folder. Refuses a bare repository, and files that a checkout around them tracks.
    pub fn of(folder: &Path) -> Result<Self, Error> {
        if folder.join(".git").symlink_metadata().is_ok() {
            return Ok(Self::Repository);
        }
        match std::fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
            Ok(true) => Ok(Self::Free),
            Ok(false) if is_bare_repository(folder) => {
                let reason = "is a bare git repository; serve a clone of it, which has files";
                Err(refused(folder, reason))
            }
            Ok(false) => untracked(&absolute(folder)?).map(|_| Self::Files),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::Free),
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
                Err(refused(folder, "is no folder"))
            }
            Err(error) => Err(Fault::new(format!("look into {}", folder.display()), error).into()),
        }
    }
}

impl Plan {
    /// Sees what a new memory would hold. Refuses a folder that is a repository already, or that a checkout around it
    /// tracks; files to copy into a folder that has some; and a source with links in it.
    pub fn new(folder: &Path, wishes: Wishes<'_>) -> Result<Self, Error> {
        let folder = absolute(folder)?;
        let surroundings = untracked(&folder)?;
        let site = Site::of(&folder)?;
        let (standing, arriving) = match (site, wishes.from) {
            (Site::Repository, _) => return Err(refused(&folder, "is a git repository already")),
            (Site::Files, Some(_)) => return Err(refused(&folder, "has files in it already")),
            (Site::Files, None) => (
                gather(&folder, Links::LeaveOut)?,
                source::Gathered::default(),
            ),
            (Site::Free, Some(from)) => (source::Gathered::default(), gather(from, Links::Refuse)?),
            (Site::Free, None) => Default::default(),
        };
        let left_out = [standing.left_out, arriving.left_out].concat();
        let mut plan = Self {
            folder,
            standing: standing.files,
            arriving: arriving.files,
            left_out,
            surroundings,
        };
        plan.settle_settings(wishes.user_fanout)?;
        Ok(plan)
    }

    /// Where the memory would be.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The files that would be committed, in path order.
    pub fn files(&self) -> Vec<&str> {
        let mut files: Vec<_> = self.contents().map(|(path, _)| path.as_str()).collect();
        files.sort_unstable();
        files
    }

    /// The files that would not, each with the reason.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// Makes the memory.
    pub fn carry_out(self) -> Result<Created, Error> {
        std::fs::create_dir_all(&self.folder).doing(&format!("make {}", self.folder.display()))?;
        for (path, bytes) in &self.arriving {
            put(&self.folder.join(path), bytes).doing(&format!("write {path}"))?;
        }
        let files: Vec<_> = self.contents().cloned().collect();
        let git = Git::init(&self.folder, BRANCH)?;
        let author = git
            .configured_person()
            .unwrap_or_else(person::at_this_computer);
        git.commit_first(&files, &author, SUBJECT)?;
        let disk = Disk::open(&self.folder).doing("open the new memory")?;
        disk.sync_file_system()
            .doing("make the new memory durable")?;
        let outer_ignore = self.surroundings.filter(|outer| !outer.is_ignored);
        let outer_ignore = outer_ignore
            .map(|outer| (outer.root.join(".gitignore"), format!("/{}/", outer.folder)));
        Ok(Created {
            folder: self.folder,
            files: files.len(),
            outer_ignore,
        })
    }

    fn contents(&self) -> impl Iterator<Item = &(String, Vec<u8>)> {
        self.standing.iter().chain(&self.arriving)
    }

    /// Every memory has settings. Those that come with the files stand, and then nobody else decides.
    fn settle_settings(&mut self, user_fanout: Option<Fanout>) -> Result<(), Error> {
        let has_own = self.contents().any(|(path, _)| path == SETTINGS);
        match (has_own, user_fanout) {
            (true, Some(_)) => Err(refused(
                Path::new(SETTINGS),
                "comes with the files and says how users are spread",
            )),
            (true, None) => Ok(()),
            (false, fanout) => {
                let text = settings_text(fanout.unwrap_or_default());
                self.arriving.push((SETTINGS.to_owned(), text.into_bytes()));
                Ok(())
            }
        }
    }
}

/// The settings of a new memory: every one that a person may want, as a comment, but the one that cannot change later.
fn settings_text(user_fanout: Fanout) -> String {
    let fanout = match user_fanout {
        Fanout::Flat => 0,
        Fanout::TwoHex => 2,
    };
    include_str!("create/memoryd.toml").replace("{user_fanout}", &fanout.to_string())
}

/// Writes a file that must not be there yet, and the folders above it.
fn put(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::File::create_new(path)?.write_all(bytes)
}

fn absolute(folder: &Path) -> Result<PathBuf, Fault> {
    let folder = std::path::absolute(folder).doing("tell where the folder is")?;
    Ok(folder.canonicalize().unwrap_or(folder))
}

/// What lies around a folder. Refuses one whose files a checkout there tracks: they are its own.
fn untracked(folder: &Path) -> Result<Option<Surroundings>, Error> {
    match surroundings(folder)? {
        Some(outer) if outer.is_tracked => {
            let reason = format!("is tracked by the checkout {}", outer.root.display());
            Err(refused(folder, &reason))
        }
        outer => Ok(outer),
    }
}

/// What git itself takes for one: its files are git's, and none is anybody's.
fn is_bare_repository(folder: &Path) -> bool {
    folder.join("HEAD").is_file()
        && ["objects", "refs"]
            .iter()
            .all(|name| folder.join(name).is_dir())
}

fn refused(what: &Path, reason: &str) -> Error {
    Rejection::validation(format!("{} {reason}", what.display())).into()
}

#[cfg(test)]
mod tests;
