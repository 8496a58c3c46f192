//! The four kinds of agents that a block is written for: what they call their tools and the files.

use std::borrow::Cow;

use serde::Deserialize;

/// Which tools the agent has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// The tools of `/v1/tools`.
    #[default]
    Memexai,
    /// The same tools from an MCP server, under whatever prefix the client gives them.
    Mcp,
    /// Anthropic's memory tool, which sees one folder `/memories`.
    Anthropic,
    /// No tools: the agent only reads the block.
    None,
}

/// How sentences to the agent name the parts of the memory and its tools.
pub(super) struct Words {
    pub(super) shared: &'static str,
    pub(super) team: &'static str,
    pub(super) user: &'static str,
    pub(super) tools: Option<Tools>,
}

/// How sentences name the tools.
pub(super) struct Tools {
    /// What reads one file.
    pub(super) read: &'static str,
    /// What finds out more, as an order.
    pub(super) look: &'static str,
    /// What changes lines.
    pub(super) patch: &'static str,
    /// What makes or replaces a file.
    pub(super) write: &'static str,
    /// The file that lists the user's files.
    pub(super) index: &'static str,
}

const VIRTUAL: Words = Words {
    shared: "`shared/**`",
    team: "`team/**`",
    user: "`user/**`",
    tools: None,
};

const MEMORY_TOOLS: Tools = Tools {
    read: "memory_read",
    look: "use `memory_search`, and `memory_read` on the files that may matter,",
    patch: "`memory_patch`",
    write: "`memory_write`",
    index: "user/index.md",
};

impl Profile {
    pub(super) fn words(self) -> Words {
        match self {
            Self::Memexai => Words {
                tools: Some(MEMORY_TOOLS),
                ..VIRTUAL
            },
            Self::Mcp => Words {
                tools: Some(Tools {
                    look: "use the memory server's `memory_search`, and its `memory_read` on the files that may matter,",
                    ..MEMORY_TOOLS
                }),
                ..VIRTUAL
            },
            Self::Anthropic => Words {
                shared: "`/memories/shared/**`",
                team: "`/memories/team/**`",
                user: "everything else in `/memories`",
                tools: Some(Tools {
                    read: "view",
                    look: "`view` the folder `/memories` and the files that may matter",
                    patch: "`str_replace` or `insert`",
                    write: "`create`",
                    index: "/memories/index.md",
                }),
            },
            Self::None => VIRTUAL,
        }
    }

    /// A file's name, as the agent must write it.
    pub(super) fn name(self, path: &str) -> Cow<'_, str> {
        match self {
            Self::Anthropic => Cow::Owned(format!(
                "/memories/{}",
                path.strip_prefix("user/").unwrap_or(path)
            )),
            Self::Memexai | Self::Mcp | Self::None => Cow::Borrowed(path),
        }
    }
}
