//! Where a file that is too long for its place ends: before a section, so that none is shown in half.

use crate::backend::tokens;
use crate::model::document::Document;

/// The first sections of a text.
pub(super) struct Beginning<'a> {
    /// The sections, and the front matter where there is one.
    pub(super) text: &'a str,
    /// Their tokens.
    pub(super) tokens: usize,
    /// Their lines.
    pub(super) lines: usize,
}

/// As many sections from the start as fit into `room` tokens, but not all; none when not even the first one fits.
pub(super) fn beginning(text: &str, room: usize) -> Option<Beginning<'_>> {
    let sections = Document::parse(text).sections;
    let (_, all_but_last) = sections.split_last()?;
    let mut fitting = Beginning {
        text: "",
        tokens: 0,
        lines: 0,
    };
    for section in all_but_last {
        let next = text.get(fitting.text.len()..section.bytes.end)?;
        let tokens = fitting.tokens + tokens::count(next);
        if tokens > room {
            break;
        }
        fitting = Beginning {
            text: text.get(..section.bytes.end)?,
            tokens,
            lines: section.lines.end - 1,
        };
    }
    (!fitting.text.trim().is_empty()).then_some(fitting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_where_a_section_begins() {
        let text = "---\na: b\n---\n# A\n\none two three\n\n## B\n\nfour five six\n\n# C\n\nseven";
        let until = |heading: &str| text.split_once(heading).unwrap().0;
        for (room, expected) in [
            (tokens::count(text), Some((until("# C"), 11))),
            (tokens::count(until("# C")), Some((until("# C"), 11))),
            (tokens::count(until("# C")) - 1, Some((until("## B"), 7))),
            (tokens::count(until("## B")) - 1, None),
            (0, None),
        ] {
            let cut = beginning(text, room);
            assert_eq!(
                cut.as_ref().map(|cut| (cut.text, cut.lines)),
                expected,
                "{room}"
            );
            assert!(cut.is_none_or(|cut| cut.tokens <= room));
        }
    }

    #[test]
    fn a_text_without_a_second_section_is_not_cut() {
        for text in ["", "a\n", "# A\n\ntext\n", "\n\n# A\n", "{\"a\": 1}\n"] {
            assert!(beginning(text, 1_000).is_none(), "{text:?}");
        }
    }
}
