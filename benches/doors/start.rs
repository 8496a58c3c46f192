//! Starting on 100,000 files of 1 KB that were served before.

use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Outcome, process};

const USERS: usize = 25_000;
const FILES_PER_USER: usize = 4;
const FILE_BYTES: usize = 1_000;
const STARTS: usize = 3;
/// What is to be reached.
const TARGET: (f64, u64) = (4.0, 250);

/// Makes the memory, starts on it once to warm up, then measures.
pub(crate) fn measure() -> Outcome<()> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    make(folder.path())?;
    let cold = process::memoryd(folder.path())?;
    println!(
        "start on {} files of {FILE_BYTES} bytes: the first {:.2} s",
        USERS * FILES_PER_USER,
        cold.ready_after.as_secs_f64()
    );
    cold.stop()?;
    let mut worst = (0.0, 0);
    for start in 0..STARTS {
        let server = process::memoryd(folder.path())?;
        let (seconds, megabytes) = (server.ready_after.as_secs_f64(), server.resident_mb()?);
        println!("  warm start {start}: {seconds:.2} s, {megabytes} MB");
        worst = (f64::max(worst.0, seconds), u64::max(worst.1, megabytes));
        server.stop()?;
    }
    let verdict = if worst.0 <= TARGET.0 && worst.1 <= TARGET.1 {
        "reached"
    } else {
        "missed"
    };
    println!(
        "  slowest {:.2} s, largest {} MB (at most {} s and {} MB: {verdict})",
        worst.0, worst.1, TARGET.0, TARGET.1
    );
    Ok(())
}

fn make(folder: &Path) -> Outcome<()> {
    git(folder, &["init", "-q", "-b", "main"])?;
    let mut importer = Command::new("git")
        .args(["-c", "fastimport.unpackLimit=0", "fast-import", "--quiet"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .spawn()?;
    let mut stream = BufWriter::new(importer.stdin.take().ok_or("fast-import takes no input")?);
    write!(
        stream,
        "commit refs/heads/main\ncommitter Bench <bench@localhost> 0 +0000\ndata 6\nStart\n"
    )?;
    for user in 0..USERS {
        for file in 0..FILES_PER_USER {
            let text = text(user, file);
            write!(
                stream,
                "M 100644 inline user/u{user:06}/f{file}.md\ndata {}\n{text}",
                text.len()
            )?;
        }
    }
    stream.write_all(b"\ndone\n")?;
    stream.flush()?;
    drop(stream);
    if !importer.wait()?.success() {
        return Err("git fast-import failed".into());
    }
    git(folder, &["reset", "-q", "--hard", "main"])
}

fn text(user: usize, file: usize) -> String {
    let mut text = format!("# File {file} of user {user}\n");
    let mut seed = (user * FILES_PER_USER + file) as u64 + 1;
    while text.len() < FILE_BYTES {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let _ = writeln!(text, "- note {:x}", seed >> 20);
    }
    text.truncate(FILE_BYTES - 1);
    text.push('\n');
    text
}

fn git(folder: &Path, arguments: &[&str]) -> Outcome<()> {
    let status = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("HOME", "/nonexistent")
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("git {arguments:?} failed").into())
    }
}
