//! Who comes in, and how far: tokens, roles, teams, and the names a daemon answers to.

use serde_json::{Value, json};

use crate::program::{Answer, Program, Request, execute, file};

const INDEX: (&str, &str) = ("shared/index.md", "# Index\n");

/// A daemon that knows an agent's token and an administrator's.
fn guarded(files: &[(&str, &str)]) -> Program {
    let program = Program::in_memory(files).environment("MEMORYD_API_KEY", "key");
    program
        .environment("MEMORYD_ADMIN_SECRET", "secret")
        .started()
}

fn write(path: &str) -> Request {
    let arguments = json!({ "path": path, "content": "x\n" });
    execute(
        "memory_write",
        &json!({ "context": { "userId": "alice" }, "arguments": arguments }),
    )
}

#[test]
fn nobody_comes_in_without_a_token() {
    let program = guarded(&[INDEX]);
    let targets = [
        "/v1/tools",
        "/v1/files",
        "/v1/prompt-block?userId=alice",
        "/v1/revisions",
        "/v1/files/shared/index.md",
        "/nothing",
    ];
    let tokens = [
        None,
        Some(("authorization", "Bearer kez")),
        Some(("authorization", "Basic key")),
        Some(("authorization", "key")),
        Some(("x-api-key", "")),
        Some(("x-api-key", "Key")),
    ];
    for target in targets {
        for token in tokens {
            let request = Request::new("GET", target);
            let request = token.into_iter().fold(request, |request, (name, value)| {
                request.header(name, value)
            });
            let answer = program.ask(&request);
            assert_eq!(
                answer.header("www-authenticate"),
                Some("Bearer"),
                "{target} {token:?}"
            );
            answer.refused(401, "UNAUTHORIZED");
        }
        let admin = Request::new("GET", target).header("x-memex-admin-secret", "wrong");
        program.ask(&admin).refused(401, "UNAUTHORIZED_ADMIN");
    }
    program
        .ask(&write("user/a.md"))
        .refused(401, "UNAUTHORIZED");
    for public in ["/health", "/ready"] {
        program.get(public).of(200);
    }
    assert_eq!(program.git(&["rev-list", "--count", "main"]), "1");
}

#[test]
fn a_token_may_come_in_any_of_its_headers() {
    let program = guarded(&[INDEX]);
    for (name, value) in [
        ("authorization", "Bearer key"),
        ("authorization", "bearer key"),
        ("x-api-key", "key"),
    ] {
        program.ask(&write("user/a.md").header(name, value)).of(200);
        program
            .ask(&write("shared/a.md").header(name, value))
            .refused(403, "READ_ONLY_MOUNT");
        let put = file("PUT", "shared/a.md").header(name, value).body("x\n");
        program.ask(&put).refused(403, "READ_ONLY_MOUNT");
    }
    let admin = [
        ("authorization", "Bearer secret"),
        ("x-memex-admin-secret", "secret"),
        ("x-admin-secret", "secret"),
    ];
    for (name, value) in admin {
        let put = file("PUT", "shared/index.md")
            .header(name, value)
            .body(format!("{name}\n"));
        program.ask(&put).of(200);
    }
    assert_eq!(
        program.on_disk("shared/index.md").as_deref(),
        Some("x-admin-secret\n")
    );
    let author = program.git(&["log", "-1", "--format=%an"]);
    assert_ne!(author, "Pat Person");
}

#[test]
fn an_open_door_makes_no_agent_an_editor() {
    let program = Program::serving(&[INDEX]);
    program
        .ask(&write("shared/index.md"))
        .refused(403, "READ_ONLY_MOUNT");
    program
        .ask(&file("PUT", "shared/index.md").body("By a person's script.\n"))
        .of(200);
    let local = Request::new("POST", "/v1/local/execute").json(&json!({ "verb": "status" }));
    program.ask(&local).refused(401, "UNAUTHORIZED");
}

#[test]
fn guidance_can_be_opened_to_agents() {
    let settings = ("memoryd.toml", "shared_writes = \"direct\"\n");
    let program = Program::serving(&[INDEX, settings]);
    program.ask(&write("shared/index.md")).of(200);
}

#[test]
fn a_team_with_a_list_is_open_to_its_members_only() {
    let settings = (
        "memoryd.toml",
        "[teams.sales]\nusers = [\"alice\", \"user:42\"]\n",
    );
    let program = Program::serving(&[INDEX, settings, ("team/sales/notes.md", "# Notes\n")]);
    let read = |user: Value, team: &str| {
        let context = json!({ "userId": user, "teamId": team });
        let arguments = json!({ "path": "team/notes.md" });
        program.call(
            "memory_read",
            &json!({ "context": context, "arguments": arguments }),
        )
    };
    read(json!("alice"), "sales").of(200);
    read(json!("user:42"), "sales").of(200);
    read(json!("bob"), "sales").refused(403, "FORBIDDEN");
    read(json!(null), "sales").refused(403, "FORBIDDEN");
    read(json!("bob"), "other").refused(404, "FILE_NOT_FOUND");
    let block = |user: &str| program.get(&format!("/v1/prompt-block?userId={user}&teamId=sales"));
    assert_eq!(block("alice").of(200).json()["segments"][1]["name"], "team");
    block("bob").refused(403, "FORBIDDEN");
}

#[test]
fn a_user_is_named_once_and_where_one_is_needed() {
    let program = Program::serving(&[INDEX, ("user/alice/a.md", "a\n")]);
    let get = |target: &str| program.get(target);
    get("/v1/files/user/a.md").refused(400, "USER_ID_REQUIRED");
    get("/v1/files/team/a.md?userId=alice").refused(400, "TEAM_ID_REQUIRED");
    get("/v1/files/shared/index.md").of(200);
    get("/v1/files/user/a.md?userId=alice").of(200);
    get("/v1/files/user/a.md?userId=bob").refused(404, "FILE_NOT_FOUND");
    let both = |user: &str| {
        Request::new("GET", "/v1/files/user/a.md?userId=alice").header("x-memory-user", user)
    };
    program.ask(&both("alice")).of(200);
    program.ask(&both("bob")).refused(400, "VALIDATION_ERROR");
}

#[test]
fn a_daemon_answers_to_its_own_names_only() {
    let program = Program::serving(&[INDEX]);
    let ask = |target: &str, host: &str, origin: Option<&str>| -> Answer {
        let request = Request::new("GET", target).header("host", host);
        program.ask(
            &origin
                .into_iter()
                .fold(request, |request, origin| request.header("origin", origin)),
        )
    };
    let address = program.address().to_string();
    for target in ["/health", "/ready", "/v1/files/shared/index.md", "/nothing"] {
        let ours = if target == "/nothing" { 404 } else { 200 };
        for (host, origin) in [
            ("localhost", None),
            ("localhost:7171", None),
            (&*address, Some("http://localhost:3000")),
            ("[::1]:7171", Some("https://127.0.0.1")),
        ] {
            ask(target, host, origin).of(ours);
        }
        for (host, origin) in [
            ("evil.example", None),
            ("127.0.0.1.evil.example", None),
            ("10.0.0.1", None),
            ("localhost", Some("http://evil.example")),
            ("localhost", Some("null")),
            ("localhost", Some("file://")),
        ] {
            ask(target, host, origin).refused(403, "ORIGIN_NOT_ALLOWED");
        }
    }
    for head in [
        "GET /health HTTP/1.1\r\n\r\n",
        "GET /health HTTP/1.1\r\nhost: a\r\nhost: localhost\r\n\r\n",
    ] {
        assert_eq!(program.say(head.as_bytes()).status, 400, "{head}");
    }
    let absolute = "GET http://evil.example/health HTTP/1.1\r\nhost: localhost\r\n\r\n";
    program
        .say(absolute.as_bytes())
        .refused(403, "ORIGIN_NOT_ALLOWED");
}

#[test]
fn other_computers_need_a_credential() {
    let mut program = Program::in_memory(&[INDEX]);
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let refused = program.refused(&["--listen", listen]);
        let error: Value = serde_json::from_slice(&refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(3), "{error}");
        assert!(
            error["error"]["message"]
                .as_str()
                .unwrap()
                .contains("MEMORYD_API_KEY"),
            "{error}"
        );
    }
    assert!(
        !program.at(".git/memoryd").exists(),
        "the folder is left as it was"
    );
    program = program.environment("MEMORYD_API_KEY", "key");
    program.start_with(&["--listen", "0.0.0.0:0"]);
    let port = program.address().port();
    let reached = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let answer = crate::program::Connection::open(reached)
        .unwrap()
        .ask(&Request::new("GET", "/v1/files"));
    answer.unwrap().refused(401, "UNAUTHORIZED");
}

#[test]
fn a_token_that_cannot_be_sent_is_refused_at_the_start() {
    let program = Program::in_memory(&[INDEX]).environment("MEMORYD_API_KEY", "two words");
    let refused = program.refused(&["--listen", "127.0.0.1:0"]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("MEMORYD_API_KEY"));
}
