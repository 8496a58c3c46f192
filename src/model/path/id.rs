//! Ids of users and teams, and the encoding that makes any id the name of one folder.
//!
//! An id is any text: `user:42`, an e-mail address, `../shared`. Its folder's name must be a component that a path can
//! hold, must lead back to the id, must be its own folded form, so that `alice` and `Alice` are two folders on every
//! file system, and should be readable where that is possible. So:
//!
//! - `a-z 0-9 _ @ + ,` stand for themselves, and so do `-` and `.` between others;
//! - letters, marks and digits beyond ASCII stand for themselves when the whole name then is in Normalization Form C
//!   and equals its folded form; if not, none of them does;
//! - every other byte of the id's UTF-8 is `=` and two lower-case hex digits: `user:42` is `user=3a42`;
//! - the first byte is escaped too when the name were a Windows device: `con` is `=63on`.
//!
//! Only what this encoding gives is ever read back, so an id has one folder and a folder one id.

use std::fmt;
use std::sync::Arc;

use crate::model::error::Rejection;
use crate::model::limits::ID_BYTES_MAX;
use crate::model::path::rules::check_component;
use crate::model::unicode::{fold, is_composed, is_word_part};

/// An id and the name of its folder.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Id {
    text: Arc<str>,
    component: Arc<str>,
}

impl Id {
    fn parse(text: &str, empty: Rejection) -> Result<Self, Rejection> {
        if text.is_empty() {
            return Err(empty);
        }
        if text.contains('\0') {
            return Err(Rejection::validation("An id contains a NUL character"));
        }
        let component = encode(text);
        let size = component.len();
        if size > ID_BYTES_MAX {
            return Err(Rejection::IdTooLong {
                size,
                limit: ID_BYTES_MAX,
            });
        }
        let text: Arc<str> = text.into();
        // Nearly every id is its own component, and then one copy serves for both.
        let component = if component == *text {
            text.clone()
        } else {
            component.into()
        };
        Ok(Self { text, component })
    }
}

/// Makes users and teams two types, so that one can never be passed where the other is meant.
macro_rules! id_kind {
    ($(#[$doc:meta])* $name:ident, $required:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Id);

        impl $name {
            /// Takes any text. Refuses the empty one, one with a NUL, and one whose component were too long.
            pub fn parse(id: &str) -> Result<Self, Rejection> {
                Id::parse(id, $required).map(Self)
            }

            /// The id whose component this is; none for a name that [`Self::component`] never gives.
            pub fn from_component(component: &str) -> Option<Self> {
                let id = Self::parse(&decode(component)?).ok()?;
                (id.component() == component).then_some(id)
            }

            /// The id as it was given.
            pub fn as_str(&self) -> &str {
                &self.0.text
            }

            /// The name of the id's folder: one component of a path, and no other id's.
            pub fn component(&self) -> &str {
                &self.0.component
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }
    };
}

id_kind! {
    /// A user, by the id that the application knows them by.
    UserId, Rejection::UserIdRequired
}
id_kind! {
    /// A team, by the id that the application knows it by.
    TeamId, Rejection::TeamIdRequired
}

fn encode(id: &str) -> String {
    let readable = encode_sparing(id, is_word_part);
    let component =
        match readable.is_ascii() || is_composed(&readable) && fold(&readable) == readable {
            true => readable,
            false => encode_sparing(id, |_| false),
        };
    // What the characters alone leave to refuse is the name of a device, and a name too long for any component.
    match check_component(&component) {
        Err(_) if component.len() <= ID_BYTES_MAX => escape_first(&component),
        _ => component,
    }
}

/// Escapes every byte except those of plain characters, and of characters beyond ASCII that `is_spared`.
fn encode_sparing(id: &str, is_spared: impl Fn(char) -> bool) -> String {
    let last = id.char_indices().next_back().map_or(0, |(last, _)| last);
    let mut component = String::with_capacity(id.len());
    for (at, character) in id.char_indices() {
        let is_literal = match character {
            'a'..='z' | '0'..='9' | '_' | '@' | '+' | ',' => true,
            '-' | '.' => at > 0 && at < last,
            _ => !character.is_ascii() && is_spared(character),
        };
        match is_literal {
            true => component.push(character),
            false => push_escaped(&mut component, character.encode_utf8(&mut [0; 4])),
        }
    }
    component
}

fn escape_first(component: &str) -> String {
    let (first, rest) = component
        .split_at_checked(1)
        .expect("a device's name is ASCII");
    let mut escaped = String::with_capacity(component.len() + 2);
    push_escaped(&mut escaped, first);
    escaped.push_str(rest);
    escaped
}

fn push_escaped(component: &mut String, text: &str) {
    for byte in text.bytes() {
        let digits = [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16));
        component.push('=');
        component.extend(digits.into_iter().flatten());
    }
}

/// The text behind a component, canonical or not; none when an escape is broken or the bytes are no UTF-8.
fn decode(component: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(component.len());
    let mut pieces = component.split('=');
    bytes.extend_from_slice(pieces.next()?.as_bytes());
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn ids_have_readable_folders() {
        let table = [
            ("alice", "alice"),
            ("user:42", "user=3a42"),
            ("Alice", "=41lice"),
            ("victim/inner", "victim=2finner"),
            ("..", "=2e=2e"),
            ("../shared", "=2e.=2fshared"),
            ("%2e", "=252e"),
            ("%", "=25"),
            ("=", "=3d"),
            ("a=3ab", "a=3d3ab"),
            ("alice@example.org", "alice@example.org"),
            ("alice+x,y_z@example.org", "alice+x,y_z@example.org"),
            (
                "0190a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b",
                "0190a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b",
            ),
            ("-rf", "=2drf"),
            ("--", "=2d=2d"),
            (".git", "=2egit"),
            ("~root", "=7eroot"),
            ("git~1", "git=7e1"),
            ("dot.", "dot=2e"),
            ("dash-", "dash=2d"),
            (" space ", "=20space=20"),
            ("two words", "two=20words"),
            ("line\nbreak", "line=0abreak"),
            ("con", "=63on"),
            ("nul.txt", "=6eul.txt"),
            ("com1.bob", "=63om1.bob"),
            ("con1", "con1"),
            ("Con", "=43on"),
            ("com\u{b9}", "com=c2=b9"),
            ("jos\u{e9}", "jos\u{e9}"),
            ("jose\u{301}", "jose=cc=81"),
            ("JOS\u{c9}", "=4a=4f=53=c3=89"),
            ("stra\u{df}e", "stra=c3=9fe"),
            ("\u{738b}\u{5c0f}\u{660e}", "\u{738b}\u{5c0f}\u{660e}"),
            (
                "\u{917}\u{941}\u{92a}\u{94d}\u{924}\u{93e}",
                "\u{917}\u{941}\u{92a}\u{94d}\u{924}\u{93e}",
            ),
            ("\u{1f600}", "=f0=9f=98=80"),
            ("a\u{200b}b", "a=e2=80=8bb"),
            ("\u{3164}", "=e3=85=a4"),
            ("\u{feff}x", "=ef=bb=bfx"),
        ];
        for (id, component) in table {
            let user = UserId::parse(id).unwrap();
            assert_eq!(user.component(), component, "{id}");
            assert_eq!(user.as_str(), id);
            assert_eq!(UserId::from_component(component), Some(user), "{id}");
        }
    }

    #[test]
    fn only_the_canonical_folder_is_read_back() {
        let foreign = [
            "",
            "Alice",
            "=61lice",
            "user=3A42",
            "user:42",
            "=",
            "=2",
            "=zz",
            "=+1",
            "a=00b",
            "=ff",
            "con",
            ".",
            "..",
            ".x",
            "-x",
            "x.",
            "jose\u{301}",
            "jos=c3=a9",
            "=00",
            "a b",
            "a%2fb",
        ];
        for component in foreign {
            assert_eq!(TeamId::from_component(component), None, "{component}");
        }
    }

    #[test]
    fn bad_ids_are_refused() {
        assert_eq!(UserId::parse(""), Err(Rejection::UserIdRequired));
        assert_eq!(TeamId::parse(""), Err(Rejection::TeamIdRequired));
        assert_eq!(
            UserId::parse("a\0b").unwrap_err().code(),
            "VALIDATION_ERROR"
        );
        assert!(UserId::parse(&"x".repeat(ID_BYTES_MAX)).is_ok());
        let capitals = UserId::parse(&"X".repeat(ID_BYTES_MAX));
        assert_eq!(
            capitals,
            Err(Rejection::IdTooLong {
                size: 600,
                limit: ID_BYTES_MAX
            })
        );
        let long_device = format!("con.{}", "x".repeat(ID_BYTES_MAX - 4));
        assert_eq!(
            UserId::parse(&long_device),
            Err(Rejection::IdTooLong {
                size: 202,
                limit: ID_BYTES_MAX
            })
        );
    }

    /// Every text of up to three of these pieces: what collides, escapes or normalizes in odd company.
    #[test]
    fn no_two_ids_share_a_folder_on_any_file_system() {
        let pieces = [
            "a", "A", "com1", "=", "=41", ".", "-", "/", "%", "~1", "e", "\u{e9}", "\u{301}",
            "\u{df}", "ss", "\u{212a}", "\u{1100}", "\u{1161}", "\u{345}", "\u{fe0f}", "\u{3a3}",
            "\u{3c2}", "\u{130}", "\u{131}",
        ];
        let mut seen: HashMap<String, String> = HashMap::new();
        let mut ids = vec![String::new()];
        for _ in 0..3 {
            ids = ids
                .iter()
                .flat_map(|id| pieces.map(|piece| format!("{id}{piece}")))
                .collect();
            for id in &ids {
                let user = UserId::parse(id).unwrap();
                assert_eq!(check_component(user.component()), Ok(()), "{id:?}");
                assert_eq!(
                    UserId::from_component(user.component()).as_ref(),
                    Some(&user)
                );
                let other = seen.insert(fold(user.component()).into_owned(), id.clone());
                assert!(other.is_none_or(|other| other == *id), "{id:?}");
            }
        }
    }

    #[test]
    fn every_character_alone_makes_a_folder() {
        for character in '\u{1}'..='\u{1ffff}' {
            let user = UserId::parse(&character.to_string()).unwrap();
            assert_eq!(
                check_component(user.component()),
                Ok(()),
                "U+{:04X}",
                u32::from(character)
            );
            assert_eq!(
                fold(user.component()),
                user.component(),
                "U+{:04X}",
                u32::from(character)
            );
        }
    }
}
