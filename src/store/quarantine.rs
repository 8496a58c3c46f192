//! What a show took out of the folder, kept until nobody can write to it any more.
//!
//! A show swaps a file for its new text in one step. What comes out may be a save that raced it; and an editor that had
//! the file open, or was just opening it, goes on writing to what came out. So the displaced file is kept under
//! `.git/memoryd/quarantine`. It is read again soon, when a lease says that nobody has it open; and once more when it is
//! old, because between looking a name up and opening the file no lease sees the one who opens it. Of 10,000 saves that
//! raced a daemon's writes of the same file, plain renames lost two thirds, swaps without this 380 or nearly all, this none.

use std::io::Read;
use std::time::{Duration, Instant, SystemTime};

use crate::backend::disk::{Disk, Place, Root, Stat};
use crate::backend::lease::{self, Lease};
use crate::model::error::{Doing, Fault};
use crate::model::object::{BlobId, ObjectId, Revision, checksum};

/// Where displaced files lie, below `.git`.
pub(crate) const QUARANTINE: &str = "memoryd/quarantine";
/// A displaced file is looked at this soon, and this often while somebody has it open.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Whoever had looked a name up has opened the file by then.
pub(crate) const OLD: Duration = Duration::from_secs(1);
/// Somebody who keeps a displaced file open is waited for this long.
const WRITER_MAX: Duration = Duration::from_secs(60);

/// What a displaced file's name tells, should this process not live to look at it.
pub(crate) struct Origin<'a> {
    /// The key of the path that it came from.
    pub(crate) path_key: &'a str,
    /// The text that was known to stand there.
    pub(crate) base: Option<BlobId>,
    /// The text that was to stand there instead. It is written under this very name, and then swapped.
    pub(crate) new: Option<BlobId>,
}

impl<'a> Origin<'a> {
    /// Reads a name.
    pub(crate) fn read(name: &'a str) -> Option<Self> {
        let text = |id: &str| Some(id.parse().ok().filter(|id: &BlobId| id.0 != ObjectId::ZERO));
        let mut parts = name.rsplitn(4, '-');
        let (new, base) = (text(parts.next()?)?, text(parts.next()?)?);
        Some(Self {
            path_key: parts.next()?,
            base,
            new,
        })
    }
}

/// What stands for a path in the name of a file that was displaced from it: the path's SHA-1.
pub(crate) fn path_key(path: &[u8]) -> String {
    checksum(path).to_string()
}

/// The displaced files that somebody may still write to.
pub(crate) struct Quarantine {
    kept: Vec<Displaced>,
    /// What no other run's names begin with: in a container every run may have the same process id.
    run: String,
    count: u64,
}

/// A file that a show took out of the folder.
#[derive(Debug, Clone)]
pub(crate) struct Displaced {
    /// Where it lay in the folder.
    pub(crate) path: String,
    /// The text that was known to stand there: what a person's save started from.
    pub(crate) base: Option<BlobId>,
    /// The show: from what the folder had to what it was to have. Texts in between are the daemon's own.
    pub(crate) between: (Option<Revision>, Revision),
    /// Where it lies now, below `.git`.
    pub(crate) name: String,
    /// How it looked when that was known, if any write since would show in it.
    pub(crate) looks: Option<Stat>,
    /// Whether people's git was at work while it was displaced: a checkout may have put it there a moment before.
    pub(crate) is_disturbed: bool,
    since: Instant,
    look_at: Instant,
}

/// What a displaced file turned out to hold.
pub(crate) enum Held {
    /// These bytes, and nobody has it open.
    Final(Vec<u8>),
    /// Something that somebody can still add to.
    Unsettled,
    /// It is gone.
    Nothing,
}

/// What was learnt of a displaced file.
pub(crate) enum Seen {
    /// Its bytes are in history.
    Known,
    /// Somebody has it open.
    Open,
    /// It cannot be adopted: it stays where it lies, for a person to look at.
    Stranded,
}

impl Quarantine {
    pub(crate) fn new() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let nanoseconds = now.unwrap_or_default().as_nanos();
        Self {
            kept: Vec::new(),
            run: format!("{}-{nanoseconds}", std::process::id()),
            count: 0,
        }
    }

    /// A name for the next displaced file: what was known to stand there, and what is to stand there instead.
    pub(crate) fn next(
        &mut self,
        path: &str,
        (base, new): (Option<BlobId>, Option<BlobId>),
        between: (Option<Revision>, Revision),
    ) -> Displaced {
        self.count += 1;
        let id = |text: Option<BlobId>| text.map_or(ObjectId::ZERO, |text| text.0);
        let name = format!(
            "{QUARANTINE}/{}-{}-{}-{}-{}",
            self.run,
            self.count,
            path_key(path.as_bytes()),
            id(base),
            id(new)
        );
        let since = Instant::now();
        Displaced {
            path: path.to_owned(),
            base,
            between,
            name,
            looks: None,
            is_disturbed: false,
            since,
            look_at: since + LOOK_AGAIN,
        }
    }

    /// Keeps a file that somebody may still write to.
    pub(crate) fn keep(&mut self, displaced: Displaced) {
        self.kept.push(displaced);
    }

    /// Hands out the files that are to be looked at; those to be kept longer come back by [`keep`](Self::keep).
    pub(crate) fn due(&mut self) -> Vec<Displaced> {
        let now = Instant::now();
        self.kept
            .extract_if(.., |displaced| displaced.look_at <= now)
            .collect()
    }

    /// Hands out all of them.
    pub(crate) fn drain(&mut self) -> Vec<Displaced> {
        std::mem::take(&mut self.kept)
    }

    /// When the next one is due.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        self.kept.iter().map(|displaced| displaced.look_at).min()
    }
}

impl Displaced {
    /// Reads it, and tells whether anybody has it open.
    pub(crate) fn read(&self, disk: &Disk) -> Result<Held, Fault> {
        let file = disk
            .open_to_read(Place(Root::Git, &self.name))
            .doing("read a displaced file")?;
        let Some(file) = file else {
            return Ok(Held::Nothing);
        };
        let lease = lease::write_lease(&file);
        let mut bytes = Vec::new();
        (&file)
            .read_to_end(&mut bytes)
            .doing("read a displaced file")?;
        let is_final = !matches!(lease, Lease::InUse) || self.since.elapsed() > WRITER_MAX;
        Ok(if is_final {
            Held::Final(bytes)
        } else {
            Held::Unsettled
        })
    }

    /// Whether another name leads to it, too: it may be in another user's folder, and its text theirs.
    pub(crate) fn has_second_name(&self, disk: &Disk) -> Result<bool, Fault> {
        let looks = disk
            .stat(Place(Root::Git, &self.name))
            .doing("look at a displaced file")?;
        Ok(looks.is_some_and(|looks| 1 < looks.links))
    }

    /// Whether, by its looks, nobody has written to it since.
    pub(crate) fn looks_untouched(&self, disk: &Disk) -> Result<bool, Fault> {
        let Some(known) = self.looks else {
            return Ok(false);
        };
        let now = disk
            .stat(Place(Root::Git, &self.name))
            .doing("look at a displaced file")?;
        let seen = |stat: Stat| (stat.inode, stat.size, stat.modified);
        Ok(now.map(seen) == Some(seen(known)))
    }

    /// How long it has been out of the folder.
    pub(crate) fn age(&self) -> Duration {
        self.since.elapsed()
    }

    /// It is to be looked at again soon, or else when it is old.
    pub(crate) fn look_again(&mut self, soon: bool) {
        let next = Instant::now() + LOOK_AGAIN;
        self.look_at = if soon {
            next
        } else {
            next.max(self.since + OLD)
        };
    }

    /// Lets it go: its bytes are in history.
    pub(crate) fn remove(&self, disk: &Disk) -> Result<(), Fault> {
        disk.remove(Place(Root::Git, &self.name))
            .doing("remove a displaced file")
    }
}
