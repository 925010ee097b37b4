//! The package on a live system, with systemd, nginx and PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test ends in a panic when something is not as it should be"
)]

mod administrator;
mod cluster;
mod faults;
mod install;
mod restart_under_load;
mod upgrade;
mod upgrade_under_load;

use std::process::ExitCode;

use libtest_mimic::Arguments;
use support::container;
use support::room::{run_in_order, without_root};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    if !arguments.list && without_root().is_none() {
        container::enter();
    }
    let trials = [
        install::trials(),
        upgrade::trials(),
        upgrade_under_load::trials(),
        administrator::trials(),
        faults::trials(),
        cluster::trials(),
        restart_under_load::trials(),
    ];
    run_in_order(arguments, trials.into_iter().flatten().collect())
}
