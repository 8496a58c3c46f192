//! Bringing back what was acknowledged and is not in git yet.
//!
//! The journal tells the head's story: commits, each upon the one before it, and where the head went when people moved
//! the branch. `refs/memoryd/head` says how far git is in that story, so what comes after the record that leads there is
//! done again, and nothing else: what comes before may be what people have dropped since. A journal in which no record
//! leads there begins after it.
//!
//! The record of a move is durable before the move is made. So one on which nothing was built may not have been made;
//! it is left to whoever finds the branch away from the head. One on which a commit was built came with that commit.

use std::sync::Arc;

use crate::backend::disk::{Disk, Place, Root};
use crate::backend::git::Git;
use crate::backend::journal::{Condition, Journal};
use crate::model::error::{Doing, Error, Fault};
use crate::model::object::Revision;
use crate::store::head::{Committed, Head, Recorded};
use crate::store::journaled::{self, Journaled};
use crate::store::progress::Mark;
use crate::store::publisher::Publisher;
use crate::store::shared::{Durability, READ_ONLY, Shared};

/// A record of the journal, read.
enum Told {
    Commit { sequence: u64, recorded: Recorded },
    Moved(Revision),
}

impl Told {
    fn leads_to(&self) -> Revision {
        match self {
            Self::Commit { recorded, .. } => recorded.revision,
            Self::Moved(to) => *to,
        }
    }

    fn is_commit_upon(&self, parent: Revision) -> bool {
        matches!(self, Self::Commit { recorded, .. } if recorded.parent == parent)
    }
}

/// Brings back what was acknowledged and not published, and publishes it. Gives the head, the journal to go on with, and
/// the number of its last record.
pub(crate) fn replay(
    shared: &Arc<Shared>,
    git: &Git,
    mut head: Head,
    publisher: &mut Publisher,
) -> Result<(Head, Option<Journal>, u64), Error> {
    let open = || {
        let disk = Arc::clone(&shared.disk);
        Journal::open(disk, repository_id(&shared.disk)?, shared.segment_bytes)
    };
    let (mut journal, replay) = open()?;
    match replay.condition {
        Condition::Whole => {
            let records = replay
                .records
                .iter()
                .map(|record| told(record.sequence, &record.payload));
            do_again(
                records.collect::<Result<_, _>>()?,
                &mut head,
                git,
                publisher,
            )?;
        }
        Condition::Corrupt { .. } => {
            let reason =
                "the journal is damaged in its middle; .git/memoryd/journal is kept as it is"
                    .to_owned();
            shared.notices.say(READ_ONLY, reason);
        }
        Condition::Foreign { .. } | Condition::Gapped { .. } => {
            let path = Journal::set_aside(&shared.disk)?;
            shared.notices.say(
                "journal",
                format!("a journal that does not belong here is kept as .git/{path}"),
            );
            journal = open()?.0;
        }
    }
    let sequence = journal.next_sequence() - 1;
    let mark = Mark {
        sequence,
        revision: head.revision(),
    };
    shared.progress.set_published(mark);
    if shared.progress.shown().revision == mark.revision {
        shared.progress.set_shown(mark);
    }
    shared.snapshot.store(Arc::new(head.snapshot().clone()));
    let journal = match shared.durability {
        Durability::Journal => {
            journal.release(sequence);
            Some(journal)
        }
        // Its story would end before the head's, and who replays it later could not tell where.
        Durability::Git => {
            journal.remove_published()?;
            None
        }
    };
    Ok((head, journal, sequence))
}

/// Does again what git does not have, and has git have it.
fn do_again(
    records: Vec<Told>,
    head: &mut Head,
    git: &Git,
    publisher: &mut Publisher,
) -> Result<(), Fault> {
    let known = records
        .iter()
        .rposition(|told| told.leads_to() == head.revision());
    let mut records = records
        .into_iter()
        .skip(known.map_or(0, |known| known + 1))
        .peekable();
    let mut commits = Vec::new();
    while let Some(told) = records.next() {
        match told {
            Told::Moved(to) if records.peek().is_some_and(|next| next.is_commit_upon(to)) => {
                publish(publisher, std::mem::take(&mut commits))?;
                head.move_to(to, git)?;
            }
            Told::Moved(_) => {}
            Told::Commit { sequence, recorded } => {
                commits.extend(head.replay(sequence, recorded, git)?.map(Arc::new))
            }
        }
    }
    head.settle();
    publish(publisher, commits)
}

fn publish(publisher: &mut Publisher, commits: Vec<Arc<Committed>>) -> Result<(), Fault> {
    if !commits.is_empty() {
        tracing::info!(commits = commits.len(), "brought back from the journal");
    }
    publisher.publish(&commits)
}

fn told(sequence: u64, payload: &[u8]) -> Result<Told, Fault> {
    match journaled::read(payload) {
        Some(Journaled::Commit(record)) => Ok(Told::Commit {
            sequence,
            recorded: Recorded::read(record)?,
        }),
        Some(Journaled::Moved(to)) => Ok(Told::Moved(to)),
        None => Err(Fault::new(
            "replay the journal",
            "a record is of an unknown kind",
        )),
    }
}

/// A name for this repository that a copied journal does not share: made once, kept beside the journal.
fn repository_id(disk: &Disk) -> Result<[u8; 16], Fault> {
    let place = Place(Root::Git, "memoryd/id");
    let standing = disk.read(place).doing("read the repository's id")?;
    if let Some(id) = standing.and_then(|bytes| bytes.try_into().ok()) {
        return Ok(id);
    }
    let id = crate::backend::random::bytes::<16>()?;
    disk.replace(place, &id)
        .doing("write the repository's id")?;
    Ok(id)
}
