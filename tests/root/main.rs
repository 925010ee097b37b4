//! What needs root, or a user namespace in which one is root: the sandbox, and the package in roots that dpkg works on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test ends in a panic when something is not as it should be"
)]

mod database_role;
mod debian_12;
mod differences;
mod dpkg_conditions;
mod dpkg_matrix;
mod further_files;
mod migrations;
mod missing_ids;
mod names_of_an_image;
mod odd_packages;
mod other_builder;
mod piuparts;
mod provision_database;
mod sandbox;
mod small_root;
mod wall;

use std::process::ExitCode;

use libtest_mimic::Arguments;
use stackdeb::system::userns;
use support::layers::own_mounts;
use support::room::{unless, without_mounts};

fn main() -> ExitCode {
    if let Some(status) = sandbox::inner_program().or_else(wall::inner_program) {
        return status;
    }
    let arguments = Arguments::from_args();
    // To list the tests (as `cargo nextest` does) no namespace is needed.
    let missing = if arguments.list { None } else { prepare() };
    let trials = [
        sandbox::trials(),
        wall::trials(),
        missing_ids::trials(),
        differences::trials(),
        database_role::trials(),
        provision_database::trials(),
        migrations::trials(),
        names_of_an_image::trials(),
        odd_packages::trials(),
        other_builder::trials(),
        dpkg_conditions::trials(),
        further_files::trials(),
        dpkg_matrix::trials(),
        piuparts::trials(),
        debian_12::trials(),
    ];
    let trials = unless(missing, trials.into_iter().flatten().collect());
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Becomes root, with mounts of its own. Returns what is missing for that.
fn prepare() -> Option<&'static str> {
    if let Err(error) = userns::enter() {
        eprintln!("{:?}", miette::Report::new(error));
        return Some("needs root or a user namespace");
    }
    let missing = without_mounts();
    if missing.is_none() {
        own_mounts();
    }
    missing
}
