//! What a writer gets back, and the memory of it that makes a retry safe.

use std::collections::{HashMap, VecDeque};

use crate::backend::git::Git;
use crate::model::edit::Outcome;
use crate::model::error::Fault;
use crate::model::history::Difference;
use crate::model::limits::{RECEIPTS_FROM_HISTORY_MAX, RECEIPTS_MAX};
use crate::model::message::{Message, Trailer};
use crate::model::object::{BlobId, Revision};
use crate::model::screening::{Flag, of_one_line};
use crate::model::snapshot::{Seconds, Snapshot};
use crate::store::shared::Shared;

/// How long a writer waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Until the write is durable; and until it is shown, as long as shows are not being paced.
    Acknowledged,
    /// Until branch, files and git index show it too, at most 5 s.
    Published,
}

/// What a writer gets back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The commit; of an edit that changed nothing the head it was judged against.
    pub revision: Revision,
    /// When it was made.
    pub committed_at: Seconds,
    /// What became of each step.
    pub outcomes: Vec<Outcome>,
    /// What was found in the texts that it adds, and let in.
    pub flags: Vec<Flag>,
    /// Whether the branch, the files and the git index show it already.
    pub published: bool,
    /// Whether this is the receipt of an earlier request with the same key.
    pub replayed: bool,
}

/// The receipts of requests that bore a key, the newest [`RECEIPTS_MAX`] of them.
#[derive(Default)]
pub(crate) struct Receipts {
    /// Each with the number of its commit, by which a retry is told whether that one is shown.
    by_key: HashMap<String, (u64, Receipt)>,
    order: VecDeque<String>,
}

impl Receipts {
    /// The receipts that the newest commits bear in their trailers.
    pub(crate) fn from_history(
        git: &Git,
        shared: &Shared,
        newest: Revision,
    ) -> Result<Self, Fault> {
        let mut receipts = Self::default();
        if newest == Snapshot::empty().revision {
            return Ok(receipts);
        }
        for revision in git
            .first_parents(newest, RECEIPTS_FROM_HISTORY_MAX)?
            .into_iter()
            .rev()
        {
            let facts = git.known_commit(revision)?;
            let message = Message::parse(&facts.message);
            let Some(key) = message
                .value(Trailer::IdempotencyKey)
                .filter(|_| git.is_own(&facts))
            else {
                continue;
            };
            // A rename was told of its file under the new name only.
            let is_rename = message.value(Trailer::Op) == Some("rename");
            let changes = git.differences(facts.parents.first().copied(), revision)?;
            let outcomes = changes
                .iter()
                .filter(|change| !is_rename || change.new.is_some())
                .filter_map(|change| outcome(change, shared))
                .collect();
            let committed_at = facts.committed_at;
            let flags = message
                .value(Trailer::Flags)
                .map_or_else(Vec::new, of_one_line);
            let receipt = Receipt {
                revision,
                committed_at,
                outcomes,
                flags,
                published: true,
                replayed: false,
            };
            receipts.keep(key.to_owned(), 0, receipt);
        }
        Ok(receipts)
    }

    /// The receipt of the first request with this key.
    pub(crate) fn find(&self, key: &str) -> Option<(u64, Receipt)> {
        self.by_key.get(key).cloned()
    }

    /// Remembers a receipt that has become durable.
    pub(crate) fn keep(&mut self, key: String, sequence: u64, receipt: Receipt) {
        let kept = (sequence, receipt);
        if self.by_key.insert(key.clone(), kept).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > RECEIPTS_MAX {
            self.order
                .pop_front()
                .map(|oldest| self.by_key.remove(&oldest));
        }
    }
}

fn outcome(change: &Difference, shared: &Shared) -> Option<Outcome> {
    let path = change.served()?;
    let name = shared
        .layout
        .virtual_path(&path)
        .map_or(path.to_string(), |path| path.to_string());
    let blob = |leaf: crate::model::tree::Leaf| BlobId(leaf.id);
    Some(Outcome {
        name,
        before: change.old.map(blob),
        after: change.new.map(blob),
    })
}
