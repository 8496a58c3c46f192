//! Many clients at once: every line that was acknowledged is there once, in a commit of its own, in the order in which
//! its writer wrote.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::program::{Connection, Program, execute, file};

const CLIENTS: usize = 64;
const LINES: usize = 100;
const SETTINGS: (&str, &str) = ("memoryd.toml", "[limits]\nfile_bytes_max = 1048576\n");

/// A line that no other is.
fn line(client: usize, number: usize) -> String {
    format!("- {client:02}, {number:03}")
}

/// Appends a line, and gives the revision that has it; none when it was not acknowledged.
fn append(connection: &mut Connection, path: &str, line: &str) -> Option<String> {
    let arguments = json!({ "path": path, "operation": "append_lines", "lines": [line] });
    let body = json!({ "context": { "userId": "alice" }, "arguments": arguments });
    let answer = connection.ask(&execute("memory_patch", &body)).ok()?;
    if answer.status == 503 {
        return None;
    }
    let answer = answer.of(200).json();
    assert_eq!(answer["changed"], true, "{line}");
    answer["revision"].as_str().map(str::to_owned)
}

/// Has every client append all its lines to a file, and gives the revisions.
fn append_all(program: &Program, path_of: fn(usize) -> String) -> Vec<String> {
    let write = |client: usize| {
        let (mut connection, path) = (program.connect(), path_of(client));
        let lines = (0..LINES).map(|number| line(client, number));
        let revisions =
            lines.map(|line| append(&mut connection, &path, &line).expect("it is acknowledged"));
        revisions.collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| scope.spawn(move || write(client)))
            .collect();
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect()
    })
}

/// Each client's lines stand in its text once each and in their order; gives how many lines there are in all.
fn assert_in_order(text: &str, clients: impl Iterator<Item = usize>) -> usize {
    for client in clients {
        let name = format!("- {client:02},");
        let found: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with(&name))
            .collect();
        let expected: Vec<_> = (0..LINES).map(|number| line(client, number)).collect();
        assert_eq!(found, expected);
    }
    text.lines().filter(|line| line.starts_with("- ")).count()
}

/// A last write waits until git shows everything; then git has each revision on its branch, and nothing to complain.
fn assert_published(program: &Program, revisions: &[String]) {
    let last = || {
        program
            .ask(&file("PUT", "user/last.md?wait=published").body("last\n"))
            .json()
    };
    program.eventually("everything is published", |_| last()["published"] == true);
    let line = program.git(&["rev-list", "main"]);
    let line: HashSet<&str> = line.lines().collect();
    let distinct: HashSet<&str> = revisions.iter().map(String::as_str).collect();
    assert_eq!(distinct.len(), CLIENTS * LINES, "one commit each");
    assert!(distinct.is_subset(&line));
    assert_eq!(
        line.len(),
        CLIENTS * LINES + 2,
        "and the first and the last"
    );
    program.assert_clean();
}

#[test]
fn every_line_is_in_one_file_once() {
    let program = Program::with_files(&[SETTINGS, ("user/alice/log.md", "# Log\n")]).started();
    let revisions = append_all(&program, |_| "user/log.md".to_owned());
    let text = program.ask(&file("GET", "user/log.md")).of(200).text();
    assert_eq!(assert_in_order(&text, 0..CLIENTS), CLIENTS * LINES);
    assert_published(&program, &revisions);
    assert_eq!(program.on_disk("user/alice/log.md"), Some(text));
}

#[test]
fn every_line_is_in_its_writers_file_once() {
    let path_of = |client: usize| format!("user/log-{client:02}.md");
    let names: Vec<_> = (0..CLIENTS)
        .map(|client| format!("user/alice/log-{client:02}.md"))
        .collect();
    let files = names.iter().map(|name| (name.as_str(), "# Log\n"));
    let program = Program::with_files(&files.chain([SETTINGS]).collect::<Vec<_>>()).started();
    let revisions = append_all(&program, path_of);
    for client in 0..CLIENTS {
        let text = program.ask(&file("GET", &path_of(client))).of(200).text();
        assert_eq!(assert_in_order(&text, [client].into_iter()), LINES);
    }
    assert_published(&program, &revisions);
}

/// The orderly end under load: who got an answer is in git, who got none may try again, and nothing is left to replay.
#[test]
fn an_orderly_end_keeps_what_was_acknowledged() {
    let mut program = Program::with_files(&[SETTINGS, ("user/alice/log.md", "# Log\n")]).started();
    let acknowledged = AtomicUsize::new(0);
    let write = |program: &Program, client: usize| {
        let mut connection = program.connect();
        let lines = (0..).map(|number| line(client, number));
        let told =
            lines.map_while(|line| Some((append(&mut connection, "user/log.md", &line)?, line)));
        told.inspect(|_| {
            acknowledged.fetch_add(1, Ordering::Relaxed);
        })
        .collect::<Vec<_>>()
    };
    let told: Vec<(String, String)> = thread::scope(|scope| {
        let (program, write) = (&program, &write);
        let clients: Vec<_> = (0..16)
            .map(|client| scope.spawn(move || write(program, client)))
            .collect();
        while acknowledged.load(Ordering::Relaxed) < 400 {
            thread::sleep(Duration::from_millis(5));
        }
        program.signal(Signal::TERM);
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect()
    });
    assert_eq!(program.ended(), Some(0), "{}", program.log());
    let line = program.git(&["rev-list", "main"]);
    let line: HashSet<&str> = line.lines().collect();
    let text = program.git(&["show", "main:user/alice/log.md"]);
    for (revision, line_told) in &told {
        assert!(
            line.contains(revision.as_str()),
            "{line_told} is not on the branch"
        );
        assert_eq!(text.matches(line_told.as_str()).count(), 1, "{line_told}");
    }
    assert_eq!(
        program.on_disk("user/alice/log.md").unwrap().trim_end(),
        text
    );
    program.assert_clean();
    let before = program.git(&["for-each-ref"]);
    program.start();
    assert_eq!(
        program
            .ask(&file("GET", "user/log.md"))
            .of(200)
            .text()
            .trim_end(),
        text
    );
    let said: Value = program.get("/ready").of(200).json();
    assert_eq!(
        (&said["ready"], &said["paused"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(
        program.git(&["for-each-ref"]),
        before,
        "there was nothing to replay"
    );
}
