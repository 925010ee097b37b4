//! From `stack.toml` to the package and the image, as a user builds them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test ends in a panic when something is not as it should be"
)]

mod apt_attacks;
mod apt_client;
mod apt_repository;
mod apt_repository_keys;
mod apt_solver;
mod apt_updates;
mod build_command;
mod cache;
mod crate_metadata;
mod crate_stacks;
mod crates;
mod debug_symbols;
mod documents;
mod fragments;
mod image;
mod killed;
mod libraries;
mod libraries_linked;
mod library_locks;
mod library_updates;
mod linked;
mod manifest;
mod multiarch;
mod odd;
mod own_package;
mod package;
mod package_locks;
mod packages;
mod packages_refused;
mod printing;
mod refusals;
mod several;
mod sources;
mod updates;
mod upload;
mod variants;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let files = [
        apt_attacks::trials(),
        apt_client::trials(),
        apt_repository::trials(),
        apt_repository_keys::trials(),
        apt_solver::trials(),
        apt_updates::trials(),
        build_command::trials(),
        cache::trials(),
        crate_metadata::trials(),
        crate_stacks::trials(),
        crates::trials(),
        debug_symbols::trials(),
        documents::trials(),
        fragments::trials(),
        image::trials(),
        killed::trials(),
        libraries::trials(),
        libraries_linked::trials(),
        library_locks::trials(),
        library_updates::trials(),
        linked::trials(),
        manifest::trials(),
        multiarch::trials(),
        odd::trials(),
        own_package::trials(),
        package::trials(),
        package_locks::trials(),
        packages::trials(),
        packages_refused::trials(),
        printing::trials(),
        refusals::trials(),
        several::trials(),
        sources::trials(),
        updates::trials(),
        upload::trials(),
        variants::trials(),
    ];
    libtest_mimic::run(&Arguments::from_args(), files.into_iter().flatten().collect()).exit_code()
}
