//! Whose name a commit bears.

use std::fmt;

use super::{fitting, one_line};

/// What git trims off both ends of a name and an e-mail address, besides control characters and spaces.
const CRUD: [char; 9] = ['.', ',', ':', ';', '<', '>', '"', '\'', '\\'];

/// Whose name a commit bears, in a form that git takes as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Author {
    name: String,
    email: String,
}

impl Author {
    /// Takes any two texts and leaves out what an author line cannot hold (angle brackets, line breaks), what would
    /// steer a terminal, and what git trims. A name or an address of which nothing remains becomes `unknown`.
    pub fn new(name: &str, email: &str) -> Self {
        let (name, email) = (
            identity(name),
            identity(email).replace(char::is_whitespace, ""),
        );
        Self {
            name: or_else(name, "unknown"),
            email: or_else(email, "unknown@localhost"),
        }
    }

    /// The name; never empty.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The e-mail address; never empty, and without spaces.
    pub fn email(&self) -> &str {
        &self.email
    }
}

/// As a commit spells it: `Alice <alice@example.org>`.
impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} <{}>", self.name, self.email)
    }
}

fn identity(text: &str) -> String {
    let kept = one_line(&text.replace(['<', '>'], ""));
    let is_crud = |character: char| CRUD.contains(&character) || character.is_whitespace();
    let trimmed = kept.trim_matches(is_crud);
    // The cut may bare crud that stood inside.
    fitting(trimmed).trim_end_matches(is_crud).to_owned()
}

fn or_else(text: String, otherwise: &str) -> String {
    if text.is_empty() {
        otherwise.to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::limits::MESSAGE_VALUE_BYTES_MAX;

    #[test]
    fn an_author_is_what_git_takes() {
        for (name, email, expected) in [
            ("Alice", "alice@example.org", "Alice <alice@example.org>"),
            (
                "Alice <admin@x>\nevil",
                "a@b>\n<c@d",
                "Alice admin@x evil <a@bc@d>",
            ),
            (" \"Dr. A.\", ", "<a@b>", "Dr. A <a@b>"),
            (
                "a\u{1b}[31m\tb\u{202e}c\0d",
                "a b\u{1b}@c",
                "a [31m b c d <ab@c>",
            ),
            ("", "", "unknown <unknown@localhost>"),
            (".,:;<>\"'\\ ", " <> ", "unknown <unknown@localhost>"),
            (
                "Jos\u{e9}",
                "jos\u{e9}@example.org",
                "Jos\u{e9} <jos\u{e9}@example.org>",
            ),
        ] {
            let author = Author::new(name, email);
            assert_eq!(author.to_string(), expected);
            assert_eq!(Author::new(author.name(), author.email()), author);
        }
        assert!(Author::new(&"x".repeat(5_000), "a@b").name().len() <= MESSAGE_VALUE_BYTES_MAX);
    }
}
