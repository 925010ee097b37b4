//! What takes longer than the tests may, done to one booted machine while somebody visits it: see `faults`. Run by
//! `just soak`, which says what was done, and a verdict.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test ends in a panic when something is not as it should be"
)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use libtest_mimic::Arguments;
use support::checks::{Check, checks};
use support::faults;
use support::layers::{STEP, package_of_version};
use support::machine::{Machine, without_qemu};
use support::room::{run_in_order, unless};
use support::server::Server;
use support::visitor::Visitor;
use support::{Built, built, kept, text};

const POWER_CUTS: usize = 20;
const ROUNDS: usize = 5;

const CHECKS: &[Check<Machine>] = &[
    ("it_is_well_at_first", |machine| faults::heals(machine, "its boot")),
    ("every_process_is_killed_five_times", every_process_is_killed),
    ("postgresql_is_away_for_a_minute", |machine| faults::postgresql_away(machine, Duration::from_secs(60))),
    ("an_upgrade_is_killed_at_each_of_its_steps", an_upgrade_is_killed),
    ("the_power_is_cut_twenty_times", the_power_is_cut),
    ("the_file_system_is_whole", |machine| faults::check_file_system(machine)),
];

fn main() -> ExitCode {
    let begin = Instant::now();
    let verdict = run_in_order(Arguments::from_args(), unless(without_qemu(), checks("soak", boot, CHECKS)));
    println!("{} minutes", begin.elapsed().as_secs() / 60);
    verdict
}

fn boot() -> Machine {
    let image = built(Built::Image).join("stack-1.0.0-linode.img.gz");
    let machine = Machine::boot(&image, &kept().join("soak"), "server");
    machine.system_state();
    machine
}

fn every_process_is_killed(machine: &mut Machine) {
    for round in 1..=ROUNDS {
        println!("round {round} of {ROUNDS}");
        faults::kill_processes(machine);
        faults::kill_health_check(machine);
    }
}

/// The versions' packages are put on the machine, and a program that counts and kills in front of each of its own.
fn an_upgrade_is_killed(machine: &mut Machine) {
    for version in ["1.0.0", "2.0.0"] {
        machine.copy(&package_of_version(version));
    }
    machine.sh(&format!(
        "mkdir /root/steps; cat >/root/steps/.step <<'END'\n{STEP}END\nchmod 755 /root/steps/.step
         for program in /usr/sbin/* /usr/bin/*; do ln -sf .step \"/root/steps/${{program##*/}}\"; done
         rm /root/steps/sh /root/steps/dpkg"
    ));
    let install = |version: &str| format!("DEBIAN_FRONTEND=noninteractive dpkg -i /root/stack_{version}_amd64.deb");
    machine.sh(&install("1.0.0"));
    faults::heals(machine, "a reinstallation");
    for step in 1.. {
        let visitor = Visitor::start(machine);
        let kill = format!("export KILL_AT={step} KILL_WHEN=before KILL_WHAT=dpkg PATH=/root/steps:$PATH");
        let output = machine.try_sh(&format!("/usr/bin/rm -f /tmp/steps; {kill}; {}", install("2.0.0")));
        let killed = !output.status.success();
        if killed {
            let last = machine.sh("cat /tmp/last-step");
            println!("killed at step {step}, {last}");
            machine.try_sh("dpkg --configure -a");
            if machine.sh("dpkg-query -W -f '${db:Status-Abbrev}${Version}' stack") != "ii 2.0.0" {
                machine.sh(&install("2.0.0"));
            }
        }
        faults::heals(machine, "a killed upgrade");
        visitor.stop(machine);
        assert_eq!(machine.sh("dpkg --audit"), "", "{}", text(&output));
        assert_eq!(machine.sh("dpkg-query -W -f '${db:Status-Abbrev}${Version}' stack"), "ii 2.0.0");
        machine.sh(&install("1.0.0"));
        if !killed {
            println!("an upgrade has {} steps", step - 1);
            return;
        }
    }
}

fn the_power_is_cut(machine: &mut Machine) {
    let mut acknowledged = 0;
    for cut in 1..=POWER_CUTS {
        let visits = faults::power_cut(machine);
        acknowledged += visits.acknowledged;
        println!("cut {cut} of {POWER_CUTS}: {visits:?}");
    }
    println!("{POWER_CUTS} power cuts, {acknowledged} acknowledged visits, none lost");
}
