//! Names of users and teams that are paths, or nearly somebody else's.

use serde_json::{Value, json};

use super::{Target, escaped, tool_call};
use crate::program::Request;

fn ids() -> Vec<String> {
    let ids = [
        "",
        " ",
        ".",
        "..",
        "../victim",
        "alice/../victim",
        "victim/inner",
        "victim/",
        "/victim",
        "./victim",
        "victim/.",
        "victim\\inner",
        "victim%2Finner",
        "%76ictim",
        "victim%00",
        "victim\0",
        "victim\n",
        " victim",
        "victim ",
        "victim.",
        "Victim",
        "VICTIM",
        "v\u{131}ctim",
        "v\u{456}ctim",
        "\u{ff56}ictim",
        "victim\u{200b}",
        "\u{202e}mitciv",
        "alic",
        "alicen",
        "alice\u{0}nt",
        "alicent/",
        ".git",
        ".memoryd",
        "shared",
        "user",
        "*",
        "?",
        "[a-z]*",
        "-",
        "--all",
        ":(top)",
        "~",
        "CON",
        "victim:secret.md",
        "HEAD",
        "true",
        "null",
        "0",
        "\u{1f600}",
    ];
    let mut ids: Vec<_> = ids.map(str::to_owned).into();
    ids.extend([
        "x".repeat(201),
        "x".repeat(100_000),
        "\u{e9}".repeat(150),
        "../".repeat(40),
        "a/".repeat(100),
    ]);
    ids
}

/// Every place in which a request names somebody, with every path that could meet a secret.
fn naming(id: &str) -> Vec<Request> {
    let mut requests = Vec::new();
    let query = escaped(id, b"");
    for path in [
        "user/secret.md",
        "user/inner/secret.md",
        "user/victim/secret.md",
        "team/secret.md",
        "user/../secret.md",
    ] {
        let arguments = json!({ "path": path });
        requests.push(tool_call("memory_read", id, &arguments));
        let body =
            json!({ "context": { "userId": "alice", "teamId": id }, "arguments": arguments });
        requests.push(crate::program::execute("memory_read", &body));
        requests.push(Request::new(
            "GET",
            format!("/v1/files/{path}?userId={query}&teamId={query}"),
        ));
        requests.push(Request::new(
            "GET",
            format!("/v1/revisions?path={path}&userId={query}"),
        ));
    }
    let context = json!({ "userId": id, "teamId": id });
    requests.extend([
        tool_call("memory_list", id, &json!({})),
        tool_call(
            "memory_write",
            id,
            &json!({ "path": "user/secret.md", "content": "x\n" }),
        ),
        tool_call(
            "memory_delete",
            id,
            &json!({ "path": "user/inner/secret.md" }),
        ),
        Request::new("GET", format!("/v1/prompt-block?userId={query}")),
        Request::new(
            "GET",
            format!("/v1/prompt-block?userId=alice&teamId={query}"),
        ),
        Request::new("POST", "/v1/prompt-block").json(&json!({ "context": context })),
        Request::new("POST", "/v1/system-prompt").json(&json!({ "context": context, "base": "x" })),
        Request::new("GET", format!("/v1/files?userId={query}")),
        Request::new("GET", format!("/v1/files?teamId={query}")),
        Request::new("GET", format!("/v1/search?q=secret&userId={query}")),
        Request::new("GET", format!("/v1/search?q=path:secret&teamId={query}")),
        Request::new(
            "GET",
            format!("/v1/links?path=user/secret.md&userId={query}"),
        ),
        tool_call(
            "memory_search",
            id,
            &json!({ "query": "secret path:secret" }),
        ),
        tool_call("memory_smart_read", id, &json!({})),
        Request::new("GET", format!("/v1/revisions?userId={query}")),
        Request::new("GET", "/v1/files").header("x-memory-user", printable(id)),
        Request::new("GET", "/v1/files/team/secret.md").header("x-memory-team", printable(id)),
    ]);
    requests
}

/// As much of it as a header can hold.
fn printable(id: &str) -> String {
    id.replace(['\0', '\n'], "")
}

#[test]
fn no_name_is_somebody_elses() {
    let mut target = Target::new();
    for id in ids() {
        for request in naming(&id) {
            target.send(request);
        }
    }
    // Nor does a member's list let in who is not in it.
    for team in ["rivals", "Rivals", "rivals/"] {
        for request in [
            Request::new(
                "GET",
                format!("/v1/files/team/secret.md?userId=alice&teamId={team}"),
            ),
            Request::new("GET", format!("/v1/files?userId=alice&teamId={team}")),
            Request::new("GET", format!("/v1/files?teamId={team}")),
            Request::new(
                "GET",
                format!("/v1/prompt-block?userId=alice&teamId={team}"),
            ),
            Request::new(
                "GET",
                format!("/v1/revisions?userId=alice&teamId={team}&path=team/secret.md"),
            ),
        ] {
            target.send(request);
        }
    }
    target.assert_unharmed(1_500);
}

/// What no argument expects.
fn strange() -> Vec<Value> {
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!([deep]);
    }
    let many: Value = (0..2_000)
        .map(|number| (format!("key{number}"), json!(number)))
        .collect();
    vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!([]),
        json!({}),
        json!(["user/../victim/secret.md"]),
        json!({ "path": "user/../victim/secret.md" }),
        json!("\u{0}"),
        json!("x".repeat(200_000)),
        json!({ "$ne": null }),
        json!({ "__proto__": { "userId": "victim" } }),
        deep,
        many,
    ]
}

const TOOLS: [&str; 8] = [
    "list",
    "read",
    "write",
    "patch",
    "delete",
    "rename",
    "search",
    "smart_read",
];
const KEYS: [&str; 16] = [
    "query",
    "limit",
    "maxChars",
    "includeRelated",
    "relatedDepth",
    "path",
    "content",
    "operation",
    "lines",
    "after_heading",
    "match",
    "replacement",
    "from",
    "to",
    "prefix",
    "reason",
];

/// What is of the wrong kind, too large or too deep, in the place of every value.
#[test]
fn no_json_is_too_strange() {
    let mut target = Target::new();
    let plain = json!({ "path": "user/note.md", "content": "# Note\n", "operation": "append_lines", "lines": ["x"], "from": "user/note.md", "to": "user/b.md", "query": "note" });
    for value in &strange() {
        for tool in TOOLS {
            let tool = format!("memory_{tool}");
            for key in KEYS {
                let mut arguments = plain.clone();
                arguments[key] = value.clone();
                target.send(tool_call(&tool, "alice", &arguments));
            }
            for key in ["userId", "teamId", "actor", "toolCallId", "runId"] {
                let mut context = json!({ "userId": "alice" });
                context[key] = value.clone();
                let body = json!({ "context": context, "arguments": plain });
                target.send(crate::program::execute(&tool, &body));
            }
            target.send(crate::program::execute(&tool, value));
        }
        for route in [
            "/v1/prompt-block",
            "/v1/system-prompt",
            "/v1/local/execute",
            "/v1/admin/users",
            "/v1/memory_stores",
            "/mcp",
        ] {
            target.send(Request::new("POST", route).json(value));
            target.send(
                Request::new("POST", route)
                    .json(&json!({ "context": value, "base": value, "maxTokens": value })),
            );
        }
        target.send(Request::new("PATCH", "/v1/files/user/note.md?userId=alice").json(value));
    }
    target.assert_unharmed(1_500);
}
