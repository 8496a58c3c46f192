//! How the memory is, and holding it still.

use serde::{Deserialize, Serialize};

use super::names::{Names, OnBehalf};
use crate::api::check::{Finding, check};
use crate::api::memory::Memory;
use crate::model::error::{Error, Rejection};
use crate::model::limits::HOLD_SECONDS_MAX;
use crate::model::object::Revision;
use crate::model::path::RepoPath;

/// Asks how the store is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {}

/// Asks what is likely a mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Whose view: findings in other files are left out.
    #[serde(flatten)]
    pub on_behalf: OnBehalf,
}

/// What a [`Check`] found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// The revision that was read.
    pub revision: Revision,
    /// How many files it has.
    pub files: usize,
    /// What is likely a mistake, in the order of paths and lines.
    pub findings: Vec<Finding>,
}

/// Has the store leave branch, files and git index alone for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// For how long, unless it is released before.
    pub seconds: u64,
}

/// Ends a hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {}

/// Whether the store holds still now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// For how long; none when it does not.
    pub seconds: Option<u64>,
}

impl Check {
    pub(super) fn run(self, memory: &Memory) -> Result<Checked, Error> {
        let store = memory.store();
        let names = self.on_behalf.names(store.layout())?;
        let snapshot = store.snapshot();
        let found = check(
            &snapshot,
            store.layout(),
            memory.settings().limits.file_bytes_max,
            memory.settings().screening,
        );
        let findings = found
            .into_iter()
            .filter_map(|finding| seen(&names, finding))
            .collect();
        Ok(Checked {
            revision: snapshot.revision,
            files: snapshot.len(),
            findings,
        })
    }
}

impl Hold {
    pub(super) fn run(self, memory: &Memory) -> Result<Holding, Error> {
        if HOLD_SECONDS_MAX < self.seconds || self.seconds == 0 {
            let message = format!("A hold lasts from 1 to {HOLD_SECONDS_MAX} seconds");
            return Err(Rejection::validation(message).into());
        }
        memory
            .store()
            .hold(memory.store().person().name(), self.seconds)?;
        Ok(Holding {
            seconds: Some(self.seconds),
        })
    }
}

impl Release {
    pub(super) fn run(self, memory: &Memory) -> Result<Holding, Error> {
        memory.store().release()?;
        Ok(Holding { seconds: None })
    }
}

fn seen(names: &Names, finding: Finding) -> Option<Finding> {
    let path = names.name(&RepoPath::parse(&finding.path).ok()?)?;
    Some(Finding { path, ..finding })
}
