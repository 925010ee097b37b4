//! apt goes from one version of the package to the next and back while thousands of requests come in every second: none
//! fails. In a booted container, which is faster than a machine under emulation; an ordinary user sees it as ignored.

mod support;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use support::container::{Container, enter};
use support::kept;
use support::upgrade::{install, under_load, versions};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let root = nix::unistd::geteuid().is_root();
    if !root {
        eprintln!(
            "systemd-nspawn needs root, so this is ignored: sudo -E env PATH=\"$PATH\" cargo test --test upgrade_under_load"
        );
    } else if !arguments.list {
        enter();
    }
    let trial = Trial::test("upgrades_and_the_ways_back_fail_no_request", || {
        upgrades();
        Ok::<(), Failed>(())
    });
    libtest_mimic::run(&arguments, vec![trial.with_ignored_flag(!root)]).exit_code()
}

fn upgrades() {
    let packages = versions(&kept().join("upgrade-under-load"));
    let container = Container::boot();
    for package in &packages {
        container.copy(package);
    }
    install(&container, "1.0.0");
    under_load(&container, 3);
}
