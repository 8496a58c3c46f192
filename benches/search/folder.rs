//! Memories to search: a folder with files in it, committed and opened.

use std::path::Path;
use std::process::Command;

use memoryd::api::memory::Memory;
use memoryd::api::search::{Findings, Question, Sight};
use memoryd::model::path::{Layout, Owners, UserId, VirtualPrefix};
use memoryd::model::search::passages::Passages;
use tempfile::TempDir;

use crate::Outcome;

/// A memory that goes with its folder when it is dropped.
pub(crate) struct Opened {
    pub(crate) memory: Memory,
    pub(crate) folder: TempDir,
}

/// One section of one file, as all contenders get it.
pub(crate) struct Section {
    /// The folder of its owner: `user/alice/`, or `shared/`.
    pub(crate) owner: String,
    pub(crate) path: String,
    pub(crate) part: usize,
    pub(crate) lines: std::ops::Range<usize>,
    pub(crate) title: String,
    pub(crate) heading: String,
    pub(crate) text: String,
}

impl Opened {
    /// Commits what lies in a folder and opens it.
    pub(crate) fn new(folder: TempDir) -> Outcome<Self> {
        git(folder.path(), &["init", "-q", "-b", "main"])?;
        git(folder.path(), &["add", "-A"])?;
        let who = [
            "-c",
            "user.name=Bench",
            "-c",
            "user.email=bench@example.com",
        ];
        let commit = [&who[..], &["commit", "-q", "-m", "The files"]].concat();
        git(folder.path(), &commit)?;
        let memory = memoryd::daemon::open(folder.path())?;
        memory.search()?;
        Ok(Self { memory, folder })
    }

    /// What a user finds.
    pub(crate) fn find(&self, user: &str, text: &str, limit: usize) -> Outcome<Findings> {
        let user = UserId::parse(user)?;
        let owners = Owners {
            user: Some(&user),
            team: None,
        };
        let sight = Sight::of_owners(Layout::default(), owners, &VirtualPrefix::parse(None)?)?;
        let question = Question {
            text,
            limit,
            ..Question::default()
        };
        Ok(self.memory.search()?.find(&sight, &question)?)
    }

    /// Every section.
    pub(crate) fn sections(&self) -> Vec<Section> {
        let snapshot = self.memory.store().snapshot();
        let mut sections = Vec::new();
        for (path, file) in snapshot.files() {
            let passages = Passages::read(path.as_str(), &file.text);
            for (part, passage) in passages.parts.iter().enumerate() {
                sections.push(Section {
                    owner: Layout::default().owner_folder(path).0.to_owned(),
                    path: path.to_string(),
                    part,
                    lines: passage.lines.clone(),
                    title: passages.title.clone(),
                    heading: passage.headline(),
                    text: file
                        .text
                        .get(passage.bytes.clone())
                        .unwrap_or_default()
                        .to_owned(),
                });
            }
        }
        sections
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if let Err(error) = self.memory.close() {
            println!("the memory was not closed: {error}");
        }
    }
}

/// Copies a folder, without what begins with a dot.
pub(crate) fn copy(from: &Path, to: &Path) -> Outcome<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            std::fs::create_dir_all(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Writes a file and the folders above it.
pub(crate) fn put(root: &Path, path: &str, text: &str) -> Outcome<()> {
    let path = root.join(path);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    Ok(std::fs::write(path, text)?)
}

fn git(folder: &Path, arguments: &[&str]) -> Outcome<()> {
    let status = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("HOME", folder)
        .status()?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("git {arguments:?} failed").into()),
    }
}
