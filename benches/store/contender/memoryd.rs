//! This project's store, opened as the daemon opens it and called in this process.

use std::path::Path;
use std::time::Duration;

use memoryd::backend::clock;
use memoryd::model::limits::SEGMENT_BYTES;
use memoryd::store::{Durability, Options, Pacing, Store, Wait};

use crate::Outcome;
use crate::contender::Contender;
use crate::seed::BRANCH;
use crate::workload::{Workload, Write};

/// A store that has just been opened holds back writes to files that look as if somebody was saving them.
const SETTLING: Duration = Duration::from_secs(1);

/// An open store, and a write that changes nothing.
pub(crate) struct Memoryd {
    store: Store,
    nothing: Write,
}

impl Memoryd {
    /// Opens the store of a folder.
    pub(crate) fn open(folder: &Path, workload: &Workload) -> Outcome<Self> {
        let options = Options {
            durability: Durability::Journal,
            layout: workload.layout,
            branch: BRANCH.to_owned(),
            clock: clock::system(),
            pacing: Pacing::FOR_PEOPLE,
            segment_bytes: SEGMENT_BYTES,
            witness: None,
        };
        let store = Store::open(folder, options)?;
        std::thread::sleep(SETTLING);
        let nothing = workload.seed().next().ok_or("there are no files")?;
        Ok(Self { store, nothing })
    }
}

impl Contender for Memoryd {
    fn write(&self, write: &Write) -> Outcome<()> {
        self.store.write(write.edit(), Wait::Acknowledged)?;
        Ok(())
    }

    /// Writes to a file what stands there, which makes no commit, and waits until everything before it is published.
    fn settle(&self) -> Outcome<()> {
        loop {
            let snapshot = self.store.snapshot();
            let standing = snapshot.get(&self.nothing.path).ok_or("a file is gone")?;
            let again = Write {
                text: standing.text.clone(),
                ..self.nothing.clone()
            };
            // A long drain outlasts the patience of one request.
            if self.store.write(again.edit(), Wait::Published)?.published {
                return Ok(());
            }
        }
    }

    fn close(self: Box<Self>) -> Outcome<()> {
        Ok(self.store.close()?)
    }
}
