//! Looking at files: which there are, and what one says.

use serde::{Deserialize, Serialize};

use super::names::{Names, OnBehalf, is_within};
use crate::api::memory::Memory;
use crate::backend::clock;
use crate::model::error::{Error, Rejection};
use crate::model::object::{BlobId, Revision};
use crate::model::snapshot::Snapshot;

/// Asks which files there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct List {
    /// Whose view.
    #[serde(flatten)]
    pub on_behalf: OnBehalf,
    /// A folder or a file; everything without one.
    pub prefix: Option<String>,
}

/// The files of a [`List`], in path order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listing {
    /// The revision they are of.
    pub revision: Revision,
    /// Each of them.
    pub files: Vec<ListedFile>,
}

/// One file of a [`Listing`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedFile {
    /// Its name in the view that was asked for.
    pub path: String,
    /// The id of its text.
    pub blob_id: BlobId,
    /// The size of its text.
    pub bytes: usize,
    /// The newest commit that changed it.
    pub revision: Revision,
    /// When that was.
    pub updated_at: String,
}

/// Asks for the text of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Read {
    /// Whose view.
    #[serde(flatten)]
    pub on_behalf: OnBehalf,
    /// Which file.
    pub path: String,
    /// An earlier revision; the newest without one.
    pub revision: Option<String>,
}

/// One file at one revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadFile {
    /// Its name in the view that was asked for.
    pub path: String,
    /// The revision that was read.
    pub revision: Revision,
    /// The id of its text.
    pub blob_id: BlobId,
    /// Its text.
    pub text: String,
}

impl List {
    pub(super) fn run(self, memory: &Memory) -> Result<Listing, Error> {
        let store = memory.store();
        let names = self.on_behalf.names(store.layout())?;
        let snapshot = store.snapshot();
        let places = names.places(self.prefix.as_deref())?;
        let files = places
            .iter()
            .flat_map(|place| listed(&snapshot, &names, place))
            .collect();
        Ok(Listing {
            revision: snapshot.revision,
            files,
        })
    }
}

impl Read {
    pub(super) fn run(self, memory: &Memory) -> Result<ReadFile, Error> {
        let store = memory.store();
        let target = self.on_behalf.names(store.layout())?.target(&self.path)?;
        let missing = || Rejection::FileNotFound {
            path: self.path.clone(),
        };
        let (revision, blob_id, text) = match &self.revision {
            None => {
                let snapshot = store.snapshot();
                let file = snapshot.get(&target.path).ok_or_else(missing)?;
                (snapshot.revision, file.blob, file.text.clone())
            }
            Some(name) => {
                let revision = resolve(memory, name)?;
                let (blob, text) = store.text_at(revision, &target.path)?.ok_or_else(missing)?;
                (revision, blob, text)
            }
        };
        Ok(ReadFile {
            path: target.name,
            revision,
            blob_id,
            text: text.to_string(),
        })
    }
}

/// The commit that a person's name for it means. Refuses a name that means none.
pub(super) fn resolve(memory: &Memory, name: &str) -> Result<Revision, Error> {
    let unknown = || Rejection::RevisionNotFound {
        revision: name.to_owned(),
    };
    Ok(memory.store().resolve(name)?.ok_or_else(unknown)?)
}

fn listed(snapshot: &Snapshot, names: &Names, place: &str) -> Vec<ListedFile> {
    let files = snapshot
        .under(place)
        .filter(|(path, _)| is_within(path, place));
    files
        .filter_map(|(path, file)| {
            Some(ListedFile {
                path: names.name(path)?,
                blob_id: file.blob,
                bytes: file.text.len(),
                revision: file.revision,
                updated_at: clock::iso(file.updated_at),
            })
        })
        .collect()
}
