//! Where a text points to other files: Markdown links, `[[wiki links]]`, and catalog lines that end in `-> path`.
//!
//! CommonMark decides what is code, so that an example in a fence is no link. A catalog line is this program's own
//! habit: index files are written as "when to read it -> where it is", because a model follows that better than a link.

use pulldown_cmark::{Event, LinkType, Options, Parser, Tag};

use super::front_matter;

/// One place where a text names another file, or an address elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The line it stands on, counted from 1.
    pub line: usize,
    /// What it names, as it was written.
    pub target: String,
    /// How it was written.
    pub notation: Notation,
}

/// How a link is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// `[text](target)`, or a reference to a definition of that.
    Markdown,
    /// `[[target]]`.
    Wiki,
    /// A line that ends in `-> target`.
    Arrow,
}

/// Every link of a text, in the order of their lines. Links in code, in front matter and to images are left out.
pub fn links(text: &str) -> Vec<Link> {
    let body = front_matter(text).map_or(0, |range| range.end);
    let source = text.get(body..).unwrap_or_default();
    let first_line = 1 + text.get(..body).unwrap_or_default().matches('\n').count();
    let mut found = Vec::new();
    let mut code = Vec::new();
    for (event, range) in Parser::new_ext(source, Options::ENABLE_WIKILINKS).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(_)) => code.push(range),
            Event::Start(Tag::Link {
                link_type,
                dest_url,
                ..
            }) => {
                let Some(notation) = notation(link_type) else {
                    continue;
                };
                found.push((range.start, dest_url.into_string(), notation));
            }
            _ => {}
        }
    }
    let arrows = arrows(source).filter(|(at, _)| !code.iter().any(|range| range.contains(at)));
    found.extend(arrows.map(|(at, target)| (at, target.to_owned(), Notation::Arrow)));
    found.sort_by_key(|(at, ..)| *at);
    let line = |at: usize| first_line + source.get(..at).unwrap_or_default().matches('\n').count();
    found
        .into_iter()
        .map(|(at, target, notation)| Link {
            line: line(at),
            target,
            notation,
        })
        .collect()
}

fn notation(link_type: LinkType) -> Option<Notation> {
    match link_type {
        LinkType::WikiLink { .. } => Some(Notation::Wiki),
        LinkType::Autolink | LinkType::Email => None,
        _ => Some(Notation::Markdown),
    }
}

/// The target of every line that ends in one, with where the target starts. One that is written as a link counts as that.
fn arrows(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut end = 0;
    source.split_inclusive('\n').filter_map(move |line| {
        end += line.len();
        let (before, target) = line.rsplit_once("-> ")?;
        let at = end - line.len() + before.len();
        let target = target
            .trim()
            .trim_end_matches(['`', '.', ';', ','])
            .trim_start_matches('`');
        let is_path = target.contains(['/', '.']) && !target.contains([' ', '[', '(', '`']);
        is_path.then_some((at, target))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_where_they_stand() {
        use Notation::{Arrow, Markdown, Wiki};
        type Row<'a> = (&'a str, &'a [(usize, &'a str, Notation)]);
        let table: [Row<'_>; 10] = [
            (
                "see [a](b/c.md) and [[d|D]]\n\n[[e.md#f]]",
                &[(1, "b/c.md", Markdown), (1, "d", Wiki), (3, "e.md#f", Wiki)],
            ),
            (
                "- prices -> shared/products.md\n- rules -> `shared/rules.md`.\n",
                &[
                    (1, "shared/products.md", Arrow),
                    (2, "shared/rules.md", Arrow),
                ],
            ),
            (
                "- goals -> [[user/profile.md]]",
                &[(1, "user/profile.md", Wiki)],
            ),
            (
                "- goals -> [profile](profile.md)",
                &[(1, "profile.md", Markdown)],
            ),
            ("[text][1]\n\n[1]: x.md", &[(1, "x.md", Markdown)]),
            ("`[[a]]`\n```\n[[b]]\n- x -> y.md\n```\n    -> z.md", &[]),
            (
                "---\nsee: [[a]]\nto: -> b.md\n---\n[[c]]",
                &[(5, "c", Wiki)],
            ),
            ("<https://example.com> ![alt](picture.png)", &[]),
            ("fn f() -> Result\nA -> B\n", &[]),
            ("a -> b -> c.md\r\n", &[(1, "c.md", Arrow)]),
        ];
        for (text, expected) in table {
            let found: Vec<_> = links(text)
                .into_iter()
                .map(|link| (link.line, link.target, link.notation))
                .collect();
            let expected: Vec<_> = expected
                .iter()
                .map(|(line, to, how)| (*line, (*to).to_owned(), *how))
                .collect();
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
