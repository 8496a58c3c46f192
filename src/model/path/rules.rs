//! Which names a memory can hold.
//!
//! Git on Linux takes nearly any bytes for a name, also names that are an option, an escape sequence, a device or a
//! way out of the folder on the computer of the next person who clones. So this is a list of what is allowed, and
//! each refusal names its rule. A name must also be harmless in its folded form, which is what a file system that
//! ignores case and Unicode form, or a program that maps characters to look-alikes, may make of it.

use crate::model::limits::{COMPONENT_BYTES_MAX, PATH_BYTES_MAX, PATH_DEPTH_MAX};
use crate::model::unicode::{fold, is_composed, is_hidden};

/// The rule that a name breaks, as a sentence about it.
pub(super) type Broken = &'static str;

/// What a memory's files end in.
const EXTENSIONS: [&str; 7] = ["md", "txt", "json", "yaml", "yml", "csv", "xml"];

/// Checks the path of a file.
pub(super) fn check_file(path: &str) -> Result<(), Broken> {
    check_folder(path)?;
    match path.rsplit_once('.') {
        Some((_, extension)) if EXTENSIONS.contains(&extension) => Ok(()),
        _ => Err("it does not end in .md, .txt, .json, .yaml, .yml, .csv or .xml"),
    }
}

/// Checks the path of a folder, without a slash at its end; a file's path without regard to its extension.
pub(super) fn check_folder(path: &str) -> Result<(), Broken> {
    check_shape(path)?;
    if path.len() > PATH_BYTES_MAX {
        return Err("it is longer than 1,000 bytes");
    }
    if path.split('/').nth(PATH_DEPTH_MAX).is_some() {
        return Err("it has more than 16 components");
    }
    path.split('/').try_for_each(check_component)
}

/// Checks only that a path goes down from where it starts, one named component after the other.
pub(super) fn check_shape(path: &str) -> Result<(), Broken> {
    if path.is_empty() {
        return Err("it is empty");
    }
    if path.starts_with('/') {
        return Err("it is absolute");
    }
    if path.ends_with('/') {
        return Err("it ends with a slash");
    }
    if path.contains('\\') {
        return Err("it contains a backslash");
    }
    path.split('/').try_for_each(|component| match component {
        "" => Err("it contains an empty component"),
        "." | ".." => Err("it contains a dot component"),
        _ => Ok(()),
    })
}

/// Checks one component of a path.
pub(super) fn check_component(name: &str) -> Result<(), Broken> {
    if name.is_empty() {
        return Err("it contains an empty component");
    }
    if name.len() > COMPONENT_BYTES_MAX {
        return Err("a component is longer than 200 bytes");
    }
    if !is_ordinary(name) {
        check_characters(name)?;
    }
    if is_device(&fold(name)) {
        return Err("a component is the name of a Windows device");
    }
    Ok(())
}

/// Whether a name is made of characters that break no rule where they stand. Nearly all are, and start-up checks
/// every name in the memory.
fn is_ordinary(name: &str) -> bool {
    let is_word = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'=');
    let is_inner = |byte: &u8| is_word(byte) || matches!(byte, b'-' | b'.' | b'@' | b'+' | b',');
    let bytes = name.as_bytes();
    bytes.first().is_some_and(is_word)
        && bytes.last().is_some_and(is_word)
        && bytes.iter().all(is_inner)
}

fn check_characters(name: &str) -> Result<(), Broken> {
    check_ends(name)?;
    if !name.bytes().all(is_plain) {
        return Err("it contains a control character or one of \\ : * ? \" < > |");
    }
    if !name.is_ascii() {
        check_unicode(name)?;
    }
    let folded = fold(name);
    if is_short_name(&folded) {
        return Err("a component has the form of a Windows short name");
    }
    if hides_separator(&folded) {
        return Err(
            "a component hides a dot, a slash or a NUL behind percent-encoding or a look-alike",
        );
    }
    Ok(())
}

fn check_ends(name: &str) -> Result<(), Broken> {
    if name.starts_with(['.', '-', '~']) {
        return Err("a component starts with a dot, a dash or a tilde");
    }
    // Windows drops dots and spaces at the end, and so makes two names one.
    if name.ends_with('.') {
        return Err("a component ends with a dot");
    }
    if name.trim() != name {
        return Err("a component starts or ends with a space");
    }
    Ok(())
}

fn check_unicode(name: &str) -> Result<(), Broken> {
    if name.chars().any(is_hidden) {
        return Err("it contains an invisible, private or unassigned character");
    }
    if !is_composed(name) {
        return Err("it is not in Unicode Normalization Form C");
    }
    Ok(())
}

fn is_plain(byte: u8) -> bool {
    !matches!(
        byte,
        0..=0x1f | 0x7f | b'/' | b'\\' | b':' | b'*' | b'?' | b'"' | b'<' | b'>' | b'|'
    )
}

/// Windows opens the device under any extension, and also where spaces follow the name.
fn is_device(folded: &str) -> bool {
    let stem = folded.split('.').next().unwrap_or_default().trim_end();
    let numbered = stem
        .strip_prefix("com")
        .or_else(|| stem.strip_prefix("lpt"));
    matches!(stem, "con" | "prn" | "aux" | "nul" | "conin$" | "conout$")
        || numbered.is_some_and(|number| matches!(number.as_bytes(), [b'1'..=b'9']))
}

/// Windows file systems answer to `git~1` for `.git`, and in the same way to a second name for every long one.
fn is_short_name(folded: &str) -> bool {
    let stem = folded.split('.').next().unwrap_or_default();
    let number = stem.rsplit_once('~').map(|(_, number)| number);
    stem.len() <= 8 && number.is_some_and(|number| is_number(number.as_bytes()))
}

fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// Names are never decoded here; but nobody who writes `%2e%2e` means a name, and some program further on decodes it.
fn hides_separator(folded: &str) -> bool {
    folded.starts_with('.')
        || folded.starts_with("%2e")
        || folded.contains(['/', '\\'])
        || folded.contains('%')
            && ["%2f", "%5c", "%00"]
                .iter()
                .any(|code| folded.contains(code))
}
