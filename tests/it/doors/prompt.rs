//! The prompt block of a running daemon: the index byte for byte, each save soon after, and the same bytes while
//! nothing changed.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::program::{Answer, Program, Request};

const BLOCK: &str = "/v1/prompt-block?userId=alice";
/// What the daemon waits after the last change of a path.
const QUIET: Duration = Duration::from_millis(300);
/// A save is shown this long after that, at the latest.
const SHOWN_MAX: Duration = Duration::from_secs(1);

/// The memory that comes with the program, as `serve --from` copies it.
fn sample() -> Program {
    let mut program = Program::empty();
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/sample-memory");
    program.start_with(&["--listen", "127.0.0.1:0", "--from", sample]);
    program
}

fn markdown(program: &Program, user: &str) -> Answer {
    let request = Request::new("GET", format!("/v1/prompt-block?userId={user}"));
    program
        .ask(&request.header("accept", "text/markdown"))
        .of(200)
}

#[test]
fn the_index_stands_in_it_byte_for_byte() {
    let program = sample();
    let block = program.get(BLOCK).of(200).json();
    let text = block["promptBlock"].as_str().unwrap();
    for path in ["shared/index.md", "user/alice/index.md"] {
        let index = program.on_disk(path).unwrap();
        assert!(
            text.contains(&format!(">\n{index}</memory-")),
            "{path}: {text}"
        );
    }
    let order = [
        "path=\"shared/index.md\"",
        "path=\"shared/AGENTS.md\"",
        "path=\"shared/knowledge/",
        "path=\"user/index.md\"",
    ];
    let places = order.map(|mark| text.find(mark).expect(mark));
    assert!(places.is_sorted(), "{places:?}");
    assert!(!text.contains("bob"), "{text}");
    let segments = block["segments"].as_array().unwrap();
    let names: Vec<_> = segments
        .iter()
        .map(|segment| segment["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["shared", "user"]);
    let joined: String = segments
        .iter()
        .map(|segment| segment["text"].as_str().unwrap())
        .collect();
    assert_eq!(joined, text);
    assert!(
        block["tokens"].as_u64() <= block["maxTokens"].as_u64(),
        "{block}"
    );
    assert_eq!(block["warnings"], json!([]));
    let index = &block["files"][0];
    assert_eq!(
        (&index["path"], &index["shown"]),
        (&json!("shared/index.md"), &json!("whole"))
    );
    assert_eq!(
        index["blobId"],
        program.git(&["rev-parse", "HEAD:shared/index.md"])
    );
}

#[test]
fn a_save_is_in_the_next_block_soon() {
    let program = sample();
    let mut index = program.on_disk("shared/index.md").unwrap();
    let commits = || program.git(&["rev-list", "--count", "main"]);
    for number in 0..3 {
        let before = markdown(&program, "alice").text();
        let line = format!("- Refunds, part {number} -> shared/ops/refunds-{number}.md\n");
        index += &line;
        let count: usize = commits().parse().unwrap();
        program.save("shared/index.md", &index);
        let saved = Instant::now();
        program.eventually("the line is shown", |program| {
            markdown(program, "alice").text().contains(&line)
        });
        assert!(
            saved.elapsed() < QUIET + SHOWN_MAX,
            "only after {:?}",
            saved.elapsed()
        );
        let after = markdown(&program, "alice").text();
        assert!(after.contains(&format!(">\n{index}</memory-")), "{after}");
        assert_ne!(before, after);
        program.eventually("git has it as one commit", |_| {
            commits() == (count + 1).to_string()
        });
    }
    program.assert_clean();
}

#[test]
fn touching_a_file_and_writing_it_make_no_commit_of_a_person() {
    let program = sample();
    let text = program.on_disk("shared/index.md").unwrap();
    program.save("shared/index.md", &text);
    let write = json!({ "path": "user/a.md", "content": "a\n" });
    program.tool("memory_write", write).of(200);
    let etag = markdown(&program, "alice").etag();
    sleep(Duration::from_millis(1_200));
    assert_eq!(
        program.git(&["log", "--format=%s"]),
        "Write user/alice/a.md\nStart the memory"
    );
    assert_eq!(markdown(&program, "alice").etag(), etag);
}

#[test]
fn a_block_is_the_same_bytes_while_nothing_it_shows_changes() {
    let mut program = sample();
    let first = program.get(BLOCK).of(200);
    let write = json!({ "path": "user/unlisted/a.md", "content": "Nobody shows this.\n" });
    program.tool("memory_write", write).of(200);
    let same = program.get(BLOCK).of(200);
    assert_eq!((&first.body, first.etag()), (&same.body, same.etag()));
    assert_ne!(
        first.header("memory-revision"),
        same.header("memory-revision")
    );
    let known = Request::new("GET", BLOCK).header("if-none-match", first.etag());
    assert_eq!(program.ask(&known).of(304).body, b"");
    program.stop();
    program.start();
    assert_eq!(program.get(BLOCK).of(200).body, first.body);
    assert_eq!(program.ask(&known).of(304).etag(), first.etag());
    let segment = |user: &str| {
        let block = program
            .get(&format!("/v1/prompt-block?userId={user}"))
            .of(200)
            .json();
        block["segments"][0].clone()
    };
    assert_eq!(
        segment("alice"),
        segment("bob"),
        "the first segment is everybody's"
    );
    program
        .tool(
            "memory_write",
            json!({ "path": "user/index.md", "content": "# New\n" }),
        )
        .of(200);
    assert!(program.ask(&known).of(200).text().contains("# New"));
}

#[test]
fn each_form_is_a_representation_of_its_own() {
    let program = sample();
    let json = program.get(BLOCK).of(200);
    let markdown = markdown(&program, "alice");
    assert_eq!(
        markdown.header("content-type"),
        Some("text/markdown; charset=utf-8")
    );
    assert_eq!(
        markdown.text(),
        json.json()["promptBlock"].as_str().unwrap()
    );
    assert_eq!(
        (json.header("vary"), markdown.header("vary")),
        (Some("accept"), Some("accept"))
    );
    let anthropic = program.get(&format!("{BLOCK}&format=anthropic")).of(200);
    let blocks = anthropic.json()["system"].take();
    let texts: String = blocks
        .as_array()
        .unwrap()
        .iter()
        .map(|block| block["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts, markdown.text());
    assert_eq!(blocks[0]["cache_control"], json!({ "type": "ephemeral" }));
    assert!(
        blocks
            .as_array()
            .unwrap()
            .iter()
            .all(|block| block["type"] == "text"),
        "{blocks}"
    );
    let tags = [json.etag(), markdown.etag(), anthropic.etag()];
    assert!(
        tags[0] != tags[1] && tags[1] != tags[2] && tags[0] != tags[2],
        "{tags:?}"
    );
    let posted =
        Request::new("POST", "/v1/prompt-block").json(&json!({ "context": { "userId": "alice" } }));
    assert_eq!(program.ask(&posted).of(200).body, json.body);
}

#[test]
fn a_system_prompt_is_the_base_and_then_the_block() {
    let program = sample();
    let body = json!({ "context": { "userId": "alice" }, "base": "You sell homes.\n" });
    let answer = program
        .ask(&Request::new("POST", "/v1/system-prompt").json(&body))
        .of(200)
        .json();
    let expected = format!("You sell homes.\n\n{}", markdown(&program, "alice").text());
    assert_eq!(answer["systemPrompt"], expected);
}

#[test]
fn a_question_that_makes_no_sense_is_refused() {
    let program = sample();
    for (query, code) in [
        ("", "USER_ID_REQUIRED"),
        ("?userId=", "USER_ID_REQUIRED"),
        ("?userId=alice&format=xml", "VALIDATION_ERROR"),
        ("?userId=alice&profile=pirate", "VALIDATION_ERROR"),
        ("?userId=alice&maxTokens=0", "VALIDATION_ERROR"),
        ("?userId=alice&maxTokens=many", "VALIDATION_ERROR"),
        ("?userId=alice&userId=bob", "VALIDATION_ERROR"),
        ("?userId=%ff", "VALIDATION_ERROR"),
    ] {
        program
            .get(&format!("/v1/prompt-block{query}"))
            .refused(400, code);
    }
    let small = program
        .get(&format!("{BLOCK}&maxTokens=1500"))
        .of(200)
        .json();
    assert_eq!(small["maxTokens"], 1500);
    assert!(
        small["files"]
            .as_array()
            .unwrap()
            .iter()
            .any(|file| file["shown"] != "whole"),
        "{small}"
    );
    for profile in ["memexai", "mcp", "anthropic", "none"] {
        let block = program
            .get(&format!("{BLOCK}&profile={profile}"))
            .of(200)
            .json();
        assert!(
            block["promptBlock"]
                .as_str()
                .unwrap()
                .contains("# Nestline shared memory"),
            "{profile}"
        );
    }
}
