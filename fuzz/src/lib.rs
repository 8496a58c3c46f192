//! What is fuzzed: for each part that reads bytes of strangers, what must hold whatever they are.

pub mod document;
pub mod id;
pub mod journal;
pub mod pack;
pub mod patch;
pub mod path;
pub mod screening;

/// A target by its name.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 7] = [
    ("document", document::run),
    ("id", id::run),
    ("journal", journal::run),
    ("pack", pack::run),
    ("patch", patch::run),
    ("path", path::run),
    ("screening", screening::run),
];

/// Bytes as a text, and the rest as another: they are divided by the first `0xff`, which no UTF-8 has.
fn two_texts(data: &[u8]) -> (String, String) {
    let mut parts = data.splitn(2, |byte| *byte == 0xff);
    let mut next = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    (next(), next())
}
