//! Packs that the real git judges: it indexes them, checks them, and reads every object back.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

use super::*;
use crate::model::object::{Revision, hash_blob, hash_commit};
use crate::model::tree::{Forest, Leaf, Mode};

/// A memory written by this module alone, beside a repository in which git judges it.
struct World {
    folder: tempfile::TempDir,
    forest: Forest,
    listings: HashMap<TreePath, Vec<u8>>,
    tip: Option<Revision>,
    writer: PackWriter,
    written: BTreeMap<ObjectId, Vec<u8>>,
    trees_whole: bool,
}

impl World {
    fn new() -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
            forest: Forest::new([]).unwrap(),
            listings: HashMap::new(),
            tip: None,
            writer: PackWriter::new(),
            written: BTreeMap::new(),
            trees_whole: false,
        };
        world.git(&["init", "-q", "-b", "main", "--template="]);
        world
    }

    /// Runs git where nobody's settings reach it, and gives what it prints.
    fn git(&self, arguments: &[&str]) -> Vec<u8> {
        self.run(Command::new("git").args(arguments))
    }

    fn run(&self, command: &mut Command) -> Vec<u8> {
        command
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command
            .env("HOME", "/nonexistent")
            .env("GIT_CONFIG_NOSYSTEM", "1");
        let output = command.current_dir(self.folder.path()).output().unwrap();
        assert!(
            output.status.success(),
            "{command:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    fn paths(&self, folder: &str, count: usize) -> Vec<String> {
        (0..count)
            .map(|file| format!("{folder}/{file:08}.md"))
            .collect()
    }

    /// One commit that makes a folder of so many files, and gives their paths.
    fn fill(&mut self, folder: &str, count: usize) -> Vec<String> {
        let paths = self.paths(folder, count);
        let all: Vec<_> = paths
            .iter()
            .map(|path| (path.as_str(), Some("first")))
            .collect();
        self.commit(&all);
        paths
    }

    /// One commit that sets files to texts, or removes them.
    fn commit(&mut self, changes: &[(&str, Option<&str>)]) {
        let leaves: Vec<_> = changes
            .iter()
            .map(|(path, text)| (path.as_bytes().into(), text.map(|t| self.blob(t))))
            .collect();
        for version in self.forest.apply(&leaves) {
            let raw = self.listings.entry(version.folder.clone()).or_default();
            version.splices.iter().for_each(|splice| splice.apply(raw));
            if self.trees_whole {
                self.writer.add(Kind::Tree, version.id.0, raw);
            } else {
                self.writer.add_tree(&version, raw);
            }
            if !raw.is_empty() || version.folder.is_empty() {
                self.written.insert(version.id.0, raw.clone());
            }
        }
        self.forest.settle();
        let parent = self
            .tip
            .map_or_else(String::new, |tip| format!("parent {tip}\n"));
        let person = "A <a@example.org> 1700000000 +0000";
        let raw = format!(
            "tree {}\n{parent}author {person}\ncommitter {person}\n\nsay\n",
            self.forest.root()
        );
        let id = hash_commit(raw.as_bytes());
        self.tip = Some(id);
        self.add(Kind::Commit, id.0, raw.as_bytes());
    }

    fn blob(&mut self, text: &str) -> Leaf {
        let id = hash_blob(text.as_bytes()).unwrap().0;
        self.add(Kind::Blob, id, text.as_bytes());
        Leaf {
            mode: Mode::FILE,
            id,
        }
    }

    fn add(&mut self, kind: Kind, id: ObjectId, bytes: &[u8]) {
        self.writer.add(kind, id, bytes);
        self.written.insert(id, bytes.to_vec());
    }

    /// Puts the pack into the repository, has git check all there is to check, and gives what it says of the pack.
    fn publish(&mut self) -> Verdict {
        let pack = std::mem::take(&mut self.writer).finish();
        let name = format!("pack-{}", pack.name);
        let stem: PathBuf = self.folder.path().join(".git/objects/pack").join(name);
        std::fs::write(stem.with_extension("pack"), &pack.pack).unwrap();
        std::fs::write(stem.with_extension("idx"), &pack.index).unwrap();
        let stem = stem.to_str().unwrap();
        self.git(&[
            "index-pack",
            "--strict",
            "-o",
            "again.idx",
            &format!("{stem}.pack"),
        ]);
        assert_eq!(
            std::fs::read(self.folder.path().join("again.idx")).unwrap(),
            pack.index
        );
        if let Some(tip) = self.tip {
            self.git(&["update-ref", "refs/heads/main", &tip.to_string()]);
        }
        assert_eq!(
            String::from_utf8(self.git(&["fsck", "--strict", "--full"])).unwrap(),
            ""
        );
        self.compare_every_object();
        Verdict::read(&String::from_utf8(self.git(&["verify-pack", "-v", stem])).unwrap())
    }

    fn compare_every_object(&self) {
        let out = self.git(&["cat-file", "--batch-all-objects", "--unordered", "--batch"]);
        let mut rest = &out[..];
        let mut read = BTreeMap::new();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let mut words = std::str::from_utf8(&rest[..end]).unwrap().split(' ');
            let id: ObjectId = words.next().unwrap().parse().unwrap();
            let size: usize = words.nth(1).unwrap().parse().unwrap();
            read.insert(id, rest[end + 1..][..size].to_vec());
            rest = &rest[end + 1 + size + 1..];
        }
        assert!(
            read == self.written,
            "git reads other objects than were written"
        );
    }
}

/// What `git verify-pack -v` says: how many objects stand whole, and of the others how far each is from one that does.
#[derive(Debug, PartialEq)]
struct Verdict {
    whole_trees: usize,
    steps: Vec<u32>,
}

impl Verdict {
    fn read(text: &str) -> Self {
        let objects = text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>());
        let trees: Vec<_> = objects
            .filter(|words| words.get(1) == Some(&"tree"))
            .collect();
        let steps: Vec<_> = trees
            .iter()
            .filter_map(|words| words.get(5)?.parse().ok())
            .collect();
        Self {
            whole_trees: trees.len() - steps.len(),
            steps,
        }
    }
}

/// Marsaglia's xorshift: the same numbers in every run.
struct Xorshift(u64);

impl Xorshift {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

#[test]
fn git_finds_every_object_of_random_histories() {
    for (seed, files, folders) in [(1, 4, 2), (2, 40, 3), (3, 200, 1)] {
        let mut random = Xorshift(seed);
        let mut world = World::new();
        for _pack in 0..3 {
            for _commit in 0..80 {
                let changes: Vec<_> = (0..=random.below(6))
                    .map(|_| random_change(&mut random, files, folders))
                    .collect();
                let changes: Vec<_> = changes
                    .iter()
                    .map(|(path, text)| (path.as_str(), text.as_deref()))
                    .collect();
                world.commit(&changes);
            }
            world.publish();
        }
    }
}

/// Few texts, so that listings come back and folders are alike; one in four is a removal, so that folders vanish.
fn random_change(random: &mut Xorshift, files: u64, folders: u64) -> (String, Option<String>) {
    let path = format!("user/{}/{}.md", random.below(folders), random.below(files));
    let text = "memory ".repeat(random.below(5) as usize * 30);
    (path, (random.below(4) > 0).then_some(text))
}

#[test]
fn a_wide_folder_costs_one_copy_and_its_edits() {
    let mut world = World::new();
    let paths = world.fill("user", 2000);
    let mut random = Xorshift(4);
    let versions = 300;
    for version in 1..versions {
        let path = &paths[random.below(2000) as usize];
        world.commit(&[(path, Some(&format!("version {version}")))]);
    }
    let verdict = world.publish();
    // The root has one entry and is never worth a delta.
    assert_eq!(verdict.whole_trees, 1 + versions);
    let steps: Vec<_> = (1..versions as u32).map(u32::count_ones).collect();
    assert_eq!(verdict.steps, steps);
}

#[test]
fn a_commit_of_many_edits_is_one_delta() {
    let mut world = World::new();
    let paths = world.fill("user", 500);
    let edits = paths.iter().enumerate().step_by(7);
    let mut changes: Vec<_> = edits
        .map(|(n, path)| (path.as_str(), (n % 3 > 0).then_some("second")))
        .collect();
    changes.push(("user/0new.md", Some("new")));
    changes.push(("user/new.md", Some("new")));
    world.commit(&changes);
    assert_eq!(world.publish().steps, [1]);
}

#[test]
fn a_listing_that_comes_back_is_not_stored_again() {
    let mut world = World::new();
    let paths = world.fill("user", 50);
    for text in ["second", "first", "third", "fourth"] {
        world.commit(&[(&paths[7], Some(text))]);
    }
    let verdict = world.publish();
    assert_eq!(
        verdict,
        Verdict {
            whole_trees: 1 + 4,
            steps: vec![1, 1, 2]
        }
    );
}

/// The chain of the second folder would be as long as both together.
#[test]
fn a_listing_that_another_folder_brought_begins_no_chain() {
    let mut world = World::new();
    let theirs = world.fill("team", 50);
    world.commit(&[(&theirs[7], Some("second"))]);
    let ours = world.paths("user", 50);
    let texts = (0..50).map(|n| if n == 7 { "second" } else { "first" });
    let all: Vec<_> = ours
        .iter()
        .map(String::as_str)
        .zip(texts.map(Some))
        .collect();
    world.commit(&all);
    world.commit(&[(&ours[8], Some("third"))]);
    world.commit(&[(&ours[9], Some("fourth"))]);
    let verdict = world.publish();
    assert_eq!(
        verdict,
        Verdict {
            whole_trees: 2 + 5,
            steps: vec![1, 1]
        }
    );
}

/// A version that was made elsewhere is added whole, and the one after it is told from a base that no chain knows.
#[test]
fn a_version_beside_the_chain_breaks_it() {
    let mut world = World::new();
    let paths = world.fill("user", 50);
    world.trees_whole = true;
    world.commit(&[(&paths[1], Some("second"))]);
    world.trees_whole = false;
    world.commit(&[(&paths[2], Some("third"))]);
    world.commit(&[(&paths[3], Some("fourth"))]);
    let verdict = world.publish();
    assert_eq!(
        verdict,
        Verdict {
            whole_trees: 3 + 4,
            steps: vec![1]
        }
    );
}

#[test]
fn copies_of_every_awkward_length_resolve() {
    for bytes in [0xffff, 0x1_0000, 0x1_0001, 70_000, 0x2_0000] {
        let mut world = World::new();
        let mut names = names_that_fill(bytes, 0);
        let edited = names.len();
        names.extend(names_that_fill(bytes, edited));
        names.push("9.md".to_owned());
        let paths: Vec<_> = names.iter().map(|name| format!("user/{name}")).collect();
        let all: Vec<_> = paths
            .iter()
            .map(|path| (path.as_str(), Some("first")))
            .collect();
        world.commit(&all);
        assert_eq!(world.listings[b"user".as_slice()].len(), 2 * bytes + 32);
        for path in [&paths[edited], paths.last().unwrap()] {
            world.commit(&[(path, Some("second"))]);
        }
        assert_eq!(world.publish().steps, [1, 1], "{bytes}");
    }
}

/// Names whose entries take just so many bytes: 64 each, and the last one what is left.
fn names_that_fill(bytes: usize, first: usize) -> Vec<String> {
    let count = bytes / 64;
    let mut names: Vec<_> = (first..first + count).map(|n| format!("{n:036}")).collect();
    names.last_mut().unwrap().push_str(&"x".repeat(bytes % 64));
    names
}

#[test]
fn nothing_is_an_object_too() {
    let mut world = World::new();
    assert!(world.writer.is_empty());
    world.commit(&[("user/a.md", Some("")), ("b.md", Some(""))]);
    world.commit(&[("user/a.md", None)]);
    // The empty text, two commits, two roots, one folder; where the folder went, it has no listing.
    assert_eq!(world.writer.len(), 6);
    world.publish();
    world.commit(&[("b.md", None)]);
    // The root stays, and its empty listing is an object.
    assert_eq!(world.writer.len(), 2);
    world.publish();
}

#[test]
fn git_reads_wide_offsets() {
    let offsets = [12, 0x7fff_ffff, 0x8000_0000, 0x1_2345_6789_abcd];
    let entry = |(n, offset)| Entry {
        id: ObjectId([n; 20]),
        crc32: u32::from(n),
        offset,
    };
    let entries = (0_u8..).zip(offsets).map(entry).collect();
    let world = World::new();
    let path = world.folder.path().join("wide.idx");
    std::fs::write(&path, index::encode(entries, ObjectId::ZERO)).unwrap();
    let input = File::open(&path).unwrap();
    let out = world.run(Command::new("git").arg("show-index").stdin(input));
    let lines: Vec<_> = std::str::from_utf8(&out)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    let told = |(n, offset)| format!("{offset} {} ({n:08x})", ObjectId([n; 20]));
    assert_eq!(lines, (0_u8..).zip(offsets).map(told).collect::<Vec<_>>());
}
