//! The HTTP doors of a running daemon: what each answers, to the byte where clients depend on it.

mod files;
mod identity;
mod memexai;
mod patches;
mod prompt;
mod retries;
mod revisions;
mod tools;

use serde_json::Value;

use crate::program::Answer;

/// The answer without what is new each time: the revision, which must be one, and the text's id, which must be one.
fn without_ids(answer: Answer) -> Value {
    let mut value = answer.of(200).json();
    let fields = value.as_object_mut().expect("an answer is an object");
    for name in ["revision", "blobId"] {
        if let Some(id) = fields.remove(name) {
            let id = id.as_str().unwrap_or_default();
            assert!(
                id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{name}: {id}"
            );
        }
    }
    value
}

/// Whether a text is a moment as JavaScript's `toISOString` writes it.
pub(crate) fn is_moment(text: &Value) -> bool {
    let shape = text
        .as_str()
        .unwrap_or_default()
        .bytes()
        .map(|byte| match byte {
            b'0'..=b'9' => b'0',
            other => other,
        });
    shape.eq(*b"0000-00-00T00:00:00.000Z")
}
