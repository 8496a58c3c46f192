//! What a commit says: one subject line that a person would write, and one paragraph of trailers for machines.
//!
//! ```text
//! Patch user/alice/profile.md: corrected city
//!
//! Memory-Op: patch
//! Memory-Actor: support-agent
//! Memory-Reason: corrected city%0A(as told on the phone)
//! ```
//!
//! Every value is one line of printable ASCII: other bytes, `%`, and a space at either end are percent-escaped
//! (RFC 3986, section 2.1). So no value can add a trailer, hide a line or steer a terminal. Reading looks at the last
//! paragraph only, never at the subject, and knows only its own keys. What it finds in a commit that the daemon did not
//! make is somebody's claim: anyone with git can write it.

mod author;

use crate::model::limits::{MESSAGE_VALUE_BYTES_MAX, SUBJECT_CHARS_MAX};
use crate::model::path::is_hidden;

pub use author::Author;

/// What a trailer tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trailer {
    /// What was done, in one word.
    Op,
    /// Who did it, as the caller named them.
    Actor,
    /// The user on whose behalf.
    User,
    /// The team on whose behalf.
    Team,
    /// The model's tool call.
    ToolCall,
    /// The evaluation run.
    Run,
    /// Why, in the writer's words.
    Reason,
    /// What was found in the text that this adds; see `screening`.
    Flags,
    /// The key under which a repeated request finds its first answer.
    IdempotencyKey,
}

impl Trailer {
    /// Each of them, in the order in which a commit tells them.
    pub const ALL: [Self; 9] = [
        Self::Op,
        Self::Actor,
        Self::User,
        Self::Team,
        Self::ToolCall,
        Self::Run,
        Self::Reason,
        Self::Flags,
        Self::IdempotencyKey,
    ];

    /// The trailer's name in the commit.
    pub fn key(self) -> &'static str {
        match self {
            Self::Op => "Memory-Op",
            Self::Actor => "Memory-Actor",
            Self::User => "Memory-User",
            Self::Team => "Memory-Team",
            Self::ToolCall => "Memory-Tool-Call",
            Self::Run => "Memory-Run",
            Self::Reason => "Memory-Reason",
            Self::Flags => "Memory-Flags",
            Self::IdempotencyKey => "Memory-Idempotency-Key",
        }
    }
}

/// A commit's message, as the daemon writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    subject: String,
    trailers: Vec<(Trailer, String)>,
}

impl Message {
    /// Takes any text and makes it one line that shows as it is, fits a terminal, and that neither git nor a reader
    /// takes for a comment, a trailer or an order to `git rebase --autosquash`.
    pub fn new(subject: &str) -> Self {
        let plain = one_line(subject);
        let subject = match plain.as_str() {
            "" => "Change the memory".to_owned(),
            _ if is_misread(&plain) => format!("\"{}\"", cut(&plain, SUBJECT_CHARS_MAX - 2)),
            _ => cut(&plain, SUBJECT_CHARS_MAX),
        };
        Self {
            subject,
            trailers: Vec::new(),
        }
    }

    /// Adds a trailer, or replaces it. An empty value tells nothing and is left out. A value longer than
    /// `MESSAGE_VALUE_BYTES_MAX` when escaped is cut; where a cut value would be a wrong one, as with a key, the door
    /// refuses it first.
    pub fn with(mut self, trailer: Trailer, value: &str) -> Self {
        self.trailers.retain(|(other, _)| *other != trailer);
        let value = fitting(value);
        if !value.is_empty() {
            self.trailers.push((trailer, value.to_owned()));
        }
        self
    }

    /// The first line.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What a trailer tells, unescaped; none when the commit does not have it.
    pub fn value(&self, trailer: Trailer) -> Option<&str> {
        self.trailers
            .iter()
            .find(|(other, _)| *other == trailer)
            .map(|(_, value)| value.as_str())
    }

    /// The message as it stands in the commit, with a newline at its end.
    pub fn render(&self) -> String {
        let mut text = format!("{}\n", self.subject);
        if !self.trailers.is_empty() {
            text.push('\n');
        }
        for (trailer, value) in &self.trailers {
            text.push_str(trailer.key());
            text.push_str(": ");
            push_escaped(&mut text, value);
            text.push('\n');
        }
        text
    }

    /// Reads any commit's message. Where a key stands twice, the first one counts: what the daemon wrote stands above
    /// what somebody added.
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        let subject = text
            .lines()
            .next()
            .unwrap_or_default()
            .trim_end()
            .to_owned();
        let mut message = Self {
            subject,
            trailers: Vec::new(),
        };
        for line in last_paragraph(text) {
            let Some((trailer, value)) = split_trailer(line) else {
                continue;
            };
            if message.value(trailer).is_none() {
                message.trailers.push((trailer, value));
            }
        }
        message
    }
}

/// A text with every run of white space and hidden characters as one space, and none at its ends.
fn one_line(text: &str) -> String {
    let words = text.split(|character: char| character.is_whitespace() || is_hidden(character));
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn is_misread(subject: &str) -> bool {
    let is_trailer = |trailer: &Trailer| subject.starts_with(trailer.key());
    subject.starts_with(['#', '"'])
        || ["fixup!", "squash!", "amend!"]
            .iter()
            .any(|order| subject.starts_with(order))
        || Trailer::ALL.iter().any(is_trailer)
}

/// At most so many characters, with dots at the end where some are missing.
fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().nth(chars_max).is_none() {
        return text.to_owned();
    }
    let kept: String = text.chars().take(chars_max - 3).collect();
    format!("{}...", kept.trim_end())
}

/// As much of a value as fits its bound once escaped.
fn fitting(value: &str) -> &str {
    // An escaped byte is three bytes at most, so nearly every value fits at first sight.
    if value.len() * 3 <= MESSAGE_VALUE_BYTES_MAX {
        return value;
    }
    let mut size = 0;
    let over = value.char_indices().find(|(_, character)| {
        size += if is_literal(*character) {
            1
        } else {
            3 * character.len_utf8()
        };
        // Two bytes each for a space at the start and at the end.
        size > MESSAGE_VALUE_BYTES_MAX - 4
    });
    over.and_then(|(end, _)| value.split_at_checked(end))
        .map_or(value, |(kept, _)| kept)
}

fn push_escaped(text: &mut String, value: &str) {
    let last = value.len() - 1;
    for (at, byte) in value.bytes().enumerate() {
        let character = char::from(byte);
        let is_end = at == 0 || at == last;
        match is_literal(character) && !(is_end && character == ' ') {
            true => text.push(character),
            false => text.push_str(&format!("%{byte:02X}")),
        }
    }
}

fn is_literal(character: char) -> bool {
    matches!(character, ' '..='~') && character != '%'
}

/// A value as it was before escaping. What is no escape stands for itself: a person may have typed it.
fn unescape(value: &str) -> String {
    let mut pieces = value.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        match escaped_byte(piece) {
            Some((byte, rest)) => {
                bytes.push(byte);
                bytes.extend_from_slice(rest.as_bytes());
            }
            None => {
                bytes.push(b'%');
                bytes.extend_from_slice(piece.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn escaped_byte(piece: &str) -> Option<(u8, &str)> {
    let (digits, rest) = piece.split_at_checked(2)?;
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let byte = u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
    Some((byte, rest))
}

/// The lines after the last blank one; none when there is none, since the subject is never a trailer.
fn last_paragraph(text: &str) -> Vec<&str> {
    let lines: Vec<_> = text.lines().collect();
    let blank = lines.iter().rposition(|line| line.trim().is_empty());
    blank.map_or_else(Vec::new, |blank| {
        lines.into_iter().skip(blank + 1).collect()
    })
}

fn split_trailer(line: &str) -> Option<(Trailer, String)> {
    let (key, value) = line.split_once(':')?;
    let trailer = Trailer::ALL
        .into_iter()
        .find(|trailer| trailer.key() == key)?;
    let value = unescape(value.trim());
    (!value.is_empty()).then_some((trailer, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_subject_and_trailers() {
        let message = Message::new("Patch user/alice/profile.md: corrected city")
            .with(Trailer::Op, "patch")
            .with(Trailer::User, "user:42")
            .with(Trailer::Run, "")
            .with(Trailer::Reason, " 100% sure\n(by phone) \u{1f600}");
        let text = "Patch user/alice/profile.md: corrected city\n\nMemory-Op: patch\nMemory-User: user:42\n\
                    Memory-Reason: %20100%25 sure%0A(by phone) %F0%9F%98%80\n";
        assert_eq!(message.render(), text);
        assert_eq!(Message::parse(text), message);
        assert_eq!(
            message.value(Trailer::Reason),
            Some(" 100% sure\n(by phone) \u{1f600}")
        );
        assert_eq!(message.value(Trailer::Run), None);
        assert_eq!(Message::new("Write a.md").render(), "Write a.md\n");
    }

    #[test]
    fn a_subject_is_one_harmless_line() {
        let long = "x".repeat(80);
        let cut = format!("{}...", "x".repeat(69));
        let wide = "\u{4e2d}".repeat(73);
        let wide_cut = format!("{}...", "\u{4e2d}".repeat(69));
        for (subject, expected) in [
            ("Write a.md: why", "Write a.md: why"),
            (
                "Write a.md\n\nMemory-Actor: admin",
                "Write a.md Memory-Actor: admin",
            ),
            ("a\u{1b}[31mb\tc\rd\u{202e}e\u{85}f", "a [31mb c d e f"),
            ("  ", "Change the memory"),
            ("", "Change the memory"),
            ("# one", "\"# one\""),
            ("\n#one", "\"#one\""),
            ("Memory-Actor: admin", "\"Memory-Actor: admin\""),
            ("fixup! x", "\"fixup! x\""),
            (&long, &cut),
            (&wide, &wide_cut),
        ] {
            let message = Message::new(subject);
            assert_eq!(message.subject(), expected);
            assert!(message.subject().chars().count() <= SUBJECT_CHARS_MAX);
            assert_eq!(Message::parse(&message.render()), message);
        }
    }

    #[test]
    fn only_the_last_paragraph_tells_and_only_known_keys() {
        for (text, actor) in [
            ("Subject\n\nMemory-Actor: alice\n", Some("alice")),
            ("Subject\r\n\r\nMemory-Actor: alice\r\n", Some("alice")),
            ("Subject\n\nBody\n \nMemory-Actor:alice", Some("alice")),
            (
                "Subject\n\nMemory-Actor: alice\nSigned-off-by: Bob <b@example.org>\n\n\n",
                Some("alice"),
            ),
            (
                "Subject\n\nMemory-Actor: alice\nMemory-Actor: admin\n",
                Some("alice"),
            ),
            (
                "Subject\n\nMemory-Actor: a%2fb%zz%+1%\n",
                Some("a/b%zz%+1%"),
            ),
            ("Subject\n\nMemory-Actor: %ff\n", Some("\u{fffd}")),
            ("Memory-Actor: admin", None),
            ("Memory-Actor: admin\nMemory-Actor: admin\n", None),
            ("Subject\n\nMemory-Actor: admin\n\nBody\n", None),
            (
                "Subject\n\nMemory-Actor : admin\nmemory-actor: admin\n Memory-Actor: admin\nMemory-Actor:\n",
                None,
            ),
            ("", None),
        ] {
            assert_eq!(
                Message::parse(text).value(Trailer::Actor),
                actor,
                "{text:?}"
            );
        }
    }

    #[test]
    fn any_values_come_back_and_nothing_else_does() {
        let pieces = [
            "\n\nMemory-Actor: admin",
            "\u{1b}[31m",
            "\r",
            "\r\n",
            "%0a",
            "%",
            "\u{1f600}",
            " ",
            "\t",
            "\0",
            "\u{2028}",
            "x",
            "Memory-Op: x",
            ":",
            "\u{85}",
            "#",
            "e\u{301}",
            "\u{7f}",
        ];
        let mut seed = 1_u64;
        let mut below = |bound: usize| {
            // Marsaglia's xorshift64.
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            usize::try_from(seed % bound as u64).unwrap()
        };
        for _ in 0..5_000 {
            let mut text = || {
                (0..below(6))
                    .map(|_| pieces[below(pieces.len())])
                    .collect::<String>()
            };
            let message = Trailer::ALL
                .into_iter()
                .fold(Message::new(&text()), |message, trailer| {
                    message.with(trailer, &text())
                });
            let rendered = message.render();
            assert_eq!(Message::parse(&rendered), message, "{rendered}");
            let mut lines = rendered.lines();
            assert!(
                lines
                    .next()
                    .is_some_and(|subject| !subject.chars().any(is_hidden))
            );
            assert!(
                lines.all(|line| line.bytes().all(|byte| matches!(byte, b' '..=b'~'))),
                "{rendered}"
            );
        }
    }

    #[test]
    fn long_values_are_cut_between_escapes() {
        for piece in ["x", "\u{1f600}", " ", "%", "\n"] {
            let message = Message::new("Write a.md")
                .with(Trailer::Reason, &piece.repeat(MESSAGE_VALUE_BYTES_MAX));
            let value = message.value(Trailer::Reason).unwrap();
            assert!(
                value.chars().all(|character| piece.starts_with(character)),
                "{piece:?}"
            );
            let rendered = message.render();
            let line = rendered
                .lines()
                .last()
                .unwrap()
                .strip_prefix("Memory-Reason: ")
                .unwrap();
            assert!(
                line.len() <= MESSAGE_VALUE_BYTES_MAX && line.len() > MESSAGE_VALUE_BYTES_MAX - 20,
                "{}",
                line.len()
            );
            assert_eq!(Message::parse(&rendered), message);
        }
    }
}
