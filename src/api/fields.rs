//! Reading a JSON object field by field, with every wrong one named.
//!
//! A model that sent three wrong arguments should hear of all three, so a getter notes what is wrong and goes on; the
//! notes become one rejection at the end. Keys that nobody asks for are ignored, and `null` is the same as absent:
//! clients in several languages send it for what they do not have.

use serde_json::{Map, Value};

use crate::model::error::{Issue, Rejection};

/// An object that is being read. Each getter gives nothing when it has noted an issue.
#[derive(Debug)]
pub struct Fields<'a> {
    at: Vec<String>,
    object: &'a Map<String, Value>,
    issues: Vec<Issue>,
}

impl<'a> Fields<'a> {
    /// Reads a value that must be an object. `at` is where it stands in the request. Refuses it with all issues that
    /// `read` met.
    pub fn read<T>(
        value: &'a Value,
        at: &[&str],
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Result<T, Rejection> {
        let at: Vec<_> = at.iter().map(|&key| key.to_owned()).collect();
        let Value::Object(object) = value else {
            return Err(refusal(vec![wrong_kind(at, "object", value)]));
        };
        let mut fields = Self {
            at,
            object,
            issues: Vec::new(),
        };
        match read(&mut fields) {
            Some(given) if fields.issues.is_empty() => Ok(given),
            _ => Err(refusal(fields.issues)),
        }
    }

    /// A text that must be there; it may be empty.
    pub fn text(&mut self, key: &str) -> Option<&'a str> {
        let value = self.required(key)?;
        self.as_text(key, value)
    }

    /// A text that need not be there.
    pub fn optional_text(&mut self, key: &str) -> Option<Option<&'a str>> {
        match self.get(key) {
            None => Some(None),
            Some(value) => self.as_text(key, value).map(Some),
        }
    }

    /// A text that need not be there, but is not empty when it is.
    pub fn optional_name(&mut self, key: &str) -> Option<Option<&'a str>> {
        let name = self.optional_text(key)?;
        match name {
            Some("") => self.note(key, "Must not be empty"),
            name => Some(name),
        }
    }

    /// One line or more.
    pub fn lines(&mut self, key: &str) -> Option<Vec<&'a str>> {
        match self.required(key)? {
            Value::Array(lines) if lines.is_empty() => {
                self.note(key, "Must hold at least one line")
            }
            Value::Array(lines) => self.as_lines(key, lines),
            other => self.note_kind(key, "array of strings", other),
        }
    }

    /// A text, or lines that make one.
    pub fn text_or_lines(&mut self, key: &str) -> Option<String> {
        match self.required(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Array(lines) => self.as_lines(key, lines).map(|lines| lines.join("\n")),
            other => self.note_kind(key, "string or array of strings", other),
        }
    }

    /// A whole number within bounds that need not be there.
    pub fn optional_number(
        &mut self,
        key: &str,
        range: std::ops::RangeInclusive<usize>,
    ) -> Option<Option<usize>> {
        let Some(value) = self.get(key) else {
            return Some(None);
        };
        if !value.is_number() {
            return self.note_kind(key, "number", value);
        }
        let number = value
            .as_u64()
            .and_then(|number| usize::try_from(number).ok());
        match number.filter(|number| range.contains(number)) {
            Some(number) => Some(Some(number)),
            None => {
                let (least, most) = (range.start(), range.end());
                self.note(
                    key,
                    format!("Must be a whole number from {least} to {most}"),
                )
            }
        }
    }

    /// Yes or no, or not there.
    pub fn optional_flag(&mut self, key: &str) -> Option<Option<bool>> {
        match self.get(key) {
            None => Some(None),
            Some(Value::Bool(flag)) => Some(Some(*flag)),
            Some(other) => self.note_kind(key, "boolean", other),
        }
    }

    /// A value of any kind that need not be there.
    pub fn optional(&mut self, key: &str) -> Option<&'a Value> {
        self.get(key)
    }

    /// Notes that a field is not as it must be.
    pub fn note<T>(&mut self, key: &str, message: impl Into<String>) -> Option<T> {
        let (path, message) = (self.path(key), message.into());
        self.issues.push(Issue { path, message });
        None
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        self.object.get(key).filter(|value| !value.is_null())
    }

    fn required(&mut self, key: &str) -> Option<&'a Value> {
        self.get(key).or_else(|| self.note(key, "Required"))
    }

    fn as_text(&mut self, key: &str, value: &'a Value) -> Option<&'a str> {
        value
            .as_str()
            .or_else(|| self.note_kind(key, "string", value))
    }

    fn as_lines(&mut self, key: &str, lines: &'a [Value]) -> Option<Vec<&'a str>> {
        let texts: Option<Vec<_>> = lines.iter().map(Value::as_str).collect();
        texts.or_else(|| self.note(key, "Expected strings only"))
    }

    fn note_kind<T>(&mut self, key: &str, expected: &str, value: &Value) -> Option<T> {
        self.issues
            .push(wrong_kind(self.path(key), expected, value));
        None
    }

    fn path(&self, key: &str) -> Vec<String> {
        self.at.iter().cloned().chain([key.to_owned()]).collect()
    }
}

fn wrong_kind(path: Vec<String>, expected: &str, value: &Value) -> Issue {
    let received = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    Issue {
        path,
        message: format!("Expected {expected}, received {received}"),
    }
}

/// The first issue is the message too: some clients show nothing else.
fn refusal(issues: Vec<Issue>) -> Rejection {
    let message = issues
        .first()
        .map_or_else(String::new, |issue| match issue.path.as_slice() {
            [] => issue.message.clone(),
            path => format!("{}: {}", path.join("."), issue.message),
        });
    Rejection::Validation { message, issues }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn issues(value: &Value, read: impl FnOnce(&mut Fields<'_>) -> Option<()>) -> Vec<String> {
        match Fields::read(value, &["arguments"], read) {
            Err(Rejection::Validation { issues, .. }) => issues
                .iter()
                .map(|issue| format!("{} {}", issue.path.join("."), issue.message))
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        let value = json!({ "path": 5, "reason": [], "actor": "", "lines": [1], "match": {} });
        let issues = issues(&value, |fields| {
            let _ = (
                fields.text("path"),
                fields.text("content"),
                fields.optional_text("reason"),
            );
            let _ = (
                fields.optional_name("actor"),
                fields.lines("lines"),
                fields.text_or_lines("match"),
            );
            Some(())
        });
        let expected = [
            "arguments.path Expected string, received number",
            "arguments.content Required",
            "arguments.reason Expected string, received array",
            "arguments.actor Must not be empty",
            "arguments.lines Expected strings only",
            "arguments.match Expected string or array of strings, received object",
        ];
        assert_eq!(issues, expected);
    }

    #[test]
    fn null_is_absent_and_unknown_keys_are_ignored() {
        let value = json!({ "path": "a", "reason": null, "surprise": 1 });
        let read = Fields::read(&value, &[], |fields| {
            Some((fields.text("path")?, fields.optional_text("reason")?))
        });
        assert_eq!(read, Ok(("a", None)));
    }

    #[test]
    fn what_is_no_object_is_refused_where_it_stands() {
        assert_eq!(
            issues(&json!([]), |_| Some(())),
            ["arguments Expected object, received array"]
        );
    }
}
