//! How many tokens each text has, counted once.

use std::sync::{Mutex, PoisonError};

use super::generations::Generations;
use crate::backend::tokens;
use crate::model::limits::TOKEN_COUNTS_MAX;
use crate::model::object::BlobId;
use crate::model::snapshot::File;

/// The counts by the texts' ids.
pub(super) struct TokenCounts(Mutex<Generations<BlobId, usize>>);

impl Default for TokenCounts {
    fn default() -> Self {
        Self(Mutex::new(Generations::new(TOKEN_COUNTS_MAX)))
    }
}

impl TokenCounts {
    /// The tokens of a file's whole text.
    pub(super) fn of(&self, file: &File) -> usize {
        // Whoever panicked with the lock left a map that is whole, and at worst lacks a count.
        let counts = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts().get(&file.blob) {
            return *count;
        }
        let count = tokens::count(&file.text);
        counts().insert(file.blob, count, 1);
        count
    }
}
