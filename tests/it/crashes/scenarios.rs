//! What happens before the power goes.

use memoryd::backend::disk::{Operation, Place, Root};
use memoryd::model::edit::Step;

use super::stage::Stage;
use crate::scene::target;

const INDEX: &str = "shared/index.md";
const ALICE: &str = "user/alice/profile.md";

/// What happens, and what has to have happened before.
#[derive(Clone, Copy)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) prepare: fn(&mut Stage),
    pub(super) play: fn(&mut Stage),
}

/// All of them.
pub(super) const SCENARIOS: [Scenario; 12] = [
    Scenario {
        name: "first start",
        prepare: |_| {},
        play: Stage::start,
    },
    Scenario {
        name: "one write",
        prepare: Stage::start,
        play: one_write,
    },
    Scenario {
        name: "ten writes at once",
        prepare: Stage::start,
        play: ten_writes,
    },
    Scenario {
        name: "rename",
        prepare: Stage::start,
        play: rename,
    },
    Scenario {
        name: "delete",
        prepare: Stage::start,
        play: delete,
    },
    Scenario {
        name: "a save",
        prepare: Stage::start,
        play: save,
    },
    Scenario {
        name: "a save races a write",
        prepare: Stage::start,
        play: race,
    },
    Scenario {
        name: "a person's commit",
        prepare: Stage::start,
        play: commit,
    },
    Scenario {
        name: "a person's commit beside writes",
        prepare: Stage::start,
        play: commit_beside_writes,
    },
    Scenario {
        name: "a reset under writes",
        prepare: Stage::start,
        play: reset_under_writes,
    },
    Scenario {
        name: "publish without show, then show",
        prepare: Stage::start,
        play: hold,
    },
    Scenario {
        name: "stop and start",
        prepare: Stage::start,
        play: stop_and_start,
    },
];

fn one_write(stage: &mut Stage) {
    stage.write(ALICE, "# Alice\n\nLives in Mumbai.\n");
    stage.settle();
}

fn ten_writes(stage: &mut Stage) {
    let mut answers = Vec::new();
    for number in 0..10 {
        let (path, text) = (
            format!("user/u{}/notes.md", number % 7),
            format!("# Notes\n\n- {number}\n"),
        );
        let step = Step::Write {
            target: target(&path),
            text: text.as_str().into(),
        };
        answers.push(stage.submit(vec![step], &[(&path, Some(&text))]));
    }
    answers.into_iter().for_each(|wait| wait());
    stage.settle();
}

fn rename(stage: &mut Stage) {
    stage.rename("user/bob/profile.md", "user/bob/archive/me.md", "# Bob\n");
    stage.settle();
    stage.write("user/bob/archive/me.md", "# Bob, renamed\n");
    stage.settle();
}

fn delete(stage: &mut Stage) {
    stage.delete("user/bob/profile.md");
    stage.settle();
    stage.write("user/bob/profile.md", "# Bob again\n");
    stage.settle();
}

fn save(stage: &mut Stage) {
    stage.save(INDEX, "# Index\n\n- one\n\n- two\n\n- three\n\n- by hand\n");
    stage.save("shared/new.md", "# New, by hand\n");
    stage.wait(Stage::is_settled);
}

/// The agent changes the first line while a person changes the last.
fn race(stage: &mut Stage) {
    const AGENT: &str = "# Index of the agent\n\n- one\n\n- two\n\n- three\n";
    const PERSON: &str = "# Index\n\n- one\n\n- two\n\n- three, by hand\n";
    const BOTH: &str = "# Index of the agent\n\n- one\n\n- two\n\n- three, by hand\n";
    let is_swap = |operation: &Operation<'_>| match operation {
        Operation::Exchange { one, other } => [one, other].contains(&&Place(Root::Folder, INDEX)),
        _ => false,
    };
    stage.claim(&[(INDEX, Some(PERSON))]);
    let agent = stage.claim(&[(INDEX, Some(AGENT))]);
    let both = stage.claim(&[(INDEX, Some(BOTH))]);
    stage.ambush(is_swap, INDEX, PERSON);
    let write = Step::Write {
        target: target(INDEX),
        text: AGENT.into(),
    };
    stage.submit_claimed(vec![write], agent)();
    stage.wait(|stage| stage.scene.try_read(INDEX).as_deref() == Some(BOTH));
    if stage.tape.has_struck() && stage.claims().is_promised(agent) {
        stage.promise(both);
    }
    stage.settle();
}

fn commit(stage: &mut Stage) {
    stage.commit("shared/domain.md", "# Domain by hand\n");
    stage.wait(Stage::is_settled);
    stage.write(ALICE, "# Alice, after the commit\n");
    stage.settle();
}

fn commit_beside_writes(stage: &mut Stage) {
    stage.hold();
    stage.write(ALICE, "# Alice, not shown\n");
    stage.commit("shared/domain.md", "# Domain by hand\n");
    stage.wait(Stage::has_followed);
    stage.release();
    stage.settle();
}

fn reset_under_writes(stage: &mut Stage) {
    stage.write("shared/domain.md", "# Domain, shown and dropped\n");
    stage.settle();
    // Who takes the branch back to where the daemon noted it last has not moved it.
    let is_shown = stage.is_settled();
    if !stage.hold() {
        return;
    }
    stage.write(ALICE, "# Alice, not shown\n");
    let dropped = stage.claim(&[("shared/domain.md", Some("# Domain\n"))]);
    let mut is_reset = false;
    stage.tape.people(|| {
        let reset = stage
            .scene
            .try_git(&["reset", "-q", "--hard", "HEAD^{/Start}"]);
        is_reset = reset.status.success();
    });
    if is_shown && is_reset {
        stage.promise(dropped);
    }
    stage.wait(Stage::has_followed);
    stage.release();
    stage.settle();
}

fn hold(stage: &mut Stage) {
    stage.hold();
    stage.write(ALICE, "# Alice, held\n");
    stage.write("user/alice/projects.md", "# Projects, held\n");
    stage.delete("shared/domain.md");
    stage.wait(Stage::is_published);
    stage.release();
    stage.settle();
}

fn stop_and_start(stage: &mut Stage) {
    stage.write(ALICE, "# Alice, then a stop\n");
    stage.stop();
    stage.start();
    stage.write(ALICE, "# Alice, after a start\n");
    stage.settle();
}
