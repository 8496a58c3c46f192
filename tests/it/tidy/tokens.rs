//! Rust read as words and signs, without its comments, strings and characters.
//!
//! That is enough to tell a path, a keyword and a brace apart, and far less than a parser. Comments
//! are taken as not nested, because nobody nests them.

/// A word or a sign (`::` is one), and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) line: usize,
    pub(super) text: &'a str,
}

pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let (mut rest, mut line, mut tokens) = (text, 1, Vec::new());
    while !rest.is_empty() {
        let (bytes, is_code) = first_piece(rest);
        let (text, after) = rest.split_at(bytes);
        tokens.extend(is_code.then_some(Token { line, text }));
        line += text.matches('\n').count();
        rest = after;
    }
    tokens
}

pub(super) fn is_part_of_a_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where a path begins with this name, rather than passes through it.
pub(super) fn lines_of_paths(tokens: &[Token<'_>], name: &str) -> Vec<usize> {
    let mut lines = Vec::new();
    let mut before = "";
    for [first, after] in tokens.array_windows() {
        let is_path = before == "use" || (before != "::" && after.text == "::");
        if is_path && first.text == name {
            lines.push(first.line);
        }
        before = first.text;
    }
    lines
}

/// What follows `crate::` or `super::`, one by one where it is in braces.
///
/// How far up `super` leads is not counted, so only a floor may bear a floor's name.
pub(super) fn names_below_the_root<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut names = Vec::new();
    for (at, [root, colons, name]) in tokens.array_windows().enumerate() {
        if ["crate", "super"].contains(&root.text) && colons.text == "::" {
            names.push(*name);
            names.extend(names_in_braces(tokens.get(at + 2..).unwrap_or_default()));
        }
    }
    names
}

/// `a` and `d` of `{a::{b, c}, d}`; nothing where no brace begins.
fn names_in_braces<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut names = Vec::new();
    let mut depth = 0;
    for [sign, next] in tokens.array_windows() {
        depth += opened_by(sign);
        if depth <= 0 {
            break;
        }
        if depth == 1 && ["{", ","].contains(&sign.text) {
            names.push(*next);
        }
    }
    names
}

/// The name of each module that is declared here, and the sign after it.
pub(super) fn modules_declared<'a>(
    tokens: &'a [Token<'a>],
) -> impl Iterator<Item = (Token<'a>, Token<'a>)> {
    let declared = tokens
        .array_windows()
        .filter(|[keyword, _, _]| keyword.text == "mod");
    declared.map(|[_, name, after]| (*name, *after))
}

/// The name of each function that has a body, and its lines from `fn` to the last brace.
pub(super) fn functions<'a>(tokens: &[Token<'a>]) -> Vec<(Token<'a>, usize)> {
    let mut functions = Vec::new();
    for (at, [keyword, name]) in tokens.array_windows().enumerate() {
        // What follows in the type `fn(u8)` is no name.
        if keyword.text == "fn"
            && name.text.starts_with(is_part_of_a_word)
            && let Some(end) = end_of_function(tokens.get(at..).unwrap_or_default())
        {
            functions.push((*name, end - keyword.line + 1));
        }
    }
    functions
}

/// The last line, unless the function has no body.
fn end_of_function(tokens: &[Token<'_>]) -> Option<usize> {
    let mut depth = 0;
    let end = tokens.iter().find(|token| {
        depth += opened_by(token);
        depth == 0 && [";", "}"].contains(&token.text)
    })?;
    (end.text == "}").then_some(end.line)
}

fn opened_by(token: &Token<'_>) -> i32 {
    match token.text {
        "(" | "[" | "{" => 1,
        ")" | "]" | "}" => -1,
        _ => 0,
    }
}

/// How many bytes belong together, and whether they are code.
fn first_piece(rest: &str) -> (usize, bool) {
    let first = rest.chars().next().unwrap_or(' ');
    if first.is_whitespace() {
        (bytes_while(rest, char::is_whitespace), false)
    } else if rest.starts_with("//") {
        (rest.find('\n').unwrap_or(rest.len()), false)
    } else if rest.starts_with("/*") {
        (rest.find("*/").map_or(rest.len(), |at| at + 2), false)
    } else if let Some(bytes) = raw_string_bytes(rest) {
        (bytes, false)
    } else if is_part_of_a_word(first) {
        (bytes_while(rest, is_part_of_a_word), true)
    } else if first == '"' || is_character(rest) {
        (quoted_bytes(rest), false)
    } else if let Some(lifetime) = rest.strip_prefix('\'') {
        (1 + bytes_while(lifetime, is_part_of_a_word), false)
    } else if rest.starts_with("::") {
        (2, true)
    } else {
        (first.len_utf8(), true)
    }
}

fn bytes_while(rest: &str, belongs: impl Fn(char) -> bool) -> usize {
    rest.find(|c| !belongs(c)).unwrap_or(rest.len())
}

/// Rather than a lifetime, which begins like one.
fn is_character(rest: &str) -> bool {
    rest.starts_with("'\\") || (rest.starts_with('\'') && rest.chars().nth(2) == Some('\''))
}

fn raw_string_bytes(rest: &str) -> Option<usize> {
    let marked = (rest.strip_prefix(['b', 'c']).unwrap_or(rest)).strip_prefix('r')?;
    let hashes = bytes_while(marked, |c| c == '#');
    let body = marked.trim_start_matches('#').strip_prefix('"')?;
    let after = body.split_once(&format!("\"{}", "#".repeat(hashes)));
    Some(rest.len() - after.map_or(0, |(_, after)| after.len()))
}

/// Up to the next quote like the first that no backslash escapes.
fn quoted_bytes(rest: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if !is_escaped && rest.starts_with(c) {
            return at + 1;
        }
        is_escaped = !is_escaped && c == '\\';
    }
    rest.len()
}

#[test]
fn what_is_no_code_falls_away() {
    let cases = [
        ("a::b /* { \n */ // }\nc", "a@1 ::@1 b@1 c@3"),
        ("f(\"{\\\"\n}\\\\\") g", "f@1 (@1 )@2 g@2"),
        ("'{' '\\'' '\\u{7b}' &'async str, 'a'", "&@1 str@1 ,@1"),
        ("r#\"\"{\"# br\"\\\" r#type rest", "r@1 #@1 type@1 rest@1"),
    ];
    for (text, expected) in cases {
        let tokens = tokens(text);
        let shown: Vec<_> = tokens
            .iter()
            .map(|token| format!("{}@{}", token.text, token.line))
            .collect();
        assert_eq!(shown.join(" "), expected, "{text}");
    }
}
