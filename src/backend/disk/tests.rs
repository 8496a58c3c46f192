//! The two ways to open a path, `openat2` and step by step, hold to the same rule: follow no link, leave no root.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::*;

/// Opens a path below a root.
type Way = fn(BorrowedFd<'_>, &str, OFlags, Mode) -> io::Result<OwnedFd>;

const WAYS: [(&str, Way); 2] = [("openat2", at_once), ("step by step", step_by_step)];

/// A root with a folder in it, and what is outside.
struct Ground {
    folder: tempfile::TempDir,
    root: OwnedFd,
}

impl Ground {
    fn new() -> Self {
        let folder = tempfile::TempDir::new().unwrap();
        for path in ["root/user/alice", "outside"] {
            fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        fs::write(folder.path().join("root/user/alice/note.md"), "inside").unwrap();
        fs::write(folder.path().join("outside/note.md"), "outside").unwrap();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = sys::open(folder.path().join("root"), flags, Mode::empty()).unwrap();
        Self { folder, root }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }
}

fn text(opened: io::Result<OwnedFd>) -> Option<String> {
    let mut text = String::new();
    File::from(opened.ok()?).read_to_string(&mut text).ok()?;
    Some(text)
}

#[test]
fn a_path_is_opened_beneath_its_root_only() {
    let ground = Ground::new();
    symlink(ground.at("outside"), ground.at("root/user/link")).unwrap();
    symlink("../../../outside", ground.at("root/user/relative")).unwrap();
    symlink(ground.at("outside/note.md"), ground.at("root/user/note.md")).unwrap();
    symlink("alice/note.md", ground.at("root/user/inner.md")).unwrap();
    for (name, open) in WAYS {
        let open = |path| {
            text(open(
                ground.root.as_fd(),
                path,
                OFlags::RDONLY,
                Mode::empty(),
            ))
        };
        assert_eq!(
            open("user/alice/note.md").as_deref(),
            Some("inside"),
            "{name}"
        );
        for path in [
            "user/link/note.md",
            "user/relative/note.md",
            "user/note.md",
            "user/inner.md",
            "../outside/note.md",
            "user/../../outside/note.md",
            "..",
            "user/alice/none.md",
        ] {
            assert_eq!(open(path), None, "{name}: {path}");
        }
    }
}

#[test]
fn a_link_flipped_while_a_path_is_opened_leads_nowhere() {
    for (name, open) in WAYS {
        let ground = Ground::new();
        symlink(ground.at("outside"), ground.at("link")).unwrap();
        let (deadline, flips) = (Instant::now() + Duration::from_secs(1), AtomicUsize::new(0));
        let mut opened = 0;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while Instant::now() < deadline {
                    let (folder, link) = (ground.at("root/user/alice"), ground.at("link"));
                    let exchange = RenameFlags::EXCHANGE;
                    sys::renameat_with(sys::CWD, &folder, sys::CWD, &link, exchange).unwrap();
                    flips.fetch_add(1, Ordering::Relaxed);
                }
            });
            for number in 0.. {
                if Instant::now() > deadline {
                    break;
                }
                let root = ground.root.as_fd();
                let read = open(root, "user/alice/note.md", OFlags::RDONLY, Mode::empty());
                if let Some(text) = text(read) {
                    assert_eq!(text, "inside", "{name}");
                    opened += 1;
                }
                let made = format!("user/alice/made{number}.md");
                let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
                drop(open(root, &made, flags, Mode::from_raw_mode(0o666)));
            }
        });
        assert!(opened > 100, "{name}: hardly anything was opened: {opened}");
        assert!(
            flips.load(Ordering::Relaxed) > 100,
            "{name}: it was hardly a race"
        );
        let names = fs::read_dir(ground.at("outside")).unwrap().count();
        assert_eq!(names, 1, "{name}: something was made outside");
    }
}
