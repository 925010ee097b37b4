//! The tables `[worker.NAME]` and `[timer.NAME]`, and the limits that they share with `[app]`.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::civil::Date;
use miette::Diagnostic;

use super::table::{Item, Table};
use crate::stack::process::{ProcessLimits, Timer, Worker};
use crate::stack::units;
use crate::stack::values::{calendar, command, limits, name, time_span};

/// A name that another unit has.
#[derive(Debug, thiserror::Error, Diagnostic)]
enum NameTaken {
    #[error("`{0}` is the name of a unit that each stack has")]
    #[diagnostic(help("choose another name: the unit is called as the package and this name together"))]
    ByStack(String),
    #[error("the unit `{0}` belongs to another worker or timer already")]
    #[diagnostic(help(
        "choose another name: the processes of a worker `mail` are the units `mail`, `mail-2`, `mail-3` and so on"
    ))]
    ByOther(String),
}

/// Both kinds, each in the order of their names.
#[derive(Default)]
pub(super) struct Processes {
    pub(super) workers: Vec<Worker>,
    pub(super) timers: Vec<Timer>,
}

/// Reads all tables of both kinds. A mistake in one is noted, and the others are read all the same. `app` is the app's
/// folder, `None` when there is a mistake in it; `newest` is the day of the newest version.
pub(super) fn read(document: &mut Table<'_>, app: Option<&Path>, newest: Option<Date>) -> Processes {
    let mut all = Processes::default();
    let mut taken = BTreeSet::new();
    for (name, mut table) in document.named_tables("worker") {
        let place = name.place.clone();
        let name = table.accept(name, name::process_name);
        let command = table.required_text("command", |text| command::command_line(text, app));
        let processes = table.number("processes");
        let stop_timeout = table.checked_or_default("stop-timeout", time_span::time_span);
        let limits = read_limits(&mut table);
        let worker = (|| {
            Some(Worker { name: name?, command: command?, processes: processes?, stop_timeout: stop_timeout?, limits })
        })();
        if let Some(worker) = worker {
            for (stem, _) in worker.unit_stems() {
                take(&table, &mut taken, Item { value: stem, place: place.clone() });
            }
            all.workers.push(worker);
        }
        table.finish();
    }
    for (name, mut table) in document.named_tables("timer") {
        let place = name.place.clone();
        let name = table.accept(name, name::process_name);
        let command = table.required_text("command", |text| command::command_line(text, app));
        let schedule = table.required_text("schedule", |text| calendar::calendar(text, newest));
        let stop_timeout = table.checked_or_default("stop-timeout", time_span::time_span);
        let limits = read_limits(&mut table);
        let timer = (|| {
            Some(Timer { name: name?, command: command?, schedule: schedule?, stop_timeout: stop_timeout?, limits })
        })();
        if let Some(timer) = timer {
            take(&table, &mut taken, Item { value: timer.name.clone(), place });
            all.timers.push(timer);
        }
        table.finish();
    }
    all
}

/// Notes a unit's name, which no other unit may have.
fn take(table: &Table<'_>, taken: &mut BTreeSet<String>, stem: Item<String>) {
    if units::is_reserved(&stem.value) {
        table.problems.add(&stem.place, NameTaken::ByStack(stem.value));
    } else if !taken.insert(stem.value.clone()) {
        table.problems.add(&stem.place, NameTaken::ByOther(stem.value));
    }
}

/// Reads `memory-max` and `cpu-quota`.
pub(super) fn read_limits(table: &mut Table<'_>) -> ProcessLimits {
    let memory_max = table.text("memory-max", limits::memory_max);
    ProcessLimits { memory_max, cpu_quota: table.text("cpu-quota", limits::cpu_quota) }
}
