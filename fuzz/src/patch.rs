//! Patches: nothing but what is named changes, and what is asked for twice is done once.

use memoryd::model::patch::Patch;

use crate::two_texts;

/// Takes any bytes for a file and what is to be done with it.
pub fn run(data: &[u8]) {
    let (text, wish) = two_texts(data);
    let lines: Vec<_> = wish.lines().map(str::to_owned).collect();
    append(&text, &lines, None);
    if let Some((heading, lines)) = lines.split_first() {
        append(&text, lines, Some(heading.clone()));
    }
    if let Some((find, replacement)) = wish.split_once('\u{fffd}') {
        replace(&text, find, replacement);
    }
}

fn append(text: &str, lines: &[String], after_heading: Option<String>) {
    // To the original an empty file has one empty line, so an empty line is another matter.
    let is_plain = after_heading.is_none()
        && !lines
            .iter()
            .any(|line| line.is_empty() || line.contains('\r'));
    let patch = Patch::AppendLines {
        lines: lines.to_vec(),
        after_heading,
    };
    let Ok(Some(after)) = patch.apply(text) else {
        return;
    };
    // What stood there stands there still, in its order.
    let bare = |line: &str| line.trim_end_matches('\r').to_owned();
    let mut standing = after.lines().map(bare);
    for line in text.lines().map(bare).filter(|line| !line.is_empty()) {
        assert!(
            standing.any(|other| other == line),
            "{line:?} is gone from {after:?}"
        );
    }
    for line in lines {
        assert!(
            after.contains(line.trim_end_matches('\r')),
            "{line:?} is not in {after:?}"
        );
    }
    if is_plain && !text.contains('\r') {
        assert_eq!(patch.apply(&after), Ok(None), "{after:?}");
    }
}

fn replace(text: &str, find: &str, replacement: &str) {
    let patch = Patch::ReplaceLines {
        find: find.to_owned(),
        replacement: replacement.to_owned(),
    };
    let result = patch.apply(text);
    if find.is_empty() || text.matches(find).count() != 1 {
        assert!(result.is_err(), "{find:?} in {text:?}");
    } else if !text.contains('\r') && !replacement.contains('\r') {
        let expected = text.replacen(find, replacement, 1);
        let after = result
            .expect("it stands there once")
            .unwrap_or_else(|| text.to_owned());
        assert_eq!(after, expected);
    }
}
