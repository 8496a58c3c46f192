//! The texts that a clone of the project shows, and what a rule finds in them.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use super::tokens::{is_part_of_a_word, lines_of_paths, tokens};

/// What git and cargo keep in the checkout is not ours to word.
const NOT_OURS: [&str; 3] = [".git", "target", "Cargo.lock"];

/// Ends a line of a bad tree in which the rule must find something.
const MARK: &str = "//~";

/// Before the path of each file of a bad tree.
const FILE: &str = "//- ";

/// Finds what is marked in a bad tree, and nothing in ours.
#[track_caller]
pub(super) fn keeps(rule: impl Fn(&Tree) -> Vec<Finding>, bad: &str) {
    let bad = Tree::parse(bad);
    let marked = bad.lines_where("", |line| line.contains(MARK));
    let places = |findings: &[Finding]| findings.iter().map(Finding::place).collect::<Vec<_>>();
    let mut found = rule(&bad);
    found.sort();
    found.dedup();
    assert_eq!(
        places(&found),
        places(&marked),
        "the rule itself finds what it should"
    );
    let mut broken = rule(&Tree::checkout());
    broken.sort();
    broken.dedup();
    let list: Vec<_> = broken.iter().map(Finding::to_string).collect();
    assert!(
        list.is_empty(),
        "a rule of the house is broken:\n{}",
        list.join("\n")
    );
}

/// Where a rule is broken, and what to do about it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    path: String,
    line: usize,
    advice: String,
}

impl Finding {
    fn place(&self) -> String {
        format!("{}:{}", self.path, self.line)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.advice)
    }
}

/// One text, by its path from the root of the project.
pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
}

impl File {
    pub(super) fn finding(&self, line: usize, advice: impl Into<String>) -> Finding {
        Finding {
            path: self.path.clone(),
            line,
            advice: advice.into(),
        }
    }

    /// The lines with a path that begins in this outside package.
    pub(super) fn lines_naming(&self, package: &str) -> Vec<usize> {
        // Reading tokens costs, and few files hold the word at all.
        if !self.text.contains(package) {
            return Vec::new();
        }
        let tokens = tokens(&self.text);
        lines_of_paths(&tokens, package)
    }
}

/// A package of the manifest, as code spells it.
pub(super) struct Package<'a> {
    pub(super) name: String,
    pub(super) manifest: &'a File,
    pub(super) line: usize,
}

/// All texts of a project, sorted by path.
pub(super) struct Tree {
    files: Vec<File>,
}

impl Tree {
    /// The project whose test this is.
    fn checkout() -> Self {
        let mut files = Vec::new();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        read(root, "", &mut files).expect("the sources lie where they were compiled");
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Self { files }
    }

    /// A line `//- PATH` begins a file; indentation does not count.
    fn parse(text: &str) -> Self {
        let mut files: Vec<File> = Vec::new();
        for line in text.lines().map(str::trim_start) {
            if let Some(path) = line.strip_prefix(FILE) {
                files.push(File {
                    path: path.to_owned(),
                    text: String::new(),
                });
            } else {
                let file = files.last_mut().expect("a tree begins with a path");
                file.text.extend([line, "\n"]);
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Self { files }
    }

    pub(super) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = &File> {
        (self.files.iter()).filter(|file| file.path.ends_with(".rs"))
    }

    /// The files of the package with the names of their modules: `backend/git`.
    pub(super) fn modules(&self) -> impl Iterator<Item = (&File, &str)> {
        self.files.iter().filter_map(|file| {
            let module = file.path.strip_prefix("src/")?.strip_suffix(".rs")?;
            Some((file, module))
        })
    }

    /// The packages that one section of the manifest asks for.
    pub(super) fn packages(&self, section: &str) -> Vec<Package<'_>> {
        let Some(manifest) = self.file("Cargo.toml") else {
            return Vec::new();
        };
        let mut packages = Vec::new();
        let mut is_in_section = false;
        for (line, text) in (1..).zip(manifest.text.lines()) {
            if text.starts_with('[') {
                is_in_section = text == section;
            } else if is_in_section
                && let Some((name, _)) = text.split_once(" = ")
                && name.chars().all(|c| is_part_of_a_word(c) || c == '-')
            {
                let name = name.replace('-', "_");
                packages.push(Package {
                    name,
                    manifest,
                    line,
                });
            }
        }
        packages
    }

    pub(super) fn lines_where(
        &self,
        advice: &str,
        is_found: impl Fn(&str) -> bool,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        for file in &self.files {
            let lines = (1..)
                .zip(file.text.lines())
                .filter(|(_, text)| is_found(text));
            findings
                .extend(lines.map(|(line, text)| {
                    file.finding(line, format!("`{}`: {advice}", text.trim()))
                }));
        }
        findings
    }
}

/// A file that is no text is left out: no rule speaks of pictures.
fn read(folder: &Path, prefix: &str, files: &mut Vec<File>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if NOT_OURS.contains(&name.as_str()) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            read(&entry.path(), &format!("{path}/"), files)?;
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            files.push(File { path, text });
        }
    }
    Ok(())
}
