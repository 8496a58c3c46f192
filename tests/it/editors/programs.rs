//! Real editors, from the distribution's packages. One that is missing is told of on every run, and fails where `CI` is set.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use super::{AFTERMATH, NOTE, commits, desk, long_text};
use crate::scene::Scene;

/// A program, and a shell line that saves `note.md` once for each of `marks`, adding that line to it.
struct Editor {
    program: &'static str,
    marks: &'static [&'static str],
    line: &'static str,
}

const EDITORS: [Editor; 15] = [
    Editor {
        program: "sed",
        marks: &["- one"],
        line: "sed -i '$a - one' note.md",
    },
    Editor {
        program: "perl",
        marks: &["- one"],
        line: r#"perl -pi -e '$_ .= "- one\n" if eof' note.md"#,
    },
    Editor {
        program: "cp",
        marks: &["- one"],
        line: "(cat note.md; echo '- one') > ../.git/new && cp ../.git/new note.md",
    },
    Editor {
        program: "mv",
        marks: &["- one"],
        line: "(cat note.md; echo '- one') > ../.git/new && mv ../.git/new note.md",
    },
    // The test folder and this one are two file systems, so the name is removed and the file copied.
    Editor {
        program: "mv",
        marks: &["- one"],
        line: "(cat note.md; echo '- one') > /dev/shm/note-$$ && mv /dev/shm/note-$$ note.md",
    },
    Editor {
        program: "rsync",
        marks: &["- one"],
        line: "(cat note.md; echo '- one') > ../.git/new && rsync ../.git/new note.md",
    },
    Editor {
        program: "rsync",
        marks: &["- one"],
        line: "(cat note.md; echo '- one') > ../.git/new && rsync --inplace ../.git/new note.md",
    },
    Editor {
        program: "ed",
        marks: &["- one"],
        line: r"printf '$a\n- one\n.\nw\nq\n' | ed -s note.md",
    },
    Editor {
        program: "vim",
        marks: &["- one"],
        line: r#"vim -es -u NONE -i NONE note.md -c 'call append("$", "- one")' -c 'wq!'"#,
    },
    Editor {
        program: "vim",
        marks: &["- one", "- two"],
        line: r#"vim -es -u NONE -i NONE note.md -c 'set backup backupcopy=yes' -c 'call append("$", "- one")' -c 'w!' \
            -c 'sleep 2' -c 'call append("$", "- two")' -c 'wq!'; rm note.md~"#,
    },
    Editor {
        program: "nvim",
        marks: &["- one", "- two"],
        line: r#"nvim --headless -u NONE -i NONE note.md -c 'call append("$", "- one")' -c 'w!' -c 'sleep 2' \
            -c 'call append("$", "- two")' -c 'wq!'"#,
    },
    // Emacs makes no backups of files in temporary folders, where this one lies, unless it is told to.
    Editor {
        program: "emacs",
        marks: &["- one", "- two"],
        line: r#"emacs -Q --batch --eval '(progn (setq backup-enable-predicate (lambda (_) t)) (find-file "note.md")
            (goto-char (point-max)) (insert "- one\n") (save-buffer) (sleep-for 2) (insert "- two\n") (save-buffer))' &&
            rm note.md~"#,
    },
    Editor {
        program: "emacs",
        marks: &["- one"],
        line: r#"emacs -Q --batch --eval '(progn (setq file-precious-flag t) (find-file "note.md")
            (goto-char (point-max)) (insert "- one\n") (save-buffer))'"#,
    },
    Editor {
        program: "nano",
        marks: &["- one"],
        line: r"(sleep 1; printf -- '- one\r'; sleep 0.2; printf '\017'; sleep 0.2; printf '\r'; sleep 0.2; printf '\030') |
            script -qec 'nano -I note.md' /dev/null",
    },
    Editor {
        program: "micro",
        marks: &["- one"],
        line: r"(sleep 1; printf '\033[1;5F'; sleep 0.2; printf -- '- one\r'; sleep 0.2; printf '\023'; sleep 0.5;
            printf '\021') | script -qec 'micro note.md' /dev/null",
    },
];

#[test]
fn every_real_editors_save_is_one_commit() {
    std::thread::scope(|scope| {
        for editor in EDITORS.iter().filter(|editor| is_here(editor.program)) {
            let name = editor.program.to_owned();
            std::thread::Builder::new()
                .name(name)
                .spawn_scoped(scope, || try_editor(editor))
                .unwrap();
        }
    });
}

fn try_editor(editor: &Editor) {
    let scene = desk();
    let output = run(&scene, editor.line);
    let whole = fs::read_to_string(scene.at(NOTE)).unwrap();
    let added: usize = editor.marks.iter().map(|mark| mark.len() + 1).sum();
    assert!(
        editor.marks.iter().all(|mark| whole.contains(mark)),
        "{}: {output}",
        editor.program
    );
    assert_eq!(
        whole.len(),
        long_text("start").len() + added,
        "{}: {output}",
        editor.program
    );
    scene.eventually("the save is served", |scene| {
        scene.read(NOTE).as_deref() == Some(&*whole)
    });
    scene.settle();
    std::thread::sleep(AFTERMATH);
    let log = scene.git(&["log", "--stat", "--format=%an: %s"]);
    assert_eq!(
        commits(&scene, NOTE),
        1 + editor.marks.len(),
        "{}: {log}",
        editor.program
    );
    assert_eq!(
        scene.git(&["rev-list", "--count", "HEAD"]),
        (1 + editor.marks.len()).to_string(),
        "{log}"
    );
    scene.assert_clean();
}

/// Runs a shell line beside the note, and gives what it said.
fn run(scene: &Scene, line: &str) -> String {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", line])
        .current_dir(scene.at("shared"))
        .env("HOME", scene.at(".git"))
        .env("TERM", "xterm");
    let output = shell.stdin(Stdio::null()).output().unwrap();
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Whether a program is here. Told past the test runner's capture, since a test that did not run must not look like one
/// that passed.
fn is_here(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .output()
        .unwrap()
        .status
        .success();
    if !found {
        assert!(
            std::env::var_os("CI").is_none(),
            "{program} is not installed, and this is CI"
        );
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: {program} is not installed, its way to save was not tried"
        );
    }
    found
}
