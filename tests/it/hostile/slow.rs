//! Clients that take all the time there is, and many of them.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use super::{KEY, Target};
use crate::program::Request;

const CLIENTS: usize = 100;
/// Far more than the second that the settings give a request, and than an answer takes.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn slow_clients_keep_nobody_waiting_and_are_let_go() {
    let mut target = Target::new();
    let head = format!(
        "PUT /v1/files/user/slow.md?userId=alice HTTP/1.1\r\nhost: localhost\r\nx-api-key: {KEY}\r\n"
    );
    let unfinished = [
        String::new(),
        "G".to_owned(),
        "GET /v1/files HTTP/1.1\r\nhost: local".to_owned(),
        head.clone(),
        format!("{head}content-length: 100\r\n\r\nabc"),
        format!("{head}transfer-encoding: chunked\r\n\r\n100\r\nabc"),
    ];
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let mut client = target.program.connect();
        client
            .say(unfinished[number % unfinished.len()].as_bytes())
            .unwrap();
        clients.push(client);
    }
    let begun = Instant::now();
    for _ in 0..50 {
        let answer = target.send(Request::new("GET", "/v1/files/user/note.md?userId=alice"));
        assert_eq!(answer.expect("it answers").status, 200);
    }
    assert!(begun.elapsed() < PATIENCE, "others had to wait for them");
    for client in &mut clients {
        match client.hear() {
            Ok(answer) => assert_eq!(answer.status, 408, "{answer}"),
            // Who said nothing is not answered anything.
            Err(error) => assert_ne!(error.kind(), ErrorKind::WouldBlock),
        }
    }
    assert!(begun.elapsed() < PATIENCE, "they were kept");
    target.assert_unharmed(50);
}

/// Who reads no answers stops being asked for more, and costs nobody else anything.
#[test]
fn a_client_that_never_reads_harms_nobody() {
    let mut target = Target::new();
    let ask = format!(
        "GET /v1/prompt-block?userId=alice HTTP/1.1\r\nhost: localhost\r\nx-api-key: {KEY}\r\n\r\n"
    );
    let mut deaf: Vec<_> = (0..20).map(|_| target.program.connect()).collect();
    for client in &mut deaf {
        client.say(ask.repeat(50).as_bytes()).unwrap();
    }
    for _ in 0..50 {
        let answer = target.send(Request::new("GET", "/v1/files/user/note.md?userId=alice"));
        assert_eq!(answer.expect("it answers").status, 200);
    }
    target.assert_unharmed(50);
}
