//! health-check as an administrator meets it: the built program, with machines, sites and databases that are well or not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test ends in a panic when something is not as it should be"
)]

mod alert;
mod certificate;
mod check;
mod database;
mod environment;
mod history;
mod measures;
mod report;
mod settings;
mod site;
mod units;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let files = [
        alert::trials(),
        certificate::trials(),
        check::trials(),
        database::trials(),
        environment::trials(),
        history::trials(),
        measures::trials(),
        report::trials(),
        settings::trials(),
        site::trials(),
        units::trials(),
    ];
    libtest_mimic::run(&Arguments::from_args(), files.into_iter().flatten().collect()).exit_code()
}
