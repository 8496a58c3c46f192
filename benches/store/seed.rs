//! What everybody starts from: one commit in one pack, and the same texts in a database.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Stdio};

use crate::Outcome;
use crate::contender::sqlite;
use crate::plain_git;
use crate::workload::{AUTHOR, Workload};

/// The branch of every repository here.
pub(crate) const BRANCH: &str = "main";

/// The originals, of which each round gets copies.
pub(crate) struct Seed {
    repository: PathBuf,
    database: PathBuf,
}

impl Seed {
    /// Writes the originals into a folder.
    pub(crate) fn plant(workload: &Workload, folder: &Path) -> Outcome<Self> {
        std::fs::create_dir_all(folder)?;
        let seed = Self {
            repository: folder.join("seed.git"),
            database: folder.join("seed.sqlite"),
        };
        plain_git::run(folder, &["init", "-q", "--bare", "-b", BRANCH, "seed.git"])?;
        let mut importer = plain_git::command(&seed.repository);
        let mut importer = importer
            .args(["-c", "fastimport.unpackLimit=0", "fast-import", "--quiet"])
            .stdin(Stdio::piped())
            .spawn()?;
        let stream = importer
            .stdin
            .take()
            .ok_or("fast-import has no standard input")?;
        describe(workload, BufWriter::new(stream))?;
        if !importer.wait()?.success() {
            return Err("git fast-import failed".into());
        }
        plain_git::run(&seed.repository, &["repack", "-a", "-d", "-q"])?;
        sqlite::plant(&seed.database, workload)?;
        Ok(seed)
    }

    /// A repository alone. The pack is a hard link: no git writes into a pack that stands.
    pub(crate) fn clone_bare(&self, to: &Path) -> Outcome<()> {
        self.clone_repository(to, &["--bare"])
    }

    /// A repository with its files and git index.
    pub(crate) fn clone_with_files(&self, to: &Path) -> Outcome<()> {
        self.clone_repository(to, &[])
    }

    /// The database.
    pub(crate) fn copy_database(&self, to: &Path) -> Outcome<()> {
        std::fs::copy(&self.database, to)?;
        Ok(())
    }

    fn clone_repository(&self, to: &Path, extra: &[&str]) -> Outcome<()> {
        let (from, to) = (self.repository.to_string_lossy(), to.to_string_lossy());
        let arguments = [&["clone", "-q", "--local"], extra, &[&*from, &*to]].concat();
        let parent = self.repository.parent().unwrap_or(Path::new("."));
        plain_git::run(parent, &arguments).map(drop)
    }
}

/// Tells git fast-import the first commit.
fn describe(workload: &Workload, mut stream: BufWriter<ChildStdin>) -> Outcome<()> {
    let (name, email) = AUTHOR;
    write!(
        stream,
        "commit refs/heads/{BRANCH}\ncommitter {name} <{email}> 0 +0000\ndata 6\nStart\n"
    )?;
    for file in workload.seed() {
        write!(
            stream,
            "M 100644 inline {}\ndata {}\n{}",
            file.path,
            file.text.len(),
            file.text
        )?;
    }
    stream.write_all(b"\ndone\n")?;
    Ok(stream.flush()?)
}
