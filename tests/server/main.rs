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
mod documents_from_home;
mod faults;
mod https;
mod install;
mod kinds;
mod libraries;
mod paths;
mod processes;
mod queues;
mod restart_under_load;
mod servers;
mod site;
mod updates;
mod upgrade;

use std::process::ExitCode;
use std::thread;

use libtest_mimic::{Arguments, Trial};
use support::ahead::{self, Step};
use support::layers::prepare;
use support::room::{run_in_lanes, unless, without_mounts, without_networks, without_root};
use support::{Built, container};

/// The number of servers, or rows of servers, that run side by side.
const LANES: usize = 6;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    // Those that take longest come first. Beside each is what takes a network.
    let files: Vec<(Vec<Trial>, Option<Step>)> = vec![
        (documents_from_home::trials(), Some(documents_from_home::ahead())),
        (bring::trials(), None),
        (upgrade::trials(), None),
        (processes::trials(), None),
        (asgi::trials(), Some(asgi::ahead())),
        (applications::trials(), Some(applications::ahead(&arguments))),
        (https::trials(), Some(https::ahead())),
        (data::trials(), None),
        (servers::trials(), Some(servers::ahead())),
        (kinds::trials(), Some(kinds::ahead())),
        (cluster::trials(), None),
        (documents::trials(), Some(documents::ahead())),
        (site::trials(), Some(site::ahead())),
        (install::trials(), None),
        (updates::trials(), None),
        (administrator::trials(), None),
        (boundary::trials(), None),
        (faults::trials(), None),
        (libraries::trials(), Some(libraries::ahead())),
    ];
    let (mut trials, mut steps) = (Vec::new(), Vec::new());
    for (of_file, step) in files {
        if of_file.iter().any(|trial| !arguments.is_filtered_out(trial)) {
            steps.extend(step);
        }
        trials.extend(of_file);
    }
    let missing = without_root().or_else(without_mounts).or_else(without_networks);
    if !arguments.list && missing.is_none() {
        ahead::start(steps);
        thread::scope(|scope| {
            for image in [Built::WithoutPackage, Built::Image] {
                scope.spawn(move || prepare(image));
            }
        });
        // There is no way out of the network that the containers share.
        container::enter();
    }
    let trials = unless(missing, trials).into_iter().chain(restart_under_load::trials());
    run_in_lanes(arguments, LANES, trials.collect())
}
