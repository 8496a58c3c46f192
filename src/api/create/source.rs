//! Which files of a folder can become a memory.

use std::fs::FileType;
use std::path::Path;

use crate::model::error::{Doing, Error, Fault, Rejection};
use crate::model::limits::PERSON_FILE_BYTES_MAX;
use crate::model::path::RepoPath;

use super::SETTINGS;

/// A file that does not become a part of the memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Where it lies below the folder.
    pub path: String,
    /// Why it is left out.
    pub reason: String,
}

/// What to do about links, of which a memory can hold none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Links {
    /// Leave them where they are.
    LeaveOut,
    /// Refuse the folder: what a copy of it should hold is not clear.
    Refuse,
}

/// The files of a folder.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Those that a memory can hold, in path order, with their bytes.
    pub(super) files: Vec<(String, Vec<u8>)>,
    /// The others.
    pub(super) left_out: Vec<LeftOut>,
}

/// Reads a folder and all below it. Names that begin with a dot belong to programs, and are passed over in silence.
pub(super) fn gather(root: &Path, links: Links) -> Result<Gathered, Error> {
    let mut gathered = Gathered::default();
    let mut waiting = vec![String::new()];
    while let Some(folder) = waiting.pop() {
        for (path, file_type) in entries(root, &folder)? {
            if file_type.is_dir() {
                waiting.push(path);
            } else if file_type.is_symlink() && links == Links::Refuse {
                let message = format!(
                    "{} is a link; copy what it leads to, or take it away",
                    root.join(path).display()
                );
                return Err(Rejection::validation(message).into());
            } else {
                gathered.take(root, path, file_type)?;
            }
        }
    }
    gathered.files.sort();
    gathered
        .left_out
        .sort_by(|one, other| one.path.cmp(&other.path));
    Ok(gathered)
}

impl Gathered {
    fn take(&mut self, root: &Path, path: String, file_type: FileType) -> Result<(), Fault> {
        match contents(root, &path, file_type)? {
            Ok(bytes) => self.files.push((path, bytes)),
            Err(reason) => self.left_out.push(LeftOut { path, reason }),
        }
        Ok(())
    }
}

/// A file's bytes, or why a memory cannot hold it.
fn contents(
    root: &Path,
    path: &str,
    file_type: FileType,
) -> Result<Result<Vec<u8>, String>, Fault> {
    if !file_type.is_file() {
        return Ok(Err("it is a link or no ordinary file".to_owned()));
    }
    if path != SETTINGS
        && let Err(rejection) = RepoPath::parse(path)
    {
        return Ok(Err(reason(&rejection)));
    }
    let file = root.join(path);
    let size = file
        .metadata()
        .doing(&format!("look at {}", file.display()))?
        .len();
    if (PERSON_FILE_BYTES_MAX as u64) < size {
        return Ok(Err(format!(
            "it has more than {PERSON_FILE_BYTES_MAX} bytes"
        )));
    }
    let bytes = std::fs::read(&file).doing(&format!("read {}", file.display()))?;
    match std::str::from_utf8(&bytes) {
        Ok(text) if !text.contains('\0') => Ok(Ok(bytes)),
        _ => Ok(Err("it is not text in UTF-8".to_owned())),
    }
}

fn reason(rejection: &Rejection) -> String {
    match rejection {
        Rejection::InvalidPath { reason, .. } => (*reason).to_owned(),
        other => other.to_string(),
    }
}

fn entries(root: &Path, folder: &str) -> Result<Vec<(String, FileType)>, Fault> {
    let path = root.join(folder);
    let doing = format!("look into {}", path.display());
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(&path).doing(&doing)? {
        let entry = entry.doing(&doing)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            let path = if folder.is_empty() {
                name
            } else {
                format!("{folder}/{name}")
            };
            entries.push((path, entry.file_type().doing(&doing)?));
        }
    }
    Ok(entries)
}
