//! The prompt block: what an agent is shown of its memory before it says a word.
//!
//! A block is instructions, then the files of `shared/`, of the team and of the user, each verbatim between two lines
//! that it cannot imitate. It is a pure function of the files it shows and of the question: no clock, no counter and no
//! head stand in it, so that the same memory gives the same bytes and a model provider's prompt cache hits.
//!
//! For the same reason it comes in segments, and the first one, of the instructions and `shared/`, does not depend on
//! who asks. So the budget has two purses: something is kept back for team and user before anything is known of them,
//! and the first segment makes do with the rest. What it leaves, they share.
//!
//! When room is short, the files of `shared/` that nobody listed go first, and all of them, since half of a rule book
//! reads like a whole one. The listed ones are cut where a section begins, or named where not even one section fits. An
//! index file stays whole even over the budget: it is the map to all that is not shown.

pub mod cache;
mod cut;
mod draft;
pub(in crate::api) mod fence;
mod generations;
mod instructions;
mod profile;
mod rendering;
mod selection;
#[cfg(test)]
mod tests;
mod token_counts;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::object::{BlobId, Revision};
use crate::model::path::{Layout, TeamId, UserId};
use crate::model::snapshot::Snapshot;
use token_counts::TokenCounts;

pub use profile::Profile;

/// The section `[prompt]` of `memoryd.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PromptSettings {
    /// Tokens up to which the files of `shared/` that nobody listed are printed, all of them.
    pub shared_tokens: usize,
    /// Tokens that a whole block should not exceed, where the caller does not say.
    pub max_tokens: usize,
    /// The files that are shown by name: virtual paths, with `*` within one folder and `**` across folders. An
    /// `index.md` straight under `shared/`, `team/` or `user/` comes first and whole, the others in this order.
    pub always: Vec<String>,
}

impl Default for PromptSettings {
    fn default() -> Self {
        let always = [
            "shared/index.md",
            "shared/AGENTS.md",
            "shared/claude.md",
            "team/index.md",
            "user/index.md",
        ];
        Self {
            shared_tokens: 6_000,
            max_tokens: 8_000,
            always: always.map(str::to_owned).into(),
        }
    }
}

/// For whom a block is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct PromptRequest {
    /// Which tools the agent has.
    pub profile: Profile,
    /// Whether its role allows it to write.
    pub writes: bool,
    /// On whose behalf it acts; without one there is no user segment.
    pub user: Option<UserId>,
    /// The user's team; without one there is no team segment.
    pub team: Option<TeamId>,
    /// Tokens that the block should not exceed; the settings say it otherwise.
    pub max_tokens: Option<usize>,
}

/// A block, in the shape of its JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PromptBlock {
    /// The text for the system prompt: the segments', one after the other.
    pub prompt_block: Arc<str>,
    /// The newest commit that touched a file shown here; none when there is no such file.
    pub revision: Option<Revision>,
    /// The segments' tokens.
    pub tokens: usize,
    /// What counted them.
    pub tokenizer: &'static str,
    /// The tokens that were to be kept to.
    pub max_tokens: usize,
    /// Shared, then team and user where they were named.
    pub segments: Vec<Segment>,
    /// Every file that is shown or named, in the order of the text.
    pub files: Vec<ListedFile>,
    /// What a person should know: what was left out and why, one sentence each.
    pub warnings: Vec<String>,
}

/// The part of a block about one part of the memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Segment {
    /// `shared`, `team` or `user`.
    pub name: &'static str,
    /// Its text.
    pub text: Arc<str>,
    /// Its tokens, counted piece by piece.
    pub tokens: usize,
    /// The SHA-256 of its text in hex.
    pub sha256: String,
}

/// A file that a block shows or names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedFile {
    /// Its virtual path.
    pub path: String,
    /// The id of its text.
    pub blob_id: BlobId,
    /// The newest commit that changed it.
    pub revision: Revision,
    /// When that was.
    pub updated_at: String,
    /// The size of the whole file.
    pub bytes: usize,
    /// The tokens of what is shown of it.
    pub tokens: usize,
    /// How much of it is shown.
    pub shown: Shown,
}

/// How much of a file a block shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Shown {
    /// All of it.
    Whole,
    /// Its first sections.
    Cut,
    /// Its name.
    No,
}

/// Renders a block from scratch. A daemon asks its [`cache::PromptCache`], which gives the same.
pub fn render(
    snapshot: &Snapshot,
    layout: Layout,
    settings: &PromptSettings,
    request: &PromptRequest,
) -> PromptBlock {
    let counts = TokenCounts::default();
    let rendering = rendering::Rendering {
        snapshot,
        layout,
        settings,
        request,
        counts: &counts,
    };
    rendering.block(&rendering.opening())
}

/// A whole system prompt: the application's own part, then the block.
pub fn system_prompt(base: &str, block: &PromptBlock) -> String {
    format!("{}\n\n{}", base.trim(), block.prompt_block)
}
