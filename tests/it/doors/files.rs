//! `/v1/files`: texts by their paths, with the headers that HTTP has for it.

use serde_json::json;

use super::without_ids;
use crate::program::{Answer, Program, Request, file};

fn put(path: &str, text: &str) -> Request {
    file("PUT", path).body(text)
}

fn patch(path: &str, body: &serde_json::Value) -> Request {
    file("PATCH", path).json(body)
}

/// The refusal of a stale writer, who is told what stands there.
fn stale(answer: Answer, current: &str) {
    assert_eq!(answer.etag(), current);
    let error = answer.refused(412, "PRECONDITION_FAILED");
    assert_eq!(error["blobId"], current.trim_matches('"'));
    assert!(error["hint"].is_string(), "{error}");
}

#[test]
fn a_text_goes_in_and_comes_out_as_it_is() {
    let program = Program::serving(&[]);
    let text = "# Caf\u{e9}\r\n\ttab, \u{1f600}, no end";
    let made = program.ask(&put("user/caf%C3%A9/a%20b.md", text)).of(201);
    let blob = made.etag();
    let answer = made.json();
    assert_eq!(
        (&answer["path"], &answer["created"]),
        (&json!("user/caf\u{e9}/a b.md"), &json!(true))
    );
    assert_eq!(made.header("memory-revision"), answer["revision"].as_str());
    let read = program.ask(&file("GET", "user/caf%C3%A9/a%20b.md")).of(200);
    assert_eq!((read.text().as_str(), read.etag()), (text, blob.clone()));
    assert_eq!(
        read.header("content-type"),
        Some("text/markdown; charset=utf-8")
    );
    let bytes = program.git(&["cat-file", "blob", blob.trim_matches('"')]);
    assert_eq!(bytes, text);
    program.ask(&put("user/caf%C3%A9/a%20b.md", "new")).of(200);
    program.assert_clean();
}

#[test]
fn what_a_client_has_is_not_sent_again() {
    let program = Program::serving(&[("user/alice/a.md", "a\n")]);
    let etag = program.ask(&file("GET", "user/a.md")).of(200).etag();
    let again = program
        .ask(&file("GET", "user/a.md").header("if-none-match", &etag))
        .of(304);
    assert_eq!((again.etag(), again.body.len()), (etag.clone(), 0));
    program.ask(&put("user/a.md", "b\n")).of(200);
    let changed = program
        .ask(&file("GET", "user/a.md").header("if-none-match", &etag))
        .of(200);
    assert_eq!(changed.text(), "b\n");
}

#[test]
fn a_stale_writer_is_told_the_current_etag() {
    let program = Program::serving(&[("user/alice/a.md", "a\n")]);
    let old = program.ask(&file("GET", "user/a.md")).of(200).etag();
    let current = program
        .ask(&put("user/a.md", "b\n").header("if-match", &old))
        .of(200)
        .etag();
    let append = json!({ "operation": "append_lines", "lines": ["- c"] });
    let rename = json!({ "operation": "rename", "to": "user/b.md" });
    for (name, value) in [
        ("if-match", old.as_str()),
        ("if-match", "\"x\""),
        ("if-none-match", "*"),
    ] {
        stale(
            program.ask(&put("user/a.md", "c\n").header(name, value)),
            &current,
        );
        stale(
            program.ask(&patch("user/a.md", &append).header(name, value)),
            &current,
        );
        stale(
            program.ask(&patch("user/a.md", &rename).header(name, value)),
            &current,
        );
        stale(
            program.ask(&file("DELETE", "user/a.md").header(name, value)),
            &current,
        );
    }
    assert_eq!(program.ask(&file("GET", "user/a.md")).of(200).text(), "b\n");
    let gone = program.ask(&put("user/none.md", "x").header("if-match", &old));
    assert_eq!(gone.header("etag"), None);
    gone.refused(412, "PRECONDITION_FAILED");
    program
        .ask(&put("user/none.md", "x").header("if-match", "*"))
        .refused(412, "PRECONDITION_FAILED");
    assert_eq!(program.git(&["rev-list", "--count", "main"]), "2");
}

#[test]
fn a_writer_who_knows_what_stands_there_goes_on() {
    let program = Program::serving(&[]);
    let made = program
        .ask(&put("user/a.md", "- a\n").header("if-none-match", "*"))
        .of(201)
        .etag();
    let append = json!({ "operation": "append_lines", "lines": ["- b"] });
    let patched = program
        .ask(&patch("user/a.md", &append).header("if-match", &made))
        .of(200);
    assert_eq!(patched.json()["operation"], "append_lines");
    let patched = patched.etag();
    let rename = json!({ "operation": "rename", "to": "user/b.md" });
    let renamed = program
        .ask(&patch("user/a.md", &rename).header("if-match", &patched))
        .of(200);
    assert_eq!(
        (renamed.json()["to"].as_str(), renamed.etag()),
        (Some("user/b.md"), patched.clone())
    );
    let several = format!("\"0000000000000000000000000000000000000000\", {patched}");
    let deleted = program
        .ask(&file("DELETE", "user/b.md").header("if-match", several))
        .of(200);
    assert_eq!(
        (deleted.json()["deleted"].as_bool(), deleted.header("etag")),
        (Some(true), None)
    );
    assert_eq!(program.git(&["rev-list", "--count", "main"]), "5");
    program.assert_clean();
}

#[test]
fn of_many_writers_with_the_same_etag_one_wins() {
    let program = Program::serving(&[("user/alice/a.md", "0\n")]);
    let etag = program.ask(&file("GET", "user/a.md")).of(200).etag();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let write = |number: usize| {
            let request = put("user/a.md", &format!("{number}\n")).header("if-match", &etag);
            let program = &program;
            scope.spawn(move || program.ask(&request).status)
        };
        let writers: Vec<_> = (1..=8).map(write).collect();
        writers
            .into_iter()
            .map(|writer| writer.join().unwrap())
            .collect()
    });
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        1,
        "{statuses:?}"
    );
    assert_eq!(
        statuses.iter().filter(|status| **status == 412).count(),
        7,
        "{statuses:?}"
    );
}

#[test]
fn an_earlier_text_is_given_by_its_revision() {
    let program = Program::serving(&[]);
    let first = program.ask(&put("user/a.md", "first\n")).of(201);
    let at = first.json()["revision"].as_str().unwrap().to_owned();
    program.ask(&put("user/a.md", "second\n")).of(200);
    for name in [at.as_str(), at.get(..8).unwrap(), "HEAD~1"] {
        let read = program
            .ask(&file("GET", &format!("user/a.md?revision={name}")))
            .of(200);
        assert_eq!(
            (read.text().as_str(), read.etag()),
            ("first\n", first.etag()),
            "{name}"
        );
        assert_eq!(read.header("memory-revision"), Some(at.as_str()));
    }
    let table = [
        ("user/a.md?revision=HEAD~2", "FILE_NOT_FOUND"),
        ("user/none.md?revision=HEAD", "FILE_NOT_FOUND"),
        ("user/a.md?revision=HEAD~9", "REVISION_NOT_FOUND"),
        ("user/a.md?revision=0123456789", "REVISION_NOT_FOUND"),
    ];
    for (target, code) in table {
        program.ask(&file("GET", target)).refused(404, code);
    }
    for odd in [
        "%3A/first",
        "HEAD%40%7B1%7D",
        "",
        "--all",
        "HEAD%5E%7Btree%7D",
    ] {
        let answer = program.ask(&file("GET", &format!("user/a.md?revision={odd}")));
        assert!([400, 404].contains(&answer.status), "{odd}: {answer}");
    }
}

#[test]
fn lists_are_those_of_the_tools() {
    let program = Program::serving(&[
        ("shared/index.md", "# Index\n"),
        ("user/alice/a.md", "a\n"),
        ("user/bob/b.md", "b\n"),
    ]);
    for prefix in ["", "?prefix=user/", "?prefix=shared"] {
        let list =
            Request::new("GET", format!("/v1/files{prefix}")).header("x-memory-user", "alice");
        let prefix = prefix.trim_start_matches("?prefix=");
        let expected = program.tool("memory_list", json!({ "prefix": prefix }));
        assert_eq!(
            without_ids(program.ask(&list)),
            without_ids(expected),
            "{prefix}"
        );
    }
    let of_nobody = program.get("/v1/files").of(200).json();
    assert_eq!(
        of_nobody["files"].as_array().unwrap().len(),
        1,
        "{of_nobody}"
    );
}

#[test]
fn people_write_guidance_where_agents_may_not() {
    let program = Program::serving(&[("shared/index.md", "# Index\n")]);
    program
        .ask(&put("shared/index.md", "# Index\n- New\n"))
        .of(200);
    assert_eq!(
        program.on_disk("shared/index.md").as_deref(),
        Some("# Index\n- New\n")
    );
}

#[test]
fn no_text_is_served_as_something_that_runs() {
    let program = Program::serving(&[]);
    for (path, expected) in [
        ("user/a.md", "text/markdown; charset=utf-8"),
        ("user/a.xml", "text/plain; charset=utf-8"),
        ("user/a.json", "application/json"),
    ] {
        program.ask(&put(path, "<script>alert(1)</script>")).of(201);
        let read = program.ask(&file("GET", path)).of(200);
        assert_eq!(read.header("content-type"), Some(expected));
        assert_eq!(read.header("x-content-type-options"), Some("nosniff"));
        assert!(
            read.header("content-security-policy")
                .is_some_and(|policy| policy.contains("sandbox"))
        );
    }
}
