//! Writes become commits, files and branch; a person's saves become commits, too.

use crate::scene::Scene;

#[test]
fn a_write_is_one_commit_that_plain_git_shows() {
    let scene = Scene::served(&[("shared/index.md", "# Index\n")]);
    let receipt = scene.write("user/alice/profile.md", "# Alice\n").unwrap();
    assert!(receipt.published);
    assert_eq!(
        scene.git(&["rev-parse", "HEAD"]),
        receipt.revision.to_string()
    );
    assert_eq!(
        scene.git(&["log", "-1", "--format=%an %s"]),
        "support-bot Write user/alice/profile.md"
    );
    assert_eq!(
        scene.on_disk("user/alice/profile.md").as_deref(),
        Some("# Alice\n")
    );
    scene.assert_clean();
    scene
        .append("user/alice/profile.md", "- City: Mumbai")
        .unwrap();
    scene
        .rename("user/alice/profile.md", "user/alice/me.md")
        .unwrap();
    scene.delete("user/alice/me.md").unwrap();
    assert_eq!(scene.on_disk("user/alice/me.md"), None);
    assert!(
        !scene.at("user").exists(),
        "empty folders go with their files"
    );
    assert_eq!(scene.git(&["rev-list", "--count", "HEAD"]), "5");
    scene.assert_clean();
}

#[test]
fn a_repository_without_commits_begins_with_the_first_write() {
    let scene = Scene::served(&[]);
    scene.write("shared/index.md", "# Index\n").unwrap();
    assert_eq!(scene.git(&["rev-list", "--count", "HEAD"]), "1");
    scene.assert_clean();
}

#[test]
fn a_save_becomes_one_commit_in_the_persons_name() {
    let scene = Scene::served(&[("shared/index.md", "# Index\n")]);
    scene.git(&["config", "user.name", "Pat Person"]);
    scene.git(&["config", "user.email", "pat@example.com"]);
    scene.save("shared/index.md", "# Index\n- Refunds\n");
    scene.eventually("the save is served", |scene| {
        scene.read("shared/index.md").as_deref() == Some("# Index\n- Refunds\n")
    });
    scene.settle();
    assert_eq!(
        scene.git(&["log", "-1", "--format=%an <%ae> %s"]),
        "Pat Person <pat@example.com> Edit shared/index.md"
    );
    assert_eq!(scene.git(&["rev-list", "--count", "HEAD"]), "2");
    scene.assert_clean();
}

#[test]
fn what_was_written_is_there_after_a_restart() {
    let mut scene = Scene::served(&[("shared/index.md", "# Index\n")]);
    scene.write("user/alice/profile.md", "# Alice\n").unwrap();
    scene.stop();
    scene.save("shared/index.md", "# Changed while nobody served\n");
    scene.start();
    assert_eq!(
        scene.read("user/alice/profile.md").as_deref(),
        Some("# Alice\n")
    );
    scene.eventually("the edit is adopted", |scene| {
        scene.read("shared/index.md").as_deref() == Some("# Changed while nobody served\n")
    });
    scene.settle();
    scene.assert_clean();
}

#[test]
fn a_persons_commit_is_followed() {
    let scene = Scene::served(&[("shared/index.md", "# Index\n")]);
    scene.write("user/alice/profile.md", "# Alice\n").unwrap();
    scene.save("shared/index.md", "# Index by hand\n");
    scene.git(&["commit", "-q", "-am", "By hand"]);
    scene.eventually("the commit is served", |scene| {
        scene.read("shared/index.md").as_deref() == Some("# Index by hand\n")
    });
    scene.settle();
    scene
        .write("user/alice/profile.md", "# Alice again\n")
        .unwrap();
    assert_eq!(
        scene.git(&["log", "--format=%s"]),
        "Write user/alice/profile.md\nBy hand\nWrite user/alice/profile.md\nStart"
    );
    scene.assert_clean();
}
