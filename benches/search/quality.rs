//! What is found: recall, mean reciprocal rank and normalized discounted cumulative gain, by section.
//!
//! Recall at k is the part of a question's gold sections among the first k, averaged over the questions. The reciprocal
//! rank is that of the first gold section. The gain is binary, discounted by log2(rank + 1) and divided by that of the
//! best order, for the first ten.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

use crate::Outcome;
use crate::folder::{Opened, Section, copy};
use crate::fts::Fts;

/// A question with what answers it.
#[derive(Deserialize)]
pub(crate) struct Asked {
    pub(crate) user: String,
    pub(crate) question: String,
    pub(crate) gold: Vec<Line>,
}

/// A line of a section: of a file by the name that the user has for it.
#[derive(Deserialize)]
pub(crate) struct Line {
    pub(crate) path: String,
    pub(crate) line: usize,
}

const FIRST: usize = 10;

/// Reads JSON lines.
pub(crate) fn read(text: &str) -> Outcome<Vec<Asked>> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let read: Result<Vec<_>, _> = lines.map(serde_json::from_str).collect();
    Ok(read?)
}

/// Asks all questions of both, and prints what they find.
pub(crate) fn measure(folder: &Path, questions: &[Asked]) -> Outcome<()> {
    let copied = tempfile::tempdir()?;
    copy(folder, copied.path())?;
    let opened = Opened::new(copied)?;
    let sections = opened.sections();
    let fts = Fts::new(&sections)?;
    let (mut ours, mut theirs) = (Scores::default(), Scores::default());
    for asked in questions {
        let gold = gold(&sections, asked);
        if gold.is_empty() {
            return Err(format!("no section answers {:?}", asked.question).into());
        }
        let found = opened.find(&asked.user, &asked.question, FIRST)?.passages;
        let found: Vec<_> = found
            .into_iter()
            .map(|f| (f.path.to_string(), f.part))
            .collect();
        ours.add(&gold, &found);
        theirs.add(&gold, &fts.find(&asked.user, &asked.question, FIRST)?);
    }
    println!("{} sections, {} questions", sections.len(), questions.len());
    println!(
        "{:<24} {:>6} {:>6} {:>6} {:>6}",
        "", "R@5", "R@10", "MRR", "nDCG"
    );
    ours.print("memoryd");
    theirs.print("SQLite FTS5, porter, OR");
    Ok(())
}

/// The sections that hold the gold lines.
fn gold(sections: &[Section], asked: &Asked) -> BTreeSet<(String, usize)> {
    let place = |path: &str| match path.strip_prefix("user/") {
        Some(rest) => format!("user/{}/{rest}", asked.user),
        None => path.to_owned(),
    };
    let holds = |section: &&Section| {
        let mut lines = asked.gold.iter();
        lines.any(|gold| place(&gold.path) == section.path && section.lines.contains(&gold.line))
    };
    let holding = sections.iter().filter(holds);
    holding
        .map(|section| (section.path.clone(), section.part))
        .collect()
}

#[derive(Default)]
struct Scores {
    questions: f64,
    recall_5: f64,
    recall_10: f64,
    reciprocal: f64,
    gain: f64,
}

impl Scores {
    fn add(&mut self, gold: &BTreeSet<(String, usize)>, found: &[(String, usize)]) {
        let is_gold: Vec<_> = found.iter().map(|section| gold.contains(section)).collect();
        let among = |count: usize| is_gold.iter().take(count).filter(|gold| **gold).count() as f64;
        let discount = |rank: usize| 1.0 / ((rank + 2) as f64).log2();
        let best: f64 = (0..gold.len().min(FIRST)).map(discount).sum();
        let gained = is_gold.iter().enumerate().filter(|(_, gold)| **gold);
        let gained: f64 = gained.map(|(rank, _)| discount(rank)).sum();
        self.questions += 1.0;
        self.recall_5 += among(5) / gold.len() as f64;
        self.recall_10 += among(FIRST) / gold.len() as f64;
        self.reciprocal += is_gold
            .iter()
            .position(|gold| *gold)
            .map_or(0.0, |rank| 1.0 / (rank + 1) as f64);
        self.gain += gained / best;
    }

    fn print(&self, name: &str) {
        let mean = |sum: f64| sum / self.questions;
        println!(
            "{name:<24} {:>6.3} {:>6.3} {:>6.3} {:>6.3}",
            mean(self.recall_5),
            mean(self.recall_10),
            mean(self.reciprocal),
            mean(self.gain)
        );
    }
}
