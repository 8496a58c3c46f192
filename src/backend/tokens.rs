//! How many tokens a text has.
//!
//! Every model counts with a table of its own and few are public, so one public table stands for all: the numbers are
//! exact for that table and within a few percent for the others. It takes about 67 MB of RAM and a part of a second to
//! load, and is loaded by the first count, so that a daemon which is never asked for a prompt block never pays.

use bpe_openai::o200k_base;

/// What counted, as replies name it.
pub const TOKENIZER: &str = "o200k_base (estimate)";

/// Counts the tokens of a text; time grows with its length alone, whatever it holds.
pub fn count(text: &str) -> usize {
    o200k_base().count(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_the_tables_own() {
        // The third by the table's own splitting: `#`, ` Title`, two line ends, then mark, word and line end twice.
        let table = [
            ("", 0),
            ("hello world", 2),
            ("# Title\n\n- one\n- two\n", 9),
            (" ", 1),
        ];
        for (text, tokens) in table {
            assert_eq!(count(text), tokens, "{text:?}");
        }
    }

    #[test]
    fn hostile_texts_are_counted_too() {
        for text in [
            "a".repeat(1 << 16),
            " ".repeat(1 << 16),
            "\u{301}".repeat(1 << 14),
            "\r\n".repeat(1 << 14),
        ] {
            assert!((1..=text.len()).contains(&count(&text)));
        }
    }
}
