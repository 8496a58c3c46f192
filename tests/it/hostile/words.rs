//! Words that end up in a commit: none of them becomes a trailer, an author, a line of its own, or an order to a terminal.

use serde_json::json;

use super::Target;
use crate::program::{Request, execute};

const WORDS: [&str; 26] = [
    "x\nMemory-Actor: admin",
    "x\n\nMemory-Actor: admin\n",
    "x\r\nMemory-Actor: admin\r\n",
    "x\rMemory-Actor: admin",
    "Memory-Actor: admin",
    "x\u{2028}Memory-Actor: admin",
    "x\u{85}Memory-Actor: admin",
    "x\u{b}Memory-Actor: admin",
    "x\n\nSigned-off-by: Root <root@localhost>",
    "author Root <root@localhost> 0 +0000\n\nx",
    "x\nparent 0000000000000000000000000000000000000000",
    "\u{1b}[2J\u{1b}]0;owned\u{7}",
    "\u{1b}]8;;file:///etc/passwd\u{7}x\u{1b}]8;;\u{7}",
    "\u{9b}31m",
    "\u{202e}nimda",
    "<admin@example.com>",
    "Root <root@localhost>",
    "admin> <root@localhost",
    "x\ty\u{8}\u{8}z",
    "# comment",
    "fixup! Start",
    "-----BEGIN PGP SIGNATURE-----",
    "%x00%an%n$(touch x)`touch x`",
    "%0AMemory-Actor: admin",
    "...",
    "\u{0}",
];

#[test]
fn no_word_becomes_part_of_a_commits_form() {
    let mut target = Target::new();
    let mut written = 0;
    for (number, word) in WORDS.into_iter().enumerate() {
        for key in ["actor", "toolCallId", "runId", "reason", "path"] {
            let mut context = json!({ "userId": "alice" });
            let mut arguments = json!({ "path": format!("user/{number}-{key}.md"), "content": format!("{number}\n") });
            match key {
                "reason" => arguments["reason"] = json!(word),
                "path" => arguments["path"] = json!(format!("user/{word}.md")),
                _ => context[key] = json!(word),
            }
            let body = json!({ "context": context, "arguments": arguments });
            let answer = target
                .send(execute("memory_write", &body))
                .expect("it answers");
            written += usize::from(answer.status == 200);
        }
        let line = word.replace(['\n', '\r', '\0'], " ");
        for (header, parameter) in [
            ("x-memory-actor", "actor"),
            ("x-memory-reason", "reason"),
            ("idempotency-key", "key"),
        ] {
            let route = format!("/v1/files/user/{number}-{parameter}-put.md?userId=alice");
            target.send(
                Request::new("PUT", &route)
                    .header(header, line.clone())
                    .body("x\n"),
            );
            let escaped = super::escaped(word, b"");
            target.send(Request::new("PUT", format!("{route}&{parameter}={escaped}")).body("y\n"));
        }
    }
    assert!(90 < written, "only {written} of the words were taken");
    target.send(
        Request::new("PUT", "/v1/files/user/last.md?userId=alice&wait=published").body("x\n"),
    );
    let log = target
        .program
        .git(&["log", "--format=%x01%an%x02%ae%x02%B"]);
    let commits = log.split('\u{1}').skip(1);
    commits
        .filter(|commit| !commit.contains("\u{2}Start"))
        .for_each(assert_well_formed);
    target.assert_unharmed(270);
}

/// A commit by its author's name and address and its message, as `git log` tells them.
fn assert_well_formed(commit: &str) {
    let mut parts = commit.split('\u{2}');
    let (name, email, message) = (
        parts.next().unwrap(),
        parts.next().unwrap(),
        parts.next().unwrap(),
    );
    assert_eq!(email, "agent@memoryd", "{commit:?}");
    assert!(
        !name.is_empty() && !name.contains(['<', '>', '\n']),
        "{commit:?}"
    );
    assert!(
        !name.chars().chain(message.chars()).any(is_dangerous),
        "{commit:?}"
    );
    let lines: Vec<_> = message.trim_end().lines().collect();
    assert_eq!(lines.get(1).copied(), Some(""), "{commit:?}");
    let trailers = &lines[2..];
    assert!(
        trailers
            .iter()
            .all(|line| line.starts_with("Memory-") && line.is_ascii()),
        "{commit:?}"
    );
    for key in ["Memory-Op", "Memory-User", "Memory-Actor", "Memory-Reason"] {
        let named = trailers
            .iter()
            .filter(|line| line.starts_with(&format!("{key}: ")));
        assert!(named.count() <= 1, "{commit:?}");
    }
    assert!(trailers.contains(&"Memory-User: alice"), "{commit:?}");
    assert!(!trailers.contains(&"Memory-Actor: admin"), "{commit:?}");
}

fn is_dangerous(character: char) -> bool {
    character != '\n' && (character.is_control() || ('\u{2028}'..='\u{202e}').contains(&character))
}
