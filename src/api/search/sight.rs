//! What a caller sees of a memory, as places to search.

use crate::backend::search_index::Stretch;
use crate::model::caller::Caller;
use crate::model::error::Rejection;
use crate::model::path::{Layout, Mount, Owners, RepoPath, VirtualPrefix};
use crate::model::snapshot::{File, Snapshot};

use super::base::scope_key;

/// The places that a search is about, and what the caller calls them.
#[derive(Debug, Clone)]
pub struct Sight {
    places: Vec<Place>,
    stretch: Stretch,
}

/// A folder with a slash at its end, or everything.
#[derive(Debug, Clone)]
struct Place {
    /// In the repository.
    folder: String,
    /// As the caller calls it.
    name: String,
    /// The part of it that is meant, below the folder: a folder or a file, or all.
    rest: String,
}

impl Sight {
    /// What a caller sees under a prefix; everything of theirs without one. Refuses a prefix that is not the caller's.
    pub fn of(layout: Layout, caller: &Caller, prefix: &VirtualPrefix) -> Result<Self, Rejection> {
        if let Some(mount) = prefix.mount() {
            caller.require(mount)?;
        }
        Self::of_owners(layout, caller.owners(), prefix)
    }

    /// What belongs to some owners, and `shared/`, under a prefix. Refuses a prefix whose owner is not named.
    pub fn of_owners(
        layout: Layout,
        owners: Owners<'_>,
        prefix: &VirtualPrefix,
    ) -> Result<Self, Rejection> {
        let place = |mount: Mount| -> Result<Place, Rejection> {
            Ok(Place {
                folder: layout.folder(mount, owners)?,
                name: format!("{mount}/"),
                rest: prefix.rest().to_owned(),
            })
        };
        let places: Vec<_> = match prefix.mount() {
            Some(mount) => vec![place(mount)?],
            None => Mount::ALL
                .into_iter()
                .flat_map(|mount| place(mount).ok())
                .collect(),
        };
        let scopes = places
            .iter()
            .map(|place| scope_key(&place.folder))
            .collect();
        Ok(Self {
            places,
            stretch: Stretch::Scopes(scopes),
        })
    }

    /// The whole repository, or a folder or a file of it, by its own names.
    pub fn repository(prefix: &str) -> Self {
        let place = Place {
            folder: String::new(),
            name: String::new(),
            rest: prefix.to_owned(),
        };
        Self {
            places: vec![place],
            stretch: Stretch::Everything,
        }
    }

    pub(super) fn stretch(&self) -> &Stretch {
        &self.stretch
    }

    /// What the caller calls a file; none when it is out of sight.
    pub(in crate::api) fn name(&self, path: &RepoPath) -> Option<String> {
        self.places.iter().find_map(|place| {
            let below = path.as_str().strip_prefix(&place.folder)?;
            let after = below.strip_prefix(&place.rest)?;
            let is_meant = place.rest.is_empty() || after.is_empty() || after.starts_with('/');
            is_meant.then(|| format!("{}{below}", place.name))
        })
    }

    /// The folders, with a slash at their ends; an empty one is everything.
    pub(super) fn folders(&self) -> impl Iterator<Item = &str> {
        self.places.iter().map(|place| place.folder.as_str())
    }

    /// The files in sight.
    pub(in crate::api) fn files<'a>(
        &'a self,
        snapshot: &'a Snapshot,
    ) -> impl Iterator<Item = (&'a RepoPath, &'a std::sync::Arc<File>)> {
        let folders = self
            .places
            .iter()
            .flat_map(|place| snapshot.under(&place.folder));
        folders.filter(|(path, _)| self.name(path).is_some())
    }
}
