//! A folder that is served and watched by a tape, and what happens there.

use std::collections::HashSet;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use memoryd::backend::disk::Operation;
use memoryd::model::edit::{Edit, Step};
use memoryd::model::error::{Error, Rejection};
use memoryd::store::{Durability, Store, Wait};

use super::claims::Claims;
use super::tape::Tape;
use crate::scene::{RESTLESS, Scene, edit, target};

/// The memory at the beginning of every scenario.
pub(super) const FILES: [(&str, &str); 4] = [
    ("shared/index.md", "# Index\n\n- one\n\n- two\n\n- three\n"),
    ("shared/domain.md", "# Domain\n"),
    ("user/alice/profile.md", "# Alice\n\nLives in Pune.\n"),
    ("user/bob/profile.md", "# Bob\n"),
];

/// A folder, its store if it could be started, and the tape.
pub(super) struct Stage {
    pub(super) scene: Scene,
    pub(super) tape: Arc<Tape>,
    /// How long is waited for what a planned failure may keep away for good.
    pub(super) patience: Duration,
}

/// A segment of the journal that is read, written and remembered quickly.
const SEGMENT_BYTES: usize = 64 << 10;

/// Makes what is the same in every state quick.
fn prepare(scene: &mut Scene) {
    scene.pacing = RESTLESS;
    scene.segment_bytes = SEGMENT_BYTES;
}

impl Stage {
    /// A repository that nobody has served yet.
    pub(super) fn new(durability: Durability) -> Self {
        let mut scene = Scene::in_memory(&FILES);
        scene.durability = durability;
        prepare(&mut scene);
        scene.git(&["config", "user.name", "Pat Person"]);
        scene.git(&["config", "user.email", "pat@example.com"]);
        let tape = Arc::new(Tape::new(scene.path(), Claims::of(&FILES)));
        scene.witness = Some(tape.clone());
        Self {
            scene,
            tape,
            patience: Duration::from_secs(5),
        }
    }

    /// A folder as a cut left it, with what had been promised before.
    pub(super) fn after(mut scene: Scene, claims: Claims) -> Self {
        let tape = Arc::new(Tape::new(scene.path(), claims));
        scene.witness = Some(tape.clone());
        prepare(&mut scene);
        Self {
            scene,
            tape,
            patience: Duration::from_secs(5),
        }
    }

    /// Starts the store, unless a planned failure keeps it from it.
    pub(super) fn start(&mut self) {
        let _ = self.scene.start_if_possible();
        self.settle();
    }

    /// Starts the store, or says why it does not start.
    pub(super) fn open(&mut self) -> Result<(), String> {
        let opened = self.scene.start_if_possible();
        opened.map_err(|error| format!("does not start: {error}"))
    }

    /// Stops the store, or says why it does not stop.
    pub(super) fn close(&mut self) -> Result<(), String> {
        let closed = self.scene.try_stop();
        closed.map_err(|error| format!("does not stop: {error}"))
    }

    /// How the store is doing.
    pub(super) fn told(&self) -> String {
        let status = self.scene.try_store().map(Store::status);
        format!("{:?} differ; {status:#?}", self.differing())
    }

    pub(super) fn stop(&mut self) {
        let _ = self.scene.try_stop();
    }

    /// Nothing is shown until it is released; says whether that could be noted.
    pub(super) fn hold(&self) -> bool {
        let store = self.scene.try_store();
        store.is_some_and(|store| store.hold("a test", 600).is_ok())
    }

    pub(super) fn release(&self) {
        let _ = self.scene.try_store().map(Store::release);
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        self.edits(
            vec![Step::Write {
                target: target(path),
                text: text.into(),
            }],
            &[(path, Some(text))],
        );
    }

    pub(super) fn delete(&self, path: &str) {
        self.edits(
            vec![Step::Delete {
                target: target(path),
            }],
            &[(path, None)],
        );
    }

    /// Gives a file of this text another name.
    pub(super) fn rename(&self, from: &str, to: &str, text: &str) {
        let step = Step::Rename {
            target: target(from),
            to: target(to),
        };
        self.edits(vec![step], &[(from, None), (to, Some(text))]);
    }

    /// One edit, all or nothing; waits for the answer.
    pub(super) fn edits(&self, steps: Vec<Step>, wanted: &[(&str, Option<&str>)]) {
        self.submit(steps, wanted)();
    }

    /// One edit; what is given waits for the answer.
    pub(super) fn submit(
        &self,
        steps: Vec<Step>,
        wanted: &[(&str, Option<&str>)],
    ) -> impl FnOnce() + use<> {
        self.submit_claimed(steps, self.claim(wanted))
    }

    /// One edit whose claim was made before.
    pub(super) fn submit_claimed(&self, steps: Vec<Step>, claim: usize) -> impl FnOnce() + use<> {
        let (sender, answered) = mpsc::channel();
        let tape = self.tape.clone();
        let reply = move |answer: Result<_, Error>| {
            let mut log = tape.lock();
            let events = log.events.len();
            match answer {
                Ok(_) => log.claims.promise(claim, events),
                Err(Error::Failed(_) | Error::Rejected(Rejection::OutcomeUnknown)) => {}
                Err(Error::Rejected(_)) => log.claims.refuse(claim),
            }
            let _ = sender.send(());
        };
        if let Some(store) = self.scene.try_store() {
            let mut wish: Edit = edit(steps[0].clone());
            wish.steps = steps
                .into_iter()
                .map(|step| (step, wish.steps[0].1))
                .collect();
            store.submit(wish, Wait::Acknowledged, reply);
        }
        move || answered.recv().unwrap_or_default()
    }

    /// A person saves a file in place, and is told nothing.
    pub(super) fn save(&self, path: &str, text: &str) {
        let claim = self.claim(&[(path, Some(text))]);
        self.tape.people(|| self.scene.save(path, text));
        self.promise(claim);
    }

    /// A person saves a file and commits it.
    pub(super) fn commit(&self, path: &str, text: &str) {
        let claim = self.claim(&[(path, Some(text))]);
        self.tape.people(|| {
            self.scene.save(path, text);
            self.scene.git(&["add", path]);
            self.scene.git(&["commit", "-q", "-m", "By hand"]);
        });
        self.promise(claim);
    }

    /// Right before the daemon does something, a person saves a file. Gives what has become of that to be a promise.
    pub(super) fn ambush(
        &self,
        is_here: fn(&Operation<'_>) -> bool,
        path: &'static str,
        text: &'static str,
    ) {
        self.tape.ambush(is_here, move |folder| {
            std::fs::write(folder.join(path), text).unwrap()
        });
    }

    /// What everybody has been promised so far.
    pub(super) fn claims(&self) -> Claims {
        self.tape.lock().claims.clone()
    }

    pub(super) fn claim(&self, wanted: &[(&str, Option<&str>)]) -> usize {
        let mut log = self.tape.lock();
        let events = log.events.len();
        log.claims.make(events, wanted)
    }

    pub(super) fn promise(&self, claim: usize) {
        let mut log = self.tape.lock();
        let events = log.events.len();
        log.claims.promise(claim, events);
    }

    /// Waits until everything is shown and what people saved is served, or for a moment when that cannot be.
    pub(super) fn settle(&self) {
        self.wait(Self::is_settled);
    }

    /// Waits for something, or for a moment when that cannot be.
    pub(super) fn wait(&self, is_so: impl Fn(&Self) -> bool) {
        self.wait_until(self.patience, is_so);
    }

    /// Whether branch, index and files are where the memory is.
    pub(super) fn is_settled(&self) -> bool {
        let Some(store) = self.scene.try_store() else {
            return true;
        };
        let status = store.status();
        let shown = [status.published, status.shown]
            .iter()
            .all(|at| *at == status.head);
        shown && status.paused.is_none() && self.differing().is_empty()
    }

    /// Whether the head is where people moved the branch.
    pub(super) fn has_followed(&self) -> bool {
        let tip =
            std::fs::read_to_string(self.scene.at(".git/refs/heads/main")).unwrap_or_default();
        self.scene
            .try_store()
            .is_none_or(|store| store.status().shown.to_string() == tip.trim_end())
    }

    /// Whether git has everything.
    pub(super) fn is_published(&self) -> bool {
        let status = self.scene.try_store().map(Store::status);
        status.is_none_or(|status| status.published == status.head)
    }

    /// Files that are not as the memory has them.
    pub(super) fn differing(&self) -> HashSet<String> {
        let Some(store) = self.scene.try_store() else {
            return HashSet::new();
        };
        let served = store.snapshot();
        let mut differing: HashSet<_> = self.scene.files_on_disk().into_iter().collect();
        for (path, file) in served.files() {
            if self.scene.on_disk(path.as_str()).as_deref() == Some(&file.text) {
                differing.remove(path.as_str());
            } else {
                differing.insert(path.to_string());
            }
        }
        differing
    }

    pub(super) fn wait_until(&self, patience: Duration, is_so: impl Fn(&Self) -> bool) -> bool {
        let deadline = Instant::now() + patience;
        while !is_so(self) {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }
}
