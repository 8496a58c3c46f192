//! Search: which passages answer a question, best first, from the places that the caller sees and no others.
//!
//! # The index and what it does not have yet
//!
//! The index is brought along by a thread of its own, a moment behind the memory. A search must not be behind, so it looks
//! at the newest snapshot, reads from the index what that has of it, and passes over every file that changed since; those
//! it reads itself, once, and scores them by the same formula with the index's own figures. No write waits for any of
//! this, and none is missed.
//!
//! # What nobody learns
//!
//! A search reads only the stretches of the index that belong to the caller's folders. How rare a term is, is counted over
//! the whole memory, since that ranks best; but a term is only taken for misspelt, and a spelling only offered, by what
//! stands in the caller's own places. And scores are given relative to the best one, not as they are.

mod answer;
mod base;
mod context;
mod misspelt;
mod pending;
mod sight;

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use crate::backend::search_index::Hit;
use crate::model::error::{Error, Fault};
use crate::model::object::Revision;
use crate::model::path::{RepoPath, fold};
use crate::model::search::passages::{Passage, Passages};
use crate::model::search::phrase::Phrase;
use crate::model::search::query::Query;
use crate::model::search::score::{Totals, Weighted};
use crate::model::snapshot::{File, Seconds, Snapshot};
use crate::store::Store;

pub use answer::{Asked, answer, snippet};
pub use base::Search;
pub use context::{Budget, context};
pub use sight::Sight;

use base::Moment;

/// An answer, and the revision that it is drawn from.
pub type Drawn = (Revision, Value);

/// What is searched for.
#[derive(Debug, Clone, Default)]
pub struct Question<'a> {
    /// As a person types it.
    pub text: &'a str,
    /// The most passages to give.
    pub limit: usize,
    /// Only files that changed at this moment or later.
    pub since: Option<Seconds>,
    /// Only files with this tag in their front matter.
    pub tag: Option<&'a str>,
    /// Only files that were changed last by somebody whose name or address has this in it.
    pub author: Option<&'a str>,
}

/// What was found, and of which memory.
pub struct Findings {
    /// The revision that was searched.
    pub revision: Revision,
    /// The question, taken apart.
    pub query: Query,
    /// The terms that were looked for, misspelt ones replaced.
    pub terms: Vec<Weighted>,
    /// What the scores were reckoned with.
    pub totals: Totals,
    /// The passages, best first.
    pub passages: Vec<Found>,
}

/// A passage that answers a question.
pub struct Found {
    /// What the caller calls the file.
    pub name: String,
    /// Where it lies.
    pub path: RepoPath,
    /// The file, whole.
    pub file: Arc<File>,
    /// How it is cut into passages.
    pub passages: Passages,
    /// Which of them it is, counted from 0.
    pub part: usize,
    /// How well it answers: of use beside another score of the same search only.
    pub score: f32,
}

/// Something that may be an answer: a passage, scored, not yet looked at.
struct Candidate {
    path: RepoPath,
    part: usize,
    score: f32,
}

impl Found {
    /// The passage; none of a file without text.
    pub fn passage(&self) -> Option<&Passage> {
        self.passages.parts.get(self.part)
    }

    /// What the passage says.
    pub fn text(&self) -> &str {
        let bytes = self.passage().map(|passage| passage.bytes.clone());
        bytes
            .and_then(|bytes| self.file.text.get(bytes))
            .unwrap_or_default()
    }
}

impl Search {
    /// The passages that answer a question, out of what is in sight.
    pub fn find(&self, sight: &Sight, question: &Question<'_>) -> Result<Findings, Error> {
        self.find_in(&self.moment(sight), sight, question)
    }

    /// The same at a moment that more is asked of.
    fn find_in(
        &self,
        moment: &Moment,
        sight: &Sight,
        question: &Question<'_>,
    ) -> Result<Findings, Error> {
        let query = Query::parse(question.text, self.language());
        let terms = misspelt::weighted(moment, sight, &query, self.language()).map_err(reading)?;
        let pending: HashSet<u64> = moment.pending.iter().map(|file| file.key).collect();
        let is_pending = |key| pending.contains(&key);
        let searcher = &moment.searcher;
        let hits = searcher.search(sight.stretch(), &terms, is_pending);
        let hits = hits.map_err(reading)?;
        Filter::new(self.store(), query, question).findings(moment, sight, terms, hits)
    }

    /// The same in the memory as it was at a moment, which is read from git: it takes its time.
    pub fn find_at(
        &self,
        sight: &Sight,
        question: &Question<'_>,
        at: Seconds,
    ) -> Result<Findings, Error> {
        let now = self.moment(sight);
        let query = Query::parse(question.text, self.language());
        let terms = misspelt::weighted(&now, sight, &query, self.language()).map_err(reading)?;
        let moment = self.past(now, sight, at)?;
        Filter::new(self.store(), query, question).findings(&moment, sight, terms, Vec::new())
    }
}

/// What a passage must be, beside an answer.
struct Filter<'a> {
    store: &'a Store,
    query: Query,
    since: Option<Seconds>,
    tags: Vec<String>,
    /// Folded.
    author: Option<String>,
    /// Whether a commit is that author's, as far as git was asked.
    authored: HashMap<Revision, bool>,
    limit: usize,
    found: Vec<Found>,
}

impl<'a> Filter<'a> {
    fn new(store: &'a Store, query: Query, question: &Question<'_>) -> Self {
        let folded = |text: &str| fold(text).into_owned();
        let asked = question.tag.map(folded);
        Self {
            store,
            author: question.author.map(folded),
            authored: HashMap::new(),
            since: question.since,
            tags: query.tags.iter().cloned().chain(asked).collect(),
            query,
            limit: question.limit,
            found: Vec::new(),
        }
    }

    /// Whether it lets everything through.
    fn is_idle(&self) -> bool {
        self.since.is_none()
            && self.tags.is_empty()
            && self.author.is_none()
            && self.query.paths.is_empty()
    }

    fn findings(
        mut self,
        moment: &Moment,
        sight: &Sight,
        terms: Vec<Weighted>,
        hits: Vec<Hit>,
    ) -> Result<Findings, Error> {
        match self.query.is_filter_only() {
            true if self.is_idle() => {}
            true => self.newest(&moment.snapshot, sight)?,
            false => self.best(moment, sight, &terms, hits)?,
        }
        Ok(Findings {
            revision: moment.snapshot.revision,
            totals: moment.searcher.totals(),
            query: self.query,
            terms,
            passages: self.found,
        })
    }

    /// The best candidates that fit.
    fn best(
        &mut self,
        moment: &Moment,
        sight: &Sight,
        terms: &[Weighted],
        mut hits: Vec<Hit>,
    ) -> Result<(), Error> {
        let searcher = &moment.searcher;
        let pending = moment
            .pending
            .iter()
            .flat_map(|file| file.scored(&searcher.totals(), terms));
        let mut candidates: Vec<Candidate> = pending.collect();
        hits.sort_unstable_by(|one, other| other.score.total_cmp(&one.score));
        let mut hits = hits.into_iter().peekable();
        candidates.sort_unstable_by(best_first);
        let mut candidates = candidates.into_iter().peekable();
        // Hits of one score are brought into an order that does not depend on where the index has them.
        while self.found.len() < self.limit {
            let next = [
                hits.peek().map(|hit| hit.score),
                candidates.peek().map(|c| c.score),
            ];
            let Some(score) = next.into_iter().flatten().max_by(f32::total_cmp) else {
                break;
            };
            let mut equals = Vec::new();
            while let Some(hit) = hits.next_if(|hit| hit.score >= score) {
                equals.extend(indexed(moment, searcher.path(&hit).map_err(reading)?, &hit));
            }
            while let Some(candidate) = candidates.next_if(|candidate| candidate.score >= score) {
                equals.push(candidate);
            }
            equals.sort_unstable_by(best_first);
            for candidate in equals {
                self.look_at(&moment.snapshot, sight, candidate)?;
            }
        }
        Ok(())
    }

    /// Every file that fits, the one that changed last first.
    fn newest(&mut self, snapshot: &Snapshot, sight: &Sight) -> Result<(), Error> {
        let mut files: Vec<_> = sight.files(snapshot).collect();
        files.sort_by_key(|(_, file)| std::cmp::Reverse(file.updated_at));
        let paths: Vec<_> = files.into_iter().map(|(path, _)| path.clone()).collect();
        for path in paths {
            let (part, score) = (0, 1.0);
            self.look_at(snapshot, sight, Candidate { path, part, score })?;
        }
        Ok(())
    }

    fn look_at(
        &mut self,
        snapshot: &Snapshot,
        sight: &Sight,
        candidate: Candidate,
    ) -> Result<(), Error> {
        if self.found.len() < self.limit
            && let Some(found) = self.fitting(snapshot, sight, candidate)
            && self.is_by_author(found.file.revision)?
        {
            self.found.push(found);
        }
        Ok(())
    }

    /// Who changed a file last is known to git only, so that is asked last.
    fn is_by_author(&mut self, revision: Revision) -> Result<bool, Error> {
        let Some(author) = &self.author else {
            return Ok(true);
        };
        if let Some(known) = self.authored.get(&revision) {
            return Ok(*known);
        }
        let commit = self.store.commit(revision)?;
        let is_theirs = commit.is_some_and(|commit| {
            let author_of = &commit.facts.author;
            let written = format!("{} <{}>", author_of.name(), author_of.email());
            fold(&written).contains(author.as_str())
        });
        self.authored.insert(revision, is_theirs);
        Ok(is_theirs)
    }

    fn fitting(&self, snapshot: &Snapshot, sight: &Sight, candidate: Candidate) -> Option<Found> {
        let Candidate { path, part, score } = candidate;
        let file = snapshot.get(&path)?;
        let name = sight.name(&path)?;
        let folded = fold(&name);
        let is_meant = self
            .query
            .paths
            .iter()
            .all(|wanted| folded.contains(wanted.as_str()));
        if !is_meant || self.since.is_some_and(|since| file.updated_at < since) {
            return None;
        }
        let found = Found {
            passages: Passages::read(path.as_str(), &file.text),
            file: Arc::clone(file),
            name,
            path,
            part,
            score,
        };
        (self.has_tags(&found) && self.says(&found)).then_some(found)
    }

    fn has_tags(&self, found: &Found) -> bool {
        let tags = &found.passages.front_matter.tags.0;
        let has = |wanted: &String| tags.iter().any(|tag| fold(tag) == *wanted);
        self.tags.iter().all(has)
    }

    fn says(&self, found: &Found) -> bool {
        let headline = found.passage().map(Passage::headline).unwrap_or_default();
        let texts = [found.text(), &found.passages.title, &headline];
        let says = |phrase: &Phrase| {
            texts
                .iter()
                .any(|text| phrase.found_in(text).next().is_some())
        };
        self.query.phrases.iter().all(says) && !self.query.excluded.iter().any(says)
    }
}

/// A hit of the index as a candidate, if the file is still what the index has.
fn indexed(moment: &Moment, path: Option<String>, hit: &Hit) -> Option<Candidate> {
    let path = RepoPath::parse(&path?).ok()?;
    let file = moment.snapshot.get(&path)?;
    (base::first_64(&file.blob.0.0) == hit.blob).then_some(Candidate {
        path,
        part: hit.part,
        score: hit.score,
    })
}

fn best_first(one: &Candidate, other: &Candidate) -> Ordering {
    let by_place = || (&one.path, one.part).cmp(&(&other.path, other.part));
    other.score.total_cmp(&one.score).then_with(by_place)
}

fn reading(error: std::io::Error) -> Error {
    Fault::new("read the search index", error).into()
}
