//! What agents and a person may do to a memory, and a random choice of it.

use memoryd::model::edit::{Edit, Precondition, Step};
use memoryd::model::object::hash_blob;
use memoryd::model::patch::Patch;

use crate::chance::Chance;
use crate::scene::{edit, target};

/// Few enough that edits meet. Some cannot stand beside each other.
const PATHS: [&str; 8] = [
    "shared/index.md",
    "shared/domain.md",
    "user/alice/profile.md",
    "user/alice/projects.md",
    "user/bob/profile.md",
    "team/sales/notes.md",
    "team/sales/Notes.md",
    "user/bob/profile.md/nested.md",
];
/// The paths that a person may save: none is in the way of another.
const SAVED: usize = 6;

/// One step of a script.
#[derive(Debug)]
pub(super) enum Deed {
    /// Agents' edits, queued at once.
    Edits(Vec<Edit>),
    /// A person saves a file, and no git command follows before the daemon has seen it.
    Save(&'static str, String),
    /// A person moves the branch; the edits are acknowledged before and have not been shown.
    Move(Vec<Edit>, Move),
    /// The edits are acknowledged while a person is on another branch.
    Elsewhere(Vec<Edit>, Option<(&'static str, String)>),
    /// The daemon is stopped and started, the edits not shown before.
    Restart(Vec<Edit>),
}

/// Where a person moves the branch.
#[derive(Debug)]
pub(super) enum Move {
    /// On, by a commit of a file.
    Commit(&'static str, String),
    /// To a commit instead of the last one.
    Amend,
    /// Back by some commits, for good.
    Reset(usize),
    /// Back by some commits, and on by one of a file.
    Fork(usize, &'static str, String),
}

/// The next step.
pub(super) fn deed(chance: &mut Chance, step: i64) -> Deed {
    match chance.below(20) {
        0..=9 => Deed::Edits((0..chance.below(6) + 1).map(|_| wish(chance)).collect()),
        10 | 11 => Deed::Save(saved(chance), text(chance, step)),
        12..=15 => Deed::Move(unshown(chance), a_move(chance, step)),
        16 | 17 => {
            let commit = chance
                .one_in(2)
                .then(|| (saved(chance), text(chance, step)));
            Deed::Elsewhere(unshown(chance), commit)
        }
        _ => Deed::Restart(unshown(chance)),
    }
}

/// An edit that is refused, but not while the daemon believes that a person is saving one of the files: an edit of such a
/// file waits for a moment, and others overtake it.
pub(super) fn refused() -> Edit {
    let steps = PATHS.map(|path| {
        (
            Step::Delete {
                target: target(path),
            },
            never(),
        )
    });
    Edit {
        steps: steps.into(),
        ..edit(Step::Delete {
            target: target(PATHS[0]),
        })
    }
}

/// What no file of a script fulfils.
fn never() -> Precondition {
    Precondition::MustMatch(hash_blob(b"nothing has this text\n").unwrap())
}

fn unshown(chance: &mut Chance) -> Vec<Edit> {
    (0..chance.below(4)).map(|_| wish(chance)).collect()
}

fn a_move(chance: &mut Chance, step: i64) -> Move {
    match chance.below(8) {
        0..=3 => Move::Commit(saved(chance), text(chance, step)),
        4 => Move::Amend,
        5 | 6 => Move::Reset(chance.below(4) + 1),
        _ => Move::Fork(chance.below(3) + 1, saved(chance), text(chance, step)),
    }
}

/// An edit of one to three steps; many are refused.
fn wish(chance: &mut Chance) -> Edit {
    let steps = if chance.one_in(5) {
        chance.below(3) + 1
    } else {
        1
    };
    let steps = (0..steps)
        .map(|_| (step(chance), precondition(chance)))
        .collect();
    let mut wish = Edit {
        steps,
        ..edit(step(chance))
    };
    wish.provenance.reason = chance
        .one_in(3)
        .then(|| format!("reason {}", chance.below(9)));
    wish.provenance.idempotency_key = chance
        .one_in(4)
        .then(|| format!("key-{}", chance.below(12)));
    wish
}

fn step(chance: &mut Chance) -> Step {
    let path = target(chance.pick::<&str>(&PATHS));
    match chance.below(8) {
        0..=2 => Step::Write {
            target: path,
            text: text(chance, 0).into(),
        },
        3 | 4 => {
            let lines = vec![format!("- fact {}", chance.below(50))];
            let after_heading = chance.one_in(3).then(|| "## Facts".to_owned());
            Step::Patch {
                target: path,
                patch: Patch::AppendLines {
                    lines,
                    after_heading,
                },
            }
        }
        5 => {
            let (find, replacement) = (
                format!("line {}", chance.below(6)),
                format!("changed {}", chance.below(50)),
            );
            Step::Patch {
                target: path,
                patch: Patch::ReplaceLines { find, replacement },
            }
        }
        6 => Step::Delete { target: path },
        _ => Step::Rename {
            target: path,
            to: target(chance.pick::<&str>(&PATHS)),
        },
    }
}

fn precondition(chance: &mut Chance) -> Precondition {
    match chance.below(12) {
        0 => Precondition::MustNotExist,
        1 => never(),
        _ => Precondition::Any,
    }
}

fn saved(chance: &mut Chance) -> &'static str {
    let path: &&str = chance.pick(&PATHS[..SAVED]);
    path
}

/// A text that shares most lines with the others, so that merges succeed and fail.
fn text(chance: &mut Chance, step: i64) -> String {
    let mut text = String::from("# Title\n\n## Facts\n");
    for line in 0..6 {
        match chance.below(6) {
            0 => text.push_str(&format!(
                "line {line}, said at {step}, {}\n",
                chance.below(1000)
            )),
            _ => text.push_str(&format!("line {line}\n\n")),
        }
    }
    text
}
