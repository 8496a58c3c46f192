//! Nobody finds what is another's, and nobody learns that it is there.

use serde_json::{Value, json};

use super::{get, paths};
use crate::program::Program;

fn ask(program: &Program, user: &str, tool: &str, arguments: Value) -> Value {
    let body = json!({ "context": { "userId": user }, "arguments": arguments });
    program.call(tool, &body).of(200).json()
}

#[test]
fn anothers_text_is_in_no_answer_while_both_write() {
    let program = Program::serving(&[("shared/index.md", "# Index\n\ncommon word\n")]);
    std::thread::scope(|scope| {
        for (user, other) in [
            ("ann", "bob"),
            ("bob", "ann"),
            ("ann/bob", "ann"),
            ("bob:1", "bob"),
        ] {
            let program = &program;
            scope.spawn(move || {
                let secret = |user: &str, number: usize| {
                    let user: String = user.chars().filter(|c| c.is_alphanumeric()).collect();
                    format!("secretof{user}x{number}x")
                };
                for number in 0..40 {
                    let own = secret(user, number);
                    let path = format!("user/{own}.md");
                    let text = format!("# {own}\n\ncommon word {own}\n");
                    ask(
                        program,
                        user,
                        "memory_write",
                        json!({ "path": path, "content": text }),
                    );
                    let query = format!("common {}", secret(other, number));
                    for (tool, arguments) in [
                        ("memory_search", json!({ "query": query, "limit": 100 })),
                        (
                            "memory_search",
                            json!({ "query": "path:secretof", "limit": 100 }),
                        ),
                        ("memory_smart_read", json!({ "query": query })),
                        ("memory_smart_read", json!({})),
                    ] {
                        let mut answer = ask(program, user, tool, arguments);
                        answer["query"].take();
                        let told = answer.to_string();
                        let others = secret(other, 0);
                        let others = others.trim_end_matches("0x");
                        assert!(!told.contains(others), "{user}: {told}");
                    }
                    let found = ask(
                        program,
                        user,
                        "memory_search",
                        json!({ "query": "path:secretof", "limit": 100 }),
                    );
                    assert_eq!(paths(&found).len(), number + 1, "{user}");
                }
            });
        }
    });
}

#[test]
fn whether_another_has_a_word_changes_no_answer() {
    let program = Program::serving(&[
        ("user/ann/a.md", "# A\n\nthe zebra sleeps\n"),
        ("user/bob/b.md", "# B\n\nnothing\n"),
    ]);
    let asked = |query: &str| {
        let mut found = get(&program, &format!("userId=ann&explain=true&q={query}"));
        found["revision"].take();
        found
    };
    let queries = ["zebrra", "zebras", "zzebra", "quagga", "zebra"];
    let before: Vec<_> = queries.iter().map(|query| asked(query)).collect();
    assert_eq!(paths(&before[0]), ["user/a.md"]);
    let text = "# B\n\nzebrra zzebra quagga\n";
    ask(
        &program,
        "bob",
        "memory_write",
        json!({ "path": "user/b.md", "content": text }),
    );
    let after: Vec<_> = queries.iter().map(|query| asked(query)).collect();
    assert_eq!(before, after);
    // And when the index has it, too.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    for (query, before) in queries.iter().zip(&before) {
        assert_eq!(paths(&asked(query)), paths(before), "{query}");
    }
}

#[test]
fn nobody_searches_where_they_see_nothing() {
    let program = Program::serving(&[("user/ann/a.md", "zebra\n"), ("team/red/t.md", "zebra\n")]);
    for (query, code) in [
        ("q=zebra&prefix=user", "USER_ID_REQUIRED"),
        ("q=zebra&userId=ann&prefix=team", "TEAM_ID_REQUIRED"),
        ("q=zebra&userId=ann&prefix=../bob", "INVALID_PATH"),
        (
            "q=zebra&userId=ann&prefix=users/ann",
            "PHYSICAL_PATH_FORBIDDEN",
        ),
    ] {
        let refused = program.get(&format!("/v1/search?{query}"));
        assert_eq!(refused.code(), code, "{query}");
    }
    assert!(paths(&get(&program, "q=zebra")).is_empty());
    assert_eq!(paths(&get(&program, "q=zebra&teamId=red")), ["team/t.md"]);
}
