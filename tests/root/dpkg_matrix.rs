//! Whatever dpkg does with the package, ended by SIGKILL before single steps of its scripts: `dpkg --configure -a`, and
//! where nothing was begun yet the same command once more, end where the uninterrupted operation ends. In a Debian 13 of
//! its own, with policy-rc.d, and with the folder by which scripts recognise systemd, so that they go their longest way.

use std::fs;
use std::process::Output;
use std::sync::LazyLock;

use libtest_mimic::{Failed, Trial};
use support::layers::{AS_IF_LIVE, Root, add_steps, base, dpkg};
use support::text;

/// What is done, to what, and how. The states are made by the operations named before them.
const OPERATIONS: [(&str, State, &str, &str); 8] = [
    ("install", State::Clean, "--install /srv/v1.deb", "installed 1.0.0"),
    ("reinstall", State::Installed, "--install /srv/v1.deb", "installed 1.0.0"),
    ("upgrade", State::Installed, "--install /srv/v2.deb", "installed 2.0.0"),
    ("downgrade", State::Newer, "--install /srv/v1.deb", "installed 1.0.0"),
    ("remove", State::Installed, "--remove stack", "config-files 1.0.0"),
    ("install_after_remove", State::Removed, "--install /srv/v1.deb", "installed 1.0.0"),
    ("purge", State::Installed, "--purge stack", ""),
    ("purge_after_remove", State::Removed, "--purge stack", ""),
];

#[derive(Clone, Copy)]
enum State {
    Clean,
    Installed,
    Newer,
    Removed,
}

pub fn trials() -> Vec<Trial> {
    let trial = |&(name, state, command, end): &(&str, State, &'static str, &'static str)| {
        Trial::test(format!("dpkg_matrix::{name}_interrupted_at_its_steps"), move || {
            interrupted(state, command, end);
            Ok::<(), Failed>(())
        })
    };
    OPERATIONS.iter().map(trial).collect()
}

/// The roots that operations begin with.
struct Roots {
    clean: Root,
    installed: Root,
    newer: Root,
    removed: Root,
}

impl Roots {
    fn get() -> &'static Self {
        static ROOTS: LazyLock<Roots> = LazyLock::new(Roots::make);
        &ROOTS
    }

    fn make() -> Self {
        let clean = base();
        add_steps(&clean);
        clean.sh(AS_IF_LIVE);
        let after = |root: &Root, command: &str| {
            let root = root.fork();
            root.dpkg(command);
            root
        };
        let installed = after(&clean, "--install /srv/v1.deb");
        let newer = after(&clean, "--install /srv/v2.deb");
        let removed = after(&installed, "--remove stack");
        Self { clean, installed, newer, removed }
    }

    fn at(&self, state: State) -> &Root {
        match state {
            State::Clean => &self.clean,
            State::Installed => &self.installed,
            State::Newer => &self.newer,
            State::Removed => &self.removed,
        }
    }
}

/// Every sixth step; with the variable `EVERY_STEP`, as `just soak` has it, every one.
fn steps() -> impl Iterator<Item = usize> {
    (1..).step_by(if std::env::var_os("EVERY_STEP").is_some() { 1 } else { 6 })
}

fn interrupted(state: State, command: &str, end: &str) {
    let begin = Roots::get().at(state);
    let expected = begin.fork();
    expected.dpkg(command);
    assert_eq!(expected.status(), end);
    let interrupted_at = |step: usize, when: &str| interrupted_at(begin, &expected, command, end, step, when);
    let steps: Vec<usize> = steps().take_while(|&step| interrupted_at(step, "before")).collect();
    let last = steps.last().copied().unwrap();
    assert!(interrupted_at(last, "after"));
    println!("{command}: {} steps, up to number {last}", steps.len());
}

/// Runs dpkg with an interruption. Two programs of a pipe may count their steps at once, and then a number is missing: it is
/// tried again.
fn interrupt(begin: &Root, command: &str, step: usize, when: &str) -> Option<(Root, Output)> {
    for _ in 0..10 {
        let root = begin.fork();
        let run = format!("export KILL_AT={step} KILL_WHEN={when} KILL_WHAT=all PATH=/steps:$PATH; {}", dpkg(command));
        let output = root.try_sh(&run);
        if !output.status.success() {
            return Some((root, output));
        }
        let counted = fs::read_to_string(root.path().join("tmp/steps")).unwrap().lines().count();
        if counted < step {
            return None;
        }
    }
    panic!("`dpkg {command}` is never interrupted at its step {step}");
}

/// Does it with an interruption, finishes it, and compares; false if there are fewer steps.
fn interrupted_at(begin: &Root, expected: &Root, command: &str, end: &str, step: usize, when: &str) -> bool {
    let Some((root, output)) = interrupt(begin, command, step, when) else { return false };
    let killed = text(&output);
    let last = fs::read_to_string(root.path().join("tmp/last-step")).unwrap_or_default();
    let place = format!("`dpkg {command}` killed {when} its step {step}, `{}`, which printed\n{killed}", last.trim());
    assert_eq!(output.status.code(), Some(137), "{place}");
    let configured = root.try_dpkg("--configure -a");
    let mut way = format!("{place}\nthen dpkg --configure -a:\n{}", text(&configured));
    // dpkg itself refuses to configure what it may have unpacked in part, whatever the package is, and says what to do.
    assert!(configured.status.success() || way.contains("you should\n reinstall it"), "{way}");
    if root.status() != end || !root.differences(expected).is_empty() {
        let again = root.try_dpkg(command);
        way = format!("{way}\nthen `dpkg {command}` again:\n{}", text(&again));
        assert!(again.status.success(), "{way}");
    }
    assert_eq!(root.differences(expected), Vec::<String>::new(), "{way}");
    assert_eq!(root.sh("dpkg --audit"), "", "{way}");
    true
}
