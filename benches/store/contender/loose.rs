//! libgit2 as its documentation uses it: a loose object for each blob, folder and commit, then the branch.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use git2::{Oid, Repository, Signature, Tree};

use crate::Outcome;
use crate::contender::Contender;
use crate::seed::BRANCH;
use crate::workload::{AUTHOR, Write};

const FILE: i32 = 0o100_644;
const FOLDER: i32 = 0o040_000;

/// A bare repository, one writer at a time.
pub(crate) struct Loose(Mutex<Repository>);

impl Loose {
    /// Opens the repository, and has every object and ref synced: the setting is git's old one, which libgit2 still obeys.
    pub(crate) fn open(folder: &Path) -> Outcome<Self> {
        Repository::open_bare(folder)?
            .config()?
            .set_bool("core.fsyncObjectFiles", true)?;
        Ok(Self(Mutex::new(Repository::open_bare(folder)?)))
    }
}

impl Contender for Loose {
    fn write(&self, write: &Write) -> Outcome<()> {
        let repository = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let reference = format!("refs/heads/{BRANCH}");
        let parent = repository.find_reference(&reference)?.peel_to_commit()?;
        let blob = repository.blob(write.text.as_bytes())?;
        let path: Vec<&str> = write.path.as_str().split('/').collect();
        let tree = repository.find_tree(replaced(&repository, &parent.tree()?, (&path, blob))?)?;
        let author = Signature::now(AUTHOR.0, AUTHOR.1)?;
        repository.commit(
            Some(&reference),
            &author,
            &author,
            &write.message(),
            &tree,
            &[&parent],
        )?;
        Ok(())
    }
}

/// Writes a folder with another blob at a path below it, and gives its id.
fn replaced(
    repository: &Repository,
    folder: &Tree<'_>,
    (path, blob): (&[&str], Oid),
) -> Outcome<Oid> {
    let (name, below) = path.split_first().ok_or("a path has no name")?;
    let mut builder = repository.treebuilder(Some(folder))?;
    if below.is_empty() {
        builder.insert(name, blob, FILE)?;
        return Ok(builder.write()?);
    }
    let inner = folder.get_name(name).ok_or("a folder is gone")?.id();
    let inner = replaced(repository, &repository.find_tree(inner)?, (below, blob))?;
    builder.insert(name, inner, FOLDER)?;
    Ok(builder.write()?)
}
