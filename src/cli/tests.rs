//! What a command line means.

use clap::CommandFactory;
use serde_json::{Value, json};

use super::*;

/// The command that a line becomes, as it travels to a daemon; or what kind of mistake it is.
fn parse(line: &[&str]) -> Result<Value, clap::error::ErrorKind> {
    let line = ["memoryd"].iter().chain(line).map(OsString::from);
    match Arguments::try_parse_from(line)
        .map_err(|error| error.kind())?
        .verb
    {
        Verb::Memory(verb) => Ok(serde_json::to_value(verb.command().unwrap()).unwrap()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_flags_are_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn a_line_becomes_a_command() {
    let blob = "ce013625030ba8dba906f756967f9e9ca394464a";
    let table: [(&[&str], Value); 14] = [
        (&["list"], json!({ "verb": "list", "prefix": null })),
        (
            &["list", "shared", "--user", "alice"],
            json!({ "verb": "list", "user": "alice", "prefix": "shared" }),
        ),
        (
            &["read", "a.md", "--revision", "HEAD~2"],
            json!({ "verb": "read", "path": "a.md", "revision": "HEAD~2" }),
        ),
        (
            &["write", "a.md", "- a list", "--new", "--reason", "why"],
            json!({ "verb": "write", "reason": "why", "expected": "noFile", "path": "a.md", "text": "- a list\n" }),
        ),
        (
            &["write", "a.md", "", "--if-match", blob],
            json!({ "verb": "write", "reason": null, "expected": { "text": blob }, "path": "a.md", "text": "" }),
        ),
        (
            &[
                "patch", "a.md", "--append", "- one", "--append", "--two", "--after", "## B",
            ],
            json!({ "verb": "patch", "reason": null, "expected": "anything", "path": "a.md",
                "lines": { "append": { "lines": ["- one", "--two"], "afterHeading": "## B" } } }),
        ),
        (
            &["patch", "a.md", "--replace", "-a", "--with", ""],
            json!({ "verb": "patch", "reason": null, "expected": "anything", "path": "a.md",
                "lines": { "replace": { "find": "-a", "replacement": "" } } }),
        ),
        (
            &["rename", "a.md", "b.md", "--team", "red"],
            json!({ "verb": "rename", "team": "red", "reason": null, "expected": "anything",
                "from": "a.md", "to": "b.md" }),
        ),
        (
            &["log"],
            json!({ "verb": "log", "path": null, "limit": 20 }),
        ),
        (
            &["log", "--user", "alice", "-1"],
            json!({ "verb": "log", "user": "alice", "path": null, "limit": 1 }),
        ),
        (
            &["log", "-n", "3", "--path", "shared"],
            json!({ "verb": "log", "path": "shared", "limit": 3 }),
        ),
        (
            &["diff"],
            json!({ "verb": "diff", "path": null, "from": null, "to": null }),
        ),
        (
            &["diff", "a1b2..HEAD"],
            json!({ "verb": "diff", "path": null, "from": "a1b2", "to": "HEAD" }),
        ),
        (
            &["hold", "--minutes", "2", "--json"],
            json!({ "verb": "hold", "seconds": 120 }),
        ),
    ];
    for (line, expected) in table {
        assert_eq!(parse(line), Ok(expected), "{line:?}");
    }
}

#[test]
fn a_line_that_makes_no_sense_is_refused() {
    use clap::error::ErrorKind::{
        ArgumentConflict, InvalidSubcommand, MissingRequiredArgument, ValueValidation,
    };
    let table: [(&[&str], clap::error::ErrorKind); 8] = [
        (&["lst"], InvalidSubcommand),
        (&["read"], MissingRequiredArgument),
        (
            &["patch", "a.md", "--replace", "x"],
            MissingRequiredArgument,
        ),
        (
            &[
                "patch",
                "a.md",
                "--append",
                "x",
                "--replace",
                "y",
                "--with",
                "z",
            ],
            ArgumentConflict,
        ),
        (
            &[
                "write",
                "a.md",
                "x",
                "--new",
                "--if-match",
                "ce013625030ba8dba906f756967f9e9ca394464a",
            ],
            ArgumentConflict,
        ),
        (
            &["write", "a.md", "x", "--if-match", "ce01"],
            ValueValidation,
        ),
        (&["log", "5"], ValueValidation),
        (&["hold", "--minutes", "11"], ValueValidation),
    ];
    for (line, kind) in table {
        assert_eq!(parse(line), Err(kind), "{line:?}");
    }
}

#[test]
fn every_command_survives_its_way_to_the_daemon() {
    let lines: [&[&str]; 6] = [
        &["status"],
        &["check", "--user", "alice"],
        &["release"],
        &[
            "prompt",
            "--user",
            "alice",
            "--max-tokens",
            "100",
            "--profile",
            "mcp",
        ],
        &[
            "write",
            "a.md",
            "x",
            "--if-match",
            "ce013625030ba8dba906f756967f9e9ca394464a",
        ],
        &["patch", "a.md", "--append", "x"],
    ];
    for line in lines {
        let sent = parse(line).unwrap();
        let received: Command = serde_json::from_value(sent.clone()).unwrap();
        assert_eq!(serde_json::to_value(received).unwrap(), sent, "{line:?}");
    }
}
