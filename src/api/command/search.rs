//! Finding passages.

use serde::{Deserialize, Serialize};

use super::names::OnBehalf;
use crate::api::finding::Find;
use crate::api::memory::Memory;
use crate::model::error::{Error, Fault};
use crate::model::object::Revision;

/// Asks a question of the memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Search {
    /// Whose view.
    #[serde(flatten)]
    pub on_behalf: OnBehalf,
    /// A folder or a file; everything without one.
    pub prefix: Option<String>,
    /// The question.
    pub find: Find,
}

/// What answers a [`Search`], best first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// The question.
    pub query: String,
    /// The passages.
    pub results: Vec<FoundPassage>,
    /// Whether there were more than the answer holds.
    pub truncated: bool,
    /// The revision that was searched.
    pub revision: Revision,
}

/// One passage of a [`Found`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FoundPassage {
    /// Its file's name in the view that was asked for.
    pub path: String,
    /// Its first and its last line; none of a file without text.
    pub lines: Option<(usize, usize)>,
    /// The headings that lead to it.
    pub heading: String,
    /// What it says, with what was found between `<b>` and `</b>`.
    pub snippet: String,
    /// How well it answers, of the best one's 1.
    pub rank: f64,
    /// When its file changed last.
    pub updated_at: String,
    /// Whether the day has passed until which its file was to be trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale: Option<bool>,
    /// What each term added to the score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explain: Option<serde_json::Value>,
}

impl Search {
    pub(super) fn run(self, memory: &Memory) -> Result<Found, Error> {
        let names = self.on_behalf.names(memory.store().layout())?;
        let sight = names.sight(self.prefix.as_deref())?;
        let (_, answer) = self.find.run(memory, &sight)?;
        serde_json::from_value(answer)
            .map_err(|error| Fault::new("word what was found", error).into())
    }
}
