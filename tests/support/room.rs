//! The rooms that have a `main` of their own: some of their tests need root, namespaces or a machine. What has to be done for
//! that is done before the first thread is started, and what cannot run here is counted as ignored, with its reason.

use std::process::{Command, ExitCode};
use std::sync::LazyLock;

use libtest_mimic::{Arguments, Failed, Trial};

use crate::lanes;

/// A test, by the name that selects it: `FILE::NAME`.
pub fn test(file: &str, name: &str, test: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(format!("{file}::{name}"), move || {
        test();
        Ok::<(), Failed>(())
    })
}

/// Tests of a file, by the names of their functions.
#[macro_export]
macro_rules! tests {
    ($($test:ident),+ $(,)?) => {
        vec![$($crate::room::test($crate::room::file(module_path!()), stringify!($test), $test)),+]
    };
}

/// The name of a file by that of its module, which has the room's before it.
pub fn file(module: &str) -> &str {
    module.split_once("::").map_or(module, |(_, file)| file)
}

/// The same tests, ignored when what they need is missing. The reason stands before each one's name.
pub fn unless(missing: Option<&str>, trials: Vec<Trial>) -> Vec<Trial> {
    let Some(missing) = missing else { return trials };
    trials.into_iter().map(|trial| trial.with_kind(missing).with_ignored_flag(true)).collect()
}

/// Tests that take longer than the tests may: `just soak` runs them.
pub fn for_soak(trials: Vec<Trial>) -> Vec<Trial> {
    unless(Some("for just soak"), trials)
}

/// What a test that only root can run says to everybody else.
pub fn without_root() -> Option<&'static str> {
    (!nix::unistd::geteuid().is_root()).then_some("needs root")
}

/// What is said where mounts are forbidden, as in many containers. An ordinary user may mount as root of a user namespace.
pub fn without_mounts() -> Option<&'static str> {
    forbidden(&["--mount"], "mount -t tmpfs tmpfs /tmp").then_some("needs the right to mount")
}

/// The same for a network of one's own.
pub fn without_networks() -> Option<&'static str> {
    forbidden(&["--net"], "ip link set lo up").then_some("needs the right to make networks")
}

/// Tests that build in namespaces of their own: root may mount there, an ordinary user needs a range of ids for it.
pub fn in_namespaces(trials: Vec<Trial>) -> Vec<Trial> {
    static MISSING: LazyLock<Option<&str>> = LazyLock::new(|| {
        if without_root().is_none() {
            return without_mounts();
        }
        let missing = forbidden(&["--map-auto", "--mount"], "mount -t tmpfs tmpfs /tmp");
        missing.then_some("needs user namespaces, and ids in /etc/subuid")
    });
    unless(*MISSING, trials)
}

/// Whether the system forbids a script in these new namespaces, in which an ordinary user is root. A program that is missing
/// or fails for another reason is a failure of the tests themselves.
fn forbidden(namespaces: &[&str], script: &str) -> bool {
    let mut probe = Command::new("unshare");
    if without_root().is_some() {
        probe.arg("--map-root-user");
    }
    let Ok(output) = probe.args(namespaces).args(["sh", "-ec", script]).env("LC_ALL", "C").output() else {
        return false;
    };
    let said = crate::text(&output).to_lowercase();
    // The last one is that of user.max_user_namespaces: namespaces(7).
    let words = ["not permitted", "permission denied", "subid", "newuidmap", "unshare failed: no space left"];
    !output.status.success() && words.iter().any(|word| said.contains(word))
}

/// Runs files of `checks` side by side, in so many lanes unless `--test-threads` says otherwise: see `lanes`. Those that
/// come first in `trials` begin first.
pub fn run_in_lanes(mut arguments: Arguments, lanes: usize, trials: Vec<Trial>) -> ExitCode {
    lanes::set_number(arguments.test_threads.unwrap_or(lanes));
    // Nearly all of them wait.
    arguments.test_threads = Some(trials.len());
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Runs the tests one after the other, in their order.
pub fn run_in_order(mut arguments: Arguments, trials: Vec<Trial>) -> ExitCode {
    arguments.test_threads = Some(1);
    libtest_mimic::run(&arguments, trials).exit_code()
}
