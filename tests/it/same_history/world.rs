//! A memory on which a script is run.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc;

use memoryd::model::edit::Edit;
use memoryd::model::snapshot::Seconds;
use memoryd::store::{Durability, Wait};

use super::script::{self, Deed, Move};
use crate::scene::Scene;

const EPOCH: Seconds = 1_800_000_000;
/// A git operation is under way while this stands: the daemon takes no file for a save.
const UNDER_WAY: &str = ".git/BISECT_LOG";

/// A store, what time it is there, and what makes its writes durable from one restart to the next.
pub(super) struct World {
    scene: Scene,
    time: Arc<AtomicI64>,
    durabilities: Vec<Durability>,
    restarts: usize,
    branches: usize,
}

impl World {
    pub(super) fn new(durabilities: Vec<Durability>) -> Self {
        let mut scene = Scene::in_memory(&[]);
        let time = Arc::new(AtomicI64::new(EPOCH));
        (scene.time, scene.durability) = (Some(time.clone()), durabilities[0]);
        scene.git(&["config", "user.name", "Pat Person"]);
        scene.git(&["config", "user.email", "pat@example.com"]);
        scene.save("shared/index.md", "# Index\n\nline 1\n\nline 2\n");
        scene.git(&["add", "-A"]);
        scene.git(&["commit", "-q", "-m", "Start"]);
        scene.start();
        Self {
            scene,
            time,
            durabilities,
            restarts: 0,
            branches: 0,
        }
    }

    /// Does a step, and gives all that is to be the same everywhere: the answers, the head, the files.
    pub(super) fn run(&mut self, deed: &Deed, step: Seconds) -> Vec<String> {
        self.time.store(EPOCH + 60 * (step + 1), Ordering::Relaxed);
        let mut told = match deed {
            Deed::Edits(edits) => self.edits(edits),
            Deed::Save(path, text) => self.save(path, text),
            Deed::Move(edits, to) => self.held(edits, |world| world.move_branch(to)),
            Deed::Elsewhere(edits, commit) => self.elsewhere(edits, commit.as_ref()),
            Deed::Restart(edits) => self.held(edits, Self::restart),
        };
        let snapshot = self.scene.store().snapshot();
        told.push(snapshot.revision.to_string());
        told.extend(
            snapshot
                .files()
                .map(|(path, file)| format!("{path} {} {}", file.revision, file.text)),
        );
        told
    }

    /// The whole history, once everything is shown.
    pub(super) fn history(&mut self) -> Vec<String> {
        self.settle();
        self.scene.assert_clean();
        let format = "--format=%H %P %T%n%an %ae %ad%n%cn %ce %cd%n%B";
        let log = self.scene.git(&["log", "--all", "--topo-order", format]);
        let refs = self.scene.git(&["for-each-ref"]);
        let tracked = self.scene.git(&["ls-files", "-s"]);
        log.lines()
            .chain(refs.lines())
            .chain(tracked.lines())
            .map(str::to_owned)
            .collect()
    }

    /// Queues edits at once and waits for all answers.
    fn edits(&self, edits: &[Edit]) -> Vec<String> {
        self.scene
            .store()
            .write(script::refused(), Wait::Acknowledged)
            .unwrap_err();
        let (sender, answers) = mpsc::channel();
        for (number, edit) in edits.iter().enumerate() {
            let sender = sender.clone();
            let reply = move |answer| drop(sender.send((number, answer)));
            self.scene
                .store()
                .submit(edit.clone(), Wait::Acknowledged, reply);
        }
        drop(sender);
        let mut answers: Vec<_> = answers.iter().collect();
        answers.sort_by_key(|(number, _)| *number);
        let told = answers.into_iter().map(|(_, answer)| match answer {
            Ok(receipt) => format!(
                "{} {:?} {}",
                receipt.revision, receipt.outcomes, receipt.replayed
            ),
            Err(error) => error.to_string(),
        });
        told.collect()
    }

    fn save(&self, path: &str, text: &str) -> Vec<String> {
        self.settle();
        if self.scene.at(path).is_dir() {
            return Vec::new();
        }
        self.scene.save(path, text);
        self.scene.eventually("the save is served", |scene| {
            scene.read(path).as_deref() == Some(text)
        });
        Vec::new()
    }

    /// Has edits acknowledged and not shown, then does something that finds them so.
    fn held(&mut self, edits: &[Edit], then: impl FnOnce(&mut Self)) -> Vec<String> {
        self.settle();
        self.scene.store().hold("a test", 600).unwrap();
        let told = self.edits(edits);
        then(self);
        self.settle();
        told
    }

    fn restart(&mut self) {
        self.scene.stop();
        self.restarts += 1;
        self.scene.durability = self.durabilities[self.restarts % self.durabilities.len()];
        self.scene.start();
        self.scene.store().release().unwrap();
    }

    fn move_branch(&mut self, to: &Move) {
        std::fs::write(self.scene.at(UNDER_WAY), "").unwrap();
        match to {
            Move::Commit(path, text) => self.commit(path, text),
            Move::Amend => {
                drop(
                    self.scene
                        .git(&["commit", "-q", "--amend", "--allow-empty", "-m", "Amended"]),
                )
            }
            Move::Reset(back) => self.reset(*back),
            Move::Fork(back, path, text) => {
                self.reset(*back);
                self.commit(path, text);
            }
        }
        std::fs::remove_file(self.scene.at(UNDER_WAY)).unwrap();
        self.await_followed();
        self.scene.store().release().unwrap();
    }

    fn elsewhere(
        &mut self,
        edits: &[Edit],
        commit: Option<&(&'static str, String)>,
    ) -> Vec<String> {
        self.settle();
        self.branches += 1;
        self.scene
            .git(&["checkout", "-q", "-b", &format!("side-{}", self.branches)]);
        let told = self.edits(edits);
        if let Some((path, text)) = commit {
            self.commit(path, text);
        }
        self.scene.git(&["checkout", "-q", "main"]);
        self.settle();
        told
    }

    fn commit(&self, path: &str, text: &str) {
        if !self.scene.at(path).is_dir() {
            self.scene.save(path, text);
            self.scene.git(&["add", path]);
        }
        self.scene
            .git(&["commit", "-q", "--allow-empty", "-m", "By hand"]);
    }

    fn reset(&self, back: usize) {
        let count: usize = self
            .scene
            .git(&["rev-list", "--first-parent", "--count", "HEAD"])
            .parse()
            .unwrap();
        let to = format!("HEAD~{}", back.min(count - 1));
        self.scene.git(&["reset", "-q", "--hard", &to]);
    }

    /// Waits until the head stands on the branch, shown or not.
    fn await_followed(&self) {
        self.scene.eventually("the branch is followed", |scene| {
            scene.store().status().shown.to_string() == tip(scene.path())
        });
    }

    /// Waits until branch, index and files show the head, and nothing is about to change that.
    fn settle(&self) {
        self.scene.eventually("everything is shown", |scene| {
            let status = scene.store().status();
            let shown = [status.shown, status.published]
                .iter()
                .all(|at| *at == status.head);
            shown && status.paused.is_none() && status.head.to_string() == tip(scene.path())
        });
    }
}

fn tip(folder: &Path) -> String {
    std::fs::read_to_string(folder.join(".git/refs/heads/main"))
        .unwrap()
        .trim_end()
        .to_owned()
}
