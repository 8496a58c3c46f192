//! Saves that race writes of the same files: whoever comes second, no text is lost.
//!
//! The daemon replaces a file by swapping it for the new one, and whatever came out is looked at again. A save can fall
//! before the swap, between the swap and the look, or into a file that was opened before it. Each person here reads a
//! file, adds a line and saves, as often as `MEMORYD_RACING_SAVES` says for each way to save (300 unless it is set), while
//! agents add lines to the same files. Every line must be in history in the end.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use memoryd::model::edit::Step;
use memoryd::model::patch::Patch;
use memoryd::store::Wait;

use crate::scene::{Scene, edit, target};

const FILES: usize = 8;
/// Long enough to be adopted between two saves, and too short, in turn.
const PAUSES_MS: [u64; 8] = [0, 3, 11, 450, 1, 37, 0, 120];

/// Adds a line to a file, and saves.
type AddLine = fn(&Path, &str, Duration);

#[test]
fn no_save_in_place_is_lost() {
    race("in place", |path, line, _| {
        let text = fs::read_to_string(path).unwrap();
        fs::write(path, text + line).unwrap();
    });
}

#[test]
fn no_save_by_rename_is_lost() {
    race("by rename", |path, line, _| {
        let text = fs::read_to_string(path).unwrap();
        let temporary = path.with_extension("saving");
        fs::write(&temporary, text + line).unwrap();
        fs::rename(temporary, path).unwrap();
    });
}

#[test]
fn no_save_into_a_file_opened_before_is_lost() {
    race("held open", |path, line, pause| {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .unwrap();
        std::thread::sleep(pause.min(Duration::from_millis(40)));
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.write_all((text + line).as_bytes()).unwrap();
    });
}

fn saves_wanted() -> usize {
    std::env::var("MEMORYD_RACING_SAVES")
        .map_or(300, |count| count.parse().expect("a number of saves"))
}

fn race(name: &str, add_line: AddLine) {
    let paths: Vec<_> = (0..FILES)
        .map(|nth| format!("user/u{nth}/note.md"))
        .collect();
    let files: Vec<_> = paths
        .iter()
        .map(|path| (path.as_str(), "# Note\n"))
        .collect();
    let scene = Scene::served(&files);
    let is_over = AtomicBool::new(false);
    let lines: Vec<String> = std::thread::scope(|scope| {
        let people: Vec<_> = (0..FILES)
            .map(|nth| {
                scope.spawn({
                    let (scene, path) = (&scene, &paths[nth]);
                    move || person(scene, (path, nth), add_line)
                })
            })
            .collect();
        let agents: Vec<_> = paths
            .iter()
            .map(|path| scope.spawn(|| agent(&scene, path, &is_over)))
            .collect();
        let saved: Vec<_> = people
            .into_iter()
            .flat_map(|person| person.join().unwrap())
            .collect();
        is_over.store(true, Ordering::Relaxed);
        let acknowledged = agents.into_iter().flat_map(|agent| agent.join().unwrap());
        saved.into_iter().chain(acknowledged).collect()
    });
    scene.settle();
    scene.eventually("every text is in history", |scene| {
        lost(scene, &lines).is_empty()
    });
    scene.eventually("folder and memory agree", |scene| {
        paths
            .iter()
            .all(|path| scene.on_disk(path) == scene.read(path))
            && scene.try_git(&["status", "--porcelain"]).stdout.is_empty()
    });
    assert_eq!(lost(&scene, &lines), HashSet::<&str>::new(), "{name}");
    scene.assert_clean();
}

fn person(scene: &Scene, (path, nth): (&str, usize), add_line: AddLine) -> Vec<String> {
    let lines: Vec<_> = (0..saves_wanted() / FILES)
        .map(|save| format!("- person {nth} saved this, {save}\n"))
        .collect();
    for (save, line) in lines.iter().enumerate() {
        let pause = Duration::from_millis(PAUSES_MS[(save + nth) % PAUSES_MS.len()]);
        add_line(&scene.at(path), line, pause);
        std::thread::sleep(pause);
    }
    lines
}

fn agent(scene: &Scene, path: &str, is_over: &AtomicBool) -> Vec<String> {
    let mut lines = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let line = format!("- an agent wrote this to {path}, {}", lines.len());
        let patch = Patch::AppendLines {
            lines: vec![line.clone()],
            after_heading: None,
        };
        let step = Step::Patch {
            target: target(path),
            patch,
        };
        scene.store().write(edit(step), Wait::Acknowledged).unwrap();
        lines.push(format!("{line}\n"));
        std::thread::sleep(Duration::from_millis(20));
    }
    lines
}

/// The lines that no commit of the branch or of the daemon's own refs ever added.
fn lost<'a>(scene: &Scene, lines: &'a [String]) -> HashSet<&'a str> {
    let log = scene.git(&["log", "-p", "-U0", "--format=", "-m", "--all"]);
    let added: HashSet<_> = log
        .lines()
        .filter_map(|line| line.strip_prefix('+'))
        .collect();
    lines
        .iter()
        .map(|line| line.trim_end())
        .filter(|line| !added.contains(line))
        .collect()
}
