//! A room of its own for a program: a mount namespace in which a folder can be small or read-only, also for root.
//!
//! A process holds it open: a `cat` that waits for input which never comes, and ends when its pipe does. Programs are
//! sent in with `nsenter`, and from outside its files are seen through `/proc`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A mount namespace with something mounted in it.
pub(crate) struct Room(Child);

impl Room {
    /// A file system of its own at a folder, with room for so many MiB. Fails where this computer does not allow it.
    pub(crate) fn of_mebibytes(mebibytes: usize, folder: &Path) -> Result<Self, String> {
        Self::new(
            &format!("mount -t tmpfs -o size={mebibytes}m tmpfs \"$0\""),
            folder,
        )
    }

    /// In there, nothing can be written to a folder. Fails where this computer does not allow it.
    pub(crate) fn read_only(folder: &Path) -> Result<Self, String> {
        Self::new(
            "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\"",
            folder,
        )
    }

    /// In there, this many folders can be watched. Fails where this computer does not allow it.
    pub(crate) fn of_watches(watches: usize, folder: &Path) -> Result<Self, String> {
        Self::new(
            &format!("echo {watches} > /proc/sys/user/max_inotify_watches"),
            folder,
        )
    }

    fn new(mount: &str, folder: &Path) -> Result<Self, String> {
        let mut holder = Command::new("unshare");
        holder.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
        holder
            .arg(format!("{mount} && echo mounted && exec cat"))
            .arg(folder);
        holder
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut holder = holder.spawn().map_err(|error| error.to_string())?;
        let mut line = String::new();
        let stdout = holder.stdout.take().expect("it is a pipe");
        drop(BufReader::new(stdout).read_line(&mut line));
        if line.trim_end() == "mounted" {
            return Ok(Self(holder));
        }
        let output = holder
            .wait_with_output()
            .map_err(|error| error.to_string())?;
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Runs a program in the room.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        let holder = self.0.id().to_string();
        command.args([
            "--user",
            "--mount",
            "--preserve-credentials",
            "--target",
            &holder,
            "--",
            program,
        ]);
        command
    }

    /// A path of the room, for who stands outside.
    pub(crate) fn seen_from_here(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.0.id()));
        root.join(path.strip_prefix("/").unwrap_or(path))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Says that a test could not be made here, where nobody can miss it.
pub(crate) fn skipped(what: &str, why: &str) {
    let said = writeln!(
        std::io::stderr(),
        "\nSKIPPED, NOT SHOWN: {what}: {}\n",
        why.trim()
    );
    said.expect("somebody listens");
}
