//! Paths that lead out of the caller's folder, in every disguise that some server has fallen for.

use serde_json::{Value, json};

use super::{Target, escaped, tool_call};
use crate::bad_input::BAD_PATHS;
use crate::program::Request;

/// Two dots, to somebody.
const DOTS: [&str; 22] = [
    "..",
    "%2e%2e",
    "%2E.",
    ".%2e",
    "%252e%252e",
    "%25252e%25252e",
    "%c0%ae%c0%ae",
    "%e0%80%ae%e0%80%ae",
    "%f0%80%80%ae%f0%80%80%ae",
    "%u002e%u002e",
    "\\u002e\\u002e",
    "\u{ff0e}\u{ff0e}",
    "%ef%bc%8e%ef%bc%8e",
    "\u{2024}\u{2024}",
    "\u{2025}",
    "..;",
    "...",
    "....",
    "..%00",
    "..\u{200b}",
    ". .",
    ".. ",
];
/// A slash, to somebody.
const SLASHES: [&str; 12] = [
    "/",
    "//",
    "/./",
    "%2f",
    "%252f",
    "\\",
    "%5c",
    "%255c",
    "%c0%af",
    "\u{2215}",
    "\u{ff0f}",
    "%2f%2e%2f",
];
/// Ends that some program cuts off.
const ENDS: [&str; 10] = [
    "", "%00", "%00.md", "\0.md", "?x.md", "#x.md", ";x.md", "::$DATA", "/", "/.",
];
/// Names that make a folder a bare repository, in which git would run what its config says.
const REPOSITORY: [&str; 6] = [
    "user/HEAD",
    "user/config",
    "user/x.git/config",
    "user/objects/pack/x.md.pack",
    "user/refs/heads/main",
    "user/.gitmodules",
];

/// Ways out of `user/` to what is not alice's.
fn ways_out(target: &Target) -> Vec<String> {
    let outside = target.outside.path();
    let name = outside.file_name().unwrap().to_string_lossy();
    let near = format!("../../../{name}/secret.md");
    let targets = ["../victim/secret.md", "../../.git/secret.md", &near];
    let mut paths = Vec::new();
    for out in targets {
        let disguised = |dots: &str, slash: &str| {
            let parts: Vec<_> = out
                .split('/')
                .map(|part| if part == ".." { dots } else { part })
                .collect();
            parts.join(slash)
        };
        let plain = DOTS.map(|dots| disguised(dots, "/"));
        let others = SLASHES.map(|slash| disguised("..", slash));
        paths.extend(plain.into_iter().chain(others));
    }
    for dots in DOTS {
        paths.extend(
            ["/", "\\", "%2f", "%252f", "%5c", "\u{2215}"]
                .map(|slash| ["x", dots, dots, "victim", "secret.md"].join(slash)),
        );
    }
    let mut paths: Vec<_> = paths
        .into_iter()
        .map(|path| format!("user/{path}"))
        .collect();
    for front in [
        "", "/", "\\", "//", "file://", "user/", "user//", "user\\", "C:", "~/", "./", "%2f", "\0",
    ] {
        for back in [
            "secret.md",
            "elsewhere/secret.md",
            ".memoryd/secret.md",
            "user/victim/secret.md",
        ] {
            paths.push(format!("{front}{back}"));
        }
        paths.push(format!("{front}{}", outside.join("secret.md").display()));
    }
    paths.extend(ENDS.map(|end| format!("user/../victim/secret.md{end}")));
    paths.extend(ENDS.map(|end| format!("../user/victim/secret.md{end}")));
    paths.extend(REPOSITORY.map(str::to_owned));
    paths
}

/// Every tool and every body that takes a path.
fn in_json(path: &str) -> Vec<Request> {
    let note = "user/note.md";
    let calls: [(&str, Value); 9] = [
        ("memory_list", json!({ "prefix": path })),
        ("memory_search", json!({ "query": path, "prefix": path })),
        (
            "memory_smart_read",
            json!({ "query": format!("path:{path}") }),
        ),
        ("memory_read", json!({ "path": path })),
        ("memory_write", json!({ "path": path, "content": "x\n" })),
        (
            "memory_patch",
            json!({ "path": path, "operation": "append_lines", "lines": ["x"] }),
        ),
        ("memory_delete", json!({ "path": path })),
        (
            "memory_rename",
            json!({ "from": path, "to": "user/mine.md" }),
        ),
        ("memory_rename", json!({ "from": note, "to": path })),
    ];
    let rename = json!({ "operation": "rename", "to": path });
    let calls = calls
        .into_iter()
        .map(|(tool, arguments)| tool_call(tool, "alice", &arguments));
    calls
        .chain([Request::new("PATCH", "/v1/files/user/note.md?userId=alice").json(&rename)])
        .collect()
}

/// Every route that takes a path in its URL.
fn in_url(path: &str) -> Vec<Request> {
    let route = format!("/v1/files/{path}");
    let (append, rename) = (
        json!({ "operation": "append_lines", "lines": ["x"] }),
        json!({ "operation": "rename", "to": "user/mine.md" }),
    );
    let requests = [
        Request::new("GET", &route),
        Request::new("GET", format!("{route}?revision=HEAD")),
        Request::new("PUT", &route).body("x\n"),
        Request::new("PATCH", &route).json(&append),
        Request::new("PATCH", &route).json(&rename),
        Request::new("DELETE", &route),
        Request::new("GET", format!("/v1/files?prefix={path}")),
        Request::new("GET", format!("/v1/revisions?path={path}")),
        Request::new("GET", format!("/v1/search?q=secret&prefix={path}")),
        Request::new("GET", format!("/v1/search?q=path:{path}&asOf=2999-01-01")),
        Request::new("GET", format!("/v1/links?path={path}")),
        Request::new("GET", format!("/v1/blame/{path}")),
        Request::new("GET", format!("/v1/{path}")),
    ];
    requests
        .into_iter()
        .map(|request| request.header("x-memory-user", "alice"))
        .collect()
}

#[test]
fn no_path_leads_out() {
    let mut target = Target::new();
    let bad = BAD_PATHS.map(str::to_owned);
    for path in ways_out(&target).into_iter().chain(bad) {
        for request in in_json(&path) {
            target.send(request);
        }
        // As it stands, with only what no URL can hold escaped; and escaped altogether.
        for written in [escaped(&path, b"%/.\\;:~$-_"), escaped(&path, b"")] {
            for request in in_url(&written) {
                target.send(request);
            }
        }
    }
    target.assert_unharmed(9_000);
}

/// A revision is a name that git resolves, and git resolves much.
#[test]
fn no_revision_leads_out() {
    let mut target = Target::new();
    let blob = target
        .program
        .git(&["rev-parse", "HEAD:user/victim/secret.md"]);
    let tree = target.program.git(&["rev-parse", "HEAD:user/victim"]);
    let revisions = [
        "HEAD:user/victim",
        "HEAD:user/victim/secret.md",
        &blob,
        &tree,
        &format!("{tree}^{{tree}}"),
        "HEAD^{tree}",
        "HEAD^{/Start}",
        ":/Start",
        "HEAD@{0}",
        "@{-1}",
        "--output=/dev/shm/x",
        "-h",
        "../../HEAD",
        "refs/../../secret.md",
        ".git/HEAD",
        "HEAD..HEAD",
        "HEAD\nHEAD",
        "HEAD~99999999999999999999",
        "HEAD^99999999999999999999",
        &"^".repeat(200),
        &format!("HEAD{}", "~1".repeat(90)),
        &"f".repeat(40),
        &"0".repeat(40),
        &"f".repeat(10_000),
        "\u{202e}HEAD",
        "",
    ];
    for revision in revisions {
        let revision = escaped(revision, b"");
        for path in [
            "user/note.md",
            "user/secret.md",
            "user/..%2Fvictim%2Fsecret.md",
            "shared/index.md",
        ] {
            for route in [
                format!("/v1/files/{path}?revision={revision}"),
                format!("/v1/revisions?path={path}&from={revision}"),
                format!("/v1/revisions/{revision}?path={path}"),
                format!("/v1/blame/{path}?revision={revision}"),
            ] {
                target.send(Request::new("GET", route).header("x-memory-user", "alice"));
            }
        }
    }
    target.assert_unharmed(400);
}
