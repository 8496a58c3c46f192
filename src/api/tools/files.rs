//! The tools for files: list, read, write, patch, delete, rename.

use serde_json::{Value, json};

use super::schema::{choice, lines, object, path, reason, text};
use super::{Intent, Run, ToolKind, ToolSpec};
use crate::api::fields::Fields;
use crate::api::memory::{Deed, View};
use crate::backend::clock;
use crate::model::error::Rejection;
use crate::model::patch::Patch;
use crate::model::path::{VirtualPath, VirtualPrefix};
use crate::model::snapshot::File;

/// Where the arguments stand in a request.
const AT: &[&str] = &["arguments"];

pub(super) const TOOLS: [ToolSpec; 6] = [
    ToolSpec {
        name: "memory_list",
        description: "Lists the files of the memory with size and time of the last change. shared/ holds guidance \
                      from people, user/ what is known of this user, team/ what the team shares.",
        kind: ToolKind::Files,
        schema: || {
            let prefix = text("Only what lies in this folder, such as user/ or shared/knowledge");
            object(&[], [("prefix", prefix)])
        },
        run: Run::Read(list),
    },
    ToolSpec {
        name: "memory_read",
        description: "Reads one file of the memory, whole.",
        kind: ToolKind::Files,
        schema: || object(&["path"], [("path", path())]),
        run: Run::Read(read),
    },
    ToolSpec {
        name: "memory_write",
        description: "Makes a new file, or replaces the whole text of one. To change or add some lines of a file use \
                      memory_patch, which leaves the rest as it is. shared/ is read-only.",
        kind: ToolKind::Files,
        schema: || {
            let content = text("The whole new text, usually Markdown");
            object(
                &["path", "content"],
                [("path", path()), ("content", content), ("reason", reason())],
            )
        },
        run: Run::Write(write),
    },
    ToolSpec {
        name: "memory_patch",
        description: "Changes lines of a file and leaves the rest as it is. append_lines adds `lines` at the end of \
                      the file, or of the section under `after_heading`; lines that stand there already are not \
                      added again. replace_lines puts `replacement` in the place of `match`, which must stand in the \
                      file exactly once.",
        kind: ToolKind::Files,
        schema: patch_schema,
        run: Run::Write(patch),
    },
    ToolSpec {
        name: "memory_delete",
        description: "Removes a file. Its history is kept.",
        kind: ToolKind::Files,
        schema: || object(&["path"], [("path", path()), ("reason", reason())]),
        run: Run::Write(delete),
    },
    ToolSpec {
        name: "memory_rename",
        description: "Gives a file another path. Fails when a file has that path already.",
        kind: ToolKind::Files,
        schema: || {
            let to = text("Its new virtual path");
            object(
                &["from", "to"],
                [("from", path()), ("to", to), ("reason", reason())],
            )
        },
        run: Run::Write(rename),
    },
];

/// The patch in a JSON object: the arguments of `memory_patch` without the path.
pub fn parse_patch(fields: &mut Fields<'_>) -> Option<Patch> {
    match fields.text("operation")? {
        "append_lines" => {
            let (lines, after_heading) =
                (fields.lines("lines"), fields.optional_text("after_heading"));
            let lines = lines?.into_iter().map(str::to_owned).collect();
            Some(Patch::AppendLines {
                lines,
                after_heading: after_heading?.map(str::to_owned),
            })
        }
        "replace_lines" => {
            let (find, replacement) = (
                fields.text_or_lines("match"),
                fields.text_or_lines("replacement"),
            );
            Some(Patch::ReplaceLines {
                find: find?,
                replacement: replacement?,
            })
        }
        _ => fields.note("operation", "Must be append_lines or replace_lines"),
    }
}

/// A file as lists show it.
pub fn listed(name: &str, file: &File) -> Value {
    json!({
        "path": name,
        "size": utf16_units(&file.text),
        "updatedAt": clock::iso(file.updated_at),
        "revision": file.revision,
        "blobId": file.blob,
    })
}

fn list(view: &View<'_>, arguments: &Value) -> Result<Value, Rejection> {
    let prefix = Fields::read(arguments, AT, |fields| fields.optional_text("prefix"))?;
    let files = view.list(&VirtualPrefix::parse(prefix)?)?;
    let files: Vec<_> = files
        .iter()
        .map(|(name, file)| listed(name, file))
        .collect();
    Ok(json!({ "files": files, "revision": view.revision() }))
}

fn read(view: &View<'_>, arguments: &Value) -> Result<Value, Rejection> {
    let path = Fields::read(arguments, AT, |fields| fields.text("path"))?;
    let path = VirtualPath::parse(path)?;
    let file = view.read(&path)?;
    Ok(json!({
        "path": path.as_str(),
        "content": file.text,
        "updatedAt": clock::iso(file.updated_at),
        "revision": file.revision,
        "blobId": file.blob,
    }))
}

fn write(arguments: &Value) -> Result<Intent, Rejection> {
    let (path, content, reason) = Fields::read(arguments, AT, |fields| {
        let given = (fields.text("path"), fields.text("content"), why(fields));
        Some((given.0?, given.1?, given.2?))
    })?;
    let path = VirtualPath::parse(path)?;
    Ok(Intent {
        deed: Deed::Write {
            path,
            text: content.into(),
        },
        reason,
    })
}

fn patch(arguments: &Value) -> Result<Intent, Rejection> {
    let (path, patch, reason) = Fields::read(arguments, AT, |fields| {
        let given = (fields.text("path"), parse_patch(fields), why(fields));
        Some((given.0?, given.1?, given.2?))
    })?;
    Ok(Intent {
        deed: Deed::Patch {
            path: VirtualPath::parse(path)?,
            patch,
        },
        reason,
    })
}

fn delete(arguments: &Value) -> Result<Intent, Rejection> {
    let (path, reason) = Fields::read(arguments, AT, |fields| {
        let given = (fields.text("path"), why(fields));
        Some((given.0?, given.1?))
    })?;
    Ok(Intent {
        deed: Deed::Delete {
            path: VirtualPath::parse(path)?,
        },
        reason,
    })
}

fn rename(arguments: &Value) -> Result<Intent, Rejection> {
    let (from, to, reason) = Fields::read(arguments, AT, |fields| {
        let given = (fields.text("from"), fields.text("to"), why(fields));
        Some((given.0?, given.1?, given.2?))
    })?;
    let (from, to) = (VirtualPath::parse(from)?, VirtualPath::parse(to)?);
    Ok(Intent {
        deed: Deed::Rename { from, to },
        reason,
    })
}

fn why(fields: &mut Fields<'_>) -> Option<Option<String>> {
    fields
        .optional_text("reason")
        .map(|reason| reason.map(str::to_owned))
}

/// Both operations in one object: a schema with alternatives at its top is refused by some models' APIs.
fn patch_schema() -> Value {
    let properties = [
        ("path", path()),
        (
            "operation",
            choice(&["append_lines", "replace_lines"], "What to do"),
        ),
        ("lines", lines("append_lines: the lines to add")),
        (
            "after_heading",
            text(
                "append_lines: the heading line of the section, as it stands in the file: ## Preferences",
            ),
        ),
        (
            "match",
            text("replace_lines: the text to replace, exactly as it stands in the file"),
        ),
        (
            "replacement",
            text("replace_lines: the text that takes its place; empty to remove it"),
        ),
        ("reason", reason()),
    ];
    object(&["path", "operation"], properties)
}

/// The length of a text where MemexAI measures it: in JavaScript.
fn utf16_units(text: &str) -> usize {
    // One for the first byte of each character, and one more for each character of four bytes.
    let is_first = |byte: u8| usize::from(byte & 0b1100_0000 != 0b1000_0000);
    text.bytes()
        .map(|byte| is_first(byte) + usize::from(byte >= 0xf0))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_javascripts() {
        for text in [
            "",
            "plain",
            "caf\u{e9}",
            "\u{4e2d}\u{6587}",
            "\u{1f600} and \u{10ffff}",
        ] {
            assert_eq!(utf16_units(text), text.encode_utf16().count(), "{text}");
        }
    }

    #[test]
    fn both_patches_are_read() {
        let read = |value: Value| Fields::read(&value, &[], parse_patch);
        let append = json!({ "operation": "append_lines", "lines": ["a"], "after_heading": null });
        let expected = Patch::AppendLines {
            lines: vec!["a".to_owned()],
            after_heading: None,
        };
        assert_eq!(read(append), Ok(expected));
        let replace =
            json!({ "operation": "replace_lines", "match": "a", "replacement": ["b", "c"] });
        let expected = Patch::ReplaceLines {
            find: "a".to_owned(),
            replacement: "b\nc".to_owned(),
        };
        assert_eq!(read(replace), Ok(expected));
        for wrong in [
            json!({}),
            json!({ "operation": "sort" }),
            json!({ "operation": "append_lines", "lines": [] }),
        ] {
            assert_eq!(
                read(wrong.clone()).unwrap_err().code(),
                "VALIDATION_ERROR",
                "{wrong}"
            );
        }
    }

    #[test]
    fn all_wrong_arguments_are_told_at_once() {
        let Err(Rejection::Validation { issues, .. }) = write(&json!({ "path": 1 })) else {
            panic!("it must be refused")
        };
        let paths: Vec<_> = issues.iter().map(|issue| issue.path.join(".")).collect();
        assert_eq!(paths, ["arguments.path", "arguments.content"]);
    }
}
