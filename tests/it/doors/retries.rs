//! The same request again: done once, answered twice, also across a restart.

use serde_json::{Value, json};

use crate::program::{Answer, Program, Request, execute, file};

const LOG: (&str, &str) = ("user/alice/log.md", "# Log\n");

/// A call that adds the same line each time it is done.
fn replace_start(tool_call: Option<&str>, key: Option<&str>) -> Request {
    let arguments = json!({
        "path": "user/log.md", "operation": "replace_lines", "match": "# Log\n", "replacement": "# Log\n- again\n",
    });
    let context = json!({ "userId": "alice", "toolCallId": tool_call });
    let request = execute(
        "memory_patch",
        &json!({ "context": context, "arguments": arguments }),
    );
    match key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    }
}

fn lines(program: &Program) -> usize {
    let text = program.ask(&file("GET", "user/log.md")).of(200).text();
    text.matches("- again").count()
}

fn answer(program: &Program, request: &Request) -> Value {
    program.ask(request).of(200).json()
}

#[test]
fn a_repeated_call_is_answered_and_not_repeated() {
    let mut program = Program::serving(&[LOG]);
    let by_call = replace_start(Some("call_1"), None);
    let by_key = replace_start(None, Some("key 1"));
    let (first, second) = (answer(&program, &by_call), answer(&program, &by_key));
    assert_eq!(lines(&program), 2);
    let repeated = |program: &Program| {
        for _ in 0..2 {
            assert_eq!(answer(program, &by_call), first);
            assert_eq!(answer(program, &by_key), second);
        }
        assert_eq!(lines(program), 2);
    };
    repeated(&program);
    program.stop();
    program.start();
    repeated(&program);
    program.kill();
    program.start();
    repeated(&program);
    answer(&program, &replace_start(Some("call_2"), None));
    answer(&program, &replace_start(None, None));
    answer(&program, &replace_start(None, None));
    assert_eq!(
        lines(&program),
        5,
        "another call, and calls without an id, are done"
    );
    program.assert_clean();
}

#[test]
fn a_repeated_upload_is_answered_and_not_repeated() {
    let mut program = Program::serving(&[LOG]);
    let new = || {
        file("PUT", "user/new.md")
            .header("idempotency-key", "k")
            .header("if-none-match", "*")
            .body("new\n")
    };
    let delete = || file("DELETE", "user/log.md").header("idempotency-key", "k");
    let told = |answer: &Answer| {
        (
            answer.status,
            answer.json(),
            answer.header("etag").map(str::to_owned),
        )
    };
    let (made, deleted) = (program.ask(&new()).of(201), program.ask(&delete()).of(200));
    for _ in 0..2 {
        assert_eq!(told(&program.ask(&new())), told(&made));
        assert_eq!(told(&program.ask(&delete())), told(&deleted));
        program.stop();
        program.start();
    }
    let other = file("PUT", "user/new.md")
        .header("idempotency-key", "k")
        .body("other\n");
    program.ask(&other).of(200);
    assert_eq!(
        program.on_disk("user/alice/new.md").as_deref(),
        Some("other\n")
    );
}

/// The commit of a rename names both paths, and the answer only the new one, whichever sorts first.
#[test]
fn a_repeated_rename_is_answered_from_history() {
    let mut program = Program::serving(&[("user/alice/a.md", "a\n"), ("user/alice/z.md", "z\n")]);
    let renames = [("user/a.md", "user/b.md"), ("user/z.md", "user/y.md")].map(|(from, to)| {
        let arguments = json!({ "from": from, "to": to });
        let context = json!({ "userId": "alice", "toolCallId": "call_1" });
        let body = json!({ "context": context, "arguments": arguments });
        execute("memory_rename", &body)
    });
    let first = renames.each_ref().map(|rename| answer(&program, rename));
    assert_eq!(
        (&first[0]["to"], &first[1]["to"]),
        (&json!("user/b.md"), &json!("user/y.md"))
    );
    program.stop();
    program.start();
    assert_eq!(
        renames.each_ref().map(|rename| answer(&program, rename)),
        first
    );
}

#[test]
fn many_retries_at_once_are_one_write() {
    let program = Program::serving(&[LOG]);
    let answers: Vec<Value> = std::thread::scope(|scope| {
        let call = |_| scope.spawn(|| answer(&program, &replace_start(Some("call_1"), None)));
        let calls: Vec<_> = (0..8).map(call).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    assert_eq!(lines(&program), 1);
}

#[test]
fn a_refused_request_may_be_sent_again() {
    let program = Program::serving(&[LOG]);
    let rename = json!({ "from": "user/a.md", "to": "user/b.md" });
    let body =
        json!({ "context": { "userId": "alice", "toolCallId": "call_1" }, "arguments": rename });
    program
        .call("memory_rename", &body)
        .refused(404, "FILE_NOT_FOUND");
    program.ask(&file("PUT", "user/a.md").body("a\n")).of(201);
    program.call("memory_rename", &body).of(200);
}

#[test]
fn a_key_is_its_callers_own() {
    let program = Program::serving(&[]);
    for user in ["alice", "bob"] {
        let write = Request::new("PUT", format!("/v1/files/user/a.md?userId={user}"));
        program
            .ask(&write.header("idempotency-key", "k").body("same\n"))
            .of(201);
    }
    assert_eq!(program.git(&["rev-list", "--count", "main"]), "3");
}
