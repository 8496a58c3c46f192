//! `memory_patch` over the wire: what MemexAI's agents rely on, and its codes.

use serde_json::{Value, json};

use super::without_ids;
use crate::program::Program;

const PATH: &str = "user/note.md";

/// The text of alice's note after a patch, and the answer to it.
fn patched(program: &Program, before: &str, mut patch: Value) -> (Value, String) {
    program
        .tool("memory_write", json!({ "path": PATH, "content": before }))
        .of(200);
    patch["path"] = PATH.into();
    let answer = without_ids(program.tool("memory_patch", patch));
    let read = program
        .tool("memory_read", json!({ "path": PATH }))
        .of(200)
        .json();
    (answer, read["content"].as_str().unwrap().to_owned())
}

fn append(lines: &[&str]) -> Value {
    json!({ "operation": "append_lines", "lines": lines })
}

fn append_under(heading: &str, lines: &[&str]) -> Value {
    json!({ "operation": "append_lines", "after_heading": heading, "lines": lines })
}

fn replace(find: Value, replacement: Value) -> Value {
    json!({ "operation": "replace_lines", "match": find, "replacement": replacement })
}

#[test]
fn lines_are_added_once_and_where_they_belong() {
    let program = Program::serving(&[]);
    let table = [
        ("- a\n", append(&["- b"]), "- a\n- b\n"),
        ("- a", append(&["- b"]), "- a\n- b"),
        ("", append(&["- a"]), "- a"),
        ("- a\r\n", append(&["- b"]), "- a\r\n- b\r\n"),
        ("- a\n- b\n", append(&["- b", "- c"]), "- a\n- b\n- c\n"),
        (
            "## A\n- x\n\n## B\n- z\n",
            append_under("## A", &["- y"]),
            "## A\n- x\n\n- y\n\n## B\n- z\n",
        ),
        (
            "## A\n- x\n\n### In A\n- q\n\n## B\n",
            append_under(" ## A ", &["- y"]),
            "## A\n- x\n\n### In A\n- q\n\n- y\n\n## B\n",
        ),
        (
            "## A\n- x\n## B\n- z\n",
            append_under("## B", &["- x"]),
            "## A\n- x\n## B\n- z\n- x\n",
        ),
    ];
    for (before, patch, after) in table {
        let (answer, text) = patched(&program, before, patch.clone());
        let expected =
            json!({ "path": PATH, "operation": "append_lines", "changed": true, "noOp": false });
        assert_eq!(
            (answer, text.as_str()),
            (expected, after),
            "{before:?} {patch}"
        );
    }
}

#[test]
fn one_occurrence_is_replaced_by_a_text_or_lines() {
    let program = Program::serving(&[]);
    let table = [
        (
            "City: Pune\n",
            replace(json!("Pune"), json!("Thane")),
            "City: Thane\n",
        ),
        (
            "- a\n- b\n",
            replace(json!(["- a", "- b"]), json!(["- c", "- d", "- e"])),
            "- c\n- d\n- e\n",
        ),
        ("- a\n- b\n", replace(json!("- a\n"), json!("")), "- b\n"),
    ];
    for (before, patch, after) in table {
        let (answer, text) = patched(&program, before, patch.clone());
        let expected =
            json!({ "path": PATH, "operation": "replace_lines", "changed": true, "noOp": false });
        assert_eq!(
            (answer, text.as_str()),
            (expected, after),
            "{before:?} {patch}"
        );
    }
}

#[test]
fn a_patch_that_changes_nothing_makes_no_commit() {
    let program = Program::serving(&[]);
    let table = [
        ("- a\n", append(&["- a"])),
        ("## A\n- x\n", append_under("## A", &["- x"])),
        ("- a\n", replace(json!("- a"), json!("- a"))),
    ];
    for (before, patch) in table {
        let (answer, text) = patched(&program, before, patch.clone());
        let expected = json!({ "path": PATH, "operation": patch["operation"], "changed": false, "noOp": true });
        assert_eq!((answer, text.as_str()), (expected, before), "{patch}");
    }
    let subjects = program.git(&["log", "--format=%s"]);
    assert!(!subjects.contains("Patch"), "{subjects}");
}

#[test]
fn a_patch_that_cannot_be_says_what_to_do() {
    let program = Program::serving(&[("user/alice/note.md", "## A\n- x\n- x\n")]);
    let patch = |mut patch: Value, path: &str| {
        patch["path"] = path.into();
        program.tool("memory_patch", patch)
    };
    let table = [
        (
            append_under("## X", &["- y"]),
            400,
            "PATCH_HEADING_NOT_FOUND",
            "Heading not found: ## X",
        ),
        (
            replace(json!("- z"), json!("")),
            400,
            "PATCH_MATCH_NOT_FOUND",
            "Exact match not found",
        ),
        (
            replace(json!("- x"), json!("")),
            400,
            "PATCH_AMBIGUOUS_MATCH",
            "Ambiguous match (2 occurrences)",
        ),
    ];
    for (wish, status, code, message) in table {
        let error = patch(wish.clone(), PATH).refused(status, code);
        assert_eq!(error["message"], message);
        assert!(error["hint"].is_string(), "{error}");
    }
    patch(append(&["- y"]), "user/none.md").refused(404, "FILE_NOT_FOUND");
    patch(append(&[]), PATH).refused(400, "VALIDATION_ERROR");
    patch(
        json!({ "operation": "append_lines", "lines": ["a", 5] }),
        PATH,
    )
    .refused(400, "VALIDATION_ERROR");
    patch(
        json!({ "operation": "replace_lines", "match": "- x" }),
        PATH,
    )
    .refused(400, "VALIDATION_ERROR");
    patch(replace(json!(""), json!("x")), PATH).refused(400, "VALIDATION_ERROR");
    patch(append(&["- y"]), "shared/note.md").refused(403, "READ_ONLY_MOUNT");
    assert_eq!(program.git(&["rev-list", "--count", "main"]), "1");
}
