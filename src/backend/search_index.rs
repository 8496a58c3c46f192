//! The search index: what every passage says, by term, on tantivy.
//!
//! A document is a passage, or a file as a whole (`part` 0). The documents of a segment are sorted by the folder of their
//! owner, so that what one caller may see is one stretch of each posting list: a search neither filters nor skips, it
//! reads that stretch and nothing else. Scores are added up here and not by tantivy's own queries, because those count
//! deleted documents and round lengths, and then the same memory gives other answers after a rebuild.
//!
//! The index is a copy that may be deleted at any time. Its stamp says which memory it is a copy of; one that cannot be
//! read, or whose files are not as they were written, is made anew.

mod searching;
mod spelling;

use std::path::{Path, PathBuf};

use tantivy::directory::MmapDirectory;
use tantivy::indexer::NoMergePolicy;
use tantivy::schema::{
    FAST, Field as Column, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::WhitespaceTokenizer;
use tantivy::{Index, IndexReader, IndexSettings, IndexSortByField, IndexWriter, Order};
use tantivy::{ReloadPolicy, TantivyDocument, Term};

use crate::model::error::{Doing, Fault};
use crate::model::search::score::{Field, FieldTerms, FileTerms};

pub use searching::{Hit, Searcher, Stretch};
pub use spelling::Near;

/// Changes with the fields and with what the terms of a text are: an index of another version is made anew.
const VERSION: &str = "memoryd 1";
/// What tantivy may hold before it writes a segment.
const WRITER_BYTES: usize = 64 << 20;
/// More segments than this are merged: each one costs every search.
const SEGMENTS_MAX: usize = 3;
/// A segment of which a larger part is deleted is merged, too.
const DELETED_PART_MAX: f32 = 0.2;
const TOKENIZER: &str = "terms";

/// An index that is open.
pub struct SearchIndex {
    index: Index,
    reader: IndexReader,
    columns: Columns,
}

/// One file that changed.
pub struct Change<'a> {
    /// What tells the file from all others: a digest of its path.
    pub key: u64,
    /// What it has become; none when it was removed.
    pub file: Option<IndexedFile<'a>>,
}

/// A file to be found.
pub struct IndexedFile<'a> {
    /// What tells the folder of its owner from all others.
    pub scope: u64,
    /// Where it lies.
    pub path: &'a str,
    /// What tells its text from all others.
    pub blob: u64,
    /// What it says.
    pub terms: FileTerms,
}

/// The fields of a document.
#[derive(Clone, Copy)]
struct Columns {
    /// In the order of [`Field::EACH`].
    texts: [Column; 4],
    /// How many terms those have; of a file as a whole the first.
    lengths: [Column; 3],
    /// Words as they were written, where their stem differs: what a misspelt word is compared with.
    word: Column,
    scope: Column,
    key: Column,
    path: Column,
    blob: Column,
    part: Column,
}

const LENGTHS: [&str; 3] = ["length", "title_length", "heading_length"];

impl Columns {
    fn new() -> (Schema, Self) {
        let mut schema = Schema::builder();
        let text = |record| {
            let indexing = TextFieldIndexing::default()
                .set_tokenizer(TOKENIZER)
                .set_fieldnorms(false)
                .set_index_option(record);
            TextOptions::default().set_indexing_options(indexing)
        };
        let frequencies = text(IndexRecordOption::WithFreqs);
        let columns = Self {
            texts: ["all", "title", "heading", "file"]
                .map(|name| schema.add_text_field(name, frequencies.clone())),
            lengths: LENGTHS.map(|name| schema.add_u64_field(name, FAST)),
            word: schema.add_text_field("word", text(IndexRecordOption::Basic)),
            scope: schema.add_u64_field("scope", FAST),
            key: schema.add_u64_field("key", INDEXED | FAST),
            path: schema.add_text_field("path", TextOptions::default().set_fast("raw")),
            blob: schema.add_u64_field("blob", FAST),
            part: schema.add_u64_field("part", FAST),
        };
        (schema.build(), columns)
    }
}

impl SearchIndex {
    /// Opens the index in a folder, which is made if need be, or an empty one in RAM; and says which memory it has, as
    /// [`update`](Self::update) was told.
    pub fn open(folder: Option<&Path>) -> Result<(Self, Option<String>), Fault> {
        let Some(folder) = folder else {
            return Ok((
                Self::around(Index::create(
                    tantivy::directory::RamDirectory::create(),
                    Columns::new().0,
                    settings(),
                ))?,
                None,
            ));
        };
        match Self::reopened(folder) {
            Ok(opened) => Ok(opened),
            Err(fault) => {
                if folder.exists() {
                    tracing::info!(%fault, "the search index is made anew");
                    std::fs::remove_dir_all(folder).doing("remove the old search index")?;
                }
                std::fs::create_dir_all(folder).doing("make the search index's folder")?;
                let directory = MmapDirectory::open(folder).doing(OPENING)?;
                Ok((
                    Self::around(Index::create(directory, Columns::new().0, settings()))?,
                    None,
                ))
            }
        }
    }

    fn reopened(folder: &Path) -> Result<(Self, Option<String>), Fault> {
        // By an index of its own: whatever is read through the one that stays, stays in RAM.
        let read_once = Index::open_in_dir(folder).doing(OPENING)?;
        let damaged = read_once.validate_checksum().doing(OPENING)?;
        drop(read_once);
        if !damaged.is_empty() {
            return Err(Fault::new(OPENING, format!("damaged: {damaged:?}")));
        }
        let opened = Self::around(Index::open_in_dir(folder))?;
        let meta = opened.index.load_metas().doing(OPENING)?;
        let stamp = meta
            .payload
            .as_deref()
            .and_then(|payload| payload.strip_prefix(VERSION));
        let stamp = stamp.map(|stamp| stamp.trim_start().to_owned());
        match opened.index.schema() == Columns::new().0 && stamp.is_some() {
            true => Ok((opened, stamp)),
            false => Err(Fault::new(OPENING, "it is of another version")),
        }
    }

    fn around(index: tantivy::Result<Index>) -> Result<Self, Fault> {
        let index = index.doing(OPENING)?;
        index
            .tokenizers()
            .register(TOKENIZER, WhitespaceTokenizer::default());
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()
            .doing(OPENING)?;
        Ok(Self {
            index,
            reader,
            columns: Columns::new().1,
        })
    }

    /// Takes changes in and stamps the index with the memory that it has now. What is searched meanwhile is what was.
    pub fn update<'a>(
        &self,
        changes: impl Iterator<Item = Change<'a>>,
        stamp: &str,
    ) -> Result<(), Fault> {
        const DOING: &str = "update the search index";
        let mut writer = self.writer().doing(DOING)?;
        for change in changes {
            writer.delete_term(Term::from_field_u64(self.columns.key, change.key));
            if let Some(file) = change.file {
                for document in self.documents(change.key, &file) {
                    writer.add_document(document).doing(DOING)?;
                }
            }
        }
        let mut prepared = writer.prepare_commit().doing(DOING)?;
        prepared.set_payload(&format!("{VERSION} {stamp}"));
        prepared.commit().doing(DOING)?;
        self.merge(&mut writer).doing("merge the search index")?;
        writer.wait_merging_threads().doing(DOING)?;
        self.reader.reload().doing(DOING)
    }

    /// What can be found now.
    pub fn searcher(&self) -> Result<Searcher, Fault> {
        Searcher::open(&self.reader.searcher(), self.columns).doing("open the search index")
    }

    fn writer(&self) -> tantivy::Result<IndexWriter> {
        let writer = self.index.writer_with_num_threads(1, WRITER_BYTES)?;
        writer.set_merge_policy(Box::new(NoMergePolicy));
        Ok(writer)
    }

    /// Small segments become one when there are many; everything becomes one when much of it is deleted, and when the
    /// small ones have grown to half of the largest.
    fn merge(&self, writer: &mut IndexWriter) -> tantivy::Result<()> {
        let mut segments = self.index.searchable_segment_metas()?;
        segments.sort_by_key(|segment| std::cmp::Reverse(segment.num_docs()));
        let deleted: u32 = segments
            .iter()
            .map(|segment| segment.num_deleted_docs())
            .sum();
        let all: u32 = segments.iter().map(|segment| segment.max_doc()).sum();
        let largest = segments.first().map_or(0, |segment| segment.num_docs());
        let small = all - deleted - largest;
        let is_full_of_holes = deleted as f32 > all as f32 * DELETED_PART_MAX;
        let spared = match (is_full_of_holes, small > largest / 2) {
            (false, false) if segments.len() <= SEGMENTS_MAX => return Ok(()),
            (false, false) => 1,
            _ => 0,
        };
        let merged = segments.iter().skip(spared).map(|segment| segment.id());
        writer.merge(&merged.collect::<Vec<_>>()).wait()?;
        writer.garbage_collect_files().wait()?;
        Ok(())
    }

    /// The documents of a file: itself, and its passages.
    fn documents(&self, key: u64, file: &IndexedFile<'_>) -> Vec<TantivyDocument> {
        let columns = &self.columns;
        let make = |part: usize, fields: &[(Field, &FieldTerms)]| {
            let mut document = TantivyDocument::default();
            for (at, (field, terms)) in fields.iter().enumerate() {
                document.add_text(columns.texts[*field as usize], &terms.joined);
                document.add_u64(columns.lengths[at], terms.length.into());
            }
            document.add_u64(columns.scope, file.scope);
            document.add_u64(columns.key, key);
            document.add_text(columns.path, file.path);
            document.add_u64(columns.blob, file.blob);
            document.add_u64(columns.part, part as u64);
            document
        };
        let mut whole = make(0, &[(Field::File, &file.terms.file)]);
        whole.add_text(columns.word, &file.terms.words.joined);
        let passages = file.terms.passages.iter().enumerate();
        let passages = passages.map(|(index, passage)| {
            let fields = [
                (Field::All, &passage.all),
                (Field::Title, &passage.title),
                (Field::Heading, &passage.heading),
            ];
            make(index + 1, &fields)
        });
        std::iter::once(whole).chain(passages).collect()
    }
}

const OPENING: &str = "open the search index";

fn settings() -> IndexSettings {
    IndexSettings {
        sort_by_field: Some(IndexSortByField {
            field: "scope".to_owned(),
            order: Order::Asc,
        }),
        ..IndexSettings::default()
    }
}

/// Where the index of a memory lies, below its root.
pub fn folder(root: &Path) -> PathBuf {
    root.join(".memoryd/search")
}
