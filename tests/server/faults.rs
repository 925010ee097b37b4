//! What happens to servers, done to a booted machine while somebody visits it: it heals without a hand, loses no visit that
//! it has acknowledged, and its health check says what was wrong. One machine; `soak` does it for longer.

use std::time::Duration;

use libtest_mimic::Trial;
use support::faults;
use support::machine::{Check, Machine, checks};
use support::{Built, built, kept};

const CHECKS: &[Check] = &[
    ("it_is_well_at_first", |machine| faults::heals(machine, "its boot")),
    ("every_process_is_killed_in_turn", |machine| faults::kill_processes(machine)),
    ("the_health_check_is_killed", |machine| faults::kill_health_check(machine)),
    ("postgresql_is_away", |machine| faults::postgresql_away(machine, Duration::from_secs(5))),
    ("a_worker_takes_all_memory", |machine| faults::out_of_memory(machine)),
    ("the_disk_is_full", |machine| faults::disk_full(machine)),
    ("the_clock_is_set_back", |machine| faults::clock_set_back(machine)),
    ("the_power_is_cut", |machine| {
        faults::power_cut(machine);
    }),
    ("the_file_system_is_whole", |machine| faults::check_file_system(machine)),
];

pub fn trials() -> Vec<Trial> {
    checks("faults", boot, CHECKS)
}

fn boot() -> Machine {
    let image = built(Built::Image).join("stack-1.0.0-linode.img.gz");
    let machine = Machine::boot(&image, &kept().join("faults"), "server");
    machine.system_state();
    machine
}
