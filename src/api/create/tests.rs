//! New memories, made in temporary folders and looked at with git.

use std::process::Command;

use super::*;

const NO_WISHES: Wishes<'_> = Wishes {
    from: None,
    user_fanout: None,
};

fn put_all(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        put(&root.join(path), text.as_bytes()).unwrap();
    }
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn message(result: Result<Plan, Error>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn a_copy_is_one_commit_of_all_that_a_memory_can_hold() {
    let outside = tempfile::tempdir().unwrap();
    let (from, folder) = (
        outside.path().join("from"),
        outside.path().join("deep/memory"),
    );
    put_all(
        &from,
        &[
            ("shared/index.md", "# Index\r\n"),
            ("user/ann/profile.md", "x"),
            ("shared/logo.png", "\u{1}"),
            (".obsidian/app.json", "{}"),
        ],
    );
    std::fs::write(from.join("shared/latin.md"), b"caf\xe9").unwrap();
    let plan = Plan::new(
        &folder,
        Wishes {
            from: Some(&from),
            user_fanout: Some(Fanout::TwoHex),
        },
    )
    .unwrap();
    let left_out: Vec<_> = plan
        .left_out()
        .iter()
        .map(|left| left.path.clone())
        .collect();
    assert_eq!(left_out, ["shared/latin.md", "shared/logo.png"]);
    let expected = ["memoryd.toml", "shared/index.md", "user/ann/profile.md"];
    assert_eq!(plan.files(), expected);
    assert!(!folder.exists());
    let created = plan.carry_out().unwrap();
    assert_eq!((created.files, created.outer_ignore), (3, None));
    assert_eq!(git(&folder, &["log", "--format=%s"]), "Start the memory\n");
    assert_eq!(git(&folder, &["symbolic-ref", "HEAD"]), "refs/heads/main\n");
    assert_eq!(git(&folder, &["ls-files"]), expected.join("\n") + "\n");
    assert_eq!(
        git(
            &folder,
            &["-c", "core.autocrlf=input", "show", "HEAD:shared/index.md"]
        ),
        "# Index\r\n"
    );
    assert_eq!(git(&folder, &["status", "--porcelain"]), "");
    assert!(git(&folder, &["show", "HEAD:memoryd.toml"]).contains("\nuser_fanout = 2\n"));
    git(&folder, &["fsck", "--strict"]);
}

#[test]
fn a_folder_of_files_becomes_a_memory_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    put_all(folder.path(), &[("notes.md", "x\n"), ("picture.png", "x")]);
    std::os::unix::fs::symlink("notes.md", folder.path().join("link.md")).unwrap();
    let plan = Plan::new(folder.path(), NO_WISHES).unwrap();
    let left_out: Vec<_> = plan
        .left_out()
        .iter()
        .map(|left| left.path.clone())
        .collect();
    assert_eq!(left_out, ["link.md", "picture.png"]);
    plan.carry_out().unwrap();
    assert_eq!(
        git(folder.path(), &["ls-files"]),
        "memoryd.toml\nnotes.md\n"
    );
    assert_eq!(
        git(folder.path(), &["status", "--porcelain"]),
        "?? link.md\n?? picture.png\n"
    );
    assert!(message(Plan::new(folder.path(), NO_WISHES)).contains("repository already"));
}

#[test]
fn what_is_not_clear_is_refused_and_nothing_is_made() {
    let outside = tempfile::tempdir().unwrap();
    let (from, full) = (outside.path().join("from"), outside.path().join("full"));
    put_all(
        outside.path(),
        &[
            ("full/a.md", "x"),
            ("from/a.md", "x"),
            ("from/memoryd.toml", ""),
        ],
    );
    let wishes = Wishes {
        from: Some(&from),
        user_fanout: None,
    };
    assert!(message(Plan::new(&full, wishes)).contains("files in it already"));
    let free = outside.path().join("free");
    let spread = Wishes {
        user_fanout: Some(Fanout::Flat),
        ..wishes
    };
    assert!(message(Plan::new(&free, spread)).contains("comes with the files"));
    assert_eq!(
        Plan::new(&free, wishes).unwrap().files(),
        ["a.md", "memoryd.toml"]
    );
    std::os::unix::fs::symlink("/etc", from.join("etc")).unwrap();
    assert!(message(Plan::new(&free, wishes)).contains("is a link"));
    assert!(!free.exists());
}

#[test]
fn a_checkout_around_it_is_told_or_respected() {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().canonicalize().unwrap();
    git(&root, &["init", "-q"]);
    put_all(
        &root,
        &[("tracked/a.md", "x"), (".gitignore", "/ignored/\n")],
    );
    git(&root, &["add", "tracked"]);
    assert!(
        message(Plan::new(&root.join("tracked"), NO_WISHES)).contains("is tracked by the checkout")
    );
    let made = |name: &str| {
        Plan::new(&root.join(name), NO_WISHES)
            .unwrap()
            .carry_out()
            .unwrap()
    };
    let line = Some((root.join(".gitignore"), "/deep/memory/".to_owned()));
    assert_eq!(made("deep/memory").outer_ignore, line);
    assert_eq!(made("ignored/memory").outer_ignore, None);
}
