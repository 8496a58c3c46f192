//! A file as a search sees it: its passages with their headings, and what stands for the file as a whole.
//!
//! A Markdown file is cut where its headings are. Other texts have none: they are cut into stretches of lines, so that a
//! hit in a long table names the right part of it.

use std::ops::Range;

use crate::model::document::Document;
use crate::model::document::front_matter::FrontMatter;

/// Lines of one passage of a text without headings.
const LINES: usize = 40;

/// What one file offers to a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passages {
    /// From the front matter, else the first heading of the outermost level, else the file's name.
    pub title: String,
    /// What its front matter says.
    pub front_matter: FrontMatter,
    /// Its parts in order.
    pub parts: Vec<Passage>,
}

/// One part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// The headings that lead here, outermost first.
    pub heading: Vec<String>,
    /// Its bytes in the file.
    pub bytes: Range<usize>,
    /// Its lines, counted from 1; the end is the line after the last.
    pub lines: Range<usize>,
}

impl Passages {
    /// Reads a file by its path, whose ending tells what it is.
    pub fn read(path: &str, text: &str) -> Self {
        let (front_matter, parts) = match path.ends_with(".md") {
            true => markdown(text),
            false => (FrontMatter::default(), stretches(text)),
        };
        let heading = parts.iter().find_map(|part| part.heading.first().cloned());
        let title = front_matter.title.clone().or(heading);
        Self {
            title: title.unwrap_or_else(|| stem(path).to_owned()),
            front_matter,
            parts,
        }
    }
}

impl Passage {
    /// The heading as one line: `Products > Prices`.
    pub fn headline(&self) -> String {
        self.heading.join(" > ")
    }
}

fn markdown(text: &str) -> (FrontMatter, Vec<Passage>) {
    let document = Document::parse(text);
    let front_matter = document.front_matter.and_then(|range| text.get(range));
    let front_matter = front_matter.and_then(FrontMatter::read).unwrap_or_default();
    let parts = document.sections.into_iter().map(|section| Passage {
        heading: section.path,
        bytes: section.bytes,
        lines: section.lines,
    });
    let is_said = |part: &Passage| {
        text.get(part.bytes.clone())
            .is_some_and(|t| !t.trim().is_empty())
    };
    (front_matter, parts.filter(is_said).collect())
}

fn stretches(text: &str) -> Vec<Passage> {
    let mut parts = Vec::new();
    let (mut start, mut end, mut first) = (0, 0, 1);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        end += line.len();
        let lines = index + 2 - first;
        if lines == LINES || end == text.len() {
            parts.push(Passage {
                heading: Vec::new(),
                bytes: start..end,
                lines: first..index + 2,
            });
            (start, first) = (end, index + 2);
        }
    }
    parts
}

fn stem(path: &str) -> &str {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_found_where_one_stands() {
        let table = [
            ("a/prices.md", "---\ntitle: Costs\n---\n# Prices\n", "Costs"),
            ("a/prices.md", "intro\n\n## Prices\n", "Prices"),
            ("a/prices.md", "no heading", "prices"),
            ("a/data.json", "{}", "data"),
        ];
        for (path, text, title) in table {
            assert_eq!(Passages::read(path, text).title, title, "{text:?}");
        }
    }

    #[test]
    fn a_table_is_cut_into_stretches_of_lines() {
        let text = "row\n".repeat(LINES + 1);
        let parts = Passages::read("a.csv", &text).parts;
        let lines: Vec<_> = parts.iter().map(|part| part.lines.clone()).collect();
        assert_eq!(lines, [1..LINES + 1, LINES + 1..LINES + 2]);
        let rebuilt: String = parts
            .iter()
            .map(|part| text.get(part.bytes.clone()).unwrap())
            .collect();
        assert_eq!(rebuilt, text);
        assert!(Passages::read("a.csv", "").parts.is_empty());
    }
}
