//! Paths that no memory can hold: what git itself would take, and the next computer, terminal or program would not
//! survive.

use serde_json::{Value, json};

use super::{INDEX, NOTE, Sight, assert_command_helps, assert_helps};
use crate::program::{Answer, Program, Request, file};

/// Never a path, whatever it is meant for.
pub(crate) const BAD_PATHS: [&str; 67] = [
    "",
    "/",
    "/etc/passwd.md",
    "user//a.md",
    "user/./a.md",
    "user/../a.md",
    "user/../../a.md",
    "user/x/../../bob/a.md",
    "user\\a.md",
    "user/a\\b.md",
    "user/..\\x.md",
    "user/C:/x.md",
    "C:/x.md",
    "user/CON.md",
    "user/nul/a.md",
    "user/com1.md",
    "user/com\u{b9}.md",
    "user/lpt9.txt.md",
    "user/aux .md",
    "user/a.md.",
    "user/a.md ",
    "user/ a.md",
    "user/dir./a.md",
    "user/dir /a.md",
    "user/a\0b.md",
    "user/a\nb.md",
    "user/a\tb.md",
    "user/\u{1b}[31m.md",
    "user/a\u{7f}.md",
    "user/a\u{85}b.md",
    "user/git~2/a.md",
    "user/GIT~1.md",
    "user/.git/config.md",
    "user/.GIT/config.md",
    "user/.gi\u{307}t/a.md",
    "user/.g\u{200c}it/a.md",
    "user/.gitattributes",
    "user/.hidden.md",
    "user/-x.md",
    "user/--output=x.md",
    "user/~x.md",
    "user/:(top)x.md",
    "user/*.md",
    "user/a?.md",
    "user/\"a\".md",
    "user/<a>.md",
    "user/a|b.md",
    "user/cafe\u{301}.md",
    "user/\u{202e}dm.md",
    "user/a\u{200b}b.md",
    "user/\u{feff}a.md",
    "user/\u{e000}.md",
    "user/\u{ff0e}\u{ff0e}/a.md",
    "user/\u{ff0e}git/a.md",
    "user/a\u{2024}\u{2024}/\u{2024}.\u{2024}/x.md",
    "user/a\u{ff0f}b.md",
    "user/%2e%2e/a.md",
    "user/a%2fb.md",
    "user/a%5Cb.md",
    "user/a%00.md",
    "other/a.md",
    "User/a.md",
    "users/alice/a.md",
    ".git/config.md",
    ".memoryd/a.md",
    "state/a.json",
    "memoryd.toml",
];

/// They, and some that are only too long.
fn bad_paths() -> Vec<String> {
    let long = [
        "x".repeat(256),
        "\u{e9}".repeat(120),
        format!("{}x", "d/".repeat(16)),
        format!("{}x", "deep-folder/".repeat(90)),
    ];
    let long = long.map(|rest| format!("user/{rest}.md"));
    BAD_PATHS
        .map(str::to_owned)
        .into_iter()
        .chain(long)
        .collect()
}

/// Folders and other things that no file can be called.
const NO_FILES: [&str; 7] = [
    "user",
    "user/",
    "shared/",
    "user/notes",
    "user/a.md/",
    "user/a.exe",
    "user/a.MD",
];

/// Everything but what needs no escape; with a slash of its own or without.
fn escaped(text: &str, kept: &[u8]) -> String {
    let escape = |byte: u8| match byte {
        _ if byte.is_ascii_alphanumeric() || kept.contains(&byte) => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

/// Every tool, with a path where it takes one.
fn tool_calls(path: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("memory_read", json!({ "path": path })),
        ("memory_write", json!({ "path": path, "content": "x" })),
        (
            "memory_patch",
            json!({ "path": path, "operation": "append_lines", "lines": ["x"] }),
        ),
        ("memory_delete", json!({ "path": path })),
        (
            "memory_rename",
            json!({ "from": path, "to": "user/new.md" }),
        ),
        (
            "memory_rename",
            json!({ "from": "user/note.md", "to": path }),
        ),
    ]
}

/// Every request for a file whose path stands in the URL.
fn file_requests(path: &str) -> [Request; 5] {
    let append = json!({ "operation": "append_lines", "lines": ["x"] });
    let rename = json!({ "operation": "rename", "to": "user/new.md" });
    [
        file("GET", path),
        file("PUT", path).body("x"),
        file("PATCH", path).json(&append),
        file("PATCH", path).json(&rename),
        file("DELETE", path),
    ]
}

#[test]
fn no_tool_takes_a_bad_path() {
    let program = Program::serving(&[INDEX, NOTE]);
    let before = Sight::of(&program);
    let bad_paths = bad_paths();
    for path in bad_paths.iter().map(String::as_str).chain(NO_FILES) {
        for (tool, arguments) in tool_calls(path) {
            assert_helps(&program.tool(tool, arguments), &format!("{tool} {path:?}"));
        }
    }
    for path in bad_paths.iter().filter(|path| !path.is_empty()) {
        let answer = program.tool("memory_list", json!({ "prefix": path }));
        assert_helps(&answer, &format!("memory_list {path:?}"));
    }
    assert_eq!(Sight::of(&program), before);
}

#[test]
fn no_url_hides_a_bad_path() {
    let program = Program::serving(&[INDEX, NOTE]);
    let before = Sight::of(&program);
    let mut connection = program.connect();
    let mut ask = |request: &Request, what: &str| -> Answer {
        connection
            .ask(request)
            .unwrap_or_else(|error| panic!("{what}: {error}"))
    };
    for path in bad_paths().iter().map(String::as_str).chain(NO_FILES) {
        let (openly, hidden) = (escaped(path, b"/-._~"), escaped(path, b""));
        for written in [&openly, &hidden] {
            for request in file_requests(written) {
                assert_helps(&ask(&request, path), &format!("{path:?} as {written}"));
            }
        }
        let rename = json!({ "operation": "rename", "to": path });
        assert_helps(
            &ask(&file("PATCH", "user/note.md").json(&rename), path),
            path,
        );
        let earlier = file("GET", &format!("{hidden}?revision=HEAD"));
        assert_helps(&ask(&earlier, path), path);
        // Decoded twice, it would be the path itself.
        for request in [
            file("GET", &escaped(&hidden, b"")),
            file("DELETE", &escaped(&openly, b"/")),
        ] {
            assert_helps(&ask(&request, path), &format!("{path:?} escaped twice"));
        }
    }
    for path in bad_paths().iter().filter(|path| !path.is_empty()) {
        for route in ["/v1/files?prefix=", "/v1/revisions?path="] {
            let target = format!("{route}{}", escaped(path, b""));
            assert_helps(
                &ask(
                    &Request::new("GET", target).header("x-memory-user", "alice"),
                    path,
                ),
                path,
            );
        }
    }
    assert_eq!(Sight::of(&program), before);
}

#[test]
fn no_escape_is_decoded_twice() {
    let program = Program::serving(&[INDEX, NOTE, ("user/bob/a.md", "# Bob\n")]);
    let before = Sight::of(&program);
    for twice in [
        "user/%252e%252e/bob/a.md",
        "user/..%252fbob%252fa.md",
        "user/%255c..%255cbob/a.md",
        "user/a.md%2500",
    ] {
        for request in file_requests(twice) {
            program.ask(&request).refused(400, "INVALID_PATH");
        }
    }
    for broken in [
        "user/%",
        "user/%2",
        "user/%zz.md",
        "user/%+1.md",
        "user/%ff.md",
        "user/%c0%ae%c0%ae/a.md",
    ] {
        for request in file_requests(broken) {
            program.ask(&request).refused(400, "VALIDATION_ERROR");
        }
    }
    assert_eq!(Sight::of(&program), before);
    program
        .ask(&file("PUT", "user/100%25.md").body("all\n"))
        .of(201);
    program.ask(&file("GET", "user/100%25.md")).of(200);
    assert_eq!(
        program.on_disk("user/alice/100%.md").as_deref(),
        Some("all\n")
    );
}

/// The dots of a URL are for the client to resolve; who sends them is refused, not helped.
#[test]
fn no_dots_lead_out_of_a_mount() {
    let program = Program::serving(&[INDEX, ("user/bob/a.md", "# Bob\n")]);
    for target in [
        "/v1/files/user/../shared/index.md",
        "/v1/files/user/./index.md",
        "/v1/files/../files/shared/index.md",
        "/v1/files//shared/index.md",
    ] {
        let answer = program.ask(&Request::new("GET", target).header("x-memory-user", "alice"));
        answer.refused(400, "INVALID_PATH");
    }
    for target in [
        "/v1/../v1/files/shared/index.md",
        "/v1/tools/../files/shared/index.md",
        "/V1/files/shared/index.md",
        "//v1/files",
    ] {
        let answer = program.ask(&Request::new("GET", target).header("x-memory-user", "alice"));
        assert_eq!(answer.status, 404, "{target}: {answer}");
    }
}

/// The repository's own names of a bad path, for commands without `--user`.
fn in_repository(path: &str) -> String {
    match path.strip_prefix("user/") {
        Some(rest) => format!("user/alice/{rest}"),
        None => path.to_owned(),
    }
}

/// Each verb in its turn, with a path where it takes one.
fn command(number: usize, path: &str) -> Vec<&str> {
    match number % 5 {
        0 => vec!["read", "--json", "--", path],
        1 => vec!["write", "--json", "--", path, "x"],
        2 => vec!["delete", "--json", "--", path],
        3 => vec!["rename", "--json", "--", "user/note.md", path],
        _ => vec!["patch", "--json", "--append=x", "--", path],
    }
}

/// Each verb that takes a folder, too.
fn looking(number: usize, path: &str) -> Vec<&str> {
    match number % 3 {
        0 => vec!["list", "--json", "--", path],
        1 => vec!["log", "--json", "--", path],
        _ => vec!["diff", "--json", "--path", path],
    }
}

#[test]
fn no_command_takes_a_bad_path() {
    let mut program = Program::serving(&[INDEX, NOTE]);
    let before = Sight::of(&program);
    // What lies there in a repository is a person's own business.
    let elsewhere = [
        "memoryd.toml",
        "other/a.md",
        "User/a.md",
        "users/alice/a.md",
        "state/a.json",
    ];
    let run = |program: &Program, arguments: &[&str]| {
        drop(assert_command_helps(
            &program.cli(arguments),
            &format!("{arguments:?}"),
        ));
    };
    let given = bad_paths();
    // No argument of a program can hold a NUL.
    let given = given.iter().filter(|path| !path.contains('\0'));
    for (number, path) in given.map(String::as_str).enumerate() {
        run(
            &program,
            &[&["--user=alice"], &*command(number, path)].concat(),
        );
        if !path.is_empty() {
            run(
                &program,
                &[&["--user=alice"], &*looking(number, path)].concat(),
            );
        }
        if !elsewhere.contains(&path) && !path.is_empty() {
            let path = in_repository(path);
            run(&program, &command(number, &path));
            run(&program, &looking(number, &path));
        }
    }
    for (number, path) in NO_FILES.into_iter().enumerate() {
        run(
            &program,
            &[&["--user=alice"], &*command(number, path)].concat(),
        );
    }
    program.stop();
    for number in 0..5 {
        run(
            &program,
            &[&["--user=alice"], &*command(number, "user/../a.md")].concat(),
        );
        run(&program, &command(number, "user/alice/.git/config.md"));
    }
    assert_eq!(Sight::of(&program), before);
}
