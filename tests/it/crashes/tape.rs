//! Everything that happened to a folder, in order: what the daemon did through its seam, what people did, who was
//! promised what and when.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use memoryd::backend::disk::{Operation, Place, Root, Verdict, Witness};

use super::claims::Claims;
use super::image::{Bytes, FileId, Image, Node, parent};

/// Something that happened.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// Names came, went or moved, all in one step. Durable when these folders have been synced.
    Names {
        sets: Vec<(String, Option<Node>)>,
        folders: Vec<String>,
    },
    /// Bytes were written to a file.
    Write {
        file: FileId,
        at: usize,
        bytes: Arc<[u8]>,
    },
    /// A file was synced. When that failed, nobody knows what of it the disk has, and no later sync will tell.
    SyncFile {
        file: FileId,
        failed: bool,
    },
    SyncFolder(String),
    SyncFileSystem,
    /// People did something; it counts as written through.
    People {
        sets: Vec<(String, Option<Node>)>,
        files: Vec<(FileId, Bytes)>,
    },
}

const EIO: i32 = 5;
const EMFILE: i32 = 24;

/// How an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    Broken,
    Full,
    TooManyFiles,
    /// A write stops half-way; anything else finds the disk full.
    Short,
}

/// Which operations fail, by their number.
pub(super) type Plan = Box<dyn Fn(usize) -> Option<Failure> + Send>;

impl Event {
    /// In a few words.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Write { file, at, bytes } => {
                format!("{} bytes to file {file} at {at}", bytes.len())
            }
            Self::People { sets, files } => {
                let files: Vec<_> = files.iter().map(|(file, _)| file).collect();
                format!("people set names {sets:?} and wrote files {files:?}")
            }
            other => format!("{other:?}"),
        }
    }
}

/// What a person does just before the daemon does something.
type Ambush = (fn(&Operation<'_>) -> bool, Box<dyn FnOnce(&Path) + Send>);

/// A witness that remembers.
pub(super) struct Tape {
    folder: PathBuf,
    log: Mutex<Log>,
}

/// What a tape remembers.
pub(super) struct Log {
    /// The folder before the first event.
    pub(super) before: Image,
    pub(super) events: Vec<Event>,
    pub(super) claims: Claims,
    /// The folder as it is now.
    now: Image,
    next_file: FileId,
    operations: usize,
    plan: Plan,
    /// The first operation that failed.
    failed: Option<String>,
    ambush: Option<Ambush>,
}

impl Witness for Tape {
    fn judge(&self, operation: &Operation<'_>) -> Verdict {
        let mut log = self.lock();
        if let Some((_, act)) = log.ambush.take_if(|(is_here, _)| is_here(operation)) {
            log.people(&self.folder, || act(&self.folder));
        }
        log.operations += 1;
        let failure = (log.plan)(log.operations);
        log.note(operation, failure);
        if failure.is_some() && log.failed.is_none() {
            log.failed = Some(told(operation));
        }
        match (failure, operation) {
            (None, _) => Verdict::Proceed,
            (Some(Failure::Short), Operation::Write { bytes, .. }) => {
                Verdict::Short(bytes.len() / 2)
            }
            (Some(Failure::Broken), _) => Verdict::Fail(io::Error::from_raw_os_error(EIO)),
            (Some(Failure::TooManyFiles), _) => Verdict::Fail(io::Error::from_raw_os_error(EMFILE)),
            (Some(Failure::Full | Failure::Short), _) => {
                Verdict::Fail(io::ErrorKind::StorageFull.into())
            }
        }
    }
}

impl Tape {
    /// Begins with a folder as it stands, all of it durable.
    pub(super) fn new(folder: &Path, claims: Claims) -> Self {
        let before = Image::of(folder);
        let log = Log {
            now: before.clone(),
            before,
            events: Vec::new(),
            claims,
            // Above every inode there is.
            next_file: 1 << 62,
            operations: 0,
            plan: Box::new(|_| None),
            failed: None,
            ambush: None,
        };
        Self {
            folder: folder.to_owned(),
            log: Mutex::new(log),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A person does something to the folder while the daemon holds its breath.
    pub(super) fn people(&self, act: impl FnOnce()) {
        self.lock().people(&self.folder, act);
    }

    /// A person will do something right before the daemon does a certain thing.
    pub(super) fn ambush(
        &self,
        is_here: fn(&Operation<'_>) -> bool,
        act: impl FnOnce(&Path) + Send + 'static,
    ) {
        self.lock().ambush = Some((is_here, Box::new(act)));
    }

    /// Whether a person has done what they were waiting to do.
    pub(super) fn has_struck(&self) -> bool {
        self.lock().ambush.is_none()
    }

    /// From now on operations fail by this plan, which counts them from 1.
    pub(super) fn fail(&self, plan: Plan) {
        let mut log = self.lock();
        (log.plan, log.operations) = (plan, 0);
    }

    /// Nothing fails any more. Gives the number of operations that the plan has seen.
    pub(super) fn heal(&self) -> usize {
        let mut log = self.lock();
        log.plan = Box::new(|_| None);
        log.operations
    }

    /// The first operation that failed.
    pub(super) fn failed(&self) -> Option<String> {
        self.lock().failed.clone()
    }

    pub(super) fn events(&self) -> usize {
        self.lock().events.len()
    }

    /// Where the folder is not as the tape tells: something was done that the tape has not seen.
    pub(super) fn unseen(&self) -> Vec<String> {
        let (real, log) = (Image::of(&self.folder), self.lock());
        let told = &log.now;
        let text =
            |image: &Image, path: &str| image.file(path).map(|file| image.files[&file].clone());
        let paths = real.names.keys().chain(told.names.keys()).filter(|path| {
            real.names.contains_key(*path) != told.names.contains_key(*path)
                || text(&real, path) != text(told, path)
        });
        paths.cloned().collect()
    }
}

impl Log {
    fn people(&mut self, folder: &Path, act: impl FnOnce()) {
        let before = Image::of(folder);
        act();
        let after = Image::of(folder);
        let (mut sets, mut files) = (Vec::new(), Vec::new());
        for path in before
            .names
            .keys()
            .filter(|path| !after.names.contains_key(*path))
        {
            sets.push((path.clone(), None));
        }
        for (path, node) in &after.names {
            let (Node::File(inode), standing) = (node, self.now.file(path)) else {
                sets.extend(
                    (before.names.get(path) != Some(node)).then(|| (path.clone(), Some(*node))),
                );
                continue;
            };
            let bytes = &after.files[inode];
            match standing.filter(|_| before.names.get(path) == Some(node)) {
                Some(_) if before.files[inode] == *bytes => {}
                Some(file) => files.push((file, bytes.clone())),
                None => {
                    files.push((self.next_file, bytes.clone()));
                    sets.push((path.clone(), Some(Node::File(self.next_file))));
                    self.next_file += 1;
                }
            }
        }
        sets.iter()
            .for_each(|(path, node)| self.now.set(path, *node));
        files
            .iter()
            .for_each(|(file, bytes)| drop(self.now.files.insert(*file, bytes.clone())));
        self.events.push(Event::People { sets, files });
    }

    fn note(&mut self, operation: &Operation<'_>, failure: Option<Failure>) {
        let failed = failure.is_some();
        let event = match operation {
            Operation::Write { file, at, bytes } => {
                let length = match failure {
                    None => bytes.len(),
                    Some(Failure::Short) => bytes.len() / 2,
                    Some(_) => return,
                };
                let Some(file) = self.now.file(&path(*file)) else {
                    return;
                };
                self.now.write(file, *at as usize, &bytes[..length]);
                Event::Write {
                    file,
                    at: *at as usize,
                    bytes: bytes[..length].into(),
                }
            }
            Operation::SyncFile(place) => {
                let Some(file) = self.now.file(&path(*place)) else {
                    return;
                };
                Event::SyncFile { file, failed }
            }
            _ if failed => return,
            Operation::SyncFolder(place) => Event::SyncFolder(path(*place)),
            Operation::SyncFileSystem => Event::SyncFileSystem,
            names => {
                let Some(sets) = self.sets(names) else { return };
                let folders = folders(names)
                    .into_iter()
                    .map(|place| parent(&path(place)).to_owned())
                    .collect();
                sets.iter()
                    .for_each(|(path, node)| self.now.set(path, *node));
                Event::Names { sets, folders }
            }
        };
        self.events.push(event);
    }

    /// What an operation does to names; nothing when it is going to fail.
    fn sets(&mut self, operation: &Operation<'_>) -> Option<Vec<(String, Option<Node>)>> {
        let now = |place: &Place<'_>| self.now.names.get(&path(*place)).copied();
        let set = |place: &Place<'_>, node: Option<Node>| (path(*place), node);
        Some(match operation {
            Operation::Create(place) => {
                now(place).is_none().then_some(())?;
                let file = self.next_file;
                self.now.files.insert(file, Bytes::default());
                self.next_file += 1;
                vec![set(place, Some(Node::File(file)))]
            }
            // Nobody can tell it from another file of that name, and it has no other.
            Operation::Empty(place) => {
                now(place)?;
                let file = self.next_file;
                self.now.files.insert(file, Bytes::default());
                self.next_file += 1;
                vec![set(place, Some(Node::File(file)))]
            }
            Operation::MakeFolder(place) => {
                now(place).is_none().then_some(())?;
                vec![set(place, Some(Node::Folder))]
            }
            Operation::RenameNew { to, .. } | Operation::Link { to, .. } if now(to).is_some() => {
                return None;
            }
            Operation::Link { from, to } => vec![set(to, Some(now(from)?))],
            Operation::Rename { from, to } | Operation::RenameNew { from, to } => {
                let mut sets = vec![set(from, None), set(to, Some(now(from)?))];
                for (name, node) in self.now.below(&path(*from)) {
                    let inside = name.strip_prefix(&path(*from)).unwrap_or_default();
                    let moved = format!("{}{inside}", path(*to));
                    sets.extend([(name.clone(), None), (moved, Some(*node))]);
                }
                sets
            }
            Operation::Exchange { one, other } => {
                vec![set(one, Some(now(other)?)), set(other, Some(now(one)?))]
            }
            Operation::Remove(place) => {
                matches!(now(place)?, Node::File(_)).then_some(())?;
                vec![set(place, None)]
            }
            Operation::RemoveFolder(place) => {
                let is_empty =
                    now(place)? == Node::Folder && self.now.below(&path(*place)).next().is_none();
                is_empty.then(|| vec![set(place, None)])?
            }
            _ => return None,
        })
    }
}

/// An operation without its bytes.
fn told(operation: &Operation<'_>) -> String {
    match operation {
        Operation::Write { file, at, bytes } => {
            format!("Write {} bytes to {file:?} at {at}", bytes.len())
        }
        other => format!("{other:?}"),
    }
}

/// The names whose folders have to be synced.
fn folders<'a>(operation: &Operation<'a>) -> Vec<Place<'a>> {
    match *operation {
        Operation::Exchange { one, other } => vec![one, other],
        Operation::Rename { to, .. }
        | Operation::RenameNew { to, .. }
        | Operation::Link { to, .. } => vec![to],
        Operation::Create(place)
        | Operation::Empty(place)
        | Operation::Remove(place)
        | Operation::MakeFolder(place)
        | Operation::RemoveFolder(place) => vec![place],
        _ => Vec::new(),
    }
}

fn path(place: Place<'_>) -> String {
    match place {
        Place(Root::Folder, path) => path.to_owned(),
        Place(Root::Git, "") => ".git".to_owned(),
        Place(Root::Git, path) => format!(".git/{path}"),
    }
}
