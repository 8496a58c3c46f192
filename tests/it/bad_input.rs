//! What is refused, at every door: with a clear answer that says how to do better, and with nothing changed.

mod bodies;
mod folders;
mod paths;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::program::{Answer, Program};

pub(crate) use paths::BAD_PATHS;

const INDEX: (&str, &str) = ("shared/index.md", "# Index\n");
const NOTE: (&str, &str) = ("user/alice/note.md", "# Note\n");

/// A memory as people and git see it.
#[derive(Debug, PartialEq, Eq)]
struct Sight {
    head: String,
    status: String,
    /// Every file in the folder but git's and the daemon's own, with its bytes.
    files: BTreeMap<String, Vec<u8>>,
}

impl Sight {
    fn of(program: &Program) -> Self {
        let mut files = BTreeMap::new();
        gather(&program.at(""), "", &mut files);
        Self {
            head: program.git(&["for-each-ref"]),
            status: program.git(&["status", "--porcelain"]),
            files,
        }
    }
}

fn gather(folder: &Path, above: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in folder.read_dir().unwrap() {
        let entry = entry.unwrap();
        let name = format!("{above}{}", entry.file_name().to_string_lossy());
        if [".git", ".memoryd"].contains(&name.as_str()) {
            continue;
        }
        match entry.file_type().unwrap().is_dir() {
            true => gather(&entry.path(), &format!("{name}/"), files),
            false => drop(files.insert(name, std::fs::read(entry.path()).unwrap_or_default())),
        }
    }
}

/// A refusal that helps: a status of the client's, a code, and what to do or where it is wrong.
fn assert_helps(answer: &Answer, what: &str) {
    assert!((400..500).contains(&answer.status), "{what}: {answer}");
    let error = answer.json()["error"].take();
    let code = error["code"].as_str().unwrap_or_default();
    assert!(!code.is_empty(), "{what}: {answer}");
    // These say in the message what is wrong with the one thing they are about.
    let says_itself = ["VALIDATION_ERROR", "ID_TOO_LONG", "FORBIDDEN"].contains(&code);
    assert!(says_itself || error["hint"].is_string(), "{what}: {answer}");
}

/// The same of a command: an exit code of a refusal, and an error in words.
fn assert_command_helps(output: &Output, what: &str) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        matches!(output.status.code(), Some(2..=6)),
        "{what}: {said}"
    );
    let error = said
        .lines()
        .last()
        .and_then(|line| serde_json::from_str(line).ok());
    let error: Value =
        error.unwrap_or_else(|| json!({ "error": { "code": "USAGE", "message": said } }));
    assert!(
        !error["error"]["message"]
            .as_str()
            .unwrap_or_default()
            .is_empty(),
        "{what}: {said}"
    );
    assert!(
        output.stdout.is_empty(),
        "{what}: {}",
        String::from_utf8_lossy(&output.stdout)
    );
    error["error"].clone()
}
