//! The rules of the house. Each test first shows that its rule bites, then that this tree keeps it.
//!
//! The compiler minds neither a floor that names a higher one nor a package that spreads over ten
//! files, and prose that forbids it rots. A rule is a function from a tree of texts to findings; its
//! test gives it a small tree in which `//~` marks each line that it must find, and no other.

mod tokens;
mod tree;

use tokens::{Token, functions, is_part_of_a_word, modules_declared, names_below_the_root, tokens};
use tree::{Finding, Package, Tree, keeps};

/// Lowest first. A file names its own floor and lower ones; `lib.rs` declares them all.
const FLOORS: [&str; 9] = [
    "model", "backend", "store", "api", "server", "config", "daemon", "cli", "main",
];

/// Both are doors. What one needs of the other belongs to the API, or to the daemon that wires them.
const STRANGERS: (&str, &str) = ("cli", "server");

/// The only modules that await anything. Below them work blocks, on plain threads.
const ASYNC: &[&str] = &["server", "daemon"];

const ANYWHERE: &[&str] = &FLOORS;

/// Packages that are a language rather than a machine, and the modules that may speak it.
const SHARED_PACKAGES: [(&str, &[&str]); 8] = [
    ("axum", ASYNC),
    ("bytes", ASYNC),
    ("serde", ANYWHERE),
    ("serde_json", ANYWHERE),
    ("thiserror", ANYWHERE),
    ("tokio", ASYNC),
    ("tower_http", ASYNC),
    ("tracing", ANYWHERE),
];

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// Names under which anything fits, so that everything ends up there.
const VAGUE: [&str; 7] = [
    "util", "utils", "helpers", "common", "manager", "handler", "prelude",
];

/// In halves, because this file is read by its own rules.
const LEFTOVERS: [(&str, &str); 4] = [("TO", "DO"), ("FIX", "ME"), ("XX", "X"), ("HA", "CK")];

/// In halves at the dot, for the same reason.
const REGISTRIES: [(&str, &str); 5] = [
    ("crates", "io"),
    ("pypi", "org"),
    ("npmjs", "org"),
    ("npmjs", "com"),
    ("rubygems", "org"),
];

/// Where absolute paths begin that exist on the machine of whoever builds, and on no other.
const BUILD_FOLDERS: [&str; 5] = ["root", "work", "builds", "Users", "home/runner"];

#[test]
fn a_floor_names_only_lower_ones() {
    keeps(
        upward_names,
        "//- src/model/path.rs
        use crate::model::error::Error;
        use crate::store::Store; //~
        //- src/store.rs
        use crate::{model::path, api::{cli, memory}, //~
            config}; //~
        // crate::cli
        const TEXT: &str = \"crate::cli\";
        //- src/server/http.rs
        use crate::api::memory;
        fn f() -> crate::cli::Failure {} //~
        //- src/cli/serve.rs
        use crate::daemon;
        use crate::server::http; //~
        //- src/backend/disk.rs
        mod tests { use super::super::super::cli; } //~
        //- src/attic.rs
        struct WithoutFloor; //~
        //- src/lib.rs
        pub mod cli;
        pub use crate::cli::run;
        //- src/main.rs
        use crate::{cli, server};",
    );
}

fn upward_names(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, module) in tree.modules().filter(|(_, module)| *module != "lib") {
        let floor = floor_of(module);
        let Some(own) = height(floor) else {
            findings.push(file.finding(1, format!("say in FLOORS how high {floor} lies")));
            continue;
        };
        for Token { line, text: named } in names_below_the_root(&tokens(&file.text)) {
            if height(named).is_some_and(|other| other > own) || (floor, named) == STRANGERS {
                let advice = format!("{floor} may not name {named}: pass a value, or move this up");
                findings.push(file.finding(line, advice));
            }
        }
    }
    findings
}

/// The lowest file that names a package is its room, with the folder beside that file.
#[test]
fn an_outside_package_has_one_room() {
    keeps(
        strays_from_their_rooms,
        "//- Cargo.toml
        [dependencies]
        git2 = \"1\"
        serde = \"1\"
        tower-http = { version = \"1\" }
        [dev-dependencies]
        tempfile = \"3\"
        //- src/backend/git.rs
        use git2::Repository;
        use tempfile::TempDir;
        //- src/backend/git/merge.rs
        fn f() { git2::merge(); }
        //- src/backend/git_index.rs
        use git2 as git; //~
        //- src/backend/disk.rs
        // git2::
        use crate::backend::git2::Name;
        use serde::Serialize;
        //- src/store/head.rs
        use {serde::Serialize, tempfile::TempDir};
        fn f(id: &git2::Oid, other: &git2::Oid) {} //~
        fn g(id: &git2::Oid) {} //~
        //- src/api/tools.rs
        use tower_http::limit; //~
        //- src/server/http.rs
        use tower_http::limit;",
    );
}

fn strays_from_their_rooms(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Package { name, .. } in tree.packages("[dependencies]") {
        let users: Vec<_> = (tree.modules())
            .map(|(file, module)| (module, file, file.lines_naming(&name)))
            .filter(|(_, _, lines)| !lines.is_empty())
            .collect();
        let modules = users.iter().map(|(module, ..)| *module);
        let lowest = modules.min_by_key(|module| (height(floor_of(module)), module.len()));
        let shared = SHARED_PACKAGES.iter().find(|(shared, _)| *shared == name);
        let rooms = shared.map_or(lowest.as_slice(), |(_, rooms)| rooms);
        let advice = format!("{name} lives in {}: ask there", rooms.join(" and "));
        for (_, file, lines) in users
            .iter()
            .filter(|(module, ..)| !is_within(module, rooms))
        {
            findings.extend(lines.iter().map(|line| file.finding(*line, &advice)));
        }
    }
    findings
}

#[test]
fn a_package_is_named_or_gone() {
    keeps(
        unused_packages,
        "//- Cargo.toml
        [package]
        name = \"x\"
        [dependencies]
        git2 = \"1\"
        # Why.
        pulldown-cmark = { version = \"1\", features = [\"a\"] }
        toml = \"1\" # //~
        [dev-dependencies]
        tempfile = \"3\"
        idle = \"1\" # //~
        [lints.rust]
        unsafe_code = \"deny\"
        //- src/backend/git.rs
        use git2::Repository; // idle::
        fn f() { pulldown_cmark::parse(\"idle::\") }
        //- tests/it/main.rs
        use {tempfile::TempDir, toml::Value};",
    );
}

fn unused_packages(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (section, folder) in [("[dependencies]", "src/"), ("[dev-dependencies]", "")] {
        for package in tree.packages(section) {
            let mut users = (tree.sources())
                .filter(|file| file.path.starts_with(folder))
                .filter(|file| !file.lines_naming(&package.name).is_empty());
            if users.next().is_none() {
                let advice = format!("nothing names {}: remove it", package.name);
                findings.push(package.manifest.finding(package.line, advice));
            }
        }
    }
    findings
}

#[test]
fn a_file_says_first_what_it_is() {
    keeps(
        headless_files,
        "//- src/good.rs
        //! What it is.
        //- src/bad.rs
        /// Says what something in it is. //~
        //- tests/it/worse.rs
        use std::fs; //~
        //! Too late.",
    );
}

fn headless_files(tree: &Tree) -> Vec<Finding> {
    (tree.sources())
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| file.finding(1, "begin with `//!` and one sentence on what this is"))
        .collect()
}

#[test]
fn files_and_functions_are_short() {
    let body_lines_max = FUNCTION_LINES_MAX - 2;
    keeps(
        long_stretches,
        &[
            "//- src/functions.rs\n",
            "trait Short {\n fn promised(_: [u8; 2]);\n fn f(_: fn(u8)) {\n",
            &"'{'; \"{\\\"\"; // {\n".repeat(body_lines_max),
            "}\n}\nfn long() { //~\n",
            &"{}\n".repeat(body_lines_max + 1),
            "}\n//- tests/it/short.rs\n",
            &"//\n".repeat(FILE_LINES_MAX),
            "//- tests/it/long.rs\n",
            &"//\n".repeat(FILE_LINES_MAX),
            "//~\n//\n",
        ]
        .concat(),
    );
}

fn long_stretches(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.sources() {
        let lines = file.text.lines().count();
        if lines > FILE_LINES_MAX {
            let advice =
                format!("{lines} lines, {FILE_LINES_MAX} at most: give a part its own file");
            findings.push(file.finding(FILE_LINES_MAX + 1, advice));
        }
        for (name, lines) in functions(&tokens(&file.text)) {
            if lines > FUNCTION_LINES_MAX {
                let advice =
                    format!("{lines} lines, {FUNCTION_LINES_MAX} at most: name a part of it");
                findings.push(file.finding(name.line, advice));
            }
        }
    }
    findings
}

#[test]
fn only_the_doors_await() {
    keeps(
        awaiting_floors,
        "//- src/store.rs
        // async
        fn f<'async>() { \"async\"; }
        fn g() { h().await; } //~
        //- src/api/memory.rs
        async fn f() { //~
            spawn(async move {}); //~
        }
        //- src/server/http.rs
        async fn f() { g().await }
        //- src/daemon.rs
        async fn f() {}",
    );
}

fn awaiting_floors(tree: &Tree) -> Vec<Finding> {
    let advice = format!(
        "only {} await: block on a plain thread",
        ASYNC.join(" and ")
    );
    let mut findings = Vec::new();
    for (file, _) in tree
        .modules()
        .filter(|(_, module)| !is_within(module, ASYNC))
    {
        let tokens = tokens(&file.text);
        let keywords = tokens
            .iter()
            .filter(|token| ["async", "await"].contains(&token.text));
        findings.extend(keywords.map(|keyword| file.finding(keyword.line, &advice)));
    }
    findings
}

#[test]
fn a_module_says_what_it_does() {
    keeps(
        vague_modules,
        "//- src/store.rs
        mod head;
        mod util; //~
        // mod helpers;
        //- tests/it/main.rs
        pub mod handler { //~
            use store::common::manager;
        }",
    );
}

fn vague_modules(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.sources() {
        let tokens = tokens(&file.text);
        let vague = modules_declared(&tokens).filter(|(name, _)| VAGUE.contains(&name.text));
        findings.extend(vague.map(|(name, _)| file.finding(name.line, "say what it does")));
    }
    findings
}

#[test]
fn nothing_is_left_for_later() {
    let [note, mend, mark, saw] = LEFTOVERS.map(|(start, end)| format!("{start}{end}"));
    let tree = format!(
        "//- README.md
        Later: {note}! //~
        {note}S, {mark}{mark} and {}s are other words.
        //- src/store.rs
        fn f() {{}} // {mend}: everything //~
        const TEXT: &str = \"{mark}\"; //~
        //- .ci/run
        # {saw} //~",
        saw.to_lowercase()
    );
    keeps(leftovers, &tree);
}

fn leftovers(tree: &Tree) -> Vec<Finding> {
    let leftovers = LEFTOVERS.map(|(start, end)| format!("{start}{end}"));
    tree.lines_where("do it, or drop it", |line| {
        let mut words = line.split(|c| !is_part_of_a_word(c));
        words.any(|word| leftovers.iter().any(|leftover| leftover == word))
    })
}

#[test]
fn no_text_says_where_it_was_made() {
    let [(name, ending), ..] = REGISTRIES;
    let [folder, ..] = BUILD_FOLDERS;
    let tree = format!(
        "//- Cargo.toml
        index = \"https://index.{name}.{ending}/\" # //~
        //- src/store.rs
        open(\"/{folder}/main\"); //~
        open(\"shared/{folder}/notes.md\");
        const ACCOUNT: &str = \"x:/{folder}:/bin/sh\";
        //- README.md
        Run `/{folder}/memoryd serve`. //~
        Written with {name} in a {ending}."
    );
    keeps(places_of_making, &tree);
}

fn places_of_making(tree: &Tree) -> Vec<Finding> {
    let hosts = REGISTRIES.map(|(name, ending)| format!("{name}.{ending}"));
    let folders = BUILD_FOLDERS.map(|folder| format!("/{folder}/"));
    tree.lines_where("true on one machine only: leave it out", |line| {
        let mut words = line.split(|c: char| c.is_whitespace() || "\"'`([{<=:,".contains(c));
        hosts.iter().any(|host| line.contains(host))
            || words.any(|word| folders.iter().any(|folder| word.starts_with(folder)))
    })
}

#[test]
fn every_file_is_compiled() {
    keeps(
        forgotten_files,
        "//- src/lib.rs
        pub mod store;
        //- src/main.rs
        fn main() {}
        //- src/store.rs
        mod head;
        // mod tail;
        mod body {}
        //- src/store/head.rs
        //! Declared.
        //- src/store/tail.rs
        //! Declared in a comment. //~
        //- src/store/body.rs
        //! Declared elsewhere. //~
        //- tests/it/main.rs
        mod scene;
        //- tests/it/scene.rs
        //! Declared.
        //- tests/it/writing.rs
        //! Forgotten. //~",
    );
}

fn forgotten_files(tree: &Tree) -> Vec<Finding> {
    (tree.sources())
        .filter(|file| !is_compiled(tree, &file.path))
        .map(|file| file.finding(1, "nothing compiles it: declare it in the file above it"))
        .collect()
}

/// Whether this is the root of a crate, or a file above it declares it.
fn is_compiled(tree: &Tree, path: &str) -> bool {
    let Some((folder, name)) = path.trim_end_matches(".rs").rsplit_once('/') else {
        return false;
    };
    let above = ["/lib.rs", "/main.rs", ".rs"].map(|end| format!("{folder}{end}"));
    let mut parents = above.iter().filter_map(|path| tree.file(path));
    parents.any(|parent| {
        let tokens = tokens(&parent.text);
        let is_here = parent.path == path;
        is_here
            || modules_declared(&tokens)
                .any(|(module, after)| module.text == name && after.text == ";")
    })
}

fn floor_of(module: &str) -> &str {
    module.split_once('/').map_or(module, |(floor, _)| floor)
}

fn height(floor: &str) -> Option<usize> {
    FLOORS.iter().position(|name| *name == floor)
}

/// Whether a module is one of these, or lies in the folder beside one.
fn is_within(module: &str, rooms: &[&str]) -> bool {
    (rooms.iter().filter_map(|room| module.strip_prefix(room)))
        .any(|rest| rest.is_empty() || rest.starts_with('/'))
}
