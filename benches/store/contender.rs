//! Who races: the store and its peers, all called in the same way.

mod command_line;
mod fast_import;
mod loose;
mod memoryd;
pub(crate) mod sqlite;

use std::path::Path;

use crate::Outcome;
use crate::plain_git;
use crate::seed::Seed;
use crate::volume::RawDisk;
use crate::workload::{Workload, Write};

/// Something that keeps texts under paths, and a commit or a row for each write.
pub(crate) trait Contender: Sync {
    /// Writes, and returns when that is as durable as this contender makes it.
    fn write(&self, write: &Write) -> Outcome<()>;

    /// Waits until nothing is left to do for what was written.
    fn settle(&self) -> Outcome<()> {
        Ok(())
    }

    /// Ends it in good order.
    fn close(self: Box<Self>) -> Outcome<()> {
        Ok(())
    }
}

/// A contender before the race.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrant {
    /// This project's store.
    Memoryd,
    /// SQLite, a transaction a write.
    SqliteRows,
    /// SQLite, a transaction for all that wait.
    SqliteGroup,
    /// git fast-import, a checkpoint for 64 writes.
    FastImport,
    /// libgit2's loose objects.
    Loose,
    /// `git add` and `git commit`.
    CommandLine,
    /// One flush, and nothing else.
    RawDisk,
}

/// What is in a contender's folder.
pub(crate) struct Audit {
    /// Commits or rows of history.
    pub(crate) commits: u64,
    /// What the history takes on disk.
    pub(crate) bytes: u64,
}

impl Entrant {
    /// As the tables call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Memoryd => "memoryd",
            Self::SqliteRows => "SQLite, row by row",
            Self::SqliteGroup => "SQLite, group commit",
            Self::FastImport => "git fast-import, 64 a checkpoint",
            Self::Loose => "libgit2, loose objects",
            Self::CommandLine => "git CLI",
            Self::RawDisk => "disk, one flush",
        }
    }

    /// Whether a lap goes on where the one before it ended, instead of with a fresh copy of the seed. Rows and packs that
    /// pile up would slow their owners down from round to round. But where there are many files, removing them would slow
    /// down whoever makes files next: ext4 passes over an inode that was freed within the last minutes, one by one.
    pub(crate) fn goes_on(self) -> bool {
        matches!(self, Self::Memoryd | Self::CommandLine | Self::Loose)
    }

    /// Puts a copy of the seed into a folder that does not exist yet.
    pub(crate) fn prepare(self, seed: &Seed, folder: &Path) -> Outcome<()> {
        match self {
            Self::Memoryd | Self::CommandLine => seed.clone_with_files(folder),
            Self::FastImport | Self::Loose => seed.clone_bare(folder),
            Self::SqliteRows | Self::SqliteGroup => {
                std::fs::create_dir_all(folder)?;
                seed.copy_database(&folder.join(sqlite::FILE))
            }
            Self::RawDisk => Ok(std::fs::create_dir_all(folder)?),
        }
    }

    /// Opens what was prepared.
    pub(crate) fn open(self, workload: &Workload, folder: &Path) -> Outcome<Box<dyn Contender>> {
        Ok(match self {
            Self::Memoryd => Box::new(memoryd::Memoryd::open(folder, workload)?),
            Self::SqliteRows => Box::new(sqlite::Rows::open(folder)?),
            Self::SqliteGroup => Box::new(sqlite::Group::open(folder)?),
            Self::FastImport => Box::new(fast_import::FastImport::open(folder)?),
            Self::Loose => Box::new(loose::Loose::open(folder)?),
            Self::CommandLine => Box::new(command_line::CommandLine::open(folder)),
            Self::RawDisk => Box::new(RawDisk::open(folder)?),
        })
    }

    /// Counts what is in the folder of a closed contender, packed as whoever looks after it would pack it.
    pub(crate) fn audit(self, folder: &Path) -> Outcome<Option<Audit>> {
        match self {
            Self::Memoryd | Self::CommandLine => {
                audit_repository(folder, &folder.join(".git")).map(Some)
            }
            Self::FastImport | Self::Loose => audit_repository(folder, folder).map(Some),
            Self::SqliteRows | Self::SqliteGroup => sqlite::audit(folder).map(Some),
            Self::RawDisk => Ok(None),
        }
    }
}

fn audit_repository(folder: &Path, git_folder: &Path) -> Outcome<Audit> {
    plain_git::run(folder, &["repack", "-d", "-q", "--geometric=2"])?;
    let commits = plain_git::run(folder, &["rev-list", "--count", crate::seed::BRANCH])?.parse()?;
    Ok(Audit {
        commits,
        bytes: bytes_below(&git_folder.join("objects"))?,
    })
}

fn bytes_below(folder: &Path) -> Outcome<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() {
            bytes_below(&entry.path())?
        } else {
            metadata.len()
        };
    }
    Ok(bytes)
}
