//! `prompt`.

use std::io;

use clap::Args;
use serde_json::Value;

use super::screen::Screen;
use super::view::View;
use crate::api::command;

/// Print the prompt block: what an agent is given of the memory at the start
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  memoryd prompt --user alice
  memoryd prompt --user alice --max-tokens 2000 --json")]
pub(super) struct Prompt {
    #[command(flatten)]
    view: View,
    /// Tokens that it should not exceed; memoryd.toml says it otherwise
    #[arg(long, value_name = "N")]
    max_tokens: Option<usize>,
    /// Which tools the agent has: memexai, mcp, anthropic or none
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

impl From<Prompt> for command::Prompt {
    fn from(prompt: Prompt) -> Self {
        let (profile, max_tokens) = (prompt.profile, prompt.max_tokens);
        Self {
            on_behalf: prompt.view.into(),
            profile,
            max_tokens,
        }
    }
}

/// The text as it would be sent: byte for byte, so that it can be piped into a request.
pub(super) fn print(block: &Value, screen: &mut Screen) -> io::Result<()> {
    screen.text(
        block
            .get("promptBlock")
            .and_then(Value::as_str)
            .unwrap_or_default(),
    )
}
