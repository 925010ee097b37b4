//! The check of systemd units: their names → their states, from `systemctl show`.

use std::process::{Command, Stdio};

use serde::Serialize;

use crate::machine::noted;

/// The longest time to wait for systemctl, in seconds.
const LIMIT: &str = "5";
/// The exit status of timeout(1) when the time is over.
const TIMED_OUT: i32 = 124;

/// The state of a unit, as properties of systemd (org.freedesktop.systemd1(5)). If systemd did not say it, the properties
/// are `None` and the unit is not healthy.
#[derive(Default, Serialize)]
pub struct Unit {
    pub name: String,
    pub healthy: bool,
    /// `loaded`, `not-found`, `masked`, `bad-setting` …
    pub load: Option<String>,
    /// The property `ActiveState`: `active`, `activating`, `failed` …
    pub active: Option<String>,
    /// The property `SubState`: `running`, `exited`, `auto-restart` …
    pub sub: Option<String>,
    /// `success`, `exit-code`, `timeout` … It is empty for kinds of units without this property.
    pub result: Option<String>,
}

impl Unit {
    /// Returns a phrase with the problem of the unit, or `None` if it is healthy.
    ///
    /// An active unit is healthy. So is one that is starting (`activating`), because checks are also made just after
    /// boot and during upgrades, and systemd ends a start that takes too long. A service that waits for its next
    /// attempt (`auto-restart`) is not: it has failed. An inactive unit is not healthy, so a `oneshot` service can be
    /// checked only if it has `RemainAfterExit=yes`.
    fn problem(&self) -> Option<String> {
        let name = &self.name;
        let [load, active, sub, result] =
            [&self.load, &self.active, &self.sub, &self.result].map(|value| value.as_deref().unwrap_or_default());
        match (load, active) {
            ("not-found", _) => Some(format!("{name} does not exist")),
            ("masked", "inactive") => Some(format!("{name} is masked")),
            (_, "active" | "reloading" | "refreshing") => None,
            (_, "activating") if !sub.starts_with("auto-restart") => None,
            _ if result.is_empty() || result == "success" => Some(format!("{name} is {active} ({sub})")),
            _ => Some(format!("{name} is {active} ({sub}, {result})")),
        }
    }

    /// The same for a unit that does something at times and ends, such as a `oneshot` service of a timer: only
    /// a failure is a problem.
    fn failure(&self) -> Option<String> {
        let result = self.result.as_deref().unwrap_or_default();
        (self.active.as_deref() == Some("failed")).then(|| format!("{} failed ({result})", self.name))
    }
}

/// Asks for the states of the units that must be active, and of the `jobs`, which must not have failed. Problems are added.
pub fn check(units: &[String], jobs: &[String], problems: &mut Vec<String>) -> (Vec<Unit>, Vec<Unit>) {
    let names = [units, jobs].concat();
    let found = if names.is_empty() { Ok(Vec::new()) } else { states(&names) };
    let Some(mut found) = noted(found, problems) else { return (unknown(units), unknown(jobs)) };
    let mut jobs = found.split_off(units.len().min(found.len()));
    for (units, problem) in [(&mut found, Unit::problem as fn(&Unit) -> _), (&mut jobs, Unit::failure)] {
        for unit in units {
            let why = problem(unit);
            unit.healthy = why.is_none();
            problems.extend(why);
        }
    }
    (found, jobs)
}

fn unknown(names: &[String]) -> Vec<Unit> {
    names.iter().map(|name| Unit { name: name.clone(), ..Unit::default() }).collect()
}

/// Asks systemd for the states of all units at once. That is one run of systemctl, which takes about 6 MB of memory.
///
/// # Errors
/// When there is no systemctl, systemd does not run, or there is no answer within five seconds. The error is a phrase.
fn states(names: &[String]) -> Result<Vec<Unit>, String> {
    let mut command = Command::new("timeout");
    command.args([LIMIT, "systemctl", "show", "--property=LoadState,ActiveState,SubState,Result", "--"]).args(names);
    // Some versions read /proc/1 to find out whether they are in a chroot. The unit of the check hides it.
    command.env("SYSTEMD_IGNORE_CHROOT", "1").stdin(Stdio::null());
    let output = command.output().map_err(|error| format!("cannot ask systemd: cannot run timeout: {error}"))?;
    if output.status.code() == Some(TIMED_OUT) {
        return Err(format!("systemd gave no answer in {LIMIT} s"));
    }
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("cannot ask systemd: {}", complaint.lines().collect::<Vec<_>>().join(" ")));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    understood(names, &text).ok_or_else(|| "cannot ask systemd: systemctl answered about other units".to_owned())
}

/// Parses lines `PROPERTY=VALUE`. There is a paragraph for each unit, in the order of the arguments.
fn understood(names: &[String], text: &str) -> Option<Vec<Unit>> {
    let paragraphs: Vec<&str> = text.trim_end().split("\n\n").collect();
    let unit = |(name, paragraph): (&String, &&str)| {
        let value = |property: &str| {
            let mut lines = paragraph.lines().filter_map(|line| line.split_once('='));
            lines.find(|(key, _)| *key == property).map(|(_, value)| value.to_owned())
        };
        Some(Unit {
            name: name.clone(),
            healthy: false,
            load: Some(value("LoadState")?),
            active: Some(value("ActiveState")?),
            sub: Some(value("SubState")?),
            result: value("Result").or_else(|| Some(String::new())),
        })
    };
    (paragraphs.len() == names.len()).then(|| names.iter().zip(&paragraphs).map(unit).collect())?
}
