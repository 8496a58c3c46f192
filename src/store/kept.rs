//! `refs/memoryd/kept`: what people dropped from the branch after it was acknowledged, held so that no `git gc` takes it.
//!
//! One commit after another, each with the one before it and the dropped tips as parents. `git log refs/memoryd/kept`
//! shows them all.

use crate::backend::git::Git;
use crate::backend::pack::{Kind, PackWriter};
use crate::backend::packs;
use crate::backend::refs::{self, OwnRef};
use crate::model::error::Fault;
use crate::model::object::{Revision, hash_commit};
use crate::store::shared::Shared;

const KEPT: &str = "refs/memoryd/kept";

/// Makes sure that each of these commits stays reachable, durably.
pub(crate) fn keep(
    shared: &Shared,
    git: &Git,
    tips: impl IntoIterator<Item = Revision>,
) -> Result<(), Fault> {
    let mut kept = OwnRef::read(&shared.disk, KEPT)?;
    let previous = kept.at();
    let mut parents: Vec<Revision> = previous.into_iter().collect();
    for tip in tips {
        let is_kept = parents.iter().map(|parent| git.contains(*parent, tip));
        if !is_kept.collect::<Result<Vec<_>, _>>()?.contains(&true) {
            parents.push(tip);
        }
    }
    let Some(newest) = parents.last().filter(|newest| Some(**newest) != previous) else {
        // An earlier attempt may have failed at this very step.
        return refs::sync(&shared.disk, KEPT);
    };
    let mut text = format!("tree {}\n", git.known_commit(*newest)?.tree);
    parents
        .iter()
        .for_each(|parent| text.push_str(&format!("parent {parent}\n")));
    let now = (shared.clock)().seconds;
    for role in ["author", "committer"] {
        text.push_str(&format!("{role} memoryd <memoryd@localhost> {now} +0000\n"));
    }
    text.push_str("\nKeep what was dropped from the branch\n");
    let revision = hash_commit(text.as_bytes());
    let mut pack = PackWriter::new();
    pack.add(Kind::Commit, revision.0, text.as_bytes());
    let installed = packs::install(&shared.disk, pack.finish())?;
    kept.move_to(&shared.disk, revision)?;
    installed.verify()
}
