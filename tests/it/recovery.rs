//! Starting from what a crash, a power cut, a backup or a copy left: nothing acknowledged is lost, and git works.

mod clock;
mod git_files;
mod journals;
mod work_tree;

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use memoryd::backend::disk::{Operation, Verdict, Witness};
use memoryd::model::edit::Step;
use memoryd::store::Wait;
use tempfile::TempDir;

use crate::scene::{Scene, edit, target};

const INDEX: &str = "shared/index.md";
const ALICE: &str = "user/alice/profile.md";
const FILES: [(&str, &str); 2] = [(INDEX, "# Index\n"), (ALICE, "# Alice\n")];

/// Keeps the publisher from its work while it is told to, as a slow disk would.
#[derive(Default)]
struct Publishing {
    is_stopped: AtomicBool,
}

impl Witness for Publishing {
    fn judge(&self, _: &Operation<'_>) -> Verdict {
        let is_publisher = std::thread::current().name() == Some("publisher");
        match is_publisher && self.is_stopped.load(Ordering::Acquire) {
            true => Verdict::Fail(std::io::ErrorKind::StorageFull.into()),
            false => Verdict::Proceed,
        }
    }
}

/// An agent writes, and is told that it is safe.
fn write(scene: &Scene, path: &str, text: &str) {
    let step = Step::Write {
        target: target(path),
        text: text.into(),
    };
    scene.store().write(edit(step), Wait::Acknowledged).unwrap();
}

/// The path of alice's note of this number, and its text.
fn note(number: usize) -> (String, String) {
    let text = format!("# Note {number}\n- of several lines\n");
    (format!("user/alice/note{number}.md"), text)
}

/// A served memory that is killed while only its journal has this many notes: a copy, taken in one moment.
fn killed_with_notes(notes: usize, segment_bytes: usize) -> Scene {
    let publishing = Arc::new(Publishing::default());
    let mut scene = Scene::in_memory(&FILES);
    scene.segment_bytes = segment_bytes;
    scene.witness = Some(Arc::<Publishing>::clone(&publishing));
    scene.start();
    scene.settle();
    // Nobody waits to be shown what is held.
    scene.store().hold("a test", 60).unwrap();
    publishing.is_stopped.store(true, Ordering::Release);
    for number in 0..notes {
        let (path, text) = note(number);
        write(&scene, &path, &text);
    }
    assert_ne!(scene.store().status().unpublished_commits, 0);
    let mut copy = copied(&scene);
    copy.segment_bytes = segment_bytes;
    fs::remove_file(copy.at(".git/memoryd/hold")).unwrap();
    publishing.is_stopped.store(false, Ordering::Release);
    scene.store().release().unwrap();
    copy
}

/// A copy of the folder as it stands, not served.
fn copied(scene: &Scene) -> Scene {
    let folder = TempDir::new_in("/dev/shm")
        .or_else(|_| TempDir::new())
        .unwrap();
    let source = scene.at(".");
    let copied = Command::new("cp")
        .arg("-a")
        .args([source.as_path(), folder.path()])
        .output()
        .unwrap();
    assert!(copied.status.success(), "{copied:?}");
    Scene::of(folder)
}

/// Has the next start believe that the power went, and that nothing was synced since this commit.
fn cut_power(scene: &Scene, synced: &str) {
    let text = format!("boot another\nstopped no\nsynced {synced}\n");
    fs::write(scene.at(".git/memoryd/state"), text).unwrap();
}

/// The memory serves these texts, shows them in git, takes another write, and git finds nothing wrong.
fn assert_serves(scene: &Scene, texts: &[(&str, &str)]) {
    for (path, text) in texts {
        assert_eq!(scene.read(path).as_deref(), Some(*text), "{path}");
    }
    scene.write("user/bob/after.md", "# After\n").unwrap();
    scene.settle();
    for (path, text) in texts {
        let shown = scene.git(&["show", &format!("main:{path}")]);
        assert_eq!(shown, text.trim_end(), "{path}");
        assert_eq!(scene.on_disk(path).as_deref(), Some(*text), "{path}");
    }
    scene.assert_clean();
}
