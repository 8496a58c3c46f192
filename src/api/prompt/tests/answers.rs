//! Blocks as they are remembered and sent.

use super::*;
use crate::api::prompt::cache::PromptCache;

#[test]
fn the_json_has_the_promised_shape() {
    let memory = Memory::of(&[
        ("shared/index.md", "Hello.\n"),
        ("user/a/index.md", "Hi.\n"),
    ]);
    let json = serde_json::to_value(memory.block(&request("a"))).unwrap();
    let keys = |value: &serde_json::Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        keys(&json),
        "promptBlock revision tokens tokenizer maxTokens segments files warnings"
    );
    assert_eq!(keys(&json["segments"][0]), "name text tokens sha256");
    assert_eq!(
        keys(&json["files"][0]),
        "path blobId revision updatedAt bytes tokens shown"
    );
    assert_eq!(json["files"][1]["shown"], "whole");
    assert_eq!(json["files"][1]["updatedAt"], "1970-01-01T00:00:02.000Z");
    assert_eq!(json["revision"], memory.0.revision.to_string());
}

#[test]
fn a_system_prompt_is_the_base_and_the_block() {
    let block = Memory::of(&[]).block(&request("a"));
    assert_eq!(
        system_prompt(" You help.\n\n", &block),
        format!("You help.\n\n{}", block.prompt_block)
    );
}

#[test]
fn the_cache_gives_the_same_block_until_what_it_shows_changes() {
    let mut memory = Memory::sample();
    let cache = PromptCache::new(Layout::default(), PromptSettings::default());
    let mut before = cache.get(&memory.0, &request("alice"));
    for (path, text, is_new) in [
        ("user/bob/index.md", Some("other"), false),
        ("user/alice/index.md", Some("index"), true),
        ("user/alice/x.md", Some("unlisted"), true),
        ("team/red/index.md", Some("other"), false),
        ("shared/ops/onboarding.md", Some("shorter"), true),
        ("shared/ops/onboarding.md", None, true),
    ] {
        assert!(
            Arc::ptr_eq(&cache.get(&memory.0, &request("alice")), &before),
            "before {path}"
        );
        match text {
            Some(text) => memory.write(path, text),
            None => memory.delete(path),
        }
        let after = cache.get(&memory.0, &request("alice"));
        assert_eq!(!Arc::ptr_eq(&after, &before), is_new, "{path}");
        assert_eq!(after.block, memory.block(&request("alice")), "{path}");
        before = after;
    }
    let other = PromptRequest {
        writes: false,
        ..request("alice")
    };
    assert_ne!(cache.get(&memory.0, &other).block, before.block);
}

#[test]
fn each_form_is_the_block_and_has_its_own_etag() {
    let memory = Memory::sample();
    let cache = PromptCache::new(Layout::default(), PromptSettings::default());
    let rendered = cache.get(&memory.0, &request("alice"));
    assert_eq!(
        *rendered.json().body,
        serde_json::to_vec(&rendered.block).unwrap()
    );
    assert_eq!(
        *rendered.markdown().body,
        *rendered.block.prompt_block.as_bytes()
    );
    let anthropic: serde_json::Value = serde_json::from_slice(&rendered.anthropic().body).unwrap();
    let [shared, user] = anthropic["system"].as_array().unwrap().as_slice() else {
        panic!("{anthropic}")
    };
    assert_eq!(shared["cache_control"]["type"], "ephemeral");
    assert_eq!(user.get("cache_control"), None);
    assert_eq!(user["text"], *rendered.block.segments[1].text);
    let mut etags =
        [rendered.json(), rendered.markdown(), rendered.anthropic()].map(|form| form.etag.as_str());
    assert!(
        etags
            .iter()
            .all(|etag| etag.len() == 66 && etag.starts_with('"') && etag.ends_with('"'))
    );
    etags.sort_unstable();
    assert!(etags.windows(2).all(|pair| pair[0] != pair[1]));
}
