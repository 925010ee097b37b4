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
mod applications;
mod asgi;
mod boundary;
mod bring;
mod cluster;
mod data;
mod documents;
mod faults;
mod https;
mod install;
mod libraries;
mod paths;
mod processes;
mod restart_under_load;
mod servers;
mod site;
mod updates;
mod upgrade;

use std::process::ExitCode;
use std::sync::LazyLock;

use libtest_mimic::Arguments;
use support::layers::prepare;
use support::room::{run_in_order, unless, without_root};
use support::{Built, container};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    if !arguments.list && without_root().is_none() {
        // There is no way out of the network that the containers share.
        for image in [Built::WithoutPackage, Built::Image] {
            prepare(image);
        }
        site::prepare();
        https::prepare();
        if arguments.filter.as_deref().is_none_or(|filter| filter.contains("libraries")) {
            LazyLock::force(&libraries::PACKAGES);
        }
        if arguments.filter.as_deref().is_none_or(|filter| filter.contains("applications")) {
            applications::prepare();
        }
        asgi::prepare();
        if arguments.filter.as_deref().is_none_or(|filter| filter.contains("servers")) {
            servers::prepare();
        }
        container::enter();
    }
    let in_containers = [
        install::trials(),
        upgrade::trials(),
        processes::trials(),
        asgi::trials(),
        administrator::trials(),
        boundary::trials(),
        updates::trials(),
        faults::trials(),
        cluster::trials(),
        data::trials(),
        bring::trials(),
        libraries::trials(),
        servers::trials(),
        documents::trials(),
        site::trials(),
        https::trials(),
        applications::trials(),
    ];
    let in_containers = unless(without_root(), in_containers.into_iter().flatten().collect());
    run_in_order(arguments, in_containers.into_iter().chain(restart_under_load::trials()).collect())
}
