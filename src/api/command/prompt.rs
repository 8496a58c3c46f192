//! The prompt block, as an agent would get it.

use serde::de::IntoDeserializer;
use serde::de::value::{Error as Unknown, StrDeserializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::names::OnBehalf;
use crate::api::memory::Memory;
use crate::api::prompt::{Profile, PromptRequest, render};
use crate::model::error::{Doing, Error, Rejection};

/// Asks for the prompt block of a user's agent; without a user, for the part that all share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prompt {
    /// For whom.
    #[serde(flatten)]
    pub on_behalf: OnBehalf,
    /// Which tools the agent has, by the name that the door takes.
    pub profile: Option<String>,
    /// Tokens that the block should not exceed; the settings say it otherwise.
    pub max_tokens: Option<usize>,
}

impl Prompt {
    pub(super) fn run(self, memory: &Memory) -> Result<Value, Error> {
        let store = memory.store();
        let names = self.on_behalf.names(store.layout())?;
        let request = PromptRequest {
            profile: self
                .profile
                .as_deref()
                .map_or(Ok(Profile::default()), profile)?,
            writes: true,
            user: names.user().cloned(),
            team: names.team().cloned(),
            max_tokens: self.max_tokens,
        };
        let block = render(
            &store.snapshot(),
            store.layout(),
            &memory.settings().prompt,
            &request,
        );
        Ok(serde_json::to_value(block).doing("write a prompt block as JSON")?)
    }
}

fn profile(name: &str) -> Result<Profile, Rejection> {
    let name: StrDeserializer<'_, Unknown> = name.into_deserializer();
    Profile::deserialize(name).map_err(|error| Rejection::validation(error.to_string()))
}
