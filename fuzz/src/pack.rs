//! The pack writer: git takes every pack with all its checks, and its index is the one that git would write.

use std::collections::HashMap;
use std::io::Write;
use std::process::{Command, Stdio};

use memoryd::backend::pack::{Kind, PackWriter};
use memoryd::model::object::{Revision, hash_blob, hash_commit};
use memoryd::model::tree::{Forest, Leaf, Mode, TreePath};

/// A history that becomes a pack.
struct World {
    forest: Forest,
    listings: HashMap<TreePath, Vec<u8>>,
    tip: Option<Revision>,
    writer: PackWriter,
}

/// Takes any bytes for a history of commits that set and remove files in some folders.
pub fn run(data: &[u8]) {
    let mut world = World {
        forest: Forest::new([]).expect("no folder is a good start"),
        listings: HashMap::new(),
        tip: None,
        writer: PackWriter::new(),
    };
    for commit in data.chunks(24) {
        world.commit(commit);
    }
    if !world.writer.is_empty() {
        judged_by_git(world.writer);
    }
}

impl World {
    fn commit(&mut self, bytes: &[u8]) {
        let mut changes: HashMap<TreePath, Option<Leaf>> = HashMap::new();
        for step in bytes.chunks_exact(3) {
            let path = format!(
                "{}{}.md",
                ["", "a/", "a/b/", "long-folder-name/"][usize::from(step[0] % 4)],
                step[1] % 32
            );
            let leaf = (step[2] != 0).then(|| self.blob(step[2]));
            changes.insert(path.as_bytes().into(), leaf);
        }
        let changes: Vec<_> = changes.into_iter().collect();
        for version in self.forest.apply(&changes) {
            let raw = self.listings.entry(version.folder.clone()).or_default();
            version.splices.iter().for_each(|splice| splice.apply(raw));
            self.writer.add_tree(&version, raw);
        }
        self.forest.settle();
        let parent = self
            .tip
            .map_or_else(String::new, |tip| format!("parent {tip}\n"));
        let person = "A <a@example.org> 1700000000 +0000";
        let tree = self.forest.root();
        let raw = format!("tree {tree}\n{parent}author {person}\ncommitter {person}\n\nsay\n");
        let id = hash_commit(raw.as_bytes());
        self.writer.add(Kind::Commit, id.0, raw.as_bytes());
        self.tip = Some(id);
    }

    fn blob(&mut self, seed: u8) -> Leaf {
        let text = [seed].repeat(usize::from(seed) * 5);
        let id = hash_blob(&text).expect("no collision").0;
        self.writer.add(Kind::Blob, id, &text);
        Leaf {
            mode: Mode::FILE,
            id,
        }
    }
}

fn judged_by_git(writer: PackWriter) {
    let pack = writer.finish();
    let folder = tempfile::tempdir().expect("there is room");
    let index = folder.path().join("again.idx");
    let file = folder.path().join("written.pack");
    let mut written = std::fs::File::create(&file).expect("there is room");
    written.write_all(&pack.pack).expect("there is room");
    let mut git = Command::new("git");
    git.args(["index-pack", "--strict", "-o"])
        .arg(&index)
        .arg(&file);
    let judged = git
        .stdout(Stdio::null())
        .current_dir(folder.path())
        .output()
        .expect("git runs");
    assert!(
        judged.status.success(),
        "{}",
        String::from_utf8_lossy(&judged.stderr)
    );
    assert!(
        std::fs::read(index).expect("git wrote it") == pack.index,
        "git writes another index"
    );
}
