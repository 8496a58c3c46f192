//! Where people moved the branch, as the folder's thread finds it.

use crate::backend::refs;
use crate::model::error::{Error, Fault};
use crate::model::object::Revision;
use crate::store::circumstances::Circumstances;
use crate::store::following::Following;
use crate::store::progress::Mark;
use crate::store::queue::Wish;

use super::Folder;

impl Folder {
    /// Brings the head to where people moved the branch.
    pub(super) fn follow(&mut self, now: &Circumstances) -> Result<(), Error> {
        let Some(branch) = now.branch.filter(|branch| Some(*branch) != self.shown) else {
            return Ok(());
        };
        let head = self.shared.progress.published().revision;
        let since = self.shown.or_else(|| self.git.merge_base(branch, head));
        if now.is_elsewhere {
            // People moved it from there: nobody brought this folder along.
            self.left_behind_at = self.folder_at();
        }
        if self.git.contains(head, branch)? && self.is_followed(branch, (since, head))? {
            // A crash, or a fault, came between the branch and the note that it was shown.
            refs::sync(&self.shared.disk, &self.shared.branch())?;
            return Ok(self.set_shown(self.mark_of(branch))?);
        }
        let following = Following {
            branch,
            shown: since,
        };
        let followed = self.ask(|reply| Wish::Follow { following, reply })?;
        self.peoples = followed.sequence;
        self.say_conflicts(followed.conflicts);
        Ok(self.set_shown(self.mark_of(branch))?)
    }

    /// Whether a branch within the head's history is there because the head was shown so far, or because the head went
    /// where people had moved it; and not because people moved it back.
    fn is_followed(
        &self,
        branch: Revision,
        (shown, head): (Option<Revision>, Revision),
    ) -> Result<bool, Fault> {
        let Some(shown) = shown else { return Ok(false) };
        Ok(self.git.contains(branch, shown)? || !self.git.contains(head, shown)?)
    }

    /// How far a branch tip is: as far as git, or no farther than the show before it.
    fn mark_of(&self, branch: Revision) -> Mark {
        let progress = &self.shared.progress;
        let nearest = [progress.published(), progress.shown()]
            .into_iter()
            .find(|mark| mark.revision == branch);
        nearest.unwrap_or(Mark {
            revision: branch,
            ..progress.shown()
        })
    }
}
