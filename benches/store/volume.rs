//! The disk under the benchmark: that it is one, what it is called, and what a flush costs there.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;

use crate::Outcome;
use crate::contender::Contender;
use crate::options::Options;
use crate::plain_git;
use crate::workload::Write;

/// File systems in memory, by the numbers that statfs(2) gives them: tmpfs and ramfs.
const IN_MEMORY: [i64; 2] = [0x0102_1994, 0x8584_58f6];
const BLOCK_BYTES: usize = 4096;
const BLOCKS: u64 = 2048;

/// A folder for everything, which goes with all that is in it when it is dropped. Refuses one that is in memory.
pub(crate) fn work_folder(options: &Options) -> Outcome<TempDir> {
    let default = || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench-data");
    let parent = options.dir.clone().unwrap_or_else(default);
    std::fs::create_dir_all(&parent)?;
    let kind = rustix::fs::statfs(&parent)?.f_type;
    if !options.allow_tmpfs && IN_MEMORY.contains(&kind) {
        let message = format!(
            "{} is in memory, where a flush costs nothing: name a disk with --dir",
            parent.display()
        );
        return Err(message.into());
    }
    Ok(TempDir::new_in(parent)?)
}

/// What the tables were measured on.
pub(crate) fn describe(folder: &Path) -> Outcome<String> {
    let kind = rustix::fs::statfs(folder)?.f_type;
    let cores = std::thread::available_parallelism()?;
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("unknown");
    let git = plain_git::run(folder, &["version"])?;
    let folder = folder.display();
    Ok(format!(
        "{cores} cores, load {load} before the start; {git}; data in {folder}, file system {kind:#x}\n"
    ))
}

/// Everything that was written so far is on disk, so that nobody pays for what ran before.
pub(crate) fn sync() {
    rustix::fs::sync();
}

/// A contender that only flushes: as far as one flush a write can go.
pub(crate) struct RawDisk {
    file: File,
    next: AtomicU64,
}

impl RawDisk {
    /// Makes the file, all of it written, so that a flush has no block to find and no length to record.
    pub(crate) fn open(folder: &Path) -> Outcome<Self> {
        std::fs::create_dir_all(folder)?;
        let file = File::create_new(folder.join("zeros"))?;
        file.write_all_at(&vec![0; BLOCK_BYTES * BLOCKS as usize], 0)?;
        file.sync_all()?;
        Ok(Self {
            file,
            next: AtomicU64::new(0),
        })
    }
}

impl Contender for RawDisk {
    fn write(&self, write: &Write) -> Outcome<()> {
        let mut block = [0; BLOCK_BYTES];
        block[..write.text.len()].copy_from_slice(write.text.as_bytes());
        let number = self.next.fetch_add(1, Ordering::Relaxed) % BLOCKS;
        self.file
            .write_all_at(&block, number * BLOCK_BYTES as u64)?;
        Ok(self.file.sync_data()?)
    }
}
