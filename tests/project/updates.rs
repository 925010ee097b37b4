//! `stackdeb update`: what moves, what stays, and what is printed. The archive is the test's own.

use std::collections::HashMap;
use std::fs;

use support::repository::Repository;
use support::{run, text};

use crate::package_locks::{Project, Stub, archive, archive_of, machine};
use libtest_mimic::Trial;

pub fn trials() -> Vec<Trial> {
    support::tests![
        all_packages_move_and_only_what_is_different_is_printed,
        named_packages_move_with_what_they_need_and_no_others,
        what_stays_is_found_on_a_snapshot_of_its_own_time,
        what_cannot_be_moved_leaves_the_lock_as_it_was
    ]
}

fn with_machine(stubs: Vec<Stub>) -> Vec<Stub> {
    [machine(), stubs].concat()
}

fn old() -> Vec<Stub> {
    with_machine(vec![
        Stub::new("htop", "1", "Depends: libtop (>= 1)\n"),
        Stub::new("libtop", "1", ""),
        Stub::new("libold", "1", ""),
        Stub::new("nano", "1:1.0-1", "Depends: libold\n"),
        Stub::new("plugin", "1", "Depends: engine (= 1)\n"),
        Stub::new("engine", "1", ""),
        Stub::new("steady", "1", ""),
    ])
}

fn new() -> Vec<Stub> {
    with_machine(vec![
        Stub::new("htop", "2", "Depends: libtop (>= 2), libnew\nBreaks: steady (<< 2)\n"),
        Stub::new("libtop", "2", ""),
        Stub::new("libnew", "0.5", ""),
        Stub::new("libold", "1", ""),
        Stub::new("nano", "1:1.0-1", "Depends: libold\n"),
        Stub::new("nano", "1:1.0-1+deb13u1", "").security(),
        Stub::new("plugin", "2", "Depends: engine (= 2)\n"),
        Stub::new("engine", "2", ""),
        Stub::new("steady", "2", ""),
    ])
}

/// A project that is locked to the old archive, while the mirror has the new one, and the old files for some days more.
fn project() -> Project {
    let project = Project::new(&old());
    project.ask_for("[\"htop\", \"nano\", \"plugin\", \"steady\"]");
    run(&mut project.command(&["lock"]));
    project.mirror.replace(with_old_files());
    project
}

fn with_old_files() -> HashMap<String, Vec<u8>> {
    let old_files = archive(&old()).into_iter().filter(|(path, _)| path.contains("pool/"));
    archive(&new()).into_iter().chain(old_files).collect()
}

const HTOP: &str = "htop 1 → 2\nlibnew none → 0.5\nlibtop 1 → 2\nsteady 1 → 2\n";
const PLUGIN: &str = "engine 1 → 2\nplugin 1 → 2\n";
const NANO: &str = "libold 1 → none\nnano 1:1.0-1 → 1:1.0-1+deb13u1 (security)\n";

fn sorted(texts: &[&str]) -> String {
    let mut lines: Vec<&str> = texts.iter().flat_map(|text| text.split_inclusive('\n')).collect();
    lines.sort_unstable();
    lines.concat()
}

fn all_packages_move_and_only_what_is_different_is_printed() {
    let project = project();
    let said = run(&mut project.command(&["update"]));
    assert_eq!(said, sorted(&[HTOP, PLUGIN, NANO]));
    let lock = project.lock();
    assert_eq!(project.version_of("libold"), None);
    // It is the lock that would be made now.
    fs::remove_file(project.path("stack.lock")).unwrap();
    run(&mut project.command(&["lock"]));
    assert_eq!(project.lock(), lock);

    // Newer Release files alone do not change it.
    project.mirror.replace(archive_of(&Repository { dated: -60, ..Repository::default() }, &new()));
    let output = project.command(&["update"]).output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty(), "{}", text(&output));
    assert!(text(&output).contains("there is no newer version of what is to be moved"), "{}", text(&output));
    assert_eq!(project.lock(), lock);
}

fn named_packages_move_with_what_they_need_and_no_others() {
    let rest = |moved: &[&str]| {
        let all = [("htop", HTOP), ("plugin", PLUGIN), ("nano", NANO)];
        let left: Vec<&str> = all.iter().filter(|(name, _)| !moved.contains(name)).map(|(_, text)| *text).collect();
        sorted(&left)
    };
    // What the newer version needs newer, needs new, and breaks.
    let one = project();
    assert_eq!(run(&mut one.command(&["update", "htop"])), HTOP);
    assert_eq!(run(&mut one.command(&["update", "htop"])), "");
    assert_eq!(run(&mut one.command(&["update"])), rest(&["htop"]));
    // What fits the older version alone.
    let one = project();
    assert_eq!(run(&mut one.command(&["update", "engine"])), PLUGIN);
    assert_eq!(run(&mut one.command(&["update", "nano"])), NANO);
    assert_eq!(run(&mut one.command(&["update"])), rest(&["plugin", "nano"]));
    // What nothing else has to do with.
    let one = project();
    assert_eq!(run(&mut one.command(&["update", "steady"])), "steady 1 → 2\n");
    assert_eq!(run(&mut one.command(&["update", "libtop"])), "libtop 1 → 2\n");
}

fn what_stays_is_found_on_a_snapshot_of_its_own_time() {
    let project = Project::new(&machine());
    project.mirror.replace(archive_of(&Repository { dated: -7200, ..Repository::default() }, &old()));
    project.ask_for("[\"htop\", \"nano\", \"plugin\", \"steady\"]");
    run(&mut project.command(&["lock"]));
    let date_in = |line: &str| line.split_once("date = ").map(|(_, rest)| rest.split(',').next().unwrap().to_owned());
    let line = |start: &str| {
        let lock = project.lock();
        lock.lines().find(|line| line.trim_start().starts_with(start)).unwrap().to_owned()
    };
    let first = date_in(&line("{ suite = \"trixie\",")).unwrap();
    project.mirror.replace(archive(&new()));
    // It has to be had for that: its control data say what it needs.
    let said = project.refused(&["update", "htop"]);
    assert!(said.contains("the mirror does not have") && said.contains("stackdeb update"), "{said}");
    project.mirror.replace(with_old_files());
    assert_eq!(run(&mut project.command(&["update", "htop"])), HTOP);
    let second = date_in(&line("{ suite = \"trixie\",")).unwrap();
    assert!(second > first, "{second} {first}");
    assert_eq!(date_in(&line("{ name = \"engine\"")).as_deref(), Some(first.as_str()));
    // The index has these.
    for name in ["htop", "nano"] {
        assert_eq!(date_in(&line(&format!("{{ name = \"{name}\""))), None);
    }
    // The date stays as long as the package.
    run(&mut project.command(&["update", "steady", "nano"]));
    assert_eq!(date_in(&line("{ name = \"engine\"")).as_deref(), Some(first.as_str()));
    run(&mut project.command(&["update"]));
    assert_eq!(date_in(&line("{ name = \"engine\"")), None);
}

fn what_cannot_be_moved_leaves_the_lock_as_it_was() {
    let bare = Project::new(&machine());
    let said = bare.refused(&["update"]);
    assert!(
        said.contains("has neither libraries nor packages that could be moved") && said.contains("run `stackdeb lock`"),
        "{said}"
    );
    assert!(!bare.path("stack.lock").exists());

    let project = project();
    let lock = project.lock();
    let said = project.refused(&["update", "htpo"]);
    assert!(said.contains("the lock has no package and no library `htpo`: did you mean `htop`?"), "{said}");
    let output = project.command(&["update", "No Name"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    // Nothing can be had that is asked for.
    project.ask_for("[\"htop\", \"no-such-package\"]");
    let said = project.refused(&["update"]);
    assert!(said.contains("no-such-package"), "{said}");
    // An older archive than before.
    project.ask_for("[\"htop\", \"nano\", \"plugin\", \"steady\"]");
    run(&mut project.command(&["update", "steady"]));
    let moved = project.lock();
    project.mirror.replace(archive_of(&Repository { dated: -7200, ..Repository::default() }, &new()));
    let said = project.refused(&["update"]);
    assert!(said.contains("but an earlier build has used one of"), "{said}");
    assert_eq!(project.lock(), moved);
    assert_ne!(moved, lock);
    // The user may want it all the same.
    assert!(said.contains("--allow-downgrade"), "{said}");
    assert_ne!(run(&mut project.command(&["update", "--allow-downgrade"])), "");
    run(&mut project.command(&["lock", "--packages"]));
    project.mirror.replace(archive_of(&Repository { dated: -9000, ..Repository::default() }, &new()));
    project.refused(&["lock", "--packages"]);
    run(&mut project.command(&["lock", "--packages", "--allow-downgrade"]));
}
