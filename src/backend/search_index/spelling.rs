//! Words at one slip of the hand from another: a letter too many, too few or wrong, or two in the wrong order.
//!
//! The first letter is right: hardly anybody gets it wrong, and so only one part of a dictionary needs to be looked at.

use std::sync::LazyLock;

use levenshtein_automata::{DFA, Distance, LevenshteinAutomatonBuilder, SINK_STATE};
use tantivy_fst::Automaton;

/// Reads dictionaries without looking at most of their words.
static ONE_SLIP: LazyLock<LevenshteinAutomatonBuilder> =
    LazyLock::new(|| LevenshteinAutomatonBuilder::new(1, true));

/// The words near one.
pub struct Near {
    slips: DFA,
    first: String,
}

impl Near {
    /// Those near `word`, itself among them.
    pub fn of(word: &str) -> Self {
        Self {
            slips: ONE_SLIP.build_dfa(word),
            first: word.chars().take(1).collect(),
        }
    }

    /// Whether a word is one of them.
    pub fn has(&self, word: &str) -> bool {
        word.starts_with(&self.first) && matches!(self.slips.eval(word), Distance::Exact(_))
    }

    /// What all of them begin with.
    pub(super) fn first(&self) -> &[u8] {
        self.first.as_bytes()
    }

    /// The least text after all that begin so.
    pub(super) fn end(&self) -> Vec<u8> {
        let mut end = self.first.clone().into_bytes();
        // No byte of UTF-8 is 255.
        if let Some(last) = end.last_mut() {
            *last += 1;
        }
        end
    }
}

impl Automaton for &Near {
    type State = u32;

    fn start(&self) -> u32 {
        self.slips.initial_state()
    }

    fn is_match(&self, state: &u32) -> bool {
        matches!(self.slips.distance(*state), Distance::Exact(_))
    }

    fn can_match(&self, state: &u32) -> bool {
        *state != SINK_STATE
    }

    fn accept(&self, state: &u32, byte: u8) -> u32 {
        self.slips.transition(*state, byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slip_is_one_slip() {
        let near = Near::of("apartment");
        for typed in [
            "apartmnt",
            "appartment",
            "apartmant",
            "apratment",
            "apartmentt",
        ] {
            assert!(near.has(typed), "{typed}");
        }
        for other in [
            "aprtmnt",
            "apart",
            "departments",
            "partment",
            "mapartment",
            "",
        ] {
            assert!(!near.has(other), "{other}");
        }
        assert!(
            Near::of("\u{43a}\u{43d}\u{438}\u{433}\u{430}").has("\u{43a}\u{43d}\u{433}\u{430}")
        );
    }
}
