//! Listing, reading, writing, deleting and renaming through the tools: MemexAI's results and codes.

use serde_json::{Value, json};

use super::{is_moment, without_ids};
use crate::program::{Program, Request};

const INDEX: (&str, &str) = ("shared/index.md", "# Index\n");
const PROFILE: (&str, &str) = ("user/alice/profile.md", "# Alice\n");

#[test]
fn the_tools_are_listed_with_schemas_of_one_object() {
    let program = Program::serving(&[]);
    let tools = program.get("/v1/tools").of(200).json()["tools"].take();
    let names: Vec<_> = tools
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    let files = [
        "memory_search",
        "memory_list",
        "memory_read",
        "memory_write",
        "memory_patch",
        "memory_delete",
        "memory_rename",
        "memory_smart_read",
    ];
    assert_eq!(names, files);
    for tool in tools.as_array().unwrap() {
        let keys: Vec<_> = tool.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["name", "description", "inputSchema"]);
        assert_eq!(tool["inputSchema"]["additionalProperties"], false);
    }
    assert_eq!(
        program.get("/v1/tools?tools=files").of(200).json()["tools"],
        tools
    );
    program
        .get("/v1/tools?tools=knives")
        .refused(400, "VALIDATION_ERROR");
}

#[test]
fn a_file_is_made_replaced_read_renamed_and_removed() {
    let program = Program::serving(&[INDEX]);
    let written = |content: &str| {
        without_ids(program.tool(
            "memory_write",
            json!({ "path": "user/note.md", "content": content }),
        ))
    };
    let made =
        json!({ "path": "user/note.md", "created": true, "updated": false, "changed": true });
    assert_eq!(written("# Note\n"), made);
    let same =
        json!({ "path": "user/note.md", "created": false, "updated": true, "changed": false });
    assert_eq!(written("# Note\n"), same);
    let emptied =
        json!({ "path": "user/note.md", "created": false, "updated": true, "changed": true });
    assert_eq!(written(""), emptied);
    let mut read = without_ids(program.tool("memory_read", json!({ "path": "user/note.md" })));
    assert!(is_moment(&read["updatedAt"].take()), "{read}");
    assert_eq!(
        read,
        json!({ "path": "user/note.md", "content": "", "updatedAt": null })
    );
    let renamed = program.tool(
        "memory_rename",
        json!({ "from": "user/note.md", "to": "user/notes/first.md" }),
    );
    let expected = json!({ "from": "user/note.md", "to": "user/notes/first.md", "renamed": true });
    assert_eq!(without_ids(renamed), expected);
    let deleted = program.tool("memory_delete", json!({ "path": "user/notes/first.md" }));
    assert_eq!(
        without_ids(deleted),
        json!({ "path": "user/notes/first.md", "deleted": true })
    );
    // The start, and one commit for each change; the write of the same text was none.
    assert_eq!(program.git(&["rev-list", "--count", "main"]), "5");
    program.assert_clean();
}

#[test]
fn lists_are_sorted_and_sized_as_javascript_does() {
    let program = Program::serving(&[
        INDEX,
        ("shared/ops/refunds.md", "\u{1f600}\u{e9}\n"),
        PROFILE,
        ("user/alice/profile/old.md", "old\n"),
        ("user/bob/profile.md", "# Bob\n"),
        ("README.md", "Of the repository.\n"),
    ]);
    let list = |arguments: Value| {
        let mut answer = without_ids(program.tool("memory_list", arguments));
        let files = answer["files"].as_array_mut().unwrap().iter_mut();
        let files = files.map(|file| {
            assert!(is_moment(&file["updatedAt"]), "{file}");
            (
                file["path"].as_str().unwrap().to_owned(),
                file["size"].as_u64().unwrap(),
            )
        });
        files.collect::<Vec<_>>()
    };
    let all = [
        ("shared/index.md", 8),
        ("shared/ops/refunds.md", 4),
        ("user/profile.md", 8),
        ("user/profile/old.md", 4),
    ]
    .map(|(path, size)| (path.to_owned(), size));
    let table = [
        (json!({}), &all[..]),
        (json!({ "prefix": null, "surprise": 1 }), &all[..]),
        (json!({ "prefix": "" }), &all[..]),
        (json!({ "prefix": "shared" }), &all[..2]),
        (json!({ "prefix": "user/" }), &all[2..]),
        (json!({ "prefix": "user/profile" }), &all[3..]),
        (json!({ "prefix": "user/profile.md" }), &all[2..3]),
        (json!({ "prefix": "user/pro" }), &[]),
    ];
    for (arguments, expected) in table {
        assert_eq!(list(arguments.clone()), expected, "{arguments}");
    }
}

/// The code of a call that must be refused, and must say how to do better.
fn refused(program: &Program, tool: &str, arguments: Value) -> (u16, String) {
    let answer = program.tool(tool, arguments.clone());
    let error = answer.json()["error"].take();
    let helps = error["hint"].is_string() || error["issues"].is_array();
    assert!(helps, "{tool} {arguments}: {answer}");
    (answer.status, answer.code())
}

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[test]
fn what_cannot_be_read_is_refused_by_its_code() {
    let program = Program::serving(&[INDEX, PROFILE]);
    let reads = [
        (
            json!({ "path": "user/none.md" }),
            code(404, "FILE_NOT_FOUND"),
        ),
        (
            json!({ "path": "users/alice/profile.md" }),
            code(400, "PHYSICAL_PATH_FORBIDDEN"),
        ),
        (json!({ "path": "other/a.md" }), code(400, "UNKNOWN_MOUNT")),
        (
            json!({ "path": "team/a.md" }),
            code(400, "TEAM_ID_REQUIRED"),
        ),
        (json!({}), code(400, "VALIDATION_ERROR")),
    ];
    for (arguments, expected) in reads {
        assert_eq!(refused(&program, "memory_read", arguments), expected);
    }
    let lists = [
        (json!("users/"), code(400, "PHYSICAL_PATH_FORBIDDEN")),
        (json!("/"), code(400, "INVALID_PATH")),
        (json!("us"), code(400, "UNKNOWN_MOUNT")),
        (json!(5), code(400, "VALIDATION_ERROR")),
    ];
    for (prefix, expected) in lists {
        assert_eq!(
            refused(&program, "memory_list", json!({ "prefix": prefix })),
            expected
        );
    }
    assert_eq!(
        refused(&program, "memory_nothing", json!({})),
        code(404, "UNKNOWN_TOOL")
    );
}

#[test]
fn what_cannot_be_changed_is_refused_by_its_code() {
    let program = Program::serving(&[INDEX, PROFILE, ("user/alice/index.md", "# Index\n")]);
    let writes = [
        (
            json!({ "path": "user/a.md" }),
            code(400, "VALIDATION_ERROR"),
        ),
        (
            json!({ "path": "user/a.md", "content": null }),
            code(400, "VALIDATION_ERROR"),
        ),
        (
            json!({ "path": "user/Profile.md", "content": "" }),
            code(409, "NAME_COLLISION"),
        ),
        (
            json!({ "path": "user/profile.md/a.md", "content": "" }),
            code(400, "INVALID_PATH"),
        ),
    ];
    for (arguments, expected) in writes {
        assert_eq!(refused(&program, "memory_write", arguments), expected);
    }
    let renames = [
        ("user/none.md", "user/a.md", code(404, "FILE_NOT_FOUND")),
        ("user/profile.md", "user/index.md", code(409, "FILE_EXISTS")),
        (
            "user/profile.md",
            "shared/a.md",
            code(403, "READ_ONLY_MOUNT"),
        ),
    ];
    for (from, to, expected) in renames {
        let arguments = json!({ "from": from, "to": to });
        assert_eq!(refused(&program, "memory_rename", arguments), expected);
    }
    let missing = refused(&program, "memory_delete", json!({ "path": "user/none.md" }));
    assert_eq!(missing, code(404, "FILE_NOT_FOUND"));
    assert_eq!(program.git(&["rev-list", "--count", "main"]), "1");
}

#[test]
fn every_wrong_argument_is_named_at_once() {
    let program = Program::serving(&[]);
    let error = program.tool("memory_write", json!({ "path": 5, "reason": [] }));
    let issues = error.refused(400, "VALIDATION_ERROR")["issues"].take();
    let expected = json!([
        { "path": ["arguments", "path"], "message": "Expected string, received number" },
        { "path": ["arguments", "content"], "message": "Required" },
        { "path": ["arguments", "reason"], "message": "Expected string, received array" },
    ]);
    assert_eq!(issues, expected);
}

#[test]
fn a_context_may_hold_nulls_and_keys_that_nobody_knows() {
    let program = Program::serving(&[]);
    let body = json!({
        "context": { "userId": "alice", "actor": null, "toolCallId": null, "locale": "en" },
        "arguments": { "path": "user/a.md", "content": "a\n", "reason": null, "mood": "good" },
        "version": 2,
    });
    program.call("memory_write", &body).of(200);
    let named = json!({
        "context": { "userId": "alice", "actor": "support-bot", "toolCallId": "call_1", "runId": "run_7" },
        "arguments": { "path": "user/a.md", "content": "b\n", "reason": "said so" },
    });
    program.call("memory_write", &named).of(200);
    assert_eq!(
        program.git(&["log", "-1", "--format=%an: %s"]),
        "support-bot: Write user/alice/a.md: said so"
    );
    let trailers = program.git(&["log", "-1", "--format=%(trailers:only,unfold)"]);
    for trailer in [
        "Memory-Actor: support-bot",
        "Memory-User: alice",
        "Memory-Tool-Call: call_1",
        "Memory-Run: run_7",
    ] {
        assert!(trailers.contains(trailer), "{trailers}");
    }
    let nobody = json!({ "context": {}, "arguments": { "path": "shared/index.md" } });
    program
        .call("memory_read", &nobody)
        .refused(400, "USER_ID_REQUIRED");
    let list = Request::new("POST", "/v1/tools/memory_list/execute");
    program
        .ask(&list.json(&json!({ "context": { "userId": "alice" } })))
        .of(200);
}

#[test]
fn a_call_can_wait_until_git_shows_it() {
    let program = Program::serving(&[]);
    for number in 0..20 {
        let body = json!({
            "context": { "userId": "alice" },
            "arguments": { "path": "user/a.md", "content": format!("{number}\n") },
        });
        let request =
            Request::new("POST", "/v1/tools/memory_write/execute?wait=published").json(&body);
        let answer = program.ask(&request).of(200).json();
        assert_eq!(answer["published"], true);
        assert_eq!(
            program.git(&["rev-parse", "main"]),
            answer["revision"],
            "{number}"
        );
        assert_eq!(
            program.on_disk("user/alice/a.md"),
            Some(format!("{number}\n"))
        );
    }
}
