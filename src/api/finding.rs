//! What people and scripts ask of a search: with filters, at an earlier moment, and along links.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::api::links;
use crate::api::memory::Memory;
use crate::api::search::{Asked, Drawn, Question, Sight, answer};
use crate::backend::clock;
use crate::model::document::links::links as links_of;
use crate::model::error::{Error, Rejection};
use crate::model::limits::{QUESTION_BYTES_MAX, SEARCH_CHARS, SEARCH_RESULTS};
use crate::model::path::{RepoPath, fold};

/// A question with all that may narrow it down.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Find {
    /// What to find.
    pub question: String,
    /// The most results.
    pub limit: Option<usize>,
    /// The most characters of all snippets together.
    pub max_chars: Option<usize>,
    /// Only files with this tag.
    pub tag: Option<String>,
    /// Only files that were changed last by somebody whose name or address has this in it.
    pub author: Option<String>,
    /// Only files that changed on this day or later: `2026-01-31`, or a moment.
    pub since: Option<String>,
    /// What the memory said at the end of this day, or at this moment.
    pub as_of: Option<String>,
    /// Whether to say what each term added to a score.
    pub explain: bool,
}

/// Asks what a file links to, and what links to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    /// Where the file lies.
    pub path: RepoPath,
    /// What the caller calls it.
    pub name: String,
}

impl Find {
    /// The answer as JSON. It may read git, so it may block.
    pub fn run(&self, memory: &Memory, sight: &Sight) -> Result<Drawn, Error> {
        if self.question.trim().is_empty() && self.tag.is_none() {
            return Err(Rejection::validation("Say what to search for: the query is empty").into());
        }
        check_length(&self.question)?;
        let search = memory.search()?;
        let since = self
            .since
            .as_deref()
            .map(|since| moment("since", since, clock::Edge::Start));
        let question = Question {
            text: &self.question,
            limit: self.limit.unwrap_or(SEARCH_RESULTS),
            since: since.transpose()?,
            tag: self.tag.as_deref(),
            author: self.author.as_deref(),
        };
        let findings = match self.as_of.as_deref() {
            None => search.find(sight, &question)?,
            Some(as_of) => {
                let moment = moment("asOf", as_of, clock::Edge::End)?;
                search.find_at(sight, &question, moment)?
            }
        };
        let asked = Asked {
            max_chars: self.max_chars.unwrap_or(SEARCH_CHARS),
            explain: self.explain,
            now: clock::now(),
        };
        let about = (memory.store().layout(), search.language());
        let answer = answer(&findings, &self.question, asked, about);
        Ok((findings.revision, answer))
    }
}

impl Links {
    /// The answer as JSON: `{links: [{line, target, path}], backlinks: [{path, line, target}]}`; a link without a path is
    /// dead. Refuses a file that is not there.
    pub fn run(&self, memory: &Memory, sight: &Sight) -> Result<Drawn, Error> {
        let snapshot = memory.store().snapshot();
        let name = &self.name;
        let file = snapshot
            .get(&self.path)
            .ok_or_else(|| Rejection::FileNotFound { path: name.clone() })?;
        let all = links::Links::new(&snapshot, memory.store().layout());
        let target = |from: &RepoPath, link: &_| {
            let targets = all.targets(from, link).into_iter();
            targets
                .filter_map(|path| Some((sight.name(&path)?, path)))
                .next()
        };
        let out = links_of(&file.text).into_iter().map(|link| {
            let found = target(&self.path, &link).map(|(name, _)| name);
            json!({ "line": link.line, "target": link.target, "path": found })
        });
        let out: Vec<_> = out.collect();
        let stem = name
            .rsplit('/')
            .next()
            .and_then(|name| name.rsplit_once('.'));
        let stem = fold(stem.map_or(name.as_str(), |(stem, _)| stem)).into_owned();
        let mut back = Vec::new();
        for (from, file) in sight.files(&snapshot) {
            if from == &self.path || !fold(&file.text).contains(&stem) {
                continue;
            }
            for link in links_of(&file.text) {
                if target(from, &link).is_some_and(|(_, path)| path == self.path) {
                    back.push(json!({ "path": sight.name(from), "line": link.line, "target": link.target }));
                }
            }
        }
        let revision = snapshot.revision;
        let answer = json!({ "path": name, "links": out, "backlinks": back, "revision": revision });
        Ok((revision, answer))
    }
}

/// Refuses a question that is a document.
pub(in crate::api) fn check_length(question: &str) -> Result<(), Rejection> {
    match question.len() {
        0..=QUESTION_BYTES_MAX => Ok(()),
        size => Err(Rejection::TooLarge {
            bound: "question_bytes_max",
            limit: QUESTION_BYTES_MAX,
            size,
        }),
    }
}

fn moment(name: &str, text: &str, edge: clock::Edge) -> Result<i64, Rejection> {
    clock::parse(text, edge).ok_or_else(|| {
        Rejection::validation(format!(
            "{name}: give a day as 2026-01-31, or a moment as 2026-01-31T12:00:00Z"
        ))
    })
}
