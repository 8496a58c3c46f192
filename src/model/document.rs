//! Markdown read into headed sections.
//!
//! CommonMark decides what a heading is: a `#` in a code block is none, a line underlined with `===` is one. Only
//! headings of the outermost level open a section. One inside a quote or a list item stays with what surrounds it, so
//! that a text may be cut where any section begins without leaving a quote or a list open.
//!
//! Front matter is a first line `---` and all up to the next `---` or `...`. To CommonMark the same lines are a rule
//! and an underlined heading, so they are set aside before it reads the rest.
use crate::model::limits::FRONT_MATTER_BYTES_MAX;

pub mod front_matter;
pub mod links;

use std::iter::once;
use std::ops::Range;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

/// Where the parts of a Markdown text lie; the text itself stays with the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The front matter, the lines that open and close it included.
    pub front_matter: Option<Range<usize>>,
    /// The sections in order. Each begins where the one before it ends; together they are all but the front matter.
    pub sections: Vec<Section>,
}

/// A heading and the text under it, up to the next heading of any level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The headings that lead here as plain text, outermost first, its own last; empty before the first heading.
    pub path: Vec<String>,
    /// How deep the heading is, 1 to 6; 0 before the first heading.
    pub level: usize,
    /// Its bytes, from the start of the heading's line.
    pub bytes: Range<usize>,
    /// Its lines, counted from 1; the end is the line after the last.
    pub lines: Range<usize>,
}

impl Document {
    /// Reads any text: there is none that is not some Markdown.
    pub fn parse(text: &str) -> Self {
        let front_matter = front_matter(text);
        let body = front_matter.as_ref().map_or(0, |range| range.end);
        let before_headings = Heading {
            level: 0,
            title: String::new(),
            start: body,
        };
        let headings: Vec<_> = once(before_headings).chain(headings(text, body)).collect();
        let ends: Vec<_> = headings
            .iter()
            .skip(1)
            .map(|next| next.start)
            .chain([text.len()])
            .collect();
        let mut reader = Reader {
            text,
            line: 1 + newlines(text, 0..body),
            above: Vec::new(),
        };
        let sections = headings.into_iter().zip(ends);
        let sections = sections
            .filter_map(|(heading, end)| reader.section(heading, end))
            .collect();
        Self {
            front_matter,
            sections,
        }
    }
}

struct Heading {
    level: usize,
    title: String,
    start: usize,
}

/// What is known of the text so far: the line reached, and the headings that lead there.
struct Reader<'a> {
    text: &'a str,
    line: usize,
    above: Vec<(usize, String)>,
}

impl Reader<'_> {
    fn section(&mut self, heading: Heading, end: usize) -> Option<Section> {
        let Heading {
            level,
            title,
            start,
        } = heading;
        if level > 0 {
            self.above.retain(|(above, _)| *above < level);
            self.above.push((level, title));
        }
        let path = self.above.iter().map(|(_, title)| title.clone()).collect();
        let first = self.line;
        self.line += newlines(self.text, start..end);
        let is_last_line_open = end > start && !self.text.get(start..end)?.ends_with('\n');
        let lines = first..self.line + usize::from(is_last_line_open);
        (start < end).then_some(Section {
            path,
            level,
            bytes: start..end,
            lines,
        })
    }
}

fn headings(text: &str, body: usize) -> Vec<Heading> {
    let mut headings = Vec::new();
    let mut open: Option<Heading> = None;
    let mut depth = 0;
    let source = text.get(body..).unwrap_or_default();
    for (event, range) in Parser::new(source).into_offset_iter() {
        let is_outermost = depth == 0;
        match &event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            _ => {}
        }
        match event {
            Event::Start(Tag::Heading { level, .. }) if is_outermost => {
                let start = line_start(text, body + range.start);
                open = Some(Heading {
                    level: level as usize,
                    title: String::new(),
                    start,
                });
            }
            Event::End(TagEnd::Heading(_)) => headings.extend(open.take()),
            Event::Text(words) | Event::Code(words) => extend_title(&mut open, &words),
            Event::SoftBreak | Event::HardBreak => extend_title(&mut open, " "),
            _ => {}
        }
    }
    headings
}

fn extend_title(open: &mut Option<Heading>, words: &str) {
    if let Some(heading) = open {
        heading.title.push_str(words);
    }
}

fn front_matter(text: &str) -> Option<Range<usize>> {
    let mut lines = text.split_inclusive('\n');
    let first = lines.next()?;
    // Some editors put a byte order mark before everything.
    if first.trim_start_matches('\u{feff}').trim_end() != "---" {
        return None;
    }
    let mut end = first.len();
    for line in lines {
        end += line.len();
        if end > FRONT_MATTER_BYTES_MAX {
            return None;
        }
        if matches!(line.trim_end(), "---" | "...") {
            return Some(0..end);
        }
    }
    None
}

/// Where the line begins that holds the byte `at`: a heading may be indented by up to three spaces.
fn line_start(text: &str, at: usize) -> usize {
    text.get(..at)
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |newline| newline + 1)
}

fn newlines(text: &str, range: Range<usize>) -> usize {
    text.get(range).unwrap_or_default().matches('\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A section's headings, its level and its lines.
    type Outline<'a> = (&'a str, usize, Range<usize>);

    fn outline(text: &str) -> Vec<(String, usize, Range<usize>)> {
        let sections = Document::parse(text).sections;
        sections
            .into_iter()
            .map(|section| (section.path.join(" > "), section.level, section.lines))
            .collect()
    }

    #[test]
    fn headings_open_sections() {
        let table: [(&str, &[Outline<'_>]); 11] = [
            ("", &[]),
            ("no heading", &[("", 0, 1..2)]),
            (
                "# A\ntext\n## B\n# C\n",
                &[("A", 1, 1..3), ("A > B", 2, 3..4), ("C", 1, 4..5)],
            ),
            (
                "before\n\n### Deep\n## Up",
                &[("", 0, 1..3), ("Deep", 3, 3..4), ("Up", 2, 4..5)],
            ),
            ("Under\nlined\n===\ntext", &[("Under lined", 1, 1..5)]),
            (
                "  # Indented *and `styled`* #\r\ntext\r\n",
                &[("Indented and styled", 1, 1..3)],
            ),
            ("```\n# no\n```\n# yes", &[("", 0, 1..4), ("yes", 1, 4..5)]),
            (
                "> # quoted\n\n- # listed\n\n# own\n",
                &[("", 0, 1..5), ("own", 1, 5..6)],
            ),
            (
                "---\ntitle: x\n# no: y\n---\n\n# A\n",
                &[("", 0, 5..6), ("A", 1, 6..7)],
            ),
            ("\u{feff}---\na: b\n...\n# A", &[("A", 1, 4..5)]),
            ("---\nnever closed\n# A\n", &[("", 0, 1..3), ("A", 1, 3..4)]),
        ];
        for (text, expected) in table {
            let expected: Vec<_> = expected
                .iter()
                .map(|(p, l, r)| ((*p).to_owned(), *l, r.clone()))
                .collect();
            assert_eq!(outline(text), expected, "{text:?}");
        }
    }

    #[test]
    fn sections_are_all_of_the_text_but_the_front_matter() {
        let front = format!("---\nx: {}\n---\n", "y".repeat(FRONT_MATTER_BYTES_MAX));
        for text in [
            "a",
            "---\na: 1\n---\n# A\r\n\r\nx\n## \u{e9}\n",
            "\n\n# A\n",
            "a\n---\nb: c\n---\n",
            &front,
        ] {
            let document = Document::parse(text);
            let mut rebuilt = text
                .get(document.front_matter.clone().unwrap_or(0..0))
                .unwrap()
                .to_owned();
            for section in &document.sections {
                assert_eq!(section.bytes.start, rebuilt.len(), "{text:?}");
                rebuilt.push_str(text.get(section.bytes.clone()).unwrap());
            }
            assert_eq!(rebuilt, text);
        }
    }
}
