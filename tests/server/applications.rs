//! Applications that others wrote, as judges, on one booted Debian: see `support::applications`. Those that stand for a kind
//! are always asked; with the variable `EVERY_APPLICATION`, as `just soak` has it, every one.

use libtest_mimic::{Arguments, Trial};
use support::ahead::Step;
use support::applications;
use support::checks::{Check, checks};
use support::container::Container;

/// An application's name, and its test.
type Judge = (&'static str, Check<Container>);

/// Django as its documentation has it, which is a project of our own; then those of others: a larger Django application with an
/// API, an ASGI application, and one of Flask with Valkey.
const ALWAYS: &[Judge] = &[
    ("board", ("django_works_as_it_comes", |machine| applications::judge(machine, "board"))),
    ("ara-records", ("ara_keeps_a_record", |machine| applications::judge(machine, "ara-records"))),
    ("timetagger", ("timetagger_keeps_an_hour", |machine| applications::judge(machine, "timetagger"))),
    ("secrets", ("snappass_keeps_a_secret", |machine| applications::judge(machine, "secrets"))),
];

const FURTHER: &[Judge] = &[
    ("calendars", ("radicale_keeps_an_appointment", |machine| applications::judge(machine, "calendars"))),
    ("python-index", ("pypiserver_keeps_a_package", |machine| applications::judge(machine, "python-index"))),
    ("comments", ("isso_keeps_a_comment", |machine| applications::judge(machine, "comments"))),
    ("kinto", ("kinto_keeps_a_record", |machine| applications::judge(machine, "kinto"))),
    ("expenses", ("ihatemoney_keeps_a_bill", |machine| applications::judge(machine, "expenses"))),
    ("errors", ("bugsink_keeps_an_error", |machine| applications::judge(machine, "errors"))),
    ("encyclopedia", ("django_wiki_keeps_a_page", |machine| applications::judge(machine, "encyclopedia"))),
    ("flows", ("prefect_marks_a_late_run", |machine| applications::judge(machine, "flows"))),
    ("script-forms", ("wooeys_worker_of_celery_runs_a_script", |machine| applications::judge(machine, "script-forms"))),
];

pub fn is_every() -> bool {
    std::env::var_os("EVERY_APPLICATION").is_some()
}

fn judges() -> Vec<Judge> {
    let further = if is_every() { FURTHER } else { &[] };
    ALWAYS.iter().chain(further).copied().collect()
}

pub fn trials() -> Vec<Trial> {
    let judges: Vec<_> = judges().into_iter().map(|(_, check)| check).collect();
    let mut trials = checks("applications", applications::boot, &judges);
    if !is_every() {
        trials.extend(FURTHER.iter().map(|(_, (test, _))| not_asked("applications", test)));
    }
    trials
}

/// It says what is missing, and fails when it is asked for all the same.
pub fn not_asked(file: &str, test: &str) -> Trial {
    let missing = "needs EVERY_APPLICATION=1";
    Trial::test(format!("{file}::{test}"), move || Err(missing.into())).with_kind(missing).with_ignored_flag(true)
}

/// Builds those that are asked.
pub fn ahead(arguments: &Arguments) -> Step {
    let asked = trials().into_iter().zip(judges()).filter(|(trial, _)| !arguments.is_filtered_out(trial));
    applications::ahead(asked.map(|(_, (name, _))| name).collect())
}
