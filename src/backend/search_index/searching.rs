//! Searching the index: posting lists read over the stretches that belong to a caller's folders.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use tantivy::columnar::{ColumnValues, StrColumn};
use tantivy::postings::{Postings, SegmentPostings};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, InvertedIndexReader, SegmentReader, TERMINATED, Term};

use super::{Columns, LENGTHS, Near};
use crate::model::search::score::{FILE_WEIGHT, Field, Totals, Weighted};

/// Which folders a search is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stretch {
    /// All of them.
    Everything,
    /// Those of these owners, as [`IndexedFile::scope`](super::IndexedFile::scope) names them.
    Scopes(Vec<u64>),
}

/// A passage that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Which file.
    pub key: u64,
    /// What text the file had when it was indexed.
    pub blob: u64,
    /// Which of its passages, counted from 0.
    pub part: usize,
    /// How well it answers.
    pub score: f32,
    segment: usize,
    document: DocId,
}

/// The index at one moment.
pub struct Searcher {
    segments: Vec<Segment>,
    totals: Totals,
}

struct Segment {
    reader: SegmentReader,
    texts: [Arc<InvertedIndexReader>; 4],
    words: Arc<InvertedIndexReader>,
    lengths: [Arc<dyn ColumnValues<u64>>; 3],
    scope: Arc<dyn ColumnValues<u64>>,
    key: Arc<dyn ColumnValues<u64>>,
    blob: Arc<dyn ColumnValues<u64>>,
    part: Arc<dyn ColumnValues<u64>>,
    path: Option<StrColumn>,
    columns: Columns,
}

impl Searcher {
    pub(super) fn open(searcher: &tantivy::Searcher, columns: Columns) -> tantivy::Result<Self> {
        let segments = searcher
            .segment_readers()
            .iter()
            .map(|reader| Segment::open(reader.clone(), columns))
            .collect::<tantivy::Result<Vec<_>>>()?;
        let mut totals = Totals::default();
        segments
            .iter()
            .for_each(|segment| segment.add_to(&mut totals));
        Ok(Self { segments, totals })
    }

    /// What is known of all passages and files together.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// How rare a term is in each field, among all that is indexed.
    pub fn rarity(&self, term: &str) -> io::Result<[f32; 4]> {
        let mut documents = [0; 4];
        for segment in &self.segments {
            for (field, documents) in Field::EACH.into_iter().zip(&mut documents) {
                if let Some(postings) = segment.postings(field, term)? {
                    *documents += segment.alive(postings);
                }
            }
        }
        Ok(std::array::from_fn(|at| {
            self.totals.rarity(Field::EACH[at], documents[at])
        }))
    }

    /// Whether a term stands in a file of some folders.
    pub fn has(&self, stretch: &Stretch, term: &str) -> io::Result<bool> {
        for segment in &self.segments {
            let Some(mut postings) = segment.postings(Field::File, term)? else {
                continue;
            };
            for range in segment.ranges(stretch) {
                let mut document = seek(&mut postings, range.start);
                while document < range.end {
                    if !segment.reader.is_deleted(document) {
                        return Ok(true);
                    }
                    document = postings.advance();
                }
            }
        }
        Ok(false)
    }

    /// The words of some folders that are near one, with the number of files that have them. Words whose stem differs
    /// are given as they are written, others as their stem.
    pub fn words(&self, stretch: &Stretch, near: &Near) -> io::Result<HashMap<String, u64>> {
        let mut found = HashMap::new();
        for segment in &self.segments {
            let ranges = segment.ranges(stretch);
            for index in [&segment.texts[Field::File as usize], &segment.words] {
                let search = index.terms().search(near).ge(near.first());
                let mut stream = search.lt(near.end()).into_stream()?;
                while let Some((key, info)) = stream.next() {
                    let word = String::from_utf8_lossy(key);
                    let postings =
                        index.read_postings_from_terminfo(info, IndexRecordOption::Basic)?;
                    let count = segment.alive_in(postings, &ranges);
                    if count > 0 {
                        *found.entry(word.to_string()).or_default() += count;
                    }
                }
            }
        }
        Ok(found)
    }

    /// The passages of some folders that have one of the terms, in no order. Those of a file that `is_passed_over` are
    /// left out.
    pub fn search(
        &self,
        stretch: &Stretch,
        terms: &[Weighted],
        is_passed_over: impl Fn(u64) -> bool,
    ) -> io::Result<Vec<Hit>> {
        let mut files: HashMap<u64, f32> = HashMap::new();
        let mut hits = Vec::new();
        for (index, segment) in self.segments.iter().enumerate() {
            let ranges = segment.ranges(stretch);
            let whole = segment.scores(&self.totals, &[Field::File], terms, &ranges)?;
            files.extend(whole.map(|(document, score)| (segment.key.get_val(document), score)));
            let fields = [Field::All, Field::Title, Field::Heading];
            for (document, score) in segment.scores(&self.totals, &fields, terms, &ranges)? {
                let key = segment.key.get_val(document);
                if !is_passed_over(key) {
                    hits.push(segment.hit(index, document, key, score));
                }
            }
        }
        for hit in &mut hits {
            hit.score += FILE_WEIGHT * files.get(&hit.key).copied().unwrap_or(0.0);
        }
        Ok(hits)
    }

    /// Where the file of a hit lies.
    pub fn path(&self, hit: &Hit) -> io::Result<Option<String>> {
        let column = self
            .segments
            .get(hit.segment)
            .and_then(|segment| segment.path.as_ref());
        let Some((column, ord)) = column.and_then(|c| Some((c, c.term_ords(hit.document).next()?)))
        else {
            return Ok(None);
        };
        let mut path = String::new();
        Ok(column.ord_to_str(ord, &mut path)?.then_some(path))
    }
}

impl Segment {
    fn open(reader: SegmentReader, columns: Columns) -> tantivy::Result<Self> {
        let fast = reader.fast_fields();
        let column = |name: &str| -> tantivy::Result<Arc<dyn ColumnValues<u64>>> {
            fast.column_first_or_default(name)
        };
        let [all, title, heading, file] = columns.texts;
        let index = |column| reader.inverted_index(column);
        Ok(Self {
            texts: [index(all)?, index(title)?, index(heading)?, index(file)?],
            words: index(columns.word)?,
            lengths: [
                column(LENGTHS[0])?,
                column(LENGTHS[1])?,
                column(LENGTHS[2])?,
            ],
            scope: column("scope")?,
            key: column("key")?,
            blob: column("blob")?,
            part: column("part")?,
            path: fast.str("path")?,
            columns,
            reader,
        })
    }

    fn add_to(&self, totals: &mut Totals) {
        for document in self.reader.doc_ids_alive() {
            let fields = match self.part.get_val(document) {
                0 => &[Field::File][..],
                _ => &[Field::All, Field::Title, Field::Heading],
            };
            for (at, field) in fields.iter().enumerate() {
                totals.documents[*field as usize] += 1;
                totals.terms[*field as usize] += self.lengths[at].get_val(document);
            }
        }
    }

    fn hit(&self, segment: usize, document: DocId, key: u64, score: f32) -> Hit {
        Hit {
            key,
            blob: self.blob.get_val(document),
            part: self.part.get_val(document).saturating_sub(1) as usize,
            score,
            segment,
            document,
        }
    }

    fn postings(&self, field: Field, term: &str) -> io::Result<Option<SegmentPostings>> {
        let term = Term::from_field_text(self.columns.texts[field as usize], term);
        self.texts[field as usize].read_postings(&term, IndexRecordOption::WithFreqs)
    }

    /// The documents of some folders, in ascending order: sorted by folder, each folder is one range.
    fn ranges(&self, stretch: &Stretch) -> Vec<Range<DocId>> {
        let end = self.reader.max_doc();
        let Stretch::Scopes(scopes) = stretch else {
            return std::iter::once(0..end).collect();
        };
        let first_not_below = |scope: u64| {
            let (mut low, mut high) = (0, end);
            while low < high {
                let middle = low + (high - low) / 2;
                match self.scope.get_val(middle) < scope {
                    true => low = middle + 1,
                    false => high = middle,
                }
            }
            low
        };
        let ranges = scopes.iter().map(|scope| {
            let start = first_not_below(*scope);
            start..scope.checked_add(1).map_or(end, first_not_below)
        });
        let mut ranges: Vec<_> = ranges.filter(|range| !range.is_empty()).collect();
        ranges.sort_unstable_by_key(|range| range.start);
        ranges
    }

    fn alive(&self, postings: SegmentPostings) -> u64 {
        match self.reader.alive_bitset() {
            None => postings.doc_freq().into(),
            Some(_) => self.alive_in(postings, std::slice::from_ref(&(0..self.reader.max_doc()))),
        }
    }

    fn alive_in(&self, mut postings: SegmentPostings, ranges: &[Range<DocId>]) -> u64 {
        let mut count = 0;
        for range in ranges {
            let mut document = seek(&mut postings, range.start);
            while document < range.end {
                count += u64::from(!self.reader.is_deleted(document));
                document = postings.advance();
            }
        }
        count
    }

    /// What each document of some ranges scores in some fields together, where it scores at all. A list is read once, from
    /// range to range: to find a place in a long one is most of the work.
    fn scores<'a>(
        &'a self,
        totals: &Totals,
        fields: &[Field],
        terms: &[Weighted],
        ranges: &'a [Range<DocId>],
    ) -> io::Result<impl Iterator<Item = (DocId, f32)> + 'a> {
        let empty = |range: &Range<DocId>| vec![0.0; (range.end - range.start) as usize];
        let mut scores: Vec<Vec<f32>> = ranges.iter().map(empty).collect();
        for (at, field) in fields.iter().enumerate() {
            for term in terms {
                let Some(mut postings) = self.postings(*field, &term.text)? else {
                    continue;
                };
                for (range, scores) in ranges.iter().zip(&mut scores) {
                    let mut document = seek(&mut postings, range.start);
                    while document < range.end {
                        let length = self.lengths[at].get_val(document) as u32;
                        let score = totals.score(*field, term, postings.term_freq(), length);
                        if let Some(sum) = scores.get_mut((document - range.start) as usize) {
                            *sum += score;
                        }
                        document = postings.advance();
                    }
                }
            }
        }
        let scored = ranges.iter().zip(scores);
        let scored = scored.flat_map(|(range, scores)| range.clone().zip(scores));
        Ok(scored.filter(|(document, score)| *score > 0.0 && !self.reader.is_deleted(*document)))
    }
}

/// The first document of a list that is not before `target`.
fn seek(postings: &mut SegmentPostings, target: DocId) -> DocId {
    match postings.doc() {
        document if document >= target || document == TERMINATED => document,
        _ => postings.seek(target),
    }
}
