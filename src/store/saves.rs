//! Files on which something was seen, and what they turn out to be: a person's save, git's doing, or nothing.
//!
//! An event or a scan only makes a path *dirty*. It is looked at once it has been quiet for a while, because editors
//! write in pieces, remove and re-create, and probe; and it is believed only if nothing about people's git changed while
//! it was being read.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::backend::disk::{Disk, Place, Root, Stat};
use crate::backend::lease::{self, Lease};
use crate::model::limits::PERSON_FILE_BYTES_MAX;

/// A path is looked at when nothing has happened to it for this long.
pub(crate) const QUIET: Duration = Duration::from_millis(300);
/// A path to which something happens all the time is looked at after this long.
const RESTLESS_MAX: Duration = Duration::from_secs(5);
/// Editors remove a file and write it anew; only one that stays away this long was deleted.
pub(crate) const ABSENT: Duration = Duration::from_secs(2);
/// Editors empty a file and then fill it; one that stays empty this long is meant to be.
pub(crate) const EMPTY: Duration = Duration::from_secs(4);
/// The kernel's clock for files moves in steps of up to 10 ms: within a step, a second write leaves no trace in the times.
const CLOCK_STEP: Duration = Duration::from_millis(50);
/// Somebody who keeps a file open for writing is waited for this long, then what is stable is taken.
const WRITER_MAX: Duration = Duration::from_secs(60);

/// The dirty paths.
#[derive(Default)]
pub(crate) struct DirtyPaths(BTreeMap<String, Since>);

/// What was seen when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Since {
    first: Instant,
    /// When it was first found missing or empty.
    pub(crate) vacant: Option<Instant>,
    look_at: Instant,
}

impl DirtyPaths {
    /// Something happened at a path.
    pub(crate) fn touch(&mut self, path: &str) {
        let now = Instant::now();
        let fresh = Since {
            first: now,
            vacant: None,
            look_at: now + QUIET,
        };
        let since = self.0.entry(path.to_owned()).or_insert(fresh);
        since.look_at = (now + QUIET).min(since.first + RESTLESS_MAX).max(now);
    }

    /// The paths that have become quiet.
    pub(crate) fn due(&self) -> Vec<(String, Since)> {
        let now = Instant::now();
        self.0
            .iter()
            .filter(|(_, since)| since.look_at <= now)
            .map(|(p, s)| (p.clone(), *s))
            .collect()
    }

    /// When the next path is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.values().map(|since| since.look_at).min()
    }

    /// Looks at a path again after `wait`.
    pub(crate) fn put_off(&mut self, path: &str, wait: Duration) {
        if let Some(since) = self.0.get_mut(path) {
            since.look_at = Instant::now() + wait;
        }
    }

    /// Looks at a path again after `wait`, as if it had been touched only now: what held it up was not somebody who
    /// writes to it, and the next who does is to be waited for as long as anybody.
    pub(crate) fn begin_again(&mut self, path: &str, wait: Duration) {
        let now = Instant::now();
        if let Some(since) = self.0.get_mut(path) {
            (since.first, since.look_at) = (now, now + wait);
        }
    }

    /// All of them.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// Notes that a path is missing or empty, and says for how long it has been.
    pub(crate) fn vacant(&mut self, path: &str) -> Duration {
        let now = Instant::now();
        self.0.get_mut(path).map_or(Duration::ZERO, |since| {
            since.vacant.get_or_insert(now).elapsed()
        })
    }

    /// There is a text at a path.
    pub(crate) fn occupied(&mut self, path: &str) {
        if let Some(since) = self.0.get_mut(path) {
            since.vacant = None;
        }
    }

    /// Nothing is to be done about a path any more.
    pub(crate) fn settle(&mut self, path: &str) {
        self.0.remove(path);
    }
}

impl Since {
    /// Whether somebody who still has the file open has been waited for long enough.
    pub(crate) fn is_overdue(&self) -> bool {
        self.first.elapsed() > WRITER_MAX
    }
}

/// What was found at a path.
#[derive(Debug)]
pub(crate) enum Found {
    /// A text that nobody was writing to.
    Text(Arc<str>),
    /// Nothing.
    Nothing,
    /// Somebody is writing to it, or it was replaced while it was read.
    Moving,
    /// Something that no memory serves: why.
    Unfit(&'static str),
}

/// Reads a file as a person left it. `insist`: take what is there although somebody has it open for writing.
pub(crate) fn read(disk: &Disk, path: &str, insist: bool) -> io::Result<Found> {
    let place = Place(Root::Folder, path);
    let file = match disk.open_to_read(place) {
        Ok(Some(file)) => file,
        Ok(None) => return Ok(Found::Nothing),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            return Ok(Found::Unfit("it is no ordinary file"));
        }
        Err(error) => return Err(error),
    };
    let lease = lease::read_lease(&file);
    if matches!(lease, Lease::InUse) && !insist {
        return Ok(Found::Moving);
    }
    let Some(before) = disk.stat(place)? else {
        return Ok(Found::Moving);
    };
    if let Some(reason) = unfit(&before) {
        return Ok(Found::Unfit(reason));
    }
    let mut bytes = Vec::new();
    (&file)
        .take(PERSON_FILE_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)?;
    drop(lease);
    // The same inode at the same path with the same times: what was read is what stands there.
    if disk.stat(place)? != Some(before) || bytes.len() as u64 != before.size {
        return Ok(Found::Moving);
    }
    Ok(match String::from_utf8(bytes) {
        Ok(text) if text.contains('\0') => Found::Unfit("it contains NUL characters"),
        Ok(text) => Found::Text(text.into()),
        Err(_) => Found::Unfit("it is not UTF-8 text"),
    })
}

/// Whether something changed so lately that a later change may not show in the file's times. `then` is seconds and
/// nanoseconds.
pub(crate) fn is_fresh(then: (i64, u32)) -> bool {
    let then = SystemTime::UNIX_EPOCH + Duration::new(then.0.unsigned_abs(), then.1);
    SystemTime::now()
        .duration_since(then)
        .map_or(true, |age| age < CLOCK_STEP)
}

fn unfit(stat: &Stat) -> Option<&'static str> {
    match stat {
        _ if !stat.is_file() => Some("it is no ordinary file"),
        // A second name may lie in another user's scope, or outside the folder.
        _ if stat.links > 1 => Some("it has a second name (a hard link)"),
        _ if stat.size > PERSON_FILE_BYTES_MAX as u64 => Some("it is larger than a file may be"),
        _ => None,
    }
}
