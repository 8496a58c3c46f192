//! How well a passage answers a question: BM25 over four fields, as one number.
//!
//! A passage's own words, title and headings included, count once; the title and the headings count again, since what a
//! passage is about stands there; and half of what the whole file scores is added, since a passage is rarely alone with
//! its subject. Of all weightings that were tried on questions with known answers, this one found most. The formula is
//! Robertson's, with the usual k1 = 1.2 and b = 0.75.
//!
//! The same function scores what an index holds and what was written a moment ago, so that a file's place does not change
//! when the index catches up.

use std::collections::HashMap;

use crate::model::search::language::Language;
use crate::model::search::passages::Passages;
use crate::model::search::terms::each_term;

const K1: f32 = 1.2;
const B: f32 = 0.75;
/// How much of its file's score a passage gets.
pub const FILE_WEIGHT: f32 = 0.5;

/// What is compared with a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// All words of a passage, its title and its headings.
    All,
    /// The words of the file's title and name.
    Title,
    /// The words of the headings.
    Heading,
    /// All words of the whole file.
    File,
}

impl Field {
    /// Each of them, in the order in which [`Counts`] and [`Totals`] have them.
    pub const EACH: [Self; 4] = [Self::All, Self::Title, Self::Heading, Self::File];
}

/// What is known of all passages and files together.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Totals {
    /// How many passages, or files, have each field.
    pub documents: [u64; 4],
    /// How many terms each field has in all of them.
    pub terms: [u64; 4],
}

/// A term of a question with how much finding it says, by field.
#[derive(Debug, Clone, PartialEq)]
pub struct Weighted {
    /// The term.
    pub text: String,
    /// What it counts.
    pub weight: f32,
    /// Its rarity in each field.
    pub rarity: [f32; 4],
}

/// How often each term stands in a text, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// By term.
    pub terms: HashMap<Box<str>, u32>,
    /// All of them together.
    pub length: u32,
}

/// The terms of a field with a blank between two of them, as an index takes them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldTerms {
    /// One after the other.
    pub joined: String,
    /// How many there are.
    pub length: u32,
}

/// A file's terms, as an index holds them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileTerms {
    /// Of the file as a whole.
    pub file: FieldTerms,
    /// The words of which the stem is another, as they are written.
    pub words: FieldTerms,
    /// Of each passage, in order.
    pub passages: Vec<PassageTerms>,
}

/// A passage's terms by field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassageTerms {
    /// See [`Field::All`].
    pub all: FieldTerms,
    /// See [`Field::Title`].
    pub title: FieldTerms,
    /// See [`Field::Heading`].
    pub heading: FieldTerms,
}

impl FileTerms {
    /// The terms of a file. `name` is its path below the folder of its owner, whose words are searched for, too.
    pub fn of(name: &str, text: &str, passages: &Passages, language: Language) -> Self {
        let mut read = Self::default();
        let title = read.words_of(&format!("{} {name}", passages.title), language);
        let front_matter = &passages.front_matter;
        let described = format!(
            "{} {}",
            front_matter.description.as_deref().unwrap_or_default(),
            front_matter.tags.0.join(" ")
        );
        let described = read.words_of(&described, language);
        read.file.extend(&title);
        read.file.extend(&described);
        for passage in &passages.parts {
            let body = text.get(passage.bytes.clone()).unwrap_or_default();
            let body = read.words_of(body, language);
            read.file.extend(&body);
            // The passage's own heading stands in its text.
            let above = passage
                .heading
                .split_last()
                .map_or(&[][..], |(_, above)| above);
            let mut all = title.clone();
            all.extend(&FieldTerms::of(&above.join(" "), language));
            all.extend(&described);
            all.extend(&body);
            read.passages.push(PassageTerms {
                all,
                title: title.clone(),
                heading: FieldTerms::of(&passage.heading.join(" "), language),
            });
        }
        read
    }

    /// The terms of a part of the file; its words are noted.
    fn words_of(&mut self, text: &str, language: Language) -> FieldTerms {
        let mut terms = FieldTerms::default();
        each_term(text, language, |_, read| {
            terms.push(read.text);
            if let Some(word) = read.word.filter(|_| read.is_word) {
                self.words.push(word);
            }
        });
        terms
    }
}

impl FieldTerms {
    fn of(text: &str, language: Language) -> Self {
        let mut terms = Self::default();
        each_term(text, language, |_, read| terms.push(read.text));
        terms
    }

    fn push(&mut self, term: &str) {
        if self.length > 0 {
            self.joined.push(' ');
        }
        self.joined.push_str(term);
        self.length += 1;
    }

    fn extend(&mut self, other: &Self) {
        if other.length > 0 && self.length > 0 {
            self.joined.push(' ');
        }
        self.joined.push_str(&other.joined);
        self.length += other.length;
    }
}

impl Counts {
    /// Counts terms.
    pub fn of(field: &FieldTerms) -> Self {
        let mut terms: HashMap<Box<str>, u32> = HashMap::new();
        for term in field.joined.split_ascii_whitespace() {
            match terms.get_mut(term) {
                Some(count) => *count += 1,
                None => drop(terms.insert(term.into(), 1)),
            }
        }
        let length = field.length;
        Self { terms, length }
    }

    /// How often a term is there.
    pub fn get(&self, term: &str) -> u32 {
        self.terms.get(term).copied().unwrap_or(0)
    }
}

impl Totals {
    /// What finding a term says that stands in so many documents.
    pub fn rarity(&self, field: Field, documents_with_it: u64) -> f32 {
        let all = self.documents[field as usize].max(documents_with_it) as f32;
        let with = documents_with_it as f32;
        (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
    }

    /// What a term adds to the score of a text of `length` terms that has it so many `times`.
    pub fn score(&self, field: Field, term: &Weighted, times: u32, length: u32) -> f32 {
        let at = field as usize;
        let average = self.terms[at].max(1) as f32 / self.documents[at].max(1) as f32;
        let times = times as f32;
        let norm = K1 * (1.0 - B + B * length as f32 / average);
        term.weight * term.rarity[at] * times * (K1 + 1.0) / (times + norm)
    }

    /// What all terms of a question add up to in one field of a text.
    pub fn score_all(&self, field: Field, terms: &[Weighted], counts: &Counts) -> f32 {
        let found = terms.iter().filter_map(|term| {
            let times = counts.get(&term.text);
            (times > 0).then(|| self.score(field, term, times, counts.length))
        });
        found.sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOTALS: Totals = Totals {
        documents: [100; 4],
        terms: [1_000; 4],
    };

    fn weighted(text: &str, documents: u64) -> Weighted {
        Weighted {
            text: text.to_owned(),
            weight: 1.0,
            rarity: [TOTALS.rarity(Field::All, documents); 4],
        }
    }

    #[test]
    fn rare_terms_short_texts_and_repetition_score_more() {
        let score = |documents, times, length| {
            TOTALS.score(Field::All, &weighted("a", documents), times, length)
        };
        assert!(score(1, 1, 10) > score(50, 1, 10));
        assert!(score(1, 1, 5) > score(1, 1, 10));
        assert!(score(1, 2, 10) > score(1, 1, 10));
        assert!(
            score(100, 1, 10) > 0.0,
            "a term that is everywhere still counts"
        );
    }

    #[test]
    fn a_file_is_all_its_words_and_a_passage_its_own() {
        let text = "---\ntags: [money]\n---\n# Prices\nintro\n## Annual\nbudget\n";
        let passages = Passages::read("knowledge/prices.md", text);
        let read = FileTerms::of("knowledge/prices.md", text, &passages, Language::English);
        let has = |terms: &FieldTerms, word: &str| Counts::of(terms).get(word) > 0;
        assert!(has(&read.file, "intro") && has(&read.file, "budget") && has(&read.file, "money"));
        let annual = &read.passages[1];
        assert!(
            has(&annual.all, "budget") && has(&annual.all, "price") && has(&annual.all, "knowledg")
        );
        assert!(
            !has(&annual.all, "intro")
                && has(&annual.heading, "annual")
                && has(&annual.title, "prices.md")
        );
    }
}
