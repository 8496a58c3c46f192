//! Whose view of the memory a verb takes.

use clap::Args;

use crate::api::command::OnBehalf;

/// The flags of every verb that speaks of files.
#[derive(Debug, Args)]
pub(super) struct View {
    /// Take the view of this user's agent: user/ is theirs
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// Take the view of this team's agents: team/ is theirs
    #[arg(long, value_name = "ID")]
    team: Option<String>,
}

impl From<View> for OnBehalf {
    fn from(view: View) -> Self {
        Self {
            user: view.user,
            team: view.team,
        }
    }
}
