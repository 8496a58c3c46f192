//! Changes of single lines, so that an agent need not send a whole file back to add a fact to it.
//!
//! The meaning is MemexAI's, for agents that were written against it:
//!
//! - A line to append is dropped when the file (with a heading: the section) has that very line already, so a repeated
//!   request adds nothing. Lines are not compared with each other: who sends one twice gets it twice.
//! - Without a heading the lines go before the file's final newline. A file that has none, the empty file included,
//!   has none afterwards.
//! - A heading is the first line that equals it without the space around both. Its section ends before the next
//!   heading with as many `#` or fewer; where the heading given has no `#` at all, with the file. The lines go there,
//!   set off by a blank line from a line above and below that is not empty.
//! - The text to replace must stand in the file exactly once, counted without overlaps.
//!
//! It differs where the original damages the file:
//!
//! - At the end of the last section the final newline stays final, and an item that goes on with a list, table or
//!   quotation is not split from it by a blank line. (Sections further up keep the blank line: it is what those agents
//!   have seen.)
//! - Lines inside a fenced code block are no headings, else a `# comment` there would end the section and the lines
//!   would land in the code. A fence that is never closed is no fence, as it may be a slip.
//! - Lines that are not named are not touched, even in a file of mixed line ends. New lines end with CRLF when any
//!   line of the file does, also within a replacement.
//! - A replacement is a text and nothing more: `$&` stands for itself.

mod lines;

use std::collections::HashSet;
use std::ops::Range;

use crate::model::error::Rejection;
use crate::model::limits::PATCH_LINES_MAX;
use lines::{bare, continues, fenced, hashes, heading_level, line_end, trim, with_line_ends};

/// A change of some lines of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Patch {
    /// Adds lines at the end of the text or of one section.
    AppendLines {
        /// The lines, without line ends.
        lines: Vec<String>,
        /// The heading of the section; none, or only space, means the end of the text.
        after_heading: Option<String>,
    },
    /// Puts one text in the place of another.
    ReplaceLines {
        /// What to replace; it must stand in the text exactly once.
        find: String,
        /// What stands there afterwards; several lines are joined by `\n`.
        replacement: String,
    },
}

impl Patch {
    /// Gives the changed text, or none when it changes nothing. Refuses a heading that is not there, a text to replace
    /// that is not there or there more than once, an empty one, and more lines than one patch may add.
    pub fn apply(&self, text: &str) -> Result<Option<String>, Rejection> {
        match self {
            Self::AppendLines {
                lines,
                after_heading,
            } => append(text, lines, after_heading.as_deref()),
            Self::ReplaceLines { find, replacement } => replace(text, find, replacement),
        }
    }
}

fn append(
    text: &str,
    added: &[String],
    after_heading: Option<&str>,
) -> Result<Option<String>, Rejection> {
    if added.len() > PATCH_LINES_MAX {
        let (limit, size) = (PATCH_LINES_MAX, added.len());
        return Err(Rejection::TooLarge {
            bound: "patch_lines_max",
            limit,
            size,
        });
    }
    let file = File::of(text);
    let section = match after_heading.filter(|heading| !trim(heading).is_empty()) {
        Some(heading) => file.section(heading)?,
        None => 0..file.lines.len(),
    };
    let added = file.missing(&section, added);
    let Some(first) = added.first() else {
        return Ok(None);
    };
    let gap = match section.start {
        // A heading stands before every headed section.
        0 => Gap {
            at: file.end(),
            blank_before: false,
            blank_after: false,
        },
        _ => file.gap(section, first),
    };
    Ok(Some(file.insert(&gap, &added)))
}

fn replace(text: &str, find: &str, replacement: &str) -> Result<Option<String>, Rejection> {
    if find.is_empty() {
        return Err(Rejection::validation("The text to replace is empty"));
    }
    let occurrences = text.matches(find).count();
    if occurrences > 1 {
        return Err(Rejection::PatchAmbiguousMatch { occurrences });
    }
    let (before, after) = text.split_once(find).ok_or(Rejection::PatchMatchNotFound)?;
    let replacement = with_line_ends(replacement, line_end(text));
    Ok((replacement != find).then(|| [before, &replacement, after].concat()))
}

/// A text and its lines, each without its `\n`; the last one is empty when the text ends with a newline.
struct File<'a> {
    text: &'a str,
    lines: Vec<&'a str>,
}

/// Where lines go in: before the line `at`, and whether a blank line sets them off.
struct Gap {
    at: usize,
    blank_before: bool,
    blank_after: bool,
}

impl<'a> File<'a> {
    fn of(text: &'a str) -> Self {
        Self {
            text,
            lines: text.split('\n').collect(),
        }
    }

    /// The lines below a heading, up to the next one of its level or above.
    fn section(&self, heading: &str) -> Result<Range<usize>, Rejection> {
        let fenced = fenced(&self.lines);
        let mut open = self
            .lines
            .iter()
            .enumerate()
            .filter(|(at, _)| !fenced.contains(at));
        let Some((at, _)) = open.find(|(_, line)| trim(line) == trim(heading)) else {
            return Err(Rejection::PatchHeadingNotFound {
                heading: heading.to_owned(),
            });
        };
        let level = hashes(trim(heading));
        let next = open.find(|(_, line)| heading_level(line).is_some_and(|other| other <= level));
        Ok(at + 1..next.map_or(self.lines.len(), |(next, _)| next))
    }

    /// Those of the lines that a section does not have yet. A section may have thousands, and they are few.
    fn missing<'b>(&self, section: &Range<usize>, added: &'b [String]) -> Vec<&'b str> {
        let mut missing: HashSet<&str> = added.iter().map(String::as_str).collect();
        for line in self.within(section) {
            missing.remove(bare(line));
        }
        let added = added.iter().map(String::as_str);
        added.filter(|line| missing.contains(line)).collect()
    }

    /// The place at the end of a headed section where a line goes in.
    fn gap(&self, section: Range<usize>, first: &str) -> Gap {
        if section.end < self.lines.len() {
            return Gap {
                at: section.end,
                blank_before: !self.is_blank(section.end - 1),
                blank_after: true,
            };
        }
        let content = self
            .within(&section)
            .iter()
            .rposition(|line| !line.trim().is_empty());
        let content = section.start..content.map_or(section.start, |last| section.start + last + 1);
        match continues(self.within(&content), first) {
            true => Gap {
                at: content.end,
                blank_before: false,
                blank_after: false,
            },
            false => Gap {
                at: self.end(),
                blank_before: !self.is_blank(self.end() - 1),
                blank_after: false,
            },
        }
    }

    /// Behind the last line, but before the final newline.
    fn end(&self) -> usize {
        self.lines.len() - usize::from(self.text.ends_with('\n'))
    }

    fn within(&self, lines: &Range<usize>) -> &[&'a str] {
        self.lines.get(lines.clone()).unwrap_or_default()
    }

    fn is_blank(&self, at: usize) -> bool {
        self.lines.get(at).is_none_or(|line| bare(line).is_empty())
    }

    fn insert(&self, gap: &Gap, added: &[&str]) -> String {
        let end = line_end(self.text);
        let blank = |wanted: bool| wanted.then_some("");
        let block = blank(gap.blank_before)
            .into_iter()
            .chain(added.iter().copied())
            .chain(blank(gap.blank_after));
        let block = block
            .map(|line| with_line_ends(line, end))
            .collect::<Vec<_>>()
            .join(end);
        if self.text.is_empty() {
            return block;
        }
        let start: usize = self
            .lines
            .iter()
            .take(gap.at)
            .map(|line| line.len() + 1)
            .sum();
        match self.text.split_at_checked(start) {
            Some((before, after)) => [before, &block, end, after].concat(),
            // Behind a last line that has no newline; the new last line has none either.
            None => [self.text, end, &block].concat(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(text: &str, after_heading: Option<&str>, lines: &[&str]) -> Option<String> {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        let patch = Patch::AppendLines {
            lines,
            after_heading: after_heading.map(str::to_owned),
        };
        patch.apply(text).unwrap()
    }

    fn replace(text: &str, find: &str, replacement: &str) -> Result<Option<String>, Rejection> {
        Patch::ReplaceLines {
            find: find.to_owned(),
            replacement: replacement.to_owned(),
        }
        .apply(text)
    }

    #[test]
    fn lines_are_added_at_the_end() {
        for (text, lines, expected) in [
            ("- a\n", &["- b", "- c"][..], Some("- a\n- b\n- c\n")),
            ("- a", &["- b"], Some("- a\n- b")),
            ("- a\r\n", &["- b", "- c"], Some("- a\r\n- b\r\n- c\r\n")),
            ("- a\r\n- b", &["- c"], Some("- a\r\n- b\r\n- c")),
            ("- a\nb\r\n", &["- c"], Some("- a\nb\r\n- c\r\n")),
            ("", &["- a", "- b"], Some("- a\n- b")),
            ("\n", &["- a"], Some("\n- a\n")),
            ("- a\n\n", &["- b"], Some("- a\n\n- b\n")),
            ("- a\n", &["- a"], None),
            ("- a\r\n", &["- a"], None),
            (
                "- a\n- b\n",
                &["- b", "- c", "- a"],
                Some("- a\n- b\n- c\n"),
            ),
            ("- a\n", &["- b", "- b"], Some("- a\n- b\n- b\n")),
            ("- a\n", &[" - a"], Some("- a\n - a\n")),
            ("a\n", &[""], None),
            ("a", &["", "b"], Some("a\n\nb")),
            ("", &[""], None),
            ("- a\r\n", &["- b\nmore"], Some("- a\r\n- b\r\nmore\r\n")),
            ("a\n", &[], None),
        ] {
            assert_eq!(
                append(text, None, lines).as_deref(),
                expected,
                "{text:?} {lines:?}"
            );
            assert_eq!(
                append(text, Some(" "), lines).as_deref(),
                expected,
                "{text:?} {lines:?}"
            );
        }
    }

    #[test]
    fn lines_are_added_at_the_end_of_an_inner_section() {
        for (text, heading, expected) in [
            (
                "# N\n\n## A\n- x\n\n## B\n",
                "## A",
                "# N\n\n## A\n- x\n\n- y\n\n## B\n",
            ),
            ("## A\n- x\n## B\n", "## A", "## A\n- x\n\n- y\n\n## B\n"),
            ("## A\n## B\n", "## A", "## A\n\n- y\n\n## B\n"),
            (
                "## A\r\n- x\r\n## B\r\n",
                "## A",
                "## A\r\n- x\r\n\r\n- y\r\n\r\n## B\r\n",
            ),
            (
                "## A\n### C\nz\n# D\n",
                "## A",
                "## A\n### C\nz\n\n- y\n\n# D\n",
            ),
            (
                "## A\n#tag\n##\n## B\n",
                "## A",
                "## A\n#tag\n##\n\n- y\n\n## B\n",
            ),
            (
                "## A\n- x\n\n## B\n- y\n",
                " ## A ",
                "## A\n- x\n\n- y\n\n## B\n- y\n",
            ),
            (
                "## A\nx\n\n## A\nz\n",
                "## A",
                "## A\nx\n\n- y\n\n## A\nz\n",
            ),
            (
                "  ## A  \nx\n\n ## B\n",
                "## A",
                "  ## A  \nx\n\n- y\n\n ## B\n",
            ),
            (
                "\u{feff}# A\nx\n\n# B\n",
                "# A",
                "\u{feff}# A\nx\n\n- y\n\n# B\n",
            ),
        ] {
            assert_eq!(
                append(text, Some(heading), &["- y"]).as_deref(),
                Some(expected),
                "{text:?}"
            );
        }
    }

    #[test]
    fn the_last_section_keeps_its_newline_and_its_list_whole() {
        for (text, line, expected) in [
            ("## A\n- x\n", "- y", "## A\n- x\n- y\n"),
            ("## A\n\n- x\n", "- y", "## A\n\n- x\n- y\n"),
            ("## A\n- x", "- y", "## A\n- x\n- y"),
            ("## A\n- x\n\n\n", "- y", "## A\n- x\n- y\n\n\n"),
            ("## A\n- x\n  more\n", "- y", "## A\n- x\n  more\n- y\n"),
            ("## A\n1. x\n", "2. y", "## A\n1. x\n2. y\n"),
            (
                "## A\n| a |\n|---|\n| b |\n",
                "| c |",
                "## A\n| a |\n|---|\n| b |\n| c |\n",
            ),
            ("## A\n> x\n", "> y", "## A\n> x\n> y\n"),
            ("## A\r\n- x\r\n", "- y", "## A\r\n- x\r\n- y\r\n"),
            ("## A\n", "- y", "## A\n\n- y\n"),
            ("## A", "- y", "## A\n\n- y"),
            ("## A\nprose\n", "- y", "## A\nprose\n\n- y\n"),
            ("## A\nprose\n\n", "more", "## A\nprose\n\nmore\n"),
            ("## A\n- x\n", "prose", "## A\n- x\n\nprose\n"),
            (
                "## A\n- x\n\n```\n- y\n```\n",
                "- z",
                "## A\n- x\n\n```\n- y\n```\n\n- z\n",
            ),
            ("## A\n-x\n2025\n", "- y", "## A\n-x\n2025\n\n- y\n"),
        ] {
            assert_eq!(
                append(text, Some("## A"), &[line]).as_deref(),
                Some(expected),
                "{text:?} {line:?}"
            );
        }
    }

    #[test]
    fn only_the_section_decides_what_it_has() {
        assert_eq!(append("## A\n- x\n\n## B\n", Some("## A"), &["- x"]), None);
        assert_eq!(append("## A\n- x\n", Some("## A"), &["- x", ""]), None);
        assert_eq!(
            append("## B\n- x\n## A\n", Some("## A"), &["- x"]).unwrap(),
            "## B\n- x\n## A\n\n- x\n"
        );
        assert_eq!(
            append("## A\n\n## B\n", Some("## A"), &["## A"]).unwrap(),
            "## A\n\n## A\n\n## B\n"
        );
    }

    #[test]
    fn a_heading_may_be_any_line_outside_code() {
        let facts = "Facts:\n- x\n\n# B\n- z\n";
        assert_eq!(
            append(facts, Some("Facts:"), &["- y"]).unwrap(),
            format!("{facts}- y\n")
        );
        let code = "# A\n```sh\n# B\nls\n```\n\n# B\nx\n\n# C\n";
        for (heading, before) in [("# A", "# B\nx"), ("# B", "# C")] {
            let expected = code.replace(before, &format!("y\n\n{before}"));
            assert_eq!(append(code, Some(heading), &["y"]), Some(expected));
        }
    }

    #[test]
    fn a_missing_heading_is_named_as_it_was_given() {
        for text in ["", "# X Y\n", "## X\n", "```\n# X\n```\n"] {
            let patch = Patch::AppendLines {
                lines: vec!["- y".to_owned()],
                after_heading: Some("# X ".to_owned()),
            };
            assert_eq!(
                patch.apply(text),
                Err(Rejection::PatchHeadingNotFound {
                    heading: "# X ".to_owned()
                })
            );
        }
    }

    #[test]
    fn one_occurrence_is_replaced_by_plain_text() {
        for (text, find, replacement, expected) in [
            ("Budget: 2 Cr\n", "2 Cr", "2.5 Cr", Some("Budget: 2.5 Cr\n")),
            (
                "a OLD b",
                "OLD",
                "$$5 and $& and $1",
                Some("a $$5 and $& and $1 b"),
            ),
            ("a\nb\nc\n", "b\n", "", Some("a\nc\n")),
            ("a\nb\n", "b", "c\nd", Some("a\nc\nd\n")),
            ("a\r\nb\r\n", "b", "c\nd\r\ne", Some("a\r\nc\r\nd\r\ne\r\n")),
            ("a\n", "a", "a", None),
        ] {
            assert_eq!(
                replace(text, find, replacement).unwrap().as_deref(),
                expected,
                "{text:?}"
            );
        }
    }

    #[test]
    fn anything_but_one_occurrence_is_refused() {
        assert_eq!(replace("a\n", "b", "c"), Err(Rejection::PatchMatchNotFound));
        assert_eq!(replace("", "b", "c"), Err(Rejection::PatchMatchNotFound));
        assert_eq!(
            replace("a b a", "a", "a"),
            Err(Rejection::PatchAmbiguousMatch { occurrences: 2 })
        );
        assert_eq!(
            replace("aaaa", "aa", "c"),
            Err(Rejection::PatchAmbiguousMatch { occurrences: 2 })
        );
        assert_eq!(replace("aaa", "aa", "c"), Ok(Some("ca".to_owned())));
        assert_eq!(
            replace("a", "", "c").unwrap_err().code(),
            "VALIDATION_ERROR"
        );
    }

    #[test]
    fn the_lines_of_one_patch_are_bounded() {
        let lines = vec!["x".to_owned(); PATCH_LINES_MAX + 1];
        let refused = Patch::AppendLines {
            lines,
            after_heading: None,
        }
        .apply("")
        .unwrap_err();
        assert_eq!(refused.code(), "TOO_LARGE");
    }
}
