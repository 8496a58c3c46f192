//! The program itself, as people and agents meet it: started by a command line, spoken to over HTTP, ended by a signal.

mod http;
mod room;

use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::{NamedTempFile, TempDir};

pub(crate) use http::{Answer, Connection, Request};
pub(crate) use room::{Room, skipped};

const MEMORYD: &str = env!("CARGO_BIN_EXE_memoryd");
/// Longer than anything that works takes, so that what does not work fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// A memory on disk, and the program that serves it. What ends first stands first.
pub(crate) struct Program {
    daemon: Option<Daemon>,
    room: Option<Room>,
    /// What the daemon is told by its environment.
    environment: Vec<(&'static str, String)>,
    folder: TempDir,
}

/// A running daemon. It ends with this value, also in a panic.
struct Daemon {
    process: Child,
    address: SocketAddr,
    log: NamedTempFile,
}

impl Program {
    /// A repository with these files in one commit, not served yet.
    pub(crate) fn with_files(files: &[(&str, &str)]) -> Self {
        Self::empty().begin(files)
    }

    /// The same in memory, where that can be had: for tests that are not about what a flush keeps.
    pub(crate) fn in_memory(files: &[(&str, &str)]) -> Self {
        let folder = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new());
        Self::in_folder(folder.unwrap()).begin(files)
    }

    /// An empty folder.
    pub(crate) fn empty() -> Self {
        Self::in_folder(TempDir::new().unwrap())
    }

    /// Files in a repository, served in memory.
    pub(crate) fn serving(files: &[(&str, &str)]) -> Self {
        let mut program = Self::in_memory(files);
        program.start();
        program
    }

    /// Makes a repository of the folder, with these files in one commit.
    pub(crate) fn begin(self, files: &[(&str, &str)]) -> Self {
        self.git(&["init", "-q", "-b", "main"]);
        for (path, text) in files {
            self.save(path, text);
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "Start"]);
        self
    }

    /// Sets what the environment says to the daemon from its next start on.
    pub(crate) fn environment(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    /// The same in a room of its own.
    pub(crate) fn moved_into(self, room: Room) -> Self {
        Self {
            room: Some(room),
            ..self
        }
    }

    /// The same, served.
    pub(crate) fn started(mut self) -> Self {
        self.start();
        self
    }

    pub(crate) fn start(&mut self) {
        self.start_with(&["--listen", "127.0.0.1:0"]);
    }

    pub(crate) fn start_with(&mut self, arguments: &[&str]) {
        let log = NamedTempFile::new().unwrap();
        let mut serve = self.serve(self.path(), arguments);
        let serve = serve.stdout(Stdio::piped()).stderr(log.reopen().unwrap());
        let mut process = serve.spawn().expect("memoryd runs");
        let said = first_line(&mut process);
        let address = address(&said);
        // It ends with this value, also when it said nothing.
        let mut daemon = Daemon {
            process,
            address: SocketAddr::from(([0; 4], 0)),
            log,
        };
        daemon.address = address.unwrap_or_else(|| panic!("no address: {said:?} {}", daemon.log()));
        self.daemon = Some(daemon);
    }

    /// Serves this folder, which cannot be, and gives what is said of that.
    pub(crate) fn refused(&self, arguments: &[&str]) -> Output {
        self.refused_at(self.path(), arguments)
    }

    /// The same for another folder.
    pub(crate) fn refused_at(&self, folder: &Path, arguments: &[&str]) -> Output {
        let mut serve = self.serve(folder, arguments);
        let serve = serve.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = serve.spawn().expect("memoryd runs");
        let deadline = Instant::now() + PATIENCE;
        while process.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                process.kill().unwrap();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        process.wait_with_output().unwrap()
    }

    /// Asks the daemon to end, and waits until it has ended well.
    pub(crate) fn stop(&mut self) {
        self.signal(Signal::TERM);
        let code = self.ended();
        assert_eq!(code, Some(0), "{}", self.log());
        self.daemon = None;
    }

    /// Ends the daemon where it stands.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.ended();
        self.daemon = None;
    }

    /// Begins to start the daemon and kills it after a while, wherever it is then.
    pub(crate) fn kill_while_starting(&self, after: Duration) {
        let mut serve = self.serve(self.path(), &["--listen", "127.0.0.1:0"]);
        let serve = serve.stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = serve.spawn().expect("memoryd runs");
        std::thread::sleep(after);
        process.kill().unwrap();
        process.wait().unwrap();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.daemon().process.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// The exit code; none after a signal.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        let daemon = self.daemon.as_mut().expect("it is served");
        loop {
            if let Some(status) = daemon.process.try_wait().unwrap() {
                return status.code();
            }
            assert!(
                Instant::now() < deadline,
                "it does not end; {}",
                daemon.log()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.daemon().address
    }

    /// What the daemon said on standard error.
    pub(crate) fn log(&self) -> String {
        self.daemon.as_ref().map_or_else(String::new, Daemon::log)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where a file lies for this process, which may stand outside the daemon's room.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        let folder = self.room.as_ref().map_or_else(
            || self.path().to_owned(),
            |room| room.seen_from_here(self.path()),
        );
        folder.join(path)
    }

    /// A person saves a file, in place.
    pub(crate) fn save(&self, path: &str, text: &str) {
        let path = self.at(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn on_disk(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.at(path)).ok()
    }

    /// Runs git as a person would, with nobody's config but the repository's.
    pub(crate) fn try_git(&self, arguments: &[&str]) -> Output {
        let mut git = self.command("git");
        git.arg("-C")
            .arg(self.path())
            .args(arguments)
            .output()
            .expect("git runs")
    }

    /// Runs git, which must succeed, and gives what it printed.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = self.try_git(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {error}");
        String::from_utf8(output.stdout)
            .unwrap()
            .trim_end()
            .to_owned()
    }

    /// Git finds nothing wrong and nothing to say.
    pub(crate) fn assert_clean(&self) {
        let fsck = self.try_git(&["fsck", "--strict", "--full"]);
        assert!(
            fsck.status.success(),
            "{}",
            String::from_utf8_lossy(&fsck.stderr)
        );
        assert_eq!(self.git(&["status", "--porcelain"]), "");
    }

    /// Runs a command of the command line on this memory.
    pub(crate) fn cli(&self, arguments: &[&str]) -> Output {
        self.cli_given(b"", arguments)
    }

    /// The same, with this on standard input.
    pub(crate) fn cli_given(&self, input: &[u8], arguments: &[&str]) -> Output {
        let mut given = tempfile::tempfile().unwrap();
        given.write_all(input).unwrap();
        given.rewind().unwrap();
        let mut command = self.command(MEMORYD);
        let command = command.arg("-C").arg(self.path()).args(arguments);
        command.stdin(given).output().expect("memoryd runs")
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address()).expect("the daemon accepts")
    }

    pub(crate) fn ask(&self, request: &Request) -> Answer {
        let answer = self.connect().ask(request);
        answer.unwrap_or_else(|error| panic!("no answer: {error}; {}", self.log()))
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.ask(&Request::new("GET", target))
    }

    /// Sends bytes, whatever they mean, and reads one answer.
    pub(crate) fn say(&self, bytes: &[u8]) -> Answer {
        let mut connection = self.connect();
        connection.say(bytes).unwrap();
        connection
            .hear()
            .unwrap_or_else(|error| panic!("no answer: {error}; {}", self.log()))
    }

    /// Calls a tool for alice.
    pub(crate) fn tool(&self, tool: &str, arguments: Value) -> Answer {
        self.call(
            tool,
            &json!({ "context": { "userId": "alice" }, "arguments": arguments }),
        )
    }

    /// Calls a tool with a whole body.
    pub(crate) fn call(&self, tool: &str, body: &Value) -> Answer {
        self.ask(&execute(tool, body))
    }

    /// Waits until something is so.
    pub(crate) fn eventually(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(
                Instant::now() < deadline,
                "{what}: still not so; {}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// A folder as somebody left it, not served yet.
    pub(crate) fn in_folder(folder: TempDir) -> Self {
        Self {
            daemon: None,
            room: None,
            environment: Vec::new(),
            folder,
        }
    }

    /// What serves a folder, not run yet.
    pub(crate) fn serve(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = self.command(MEMORYD);
        command
            .arg("serve")
            .arg(folder)
            .arg("--json")
            .args(arguments);
        command
    }

    fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().expect("it is served")
    }

    /// Runs a program as one person, whoever runs the test.
    fn command(&self, program: &str) -> Command {
        let mut command = self
            .room
            .as_ref()
            .map_or_else(|| Command::new(program), |room| room.command(program));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", "/nonexistent")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_AUTHOR_NAME", "Pat Person")
            .env("GIT_AUTHOR_EMAIL", "pat@example.com")
            .env("GIT_COMMITTER_NAME", "Pat Person")
            .env("GIT_COMMITTER_EMAIL", "pat@example.com")
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

impl Daemon {
    fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap_or_default()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A tool call as a request.
pub(crate) fn execute(tool: &str, body: &Value) -> Request {
    Request::new("POST", format!("/v1/tools/{tool}/execute")).json(body)
}

/// A request about a file of alice's by its path, which is taken as it is.
pub(crate) fn file(method: &str, path: &str) -> Request {
    Request::new(method, format!("/v1/files/{path}")).header("x-memory-user", "alice")
}

/// The address in what a daemon says first.
pub(crate) fn address(said: &str) -> Option<SocketAddr> {
    let said: Value = serde_json::from_str(said).ok()?;
    said["address"].as_str()?.parse().ok()
}

/// What a process says first; empty when it says nothing in time.
pub(crate) fn first_line(process: &mut Child) -> String {
    let (sender, receiver) = mpsc::channel();
    let mut stdout = BufReader::new(process.stdout.take().expect("it is a pipe"));
    std::thread::spawn(move || {
        let mut line = String::new();
        drop(stdout.read_line(&mut line));
        drop(sender.send(line));
        // Read on, so that the process never waits for a reader.
        drop(stdout.read_to_end(&mut Vec::new()));
    });
    receiver.recv_timeout(PATIENCE).unwrap_or_default()
}
