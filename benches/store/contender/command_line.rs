//! git as people use it: the file, `git add`, `git commit`.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::Outcome;
use crate::contender::Contender;
use crate::plain_git;
use crate::workload::Write;

/// A folder, one writer at a time: git's own locks would make the others fail.
pub(crate) struct CommandLine(Mutex<PathBuf>);

impl CommandLine {
    /// Takes a repository with its files.
    pub(crate) fn open(folder: &Path) -> Self {
        Self(Mutex::new(folder.to_owned()))
    }
}

impl Contender for CommandLine {
    fn write(&self, write: &Write) -> Outcome<()> {
        let folder = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let path = write.path.as_str();
        std::fs::write(folder.join(path), write.text.as_bytes())?;
        plain_git::run(&folder, &["add", "--", path])?;
        plain_git::run(&folder, &["commit", "-q", "-m", &write.message()])?;
        Ok(())
    }
}
