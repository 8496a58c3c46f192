//! How good and how fast search is: on a memory of yours, or on made-up ones.
//!
//! ```text
//! cargo bench --bench search -- quality FOLDER QUESTIONS   what is found, in a folder of Markdown
//! cargo bench --bench search -- locomo FILE                the same for the LoCoMo data set, converted first
//! cargo bench --bench search -- speed                      one user's search among 10,000 users
//! cargo bench --bench search -- fresh                      a write, and at once a search for it
//! cargo bench --bench search -- rebuild                    an index of 100,000 files, made anew
//! ```
//!
//! QUESTIONS is a file of JSON lines, each `{"user": "alice", "question": "...", "gold": [{"path": "user/notes.md",
//! "line": 12}]}`: the sections that hold these lines answer the question. SQLite FTS5 (porter stemmer, the words joined
//! by OR, its own bm25) gets the same sections and questions in the same run. It asserts nothing: it prints figures.

#![expect(
    clippy::print_stdout,
    reason = "what a benchmark prints is what it is for"
)]

mod folder;
mod fresh;
mod fts;
mod locomo;
mod quality;
mod speed;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// What goes wrong here is told, not handled.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Measures search.
#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    what: Option<What>,
    /// Cargo says so when it is `cargo bench`
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum What {
    /// What is found in a folder of Markdown
    Quality {
        /// With shared/ and user/<id>/ in it; it is copied
        folder: PathBuf,
        /// JSON lines
        questions: PathBuf,
    },
    /// What is found in the LoCoMo data set
    Locomo {
        /// locomo10.json, or a part of it
        file: PathBuf,
    },
    /// One user's search among 10,000 users
    Speed,
    /// A write, and at once a search for it
    Fresh,
    /// An index of 100,000 files, made anew
    Rebuild,
}

fn main() -> Outcome<()> {
    let options = Options::parse();
    // `cargo test --benches` runs this, too, to see that it builds.
    if !options.bench {
        return Ok(());
    }
    match options.what {
        Some(What::Quality { folder, questions }) => {
            let text = std::fs::read_to_string(questions)?;
            quality::measure(&folder, &quality::read(&text)?)
        }
        Some(What::Locomo { file }) => {
            let converted = locomo::convert(&std::fs::read_to_string(file)?)?;
            quality::measure(converted.folder.path(), &converted.questions)
        }
        Some(What::Speed) => speed::race(),
        Some(What::Fresh) => fresh::measure(),
        Some(What::Rebuild) => speed::rebuild(),
        None => {
            speed::race()?;
            fresh::measure()?;
            speed::rebuild()
        }
    }
}
