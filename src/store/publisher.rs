//! Makes acknowledged commits part of git: one pack for all that wait, then `refs/memoryd/head`.
//!
//! It never waits for people: the branch they are on, their index and their files are not touched here. When it fails, the
//! commits stay in the journal and in the backlog, and it tries again; what a crash leaves at each of its steps stands in
//! `backend/packs.rs` and `backend/refs.rs`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::git::Git;
use crate::backend::journal::Preparer;
use crate::backend::pack::{Kind, PackWriter};
use crate::backend::packs;
use crate::model::error::Fault;
use crate::model::limits::LISTINGS_MAX;
use crate::model::object::TreeId;
use crate::model::tree::{TreePath, TreeVersion};
use crate::store::head::Committed;
use crate::store::progress::Mark;
use crate::store::shared::{Durability, Errand, PUBLISH, Shared};

/// Everything that is acknowledged and packed.
pub(crate) const HEAD: &str = "refs/memoryd/head";

const RETRY: Duration = Duration::from_millis(500);

/// The publisher's own copies of the folder listings it has packed last, so that it can make the next delta.
pub(crate) struct Publisher {
    shared: Arc<Shared>,
    git: Git,
    listings: HashMap<TreePath, (TreeId, Vec<u8>)>,
    /// Makes the journal's next segment ahead of time: here, where nobody waits for it.
    preparer: Option<Preparer>,
    repacks: u64,
}

impl Publisher {
    pub(crate) fn new(shared: Arc<Shared>, git: Git) -> Self {
        Self {
            shared,
            git,
            listings: HashMap::new(),
            preparer: None,
            repacks: 0,
        }
    }

    pub(crate) fn with_preparer(self, preparer: Option<Preparer>) -> Self {
        Self { preparer, ..self }
    }

    /// Publishes until the backlog is closed and empty.
    pub(crate) fn run(mut self) {
        self.prepare();
        while let Some(commits) = self.shared.backlog.next_pack() {
            match self.reopened().and_then(|()| self.publish(&commits)) {
                Ok(()) => {
                    self.shared.notices.unsay(PUBLISH);
                    self.shared.backlog.done(commits.len());
                    self.shared.send(Errand::Show { paid_for: 0 });
                    self.prepare();
                }
                Err(fault) => {
                    self.listings.clear();
                    self.shared.notices.say(
                        PUBLISH,
                        format!("{fault}; acknowledged writes are safe in the journal"),
                    );
                    match self.shared.durability {
                        Durability::Git => self.shared.backlog.abandon(),
                        Durability::Journal if self.shared.backlog.failed() => {
                            std::thread::sleep(RETRY);
                        }
                        Durability::Journal => return,
                    }
                }
            }
        }
    }

    /// Publishes these commits: the last one becomes the daemon's head.
    pub(crate) fn publish(&mut self, commits: &[Arc<Committed>]) -> Result<(), Fault> {
        let Some(last) = commits.last() else {
            return Ok(());
        };
        if self.listings.len() > LISTINGS_MAX {
            self.listings.clear();
        }
        let mut pack = PackWriter::new();
        for commit in commits {
            self.add(&mut pack, commit)?;
        }
        let installed = packs::install(&self.shared.disk, pack.finish())?;
        self.shared.move_head(last.revision)?;
        installed.verify()?;
        self.shared.progress.set_published(Mark {
            sequence: last.sequence,
            revision: last.revision,
        });
        Ok(())
    }

    fn prepare(&self) {
        if let Some(Err(fault)) = self.preparer.as_ref().map(Preparer::prepare) {
            tracing::warn!(%fault, "the next journal segment is made when it is needed");
        }
    }

    fn reopened(&mut self) -> Result<(), Fault> {
        self.shared
            .reopen_after_repack(&mut self.git, &mut self.repacks)
    }

    fn add(&mut self, pack: &mut PackWriter, commit: &Committed) -> Result<(), Fault> {
        for (blob, text) in &commit.blobs {
            pack.add(Kind::Blob, blob.0, text.as_bytes());
        }
        for version in &commit.trees {
            let raw = self.listing(version)?;
            pack.add_tree(version, raw);
        }
        pack.add(Kind::Commit, commit.revision.0, &commit.raw);
        Ok(())
    }

    /// The folder's listing at this version: the one before it, spliced.
    fn listing(&mut self, version: &TreeVersion) -> Result<&[u8], Fault> {
        let known = self
            .listings
            .get(&version.folder)
            .is_some_and(|(id, _)| Some(*id) == version.base);
        if !known {
            let base = version
                .base
                .map_or(Ok(Vec::new()), |base| self.git.listing(base))?;
            self.listings
                .insert(version.folder.clone(), (version.id, base));
        }
        let (id, raw) = self
            .listings
            .entry(version.folder.clone())
            .or_insert_with(|| (version.id, Vec::new()));
        version.splices.iter().for_each(|splice| splice.apply(raw));
        *id = version.id;
        Ok(raw)
    }
}
