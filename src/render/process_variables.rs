//! The variables that the templates of units have beside those of the stack: of the app's own unit, of a worker's or of a
//! timer's.

use serde::Serialize;

use crate::stack::{AppKind, CommandLine, ProcessLimits, Stack, Worker};

/// Variables of one unit, and the lists of all units of workers and timers.
#[derive(Debug, Default, Clone, Serialize)]
pub(super) struct ProcessVariables {
    /// The unit's name with its suffix.
    unit: String,
    /// What follows the package's name in the unit's name; empty for the app's own unit.
    process: String,
    /// Which of a worker's processes it is, from 1.
    pub(super) number: u16,
    /// What stands after `ExecStart=`, escaped; empty for an app that a server runs.
    command: String,
    pub(super) schedule: String,
    pub(super) stop_timeout: String,
    has_memory_max: bool,
    memory_max: String,
    has_cpu_quota: bool,
    cpu_quota: String,

    has_valkey: bool,
    /// How much memory Valkey may use for data, in bytes.
    valkey_memory: u64,
    valkey_eviction: String,
    has_release: bool,
    release_command: String,
    worker_units: Vec<String>,
    timer_units: Vec<String>,
    /// The services that the timers start.
    job_units: Vec<String>,
}

impl ProcessVariables {
    /// Those of the app's own unit.
    pub(super) fn of_app(stack: &Stack) -> Self {
        let name = &stack.package.name;
        let stems = stack.workers.iter().flat_map(Worker::unit_stems);
        let release = stack.app.release_command.as_ref();
        let valkey = stack.services.valkey.as_ref();
        let timers = |suffix: &str| stack.timers.iter().map(|timer| format!("{name}-{}{suffix}", timer.name)).collect();
        let all = Self {
            unit: format!("{name}.service"),
            command: match &stack.app.kind {
                AppKind::Exec(program) => program.command.exec_start(&stack.app_folder()),
                AppKind::Python(_) | AppKind::Static(_) => String::new(),
            },
            has_valkey: valkey.is_some(),
            valkey_memory: valkey.map(|valkey| valkey.memory_max).unwrap_or_default(),
            valkey_eviction: valkey.map(|valkey| valkey.eviction.clone()).unwrap_or_default(),
            has_release: stack.app.release_command.is_some(),
            release_command: release.map(|line| line.for_shell(&stack.app_folder())).unwrap_or_default(),
            worker_units: stems.map(|(stem, _)| format!("{name}-{stem}.service")).collect(),
            timer_units: timers(".timer"),
            job_units: timers(".service"),
            ..Self::default()
        };
        all.with_limits(&stack.app.limits)
    }

    pub(super) fn with_limits(self, limits: &ProcessLimits) -> Self {
        Self {
            has_memory_max: limits.memory_max.is_some(),
            memory_max: limits.memory_max.clone().unwrap_or_default(),
            has_cpu_quota: limits.cpu_quota.is_some(),
            cpu_quota: limits.cpu_quota.clone().unwrap_or_default(),
            ..self
        }
    }

    /// Those of a worker's or timer's service. `stem` is its name without package and suffix.
    pub(super) fn of_command(self, stack: &Stack, stem: &str, command: &CommandLine) -> Self {
        let name = &stack.package.name;
        Self {
            unit: format!("{name}-{stem}.service"),
            process: stem.to_owned(),
            command: command.exec_start(&stack.app_folder()),
            ..self
        }
    }
}
