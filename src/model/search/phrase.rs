//! Quoted phrases: words that stand next to each other in this order, whatever their case and what is between them.

use std::collections::VecDeque;
use std::ops::Range;

use crate::model::search::terms::plain_words;

/// The words of a phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase(Vec<String>);

impl Phrase {
    /// Reads what stood between quotes; none where that has no word.
    pub fn read(quoted: &str) -> Option<Self> {
        let words: Vec<_> = plain_words(quoted).map(|(_, word)| word).collect();
        (!words.is_empty()).then_some(Self(words))
    }

    /// Where the phrase stands in a text.
    pub fn found_in<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        let mut last: VecDeque<(Range<usize>, String)> = VecDeque::with_capacity(self.0.len());
        plain_words(text).filter_map(move |word| {
            if last.len() == self.0.len() {
                last.pop_front();
            }
            last.push_back(word);
            let is_it =
                last.len() == self.0.len() && last.iter().map(|(_, word)| word).eq(self.0.iter());
            let (first, end) = (last.front()?.0.start, last.back()?.0.end);
            is_it.then_some(first..end)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_is_found_where_its_words_stand_together() {
        type Row<'a> = (&'a str, &'a str, &'a [(usize, usize)]);
        let table: [Row<'_>; 6] = [
            ("dark mode", "Prefers Dark-Mode.", &[(8, 17)]),
            (
                "dark mode",
                "dark, mode and dark mode",
                &[(0, 10), (15, 24)],
            ),
            ("dark mode", "mode dark", &[]),
            ("budgets", "budget", &[]),
            ("\u{4ef7}\u{683c}", "\u{7684}\u{4ef7}\u{683c}", &[(3, 9)]),
            ("a", "a a", &[(0, 1), (2, 3)]),
        ];
        for (phrase, text, expected) in table {
            let phrase = Phrase::read(phrase).unwrap();
            let found: Vec<_> = phrase
                .found_in(text)
                .map(|range| (range.start, range.end))
                .collect();
            assert_eq!(found, expected, "{phrase:?} {text}");
        }
    }

    #[test]
    fn nothing_is_no_phrase() {
        assert_eq!(Phrase::read(" ... "), None);
    }
}
