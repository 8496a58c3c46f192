//! A question as a person types it: words, "quoted phrases", -words that must not be there, `path:` and `tag:`.
//!
//! No question is an error: an unfinished quote is a word with a quote in it, and a lone minus is nothing.

use crate::model::search::language::Language;
use crate::model::search::phrase::Phrase;
use crate::model::search::terms::terms;
use crate::model::unicode::fold;

/// A question taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// What to look for, each once, in the order of the question.
    pub terms: Vec<QueryTerm>,
    /// What must stand in a passage as it is.
    pub phrases: Vec<Phrase>,
    /// What must not stand in a passage.
    pub excluded: Vec<Phrase>,
    /// What a path must contain, folded.
    pub paths: Vec<String>,
    /// What a file must be tagged with, folded.
    pub tags: Vec<String>,
}

/// A term to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryTerm {
    /// What is compared.
    pub text: String,
    /// The word as it was typed, folded, where it may be misspelt.
    pub word: Option<String>,
}

/// One piece of a question.
struct Piece<'a> {
    /// `-`, `path:`, `tag:` or nothing.
    kind: Kind,
    text: &'a str,
    is_quoted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Wanted,
    Excluded,
    Path,
    Tag,
}

const PREFIXES: [(&str, Kind); 3] = [
    ("-", Kind::Excluded),
    ("path:", Kind::Path),
    ("tag:", Kind::Tag),
];

impl Query {
    /// Takes a question apart.
    pub fn parse(question: &str, language: Language) -> Self {
        let mut query = Self::default();
        let mut words = Vec::new();
        for piece in pieces(question) {
            match piece.kind {
                Kind::Wanted => {
                    if piece.is_quoted {
                        query.phrases.extend(Phrase::read(piece.text));
                    }
                    words.push(piece.text);
                }
                Kind::Excluded => query.excluded.extend(Phrase::read(piece.text)),
                Kind::Path => query.paths.push(fold(piece.text).into_owned()),
                Kind::Tag => query.tags.push(fold(piece.text).into_owned()),
            }
        }
        query.terms = wanted(&words.join(" "), language);
        query
    }

    /// Whether it asks for nothing: then every passage that fits the filters is as good as any.
    pub fn is_filter_only(&self) -> bool {
        self.terms.is_empty()
    }
}

/// The terms of a question; without its question words, unless it has no others.
fn wanted(words: &str, language: Language) -> Vec<QueryTerm> {
    let all = terms(words, language);
    let is_weak = |range: &std::ops::Range<usize>| {
        let written = words.get(range.clone()).unwrap_or_default();
        language.is_question_word(&fold(written))
    };
    let is_all_weak = all.iter().all(|term| is_weak(&term.range));
    let mut wanted: Vec<QueryTerm> = Vec::new();
    for term in all {
        let is_known = wanted.iter().any(|other| other.text == term.text);
        if is_known || (is_weak(&term.range) && !is_all_weak) {
            continue;
        }
        let word = term.word.unwrap_or_else(|| term.text.clone());
        wanted.push(QueryTerm {
            text: term.text,
            word: term.is_word.then_some(word),
        });
    }
    wanted
}

fn pieces(question: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = question;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        if rest.is_empty() {
            return None;
        }
        let prefixed = PREFIXES.iter().find_map(|(prefix, kind)| {
            let after = rest.strip_prefix(prefix)?;
            let is_meant = after
                .chars()
                .next()
                .is_some_and(|next| next == '"' || !next.is_whitespace());
            is_meant.then_some((*kind, after))
        });
        let (kind, after) = prefixed.unwrap_or((Kind::Wanted, rest));
        let quoted = after
            .strip_prefix('"')
            .and_then(|inner| inner.split_once('"'));
        let (text, is_quoted, left) = match quoted {
            Some((inner, left)) => (inner, true, left),
            None => {
                let end = after.find(char::is_whitespace).unwrap_or(after.len());
                let (word, left) = after.split_at(end);
                (word, false, left)
            }
        };
        rest = left;
        Some(Piece {
            kind,
            text,
            is_quoted,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(question: &str) -> Query {
        Query::parse(question, Language::English)
    }

    fn texts(question: &str) -> Vec<String> {
        parse(question)
            .terms
            .into_iter()
            .map(|term| term.text)
            .collect()
    }

    #[test]
    fn a_question_is_what_it_asks_for() {
        let table: [(&str, &[&str]); 8] = [
            ("What is the user's budget?", &["user", "budget"]),
            ("who are you", &["who", "are", "you"]),
            ("budget Budgets", &["budget"]),
            ("user_id", &["user_id", "user", "id"]),
            ("", &[]),
            ("?!", &[]),
            ("\"dark mode\" please", &["dark", "mode"]),
            ("an \"unfinished quote", &["unfinish", "quot"]),
        ];
        for (question, expected) in table {
            assert_eq!(texts(question), expected, "{question:?}");
        }
    }

    #[test]
    fn filters_are_told_from_words() {
        let query = parse("budget -draft -\"old plan\" path:Notes/2024 path:\"a b\" tag:Money - -");
        assert_eq!(query.terms.len(), 1);
        assert_eq!(
            query.excluded,
            [
                Phrase::read("draft").unwrap(),
                Phrase::read("old plan").unwrap()
            ]
        );
        assert_eq!(query.paths, ["notes/2024", "a b"]);
        assert_eq!(query.tags, ["money"]);
    }

    #[test]
    fn a_minus_inside_a_word_is_a_part_of_it() {
        assert_eq!(texts("well-known"), ["well-known", "well", "known"]);
        assert!(parse("2 - 1").excluded.is_empty());
    }
}
