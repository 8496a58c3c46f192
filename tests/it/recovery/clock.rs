//! Clocks that jump: two days back, ten years ahead. Nothing is lost, and nothing waits for the old time to come again.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use memoryd::model::edit::Step;
use memoryd::store::Wait;

use super::{ALICE, FILES, INDEX, assert_serves};
use crate::scene::{Scene, edit, target};

const START: i64 = 1_700_000_000;
const DAY: i64 = 86_400;
const TEN_YEARS: i64 = 3_652 * DAY;

fn at(time: i64) -> (Scene, Arc<AtomicI64>) {
    let time = Arc::new(AtomicI64::new(time));
    let mut scene = Scene::in_memory(&FILES);
    scene.time = Some(Arc::clone(&time));
    scene.start();
    (scene, time)
}

fn committed_at(scene: &Scene) -> i64 {
    scene
        .git(&["log", "-1", "--format=%ct", "main"])
        .parse()
        .unwrap()
}

#[test]
fn commits_bear_the_clocks_time_after_any_jump() {
    // The files of the first commit are made at the real time, which is long after.
    let (scene, time) = at(START);
    for (jump, text) in [
        (0, "now"),
        (-2 * DAY, "back"),
        (TEN_YEARS, "ahead"),
        (-TEN_YEARS, "home"),
    ] {
        let now = time.fetch_add(jump, Ordering::Relaxed) + jump;
        scene.write(ALICE, &format!("# Alice, {text}\n")).unwrap();
        assert_eq!(committed_at(&scene), now, "{text}");
    }
    assert_serves(&scene, &[(ALICE, "# Alice, home\n"), (INDEX, "# Index\n")]);
}

#[test]
fn a_clock_that_is_put_right_by_a_little_makes_no_commit_older_than_its_parent() {
    let (scene, time) = at(START);
    scene.write(ALICE, "# Alice, one\n").unwrap();
    time.fetch_sub(60, Ordering::Relaxed);
    scene.write(ALICE, "# Alice, two\n").unwrap();
    assert_eq!(committed_at(&scene), START);
}

#[test]
fn a_memory_is_served_again_after_a_jump_over_a_restart() {
    let (mut scene, time) = at(START);
    for jump in [-2 * DAY, TEN_YEARS, -TEN_YEARS] {
        let text = format!("# Alice before {jump}\n");
        scene.write(ALICE, &text).unwrap();
        scene.stop();
        time.fetch_add(jump, Ordering::Relaxed);
        scene.start();
        assert_serves(&scene, &[(ALICE, &text), (INDEX, "# Index\n")]);
    }
}

#[test]
fn a_retry_after_a_jump_is_the_same_request() {
    let (mut scene, time) = at(START);
    let keyed = |scene: &Scene| {
        let mut wish = edit(Step::Write {
            target: target(ALICE),
            text: "# Alice, once\n".into(),
        });
        wish.provenance.idempotency_key = Some("the-same".to_owned());
        scene.store().write(wish, Wait::Published).unwrap()
    };
    let first = keyed(&scene);
    for jump in [-2 * DAY, TEN_YEARS] {
        time.fetch_add(jump, Ordering::Relaxed);
        let again = keyed(&scene);
        assert!(again.replayed, "{jump}");
        assert_eq!(again.revision, first.revision);
        scene.stop();
        scene.start();
        assert!(keyed(&scene).replayed, "after a restart, {jump}");
    }
    assert_eq!(
        scene.git(&["rev-list", "--count", "main", "--", ALICE]),
        "2"
    );
}

/// A hold lasts ten minutes at the most, whatever the clock says when they are over.
#[test]
fn no_hold_outlasts_a_clock_that_was_set_back() {
    for jump in [2 * DAY, TEN_YEARS, -2 * DAY] {
        let (scene, _) = at(START);
        scene.store().hold("a test", 600).unwrap();
        scene.eventually("it holds", |scene| scene.store().status().paused.is_some());
        let now = SystemTime::now();
        let by = Duration::from_secs(u64::try_from(jump.abs()).unwrap());
        let begun = if jump < 0 { now - by } else { now + by };
        let hold = std::fs::File::open(scene.at(".git/memoryd/hold")).unwrap();
        hold.set_modified(begun).unwrap();
        let write = Step::Write {
            target: target(ALICE),
            text: "# Alice, after the hold\n".into(),
        };
        scene
            .store()
            .write(edit(write), Wait::Acknowledged)
            .unwrap();
        scene.eventually("it is shown", |scene| {
            scene.on_disk(ALICE).as_deref() == Some("# Alice, after the hold\n")
        });
    }
}
