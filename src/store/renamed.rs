//! A branch that people gave another name is followed, as if it had kept its own.
//!
//! `git branch -m` takes the ref, its reflog and HEAD along, and notes in the reflog what it did. Only that note tells a
//! rename from a branch that was deleted while another one lay at the same commit, so without a reflog nothing is
//! followed, and `status` says that the branch is gone.

use crate::backend::disk::{Disk, Place, Root};
use crate::backend::refs::{self, Head};
use crate::model::error::{Doing, Fault};

/// What a branch is called now, where that is another name than `branch` and people are on it.
pub(crate) fn new_name(disk: &Disk, branch: &str) -> Result<Option<String>, Fault> {
    let Head::Ref(name) = refs::head(disk)? else {
        return Ok(None);
    };
    if name == branch || refs::read(disk, branch)?.is_some() || refs::read(disk, &name)?.is_none() {
        return Ok(None);
    }
    let reflog = format!("logs/{name}");
    let bytes = disk
        .read(Place(Root::Git, &reflog))
        .doing("read the reflog")?;
    let text = bytes.unwrap_or_default();
    // Whatever it was called in between.
    let note = format!("\tBranch: renamed {branch} to ");
    let is_renamed = String::from_utf8_lossy(&text)
        .lines()
        .any(|line| line.contains(&note));
    Ok(is_renamed.then_some(name))
}
