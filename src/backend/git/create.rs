//! Making a repository where there is none, and looking at the checkout around a folder.
//!
//! This is the one place where libgit2 writes. It runs once in a memory's life, before anybody was promised anything;
//! the caller makes it durable by one sync of the whole file system, because neither git nor libgit2 would.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use git2::{
    ErrorCode, Index, IndexEntry, IndexTime, Oid, Repository, RepositoryInitOptions, Signature,
};

use super::{Git, object_id, wake};
use crate::model::error::{Doing, Fault};
use crate::model::message::Author;
use crate::model::object::Revision;
use crate::model::tree::Mode;

/// The checkout that a folder lies in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// Its work tree.
    pub root: PathBuf,
    /// The folder as that checkout calls it, without slashes at its ends.
    pub folder: String,
    /// Whether it tracks the folder, or something in it.
    pub is_tracked: bool,
    /// Whether it ignores the folder.
    pub is_ignored: bool,
}

impl Git {
    /// Makes an empty repository of a folder. `branch` is what the first commit will be on.
    pub fn init(folder: &Path, branch: &str) -> Result<Self, Fault> {
        wake();
        let mut options = RepositoryInitOptions::new();
        options
            .initial_head(branch)
            .no_reinit(true)
            .mkdir(false)
            .mkpath(false)
            .external_template(false);
        Repository::init_opts(folder, &options).doing("make a git repository")?;
        Self::open(folder)
    }

    /// Makes the first commit, of files that lie in the folder with exactly these bytes, and lists them in the git index
    /// so that `git status` has nothing to say. No filter sees them: what a person wrote is what is committed.
    pub fn commit_first(
        &self,
        files: &[(String, Vec<u8>)],
        author: &Author,
        message: &str,
    ) -> Result<Revision, Fault> {
        let mut index = self.repository.index().doing("open the git index")?;
        for (path, bytes) in files {
            self.stage(&mut index, path, bytes)?;
        }
        index.write().doing("write the git index")?;
        let tree = index
            .write_tree()
            .and_then(|id| self.repository.find_tree(id))
            .doing("write the first tree")?;
        let author =
            Signature::now(author.name(), author.email()).doing("write the first commit")?;
        let commit = self
            .repository
            .commit(Some("HEAD"), &author, &author, message, &tree, &[]);
        commit
            .map(|id| Revision(object_id(id)))
            .doing("write the first commit")
    }

    fn stage(&self, index: &mut Index, path: &str, bytes: &[u8]) -> Result<(), Fault> {
        let stat = std::fs::symlink_metadata(self.folder.join(path)).doing("look at a file")?;
        index
            .add_frombuffer(&entry(path, &stat), bytes)
            .doing("write a file's text into git")
    }
}

/// The checkout that a folder lies in, if it lies in one. The folder itself need not exist yet; its path is absolute.
pub fn surroundings(folder: &Path) -> Result<Option<Surroundings>, Fault> {
    wake();
    let Some(root) = folder
        .ancestors()
        .skip(1)
        .find(|above| above.join(".git").exists())
    else {
        return Ok(None);
    };
    let repository = match Repository::open(root) {
        Ok(repository) => repository,
        Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
        Err(error) => return Err(Fault::new("open the checkout around the folder", error)),
    };
    let name = folder
        .strip_prefix(root)
        .unwrap_or(folder)
        .to_string_lossy()
        .into_owned();
    let index = repository
        .index()
        .doing("read the index of the checkout around the folder")?;
    let inside = format!("{name}/");
    let is_below = |path: &[u8]| path == name.as_bytes() || path.starts_with(inside.as_bytes());
    Ok(Some(Surroundings {
        root: root.to_owned(),
        is_tracked: index.iter().any(|entry| is_below(&entry.path)),
        is_ignored: repository.is_path_ignored(&inside).unwrap_or(false),
        folder: name,
    }))
}

/// What git remembers of a file to see later, without reading it, that it is unchanged. Its fields have 32 bits each and
/// keep the low ones.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the index keeps the low 32 bits"
)]
fn entry(path: &str, stat: &std::fs::Metadata) -> IndexEntry {
    IndexEntry {
        ctime: IndexTime::new(stat.ctime() as i32, stat.ctime_nsec() as u32),
        mtime: IndexTime::new(stat.mtime() as i32, stat.mtime_nsec() as u32),
        dev: stat.dev() as u32,
        ino: stat.ino() as u32,
        mode: Mode::FILE.0,
        uid: stat.uid(),
        gid: stat.gid(),
        file_size: stat.size() as u32,
        id: Oid::ZERO_SHA1,
        flags: 0,
        flags_extended: 0,
        path: path.as_bytes().to_vec(),
    }
}
