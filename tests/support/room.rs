//! The rooms that have a `main` of their own: they need root, namespaces or a machine, so something has to be done before
//! the first thread is started, and what cannot run here is counted as ignored, with its reason.

use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};

use crate::lanes;

/// A test, by the name that selects it: `FILE::NAME`.
pub fn test(file: &str, name: &str, test: fn()) -> Trial {
    Trial::test(format!("{file}::{name}"), move || {
        test();
        Ok::<(), Failed>(())
    })
}

/// Tests of a file, by the names of their functions.
#[macro_export]
macro_rules! tests {
    ($($test:ident),+ $(,)?) => {
        vec![$($crate::room::test(module_path!().rsplit("::").next().unwrap_or_default(), stringify!($test), $test)),+]
    };
}

/// The same tests, ignored when what they need is missing. The reason stands before each one's name.
pub fn unless(missing: Option<&str>, trials: Vec<Trial>) -> Vec<Trial> {
    let Some(missing) = missing else { return trials };
    trials.into_iter().map(|trial| trial.with_kind(missing).with_ignored_flag(true)).collect()
}

/// What a test that only root can run says to everybody else.
pub fn without_root() -> Option<&'static str> {
    (!nix::unistd::geteuid().is_root()).then_some("needs root")
}

/// What root says who may not mount, as in many containers.
pub fn without_mounts() -> Option<&'static str> {
    forbidden(&["--mount"], "mount -t tmpfs tmpfs /tmp").then_some("needs the right to mount")
}

/// What root says who may not mount or not make networks.
pub fn without_mounts_or_networks() -> Option<&'static str> {
    let networks = || forbidden(&["--net"], "ip link set lo up").then_some("needs the right to make networks");
    without_mounts().or_else(networks)
}

/// Whether the system forbids a script in these new namespaces. A program that is missing or fails for another reason is
/// a failure of the tests themselves.
fn forbidden(namespaces: &[&str], script: &str) -> bool {
    let mut probe = Command::new("unshare");
    let Ok(output) = probe.args(namespaces).args(["sh", "-ec", script]).env("LC_ALL", "C").output() else {
        return false;
    };
    let said = crate::text(&output).to_lowercase();
    !output.status.success() && (said.contains("not permitted") || said.contains("permission denied"))
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
