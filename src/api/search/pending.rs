//! Files that changed since the index was brought along, read by the first search that sees them.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use crate::api::search::Candidate;
use crate::model::path::{Layout, RepoPath};
use crate::model::search::language::Language;
use crate::model::search::passages::Passages;
use crate::model::search::score::{Counts, FILE_WEIGHT, Field, FileTerms, Totals, Weighted};
use crate::model::snapshot::File;

use super::base::path_key;

/// A file that is not in the index as it is.
pub(super) struct PendingFile {
    pub(super) key: u64,
    path: RepoPath,
    /// None when it was removed.
    file: Option<Arc<File>>,
    read: OnceLock<ReadFile>,
    language: Language,
    layout: Layout,
}

#[derive(Default)]
struct ReadFile {
    whole: Counts,
    passages: Vec<[Counts; 3]>,
    /// As they are written, or as their stem.
    words: BTreeSet<String>,
}

impl PendingFile {
    pub(super) fn new(
        path: RepoPath,
        file: Option<Arc<File>>,
        layout: Layout,
        language: Language,
    ) -> Self {
        Self {
            key: path_key(&path),
            path,
            file,
            read: OnceLock::new(),
            language,
            layout,
        }
    }

    /// Its passages that have one of the terms.
    pub(super) fn scored(&self, totals: &Totals, terms: &[Weighted]) -> Vec<Candidate> {
        let read = self.read();
        let file = FILE_WEIGHT * totals.score_all(Field::File, terms, &read.whole);
        let passages = read.passages.iter().enumerate();
        let scored = passages.filter_map(|(part, counts)| {
            let fields = [Field::All, Field::Title, Field::Heading].into_iter();
            let scores = fields
                .zip(counts)
                .map(|(field, counts)| totals.score_all(field, terms, counts));
            let own: f32 = scores.sum();
            (own > 0.0).then(|| Candidate {
                path: self.path.clone(),
                part,
                score: own + file,
            })
        });
        scored.collect()
    }

    /// Whether it has a term.
    pub(super) fn has(&self, term: &str) -> bool {
        self.read().whole.get(term) > 0
    }

    /// Its words, as they are written or as their stem.
    pub(super) fn words(&self) -> &BTreeSet<String> {
        &self.read().words
    }

    fn read(&self) -> &ReadFile {
        self.read.get_or_init(|| {
            let file = self.file.as_ref();
            file.map_or_else(ReadFile::default, |file| {
                let terms = file_terms(&self.path, &file.text, self.layout, self.language);
                let whole = Counts::of(&terms.file);
                let written = terms.words.joined.split_ascii_whitespace();
                let stems = whole.terms.keys().map(|stem| &**stem);
                ReadFile {
                    words: stems.chain(written).map(str::to_owned).collect(),
                    whole,
                    passages: terms
                        .passages
                        .iter()
                        .map(|p| [&p.all, &p.title, &p.heading].map(Counts::of))
                        .collect(),
                }
            })
        })
    }
}

/// The terms of a file, its name below its owner's folder among them.
pub(super) fn file_terms(
    path: &RepoPath,
    text: &str,
    layout: Layout,
    language: Language,
) -> FileTerms {
    let (_, name) = layout.owner_folder(path);
    FileTerms::of(name, text, &Passages::read(path.as_str(), text), language)
}
