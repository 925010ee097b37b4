//! What happens to servers, done to one while somebody visits it: it heals without a hand, loses no visit that it has
//! acknowledged, and its health check says what was wrong. `machine::image_boots` does what takes a kernel of one's own;
//! `soak` does it for longer.

use std::time::Duration;

use libtest_mimic::Trial;
use support::checks::{Check, checks};
use support::container::{Cards, Container, Options};
use support::server::Server;
use support::{Built, faults};

const CHECKS: &[Check<Container>] = &[
    ("it_is_well_at_first", |machine| faults::heals(machine, "its boot")),
    ("only_what_the_image_does_without_is_missing", nothing_changed),
    ("visits_survive_a_reboot", visits_survive),
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
        number: None,
        image: Built::Image,
        user_data: None,
        cards: Cards::One,
    });
    machine.wait_until_booted();
    machine
}

fn nothing_changed(machine: &mut Container) {
    let without = "^missing  .* /usr/(share/(doc|man|info|lintian|linda|groff|locale|i18n)/\
                   |lib/postgresql/.*/(bitcode|llvmjit)|lib/(x86_64-linux-gnu|llvm-[0-9]*/lib)/(libLLVM|libz3))";
    assert_eq!(machine.sh(&format!("dpkg -V | grep -v -E '{without}' || true")), "");
}

fn visits_survive(machine: &mut Container) {
    let number = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>().parse::<u64>().unwrap();
    let before = number(&machine.get("/visits", 200));
    machine.reboot();
    assert_eq!(number(&machine.get("/visits", 200)), before + 1);
    faults::heals(machine, "a reboot");
}
