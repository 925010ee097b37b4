//! What only a machine shows: the boot as a Linode, and `stackdeb boot` itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test ends in a panic when something is not as it should be"
)]

mod boot_machine;
mod image_boots;
mod watch;

use std::process::ExitCode;

use libtest_mimic::Arguments;
use support::room::run_in_order;

fn main() -> ExitCode {
    let trials = [boot_machine::trials(), image_boots::trials()];
    run_in_order(Arguments::from_args(), trials.into_iter().flatten().collect())
}
