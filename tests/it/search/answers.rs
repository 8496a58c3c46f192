//! What is found, and what is told of it.

use serde_json::json;

use super::{get, paths, places, search};
use crate::program::Program;

const FILES: &[(&str, &str)] = &[
    (
        "shared/index.md",
        "# Index\n\n- prices -> shared/knowledge/prices.md\n",
    ),
    (
        "shared/knowledge/prices.md",
        "---\ntitle: What a home costs\ntags: [Money, homes]\nstale_after: 2020-01-01\n---\n# Prices\n\nSee [[taxes]].\n\n## Thane\n\nTwo rooms cost 70 lakh.\n\n## Pune\n\nTwo rooms cost 60 lakh; a garden is extra.\n",
    ),
    (
        "shared/knowledge/taxes.md",
        "# Taxes\n\nStamp duty is six percent.\n",
    ),
    (
        "user/alice/profile.md",
        "# Profile\n\n## Money\n\nBudget is 80 lakh for an apartment.\n\n## Tools\n\nHer code is in lib.rs and calls get_user_id, see [prices](../../shared/knowledge/prices.md).\n",
    ),
    ("user/alice/table.csv", "city,price\nPune,60\nThane,70\n"),
    (
        "user/bob/profile.md",
        "# Profile\n\nBudget is 12 lakh for a boat.\n",
    ),
];

#[test]
fn a_question_in_plain_words_finds_its_passage() {
    let program = Program::serving(FILES);
    let profile = |heading: &str| ("user/profile.md".to_owned(), format!("Profile > {heading}"));
    for (query, expected) in [
        ("What is the user's budget?", profile("Money")),
        ("apartmnt", profile("Money")),
        ("budgets of apartments", profile("Money")),
        ("lib.rs", profile("Tools")),
        ("user_id", profile("Tools")),
        ("GETUSERID get_user_id", profile("Tools")),
        ("where is the code", profile("Tools")),
        (
            "garden",
            ("shared/knowledge/prices.md".into(), "Prices > Pune".into()),
        ),
        (
            "taxes.md",
            ("shared/knowledge/taxes.md".into(), "Taxes".into()),
        ),
        ("table.csv", ("user/table.csv".into(), String::new())),
    ] {
        assert_eq!(
            places(&search(&program, query)).first(),
            Some(&expected),
            "{query}"
        );
    }
}

#[test]
fn a_result_says_where_it_stands_and_what_was_found() {
    let program = Program::serving(FILES);
    let found = search(&program, "stamp duty");
    let first = &found["results"][0];
    assert_eq!(
        first["snippet"],
        "# Taxes <b>Stamp</b> <b>duty</b> is six percent."
    );
    assert_eq!(first["lines"], json!([1, 3]));
    assert_eq!(
        (&first["rank"], &first["title"]),
        (&json!(1.0), &json!("Taxes"))
    );
    assert_eq!(
        (&found["query"], &found["truncated"]),
        (&json!("stamp duty"), &json!(false))
    );
    assert!(super::super::doors::is_moment(&first["updatedAt"]));
    let stale = search(&program, "garden");
    assert_eq!(stale["results"][0]["stale"], true);
}

#[test]
fn a_question_is_narrowed_down() {
    let program = Program::serving(FILES);
    let table: [(&str, &[&str]); 9] = [
        ("\"cost 60 lakh\"", &["shared/knowledge/prices.md"]),
        ("\"60 cost lakh\"", &[]),
        ("lakh -apartment -rooms", &[]),
        ("lakh -rooms", &["user/profile.md"]),
        (
            "lakh path:knowledge",
            &["shared/knowledge/prices.md", "shared/knowledge/prices.md"],
        ),
        ("lakh tag:money path:nowhere", &[]),
        ("rooms tag:MONEY -garden", &["shared/knowledge/prices.md"]),
        ("path:taxes", &["shared/knowledge/taxes.md"]),
        ("?!", &[]),
    ];
    for (query, expected) in table {
        assert_eq!(paths(&search(&program, query)), expected, "{query}");
    }
    let in_prefix = json!({ "query": "lakh", "prefix": "user" });
    let found = program.tool("memory_find", in_prefix).of(200).json();
    assert_eq!(paths(&found), ["user/profile.md"]);
    for arguments in [
        json!({ "query": " " }),
        json!({}),
        json!({ "query": "a", "limit": 0 }),
        json!({ "query": "a", "limit": "3" }),
        json!({ "query": "a", "maxChars": 0 }),
        json!({ "query": "a", "maxReads": 51 }),
    ] {
        program
            .tool("memory_search", arguments)
            .refused(400, "VALIDATION_ERROR");
    }
    let limited = json!({ "query": "lakh", "limit": 1, "maxReads": 5, "actor": null });
    assert_eq!(
        paths(&program.tool("memory_search", limited).of(200).json()).len(),
        1
    );
    let short = json!({ "query": "lakh", "maxChars": 1 });
    let short = program.tool("memory_search", short).of(200).json();
    assert_eq!(
        (paths(&short).len(), &short["truncated"]),
        (1, &json!(true))
    );
}

#[test]
fn people_search_with_filters() {
    let program = Program::serving(FILES);
    program
        .tool(
            "memory_write",
            json!({ "path": "user/new.md", "content": "seventy lakh" }),
        )
        .of(200);
    let as_alice = |rest: &str| paths(&get(&program, &format!("userId=alice&q=lakh&{rest}")));
    assert_eq!(as_alice("scope=shared").len(), 2);
    assert_eq!(as_alice("scope=user&prefix=user/new.md"), ["user/new.md"]);
    assert_eq!(as_alice("tag=homes").len(), 2);
    assert_eq!(as_alice("author=agent@"), ["user/new.md"]);
    assert_eq!(as_alice("author=nobody"), Vec::<String>::new());
    assert_eq!(as_alice("since=2999-01-01"), Vec::<String>::new());
    assert_eq!(as_alice("since=2020-01-01").len(), 4);
    assert_eq!(as_alice("asOf=2020-01-01"), Vec::<String>::new());
    assert_eq!(as_alice("asOf=2999-01-01").len(), 4);
    for wrong in [
        "since=soon",
        "asOf=then",
        "scope=other",
        "scope=user&prefix=shared",
        "explain=maybe",
        "limit=0",
    ] {
        program
            .get(&format!("/v1/search?userId=alice&q=lakh&{wrong}"))
            .refused(400, "VALIDATION_ERROR");
    }
    program
        .get("/v1/search?userId=alice")
        .refused(400, "VALIDATION_ERROR");
    let explained = get(&program, "userId=alice&q=garden&explain=true");
    let parts = explained["results"][0]["explain"].as_array().unwrap();
    let shares: f64 = parts
        .iter()
        .map(|part| part["share"].as_f64().unwrap())
        .sum();
    assert!((shares - 1.0).abs() < 0.01, "{parts:?}");
}

#[test]
fn what_was_said_before_is_found_at_its_time() {
    let program = Program::serving(FILES);
    let text = |program: &Program, query: &str| {
        let found = get(program, &format!("userId=alice&q=budget&{query}"));
        found["results"][0]["snippet"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let before = program.git(&["log", "-1", "--format=%cI"]);
    // History tells moments apart by the second.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let patch = json!({ "path": "user/profile.md", "operation": "replace_lines",
        "match": "Budget is 80 lakh for an apartment.", "replacement": "Budget is 95 lakh." });
    program.tool("memory_patch", patch).of(200);
    assert!(text(&program, "").contains("95 lakh"));
    let then = before.replace('+', "%2B");
    assert!(text(&program, &format!("asOf={then}")).contains("80 lakh"));
    // The daemon's own commit is the newest at the end of all days; the other files are as old as they were.
    assert!(text(&program, "asOf=2999-01-01&author=agent@").contains("95 lakh"));
    let of_person = get(
        &program,
        "userId=alice&q=lakh&asOf=2999-01-01&author=agent@",
    );
    assert_eq!(paths(&of_person), ["user/profile.md"]);
}

#[test]
fn the_commits_are_found_that_added_or_removed_a_phrase() {
    let program = Program::serving(FILES);
    let patch = |find: &str, replacement: &str| {
        let patch = json!({ "path": "user/profile.md", "operation": "replace_lines",
            "match": find, "replacement": replacement });
        program.tool("memory_patch", patch).of(200);
    };
    patch("Budget is 80 lakh", "Budget is 95 lakh");
    patch("Her code", "All her code");
    patch("Budget is 95 lakh", "Budget: one crore");
    let said = |query: &str| -> Vec<(String, String)> {
        let found = program
            .get(&format!("/v1/revisions?{query}"))
            .of(200)
            .json();
        let revisions = found["revisions"].as_array().unwrap().iter();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        revisions
            .map(|revision| (text(&revision["phrase"]), text(&revision["operation"])))
            .collect()
    };
    let was = |said: &str| (said.to_owned(), "patch".to_owned());
    assert_eq!(
        said("userId=alice&phrase=95%20LAKH"),
        [was("removed"), was("added")]
    );
    let first = [was("removed"), ("added".to_owned(), String::new())];
    assert_eq!(said("userId=alice&phrase=80%20lakh"), first);
    assert_eq!(said("userId=alice&phrase=80%20lakh&path=shared"), []);
    assert_eq!(said("userId=bob&phrase=95%20lakh"), []);
    program
        .get("/v1/revisions?userId=alice&phrase=-")
        .refused(400, "VALIDATION_ERROR");
    let log = program.cli(&["log", "--phrase", "95 lakh"]);
    let log = String::from_utf8(log.stdout).unwrap();
    assert_eq!(log.lines().count(), 2, "{log}");
    assert!(log.contains("removed") && log.contains("added"), "{log}");
}

#[test]
fn a_context_holds_what_bears_on_a_question_and_what_that_links_to() {
    let program = Program::serving(FILES);
    let read = |arguments| program.tool("memory_context", arguments).of(200).json();
    let found = read(json!({ "query": "code lib.rs", "relatedDepth": 2 }));
    let about = json!([
        { "path": "user/profile.md", "reason": "query_match", "depth": 0 },
        { "path": "shared/knowledge/prices.md", "reason": "linked", "linkedFrom": "user/profile.md", "depth": 1 },
        { "path": "shared/knowledge/taxes.md", "reason": "linked", "linkedFrom": "shared/knowledge/prices.md", "depth": 2 },
    ]);
    assert_eq!(found["filesIncludedMeta"], about);
    let content = found["content"].as_str().unwrap();
    assert!(
        content.contains("Budget is 80 lakh") && content.contains("Stamp duty"),
        "{content}"
    );
    let alone = read(json!({ "query": "code lib.rs", "includeRelated": false }));
    assert_eq!(alone["filesIncluded"], json!(["user/profile.md"]));
    let tight = read(json!({ "query": "code lib.rs", "maxChars": 10 }));
    assert_eq!(tight["filesIncluded"], json!(["user/profile.md"]));
    assert_eq!(
        (&tight["filesOmitted"], &tight["truncated"]),
        (&json!(["shared/knowledge/prices.md"]), &json!(true))
    );
    let newest = read(json!({}));
    assert_eq!(newest["filesIncluded"].as_array().unwrap().len(), 5);
    assert_eq!(newest["filesIncludedMeta"][0]["reason"], "recency");
    assert!(!newest["content"].as_str().unwrap().contains("boat"));
}

#[test]
fn links_lead_both_ways() {
    let program = Program::serving(FILES);
    let links = |path: &str| {
        program
            .get(&format!("/v1/links?userId=alice&path={path}"))
            .of(200)
            .json()
    };
    let prices = links("shared/knowledge/prices.md");
    assert_eq!(
        prices["links"],
        json!([{ "line": 8, "target": "taxes", "path": "shared/knowledge/taxes.md" }])
    );
    let back: Vec<_> = prices["backlinks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|link| &link["path"])
        .collect();
    assert_eq!(back, ["shared/index.md", "user/profile.md"]);
    program
        .get("/v1/links?userId=alice&path=user/none.md")
        .refused(404, "FILE_NOT_FOUND");
}

#[test]
fn the_command_line_finds_the_same() {
    let program = Program::serving(FILES);
    let said = |arguments: &[&str]| String::from_utf8(program.cli(arguments).stdout).unwrap();
    let found = said(&["search", "what", "is", "the", "budget"]);
    assert!(
        found.contains("user/alice/profile.md:3  Profile > Money"),
        "{found}"
    );
    assert!(found.contains("user/bob/profile.md"), "{found}");
    let as_bob = said(&["search", "budget", "--user", "bob"]);
    assert!(
        as_bob.contains("user/profile.md:1") && !as_bob.contains("80 lakh"),
        "{as_bob}"
    );
    assert_eq!(said(&["search", "zebra"]), "Nothing was found.\n");
    let as_json: serde_json::Value =
        serde_json::from_str(&said(&["--json", "search", "garden", "--prefix", "shared"])).unwrap();
    assert_eq!(as_json["results"][0]["path"], "shared/knowledge/prices.md");
}
