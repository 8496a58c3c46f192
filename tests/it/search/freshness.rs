//! Read your writes, and the same answers whatever becomes of the index.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{get, paths, search};
use crate::program::Program;

const CLIENTS: usize = 8;
const WRITES: usize = 60;

#[test]
fn what_was_written_is_found_at_once() {
    let program = Program::serving(&[("shared/index.md", "# Index\n")]);
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let program = &program;
            scope.spawn(move || {
                for number in 0..WRITES {
                    let word = format!("needle{client}x{number}");
                    let path =
                        format!("user/n{}.md", (client * WRITES + number) % 20 + client * 20);
                    let written =
                        json!({ "path": path, "content": format!("# Note\n\nhere: {word}\n") });
                    program.tool("memory_write", written).of(200);
                    assert_eq!(paths(&search(program, &word)), [path], "{word}");
                }
            });
        }
    });
    // Each file was written several times: only its last text is there.
    assert!(paths(&search(&program, "needle0x0")).is_empty());
}

#[test]
fn a_persons_save_and_a_delete_are_found_too() {
    let program = Program::serving(&[("shared/rules.md", "# Rules\n\nold wisdom\n")]);
    assert_eq!(paths(&search(&program, "wisdom")), ["shared/rules.md"]);
    program.save("shared/rules.md", "# Rules\n\nnew insight\n");
    program.eventually("the save is found", |program| {
        paths(&search(program, "insight")) == ["shared/rules.md"]
    });
    assert!(paths(&search(&program, "wisdom")).is_empty());
    program
        .tool(
            "memory_write",
            json!({ "path": "user/a.md", "content": "insight" }),
        )
        .of(200);
    assert_eq!(paths(&search(&program, "insight")).len(), 2);
    program
        .tool("memory_delete", json!({ "path": "user/a.md" }))
        .of(200);
    assert_eq!(paths(&search(&program, "insight")), ["shared/rules.md"]);
}

const QUESTIONS: [&str; 5] = [
    "lakh",
    "number 7",
    "file seven",
    "nmber",
    "\"of file 3\" -twelve",
];

fn answers(program: &Program) -> Vec<Value> {
    let results = |query: &str| {
        let mut found = search(program, query);
        found["results"].take()
    };
    let mut answers: Vec<_> = QUESTIONS.iter().map(|query| results(query)).collect();
    answers.push(get(program, "userId=alice&q=lakh&limit=100")["results"].take());
    answers
}

/// An index that was brought along through many changes.
fn changed() -> Program {
    let texts: Vec<_> = (0..40)
        .map(|n| {
            (
                format!("user/alice/n{n}.md"),
                format!("# Number {n}\n\nlakh of file {n}\n"),
            )
        })
        .collect();
    let files: Vec<_> = texts
        .iter()
        .map(|(path, text)| (&**path, &**text))
        .collect();
    let program = Program::serving(&files);
    for number in 0..30 {
        let text = format!(
            "# Number {number}\n\nlakh of file {number}, seven times {}\n",
            "lakh ".repeat(number % 4)
        );
        let path = format!("user/n{number}.md");
        match number % 5 {
            0 => program.tool("memory_delete", json!({ "path": path })),
            1 => program.tool(
                "memory_rename",
                json!({ "from": path, "to": format!("user/r{number}.md") }),
            ),
            _ => program.tool("memory_write", json!({ "path": path, "content": text })),
        }
        .of(200);
        search(&program, "lakh");
        if number % 10 == 0 {
            // Some of the changes are brought along by themselves.
            std::thread::sleep(std::time::Duration::from_millis(1_300));
        }
    }
    program
}

fn index_of(program: &Program) -> PathBuf {
    program.at(".memoryd/search")
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files
}

#[test]
fn the_answers_are_the_same_whatever_becomes_of_the_index() {
    let mut program = changed();
    program.stop();
    program.start();
    let expected = answers(&program);
    assert!(
        expected
            .iter()
            .all(|found| !found.as_array().unwrap().is_empty()),
        "{expected:?}"
    );
    program.stop();
    let older = tempfile::tempdir().unwrap();
    for file in files_in(&index_of(&program)) {
        fs::copy(&file, older.path().join(file.file_name().unwrap())).unwrap();
    }
    program.start();
    assert_eq!(answers(&program), expected, "after another start");
    program.stop();
    fs::remove_dir_all(program.at(".memoryd")).unwrap();
    program.start();
    assert_eq!(answers(&program), expected, "without an index");
    program.stop();
    for file in files_in(&index_of(&program)) {
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        if let Some(byte) = bytes.get_mut(middle) {
            *byte ^= 0xff;
        }
        fs::write(&file, bytes).unwrap();
    }
    program.start();
    assert_eq!(answers(&program), expected, "with a damaged index");
    program
        .tool(
            "memory_write",
            json!({ "path": "user/late.md", "content": "a late lakh" }),
        )
        .of(200);
    let later = answers(&program);
    program.stop();
    fs::remove_dir_all(index_of(&program)).unwrap();
    fs::create_dir(index_of(&program)).unwrap();
    for file in files_in(older.path()) {
        fs::copy(&file, index_of(&program).join(file.file_name().unwrap())).unwrap();
    }
    program.start();
    let caught_up = answers(&program);
    assert_eq!(
        places_of(&caught_up),
        places_of(&later),
        "with an older index"
    );
    // An index of a memory that goes on from here, in a repository that knows nothing of it.
    program.stop();
    program.git(&["reset", "-q", "--hard", "HEAD~1"]);
    program.git(&["update-ref", "-d", "refs/memoryd/head"]);
    program.git(&["update-ref", "-d", "refs/memoryd/shown"]);
    fs::remove_dir_all(program.at(".git/memoryd")).unwrap();
    program.start();
    assert_eq!(answers(&program), expected, "with a newer index");
}

fn places_of(answers: &[Value]) -> Vec<Vec<(String, Value)>> {
    let places = |found: &Value| {
        let results = found.as_array().unwrap().iter();
        results
            .map(|result| {
                (
                    result["path"].as_str().unwrap().to_owned(),
                    result["lines"].clone(),
                )
            })
            .collect()
    };
    answers.iter().map(places).collect()
}

#[test]
fn an_index_is_not_written_where_a_link_leads() {
    let mut program = Program::with_files(&[("shared/index.md", "# Index\n\nlakh\n")]);
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), program.at(".memoryd")).unwrap();
    program.start();
    assert_eq!(paths(&search(&program, "lakh")), ["shared/index.md"]);
    program.stop();
    assert!(files_in(elsewhere.path()).is_empty());
}
