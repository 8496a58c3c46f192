//! Requests that mean harm: whatever is sent, nobody's text gets out, nothing outside the caller's scope is touched, and
//! the daemon goes on answering.

mod heads;
mod ids;
mod paths;
mod planted;
mod programs;
mod slow;
mod words;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Answer, Connection, Program, Request};

const KEY: &str = "key-of-an-application";
/// Stands in every text that is not the caller's.
const CANARY: &str = "canary-9c41e07b";

const SETTINGS: &str = "[limits]\nrequest_seconds_max = 1\n[teams.rivals]\nusers = [\"victim\"]\n";

/// What is not alice's, by its place in the repository.
const OTHERS: [&str; 7] = [
    "user/victim/secret.md",
    "user/victim/inner/secret.md",
    "user/alicent/secret.md",
    "team/rivals/secret.md",
    "state/secret.json",
    "elsewhere/secret.md",
    "secret.md",
];
/// What is in no commit: git's own folder, the daemon's, and one that only looks like it.
const OWN: [&str; 3] = [
    ".git/secret.md",
    ".git/memoryd/secret.md",
    ".memoryd/secret.md",
];

/// A served memory, a folder beside it, and what both held before anybody came.
struct Target {
    program: Program,
    outside: TempDir,
    connection: Option<Connection>,
    before: BTreeMap<PathBuf, Held>,
    /// The commit that was there.
    first: String,
    sent: usize,
}

/// A file to the byte, and to the moment.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    bytes: Vec<u8>,
    inode: u64,
    modified: (i64, i64),
}

impl Target {
    fn new() -> Self {
        Self::with(|_, _| ())
    }

    /// The same, with something done to the folder before it is served. It is told the folder outside, too.
    fn with(plant: impl FnOnce(&Program, &Path)) -> Self {
        let secret = format!("# Secret\n{CANARY}\n");
        let others = OTHERS.map(|path| (path, secret.as_str()));
        let own = [
            ("shared/index.md", "# Index\n"),
            ("user/alice/note.md", "# Note\n"),
            ("memoryd.toml", SETTINGS),
        ];
        let mut program = Program::in_memory(&[&others[..], &own[..]].concat())
            .environment("MEMORYD_API_KEY", KEY)
            .environment("MEMORYD_ADMIN_SECRET", "secret-of-an-administrator");
        let outside = TempDir::new_in(program.path().parent().unwrap()).unwrap();
        fs::write(outside.path().join("secret.md"), &secret).unwrap();
        for path in OWN {
            program.save(path, &secret);
        }
        plant(&program, outside.path());
        let first = program.git(&["rev-parse", "HEAD"]);
        program.start();
        let mut target = Self {
            program,
            outside,
            connection: None,
            before: BTreeMap::new(),
            first,
            sent: 0,
        };
        target.before = target.held();
        target
    }

    /// Everything outside alice's scope, by its path.
    fn held(&self) -> BTreeMap<PathBuf, Held> {
        let mut held = BTreeMap::new();
        hold(self.outside.path(), &mut held);
        for folder in [
            "shared",
            "user/victim",
            "user/alicent",
            "team",
            "state",
            "elsewhere",
        ] {
            hold(&self.program.at(folder), &mut held);
        }
        for file in [
            &OWN[..],
            &["secret.md", "memoryd.toml", ".git/config", ".git/HEAD"],
        ]
        .concat()
        {
            let path = self.program.at(file);
            held.insert(path.clone(), Held::of(&path));
        }
        held
    }

    /// Sends a request with the application's key, and gives the answer if there is one: hanging up is one, too.
    fn send(&mut self, request: Request) -> Option<Answer> {
        self.send_as_it_is(request.header("x-api-key", KEY))
    }

    fn send_as_it_is(&mut self, request: Request) -> Option<Answer> {
        self.sent += 1;
        let kept = self.connection.take();
        let mut connection = kept.unwrap_or_else(|| self.program.connect());
        let answer = connection.ask(&request).or_else(|_| {
            // One that was kept may have been silent for too long.
            connection = self.program.connect();
            connection.ask(&request)
        });
        let answer = answer.ok()?;
        check(&answer, &format!("{request:?}"));
        if answer.header("connection") != Some("close") {
            self.connection = Some(connection);
        }
        Some(answer)
    }

    /// Sends bytes on a connection of their own, and gives what comes back.
    fn send_bytes(&mut self, bytes: &[u8]) -> Option<Answer> {
        self.sent += 1;
        let mut connection = self.program.connect();
        let answer = connection
            .say(bytes)
            .and_then(|()| connection.hear())
            .ok()?;
        check(&answer, &String::from_utf8_lossy(bytes));
        Some(answer)
    }

    /// Nothing got out or in, and the daemon is well.
    fn assert_unharmed(mut self, sent_min: usize) {
        assert!(
            sent_min <= self.sent,
            "only {} requests were sent",
            self.sent
        );
        let health = self
            .send(Request::new("GET", "/health"))
            .expect("it answers");
        assert_eq!(health.status, 200);
        let ready = self
            .send(Request::new("GET", "/ready"))
            .expect("it answers");
        assert_eq!(ready.status, 200, "{ready}");
        let put = Request::new("PUT", "/v1/files/user/last.md?userId=alice");
        let put = self.send(put.body("last\n")).expect("it answers");
        assert!(matches!(put.status, 200 | 201), "{put}");
        let log = self.program.log();
        self.program.stop();
        let held = self.held();
        let paths = |held: &BTreeMap<PathBuf, Held>| held.keys().cloned().collect::<Vec<_>>();
        assert_eq!(paths(&held), paths(&self.before));
        for (path, before) in &self.before {
            assert_eq!(held.get(path), Some(before), "{}", path.display());
        }
        assert!(!log.contains("panicked") && !log.contains(CANARY), "{log}");
        let fsck = self.program.try_git(&["fsck", "--strict", "--full"]);
        assert!(fsck.status.success(), "{fsck:?}");
        self.assert_only_own_folders_changed();
    }

    /// Every commit since the first changed files of the one who was named, and no file of the victim's.
    fn assert_only_own_folders_changed(&self) {
        let changed = [
            "-c",
            "core.quotePath=false",
            "diff",
            "--name-only",
            &self.first,
            "refs/memoryd/head",
        ];
        for path in self.program.git(&changed).lines() {
            let mut parts = path.trim_matches('"').split('/');
            let (mount, owner) = (parts.next(), parts.next());
            let is_own = matches!(mount, Some("user" | "team"))
                && !matches!(
                    owner,
                    Some("victim" | "alicent" | "rivals" | "" | "." | "..")
                );
            assert!(is_own, "{path} was changed");
        }
    }
}

impl Held {
    fn of(path: &Path) -> Self {
        let data = fs::symlink_metadata(path).unwrap();
        let bytes = match data.is_file() {
            true => fs::read(path).unwrap(),
            false => Vec::new(),
        };
        Self {
            bytes,
            inode: data.ino(),
            modified: (data.mtime(), data.mtime_nsec()),
        }
    }
}

fn hold(folder: &Path, held: &mut BTreeMap<PathBuf, Held>) {
    held.insert(folder.to_owned(), Held::of(folder));
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        match path.symlink_metadata().unwrap().is_dir() {
            true => hold(&path, held),
            false => drop(held.insert(path.clone(), Held::of(&path))),
        }
    }
}

/// No answer tells what is not the caller's, and none is a failure of ours.
fn check(answer: &Answer, what: &str) {
    assert!(answer.status < 500, "{what}: {answer}");
    let body = String::from_utf8_lossy(&answer.body);
    assert!(!body.contains(CANARY), "{what}: {answer}");
    let headers = answer.headers.iter();
    assert!(
        !headers.into_iter().any(|(_, value)| value.contains(CANARY)),
        "{what}: {answer}"
    );
}

/// A tool call for a user.
fn tool_call(tool: &str, user: &str, arguments: &Value) -> Request {
    let body = json!({ "context": { "userId": user }, "arguments": arguments });
    crate::program::execute(tool, &body)
}

/// Everything but letters, digits and what is to be kept, as escapes.
fn escaped(text: &str, kept: &[u8]) -> String {
    let escape = |byte: u8| match byte {
        _ if byte.is_ascii_alphanumeric() || kept.contains(&byte) => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}
