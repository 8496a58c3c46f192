//! `git fast-import`: the fastest way into a repository that git itself has.

use std::io::{BufRead, BufReader, BufWriter, Lines, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, SystemTime};

use crate::Outcome;
use crate::contender::Contender;
use crate::funnel::{Fill, Funnel};
use crate::plain_git;
use crate::seed::BRANCH;
use crate::workload::{AUTHOR, Write};

const COMMITS_PER_CHECKPOINT: usize = 64;
/// While all writers write, a batch fills long before that.
const PATIENCE: Duration = Duration::from_millis(20);

/// A thread that commits, and knows git fast-import.
pub(crate) struct FastImport(Funnel);

/// The running program.
struct Importer {
    child: Child,
    stream: BufWriter<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
    has_parent: bool,
}

impl FastImport {
    /// Starts the program in a bare repository.
    pub(crate) fn open(folder: &Path) -> Outcome<Self> {
        let mut importer = Importer::start(folder)?;
        let fill = Fill {
            writes_max: COMMITS_PER_CHECKPOINT,
            patience: PATIENCE,
        };
        Ok(Self(Funnel::start(fill, move |writes| {
            importer.commit(writes)
        })))
    }
}

impl Contender for FastImport {
    fn write(&self, write: &Write) -> Outcome<()> {
        self.0.write(write)
    }
}

impl Importer {
    fn start(folder: &Path) -> Outcome<Self> {
        let mut child = plain_git::command(folder)
            .args(["-c", "fastimport.unpackLimit=0", "fast-import", "--quiet"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stream = child
            .stdin
            .take()
            .ok_or("fast-import has no standard input")?;
        let answers = child
            .stdout
            .take()
            .ok_or("fast-import has no standard output")?;
        let answers = BufReader::new(answers).lines();
        Ok(Self {
            child,
            stream: BufWriter::new(stream),
            answers,
            has_parent: false,
        })
    }

    /// Has a pack written of the batch, and waits for it.
    fn commit(&mut self, writes: &[Write]) -> Outcome<()> {
        let now = SystemTime::UNIX_EPOCH.elapsed()?.as_secs();
        for write in writes {
            self.describe(write, now)?;
        }
        self.stream.write_all(b"checkpoint\nprogress done\n")?;
        self.stream.flush()?;
        self.answers.next().ok_or("fast-import has ended")??;
        Ok(())
    }

    fn describe(&mut self, write: &Write, now: u64) -> Outcome<()> {
        let (name, email) = AUTHOR;
        let message = write.message();
        let size = message.len();
        write!(
            self.stream,
            "commit refs/heads/{BRANCH}\ncommitter {name} <{email}> {now} +0000\ndata {size}\n{message}"
        )?;
        if !self.has_parent {
            writeln!(self.stream, "from refs/heads/{BRANCH}^0")?;
            self.has_parent = true;
        }
        writeln!(
            self.stream,
            "M 100644 inline {}\ndata {}\n{}",
            write.path,
            write.text.len(),
            write.text
        )?;
        Ok(())
    }
}

impl Drop for Importer {
    fn drop(&mut self) {
        // It ends at this word; when it has ended before, there is nobody to tell and nothing to wait for.
        let _ = self
            .stream
            .write_all(b"done\n")
            .and_then(|()| self.stream.flush());
        let _ = self.child.wait();
    }
}
