//! What a single line of Markdown is, as far as patches need to know.
//!
//! This reads lines, not documents: the heading that an agent names is a line, and so is what it adds.

use std::borrow::Cow;
use std::collections::HashSet;

/// Whether a line goes on with the list, table or quotation that the lines above it end with.
pub(super) fn continues(above: &[&str], line: &str) -> bool {
    // An indented line belongs to the item above it.
    let opening = above
        .iter()
        .rev()
        .find(|line| Block::of(line).is_some() || !line.starts_with([' ', '\t']));
    let block = Block::of(line);
    block.is_some() && opening.and_then(|line| Block::of(line)) == block
}

/// The lines inside fenced code blocks, the fences included.
pub(super) fn fenced(lines: &[&str]) -> HashSet<usize> {
    let mut inside = HashSet::new();
    let mut open: Option<(usize, &str)> = None;
    for (at, line) in lines.iter().enumerate() {
        let (fence, info) = split_fence(line.trim());
        match open {
            None if is_opening(fence, info) => open = Some((at, fence)),
            Some((start, opening)) if fence.starts_with(opening) && info.is_empty() => {
                inside.extend(start..=at);
                open = None;
            }
            _ => {}
        }
    }
    inside
}

/// The run of backticks or tildes that a line begins with, and the rest.
fn split_fence(line: &str) -> (&str, &str) {
    let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'));
    let rest = mark.map_or(line, |mark| line.trim_start_matches(mark));
    line.split_at_checked(line.len() - rest.len())
        .unwrap_or((line, ""))
}

/// Three backticks with more behind them on the same line are code within a paragraph.
fn is_opening(fence: &str, info: &str) -> bool {
    fence.len() >= 3 && !(fence.starts_with('`') && info.contains('`'))
}

/// How many `#` a line begins with when a space follows them; only such a line ends a section.
pub(super) fn heading_level(line: &str) -> Option<usize> {
    let line = trim(line);
    let level = hashes(line);
    let is_heading = level > 0 && line.chars().nth(level).is_some_and(char::is_whitespace);
    is_heading.then_some(level)
}

pub(super) fn hashes(line: &str) -> usize {
    line.len() - line.trim_start_matches('#').len()
}

/// A line without the space around it; a byte order mark before the first line counts as space.
pub(super) fn trim(line: &str) -> &str {
    line.trim_matches(|character: char| character.is_whitespace() || character == '\u{feff}')
}

/// A line without the carriage return that is half of its line end.
pub(super) fn bare(line: &str) -> &str {
    line.strip_suffix('\r').unwrap_or(line)
}

pub(super) fn line_end(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

pub(super) fn with_line_ends<'a>(text: &'a str, end: &str) -> Cow<'a, str> {
    match end == "\r\n" && text.contains('\n') {
        true => Cow::Owned(text.replace("\r\n", "\n").replace('\n', "\r\n")),
        false => Cow::Borrowed(text),
    }
}

/// What a line can go on with.
#[derive(PartialEq, Eq)]
enum Block {
    List,
    Table,
    Quotation,
}

impl Block {
    fn of(line: &str) -> Option<Self> {
        let line = line.trim_start();
        match line.as_bytes().first()? {
            b'|' => Some(Self::Table),
            b'>' => Some(Self::Quotation),
            _ => is_item(line).then_some(Self::List),
        }
    }
}

fn is_item(line: &str) -> bool {
    let numbered = line.trim_start_matches(|character: char| character.is_ascii_digit());
    let marked = match numbered.len() == line.len() {
        true => line.strip_prefix(['-', '*', '+']),
        false => numbered.strip_prefix(['.', ')']),
    };
    marked.is_some_and(|rest| rest.starts_with([' ', '\t']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_closed_fences_hold_code() {
        for (text, expected) in [
            ("a\n```sh\nb\n```\nc", 1..4),
            ("  ```\nb\n  ````\nc", 0..3),
            ("~~~~\n```\n~~~\n~~~ x\n~~~~\nc", 0..5),
            ("```x```\nb\n```\nc", 0..0),
            ("```\nb", 0..0),
            ("``\nb\n``", 0..0),
        ] {
            let lines: Vec<_> = text.lines().collect();
            assert_eq!(fenced(&lines), expected.collect(), "{text:?}");
        }
    }

    #[test]
    fn headings_have_hashes_and_a_space() {
        for (line, level) in [
            ("# a", Some(1)),
            (" ### b\r", Some(3)),
            ("#a", None),
            ("##", None),
            ("## ", None),
            ("a # b", None),
        ] {
            assert_eq!(heading_level(line), level, "{line:?}");
        }
    }
}
