//! `/v1/revisions`: the history of a path, for whom it is.

use serde_json::{Value, json};

use super::is_moment;
use crate::program::{Program, file};

fn revisions(program: &Program, query: &str) -> Value {
    program
        .get(&format!("/v1/revisions?{query}"))
        .of(200)
        .json()
}

fn messages(revisions: &Value) -> Vec<&str> {
    let list = revisions["revisions"].as_array().unwrap();
    list.iter()
        .map(|revision| revision["message"].as_str().unwrap())
        .collect()
}

#[test]
fn the_history_of_a_path_is_newest_first_and_paged() {
    let program = Program::serving(&[("shared/index.md", "# Index\n")]);
    for number in 0..5 {
        let text = format!("{number}\n");
        program.ask(
            &file("PUT", "user/a.md")
                .header("x-memory-reason", format!("step {number}"))
                .body(text),
        );
    }
    program.ask(&file("PUT", "user/b.md").body("b\n")).of(201);
    let all = revisions(&program, "userId=alice&path=user/a.md");
    let expected: Vec<_> = (0..5)
        .rev()
        .map(|number| format!("Write user/alice/a.md: step {number}"))
        .collect();
    assert_eq!(messages(&all), expected);
    assert_eq!(
        all["pagination"],
        json!({ "limit": 200, "offset": 0, "hasMore": false })
    );
    let first = &all["revisions"][0];
    assert_eq!(
        (&first["operation"], &first["reason"]),
        (&json!("write"), &json!("step 4"))
    );
    assert_eq!(first["paths"], json!(["user/a.md"]));
    assert!(is_moment(&first["createdAt"]), "{first}");
    let page = revisions(&program, "userId=alice&path=user/a.md&limit=2&offset=1");
    assert_eq!(
        page["revisions"].as_array().unwrap(),
        &all["revisions"].as_array().unwrap()[1..3]
    );
    assert_eq!(
        page["pagination"],
        json!({ "limit": 2, "offset": 1, "hasMore": true })
    );
    let of_mount = revisions(&program, "userId=alice&path=user");
    assert_eq!(messages(&of_mount).len(), 6);
    let of_all = revisions(&program, "userId=alice");
    assert_eq!(
        messages(&of_all),
        [&messages(&of_mount)[..], &["Start"]].concat()
    );
    for wrong in [
        "limit=0",
        "limit=201",
        "limit=x",
        "offset=-1",
        "path=user/../a.md",
        "path=users/alice",
    ] {
        let answer = program.get(&format!("/v1/revisions?userId=alice&{wrong}"));
        assert_eq!(answer.status, 400, "{wrong}: {answer}");
    }
}

#[test]
fn nobody_sees_a_word_of_anothers_history() {
    let program = Program::serving(&[]);
    program.save("user/alice/a.md", "a\n");
    program.save("user/bob/secret.md", "b\n");
    program.git(&["add", "-A"]);
    program.git(&["commit", "-q", "-m", "Tell bob's secret"]);
    program.eventually("both are served", |program| {
        program.get("/v1/files/user/a.md?userId=alice").status == 200
            && program.get("/v1/files/user/secret.md?userId=bob").status == 200
    });
    let seen = revisions(&program, "userId=alice");
    assert_eq!(messages(&seen), ["Change user/a.md"]);
    let id = seen["revisions"][0]["id"].as_str().unwrap().to_owned();
    assert!(
        !seen.to_string().contains("bob") && !seen.to_string().contains("secret"),
        "{seen}"
    );
    let read = program.get(&format!(
        "/v1/files/user/secret.md?userId=alice&revision={id}"
    ));
    read.refused(404, "FILE_NOT_FOUND");
    program.ask(&file("DELETE", "user/a.md")).of(200);
    let of_bob = revisions(&program, "userId=bob&path=user/a.md");
    assert_eq!(messages(&of_bob), [""; 0]);
}
