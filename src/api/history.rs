//! The history of a caller's files.
//!
//! A commit may touch files of several owners: a person saved them together. Each of them then sees the commit with
//! their own files and no word of the others, and without its message, which may speak of any of them.

use serde_json::{Value, json};

use crate::api::memory::Memory;
use crate::backend::clock;
use crate::model::caller::{Caller, Role};
use crate::model::error::{Error, Rejection};
use crate::model::history::Commit;
use crate::model::message::{Message, Trailer};
use crate::model::path::{Layout, Mount, Place, RepoPath, VirtualPrefix};
use crate::model::search::phrase::Phrase;

/// Which part of a long list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many entries at most.
    pub limit: usize,
    /// How many to leave out before them.
    pub offset: usize,
}

/// The commits that changed a file of the caller's under a prefix, newest first; only those that added or removed a phrase,
/// where there is one. Reads git, so it may block.
pub fn revisions(
    memory: &Memory,
    caller: &Caller,
    prefix: &VirtualPrefix,
    phrase: Option<&str>,
    page: Page,
) -> Result<Value, Error> {
    let layout = memory.store().layout();
    let folders = folders(layout, caller, prefix)?;
    // One more than wanted, if there is one, tells that there is a next page.
    let mut commits = commits(memory, &folders, phrase, (page.limit + 1, page.offset))?;
    let has_more = commits.len() > page.limit;
    commits.truncate(page.limit);
    let eyes = Eyes { layout, caller };
    let described = commits.iter().map(|(commit, said)| {
        let mut revision = eyes.describe(commit);
        if let Some(said) = said {
            revision["phrase"] = (*said).into();
        }
        revision
    });
    let revisions: Vec<_> = described.collect();
    let pagination = json!({ "limit": page.limit, "offset": page.offset, "hasMore": has_more });
    Ok(json!({ "revisions": revisions, "pagination": pagination }))
}

/// Commits, with whether each `added` or `removed` the phrase. Refuses a phrase without a word.
pub(in crate::api) fn commits(
    memory: &Memory,
    folders: &[String],
    phrase: Option<&str>,
    (limit, offset): (usize, usize),
) -> Result<Vec<(Commit, Option<&'static str>)>, Error> {
    let store = memory.store();
    let Some(phrase) = phrase else {
        let commits = store.log(folders, limit, offset)?.into_iter();
        return Ok(commits.map(|commit| (commit, None)).collect());
    };
    let phrase = Phrase::read(phrase)
        .ok_or_else(|| Rejection::validation("phrase: give at least one word"))?;
    let commits = store.log_of_phrase(folders, &phrase, limit, offset)?;
    let said = |more: isize| Some(if more > 0 { "added" } else { "removed" });
    Ok(commits
        .into_iter()
        .map(|(commit, more)| (commit, said(more)))
        .collect())
}

/// Where the caller's files under a prefix lie in the repository.
fn folders(layout: Layout, caller: &Caller, prefix: &VirtualPrefix) -> Result<Vec<String>, Error> {
    let mounts: Vec<Mount> = match prefix.mount() {
        Some(mount) => {
            caller.require(mount)?;
            vec![mount]
        }
        None => caller.mounts().collect(),
    };
    let place = |mount| {
        let folder = layout.folder(mount, caller.owners())?;
        Ok((folder + prefix.rest()).trim_end_matches('/').to_owned())
    };
    mounts.into_iter().map(place).collect()
}

/// A commit as one caller sees it.
struct Eyes<'a> {
    layout: Layout,
    caller: &'a Caller,
}

impl Eyes<'_> {
    fn describe(&self, commit: &Commit) -> Value {
        let paths: Vec<_> = commit
            .changes
            .iter()
            .filter_map(|(path, _)| self.name(path))
            .collect();
        let message = Message::parse(&commit.facts.message);
        let value = |trailer| message.value(trailer);
        let is_all_theirs = paths.len() == commit.changes.len();
        let subject = match (is_all_theirs, paths.as_slice()) {
            (true, _) => message.subject().to_owned(),
            (false, [path]) => format!("Change {path}"),
            (false, paths) => format!("Change {} files", paths.len()),
        };
        let mut revision = json!({
            "id": commit.facts.revision,
            "author": commit.facts.author.name(),
            "actor": value(Trailer::Actor),
            "operation": value(Trailer::Op),
            "reason": value(Trailer::Reason).filter(|_| is_all_theirs),
            "createdAt": clock::iso(commit.facts.committed_at),
            "message": subject,
            "paths": paths,
        });
        // The commit before may be about somebody else, whose very existence is none of an agent's business.
        if let Some(parent) = commit
            .facts
            .parents
            .first()
            .filter(|_| self.caller.role >= Role::Editor)
        {
            revision["parent"] = json!(parent);
        }
        revision
    }

    /// The caller's name for a file; none for a file that is not theirs.
    fn name(&self, path: &RepoPath) -> Option<String> {
        let is_theirs = match self.layout.owner_of(path) {
            Place::Shared => true,
            Place::User(id) => self.caller.user.as_ref() == Some(&id),
            Place::Team(id) => self.caller.team.as_ref() == Some(&id),
            Place::Elsewhere => false,
        };
        let path = self.layout.virtual_path(path).filter(|_| is_theirs)?;
        Some(path.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::caller::{Credential, Door, Named, Teams};
    use crate::model::history::{ChangeKind, CommitFacts};
    use crate::model::message::Author;
    use crate::model::object::{ObjectId, Revision, TreeId};

    fn commit(id: u8, committed_at: i64, paths: &[&str]) -> Commit {
        let change = |path: &&str| (RepoPath::parse(path).unwrap(), ChangeKind::Changed);
        let facts = CommitFacts {
            revision: Revision(ObjectId([id; 20])),
            tree: TreeId(ObjectId::ZERO),
            parents: vec![Revision(ObjectId([id - 1; 20]))],
            author: Author::new("Ann", "ann@example.org"),
            committed_at,
            message: "Raise bob's salary\n\nMemory-Op: write\nMemory-Reason: as agreed\n"
                .to_owned(),
        };
        Commit {
            facts,
            changes: paths.iter().map(change).collect(),
        }
    }

    fn describe(user: &str, paths: &[&str]) -> Value {
        let named = Named {
            user: Some(user),
            ..Named::default()
        };
        let door = Credential::open_door();
        let caller = Caller::new(&door, Door::Agents, named, &Teams::default()).unwrap();
        Eyes {
            layout: Layout::default(),
            caller: &caller,
        }
        .describe(&commit(2, 0, paths))
    }

    #[test]
    fn a_commit_of_several_owners_shows_each_only_their_own() {
        let seen = describe("ann", &["shared/index.md", "user/bob/a.md"]);
        assert_eq!(seen["paths"], json!(["shared/index.md"]));
        assert_eq!(seen["message"], "Change shared/index.md");
        assert!(!seen.to_string().contains("bob") && seen["reason"].is_null());
        assert!(seen.get("parent").is_none());
        let own = describe("bob", &["user/bob/a.md"]);
        assert_eq!(
            (&own["paths"], &own["reason"]),
            (&json!(["user/a.md"]), &json!("as agreed"))
        );
        assert_eq!(own["createdAt"], "1970-01-01T00:00:00.000Z");
    }
}
