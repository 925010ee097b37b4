//! Applications that others wrote, as judges, on one booted Debian: see `support::applications`.

use libtest_mimic::Trial;
use support::ahead::Step;
use support::applications;
use support::checks::{Check, checks};
use support::container::Container;

/// Each stands for a kind: Django as its documentation has it; a larger Django application with an API; an ASGI application.
const NAMES: &[&str] = &["board", "ara-records", "timetagger"];

const CHECKS: &[Check<Container>] = &[
    ("django_works_as_it_comes", |machine| applications::judge(machine, "board")),
    ("ara_keeps_a_record", |machine| applications::judge(machine, "ara-records")),
    ("timetagger_keeps_an_hour", |machine| applications::judge(machine, "timetagger")),
];

pub fn trials() -> Vec<Trial> {
    checks("applications", applications::boot, CHECKS)
}

pub fn ahead() -> Step {
    applications::ahead(NAMES)
}
