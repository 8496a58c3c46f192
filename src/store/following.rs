//! Where people moved the branch, and how the head follows: their commits on top, or a history they rewrote.

use crate::backend::git::Git;
use crate::model::error::{Error, Fault};
use crate::model::history::Difference;
use crate::model::message::{Author, Message, Trailer};
use crate::model::object::{BlobId, Revision};
use crate::model::tree::Leaf;
use crate::store::adoption::Side;
use crate::store::head::{Head, NewFile, Plan, PlannedChange, text_in_git};

/// A branch that is not where the daemon left it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Following {
    /// Where it is now.
    pub(crate) branch: Revision,
    /// Where the daemon left it; nothing before the first show.
    pub(crate) shown: Option<Revision>,
}

/// The head has it.
pub(crate) struct Followed {
    /// The number of the commit that does; git may not have it yet.
    pub(crate) sequence: u64,
    /// Files where a person's commit and an agent's write changed the same lines: the person's text stands.
    pub(crate) conflicts: Vec<String>,
}

/// Whose side stands where both changed the same lines.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Favoured {
    /// The side that is brought in.
    Incoming,
    /// The side that stands in the head.
    Standing,
}

/// The merge of what people committed on top of `shown` into a head that has gone on meanwhile.
pub(crate) fn merge(
    head: &Head,
    git: &Git,
    following: Following,
) -> Result<(Plan, Vec<String>), Error> {
    let differences = git.differences(following.shown, following.branch)?;
    let (changes, conflicts) = bring_in(head, git, &differences, Favoured::Incoming)?;
    let message = Message::new("Merge what people committed")
        .with(Trailer::Op, "merge")
        .render();
    let plan = Plan {
        author: own_name(),
        message,
        merged: vec![following.branch],
        changes,
    };
    Ok((plan, conflicts))
}

/// What was acknowledged and never shown, as one commit on the history that people rewrote. Joining the histories
/// instead would silently undo their reset.
pub(crate) fn bring_back(
    head: &Head,
    git: &Git,
    shown: Option<Revision>,
    dropped: Revision,
) -> Result<(Option<Plan>, Vec<String>), Error> {
    let differences = git.differences(shown, dropped)?;
    let (changes, conflicts) = bring_in(head, git, &differences, Favoured::Standing)?;
    if changes.is_empty() {
        return Ok((None, conflicts));
    }
    let subject = "Bring back writes the rewritten branch had not seen";
    let message = Message::new(subject).with(Trailer::Op, "restore").render();
    Ok((
        Some(Plan {
            author: own_name(),
            message,
            merged: Vec::new(),
            changes,
        }),
        conflicts,
    ))
}

fn own_name() -> Author {
    Author::new("memoryd", "memoryd@localhost")
}

fn bring_in(
    head: &Head,
    git: &Git,
    differences: &[Difference],
    favoured: Favoured,
) -> Result<(Vec<PlannedChange>, Vec<String>), Error> {
    let mut changes = Vec::new();
    let mut conflicts = Vec::new();
    for difference in differences {
        let standing = head.leaf(&difference.path);
        if standing == difference.new {
            continue;
        }
        if standing == difference.old {
            changes.push(taken_over(git, difference)?);
            continue;
        }
        let (merged, conflicted) = both_changed(head, git, difference)?;
        if conflicted {
            conflicts.push(String::from_utf8_lossy(&difference.path).into_owned());
        }
        match merged {
            Some(change) if !conflicted => changes.push(change),
            Some(_) if favoured == Favoured::Incoming => changes.push(taken_over(git, difference)?),
            _ => {}
        }
    }
    Ok((changes, conflicts))
}

/// The incoming side as it is, text or not: git has its object already.
fn taken_over(git: &Git, difference: &Difference) -> Result<PlannedChange, Fault> {
    let file = |leaf: Leaf| -> Result<NewFile, Fault> {
        let blob = BlobId(leaf.id);
        let text = text_in_git(git, leaf.mode, blob)?.map(Into::into);
        Ok(NewFile {
            mode: leaf.mode,
            blob,
            text,
            in_git: true,
        })
    };
    let after = difference.new.map(file).transpose()?;
    Ok(PlannedChange {
        path: difference.path.clone(),
        after,
    })
}

fn both_changed(
    head: &Head,
    git: &Git,
    difference: &Difference,
) -> Result<(Option<PlannedChange>, bool), Error> {
    let theirs = match difference.new {
        None => None,
        Some(leaf) => match text_in_git(git, leaf.mode, BlobId(leaf.id))? {
            Some(text) => Some(text.into()),
            // Not a text: nothing to merge by lines.
            None => return Ok((Some(taken_over(git, difference)?), true)),
        },
    };
    let base = difference.old.map(|leaf| BlobId(leaf.id));
    Side {
        path: &difference.path,
        base,
        theirs,
    }
    .merge(head, git)
}
