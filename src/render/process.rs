//! The units of workers and timers, each made from a template with the values of its own.

use super::RenderError;
use super::context::Context;
use super::process_variables::ProcessVariables;
use super::template::{Template, Templates, template};
use crate::python::Libraries;
use crate::stack::{Stack, Timer, Worker};

const WORKER: Template = template!("units/worker.service");
const JOB: Template = template!("units/job.service");
const TIMER: Template = template!("units/job.timer");

/// The templates that are used once for each worker or timer.
pub(super) const TEMPLATES: [Template; 3] = [WORKER, JOB, TIMER];

/// The units of all workers and timers: the path of each, and its text.
///
/// # Errors
/// When a project's own template has a mistake.
pub(super) fn units(
    stack: &Stack,
    libraries: &Libraries,
    templates: &Templates,
) -> Result<Vec<(String, String)>, RenderError> {
    let mut units = Vec::new();
    let path = |suffix: String| format!("/usr/lib/systemd/system/{}-{suffix}", stack.package.name);
    let render = |template, variables| {
        let mut context = Context::of(stack, libraries);
        context.process = variables;
        templates.with_values(&context)?.render(template)
    };
    for worker in &stack.workers {
        for (stem, number) in worker.unit_stems() {
            let Worker { command, stop_timeout, limits, .. } = worker;
            let mut variables = ProcessVariables::of_app(stack).with_limits(limits).of_command(stack, &stem, command);
            variables.number = number;
            variables.stop_timeout.clone_from(stop_timeout);
            units.push((path(format!("{stem}.service")), render(WORKER, variables)?));
        }
    }
    for timer in &stack.timers {
        let Timer { name, command, schedule, stop_timeout, limits } = timer;
        let mut variables = ProcessVariables::of_app(stack).with_limits(limits).of_command(stack, name, command);
        variables.schedule.clone_from(schedule);
        variables.stop_timeout.clone_from(stop_timeout);
        units.push((path(format!("{name}.service")), render(JOB, variables.clone())?));
        units.push((path(format!("{name}.timer")), render(TIMER, variables)?));
    }
    Ok(units)
}
