//! A folder with real git in it, a store that serves it, and a person who edits it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use memoryd::backend::clock::{self, Clock, Moment};
use memoryd::backend::disk::Witness;
use memoryd::model::edit::{Edit, Precondition, Provenance, Step, Target};
use memoryd::model::error::Error;
use memoryd::model::limits::SEGMENT_BYTES;
use memoryd::model::message::Author;
use memoryd::model::patch::Patch;
use memoryd::model::path::{Layout, RepoPath};
use memoryd::model::screening::Screening;
use memoryd::store::{Durability, Options, Pacing, Receipt, Store, Wait};
use tempfile::TempDir;

/// For tests that show more often in a minute than people's git would bear.
pub(crate) const RESTLESS: Pacing = Pacing {
    burst: 16,
    interval: Duration::from_millis(5),
};

/// Longer than anything that works takes, so that what does not work fails instead of hanging.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A memory on disk, and the store that serves it.
pub(crate) struct Scene {
    folder: TempDir,
    store: Option<Store>,
    pub(crate) durability: Durability,
    pub(crate) pacing: Pacing,
    pub(crate) segment_bytes: usize,
    pub(crate) witness: Option<Arc<dyn Witness>>,
    /// What time it is for the store and for people's git, when it is not what it is.
    pub(crate) time: Option<Arc<AtomicI64>>,
}

impl Scene {
    /// A repository with these files in one commit, not served yet.
    pub(crate) fn with_files(files: &[(&str, &str)]) -> Self {
        Self::in_folder(TempDir::new().unwrap(), files)
    }

    /// The same in memory, where that can be had: for tests that make no difference between synced and not.
    pub(crate) fn in_memory(files: &[(&str, &str)]) -> Self {
        Self::in_folder(
            TempDir::new_in("/dev/shm")
                .or_else(|_| TempDir::new())
                .unwrap(),
            files,
        )
    }

    fn in_folder(folder: TempDir, files: &[(&str, &str)]) -> Self {
        let scene = Self::of(folder);
        scene.git(&["init", "-q", "-b", "main"]);
        for (path, text) in files {
            scene.save(path, text);
        }
        if !files.is_empty() {
            scene.git(&["add", "-A"]);
            scene.git(&["commit", "-q", "-m", "Start"]);
        }
        scene
    }

    /// A folder as somebody left it, not served yet.
    pub(crate) fn of(folder: TempDir) -> Self {
        Self {
            folder,
            store: None,
            durability: Durability::Journal,
            pacing: Pacing::FOR_PEOPLE,
            segment_bytes: SEGMENT_BYTES,
            witness: None,
            time: None,
        }
    }

    /// The same, served.
    pub(crate) fn served(files: &[(&str, &str)]) -> Self {
        let mut scene = Self::with_files(files);
        scene.start();
        scene
    }

    pub(crate) fn start(&mut self) {
        self.store = Some(self.try_start().unwrap());
    }

    /// Starts, unless something keeps it from that.
    pub(crate) fn start_if_possible(&mut self) -> Result<(), Error> {
        self.store = Some(self.try_start()?);
        Ok(())
    }

    pub(crate) fn try_start(&self) -> Result<Store, Error> {
        Store::open(
            self.path(),
            Options {
                durability: self.durability,
                layout: Layout::default(),
                branch: "main".to_owned(),
                pacing: self.pacing,
                segment_bytes: self.segment_bytes,
                clock: self.time.clone().map_or_else(clock::system, fixed),
                witness: self.witness.clone(),
            },
        )
    }

    pub(crate) fn stop(&mut self) {
        if let Some(store) = self.store.take() {
            store.close().unwrap();
        }
    }

    /// Stops, and gives what the store says to it.
    pub(crate) fn try_stop(&mut self) -> Result<(), Error> {
        self.store.take().map_or(Ok(()), |store| store.close())
    }

    pub(crate) fn try_store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    pub(crate) fn store(&self) -> &Store {
        self.store.as_ref().expect("the scene is served")
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.path().join(path)
    }

    /// A person saves a file, in place.
    pub(crate) fn save(&self, path: &str, text: &str) {
        let path = self.at(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn on_disk(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.at(path)).ok()
    }

    /// The files in the folder that a memory may serve.
    pub(crate) fn files_on_disk(&self) -> Vec<String> {
        let (mut files, mut folders) = (Vec::new(), vec![String::new()]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(self.at(&folder))
                .into_iter()
                .flatten()
                .flatten()
            {
                let name = entry.file_name().into_string().unwrap();
                let path = if folder.is_empty() {
                    name
                } else {
                    format!("{folder}/{name}")
                };
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() && path != ".git" => folders.push(path),
                    _ => files.extend(RepoPath::parse(&path).is_ok().then_some(path)),
                }
            }
        }
        files
    }

    /// The same, if it is served.
    pub(crate) fn try_read(&self, path: &str) -> Option<String> {
        self.try_store().and_then(|_| self.read(path))
    }

    /// What the memory says.
    pub(crate) fn read(&self, path: &str) -> Option<String> {
        let path = RepoPath::parse(path).unwrap();
        self.store()
            .snapshot()
            .get(&path)
            .map(|file| file.text.to_string())
    }

    /// Runs git as a person would, with nobody's config but the repository's.
    pub(crate) fn try_git(&self, arguments: &[&str]) -> Output {
        self.git_command(arguments).output().expect("git runs")
    }

    /// The same, not run yet: for another folder, or with an editor.
    pub(crate) fn git_command(&self, arguments: &[&str]) -> Command {
        let mut git = Command::new(git_program());
        git.args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", "/nonexistent")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_AUTHOR_NAME", "Pat Person")
            .env("GIT_AUTHOR_EMAIL", "pat@example.com")
            .env("GIT_COMMITTER_NAME", "Pat Person")
            .env("GIT_COMMITTER_EMAIL", "pat@example.com");
        if let Some(time) = &self.time {
            let date = format!("@{} +0000", time.load(Ordering::Relaxed));
            git.env("GIT_AUTHOR_DATE", &date)
                .env("GIT_COMMITTER_DATE", &date);
        }
        git
    }

    /// Runs git, which must succeed, and gives what it printed. Like a person, it is told now and then that the index is
    /// locked, and tries again.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut output = self.try_git(arguments);
        while is_locked_out(&output) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
            output = self.try_git(arguments);
        }
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {error}");
        String::from_utf8(output.stdout)
            .unwrap()
            .trim_end()
            .to_owned()
    }

    /// Waits until something is so.
    pub(crate) fn eventually(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self) {
            let status = self.store.as_ref().map(Store::status);
            assert!(
                Instant::now() < deadline,
                "{what}: still not so; {status:#?}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until the branch shows the head.
    pub(crate) fn settle(&self) {
        self.eventually("everything is shown", |scene| {
            let status = scene.store().status();
            status.shown == status.head && status.unpublished_commits == 0
        });
    }

    /// Git finds nothing wrong and nothing to say.
    pub(crate) fn assert_clean(&self) {
        let fsck = self.try_git(&["fsck", "--strict", "--full"]);
        assert!(
            fsck.status.success(),
            "{}",
            String::from_utf8_lossy(&fsck.stderr)
        );
        assert_eq!(self.git(&["status", "--porcelain"]), "");
    }

    pub(crate) fn write(&self, path: &str, text: &str) -> Result<Receipt, Error> {
        self.edit(Step::Write {
            target: target(path),
            text: text.into(),
        })
    }

    pub(crate) fn append(&self, path: &str, line: &str) -> Result<Receipt, Error> {
        let patch = Patch::AppendLines {
            lines: vec![line.to_owned()],
            after_heading: None,
        };
        self.edit(Step::Patch {
            target: target(path),
            patch,
        })
    }

    pub(crate) fn delete(&self, path: &str) -> Result<Receipt, Error> {
        self.edit(Step::Delete {
            target: target(path),
        })
    }

    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<Receipt, Error> {
        self.edit(Step::Rename {
            target: target(from),
            to: target(to),
        })
    }

    pub(crate) fn edit(&self, step: Step) -> Result<Receipt, Error> {
        self.store().write(edit(step), Wait::Published)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(store) = self.store.take() {
            let closed = store.close();
            if !std::thread::panicking() {
                closed.unwrap();
            }
        }
    }
}

/// Where git lies. Named so, it is started without a copy of this process, which has hundreds of megabytes at times.
fn git_program() -> &'static Path {
    static GIT: OnceLock<PathBuf> = OnceLock::new();
    GIT.get_or_init(|| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let places = std::env::split_paths(&path).map(|folder| folder.join("git"));
        places
            .into_iter()
            .find(|place| place.exists())
            .expect("there is a git")
    })
}

/// Whether git did nothing because somebody else, the daemon mostly, was about to replace the index or the branch.
fn is_locked_out(output: &Output) -> bool {
    let said = String::from_utf8_lossy(&output.stderr);
    let is_locked = ["index.lock': File exists", "cannot lock ref"];
    !output.status.success() && is_locked.iter().any(|lock| said.contains(lock))
}

/// A clock that shows what a test has set.
fn fixed(time: Arc<AtomicI64>) -> Clock {
    Arc::new(move || Moment {
        seconds: time.load(Ordering::Relaxed),
        offset_minutes: 0,
    })
}

pub(crate) fn target(path: &str) -> Target {
    Target {
        path: RepoPath::parse(path).unwrap(),
        name: path.to_owned(),
    }
}

pub(crate) fn edit(step: Step) -> Edit {
    Edit {
        steps: vec![(step, Precondition::Any)],
        provenance: Provenance {
            actor: Some("support-bot".to_owned()),
            user: Some("alice".to_owned()),
            ..Provenance::by(Author::new("support-bot", "support-bot@agents.memoryd"))
        },
        file_bytes_max: 1 << 20,
        screening: Screening::default(),
    }
}
