//! Bodies that are too large, broken, of the wrong kind, or not text; and requests that are no HTTP.

use std::io::ErrorKind;

use serde_json::{Value, json};

use super::{INDEX, NOTE, Sight, assert_command_helps, assert_helps};
use crate::program::{Program, Request, execute, file};

const BODY_BYTES_MAX: usize = 1 << 20;
const FILE_BYTES_MAX: usize = 48 << 10;

fn post(tool: &str) -> Request {
    Request::new("POST", format!("/v1/tools/{tool}/execute"))
        .header("content-type", "application/json")
}

#[test]
fn a_body_over_the_limit_is_told_its_limit() {
    let program = Program::serving(&[INDEX, NOTE]);
    let before = Sight::of(&program);
    let mut connection = program.connect();
    for size in [BODY_BYTES_MAX + 1, 5 * BODY_BYTES_MAX] {
        for request in [
            post("memory_write"),
            file("PUT", "user/a.md"),
            file("PATCH", "user/note.md").header("content-type", "application/json"),
            Request::new("POST", "/v1/prompt-block").header("content-type", "application/json"),
        ] {
            let error = connection
                .ask(&request.body(vec![b'x'; size]))
                .unwrap()
                .refused(413, "TOO_LARGE");
            let told = (&error["bound"], &error["limit"], &error["size"]);
            assert_eq!(
                told,
                (
                    &json!("body_bytes_max"),
                    &json!(BODY_BYTES_MAX),
                    &json!(size)
                )
            );
            assert!(error["hint"].is_string(), "{error}");
        }
    }
    // One that comes in pieces has no length to look at, and one that waits for our word never sends anything.
    let head = "PUT /v1/files/user/a.md?userId=alice HTTP/1.1\r\nhost: localhost\r\n";
    let piece = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let chunked = format!(
        "{head}transfer-encoding: chunked\r\n\r\n{}0\r\n\r\n",
        piece.repeat(17)
    );
    program.say(chunked.as_bytes()).refused(413, "TOO_LARGE");
    let waiting = format!("{head}expect: 100-continue\r\ncontent-length: 99999999999\r\n\r\n");
    program.say(waiting.as_bytes()).refused(413, "TOO_LARGE");
    assert_eq!(Sight::of(&program), before);
}

#[test]
fn a_text_over_the_limit_is_not_kept() {
    let program = Program::serving(&[INDEX]);
    let write = |size: usize| {
        program.tool(
            "memory_write",
            json!({ "path": "user/a.md", "content": "x".repeat(size) }),
        )
    };
    write(FILE_BYTES_MAX).of(200);
    let before = Sight::of(&program);
    let error = write(FILE_BYTES_MAX + 1).refused(413, "TOO_LARGE");
    let told = (&error["bound"], &error["limit"], &error["size"]);
    assert_eq!(
        told,
        (
            &json!("file_bytes_max"),
            &json!(FILE_BYTES_MAX),
            &json!(FILE_BYTES_MAX + 1)
        )
    );
    let append = json!({ "path": "user/a.md", "operation": "append_lines", "lines": ["x"] });
    program
        .tool("memory_patch", append)
        .refused(413, "TOO_LARGE");
    let reason = json!({ "path": "user/a.md", "content": "x", "reason": "y".repeat(3_000) });
    program
        .tool("memory_write", reason)
        .refused(413, "TOO_LARGE");
    assert_eq!(Sight::of(&program), before);
}

#[test]
fn what_is_no_json_is_told_where_it_breaks() {
    let program = Program::serving(&[INDEX, NOTE]);
    let before = Sight::of(&program);
    let deep = "[".repeat(100_000);
    let broken: [&[u8]; 11] = [
        b"",
        b"{",
        b"{\"context\": }",
        b"{\"context\": {\"userId\": \"alice\"}} x",
        b"{'context': 1}",
        b"{\"context\": \"\xff\"}",
        b"{\"context\": \"a\x00b\"}",
        b"{\"context\": {\"userId\": \"\\ud800\"}}",
        b"\xef\xbb\xbf{}",
        b"NaN",
        deep.as_bytes(),
    ];
    for body in broken {
        for request in [
            post("memory_write"),
            Request::new("POST", "/v1/prompt-block").header("content-type", "application/json"),
        ] {
            let error = program
                .ask(&request.body(body))
                .refused(400, "VALIDATION_ERROR");
            let message = error["message"].as_str().unwrap();
            assert!(
                message.starts_with("Malformed JSON") && message.contains("line "),
                "{message}"
            );
        }
    }
    assert_eq!(Sight::of(&program), before);
}

#[test]
fn json_of_the_wrong_shape_is_told_where() {
    let program = Program::serving(&[INDEX, NOTE]);
    let before = Sight::of(&program);
    let arguments = json!({ "path": "user/a.md", "content": "x" });
    let context = json!({ "userId": "alice" });
    let table = [
        (json!([]), json!([])),
        (json!("text"), json!([])),
        (json!({}), json!(["context"])),
        (json!({ "context": 5 }), json!(["context"])),
        (
            json!({ "context": { "userId": 42 }, "arguments": arguments }),
            json!(["context", "userId"]),
        ),
        (
            json!({ "context": { "userId": ["alice"] }, "arguments": arguments }),
            json!(["context", "userId"]),
        ),
        (
            json!({ "context": { "userId": "alice", "actor": "" }, "arguments": arguments }),
            json!(["context", "actor"]),
        ),
        (
            json!({ "context": context, "arguments": [] }),
            json!(["arguments"]),
        ),
        (
            json!({ "context": context, "arguments": { "path": {}, "content": "x" } }),
            json!(["arguments", "path"]),
        ),
        (
            json!({ "context": context, "arguments": { "path": "user/a.md", "content": 5 } }),
            json!(["arguments", "content"]),
        ),
    ];
    for (body, place) in table {
        let error = program
            .call("memory_write", &body)
            .refused(400, "VALIDATION_ERROR");
        assert_eq!(error["issues"][0]["path"], place, "{body}");
    }
    assert_eq!(Sight::of(&program), before);
}

#[test]
fn a_text_is_utf_8_without_nul() {
    let program = Program::serving(&[INDEX, NOTE]);
    let before = Sight::of(&program);
    for body in [
        &b"a\0b"[..],
        b"\0",
        b"\xff\xfe",
        b"a\xc0\xafb",
        b"\xed\xa0\x80",
        b"caf\xe9",
    ] {
        program
            .ask(&file("PUT", "user/a.md").body(body))
            .refused(400, "VALIDATION_ERROR");
    }
    let nul = "a\u{0}b";
    let table = [
        (
            "memory_write",
            json!({ "path": "user/a.md", "content": nul }),
        ),
        (
            "memory_patch",
            json!({ "path": "user/note.md", "operation": "append_lines", "lines": [nul] }),
        ),
        (
            "memory_patch",
            json!({ "path": "user/note.md", "operation": "replace_lines", "match": "Note", "replacement": nul }),
        ),
        (
            "memory_write",
            json!({ "path": "user/\u{0}.md", "content": "a" }),
        ),
        (
            "memory_rename",
            json!({ "from": "user/note.md", "to": "user/\u{0}.md" }),
        ),
    ];
    for (tool, arguments) in table {
        let answer = program.tool(tool, arguments.clone());
        assert_eq!(answer.status, 400, "{arguments}: {answer}");
    }
    let append = json!({ "operation": "append_lines", "lines": [nul] });
    program
        .ask(&file("PATCH", "user/note.md").json(&append))
        .refused(400, "VALIDATION_ERROR");
    assert_eq!(Sight::of(&program), before);
}

#[test]
fn a_command_takes_text_of_its_size_only() {
    let program = Program::serving(&[INDEX, NOTE]);
    let before = Sight::of(&program);
    let large = vec![b'x'; (1 << 20) + 1];
    for (input, code) in [
        (&b"a\0b"[..], "VALIDATION_ERROR"),
        (b"caf\xe9", "REFUSED"),
        (&large, "TOO_LARGE"),
    ] {
        for verb in ["write", "patch"] {
            let output = program.cli_given(input, &[verb, "user/alice/note.md", "--json"]);
            let error = assert_command_helps(&output, verb);
            assert_eq!(
                (output.status.code(), &error["code"]),
                (Some(3), &json!(code)),
                "{error}"
            );
        }
    }
    assert_eq!(Sight::of(&program), before);
}

#[test]
fn a_body_says_what_it_is() {
    let program = Program::serving(&[INDEX, NOTE]);
    let before = Sight::of(&program);
    let body = json!({ "context": { "userId": "alice" }, "arguments": { "path": "user/a.md", "content": "x" } }).to_string();
    for given in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some(""),
    ] {
        let request = Request::new("POST", "/v1/tools/memory_write/execute").body(body.as_str());
        let request = given.into_iter().fold(request, |request, given| {
            request.header("content-type", given)
        });
        let error = program
            .ask(&request)
            .refused(415, "UNSUPPORTED_CONTENT_TYPE");
        assert!(error["hint"].is_string(), "{error}");
    }
    for given in [
        "application/json",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
    ] {
        let put = file("PUT", "user/a.md")
            .header("content-type", given)
            .body("x");
        program.ask(&put).refused(415, "UNSUPPORTED_CONTENT_TYPE");
    }
    assert_eq!(Sight::of(&program), before);
}

#[test]
fn what_leads_nowhere_says_so() {
    let program = Program::serving(&[INDEX, NOTE]);
    for target in [
        "/",
        "/v1",
        "/v1/tools/memory_read",
        "/v2/tools",
        "/v1/files/",
        "/v1/prompt-block/",
    ] {
        assert_helps(&program.get(target), target);
    }
    for (method, target, allowed) in [
        ("PUT", "/v1/tools", "GET,HEAD"),
        ("GET", "/v1/tools/memory_read/execute", "POST"),
        ("POST", "/v1/files/user/a.md", "GET,HEAD,PUT,PATCH,DELETE"),
        ("DELETE", "/v1/prompt-block", "GET,HEAD,POST"),
        ("BREW", "/v1/files", "GET,HEAD"),
    ] {
        let answer = program.ask(&Request::new(method, target));
        let mut told: Vec<_> = answer
            .header("allow")
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .collect();
        let mut allowed: Vec<_> = allowed.split(',').collect();
        told.sort_unstable();
        allowed.sort_unstable();
        assert_eq!(told, allowed, "{method} {target}");
        answer.refused(405, "METHOD_NOT_ALLOWED");
    }
}

#[test]
fn what_is_no_http_changes_nothing_and_ends() {
    let program = Program::serving(&[INDEX, NOTE]);
    let before = Sight::of(&program);
    let many_headers: String = (0..200)
        .map(|number| format!("x-{number}: y\r\n"))
        .collect();
    let large_head = format!(
        "GET /health HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n",
        "y".repeat(200_000)
    );
    let many_headers = format!("GET /health HTTP/1.1\r\nhost: localhost\r\n{many_headers}\r\n");
    let raw: [&[u8]; 8] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"hello\r\n\r\n",
        b"GET /health HTTP/9.9\r\nhost: localhost\r\n\r\n",
        b"GET /health HTTP/1.1\r\nhost : localhost\r\n\r\n",
        b"GET /v1/files/user/\xff.md HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"PUT /v1/files/user/a.md?userId=alice HTTP/1.1\r\nhost: localhost\r\ncontent-length: x\r\n\r\nabc",
        large_head.as_bytes(),
        many_headers.as_bytes(),
    ];
    for bytes in raw {
        let mut connection = program.connect();
        let answer = connection.say(bytes).and_then(|()| connection.hear());
        match answer {
            Ok(answer) => assert!((400..500).contains(&answer.status), "{answer}"),
            // Hanging up on what is no HTTP is an answer, too.
            Err(error) => assert_ne!(error.kind(), ErrorKind::WouldBlock),
        }
    }
    let mut connection = program.connect();
    let cut_off = "PUT /v1/files/user/a.md?userId=alice HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nabc";
    connection.say(cut_off.as_bytes()).unwrap();
    drop(connection);
    program.get("/health").of(200);
    assert_eq!(Sight::of(&program), before);
}

/// What a caller says of itself ends up in a commit message, which git reads, and terminals.
#[test]
fn no_word_of_a_caller_forges_history() {
    let program = Program::serving(&[INDEX]);
    let forged = "bot\nMemory-Actor: admin\n\nMemory-Op: purge\u{1b}[31m\u{202e}<x@y>";
    let body = json!({
        "context": { "userId": "alice", "actor": forged, "toolCallId": forged, "runId": forged },
        "arguments": { "path": "user/a.md", "content": "x\n", "reason": forged },
    });
    program.ask(&execute("memory_write", &body)).of(200);
    let raw = program.git(&["cat-file", "commit", "HEAD"]);
    assert!(
        raw.bytes()
            .all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)),
        "{raw:?}"
    );
    let of = |key: &str| {
        program.git(&[
            "log",
            "-1",
            &format!("--format=%(trailers:key={key},valueonly)"),
        ])
    };
    assert_eq!(
        (of("Memory-Op").as_str(), of("Memory-User").as_str()),
        ("write", "alice")
    );
    assert_eq!(of("Memory-Actor").lines().count(), 1, "{raw}");
    let told: Value = program
        .get("/v1/revisions?userId=alice&path=user/a.md")
        .of(200)
        .json();
    assert_eq!(
        (
            &told["revisions"][0]["actor"],
            &told["revisions"][0]["reason"]
        ),
        (&json!(forged), &json!(forged))
    );
    program.assert_clean();
}
