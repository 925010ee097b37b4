//! What happens to servers, done to one while somebody visits it: it heals without a hand, loses no visit that it has
//! acknowledged, and its health check says what was wrong. `machine::image_boots` does what takes a kernel of one's own;
//! `soak` does it for longer.

use std::time::Duration;

use libtest_mimic::Trial;
use support::checks::{Check, checks};
use support::container::{Cards, Container, Options};
use support::{Built, faults};

const CHECKS: &[Check<Container>] = &[
    ("it_is_well_at_first", |machine| faults::heals(machine, "its boot")),
    ("every_process_is_killed_in_turn", |machine| faults::kill_processes(machine)),
    ("the_health_check_is_killed", |machine| faults::kill_health_check(machine)),
    ("postgresql_is_away", |machine| faults::postgresql_away(machine, Duration::from_secs(5))),
    ("the_disk_is_full", |machine| faults::disk_full(machine)),
];

pub fn trials() -> Vec<Trial> {
    checks("faults", boot, CHECKS)
}

fn boot() -> Container {
    let machine = Container::start(&Options {
        name: "faults",
        number: 10,
        image: Built::Image,
        user_data: None,
        cards: Cards::One,
    });
    machine.wait_until_booted();
    machine
}
