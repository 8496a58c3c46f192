//! A write, and at once a search for what it wrote: whether it is found, and what the search took.

use std::sync::Mutex;
use std::thread;

use memoryd::model::edit::{Edit, Precondition, Provenance, Step, Target};
use memoryd::model::message::Author;
use memoryd::model::path::RepoPath;
use memoryd::model::screening::Screening;
use memoryd::store::Wait;

use crate::Outcome;
use crate::folder::{Opened, put};
use crate::speed::{Times, timed};

const CLIENTS: usize = 8;
const WRITES: usize = 1_250;

/// Eight clients write and search in turns.
pub(crate) fn measure() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    put(folder.path(), "shared/index.md", "# Index\n")?;
    let opened = Opened::new(folder)?;
    let (writes, searches) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let missed = thread::scope(|scope| {
        let client = |client: usize| {
            let (opened, writes, searches) = (&opened, &writes, &searches);
            scope.spawn(move || {
                let mut missed = 0;
                for number in 0..WRITES {
                    let (user, word) = (format!("u{client}"), format!("needle{client}x{number}"));
                    let took = timed(|| write(opened, &user, number, &word));
                    let mut found = 0;
                    let searched = timed(|| {
                        found = opened.find(&user, &word, 10)?.passages.len();
                        Ok(())
                    });
                    if let (Ok(took), Ok(searched)) = (took, searched) {
                        lock(writes).push(took);
                        lock(searches).push(searched);
                    }
                    missed += usize::from(found != 1);
                }
                missed
            })
        };
        let clients: Vec<_> = (0..CLIENTS).map(client).collect();
        let joined = clients
            .into_iter()
            .map(|client| client.join().unwrap_or(WRITES));
        joined.sum::<usize>()
    });
    println!(
        "{} writes by {CLIENTS} clients, each searched for at once: {missed} not found",
        CLIENTS * WRITES
    );
    Times::of(std::mem::take(&mut *lock(&writes))).print("write, until it is acknowledged");
    Times::of(std::mem::take(&mut *lock(&searches))).print("search for it");
    Ok(())
}

fn write(opened: &Opened, user: &str, number: usize, word: &str) -> Outcome<()> {
    let path = format!("user/{user}/n{}.md", number % 50);
    let step = Step::Write {
        target: Target {
            path: RepoPath::parse(&path)?,
            name: path,
        },
        text: format!("# Note\n\nWhere is the {word}? Here it is, among other words.\n").into(),
    };
    let edit = Edit {
        steps: vec![(step, Precondition::Any)],
        provenance: Provenance {
            user: Some(user.to_owned()),
            ..Provenance::by(Author::new("bench", "bench@example.com"))
        },
        file_bytes_max: 1 << 20,
        screening: Screening::default(),
    };
    opened.memory.store().write(edit, Wait::Acknowledged)?;
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
