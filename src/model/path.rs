//! Paths, and the ids that own a part of them: parsed once at the door; after that the type is the proof.
//!
//! A [`RepoPath`] says where a file lies in the repository, a [`VirtualPath`] what an agent calls it, and a [`Layout`]
//! translates between the two. Percent signs are ordinary characters in both: only the HTTP door decodes, once.

mod id;
mod layout;
mod mount;
mod rules;

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::model::error::Rejection;

pub use crate::model::unicode::{fold, is_hidden};
pub use id::{TeamId, UserId};
pub use layout::{Fanout, Layout, Owners, Place};
pub use mount::{Mount, VirtualPath, VirtualPrefix};

/// As much of a refused path as an answer or a log line repeats.
const SHOWN_CHARS_MAX: usize = 200;

/// Where a file lies, relative to the root of the repository: a name that every file system can hold and no program
/// takes for anything else. Ordered by bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoPath(Arc<str>);

impl RepoPath {
    /// Takes a path as git writes it, with slashes. Refuses a name that breaks a rule; the answer says which.
    pub fn parse(path: &str) -> Result<Self, Rejection> {
        rules::check_file(path).map_err(|reason| invalid(path, reason))?;
        Ok(Self(path.into()))
    }

    /// Takes the path of a folder or a file, with or without a slash at its end; an empty one is the whole repository.
    /// Refuses one below which nothing can lie.
    pub fn parse_prefix(prefix: &str) -> Result<&str, Rejection> {
        // A lone slash keeps its slash, and is refused as absolute.
        let inner = prefix.strip_suffix('/').filter(|inner| !inner.is_empty());
        match inner.unwrap_or(prefix) {
            "" => Ok(""),
            folder => {
                rules::check_folder(folder).map_err(|reason| invalid(prefix, reason))?;
                Ok(folder)
            }
        }
    }

    /// The path as git writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Lets maps by path be asked with a plain text, and for a range of names.
impl Borrow<str> for RepoPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

fn invalid(path: &str, reason: rules::Broken) -> Rejection {
    Rejection::InvalidPath {
        path: shown(path),
        reason,
    }
}

/// A refused path as it may be repeated: bounded, and unable to steer the terminal that shows the log.
fn shown(path: &str) -> String {
    let visible = |character| {
        if is_hidden(character) {
            char::REPLACEMENT_CHARACTER
        } else {
            character
        }
    };
    let mut shown: String = path.chars().take(SHOWN_CHARS_MAX).map(visible).collect();
    if path.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::limits::{COMPONENT_BYTES_MAX, PATH_BYTES_MAX, PATH_DEPTH_MAX};

    /// Names that git takes, by the rule that refuses them here.
    const REFUSED: &[(&str, &[&str])] = &[
        ("empty", &["", "a//b.md"]),
        ("absolute", &["/a.md", "//a.md"]),
        ("slash", &["a/", "a.md/"]),
        (
            "dot component",
            &[".", "..", "./a.md", "../a.md", "a/../b.md", "a/./b.md"],
        ),
        ("backslash", &["a\\b.md", "..\\x.md", "a/\\.md"]),
        (
            "starts with a dot, a dash or a tilde",
            &[
                ".git/config.md",
                ".gitattributes",
                ".gi\u{307}t/x.md",
                "a/.hidden.md",
                "a/.md",
                "...md",
                "-rf.md",
                "--output=x.md",
                "~/a.md",
                "~root.md",
            ],
        ),
        ("ends with a dot", &["a./b.md", "a.md.", "a/b../c.md"]),
        (
            "space",
            &["a /b.md", " a.md", "a.md ", "\u{a0}a.md", "a.md\u{3000}"],
        ),
        (
            "control character",
            &[
                "a\nb.md",
                "a\tb.md",
                "a\u{1b}[31m.md",
                "a\u{7f}.md",
                "a\0.md",
                "C:/x.md",
                ":(top)x.md",
                "a*.md",
                "a?.md",
                "a\".md",
                "a<.md",
                "a>.md",
                "a|.md",
                "a.md:stream",
            ],
        ),
        (
            "invisible",
            &[
                "a\u{85}b.md",
                "a\u{200b}.md",
                "a\u{200d}b.md",
                "a\u{202e}dm.md",
                "a\u{2066}.md",
                "\u{feff}a.md",
                "a\u{ad}b.md",
                "a\u{2028}b.md",
                "a\u{3164}b.md",
                "a\u{fe00}.md",
                "a\u{e000}.md",
                "a\u{378}.md",
                "a\u{e0041}.md",
            ],
        ),
        (
            "Normalization Form C",
            &[
                "cafe\u{301}.md",
                "a/\u{212b}.md",
                "\u{1112}\u{1161}\u{11ab}.md",
            ],
        ),
        (
            "Windows device",
            &[
                "con.md",
                "CON.md",
                "nul/a.md",
                "Nul.tar.md",
                "aux.md",
                "prn.md",
                "com1.md",
                "COM9.md",
                "lpt1.md",
                "com\u{b9}.md",
                "lpt\u{b3}.md",
                "con .md",
                "conin$.md",
                "\u{ff43}\u{ff4f}\u{ff4e}.md",
                "a/con/b.md",
            ],
        ),
        (
            "short name",
            &[
                "git~1/x.md",
                "GIT~2/config.md",
                "a/notes~1.md",
                "gi7eba~1.md",
            ],
        ),
        (
            "percent-encoding or a look-alike",
            &[
                "%2e%2e/a.md",
                "%2E%2E/a.md",
                "%2e/a.md",
                "%2ehidden.md",
                "a%2fb.md",
                "a%5Cb.md",
                "a%00.md",
                "\u{ff0e}\u{ff0e}/a.md",
                "\u{2024}git/a.md",
                "a\u{ff0f}b.md",
                "a\u{ff3c}b.md",
                "\u{2100}.md",
            ],
        ),
        (
            "does not end in",
            &[
                "a",
                "user/alice/HEAD",
                "a.exe",
                "a.MD",
                "a.md/b",
                "md",
                "a.gitmodules",
                "a.md~",
                "a.b/c",
            ],
        ),
    ];

    fn reason(path: &str) -> &'static str {
        match RepoPath::parse(path) {
            Err(Rejection::InvalidPath { reason, .. }) => reason,
            other => panic!("{path:?}: {other:?}"),
        }
    }

    #[test]
    fn ordinary_names_are_taken() {
        for path in [
            "README.md",
            "shared/knowledge/products.md",
            "user/alice/profile.md",
            "user/user=3a42/notes 2025 (draft), v1.2 - final!.md",
            "a/data.json",
            "a/b.yaml",
            "a/b.yml",
            "a/b.csv",
            "a/b.xml",
            "a/b.txt",
            "a/b.tar.md",
            "a/caf\u{e9}.md",
            "a/\u{4f1a}\u{8bae}\u{ff1a}\u{7eaa}\u{8981}.md",
            "a/\u{915}\u{94d}\u{937}.md",
            "a/\u{1f600} \u{2708}\u{fe0f}.md",
            "a/x\u{3000}y.md",
            "a/100%.md",
            "a/50%25.md",
            "a/$&'[x]{y}^`#@;=+.md",
            "a/#x#.md",
            "a/x~.md",
            "a/backup of notes~2.md",
            "a/console.md",
            "a/com10.md",
            "a/com.md",
            "a/nullable.md",
            "a/lpt0.md",
            "a/my con.md",
            "a/x..y.md",
            "a/x-.md",
        ] {
            assert_eq!(RepoPath::parse(path).unwrap().as_str(), path);
        }
    }

    #[test]
    fn dangerous_names_are_refused_with_their_rule() {
        for (rule, paths) in REFUSED {
            for path in *paths {
                assert!(reason(path).contains(rule), "{path:?}: {}", reason(path));
            }
        }
    }

    #[test]
    fn sizes_are_bounded() {
        let component = |bytes| format!("{}.md", "x".repeat(bytes - 3));
        assert!(RepoPath::parse(&component(COMPONENT_BYTES_MAX)).is_ok());
        assert!(reason(&component(COMPONENT_BYTES_MAX + 1)).contains("200 bytes"));
        let deep = |components| format!("{}x.md", "d/".repeat(components - 1));
        assert!(RepoPath::parse(&deep(PATH_DEPTH_MAX)).is_ok());
        assert!(reason(&deep(PATH_DEPTH_MAX + 1)).contains("16 components"));
        let folders = format!("{}/", "y".repeat(99)).repeat(9);
        let long = |bytes: usize| format!("{folders}{}", component(bytes - folders.len()));
        assert!(RepoPath::parse(&long(PATH_BYTES_MAX)).is_ok());
        assert!(reason(&long(PATH_BYTES_MAX + 1)).contains("1,000 bytes"));
    }

    #[test]
    fn a_refused_path_is_repeated_harmlessly() {
        let refused = RepoPath::parse(&format!("\u{1b}[31m{}", "x".repeat(2_000)))
            .unwrap_err()
            .to_string();
        assert!(
            !refused.contains('\u{1b}') && refused.contains("...\""),
            "{refused}"
        );
        assert!(refused.len() < 400);
    }
}
