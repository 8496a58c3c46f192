//! A server that this benchmark started, on a core of its own, and what the system says of it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Outcome;

/// The core that servers run on.
pub(crate) const SERVER_CORE: &str = "0";
/// The core that clients run on.
pub(crate) const CLIENT_CORE: &str = "1";

/// A running server; it is stopped when this is dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: String,
    /// From the start of the program to its first word.
    pub(crate) ready_after: Duration,
}

impl Server {
    /// Starts a program on the servers' core. `address` is where it will listen, if it does not say so itself.
    pub(crate) fn start(command: &[&str], address: Option<String>) -> Outcome<Self> {
        let begun = Instant::now();
        let mut child = Command::new("taskset")
            .args(["-c", SERVER_CORE])
            .args(command)
            .env_remove("MEMORYD_API_KEY")
            .env_remove("MEMORYD_ADMIN_SECRET")
            .stdout(Stdio::piped())
            .spawn()?;
        let address = match address {
            Some(address) => address,
            None => announced(&mut child)?,
        };
        while std::net::TcpStream::connect(&address).is_err() {
            if begun.elapsed() > Duration::from_secs(60) {
                return Err(format!("{} does not listen on {address}", command[0]).into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(Self {
            child,
            address,
            ready_after: begun.elapsed(),
        })
    }

    /// The processor time it has spent so far, its children's included.
    pub(crate) fn processor_time(&self) -> Outcome<Duration> {
        let mut ticks = 0;
        for pid in family(self.child.id())? {
            ticks += ticks_of(pid)?;
        }
        // Linux counts in hundredths of a second for every program (USER_HZ).
        Ok(Duration::from_millis(ticks * 10))
    }

    /// The memory it holds, in MB.
    pub(crate) fn resident_mb(&self) -> Outcome<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .ok_or("no VmRSS")?;
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kilobytes / 1024)
    }

    /// Asks it to stop and waits until it has.
    pub(crate) fn stop(mut self) -> Outcome<()> {
        Command::new("kill")
            .arg(self.child.id().to_string())
            .status()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = Command::new("kill")
                .arg(self.child.id().to_string())
                .status();
            let _ = self.child.wait();
        }
    }
}

/// The daemon on a folder.
pub(crate) fn memoryd(folder: &Path) -> Outcome<Server> {
    let folder = folder.to_string_lossy();
    Server::start(
        &[
            env!("CARGO_BIN_EXE_memoryd"),
            "serve",
            &folder,
            "--listen",
            "127.0.0.1:0",
        ],
        None,
    )
}

/// What the daemon prints: its address, as `http://...`.
fn announced(child: &mut Child) -> Outcome<String> {
    let output = child.stdout.take().ok_or("no output")?;
    for line in BufReader::new(output).lines() {
        let line = line?;
        if let Some((_, rest)) = line.split_once("http://") {
            return Ok(rest
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned());
        }
    }
    Err("the daemon ended without naming its address".into())
}

/// A process and its children.
fn family(pid: u32) -> Outcome<Vec<u32>> {
    let children =
        std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let children = children
        .split_whitespace()
        .filter_map(|pid| pid.parse().ok());
    Ok([pid].into_iter().chain(children).collect())
}

fn ticks_of(pid: u32) -> Outcome<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(") ").ok_or("an odd stat line")?;
    let fields: Vec<_> = fields.split(' ').collect();
    Ok(fields[11].parse::<u64>()? + fields[12].parse::<u64>()?)
}
