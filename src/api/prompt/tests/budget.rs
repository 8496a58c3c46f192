//! What a block shows when not everything fits.

use super::*;

#[test]
fn tokens_are_counted_nearly_as_the_whole_text_is() {
    let block = Memory::sample().block(&request("alice"));
    let exact = tokens::count(&block.prompt_block);
    assert!(
        block.tokens.abs_diff(exact) * 100 <= exact,
        "{} for {exact}",
        block.tokens
    );
    assert_eq!(
        block.tokens,
        block
            .segments
            .iter()
            .map(|segment| segment.tokens)
            .sum::<usize>()
    );
}

#[test]
fn the_first_segment_is_the_same_for_everybody() {
    let mut memory = Memory::sample();
    memory.write(
        "user/carol/index.md",
        &"A long list of things to know.\n".repeat(2_000),
    );
    memory.write("team/red/index.md", "We are red.\n");
    for max_tokens in [500, 1_000, 4_000, 8_000] {
        let first = |request| {
            memory
                .block(&within(max_tokens, request))
                .segments
                .swap_remove(0)
        };
        let alice = first(request("alice"));
        assert_eq!(first(request("carol")), alice);
        assert_eq!(first(request("nobody")), alice);
        assert_eq!(
            first(PromptRequest {
                team: Some(TeamId::parse("red").unwrap()),
                ..request("bob")
            }),
            alice
        );
        assert_ne!(
            first(PromptRequest {
                writes: false,
                ..request("alice")
            }),
            alice
        );
    }
}

/// A file of sections, each of about a hundred tokens and five lines.
fn sections(count: usize) -> String {
    (0..count)
        .map(|number| {
            format!(
                "# {number}\n\n{}\n{}\n\n",
                "a word ".repeat(24),
                "a word ".repeat(24)
            )
        })
        .collect()
}

#[test]
fn what_does_not_fit_is_cut_or_named() {
    let mut memory = Memory::of(&[
        ("shared/AGENTS.md", &sections(4)),
        ("shared/index.md", &sections(1)),
    ]);
    memory.write("shared/other.md", &sections(3));
    memory.write("user/alice/index.md", &sections(1));
    let [index, agents, other, user] = [
        "shared/index.md",
        "shared/AGENTS.md",
        "shared/other.md",
        "user/index.md",
    ]
    .map(|path| format!("path=\"{path}\""));
    let cut = |lines| format!("{agents} cut=\"lines 1-{lines} of 20; memory_read has the rest\"");
    let instructions = tokens::count(&instructions::instructions(Profile::Memexai, true));
    for (room, expected) in [
        (1_600, vec![&index, &agents, &other, &user]),
        (1_000, vec![&index, &agents, &user]),
        (800, vec![&index, &cut(15), &user]),
        (600, vec![&index, &cut(5), &user]),
        (400, vec![&index, &user]),
        (0, vec![&index, &user]),
    ] {
        let block = memory.block(&within(instructions + room, request("alice")));
        assert_eq!(
            attributes(&block).iter().collect::<Vec<_>>(),
            expected,
            "{room}"
        );
        let names = ["shared/other.md, shared/AGENTS.md", "shared/other.md"];
        let named = names.iter().find(|names| {
            block
                .prompt_block
                .contains(&format!("has them): {names}\n"))
        });
        assert_eq!(named.is_some(), room < 1_600);
        assert_eq!(named == Some(&names[0]), room <= 400);
        let warned = |text: &str| block.warnings.iter().any(|warning| warning.contains(text));
        assert_eq!(warned("only named: 1"), named.is_some());
        assert_eq!(
            warned("shared/AGENTS.md is cut"),
            block.prompt_block.contains(" cut=")
        );
        assert_eq!(
            warned("index files are never cut"),
            block.tokens > block.max_tokens
        );
        assert_eq!(
            room == 0,
            block.tokens > block.max_tokens,
            "{} {}",
            block.tokens,
            block.max_tokens
        );
    }
}

#[test]
fn unlisted_shared_files_are_printed_all_or_not_at_all() {
    let page = "word ".repeat(999) + "\n";
    let mut memory = Memory::of(&[]);
    for number in 0..6 {
        memory.write(&format!("shared/page-{number}.md"), &page);
    }
    assert_eq!(memory.block(&request("alice")).files.len(), 6);
    assert_eq!(attributes(&memory.block(&request("alice"))).len(), 6);
    for number in 6..25 {
        memory.write(&format!("shared/page-{number}.md"), "short\n");
    }
    let block = memory.block(&request("alice"));
    assert_eq!(attributes(&block), [""; 0]);
    assert!(
        block
            .prompt_block
            .contains("shared/page-0.md, shared/page-1.md, ")
    );
    assert!(block.prompt_block.contains(" and 5 more\n"));
    assert_eq!(
        block
            .files
            .iter()
            .filter(|file| file.shown == Shown::No)
            .count(),
        20
    );
    assert_eq!(block.revision, None);
    assert_eq!(
        block.warnings,
        ["shared/ does not fit whole; files that are only named: 25"]
    );
}

#[test]
fn without_an_index_the_users_files_are_named() {
    let mut memory = Memory::of(&[]);
    for number in 10..45 {
        memory.write(&format!("user/alice/{number}.md"), "text\n");
    }
    let block = memory.block(&request("alice"));
    assert!(
        block.segments[1]
            .text
            .ends_with(", user/38.md, user/39.md and 5 more\n"),
        "{}",
        block.segments[1].text
    );
    memory.write("user/alice/index.md", "index\n");
    let block = memory.block(&request("alice"));
    assert!(!block.prompt_block.contains("user/38.md"));
}

#[test]
fn the_settings_say_what_is_always_shown() {
    let memory = Memory::sample();
    let settings: PromptSettings = serde_json::from_str(
        r#"{"always": ["user/pro*.md", "shared/**/d*.md", "user/index.md"], "shared_tokens": 0}"#,
    )
    .unwrap();
    assert_eq!(settings.max_tokens, 8_000);
    let block = render(&memory.0, Layout::default(), &settings, &request("bob"));
    let paths = [
        "shared/knowledge/domain.md",
        "user/index.md",
        "user/profile.md",
        "user/projects.md",
    ];
    assert_eq!(
        attributes(&block),
        paths.map(|path| format!("path=\"{path}\""))
    );
    assert!(serde_json::from_str::<PromptSettings>(r#"{"allways": []}"#).is_err());
}
