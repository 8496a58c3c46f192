//! SQLite: a table of revisions, and a table of files that says which revision is each one's newest.
//!
//! The text is stored once, in the revision. With WAL and `synchronous=FULL` a transaction costs one flush; checkpoints
//! come by themselves.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, params};

use crate::Outcome;
use crate::contender::{Audit, Contender};
use crate::funnel::{Fill, Funnel};
use crate::workload::{AUTHOR, Workload, Write};

/// The database, in a contender's folder.
pub(crate) const FILE: &str = "memory.sqlite";

const SCHEMA: &str = "
    CREATE TABLE revision (
        id INTEGER PRIMARY KEY, path TEXT NOT NULL, author TEXT NOT NULL, message TEXT NOT NULL,
        committed_at INTEGER NOT NULL, text TEXT NOT NULL);
    CREATE TABLE file (path TEXT PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID;";
const ADD_REVISION: &str = "
    INSERT INTO revision (path, author, message, committed_at, text) VALUES (?1, ?2, ?3, unixepoch(), ?4)";
const POINT_FILE: &str = "
    INSERT INTO file (path, revision) VALUES (?1, last_insert_rowid())
    ON CONFLICT (path) DO UPDATE SET revision = excluded.revision";

/// A transaction a write.
pub(crate) struct Rows(Mutex<Connection>);

/// A transaction for all writes that wait.
pub(crate) struct Group(Funnel);

impl Rows {
    /// Opens the database of a folder.
    pub(crate) fn open(folder: &Path) -> Outcome<Self> {
        Ok(Self(Mutex::new(connect(&folder.join(FILE))?)))
    }
}

impl Group {
    /// Opens the database of a folder, and starts the thread that commits.
    pub(crate) fn open(folder: &Path) -> Outcome<Self> {
        let mut connection = connect(&folder.join(FILE))?;
        let fill = Fill {
            writes_max: 256,
            patience: Duration::ZERO,
        };
        Ok(Self(Funnel::start(fill, move |writes| {
            commit(&mut connection, writes)
        })))
    }
}

impl Contender for Rows {
    fn write(&self, write: &Write) -> Outcome<()> {
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        commit(&mut connection, std::slice::from_ref(write))
    }
}

impl Contender for Group {
    fn write(&self, write: &Write) -> Outcome<()> {
        self.0.write(write)
    }
}

/// Makes a database with every file's first text.
pub(crate) fn plant(file: &Path, workload: &Workload) -> Outcome<()> {
    let mut connection = connect(file)?;
    connection.execute_batch(SCHEMA)?;
    commit(&mut connection, &workload.seed().collect::<Vec<_>>())
}

/// Counts the revisions of a closed database.
pub(crate) fn audit(folder: &Path) -> Outcome<Audit> {
    let file = folder.join(FILE);
    let connection = connect(&file)?;
    let commits: i64 =
        connection.query_row("SELECT count(*) FROM revision", [], |row| row.get(0))?;
    drop(connection);
    Ok(Audit {
        commits: commits.try_into()?,
        bytes: file.metadata()?.len(),
    })
}

fn connect(file: &Path) -> Outcome<Connection> {
    let connection = Connection::open(file)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    Ok(connection)
}

fn commit(connection: &mut Connection, writes: &[Write]) -> Outcome<()> {
    let transaction = connection.transaction()?;
    {
        let mut add_revision = transaction.prepare_cached(ADD_REVISION)?;
        let mut point_file = transaction.prepare_cached(POINT_FILE)?;
        for write in writes {
            let path = write.path.as_str();
            add_revision.execute(params![path, AUTHOR.0, write.message(), &*write.text])?;
            point_file.execute([path])?;
        }
    }
    Ok(transaction.commit()?)
}
