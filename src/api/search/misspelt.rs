//! Words of a question that stand nowhere in sight: the words at one slip of the hand from them, which do.

use std::collections::BTreeMap;
use std::io;

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
const WORD_CHARS_MIN: usize = 4;

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
                let rarity = moment.base.searcher.rarity(&text)?;
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
        || moment
            .base
            .searcher
            .files_with(sight.stretch(), &term.text)?
            > 0
    {
        return Ok(Vec::new());
    }
    let is_near = |other: &str| is_one_slip(word, other);
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (other, count) in moment.base.searcher.words(sight.stretch(), is_near)? {
        *counts.entry(language.stem(&other)).or_default() += count;
    }
    for other in moment.pending.iter().flat_map(|file| file.words()) {
        if is_near(other) {
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

/// Whether one letter too many, too few or wrong, or two in the wrong order, is all that is between two words.
fn is_one_slip(one: &str, other: &str) -> bool {
    let difference = one.len().abs_diff(other.len());
    if difference > 4 || one == other {
        return false;
    }
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let (short, long) = match one.len() <= other.len() {
        true => (&*one, &*other),
        false => (&*other, &*one),
    };
    let same = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let (short, long) = (
        short.get(same..).unwrap_or(&[]),
        long.get(same..).unwrap_or(&[]),
    );
    match (short, long) {
        (_, [_, rest @ ..]) if short == rest => true,
        ([_, one @ ..], [_, other @ ..]) if one == other => true,
        ([a, b, one @ ..], [c, d, other @ ..]) => (a, b) == (d, c) && one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slip_is_one_slip() {
        for (word, typed) in [
            ("apartment", "apartmnt"),
            ("apartment", "appartment"),
            ("apartment", "apartmant"),
            ("apartment", "apratment"),
            ("apartment", "apartmentt"),
            ("apartment", "partment"),
            (
                "\u{43a}\u{43d}\u{438}\u{433}\u{430}",
                "\u{43a}\u{43d}\u{433}\u{430}",
            ),
        ] {
            assert!(
                is_one_slip(word, typed) && is_one_slip(typed, word),
                "{word} {typed}"
            );
        }
        for (word, other) in [
            ("apartment", "apartment"),
            ("apartment", "aprtmnt"),
            ("abcd", "dcba"),
            ("ab", ""),
        ] {
            assert!(!is_one_slip(word, other), "{word} {other}");
        }
    }
}
