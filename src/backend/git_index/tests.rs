//! What real git writes is read, and what is written here real git reads.

mod damage;

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::*;
use crate::backend::disk::{Disk, Place, Root};

/// A repository of its own, untouched by the settings of whoever runs the tests.
struct Repository(TempDir);

impl Repository {
    /// One commit with `a.md` and `b/c.md`.
    fn new() -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        repository.git("init -q -b main");
        repository.write("a.md", "a\n");
        repository.write("b/c.md", "c\n");
        repository.git("add .");
        repository.git("commit -qm first");
        repository
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, arguments: &str) -> Output {
        Command::new("git")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs([
                ("HOME", "/nonexistent"),
                ("GIT_CONFIG_NOSYSTEM", "1"),
                ("GIT_OPTIONAL_LOCKS", "0"),
                ("GIT_AUTHOR_NAME", "T"),
                ("GIT_AUTHOR_EMAIL", "t@example.org"),
                ("GIT_COMMITTER_NAME", "T"),
                ("GIT_COMMITTER_EMAIL", "t@example.org"),
            ])
            .args(arguments.split_whitespace())
            .current_dir(self.path())
            .output()
            .unwrap()
    }

    /// What git prints; its arguments are separated by spaces.
    fn git(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "git {arguments}: {output:?}");
        String::from_utf8(output.stdout)
            .unwrap()
            .trim_end()
            .to_owned()
    }

    fn write(&self, path: &str, text: &str) {
        let file = self.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// Stores the file's text; gives the entry of the file as it is now.
    fn entry<'a>(&self, path: &'a str) -> Entry<'a> {
        let disk = Disk::open(self.path()).unwrap();
        let stat = disk.stat(Place(Root::Folder, path)).unwrap().unwrap();
        let id = self.git(&format!("hash-object -w {path}"));
        Entry::file(path.as_bytes(), id.parse().unwrap(), stat.into())
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.path().join(".git/index")).unwrap()
    }

    fn index(&self) -> GitIndex {
        GitIndex::parse(&self.bytes()).unwrap()
    }

    fn set_index(&self, bytes: &[u8]) {
        fs::write(self.path().join(".git/index"), bytes).unwrap();
    }

    /// A branch that has another `a.md` than `main`, and a merge of the two that stopped.
    fn begin_conflict(&self) {
        self.write("a.md", "ours\n");
        self.git("commit -qam ours");
        self.git("checkout -qb other HEAD~1");
        self.write("a.md", "theirs\n");
        self.git("commit -qam theirs");
        assert!(!self.run("merge main").status.success());
    }

    fn set_mtimes(&self, paths: &[&str], time: SystemTime) {
        for path in paths {
            let file = File::options().write(true).open(self.path().join(path));
            file.unwrap().set_modified(time).unwrap();
        }
    }
}

fn listed(index: &GitIndex) -> String {
    let line = |entry: Entry<'_>| {
        format!(
            "{:06o} {} {}\t{}",
            entry.mode,
            entry.id,
            entry.stage,
            entry.path.escape_ascii()
        )
    };
    index.entries().map(line).collect::<Vec<_>>().join("\n")
}

fn sealed(body: &[u8]) -> Vec<u8> {
    [body, &checksum(body).0].concat()
}

fn body(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len() - CHECKSUM_BYTES]
}

#[test]
fn what_git_writes_is_read_and_written_back() {
    let cases = [
        ("status", 2),
        ("update-index --assume-unchanged a.md", 2),
        ("update-index --chmod=+x a.md", 2),
        ("-c index.skipHash=true add new.md", 2),
        (
            "-c index.recordEndOfIndexEntries=true -c index.recordOffsetTable=true add new.md",
            2,
        ),
        ("update-index --force-untracked-cache", 2),
        ("add -N new.md", 3),
        ("update-index --skip-worktree b/c.md", 3),
        ("update-index --index-version 4", 4),
        ("-c index.version=4 read-tree -m HEAD", 4),
    ];
    for (command, version) in cases {
        let repository = Repository::new();
        repository.write("new.md", "new\n");
        if version == 4 {
            fs::remove_file(repository.path().join(".git/index")).unwrap();
            repository.git("-c index.version=4 add .");
            repository.git("add -N .");
        }
        repository.git(command);
        assert_eq!(repository.bytes()[7], version, "{command}");

        // `--debug` prints every field of the stat data and all flags.
        let seen =
            || ["ls-files -s --debug", "status --porcelain"].map(|what| repository.git(what));
        let before = seen();
        let index = repository.index();
        assert_eq!(listed(&index), repository.git("ls-files -s"), "{command}");
        assert_eq!(
            GitIndex::parse(&index.to_bytes()).as_ref(),
            Ok(&index),
            "{command}"
        );
        repository.set_index(&index.to_bytes());
        assert_eq!(seen(), before, "{command}");
        repository.git("fsck --strict");
    }
}

#[test]
fn flags_are_told_apart() {
    let repository = Repository::new();
    for (path, command) in [
        ("kept.md", "add"),
        ("absent.md", "update-index --skip-worktree"),
        ("trusted.md", "update-index --assume-unchanged"),
    ] {
        repository.write(path, "x\n");
        repository.git(&format!("add {path}"));
        repository.git(&format!("{command} {path}"));
    }
    repository.write("later.md", "x\n");
    repository.git("add -N later.md");
    let index = repository.index();
    let flags = |path: &str| {
        let entry = index.get(path.as_bytes()).unwrap();
        (entry.skip_worktree, entry.assume_valid, entry.intent_to_add)
    };
    assert_eq!(flags("kept.md"), (false, false, false));
    assert_eq!(flags("absent.md"), (true, false, false));
    assert_eq!(flags("trusted.md"), (false, true, false));
    assert_eq!(flags("later.md"), (false, false, true));
    assert_eq!(index.get(b"kept"), None);
}

#[test]
fn a_patched_index_is_clean() {
    let repository = Repository::new();
    for (path, text) in [
        ("a.md", "a2\n"),
        ("b.md", "b\n"),
        ("b/d/e.md", "e\n"),
        ("z.md", ""),
    ] {
        repository.write(path, text);
    }
    fs::remove_file(repository.path().join("b/c.md")).unwrap();
    let set = ["z.md", "b.md", "a.md", "b/d/e.md"].map(|path| Update::Set(repository.entry(path)));
    let index = repository
        .index()
        .patched(set)
        .patched([Update::Remove(b"b/c.md")]);
    repository.set_index(&index.to_bytes());
    repository.git("commit -qm second");
    repository.set_index(&index.to_bytes());

    assert_eq!(repository.git("status --porcelain"), "");
    // This one also shows a file whose text is the same and whose stat data is not.
    assert_eq!(repository.git("diff-files"), "");
    assert_eq!(
        repository.git("ls-tree -r --name-only HEAD"),
        "a.md\nb.md\nb/d/e.md\nz.md"
    );
    repository.git("fsck --strict");

    repository.git("rm -rq --cached .");
    repository.git("add .");
    assert_eq!(repository.index(), index, "git makes other entries");
}

/// The loss: head and file had moved on, an extension of the index had not, and a person's next commit took the old
/// folder from it, while `status` had told them that nothing differed.
#[test]
fn no_stale_folder_ids_stay() {
    let repository = Repository::new();
    let old_tree = repository.git("rev-parse HEAD^{tree}");
    let before = repository.bytes();
    repository.write("a.md", "b\n");
    let entry = repository.entry("a.md");

    let old_id = repository.index().get(b"a.md").unwrap().id;
    let at = before
        .windows(20)
        .position(|window| window == old_id.0)
        .unwrap();
    let mut naive = before.clone();
    naive[at..at + 20].copy_from_slice(&entry.id.0);
    repository.set_index(&sealed(body(&naive)));
    assert_eq!(
        repository.git("write-tree"),
        old_tree,
        "the trap is gone from git"
    );

    let index = GitIndex::parse(&before)
        .unwrap()
        .patched([Update::Set(entry)]);
    repository.set_index(&index.to_bytes());
    let new_tree = repository.git("write-tree");
    assert_eq!(repository.git(&format!("show {new_tree}:a.md")), "b");
}

#[test]
fn a_conflict_stays_until_its_path_is_set() {
    let repository = Repository::new();
    repository.begin_conflict();
    let index = repository.index();
    assert!(
        index.is_unmerged(b"a.md") && !index.is_unmerged(b"b/c.md") && !index.is_unmerged(b"b")
    );
    assert_eq!((index.get(b"a.md"), index.entries().len()), (None, 4));

    repository.write("b/c.md", "c2\n");
    let patched = index.patched([Update::Set(repository.entry("b/c.md"))]);
    repository.set_index(&patched.to_bytes());
    assert_eq!(repository.git("status --porcelain"), "UU a.md\nM  b/c.md");

    let settled = patched.patched([Update::Set(repository.entry("a.md"))]);
    repository.set_index(&settled.to_bytes());
    assert_eq!(repository.git("ls-files -u"), "");
    assert_eq!(
        patched.patched([Update::Remove(b"a.md")]).entries().len(),
        1
    );
}

#[test]
fn a_resolved_conflict_can_be_reopened() {
    let repository = Repository::new();
    repository.begin_conflict();
    let conflict = repository.git("ls-files -u");
    repository.git("add a.md");
    let resolved = repository.git("ls-files --resolve-undo");
    let index = repository.index().patched([Update::Remove(b"b/c.md")]);
    repository.set_index(&index.to_bytes());
    assert_eq!(repository.git("ls-files --resolve-undo"), resolved);
    repository.git("checkout -m a.md");
    assert_eq!(repository.git("ls-files -u"), conflict);
}

/// The loss: a person saved within the second in which the entry was made, and the index that came a second later
/// hid it from `git status` for good.
#[test]
fn a_save_in_the_same_second_stays_visible() {
    let repository = Repository::new();
    let then = SystemTime::now() - Duration::from_secs(100);
    let then_s = then
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs() as u32;
    repository.git("config core.checkStat minimal");
    repository.git("config core.trustctime false");
    repository.set_mtimes(&["a.md", "b/c.md"], then);
    repository.git("update-index --refresh");
    repository.write("a.md", "A\n");
    repository.set_mtimes(&["a.md", ".git/index"], then);
    assert_eq!(repository.git("status --porcelain"), " M a.md");

    let status_after = |index: &GitIndex| {
        repository.set_index(&index.to_bytes());
        repository.git("status --porcelain")
    };
    let index = repository.index();
    assert_eq!(status_after(&index), "", "the trap is gone from git");
    let mut smudged = index.clone();
    smudged.smudge_racy(then_s, |_| false);
    assert_eq!(status_after(&smudged), " M a.md");
    let mut compared = index.clone();
    compared.smudge_racy(then_s, |entry| entry.path == b"b/c.md");
    assert_eq!(status_after(&compared), " M a.md");
    assert_eq!(compared.get(b"b/c.md"), index.get(b"b/c.md"));
    let mut later = index.clone();
    later.smudge_racy(then_s + 1, |_| false);
    assert_eq!(later, index);
}

#[test]
fn what_cannot_be_patched_is_refused_and_its_cure_works() {
    let split = "update-index --split-index";
    let sparse = "sparse-checkout set --cone --sparse-index nothing";
    for (command, reason) in [(split, Unreadable::Split), (sparse, Unreadable::Sparse)] {
        let repository = Repository::new();
        repository.git(command);
        assert_eq!(GitIndex::parse(&repository.bytes()), Err(reason.clone()));
        for cure in reason.to_string().split('`').skip(1).step_by(2) {
            repository.git(cure.strip_prefix("git ").unwrap());
        }
        assert_eq!(listed(&repository.index()), repository.git("ls-files -s"));
    }
}

/// Twelve bits of length are too few for the paths here, and seven bits for what version 4 strips of them.
#[test]
fn long_paths_are_read_and_written_back() {
    let repository = Repository::new();
    let id = repository.git("rev-parse HEAD:a.md");
    for (letter, length) in ["c", "d", "e", "f", "g"]
        .iter()
        .zip([200, 4_094, 4_095, 4_096, 20_000])
    {
        let path = letter.repeat(length);
        repository.git(&format!(
            "update-index --add --cacheinfo 100644,{id},{path}"
        ));
    }
    repository.git(&format!("update-index --add --cacheinfo 100644,{id},z"));
    for version in [2, 4] {
        repository.git(&format!("update-index --index-version {version}"));
        let list = repository.git("ls-files -s");
        let index = repository.index();
        assert_eq!(listed(&index), list);
        repository.set_index(&index.to_bytes());
        assert_eq!(repository.git("ls-files -s"), list);
    }
}
