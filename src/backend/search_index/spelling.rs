//! Words at one slip of the hand from another: a letter too many, too few or wrong, or two in the wrong order.

use std::sync::LazyLock;

use levenshtein_automata::{DFA, Distance, LevenshteinAutomatonBuilder, SINK_STATE};
use tantivy_fst::Automaton;

/// Reads dictionaries without looking at most of their words.
static ONE_SLIP: LazyLock<LevenshteinAutomatonBuilder> =
    LazyLock::new(|| LevenshteinAutomatonBuilder::new(1, true));

/// The words near one.
pub struct Near(DFA);

impl Near {
    /// Those near `word`, itself among them.
    pub fn of(word: &str) -> Self {
        Self(ONE_SLIP.build_dfa(word))
    }

    /// Whether a word is one of them.
    pub fn has(&self, word: &str) -> bool {
        matches!(self.0.eval(word), Distance::Exact(_))
    }
}

impl Automaton for &Near {
    type State = u32;

    fn start(&self) -> u32 {
        self.0.initial_state()
    }

    fn is_match(&self, state: &u32) -> bool {
        matches!(self.0.distance(*state), Distance::Exact(_))
    }

    fn can_match(&self, state: &u32) -> bool {
        *state != SINK_STATE
    }

    fn accept(&self, state: &u32, byte: u8) -> u32 {
        self.0.transition(*state, byte)
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
            "partment",
        ] {
            assert!(near.has(typed), "{typed}");
        }
        for other in ["aprtmnt", "apart", "departments", ""] {
            assert!(!near.has(other), "{other}");
        }
        assert!(
            Near::of("\u{43a}\u{43d}\u{438}\u{433}\u{430}").has("\u{43a}\u{43d}\u{433}\u{430}")
        );
    }
}
