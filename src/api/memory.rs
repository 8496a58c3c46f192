//! A memory as a caller sees it: plain questions, plain answers.
//!
//! Every door speaks of files by the caller's own names, and this is where they become places in the repository. What
//! another owner has cannot even be named here, so no door has to remember to hide it.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

use crate::api::prompt::cache::{PromptCache, Rendered};
use crate::api::prompt::{Profile, PromptRequest, PromptSettings};
use crate::api::search::Search;
use crate::model::caller::{Caller, Role, Teams};
use crate::model::digest::Digest;
use crate::model::edit::{Edit, Precondition, Provenance, Step, Target};
use crate::model::error::{Error, Rejection};
use crate::model::limits::{Limits, MESSAGE_VALUE_BYTES_MAX, PERSON_FILE_BYTES_MAX};
use crate::model::message::Author;
use crate::model::object::{BlobId, Revision};
use crate::model::patch::Patch;
use crate::model::path::{Layout, Mount, VirtualPath, VirtualPrefix};
use crate::model::screening::Screening;
use crate::model::search::language::Language;
use crate::model::snapshot::{File, Snapshot};
use crate::store::Store;

/// What agents may do to `shared/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SharedWrites {
    /// Nothing: people edit it.
    #[default]
    Refuse,
    /// Write it as they write `user/`.
    Direct,
}

/// What a person decides about a memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// The bounds.
    pub limits: Limits,
    /// What the prompt block shows.
    pub prompt: PromptSettings,
    /// What agents may do to `shared/`.
    pub shared_writes: SharedWrites,
    /// How the memory is searched.
    pub search: SearchSettings,
    /// What is looked for in what callers write.
    pub screening: Screening,
    /// Who belongs to which team.
    pub teams: Teams,
}

/// The section `[search]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SearchSettings {
    /// What words in Latin letters are taken for.
    pub language: Language,
}

/// A store and the settings it is served with; a handle that every door clones.
#[derive(Clone)]
pub struct Memory {
    store: Store,
    settings: Arc<Settings>,
    prompts: Arc<PromptCache>,
    search: Arc<Mutex<Option<Arc<Search>>>>,
}

/// The memory at one revision as one caller sees it: all answers drawn from one view agree.
pub struct View<'a> {
    snapshot: Arc<Snapshot>,
    layout: Layout,
    caller: &'a Caller,
}

/// A change in the caller's own names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Makes a file or replaces its whole text.
    Write {
        /// Which file.
        path: VirtualPath,
        /// Its new text.
        text: Arc<str>,
    },
    /// Changes lines of a file.
    Patch {
        /// Which file.
        path: VirtualPath,
        /// Which lines, and how.
        patch: Patch,
    },
    /// Removes a file.
    Delete {
        /// Which file.
        path: VirtualPath,
    },
    /// Gives a file another name.
    Rename {
        /// Its name.
        from: VirtualPath,
        /// Its new name, which no file has.
        to: VirtualPath,
    },
}

/// Under which terms a deed is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// What the caller expects to find.
    pub precondition: Precondition,
    /// Why, in the caller's words.
    pub reason: Option<String>,
    /// What tells a repeated request from a new one.
    pub idempotency_key: Option<String>,
}

impl Memory {
    /// Opens nothing and starts nothing: the store is already open.
    pub fn new(store: Store, settings: Settings) -> Self {
        let prompts = PromptCache::new(store.layout(), settings.prompt.clone());
        Self {
            store,
            settings: Arc::new(settings),
            prompts: Arc::new(prompts),
            search: Arc::default(),
        }
    }

    /// What searches this memory. The first to ask has the index opened, or made where there is none.
    pub fn search(&self) -> Result<Arc<Search>, Error> {
        let mut search = self.search.lock().unwrap_or_else(PoisonError::into_inner);
        match &*search {
            Some(search) => Ok(Arc::clone(search)),
            None => {
                let opened = Search::open(self.store.clone(), self.settings.search.language)?;
                Ok(Arc::clone(search.insert(opened)))
            }
        }
    }

    /// Closes the store, and leaves the search index as the next start wants it.
    pub fn close(&self) -> Result<(), Error> {
        let closed = self.store.close();
        let search = self
            .search
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(Err(error)) = search.map(|search| search.close()) {
            tracing::warn!(%error, "the next start makes the search index anew");
        }
        closed
    }

    /// The store beneath.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What a person decided about this memory.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The prompt block for a caller's agent, and the revision it is drawn from.
    pub fn prompt(
        &self,
        caller: &Caller,
        profile: Profile,
        max_tokens: Option<usize>,
    ) -> (Revision, Arc<Rendered>) {
        let snapshot = self.store.snapshot();
        let request = PromptRequest {
            profile,
            writes: caller.role >= Role::Agent,
            user: caller.user.clone(),
            team: caller.team.clone(),
            max_tokens,
        };
        (snapshot.revision, self.prompts.get(&snapshot, &request))
    }

    /// The memory as it is now. No lock, no disk.
    pub fn view<'a>(&self, caller: &'a Caller) -> View<'a> {
        View {
            snapshot: self.store.snapshot(),
            layout: self.store.layout(),
            caller,
        }
    }

    /// The text of a file at an earlier revision, named by its id or as git names it. Reads git, so it may block.
    pub fn read_at(
        &self,
        caller: &Caller,
        path: &VirtualPath,
        revision: &str,
    ) -> Result<(Revision, BlobId, Arc<str>), Error> {
        caller.require(path.mount())?;
        let place = self.store.layout().repo_path(path, caller.owners())?;
        let unknown = || Rejection::RevisionNotFound {
            revision: revision.to_owned(),
        };
        let revision = self
            .store
            .resolve(plain_revision(revision)?)?
            .ok_or_else(unknown)?;
        // Git also has what people stashed or threw away; that is not the history of the memory.
        self.store.commit(revision)?.ok_or_else(unknown)?;
        let found = self.store.text_at(revision, &place)?;
        let (blob, text) = found.ok_or_else(|| not_found(path))?;
        Ok((revision, blob, text))
    }

    /// What the store is to do. Refuses what the caller's role does not reach, before anything is looked at.
    pub fn edit(&self, caller: &Caller, deed: Deed, terms: Terms) -> Result<Edit, Rejection> {
        caller.require_role(Role::Agent)?;
        let target = |path: &VirtualPath| self.writable(caller, path);
        let step = match deed {
            Deed::Write { path, text } => Step::Write {
                target: target(&path)?,
                text,
            },
            Deed::Patch { path, patch } => Step::Patch {
                target: target(&path)?,
                patch,
            },
            Deed::Delete { path } => Step::Delete {
                target: target(&path)?,
            },
            Deed::Rename { from, to } => Step::Rename {
                target: target(&from)?,
                to: target(&to)?,
            },
        };
        Ok(Edit {
            steps: vec![(step, terms.precondition)],
            provenance: self.provenance(caller, terms.reason, terms.idempotency_key)?,
            file_bytes_max: self.file_bytes_max(caller),
            screening: self.settings.screening,
        })
    }

    /// What the commit will say of who did it and why.
    pub fn provenance(
        &self,
        caller: &Caller,
        reason: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<Provenance, Rejection> {
        for value in [&caller.actor, &caller.tool_call, &caller.run, &reason]
            .into_iter()
            .flatten()
        {
            check_message_value(value)?;
        }
        Ok(Provenance {
            author: self.author(caller),
            actor: caller.actor.clone(),
            user: caller.user.as_ref().map(ToString::to_string),
            team: caller.team.as_ref().map(ToString::to_string),
            tool_call: caller.tool_call.clone(),
            run: caller.run.clone(),
            reason,
            idempotency_key,
        })
    }

    /// People may keep larger files than agents.
    fn file_bytes_max(&self, caller: &Caller) -> usize {
        let limit = self.settings.limits.file_bytes_max;
        if caller.role < Role::Editor {
            limit
        } else {
            limit.max(PERSON_FILE_BYTES_MAX)
        }
    }

    /// The address tells how the change came in, whatever name the actor gave itself.
    fn author(&self, caller: &Caller) -> Author {
        let role = caller.role.as_str();
        match caller.actor.as_deref() {
            None if caller.is_at_this_computer => self.store.person(),
            actor => Author::new(actor.unwrap_or(role), &format!("{role}@memoryd")),
        }
    }

    fn writable(&self, caller: &Caller, path: &VirtualPath) -> Result<Target, Rejection> {
        let is_guidance = path.mount() == Mount::Shared;
        let may_edit =
            caller.role >= Role::Editor || self.settings.shared_writes == SharedWrites::Direct;
        if is_guidance && !may_edit {
            return Err(Rejection::ReadOnlyMount {
                path: path.to_string(),
            });
        }
        caller.require(path.mount())?;
        let place = self.store.layout().repo_path(path, caller.owners())?;
        Ok(Target {
            path: place,
            name: path.to_string(),
        })
    }
}

impl Deed {
    /// The file that it is about; of a rename the name it has.
    pub fn path(&self) -> &VirtualPath {
        match self {
            Self::Write { path, .. }
            | Self::Patch { path, .. }
            | Self::Delete { path }
            | Self::Rename { from: path, .. } => path,
        }
    }
}

impl View<'_> {
    /// Which revision this is.
    pub fn revision(&self) -> Revision {
        self.snapshot.revision
    }

    /// One file. Refuses a path that names none, or none that is the caller's.
    pub fn read(&self, path: &VirtualPath) -> Result<Arc<File>, Rejection> {
        self.caller.require(path.mount())?;
        let place = self.layout.repo_path(path, self.caller.owners())?;
        self.snapshot
            .get(&place)
            .cloned()
            .ok_or_else(|| not_found(path))
    }

    /// The files under a prefix by the caller's names, `shared/` first, in path order. Without a prefix all that the
    /// caller sees.
    pub fn list(&self, prefix: &VirtualPrefix) -> Result<Vec<(String, Arc<File>)>, Rejection> {
        let Some(mount) = prefix.mount() else {
            let mounts = self.caller.mounts();
            let listed = mounts
                .map(|mount| self.list_in(mount, ""))
                .collect::<Result<Vec<_>, _>>()?;
            return Ok(listed.into_iter().flatten().collect());
        };
        self.caller.require(mount)?;
        self.list_in(mount, prefix.rest())
    }

    fn list_in(&self, mount: Mount, rest: &str) -> Result<Vec<(String, Arc<File>)>, Rejection> {
        let folder = self.layout.folder(mount, self.caller.owners())?;
        let from = format!("{folder}{rest}");
        let files = self.snapshot.under(&from).filter_map(|(path, file)| {
            let after = path.as_str().strip_prefix(&from)?;
            // "user/no" is not the front of "user/notes.md": a whole mount, that very file, or what lies inside.
            let is_meant = rest.is_empty() || after.is_empty() || after.starts_with('/');
            is_meant.then(|| (format!("{mount}/{rest}{after}"), file.clone()))
        });
        Ok(files.collect())
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            precondition: Precondition::Any,
            reason: None,
            idempotency_key: None,
        }
    }
}

/// What tells one request of one caller from every other. Who repeats all parts means the same request.
pub fn idempotency_key(caller: &Caller, request: &[&[u8]]) -> String {
    let owner = |id: Option<&str>| id.map_or(Vec::new(), |id| [b"=", id.as_bytes()].concat());
    let user = owner(caller.user.as_ref().map(|id| id.as_str()));
    let team = owner(caller.team.as_ref().map(|id| id.as_str()));
    let parts: Vec<&[u8]> = [&*user, &*team]
        .into_iter()
        .chain(request.iter().copied())
        .collect();
    Digest::of_parts(&parts).to_string()
}

fn not_found(path: &VirtualPath) -> Rejection {
    Rejection::FileNotFound {
        path: path.to_string(),
    }
}

/// A value that ends up in a commit message is refused rather than cut.
fn check_message_value(value: &str) -> Result<(), Rejection> {
    let (bound, limit) = ("message_value_bytes_max", MESSAGE_VALUE_BYTES_MAX);
    match value.len() {
        size if size > limit => Err(Rejection::TooLarge { bound, limit, size }),
        _ => Ok(()),
    }
}

/// An id, `HEAD~2` or a branch. Git's further ways to name a commit search messages or read the reflog, which is
/// nothing that a request should make it do.
fn plain_revision(name: &str) -> Result<&str, Rejection> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_.-~^".contains(&byte);
    match name.len() <= 200 && name.bytes().all(is_plain) {
        true => Ok(name),
        false => Err(Rejection::validation(
            "A revision is a commit id, HEAD, HEAD~2 or a branch",
        )),
    }
}
