//! Talking to the daemon that has the folder open.
//!
//! A running daemon leaves its address and a token in `.git/memoryd/daemon.json`, readable by its own user only. A
//! daemon that was killed leaves the file behind, and by now its port may be somebody else's, even another memory's: the
//! token, which changes with every start, tells them apart.

use std::io::ErrorKind::{
    AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkUnreachable, TimedOut,
};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ureq::Agent;
use ureq::http::Response;

use super::failure::Failure;
use crate::api::command::{Command, Output};
use crate::model::limits::ANSWER_BYTES_MAX;

/// Where a daemon says how to reach it, below the memory's folder.
const ADDRESS_FILE: &str = ".git/memoryd/daemon.json";
const ROUTE: &str = "/v1/local/execute";
/// A daemon on this computer accepts at once or is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Longer than the daemon itself waits for anything.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// How to reach a daemon.
#[derive(Deserialize, Serialize)]
pub(super) struct Daemon {
    pub(super) address: SocketAddr,
    pub(super) pid: u32,
    #[serde(skip_serializing)]
    token: String,
}

#[derive(Deserialize)]
struct Refusal {
    error: Failure,
}

impl Daemon {
    /// What the last daemon of a folder left there, whether it still runs or not.
    pub(super) fn of(folder: &Path) -> Option<Self> {
        let text = std::fs::read(folder.join(ADDRESS_FILE)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Has the daemon execute a command; none when it does not run any more.
    pub(super) fn execute(&self, command: &Command) -> Option<Result<Output, Failure>> {
        let request = agent()
            .post(format!("http://{}{ROUTE}", self.address))
            .header("authorization", format!("Bearer {}", self.token));
        match request.send_json(command) {
            Ok(response) if response.status() == 401 => None,
            Ok(response) => Some(self.read(response)),
            Err(error) if is_nobody(&error) => None,
            Err(error) => Some(Err(self.silence(&error.to_string()))),
        }
    }

    fn read(&self, mut response: Response<ureq::Body>) -> Result<Output, Failure> {
        let is_success = response.status().is_success();
        let text = response
            .body_mut()
            .with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_to_vec();
        let text = text.map_err(|error| self.silence(&error.to_string()))?;
        let unreadable = |error: serde_json::Error| self.silence(&error.to_string());
        match is_success {
            true => serde_json::from_slice(&text).map_err(unreadable),
            false => Err(serde_json::from_slice::<Refusal>(&text)
                .map_err(unreadable)?
                .error),
        }
    }

    fn silence(&self, why: &str) -> Failure {
        let (address, pid) = (&self.address, self.pid);
        let failure = Failure::no_answer(format!(
            "the daemon at {address} (process {pid}) gave no answer: {why}"
        ));
        failure.hint("memoryd log shows whether a change was made")
    }
}

fn agent() -> Agent {
    Agent::config_builder()
        // A proxy for the web has no business between two programs of one computer.
        .proxy(None)
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_global(Some(ANSWER_TIMEOUT))
        .build()
        .into()
}

fn is_nobody(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Io(error) => matches!(
            error.kind(),
            ConnectionRefused | AddrNotAvailable | HostUnreachable | NetworkUnreachable | TimedOut
        ),
        ureq::Error::ConnectionFailed | ureq::Error::HostNotFound => true,
        ureq::Error::Timeout(timeout) => matches!(timeout, ureq::Timeout::Connect),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpListener};

    use super::*;
    use crate::api::command::Status;

    /// What a command gets from a program that answers everything with this.
    fn ask(status: &str, body: &str) -> Option<Result<Output, Failure>> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let daemon = Daemon {
            address: listener.local_addr().unwrap(),
            pid: 1,
            token: "secret".to_owned(),
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            // All of it is read: a connection closed over unread bytes would take the answer with it.
            let mut request = String::new();
            stream.read_to_string(&mut request).unwrap();
            request.to_lowercase()
        });
        let output = daemon.execute(&Command::Status(Status {}));
        let request = server.join().unwrap();
        assert!(
            request.starts_with("post /v1/local/execute ") && request.contains("bearer secret"),
            "{request}"
        );
        output
    }

    #[test]
    fn only_its_own_daemon_is_believed() {
        let output = ask("200 OK", r#"{"kind":"holding","result":{"seconds":null}}"#);
        assert!(matches!(output, Some(Ok(Output::Holding(_)))), "{output:?}");
        let refused = r#"{"error":{"code":"BUSY","message":"Busy"}}"#;
        assert_eq!(
            ask("503 Service Unavailable", refused)
                .unwrap()
                .unwrap_err()
                .code,
            "BUSY"
        );
        assert!(ask("401 Unauthorized", "{}").is_none());
        assert_eq!(
            ask("200 OK", "<html>").unwrap().unwrap_err().code,
            "NO_ANSWER"
        );
    }

    #[test]
    fn a_daemon_that_is_gone_is_nobody() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let daemon = Daemon {
            address: listener.local_addr().unwrap(),
            pid: 1,
            token: String::new(),
        };
        drop(listener);
        assert!(daemon.execute(&Command::Status(Status {})).is_none());
    }
}
