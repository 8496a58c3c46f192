//! Git as a library: reading objects, walking history, comparing, merging in RAM, and the person's config.
//!
//! This folder is the room of `git2`. It only reads: what this program writes into a repository goes through the pack
//! writer, the refs and the index image, because libgit2's own writers are 17 to 33 times slower on that path and do not
//! pass the seam that crash tests need. Nothing here runs a hook, a filter or another program.
//!
//! A [`Git`] belongs to one thread. libgit2 notices new packs by itself when an object is not found; packs that were
//! deleted stay open, so after a repack every thread opens the repository anew ([`Git::reopen`]).

mod compare;
mod create;
mod history;
mod merge;
mod repair;

use std::path::{Path, PathBuf};
use std::sync::Once;

use git2::{ObjectType, Oid, Repository, RepositoryOpenFlags};

use crate::model::error::{Doing, Fault};
use crate::model::history::CommitFacts;
use crate::model::message::Author;
use crate::model::object::{BlobId, ObjectId, Revision, TreeId};
use crate::model::tree::TreePath;

pub use create::{Surroundings, surroundings};
pub use merge::{Merged, merge_texts};

/// A repository, opened for reading by one thread.
pub struct Git {
    repository: Repository,
    folder: PathBuf,
}

impl Git {
    /// Opens the repository whose work tree is `folder`, never one further up.
    pub fn open(folder: &Path) -> Result<Self, Fault> {
        wake();
        let flags = RepositoryOpenFlags::NO_SEARCH | RepositoryOpenFlags::NO_DOTGIT;
        let none: [&Path; 0] = [];
        let repository =
            Repository::open_ext(folder.join(".git"), flags, none).doing("open the repository")?;
        Ok(Self {
            repository,
            folder: folder.to_owned(),
        })
    }

    /// Opens the same repository again, letting go of packs that a repack has deleted.
    pub fn reopen(&mut self) -> Result<(), Fault> {
        *self = Self::open(&self.folder)?;
        Ok(())
    }

    /// Whether git has an object, looked up afresh.
    pub fn has(&self, id: ObjectId) -> Result<bool, Fault> {
        let database = self.repository.odb().doing("open the object database")?;
        Ok(database.exists(oid(id)))
    }

    /// A blob's bytes.
    pub fn blob(&self, id: BlobId) -> Result<Vec<u8>, Fault> {
        self.object(id.0, ObjectType::Blob)
    }

    /// A folder's raw listing.
    pub fn listing(&self, id: TreeId) -> Result<Vec<u8>, Fault> {
        self.object(id.0, ObjectType::Tree)
    }

    /// The raw listing of every folder below a tree, the root's under the empty path.
    pub fn listings(&self, root: TreeId) -> Result<Vec<(TreePath, Vec<u8>)>, Fault> {
        let mut found = Vec::new();
        let mut waiting = vec![(Vec::new(), root)];
        while let Some((path, id)) = waiting.pop() {
            let raw = self.listing(id)?;
            for (name, leaf) in compare::folders(&raw) {
                waiting.push((compare::join(&path, name), TreeId(leaf.id)));
            }
            found.push((path.into(), raw));
        }
        Ok(found)
    }

    /// A commit, and nothing where git has none of that name.
    pub fn commit(&self, revision: Revision) -> Result<Option<CommitFacts>, Fault> {
        let commit = match self.repository.find_commit(oid(revision.0)) {
            Ok(commit) => commit,
            Err(error) if error.code() == git2::ErrorCode::NotFound => return Ok(None),
            Err(error) => return Err(Fault::new("read a commit", error)),
        };
        let author = commit.author();
        Ok(Some(CommitFacts {
            revision,
            tree: TreeId(object_id(commit.tree_id())),
            parents: commit
                .parent_ids()
                .map(|id| Revision(object_id(id)))
                .collect(),
            author: Author::new(
                &String::from_utf8_lossy(author.name_bytes()),
                &String::from_utf8_lossy(author.email_bytes()),
            ),
            committed_at: commit.time().seconds(),
            message: String::from_utf8_lossy(commit.message_bytes()).into_owned(),
        }))
    }

    /// A commit that must be there.
    pub fn known_commit(&self, revision: Revision) -> Result<CommitFacts, Fault> {
        self.commit(revision)?
            .ok_or_else(|| Fault::new("read a commit", format!("git has no commit {revision}")))
    }

    /// Whether the second commit can be reached from the first, or is it.
    pub fn contains(&self, newer: Revision, older: Revision) -> Result<bool, Fault> {
        if newer == older {
            return Ok(true);
        }
        self.repository
            .graph_descendant_of(oid(newer.0), oid(older.0))
            .doing("compare two commits")
    }

    /// The newest commit that both can be reached from, if their histories have met.
    pub fn merge_base(&self, one: Revision, other: Revision) -> Option<Revision> {
        self.repository
            .merge_base(oid(one.0), oid(other.0))
            .ok()
            .map(|id| Revision(object_id(id)))
    }

    /// The name and e-mail that git is configured to commit with here, if it is.
    pub fn configured_person(&self) -> Option<Author> {
        let config = self.repository.config().ok()?.snapshot().ok()?;
        let text = |key| config.get_string(key).ok().filter(|text| !text.is_empty());
        Some(Author::new(&text("user.name")?, &text("user.email")?))
    }

    /// A config value, local before global.
    pub fn config(&self, key: &str) -> Option<String> {
        self.repository.config().ok()?.get_string(key).ok()
    }

    /// Sets a value in the repository's own config.
    pub fn set_config(&self, key: &str, value: &str) -> Result<(), Fault> {
        let local = self
            .repository
            .config()
            .and_then(|config| config.open_level(git2::ConfigLevel::Local));
        local
            .and_then(|mut local| local.set_str(key, value))
            .doing("set the repository's config")
    }

    /// Whether a path that git does not track is one that people told it to ignore.
    pub fn ignores(&self, path: &str) -> bool {
        self.repository.is_path_ignored(path).unwrap_or(false)
    }

    /// Resolves a full or abbreviated id, `HEAD`, `HEAD~2` or a branch to a commit.
    pub fn resolve(&self, name: &str) -> Option<Revision> {
        let object = self.repository.revparse_single(name).ok()?;
        Some(Revision(object_id(object.peel_to_commit().ok()?.id())))
    }

    fn object(&self, id: ObjectId, kind: ObjectType) -> Result<Vec<u8>, Fault> {
        let database = self.repository.odb().doing("open the object database")?;
        let object = database.read(oid(id)).doing("read an object")?;
        if object.kind() != kind {
            return Err(Fault::new(
                "read an object",
                format!("{id} is a {}", object.kind()),
            ));
        }
        Ok(object.data().to_vec())
    }
}

/// A value in a repository's own config, which can be read also where the repository cannot.
pub fn config_in(folder: &Path, key: &str) -> Option<String> {
    let config = git2::Config::open(&folder.join(".git/config")).ok()?;
    config.get_string(key).ok()
}

/// Wakes libgit2, and keeps it from refusing a repository that another user owns. The folder was named on purpose, and in a container it often
/// belongs to somebody else; a foreign owner is said in the status instead.
fn wake() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        #[expect(
            unsafe_code,
            reason = "libgit2's options are process-wide and not synchronised"
        )]
        // SAFETY: the only writer of this option, run once, before this process opens its first repository.
        let set = unsafe { git2::opts::set_verify_owner_validation(false) };
        if let Err(error) = set {
            tracing::warn!(%error, "libgit2 keeps checking owners");
        }
    });
}

fn oid(id: ObjectId) -> Oid {
    Oid::from_bytes(&id.0).expect("20 bytes are an object id")
}

fn object_id(oid: Oid) -> ObjectId {
    ObjectId::from_bytes(oid.as_bytes()).expect("this build of libgit2 knows SHA-1 ids only")
}
