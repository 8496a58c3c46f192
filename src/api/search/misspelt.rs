//! Words of a question that stand nowhere in sight: the words at one slip of the hand from them, which do.

use std::collections::BTreeMap;
use std::io;

use crate::backend::search_index::Near;
use crate::model::search::language::Language;
use crate::model::search::query::{Query, QueryTerm};
use crate::model::search::score::Weighted;

use super::Sight;
use super::base::Moment;

/// What a word counts that was not typed so.
const GUESSED_WEIGHT: f32 = 0.8;
/// Spellings that one word is taken for.
const GUESSES_MAX: usize = 5;
/// A shorter word is one slip away from too many others.
const WORD_CHARS_MIN: usize = 5;

/// The terms of a question with their weights.
pub(super) fn weighted(
    moment: &Moment,
    sight: &Sight,
    query: &Query,
    language: Language,
) -> io::Result<Vec<Weighted>> {
    let mut weighted: Vec<Weighted> = Vec::new();
    for term in &query.terms {
        let guesses = guesses(moment, sight, term, language)?;
        let (texts, weight) = match guesses.is_empty() {
            true => (vec![term.text.clone()], 1.0),
            false => (guesses, GUESSED_WEIGHT),
        };
        for text in texts {
            if weighted.iter().all(|other| other.text != text) {
                let rarity = moment.searcher.rarity(&text)?;
                weighted.push(Weighted {
                    text,
                    weight,
                    rarity,
                });
            }
        }
    }
    Ok(weighted)
}

/// The stems of what was meant by a word that stands nowhere, most frequent first.
fn guesses(
    moment: &Moment,
    sight: &Sight,
    term: &QueryTerm,
    language: Language,
) -> io::Result<Vec<String>> {
    let Some(word) = &term.word else {
        return Ok(Vec::new());
    };
    let is_known = moment.pending.iter().any(|file| file.has(&term.text));
    if word.chars().count() < WORD_CHARS_MIN
        || is_known
        || moment.searcher.has(sight.stretch(), &term.text)?
    {
        return Ok(Vec::new());
    }
    let near = Near::of(word);
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (other, count) in moment.searcher.words(sight.stretch(), &near)? {
        *counts.entry(language.stem(&other)).or_default() += count;
    }
    for other in moment.pending.iter().flat_map(|file| file.words()) {
        if near.has(other) {
            *counts.entry(language.stem(other)).or_default() += 1;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Ok(counts
        .into_iter()
        .take(GUESSES_MAX)
        .map(|(stem, _)| stem)
        .collect())
}
