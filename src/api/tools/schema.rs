//! JSON Schemas of arguments, in the part of the language that every model's API understands.

use serde_json::{Map, Value, json};

/// An object of these properties and no others. `required` are the ones that must be there.
pub(super) fn object<const COUNT: usize>(
    required: &[&str],
    properties: [(&str, Value); COUNT],
) -> Value {
    let properties = properties
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), schema));
    json!({
        "type": "object",
        "properties": properties.collect::<Map<_, _>>(),
        "required": required,
        "additionalProperties": false,
    })
}

/// A text.
pub(super) fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

/// One of a few words.
pub(super) fn choice(words: &[&str], description: &str) -> Value {
    json!({ "type": "string", "enum": words, "description": description })
}

/// A list of texts, at least one.
pub(super) fn lines(description: &str) -> Value {
    json!({ "type": "array", "items": { "type": "string" }, "minItems": 1, "description": description })
}

/// A whole number.
pub(super) fn number(range: std::ops::RangeInclusive<usize>, description: &str) -> Value {
    json!({
        "type": "integer",
        "minimum": range.start(),
        "maximum": range.end(),
        "description": description,
    })
}

/// Yes or no.
pub(super) fn flag(description: &str) -> Value {
    json!({ "type": "boolean", "description": description })
}

/// The path of one file.
pub(super) fn path() -> Value {
    text("Virtual path of the file, such as user/profile.md or shared/knowledge/products.md")
}

/// Why a change is made.
pub(super) fn reason() -> Value {
    text("Why, in a few words; it becomes part of the history that people read")
}
