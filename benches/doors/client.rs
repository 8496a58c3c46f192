//! Clients that keep their connections and ask for one path again and again.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::Outcome;

/// Asks for `path` on this many connections for a while; gives the number of answers, each of which had all its bytes.
pub(crate) fn hammer(
    address: &str,
    path: &str,
    connections: usize,
    time: Duration,
) -> Outcome<u64> {
    let (answers, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..connections)
            .map(|_| {
                scope.spawn(|| {
                    ask_until(address, path, &is_over, &answers).map_err(|error| error.to_string())
                })
            })
            .collect();
        std::thread::sleep(time);
        is_over.store(true, Ordering::Relaxed);
        workers.into_iter().try_for_each(|worker| {
            worker
                .join()
                .unwrap_or_else(|_| Err("a client panicked".into()))
        })
    })?;
    Ok(answers.into_inner())
}

/// The body of one answer.
pub(crate) fn body(address: &str, path: &str) -> Outcome<Vec<u8>> {
    let mut connection = Connection::open(address)?;
    connection.ask(path)?;
    Ok(connection.body().to_vec())
}

fn ask_until(address: &str, path: &str, is_over: &AtomicBool, answers: &AtomicU64) -> Outcome<()> {
    let mut connection = Connection::open(address)?;
    while !is_over.load(Ordering::Relaxed) {
        connection.ask(path)?;
        answers.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

struct Connection {
    stream: TcpStream,
    host: String,
    buffer: Vec<u8>,
    header_bytes: usize,
    length: usize,
}

impl Connection {
    fn open(address: &str) -> Outcome<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            host: address.to_owned(),
            buffer: vec![0; 1 << 20],
            header_bytes: 0,
            length: 0,
        })
    }

    fn ask(&mut self, path: &str) -> Outcome<()> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nAccept: text/markdown\r\n\r\n",
            self.host
        );
        self.stream.write_all(request.as_bytes())?;
        self.length = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[self.length..])?;
            if read == 0 {
                return Err("the server closed the connection".into());
            }
            self.length += read;
            if self.total()? == Some(self.length) {
                return Ok(());
            }
        }
    }

    /// The length of the whole answer, once its head is there.
    fn total(&mut self) -> Outcome<Option<usize>> {
        let read = &self.buffer[..self.length];
        let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(None);
        };
        let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
        if !head.starts_with("http/1.1 200") {
            return Err(head.into());
        }
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .ok_or("no content-length")?;
        self.header_bytes = end + 4;
        Ok(Some(self.header_bytes + length.trim().parse::<usize>()?))
    }

    fn body(&self) -> &[u8] {
        &self.buffer[self.header_bytes..self.length]
    }
}
