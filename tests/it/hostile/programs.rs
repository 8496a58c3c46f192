//! Programs that a repository names: hooks, filters, drivers, monitors. People's git runs them, the daemon never does.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use memoryd::backend::maintenance;
use serde_json::json;

use crate::program::{Program, Request, file};

const INDEX: (&str, &str) = ("shared/index.md", "# Index\n");
const NOTE: (&str, &str) = ("user/alice/note.md", "# Note\n");
const ATTRIBUTES: (&str, &str) = (
    ".gitattributes",
    "* filter=trap diff=trap merge=trap\n*.md text eol=crlf ident\n",
);

const HOOKS: [&str; 24] = [
    "applypatch-msg",
    "pre-applypatch",
    "post-applypatch",
    "pre-commit",
    "pre-merge-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "pre-rebase",
    "post-checkout",
    "post-merge",
    "pre-push",
    "pre-receive",
    "update",
    "proc-receive",
    "post-receive",
    "post-update",
    "reference-transaction",
    "push-to-checkout",
    "pre-auto-gc",
    "post-rewrite",
    "sendemail-validate",
    "fsmonitor-watchman",
    "post-index-change",
];

/// Settings that name a program.
const PROGRAMS: [&str; 28] = [
    "core.fsmonitor",
    "core.editor",
    "core.pager",
    "core.askPass",
    "core.sshCommand",
    "core.gitProxy",
    "core.alternateRefsCommand",
    "sequence.editor",
    "filter.trap.clean",
    "filter.trap.smudge",
    "filter.trap.process",
    "diff.external",
    "diff.trap.command",
    "diff.trap.textconv",
    "merge.trap.driver",
    "credential.helper",
    "gpg.program",
    "gpg.ssh.program",
    "gpg.x509.program",
    "pager.log",
    "pager.diff",
    "interactive.diffFilter",
    "uploadpack.packObjectsHook",
    "remote.origin.uploadpack",
    "remote.origin.receivepack",
    "trailer.memory-op.command",
    "trailer.memory-op.cmd",
    "browser.trap.cmd",
];

/// A memory full of traps, each of which leaves a mark.
struct Trapped {
    program: Program,
    mark: PathBuf,
}

impl Trapped {
    fn new() -> Self {
        let program = Program::in_memory(&[INDEX, NOTE]);
        let mark = program.at(".git/a-trap-has-sprung");
        let trap = program.at(".git/trap");
        write_program(
            &trap,
            &format!("#!/bin/sh\necho \"$0 $*\" >> {}\n", mark.display()),
        );
        let command = trap.display().to_string();
        // Files that no filter has seen: git itself is not asked to look at them again.
        program.save(ATTRIBUTES.0, ATTRIBUTES.1);
        program.git(&["add", "-A"]);
        program.git(&["commit", "-q", "-m", "Attributes"]);
        for hook in HOOKS {
            fs::create_dir_all(program.at(".git/hooks")).unwrap();
            fs::copy(&trap, program.at(&format!(".git/hooks/{hook}"))).unwrap();
        }
        let config = program.at(".git/config");
        let mut text = fs::read_to_string(&config).unwrap();
        for setting in PROGRAMS {
            let (section, name) = setting.rsplit_once('.').unwrap();
            let section = match section.split_once('.') {
                Some((section, sub)) => format!("{section} \"{sub}\""),
                None => section.to_owned(),
            };
            text += &format!("[{section}]\n\t{name} = {command}\n");
        }
        let aliases = ["status", "repack", "commit-graph", "pack-objects", "log"];
        text += &format!(
            "[alias]\n{}",
            aliases
                .map(|alias| format!("\t{alias} = !{command}\n"))
                .concat()
        );
        text += "[commit]\n\tgpgSign = true\n[filter \"trap\"]\n\trequired = true\n";
        fs::write(&config, text).unwrap();
        Self { program, mark }
    }

    fn assert_nothing_sprung(&self, after: &str) {
        let sprung = fs::read_to_string(&self.mark);
        assert!(sprung.is_err(), "{after}: {sprung:?}");
    }

    /// What a partial clone lacks, git has its remote's programs bring.
    fn repack_what_is_missing(&self) {
        let promisor = "[extensions]\n\tpartialClone = origin\n[protocol \"ext\"]\n\tallow = always\n[remote \"origin\"]\n";
        let trap = self.program.at(".git/trap");
        let promisor = format!(
            "{promisor}\turl = ext::{}\n\tpromisor = true\n",
            trap.display()
        );
        let config = fs::read_to_string(self.program.at(".git/config")).unwrap();
        self.program.save(".git/config", &(config + &promisor));
        self.program
            .save(".git/refs/heads/missing", &format!("{}\n", "1".repeat(40)));
        drop(maintenance::repack(self.program.path()));
        self.assert_nothing_sprung("a repack of a partial clone");
    }

    fn head(&self) -> String {
        fs::read_to_string(self.program.at(".git/refs/heads/main")).unwrap_or_default()
    }
}

fn write_program(path: &PathBuf, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn nothing_that_the_repository_names_is_run() {
    let mut trapped = Trapped::new();
    trapped.program.start();
    trapped.assert_nothing_sprung("a start");
    for number in 0..3 {
        let put = file("PUT", &format!("user/{number}.md?wait=published")).body("# New\n");
        trapped.program.ask(&put).of(201);
    }
    let append = json!({ "operation": "append_lines", "lines": ["more"] });
    trapped
        .program
        .ask(&file("PATCH", "user/0.md?wait=published").json(&append))
        .of(200);
    trapped
        .program
        .ask(&file("DELETE", "user/1.md?wait=published"))
        .of(200);
    trapped.assert_nothing_sprung("writes");
    let before = trapped.head();
    trapped.program.save(NOTE.0, "# Note\n\nby hand\n");
    trapped
        .program
        .eventually("the save is committed", |_| trapped.head() != before);
    trapped.assert_nothing_sprung("a save");
    for target in [
        "/v1/revisions?path=user/note.md&userId=alice",
        "/v1/files/user/note.md?revision=HEAD~1&userId=alice",
        "/v1/prompt-block?userId=alice",
        "/ready",
    ] {
        trapped.program.ask(&Request::new("GET", target)).of(200);
    }
    trapped.assert_nothing_sprung("reads");
    for arguments in [
        &["log"][..],
        &["diff"],
        &["status"],
        &["check"],
        &["hold"],
        &["release"],
        &["write", "user/alice/cli.md", "x"],
    ] {
        trapped.program.cli(arguments);
    }
    trapped.assert_nothing_sprung("commands");
    trapped.program.kill();
    trapped.program.start();
    trapped.program.stop();
    trapped.program.cli(&["write", "user/alice/alone.md", "x"]);
    trapped.assert_nothing_sprung("restarts");
    assert!(
        maintenance::repack(trapped.program.path()).unwrap(),
        "there is a git"
    );
    trapped.assert_nothing_sprung("a repack");
    trapped.repack_what_is_missing();
    // The traps are sharp: a person's git springs one at once.
    trapped.program.save("user/alice/by-git.md", "x\n");
    trapped.program.try_git(&["add", "-A"]);
    trapped.program.try_git(&["commit", "-m", "x"]);
    assert!(trapped.mark.exists());
}

/// Text that git's attributes would change is kept as it was written, and given back so.
#[test]
fn no_attribute_changes_a_text() {
    let mut trapped = Trapped::new();
    trapped.program.start();
    let text = "# $Id$\nline\n\u{e9}\r\n";
    trapped
        .program
        .ask(&file("PUT", "user/exact.md?wait=published").body(text))
        .of(201);
    assert_eq!(
        trapped
            .program
            .ask(&file("GET", "user/exact.md"))
            .of(200)
            .text(),
        text
    );
    assert_eq!(
        trapped.program.on_disk("user/alice/exact.md").as_deref(),
        Some(text)
    );
    trapped.assert_nothing_sprung("a write");
}
