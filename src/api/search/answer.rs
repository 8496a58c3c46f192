//! What a search answers: the passages with the words that were found marked, and why each is there.

use std::collections::HashSet;
use std::ops::Range;

use serde_json::{Value, json};

use super::{Findings, Found};
use crate::backend::clock;
use crate::model::path::Layout;
use crate::model::search::language::Language;
use crate::model::search::passages::Passage;
use crate::model::search::score::{Counts, FILE_WEIGHT, Field, FileTerms};
use crate::model::search::terms::terms;
use crate::model::snapshot::Seconds;

/// Bytes of a passage that a snippet shows, a word more or less.
const SNIPPET_BYTES: usize = 320;
/// What stands before the first word that is shown, to read it by.
const LEAD_BYTES: usize = 60;

/// How an answer is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The most characters that all snippets together have.
    pub max_chars: usize,
    /// Whether to say what each term added to the score.
    pub explain: bool,
    /// What time it is, for what has become stale.
    pub now: Seconds,
}

/// The answer as JSON: `{query, results, truncated, revision}`.
pub fn answer(
    findings: &Findings,
    question: &str,
    asked: Asked,
    (layout, language): (Layout, Language),
) -> Value {
    let best = findings.passages.first().map_or(1.0, |found| found.score);
    let wanted: HashSet<&str> = findings
        .terms
        .iter()
        .map(|term| term.text.as_str())
        .collect();
    let mut left = asked.max_chars;
    let mut results = Vec::new();
    for found in &findings.passages {
        let snippet = snippet(found.text(), language, |term| wanted.contains(term));
        let length = snippet.chars().count();
        if length > left && !results.is_empty() {
            break;
        }
        left = left.saturating_sub(length);
        let mut result = json!({
            "path": found.name,
            "snippet": snippet,
            "rank": rounded(found.score / best),
            "updatedAt": clock::iso(found.file.updated_at),
            "title": found.passages.title,
            "heading": found.passage().map(Passage::headline).unwrap_or_default(),
            "lines": found.passage().map(|passage| [passage.lines.start, passage.lines.end - 1]),
            "blobId": found.file.blob,
        });
        if let Some(stale) = found.passages.front_matter.stale_after.as_deref() {
            let since = clock::parse(stale, clock::Edge::Start);
            result["stale"] = since.is_some_and(|since| asked.now >= since).into();
        }
        if asked.explain {
            result["explain"] = explained(findings, found, best, (layout, language));
        }
        results.push(result);
    }
    json!({
        "query": question,
        "truncated": results.len() < findings.passages.len(),
        "results": results,
        "revision": findings.revision,
    })
}

/// A part of a text with the terms that `is_wanted` between `<b>` and `</b>`, in one line.
pub fn snippet(text: &str, language: Language, is_wanted: impl Fn(&str) -> bool) -> String {
    let found = terms(text, language).into_iter();
    let found = found
        .filter(|term| is_wanted(&term.text))
        .map(|term| term.range);
    let marks = joined(found.collect());
    let shown = window(text, &marks);
    let mut snippet = String::new();
    if shown.start > 0 {
        snippet.push_str("... ");
    }
    let mut at = shown.start;
    for mark in marks
        .iter()
        .filter(|mark| mark.start >= shown.start && mark.end <= shown.end)
    {
        snippet.push_str(text.get(at..mark.start).unwrap_or_default());
        snippet.push_str("<b>");
        snippet.push_str(text.get(mark.clone()).unwrap_or_default());
        snippet.push_str("</b>");
        at = mark.end;
    }
    snippet.push_str(text.get(at..shown.end).unwrap_or_default());
    if shown.end < text.trim_end().len() {
        snippet.push_str(" ...");
    }
    snippet.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Ranges in order, those that touch made one.
fn joined(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

/// The stretch of a text that has most of the marks.
fn window(text: &str, marks: &[Range<usize>]) -> Range<usize> {
    if text.len() <= SNIPPET_BYTES {
        return 0..text.len();
    }
    let within = |start: usize| {
        let inside = marks
            .iter()
            .filter(|mark| mark.start >= start && mark.end <= start + SNIPPET_BYTES);
        inside.count()
    };
    let starts = marks
        .iter()
        .map(|mark| mark.start.saturating_sub(LEAD_BYTES));
    let start = starts.rev().max_by_key(|start| within(*start)).unwrap_or(0);
    let start = start.min(text.len() - SNIPPET_BYTES);
    let is_blank = |at: usize| text.as_bytes().get(at).is_none_or(u8::is_ascii_whitespace);
    let boundary = |from: usize, to: usize| (from..to).find(|at| is_blank(*at));
    let start = match start {
        0 => 0,
        start => boundary(start, start + LEAD_BYTES / 2).unwrap_or(start),
    };
    let end = (start + SNIPPET_BYTES).min(text.len());
    let end = boundary(end, end + LEAD_BYTES / 2).unwrap_or(end);
    text.floor_char_boundary(start)..text.ceil_char_boundary(end)
}

/// What each term added in which field, as a part of the best score.
fn explained(
    findings: &Findings,
    found: &Found,
    best: f32,
    (layout, language): (Layout, Language),
) -> Value {
    let (_, name) = layout.owner_folder(&found.path);
    let read = FileTerms::of(name, &found.file.text, &found.passages, language);
    let Some(passage) = read.passages.get(found.part) else {
        return json!([]);
    };
    let fields = [
        ("passage", Field::All, &passage.all, 1.0),
        ("title", Field::Title, &passage.title, 1.0),
        ("heading", Field::Heading, &passage.heading, 1.0),
        ("file", Field::File, &read.file, FILE_WEIGHT),
    ];
    let mut parts = Vec::new();
    for (name, field, terms, weight) in fields {
        let counts = Counts::of(terms);
        for term in &findings.terms {
            let times = counts.get(&term.text);
            if times > 0 {
                let score = weight * findings.totals.score(field, term, times, counts.length);
                parts.push(json!({
                    "term": term.text,
                    "field": name,
                    "times": times,
                    "share": rounded(score / best),
                }));
            }
        }
    }
    parts.into()
}

fn rounded(share: f32) -> f64 {
    (f64::from(share) * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, wanted: &[&str]) -> String {
        snippet(text, Language::English, |term| wanted.contains(&term))
    }

    #[test]
    fn what_was_found_is_marked() {
        let table: [(&str, &[&str], &str); 5] = [
            (
                "Her Budgets,\nand more",
                &["budget"],
                "Her <b>Budgets</b>, and more",
            ),
            ("nothing", &["budget"], "nothing"),
            (
                "user_id here",
                &["user_id", "user", "id"],
                "<b>user_id</b> here",
            ),
            (
                "\u{7684}\u{4ef7}\u{683c}",
                &["\u{4ef7}", "\u{683c}", "\u{4ef7}\u{683c}"],
                "\u{7684}<b>\u{4ef7}\u{683c}</b>",
            ),
            ("", &["a"], ""),
        ];
        for (text, wanted, expected) in table {
            assert_eq!(shown(text, wanted), expected);
        }
    }

    #[test]
    fn of_a_long_text_the_part_with_the_words_is_shown() {
        let filler = "lorem ipsum dolor ".repeat(60);
        let text = format!("{filler}the budget is here and the budget is there {filler}");
        let snippet = shown(&text, &["budget"]);
        assert_eq!(snippet.matches("<b>budget</b>").count(), 2, "{snippet}");
        assert!(snippet.starts_with("... ") && snippet.ends_with(" ...") && snippet.len() < 500);
    }

    #[test]
    fn no_character_is_cut_in_two() {
        let text = "\u{4ef7}\u{683c}\u{1f600}".repeat(400);
        for wanted in ["\u{683c}", "nothing"] {
            assert!(shown(&text, &[wanted]).chars().count() > 50);
        }
    }
}
