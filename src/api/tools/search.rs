//! The tools that find: passages that answer a question, and a context that bears on it.

use serde_json::Value;

use super::schema::{flag, number, object, text};
use super::{Run, ToolKind, ToolSpec};
use crate::api::fields::Fields;
use crate::api::finding::{Find, check_length};
use crate::api::memory::Memory;
use crate::api::search::{Budget, Drawn, Sight, context};
use crate::model::caller::Caller;
use crate::model::error::Error;
use crate::model::limits::{
    CONTEXT_CHARS, LINK_DEPTH_MAX, SEARCH_CHARS_MAX, SEARCH_READS_MAX, SEARCH_RESULTS_MAX,
};
use crate::model::path::VirtualPrefix;

/// Where the arguments stand in a request.
const AT: &[&str] = &["arguments"];

pub(super) const SEARCH: ToolSpec = ToolSpec {
    name: "memory_search",
    description: "Finds the passages of the memory that answer a question, best first, in any language. Ask in plain \
                  words; \"quoted words\" must stand together, -word must not be there, path:notes and tag:money \
                  narrow it down. Use it before you answer what may depend on this user.",
    kind: ToolKind::Files,
    schema: || {
        object(
            &["query"],
            [
                ("query", text("What to find, as a question or as words")),
                (
                    "limit",
                    number(1..=SEARCH_RESULTS_MAX, "The most results; 10 when left out"),
                ),
                (
                    "prefix",
                    text("Only in this folder, such as user/ or shared/knowledge"),
                ),
                (
                    "maxChars",
                    number(
                        1..=SEARCH_CHARS_MAX,
                        "The most characters of all snippets together",
                    ),
                ),
            ],
        )
    },
    run: Run::Find(search),
};

pub(super) const SMART_READ: ToolSpec = ToolSpec {
    name: "memory_smart_read",
    description: "Reads the files that bear on a question, whole, as many as fit, with the files they link to. Without \
                  a question it reads what changed last.",
    kind: ToolKind::Files,
    schema: || {
        object(
            &[],
            [
                ("query", text("What the files should bear on")),
                (
                    "maxChars",
                    number(
                        1..=SEARCH_CHARS_MAX,
                        "The most characters; 24000 when left out",
                    ),
                ),
                (
                    "includeRelated",
                    flag("Whether to follow links; so when there is a query"),
                ),
                (
                    "relatedDepth",
                    number(
                        0..=LINK_DEPTH_MAX,
                        "How many links to follow; 1 when left out",
                    ),
                ),
            ],
        )
    },
    run: Run::Find(smart_read),
};

fn search(memory: &Memory, caller: &Caller, arguments: &Value) -> Result<Drawn, Error> {
    let (query, limit, prefix, max_chars) = Fields::read(arguments, AT, |fields| {
        let given = (
            fields.text("query"),
            fields.optional_number("limit", 1..=SEARCH_RESULTS_MAX),
            fields.optional_text("prefix"),
            fields.optional_number("maxChars", 1..=SEARCH_CHARS_MAX),
            fields.optional_number("maxReads", 1..=SEARCH_READS_MAX),
        );
        given.4?;
        Some((given.0?, given.1?, given.2?, given.3?))
    })?;
    let layout = memory.store().layout();
    let sight = Sight::of(layout, caller, &VirtualPrefix::parse(prefix)?)?;
    let find = Find {
        question: query.to_owned(),
        limit,
        max_chars,
        ..Find::default()
    };
    find.run(memory, &sight)
}

fn smart_read(memory: &Memory, caller: &Caller, arguments: &Value) -> Result<Drawn, Error> {
    let (query, max_chars, related, depth) = Fields::read(arguments, AT, |fields| {
        let given = (
            fields.optional_text("query"),
            fields.optional_number("maxChars", 1..=SEARCH_CHARS_MAX),
            fields.optional_flag("includeRelated"),
            fields.optional_number("relatedDepth", 0..=LINK_DEPTH_MAX),
        );
        Some((given.0?, given.1?, given.2?, given.3?))
    })?;
    let query = query.filter(|query| !query.trim().is_empty());
    check_length(query.unwrap_or_default())?;
    let depth = match related.unwrap_or(query.is_some()) {
        true => depth.unwrap_or(1),
        false => 0,
    };
    let budget = Budget {
        max_chars: max_chars.unwrap_or(CONTEXT_CHARS),
        depth,
    };
    let layout = memory.store().layout();
    let sight = Sight::of(layout, caller, &VirtualPrefix::parse(None)?)?;
    context(&*memory.search()?, &sight, query, budget, layout)
}
