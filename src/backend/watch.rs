//! Hears from the system where in the folder something changed: a hint where to look, never what is there.
//!
//! Events get lost (the kernel's queue holds 16,384), come late, and come for a path that is another file by then. So
//! nobody may conclude anything from a hint but that a look is worth it, and a scan now and then finds the rest.
//!
//! notify's own thread only sorts events into a mailbox (`pending`); a thread of ours keeps every directory watched
//! (`tree`) and tells. It cannot be one thread, since notify's takes no orders while it tells of an event.

mod pending;
mod tree;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, ModifyKind, RenameMode};

use crate::model::error::{Doing, Fault};
use pending::{Change, Inbox, Pending};
use tree::{Coverage, Tree};

/// Where to look. Paths are relative to the folder, and no component begins with a dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// At this path.
    Path(String),
    /// At this path and at everything below: a directory came, went or was replaced.
    Folder(String),
    /// At git's own state: its index, `HEAD`, a branch, a lock, an operation under way.
    Git,
    /// At the whole folder and at git: events were lost, the folder itself was replaced, or watches ran out.
    Everything,
}

impl Hint {
    fn path(path: String) -> Self {
        match path.as_str() {
            "" => Self::Everything,
            path if is_git(path) => Self::Git,
            _ => Self::Path(path),
        }
    }

    fn folder(path: String) -> Self {
        match Self::path(path) {
            Self::Path(path) => Self::Folder(path),
            hint => hint,
        }
    }
}

/// Watches a folder until it is dropped.
#[derive(Debug)]
pub struct Watch {
    inbox: Arc<Inbox>,
    degraded: Degraded,
}

/// Why the watches do not cover everything, if so.
type Degraded = Arc<Mutex<Option<String>>>;

impl Watch {
    /// Watches every directory of the folder, except those whose names begin with a dot, and `.git` where it shows what
    /// people's git does. All of them are watched when this returns, so a scan that begins afterwards misses nothing.
    ///
    /// `wake` is called on a thread of its own, also for what this process itself writes, and again and again for the
    /// same path; what happens while it runs is merged. Fails when there is no such folder, or when the system has no
    /// event queue left to give.
    pub fn start(root: &Path, wake: impl Fn(Hint) + Send + 'static) -> Result<Self, Fault> {
        let root = root.canonicalize().doing("find the folder to watch")?;
        let inbox = Arc::new(Inbox::default());
        let watcher = notify::recommended_watcher(listener(root.clone(), Arc::clone(&inbox)))
            .doing("ask for file events (fs.inotify.max_user_instances bounds who gets them)")?;
        let watch = Self {
            inbox,
            degraded: Degraded::default(),
        };
        let mut watching = Watching {
            tree: Tree::new(root, watcher),
            inbox: Arc::clone(&watch.inbox),
            degraded: Arc::clone(&watch.degraded),
        };
        watching.watch_all();
        std::thread::Builder::new()
            .name("watch".into())
            .spawn(move || watching.run(wake))
            .doing("start the watching thread")?;
        Ok(watch)
    }

    /// Has every directory that exists now watched, whatever became of the watches: to be called after each full scan.
    /// Returns at once; directories that turn out not to have been watched are hinted. Lists every directory, so it
    /// costs about as much as the scan.
    pub fn rewatch(&self) {
        self.inbox.post(|pending| pending.rewatch = true);
    }

    /// Why some changes are not heard and only a scan finds them, in one sentence; none while all is well.
    pub fn degraded(&self) -> Option<String> {
        self.degraded.lock().expect(ONLY_ASSIGNED).clone()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.inbox.post(|pending| pending.stopped = true);
    }
}

const ONLY_ASSIGNED: &str = "nothing that can panic happens under this lock";

/// Called on notify's thread for every event, of which most are our own reads and writes: it only sorts them.
fn listener(root: PathBuf, inbox: Arc<Inbox>) -> impl FnMut(notify::Result<notify::Event>) + Send {
    move |event| match event {
        Ok(event) if !event.need_rescan() => {
            if let Some((path, change)) = meaning(&root, &event) {
                inbox.post(|pending| pending.add(path, change));
            }
        }
        _ => inbox.post(|pending| pending.lost = true),
    }
}

/// What an event means to us, if anything.
fn meaning(root: &Path, event: &notify::Event) -> Option<(String, Change)> {
    let change = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Create(CreateKind::File)
        | EventKind::Modify(ModifyKind::Data(_)) => Change::Bytes,
        // Opens are mostly our own reads. A rename's two halves have been told before the whole.
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => {
            return None;
        }
        _ => Change::Name,
    };
    let path = event.paths.first()?.strip_prefix(root).ok()?.to_str()?;
    (is_git(path) || !has_dotted_name(path)).then(|| (path.to_owned(), change))
}

fn is_git(path: &str) -> bool {
    path == ".git" || path.starts_with(".git/")
}

fn has_dotted_name(path: &str) -> bool {
    path.split('/').any(|name| name.starts_with('.'))
}

/// The watching thread.
struct Watching {
    tree: Tree,
    inbox: Arc<Inbox>,
    degraded: Degraded,
}

impl Watching {
    fn run(mut self, wake: impl Fn(Hint)) {
        while let Some(pending) = self.inbox.next() {
            self.answer(pending).into_iter().for_each(&wake);
        }
    }

    fn answer(&mut self, pending: Pending) -> Vec<Hint> {
        let was_degraded = self.is_degraded();
        let mut hints = Vec::new();
        if pending.lost {
            // Among what was lost may be the end of any watch.
            self.tree.forget("");
            self.watch_all();
            hints.push(Hint::Everything);
        } else {
            for (path, change) in pending.paths {
                hints.push(self.look(path, change));
            }
            if pending.rewatch {
                hints.extend(self.watch_all());
            }
        }
        if self.is_degraded() && !was_degraded {
            hints.push(Hint::Everything);
        }
        hints.dedup();
        hints
    }

    /// Watches all there is; gives what was not watched before.
    fn watch_all(&mut self) -> Vec<Hint> {
        let coverage = self.tree.cover_all();
        *self.degraded.lock().expect(ONLY_ASSIGNED) = coverage.trouble;
        coverage.born.into_iter().map(Hint::folder).collect()
    }

    fn look(&mut self, path: String, change: Change) -> Hint {
        if change == Change::Bytes {
            return Hint::path(path);
        }
        let was_folder = self.tree.forget(&path);
        let Coverage { born, trouble } = self.tree.cover(&path);
        // A directory that could not be watched is one all the same.
        let is_folder = !born.is_empty() || trouble.is_some();
        if trouble.is_some() {
            *self.degraded.lock().expect(ONLY_ASSIGNED) = trouble;
        }
        if was_folder || is_folder {
            Hint::folder(path)
        } else {
            Hint::path(path)
        }
    }

    fn is_degraded(&self) -> bool {
        self.degraded.lock().expect(ONLY_ASSIGNED).is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::BTreeSet;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::{Duration, Instant};

    use super::*;

    struct Scene {
        folder: tempfile::TempDir,
        watch: Watch,
        hints: Receiver<Hint>,
        rounds: Cell<usize>,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            for below in [
                ".git/refs/heads",
                ".git/objects",
                ".git/memoryd",
                ".memoryd",
                "user/ada",
            ] {
                fs::create_dir_all(folder.path().join(below)).unwrap();
            }
            let (hint, hints) = channel();
            let watch = Watch::start(folder.path(), move |seen| drop(hint.send(seen))).unwrap();
            Self {
                folder,
                watch,
                hints,
                rounds: Cell::default(),
            }
        }

        fn path(&self, below: &str) -> PathBuf {
            self.folder.path().join(below)
        }

        fn write(&self, file: &str) {
            fs::write(self.path(file), "text").unwrap();
        }

        fn make(&self, folder: &str) {
            fs::create_dir_all(self.path(folder)).unwrap();
        }

        fn rename(&self, from: &str, to: &str) {
            fs::rename(self.path(from), self.path(to)).unwrap();
        }

        /// The next hints, up to the one that `is_last`.
        fn hints_until(&self, mut is_last: impl FnMut(&Hint) -> bool) -> Vec<Hint> {
            let deadline = Instant::now() + Duration::from_secs(10);
            let mut hints = Vec::new();
            loop {
                let left = deadline.saturating_duration_since(Instant::now());
                let Ok(hint) = self.hints.recv_timeout(left) else {
                    panic!("only {hints:?}")
                };
                if is_last(&hint) {
                    return hints;
                }
                hints.push(hint);
            }
        }

        /// The different hints for all that was done so far: those before that of a link made last, which is one event.
        fn hints(&self) -> Vec<Hint> {
            let last = format!("~{}", self.rounds.replace(self.rounds.get() + 1));
            symlink("nowhere", self.path(&last)).unwrap();
            let mut hints = Vec::new();
            for hint in self.hints_until(|hint| *hint == path(&last)) {
                if !hints.contains(&hint) {
                    hints.push(hint);
                }
            }
            hints
        }
    }

    fn path(path: &str) -> Hint {
        Hint::Path(path.to_owned())
    }

    fn folder(path: &str) -> Hint {
        Hint::Folder(path.to_owned())
    }

    /// Every file at or below a path, as whoever follows a hint finds them.
    fn files(path: &Path) -> Vec<PathBuf> {
        match fs::read_dir(path) {
            Ok(entries) => entries
                .flatten()
                .flat_map(|entry| files(&entry.path()))
                .collect(),
            Err(_) if path.is_file() => vec![path.to_owned()],
            Err(_) => Vec::new(),
        }
    }

    #[test]
    fn each_way_to_save_is_hinted() {
        type Save = fn(&Scene);
        let ways: [(&str, Save); 5] = [
            ("in place", |scene| scene.write("user/ada/note.md")),
            ("renamed over", |scene| {
                scene.write("user/ada/.note.md.new");
                scene.rename("user/ada/.note.md.new", "user/ada/note.md");
            }),
            ("as vim does", |scene| {
                scene.write("user/ada/.note.md.swp");
                scene.rename("user/ada/note.md", "user/ada/note.md~");
                scene.write("user/ada/note.md");
                fs::remove_file(scene.path("user/ada/note.md~")).unwrap();
            }),
            ("truncated by its path", |scene| {
                let file = fs::OpenOptions::new()
                    .write(true)
                    .open(scene.path("user/ada/note.md"));
                file.unwrap().set_len(1).unwrap();
            }),
            ("removed", |scene| {
                fs::remove_file(scene.path("user/ada/note.md")).unwrap()
            }),
        ];
        let scene = Scene::new();
        for (name, save) in ways {
            save(&scene);
            let hints = scene.hints();
            assert!(
                hints.contains(&path("user/ada/note.md")),
                "{name}: {hints:?}"
            );
            let expected = [path("user/ada/note.md"), path("user/ada/note.md~")];
            assert!(
                hints.iter().all(|hint| expected.contains(hint)),
                "{name}: {hints:?}"
            );
        }
    }

    #[test]
    fn what_is_only_read_or_not_ours_is_not_hinted() {
        let scene = Scene::new();
        scene.write("user/ada/note.md");
        scene.hints();
        for _ in 0..100 {
            assert_eq!(files(&scene.path("user")).len(), 1);
            fs::read(scene.path("user/ada/note.md")).unwrap();
        }
        scene.write(".git/objects/pack");
        scene.write(".git/memoryd/journal");
        scene.write(".memoryd/index");
        scene.write("user/ada/.hidden.md");
        scene.make("user/.obsidian/plugins");
        scene.write("user/.obsidian/plugins/note.md");
        assert_eq!(scene.hints(), []);
    }

    #[test]
    fn a_file_in_a_directory_just_made_is_never_missed() {
        let scene = Scene::new();
        let mut missing = BTreeSet::new();
        for round in 0..50 {
            let deep = format!("user/{round}/b/c");
            scene.make(&deep);
            scene.write(&format!("{deep}/deep.md"));
            missing.insert(scene.path(&format!("{deep}/deep.md")));
        }
        scene.hints_until(|hint| {
            if let Hint::Path(below) | Hint::Folder(below) = hint {
                missing.retain(|file| !files(&scene.path(below)).contains(file));
            }
            missing.is_empty()
        });
    }

    #[test]
    fn a_directory_is_heard_under_the_name_it_has_now() {
        let scene = Scene::new();
        scene.make("user/ada/deep");
        scene.rename("user/ada", "user/eve");
        let hints = scene.hints();
        assert!(
            hints.contains(&folder("user/ada")) && hints.contains(&folder("user/eve")),
            "{hints:?}"
        );
        scene.write("user/eve/deep/note.md");
        assert_eq!(scene.hints(), [path("user/eve/deep/note.md")]);
        scene.make("user/ada/deep");
        fs::remove_dir_all(scene.path("user/eve")).unwrap();
        scene.rename("user/ada", "user/eve");
        scene.hints();
        scene.write("user/eve/deep/note.md");
        assert_eq!(scene.hints(), [path("user/eve/deep/note.md")]);
    }

    #[test]
    fn a_link_to_a_directory_is_not_followed() {
        let scene = Scene::new();
        let outside = tempfile::tempdir().unwrap();
        symlink(outside.path(), scene.path("user/link")).unwrap();
        scene.hints();
        scene.watch.rewatch();
        fs::write(outside.path().join("note.md"), "text").unwrap();
        assert_eq!(scene.hints(), []);
    }

    #[test]
    fn gits_own_state_is_one_hint() {
        let changes: [fn(&Scene); 6] = [
            |scene| scene.write(".git/index.lock"),
            |scene| scene.rename(".git/index.lock", ".git/index"),
            |scene| scene.write(".git/HEAD"),
            |scene| scene.make(".git/rebase-merge"),
            |scene| scene.make(".git/refs/heads/topic"),
            |scene| scene.write(".git/refs/heads/topic/one"),
        ];
        let scene = Scene::new();
        for (number, change) in changes.iter().enumerate() {
            change(&scene);
            let hints = scene.hints();
            assert!(!hints.is_empty(), "change {number}");
            assert!(
                hints.iter().all(|hint| *hint == Hint::Git),
                "change {number}: {hints:?}"
            );
        }
    }

    #[test]
    fn a_folder_that_was_made_again_is_watched_again() {
        let scene = Scene::new();
        fs::remove_dir_all(scene.folder.path()).unwrap();
        scene.hints_until(|hint| *hint == Hint::Everything);
        scene.make("user/ada");
        scene.watch.rewatch();
        scene.hints_until(|hint| *hint == Hint::Everything);
        scene.write("user/ada/note.md");
        assert!(scene.hints().contains(&path("user/ada/note.md")));
        assert_eq!(scene.watch.degraded(), None);
    }

    #[test]
    fn lost_events_mean_everything() {
        let scene = Scene::new();
        scene.watch.inbox.post(|pending| pending.lost = true);
        scene.hints_until(|hint| *hint == Hint::Everything);
        scene.write("user/ada/note.md");
        assert_eq!(scene.hints(), [path("user/ada/note.md")]);
    }
}
