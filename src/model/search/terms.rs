//! Text cut into terms: what an index holds, and what a question asks for.
//!
//! Letters, digits and the marks upon them make a word; it is folded and brought to its stem. Words that are joined as in
//! `user_id`, `node.js` or `getUserName` are terms one by one, and together. Scripts that put no space between words,
//! Chinese, Japanese, Korean and Thai among them, become single characters and pairs of neighbours: that finds what a
//! dictionary finds, and needs none.

use std::ops::Range;

use crate::model::search::language::Language;
use crate::model::unicode::{fold, is_mark};

/// A longer term is a key, an address or a picture in base64: nobody searches for it by typing it.
const TERM_BYTES_MAX: usize = 64;

/// One term and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// The bytes of the text it was read from.
    pub range: Range<usize>,
    /// What is compared.
    pub text: String,
    /// The word as it was written, folded, where that differs.
    pub word: Option<String>,
    /// Whether it is a word of letters that somebody may misspell.
    pub is_word: bool,
}

/// A term as it is read.
#[derive(Debug, Clone, Copy)]
pub struct Read<'a> {
    /// See [`Term::text`].
    pub text: &'a str,
    /// See [`Term::word`].
    pub word: Option<&'a str>,
    /// See [`Term::is_word`].
    pub is_word: bool,
}

/// All terms of a text in order.
pub fn terms(text: &str, language: Language) -> Vec<Term> {
    let mut terms = Vec::new();
    each_term(text, language, |range, read| {
        terms.push(Term {
            range,
            text: read.text.to_owned(),
            word: read.word.map(str::to_owned),
            is_word: read.is_word,
        });
    });
    terms
}

/// Hands all terms of a text out in order.
pub fn each_term(text: &str, language: Language, take: impl FnMut(Range<usize>, Read<'_>)) {
    let mut reader = Reader {
        text,
        language,
        take,
    };
    for run in Runs::of(text) {
        match run {
            Run::Word(range) => reader.word(range),
            Run::Ideographs(range) => reader.ideographs(range),
        }
    }
}

/// The words of a text as they are written, folded, and each ideograph: what a quoted phrase is compared by.
pub fn plain_words(text: &str) -> impl Iterator<Item = (Range<usize>, String)> + '_ {
    Runs::of(text).flat_map(move |run| {
        let ranges: Vec<_> = match run {
            Run::Word(range) => parts(text, range),
            Run::Ideographs(range) => characters(text, range).collect(),
        };
        ranges.into_iter().map(move |range| {
            let word = folded(slice(text, &range));
            (range, word)
        })
    })
}

struct Reader<'a, F> {
    text: &'a str,
    language: Language,
    take: F,
}

impl<F: FnMut(Range<usize>, Read<'_>)> Reader<'_, F> {
    fn word(&mut self, range: Range<usize>) {
        let parts = parts(self.text, range.clone());
        if parts.len() > 1 {
            self.push(
                range.clone(),
                &folded(slice(self.text, &range)),
                None,
                false,
            );
        }
        for part in parts {
            let word = folded(slice(self.text, &part));
            let stem = self.language.stem(&word);
            let is_word = word.chars().all(|c| c.is_alphabetic() || is_mark(c));
            let word = (stem != word).then_some(&*word);
            self.push(part, &stem, word, is_word);
        }
    }

    fn ideographs(&mut self, range: Range<usize>) {
        let mut before: Option<(Range<usize>, String)> = None;
        for range in characters(self.text, range) {
            let one = folded(slice(self.text, &range));
            if let Some((first, character)) = before {
                self.push(first.start..range.end, &(character + &one), None, false);
            }
            self.push(range.clone(), &one, None, false);
            before = Some((range, one));
        }
    }

    fn push(&mut self, range: Range<usize>, text: &str, word: Option<&str>, is_word: bool) {
        if (1..=TERM_BYTES_MAX).contains(&text.len()) {
            let word = word.filter(|word| word.len() <= TERM_BYTES_MAX);
            let read = Read {
                text,
                word,
                is_word,
            };
            (self.take)(range, read);
        }
    }
}

/// A stretch of text without a gap.
enum Run {
    Word(Range<usize>),
    Ideographs(Range<usize>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Gap,
    /// It joins words when it stands between two letters or digits.
    Joint,
    Word,
    Ideograph,
}

struct Runs<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Runs<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Where the run ends that begins at `start`.
    fn end(&self, start: usize, class: Class) -> usize {
        let mut end = start;
        let mut characters = slice(self.text, &(start..self.text.len()))
            .char_indices()
            .peekable();
        while let Some((at, character)) = characters.next() {
            let next = characters.peek().map(|(_, next)| classify(*next));
            let goes_on = match classify(character) {
                Class::Joint => class == Class::Word && next == Some(Class::Word),
                own => own == class,
            };
            if !goes_on {
                break;
            }
            end = start + at + character.len_utf8();
        }
        end
    }
}

impl Iterator for Runs<'_> {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        loop {
            let rest = slice(self.text, &(self.at..self.text.len()));
            let first = rest.chars().next()?;
            let class = classify(first);
            if matches!(class, Class::Gap | Class::Joint) {
                self.at += first.len_utf8();
                continue;
            }
            let range = self.at..self.end(self.at, class);
            self.at = range.end;
            return Some(match class {
                Class::Ideograph => Run::Ideographs(range),
                _ => Run::Word(range),
            });
        }
    }
}

fn classify(character: char) -> Class {
    if character.is_ascii() {
        return match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' => Class::Word,
            '_' | '.' | '-' | '\'' => Class::Joint,
            _ => Class::Gap,
        };
    }
    match character {
        '\u{2019}' | '\u{200c}' | '\u{200d}' => Class::Joint,
        _ if is_ideograph(character) => Class::Ideograph,
        _ if character.is_alphanumeric() || is_mark(character) => Class::Word,
        _ => Class::Gap,
    }
}

/// Whether a character belongs to a script that puts no space between words, or of which a word's ends are as good as
/// any cut: Han, kana, Hangul, Thai, Lao, Burmese, Khmer.
fn is_ideograph(character: char) -> bool {
    matches!(
        character,
        '\u{e00}'..='\u{eff}'
            | '\u{1000}'..='\u{109f}'
            | '\u{1100}'..='\u{11ff}'
            | '\u{1780}'..='\u{17ff}'
            | '\u{3005}'..='\u{3007}'
            | '\u{3041}'..='\u{30fa}'
            | '\u{30fc}'..='\u{318f}'
            | '\u{31f0}'..='\u{31ff}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7af}'
            | '\u{f900}'..='\u{faff}'
            | '\u{ff66}'..='\u{ff9f}'
            | '\u{20000}'..='\u{3ffff}'
    )
}

/// The words that are joined in one: at joints, and where a capital begins the next one.
fn parts(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let run = slice(text, &range);
    let mut parts = Vec::new();
    let mut start = range.start;
    let mut before: Option<char> = None;
    let mut characters = run.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let at = range.start + at;
        if matches!(character, '_' | '.' | '-') {
            parts.push(start..at);
            start = at + 1;
            before = None;
            continue;
        }
        let next = characters.peek().map(|(_, next)| *next);
        if before.is_some_and(|before| begins_a_word(before, character, next)) {
            parts.push(start..at);
            start = at;
        }
        before = Some(character);
    }
    parts.push(start..range.end);
    parts.retain(|part| !part.is_empty());
    parts
}

/// As `N` in `userName`, and `P` in `JSONParser`.
fn begins_a_word(before: char, character: char, next: Option<char>) -> bool {
    character.is_uppercase()
        && (before.is_lowercase() || before.is_uppercase() && next.is_some_and(char::is_lowercase))
}

fn characters(text: &str, range: Range<usize>) -> impl Iterator<Item = Range<usize>> + '_ {
    let start = range.start;
    slice(text, &range)
        .char_indices()
        .map(move |(at, character)| start + at..start + at + character.len_utf8())
}

/// The form in which two spellings of a word are one. Without blanks: some single characters fold to several words.
fn folded(word: &str) -> String {
    let folded = fold(word);
    if folded.is_ascii() {
        return folded.into_owned();
    }
    let kept = folded.chars().filter_map(|character| match character {
        '\u{2019}' => Some('\''),
        '\u{200c}' | '\u{200d}' => None,
        _ => (!character.is_whitespace()).then_some(character),
    });
    kept.collect()
}

fn slice<'a>(text: &'a str, range: &Range<usize>) -> &'a str {
    text.get(range.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        let terms = terms(text, Language::English).into_iter();
        terms.map(|term| term.text).collect()
    }

    #[test]
    fn words_become_terms() {
        let table: [(&str, &[&str]); 13] = [
            ("", &[]),
            ("The user's Budgets.", &["the", "user", "budget"]),
            ("user_id", &["user_id", "user", "id"]),
            ("see lib.rs.", &["see", "lib.rs", "lib", "rs"]),
            ("getUserName", &["getusername", "get", "user", "name"]),
            ("JSONParser", &["jsonparser", "json", "parser"]),
            ("Caf\u{e9} CAFE\u{301}", &["cafe", "cafe"]),
            ("80 lakh, 3.5%", &["80", "lakh", "3.5", "3", "5"]),
            (
                "\u{4ef7}\u{683c}",
                &["\u{4ef7}", "\u{4ef7}\u{683c}", "\u{683c}"],
            ),
            ("A\u{4ef7}b", &["a", "\u{4ef7}", "b"]),
            ("\u{ff76}", &["\u{30ab}"]),
            (
                "\u{928}\u{92e}\u{938}\u{94d}\u{924}\u{947}",
                &["\u{928}\u{92e}\u{938}\u{94d}\u{924}"],
            ),
            ("-- ' . _", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(texts(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_term_knows_where_it_stands_and_how_it_was_written() {
        let text = "two Budgets\u{2019} \u{4ef7}\u{683c}";
        for term in terms(text, Language::English) {
            let there = text.get(term.range.clone()).unwrap();
            assert!(fold(there).contains(term.text.as_str()), "{term:?}");
        }
        let budget = &terms(text, Language::English)[1];
        assert_eq!(budget.word.as_deref(), Some("budgets"));
    }

    #[test]
    fn a_term_has_a_bound() {
        assert_eq!(texts(&"x".repeat(TERM_BYTES_MAX)).len(), 1);
        assert!(texts(&"x".repeat(TERM_BYTES_MAX + 1)).is_empty());
    }

    #[test]
    fn phrases_are_compared_by_plain_words() {
        let words: Vec<_> = plain_words("Budgets: user_id \u{4ef7}\u{683c}")
            .map(|(_, word)| word)
            .collect();
        assert_eq!(words, ["budgets", "user", "id", "\u{4ef7}", "\u{683c}"]);
    }
}
