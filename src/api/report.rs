//! What the answer to a change says: the same at every door.
//!
//! A report is fixed when the change is asked for and worded when it is done, from the receipt. So a repeated
//! request, which gets the receipt of the first one, gets the first one's answer too.

use serde_json::{Value, json};

use crate::api::memory::Deed;
use crate::model::edit::Outcome;
use crate::model::patch::Patch;
use crate::store::Receipt;

/// How the answer to a change is worded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// A file was made or replaced.
    Written,
    /// Lines were changed; the name of the patch's operation.
    Patched(&'static str),
    /// A file was removed.
    Deleted,
    /// A file has another name; the one it had.
    Renamed(String),
}

impl Report {
    /// The one that fits what is to be done.
    pub fn of(deed: &Deed) -> Self {
        match deed {
            Deed::Write { .. } => Self::Written,
            Deed::Patch {
                patch: Patch::AppendLines { .. },
                ..
            } => Self::Patched("append_lines"),
            Deed::Patch {
                patch: Patch::ReplaceLines { .. },
                ..
            } => Self::Patched("replace_lines"),
            Deed::Delete { .. } => Self::Deleted,
            Deed::Rename { from, .. } => Self::Renamed(from.to_string()),
        }
    }

    /// The answer, in the words of the tools.
    pub fn value(&self, receipt: &Receipt) -> Value {
        let Some(outcome) = receipt.outcomes.first() else {
            return Value::Null;
        };
        let mut answer = self.words(outcome);
        answer["revision"] = json!(receipt.revision);
        if let Some(blob) = outcome.after {
            answer["blobId"] = json!(blob);
        }
        if !receipt.flags.is_empty() {
            answer["flags"] = json!(receipt.flags);
        }
        answer
    }

    fn words(&self, outcome: &Outcome) -> Value {
        let (path, changed) = (&outcome.name, outcome.changed());
        match self {
            Self::Written => {
                let created = outcome.before.is_none();
                json!({ "path": path, "created": created, "updated": !created, "changed": changed })
            }
            Self::Patched(operation) => {
                json!({ "path": path, "operation": operation, "changed": changed, "noOp": !changed })
            }
            Self::Deleted => json!({ "path": path, "deleted": true }),
            Self::Renamed(from) => json!({ "from": from, "to": path, "renamed": true }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::object::{BlobId, ObjectId, Revision};

    const OLD: BlobId = BlobId(ObjectId([1; 20]));
    const NEW: BlobId = BlobId(ObjectId([2; 20]));

    fn answer(report: &Report, before: Option<BlobId>, after: Option<BlobId>) -> Value {
        let outcome = Outcome {
            name: "user/a.md".to_owned(),
            before,
            after,
        };
        let mut answer = report.value(&Receipt {
            revision: Revision(ObjectId::ZERO),
            committed_at: 0,
            outcomes: vec![outcome],
            flags: Vec::new(),
            published: true,
            replayed: false,
        });
        let revision = answer.as_object_mut().unwrap().remove("revision");
        assert_eq!(revision, Some(json!("0".repeat(40))));
        answer
    }

    #[test]
    fn each_change_is_worded_as_its_tool_promises() {
        let new = json!(NEW);
        let table = [
            (
                Report::Written,
                (None, Some(NEW)),
                json!({"path": "user/a.md", "created": true, "updated": false, "changed": true, "blobId": new}),
            ),
            (
                Report::Written,
                (Some(NEW), Some(NEW)),
                json!({"path": "user/a.md", "created": false, "updated": true, "changed": false, "blobId": new}),
            ),
            (
                Report::Patched("append_lines"),
                (Some(NEW), Some(NEW)),
                json!({"path": "user/a.md", "operation": "append_lines", "changed": false, "noOp": true, "blobId": new}),
            ),
            (
                Report::Deleted,
                (Some(OLD), None),
                json!({"path": "user/a.md", "deleted": true}),
            ),
            (
                Report::Renamed("user/b.md".to_owned()),
                (None, Some(NEW)),
                json!({"from": "user/b.md", "to": "user/a.md", "renamed": true, "blobId": new}),
            ),
        ];
        for (report, (before, after), expected) in table {
            assert_eq!(answer(&report, before, after), expected, "{report:?}");
        }
    }
}
