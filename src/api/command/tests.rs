//! Commands on a small memory, in one process.

use serde_json::{Value, json};

use super::*;
use crate::api::create::{Plan, Wishes};
use crate::api::memory::Settings;
use crate::backend::clock;
use crate::model::limits::SEGMENT_BYTES;
use crate::model::path::Layout;
use crate::store::{Durability, Options, Pacing, Store};

struct World {
    memory: Memory,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let wishes = Wishes {
            from: None,
            user_fanout: None,
        };
        Plan::new(folder.path(), wishes)
            .unwrap()
            .carry_out()
            .unwrap();
        let options = Options {
            durability: Durability::Git,
            layout: Layout::default(),
            branch: "main".to_owned(),
            clock: clock::system(),
            pacing: Pacing::FOR_PEOPLE,
            segment_bytes: SEGMENT_BYTES,
            witness: None,
        };
        let store = Store::open(folder.path(), options).unwrap();
        Self {
            memory: Memory::new(store, Settings::default()),
            folder,
        }
    }

    /// The result of a command that is given as it travels, or the code of the refusal.
    fn run(&self, command: Value) -> Result<Value, &'static str> {
        let command = serde_json::from_value(command).unwrap();
        match execute(&self.memory, command) {
            Ok(output) => Ok(serde_json::to_value(output).unwrap()["result"].take()),
            Err(Error::Rejected(rejection)) => Err(rejection.code()),
            Err(Error::Failed(fault)) => panic!("{fault}"),
        }
    }

    fn write(&self, path: &str, text: &str, user: Option<&str>) -> Result<Value, &'static str> {
        self.run(
            json!({ "verb": "write", "user": user, "path": path, "text": text,
            "reason": "because", "expected": "anything" }),
        )
    }

    fn paths(&self, command: Value) -> Vec<String> {
        let result = self.run(command).unwrap();
        let files = result["files"].as_array().unwrap().iter();
        files
            .map(|file| file["path"].as_str().unwrap().to_owned())
            .collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.memory.close().unwrap();
    }
}

#[test]
fn each_view_has_its_own_names_for_the_same_files() {
    let world = World::new();
    world.write("shared/a.md", "x\n", None).unwrap();
    world.write("user/ann/a.md", "x\n", None).unwrap();
    let written = world.write("user/b.md", "y\n", Some("ann")).unwrap();
    assert_eq!(
        (&written["path"], &written["outcome"]),
        (&json!("user/b.md"), &json!("created"))
    );
    assert_eq!(written["published"], json!(true));
    let standing = std::fs::read_to_string(world.folder.path().join("user/ann/b.md"));
    assert_eq!(standing.unwrap(), "y\n");
    let all = ["shared/a.md", "user/ann/a.md", "user/ann/b.md"];
    assert_eq!(world.paths(json!({ "verb": "list" })), all);
    let own = ["shared/a.md", "user/a.md", "user/b.md"];
    assert_eq!(world.paths(json!({ "verb": "list", "user": "ann" })), own);
    assert_eq!(
        world.paths(json!({ "verb": "list", "user": "bob" })),
        ["shared/a.md"]
    );
    assert_eq!(
        world.paths(json!({ "verb": "list", "prefix": "user/ann/b.md" })),
        ["user/ann/b.md"]
    );
    let read = |user| world.run(json!({ "verb": "read", "user": user, "path": "user/b.md" }));
    assert_eq!(read("ann").unwrap()["text"], "y\n");
    assert_eq!(read("bob"), Err("FILE_NOT_FOUND"));
}

#[test]
fn an_edit_holds_to_what_was_expected() {
    let world = World::new();
    let blob = world.write("shared/a.md", "one\n", None).unwrap()["blobId"].clone();
    let patch = json!({ "append": { "lines": ["two"], "afterHeading": null } });
    let patch = |expected: Value| {
        world.run(
            json!({ "verb": "patch", "path": "shared/a.md", "lines": patch, "reason": null,
            "expected": expected }),
        )
    };
    assert_eq!(patch(json!("noFile")), Err("FILE_EXISTS"));
    assert_eq!(
        patch(json!({ "text": blob })).unwrap()["outcome"],
        "changed"
    );
    assert_eq!(patch(json!({ "text": blob })), Err("PRECONDITION_FAILED"));
    assert_eq!(patch(json!("anything")).unwrap()["outcome"], "unchanged");
    let rename = |to| {
        world.run(
            json!({ "verb": "rename", "from": "shared/a.md", "to": to, "reason": null,
            "expected": "anything" }),
        )
    };
    assert_eq!(rename("shared/b.md").unwrap()["outcome"], "renamed");
    assert_eq!(rename("shared/c.md"), Err("FILE_NOT_FOUND"));
}

#[test]
fn history_is_told_to_each_view() {
    let world = World::new();
    world.write("shared/a.md", "x\n", None).unwrap();
    world.write("user/a.md", "x\n", Some("ann")).unwrap();
    world.write("user/a.md", "x\n", Some("bob")).unwrap();
    let log = |user: Option<&str>| {
        let log = world
            .run(json!({ "verb": "log", "user": user, "path": null, "limit": 9 }))
            .unwrap();
        let subjects = log["commits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|commit| commit["subject"].clone());
        subjects
            .map(|subject| subject.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let bob = "Write user/bob/a.md: because";
    let (ann, shared) = ("Write user/ann/a.md: because", "Write shared/a.md: because");
    assert_eq!(log(None), [bob, ann, shared, "Start the memory"]);
    let mut own = log(Some("ann"));
    own.sort_unstable();
    assert_eq!(own, [shared, ann]);
    let diff = |command: Value| {
        world.run(command).unwrap()["diff"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let none = json!({ "verb": "diff", "path": null, "from": null, "to": null });
    assert!(diff(none).contains("+++ b/user/bob/a.md\n@@ -0,0 +1 @@\n+x\n"));
    let since = diff(
        json!({ "verb": "diff", "user": "ann", "path": "user", "from": "HEAD~3", "to": null }),
    );
    assert!(
        since.contains("user/ann/a.md") && !since.contains("shared") && !since.contains("bob"),
        "{since}"
    );
    let unknown = json!({ "verb": "diff", "path": null, "from": "never", "to": null });
    assert_eq!(world.run(unknown), Err("REVISION_NOT_FOUND"));
}

#[test]
fn findings_have_the_names_of_the_view() {
    let world = World::new();
    world
        .write("user/index.md", "[[user/gone.md]]\n", Some("ann"))
        .unwrap();
    let found = |user: Option<&str>| {
        let checked = world.run(json!({ "verb": "check", "user": user })).unwrap();
        checked["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|found| found["path"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(found(None), ["user/ann/index.md"]);
    assert_eq!(found(Some("ann")), ["user/index.md"]);
    assert_eq!(found(Some("bob")), [json!(null); 0]);
}

#[test]
fn the_block_is_the_one_that_doors_answer() {
    let world = World::new();
    world
        .write("shared/index.md", "Sell honestly.\n", None)
        .unwrap();
    let prompt = |profile: &str| {
        world.run(json!({ "verb": "prompt", "user": "ann", "profile": profile, "maxTokens": null }))
    };
    let block = prompt("mcp").unwrap();
    assert!(
        block["promptBlock"]
            .as_str()
            .unwrap()
            .contains("\nSell honestly.\n")
    );
    assert_eq!(prompt("surprise"), Err("VALIDATION_ERROR"));
}

#[test]
fn a_hold_has_a_bound() {
    let world = World::new();
    let hold = |seconds: u64| world.run(json!({ "verb": "hold", "seconds": seconds }));
    assert_eq!(hold(0), Err("VALIDATION_ERROR"));
    assert_eq!(hold(601), Err("VALIDATION_ERROR"));
    assert_eq!(hold(600).unwrap()["seconds"], 600);
    assert_eq!(
        world.run(json!({ "verb": "release" })).unwrap()["seconds"],
        json!(null)
    );
}
