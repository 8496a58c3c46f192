//! Which files of one scope a block shows, and in which order.

use std::sync::Arc;

use crate::model::path::Mount;
use crate::model::snapshot::{File, Snapshot};

/// Files that nobody listed and that are no guidance: the prompts of other agents.
const LEFT_OUT: &str = "shared/prompts/";

/// A file, and its virtual path.
pub(super) struct Named {
    pub(super) path: String,
    pub(super) file: Arc<File>,
}

/// The files of one part of the memory, in the order in which they are shown.
#[derive(Default)]
pub(super) struct Selection {
    /// The file that tells what is in the others, if a pattern names it.
    pub(super) index: Option<Named>,
    /// What else the patterns name: by the first pattern that does, then by path.
    pub(super) always: Vec<Named>,
    /// All the rest, by path.
    pub(super) others: Vec<Named>,
}

/// Sorts the files of a mount, which lie in `folder`, by what the patterns say of them.
pub(super) fn select(
    snapshot: &Snapshot,
    folder: &str,
    mount: Mount,
    always: &[String],
) -> Selection {
    let mut selection = Selection::default();
    let mut ranked = Vec::new();
    for (path, file) in snapshot.under(folder) {
        let below = path.as_str().strip_prefix(folder).unwrap_or_default();
        let named = Named {
            path: format!("{mount}/{below}"),
            file: file.clone(),
        };
        let is_named = |pattern: &String| matches(pattern.as_bytes(), named.path.as_bytes());
        match always.iter().position(is_named) {
            Some(_) if below == "index.md" => selection.index = Some(named),
            Some(rank) => ranked.push((rank, named)),
            None if named.path.starts_with(LEFT_OUT) => {}
            None => selection.others.push(named),
        }
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    selection.always = ranked.into_iter().map(|(_, named)| named).collect();
    selection
}

/// Whether a pattern names a path: `*` stands for any characters but a slash, `**` for any at all, `**/` for any
/// folders or none. The patterns are the operator's own, so the time that many stars take is theirs too.
fn matches(pattern: &[u8], path: &[u8]) -> bool {
    let tails = |length: usize| (0..=length).map(|start| &path[start..]);
    match pattern {
        [] => path.is_empty(),
        [b'*', b'*', b'/', rest @ ..] => {
            let folders = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
            matches(rest, path)
                || folders
                    .into_iter()
                    .any(|(slash, _)| matches(rest, &path[slash + 1..]))
        }
        [b'*', b'*', rest @ ..] => tails(path.len()).any(|tail| matches(rest, tail)),
        [b'*', rest @ ..] => {
            let component = path
                .iter()
                .position(|byte| *byte == b'/')
                .unwrap_or(path.len());
            tails(component).any(|tail| matches(rest, tail))
        }
        [byte, rest @ ..] => path
            .split_first()
            .is_some_and(|(first, path)| first == byte && matches(rest, path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_paths() {
        let table = [
            ("shared/index.md", "shared/index.md", true),
            ("shared/index.md", "shared/index.md.md", false),
            ("shared/*.md", "shared/a.md", true),
            ("shared/*.md", "shared/ops/a.md", false),
            ("shared/**", "shared/ops/a.md", true),
            ("shared/**/a.md", "shared/a.md", true),
            ("shared/**/a.md", "shared/x/y/a.md", true),
            ("shared/**/a.md", "shared/x/ba.md", false),
            ("user/*/index.md", "user/a/index.md", true),
            ("**", "team/x.md", true),
            ("*.md", "team/x.md", false),
            ("", "a.md", false),
        ];
        for (pattern, path, expected) in table {
            assert_eq!(
                matches(pattern.as_bytes(), path.as_bytes()),
                expected,
                "{pattern} {path}"
            );
        }
    }
}
