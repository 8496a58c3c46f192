//! Making a pack readable again whose index is missing.

use std::io::Write;
use std::path::Path;

use super::Git;
use crate::model::error::{Doing, Fault};

impl Git {
    /// Indexes a pack anew and gives the index; a reason when the pack itself is damaged. `scratch` is a folder for the
    /// files that libgit2 makes on the way.
    pub fn index_of_pack(&self, pack: &[u8], scratch: &Path) -> Result<Vec<u8>, Fault> {
        const DOING: &str = "index a pack";
        let database = self.repository.odb().doing(DOING)?;
        let mut indexer =
            git2::Indexer::new(Some(&database), scratch, 0o600, false).doing(DOING)?;
        indexer.write_all(pack).doing(DOING)?;
        let name = indexer.commit().doing(DOING)?;
        let index = std::fs::read(scratch.join(format!("pack-{name}.idx"))).doing(DOING)?;
        for ending in ["idx", "pack"] {
            std::fs::remove_file(scratch.join(format!("pack-{name}.{ending}"))).doing(DOING)?;
        }
        Ok(index)
    }
}
