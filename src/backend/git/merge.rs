//! Three-way merges of one text, in RAM.

use git2::{MergeFileInput, MergeFileOptions};

use crate::model::error::{Doing, Fault};

/// What became of two texts that grew out of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged {
    /// Both sides' changes, in one text.
    Clean(String),
    /// They changed the same lines in different ways.
    Conflict,
}

/// Merges two texts by lines. Without a base, every line they do not share is a conflict.
pub fn merge_texts(base: &str, ours: &str, theirs: &str) -> Result<Merged, Fault> {
    if ours == theirs || base == theirs {
        return Ok(Merged::Clean(ours.to_owned()));
    }
    if base == ours {
        return Ok(Merged::Clean(theirs.to_owned()));
    }
    super::wake();
    let (mut ancestor, mut our, mut their) = (
        MergeFileInput::new(),
        MergeFileInput::new(),
        MergeFileInput::new(),
    );
    ancestor.content(base.as_bytes());
    our.content(ours.as_bytes());
    their.content(theirs.as_bytes());
    let mut options = MergeFileOptions::new();
    let result =
        git2::merge_file(&ancestor, &our, &their, Some(&mut options)).doing("merge two texts")?;
    if !result.is_automergeable() {
        return Ok(Merged::Conflict);
    }
    let text = String::from_utf8(result.content().to_vec()).doing("read a merged text")?;
    Ok(Merged::Clean(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sides_meet_in_one_text() {
        let base = "a\nb\nc\nd\ne\n";
        let table = [
            (
                "A\nb\nc\nd\ne\n",
                "a\nb\nc\nd\nE\n",
                Merged::Clean("A\nb\nc\nd\nE\n".into()),
            ),
            (base, "x\n", Merged::Clean("x\n".into())),
            ("y\n", base, Merged::Clean("y\n".into())),
            ("x\n", "x\n", Merged::Clean("x\n".into())),
            ("a\nB\nc\nd\ne\n", "a\nX\nc\nd\ne\n", Merged::Conflict),
        ];
        for (ours, theirs, expected) in table {
            assert_eq!(
                merge_texts(base, ours, theirs).unwrap(),
                expected,
                "{ours:?} {theirs:?}"
            );
        }
    }
}
