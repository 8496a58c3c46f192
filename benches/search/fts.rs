//! SQLite FTS5 as most people would set it up: the porter stemmer, the words of a question joined by OR, bm25.

use rusqlite::{Connection, params};

use crate::Outcome;
use crate::folder::Section;

/// All sections in a table in RAM.
pub(crate) struct Fts(Connection);

impl Fts {
    pub(crate) fn new(sections: &[Section]) -> Outcome<Self> {
        let base = Connection::open_in_memory()?;
        base.execute_batch(
            "create virtual table s using fts5(scope, body, path unindexed, part unindexed, \
             tokenize = 'porter unicode61'); begin",
        )?;
        {
            let mut insert = base.prepare("insert into s values (?1, ?2, ?3, ?4)")?;
            for section in sections {
                let Section {
                    title,
                    heading,
                    text,
                    ..
                } = section;
                let body = format!("{title}\n{heading}\n{text}");
                insert.execute(params![
                    scope(&section.owner),
                    body,
                    section.path,
                    section.part as i64
                ])?;
            }
        }
        base.execute_batch("commit; insert into s(s) values ('optimize')")?;
        Ok(Self(base))
    }

    /// The first sections that a user finds, by path and number.
    pub(crate) fn find(
        &self,
        user: &str,
        question: &str,
        limit: usize,
    ) -> Outcome<Vec<(String, usize)>> {
        let words: Vec<_> = question
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(|word| format!("\"{word}\""))
            .collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let owners = [format!("user/{user}/"), "shared/".to_owned()];
        let scopes = owners.map(|owner| format!("scope:{}", scope(&owner)));
        // The scope as a term: as a condition on a column it is ten times slower still.
        let query = format!(
            "({}) AND body:({})",
            scopes.join(" OR "),
            words.join(" OR ")
        );
        let mut select = self.0.prepare_cached(
            "select path, part from s where s match ?1 order by bm25(s, 0.0, 1.0) limit ?2",
        )?;
        let found = select.query_map(params![query, limit as i64], |row| {
            Ok((row.get(0)?, row.get::<_, i64>(1)? as usize))
        })?;
        Ok(found.collect::<Result<Vec<_>, _>>()?)
    }
}

/// An owner as one word.
fn scope(owner: &str) -> String {
    let letters = owner.chars().filter(|c| c.is_ascii_alphanumeric());
    format!("owner{}", letters.collect::<String>())
}
