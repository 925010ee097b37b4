//! The state file: the findings → JSON.
//!
//! It is one JSON object. All keys are always there. A value that could not be measured is `null`; a check that
//! was not asked for is an empty list. New keys may be added; if a key changes its meaning or is removed,
//! `schema` gets a higher number.
//!
//! - `schema`: 1. `version`: of this program. `name`: `--name`. `time`: RFC 3339, to the second.
//! - `healthy`: the verdict. `problems`: sentences, also about the settings. The list is empty if and only if `healthy`.
//! - `machine`: `cpus`, `cpu_percent`, `ram_percent` (one decimal), `ram_total_bytes`, `ram_available_bytes`, `load`
//!   (three numbers: over 1, 5 and 15 minutes), `uptime_seconds`.
//! - `disks`: `path`, `used_percent`, `inodes_percent`, `available_bytes`.
//! - `units`: `name`, `healthy`, and the properties `load`, `active`, `sub` and `result` of systemd.
//! - `jobs`: the same of units that need not be active. They are healthy unless they failed.
//! - `reboot_pending`: whether the machine has to be rebooted; `null` if that was not asked for.
//! - `sites`: `url`, `healthy`, `status`, `milliseconds` (until the answer's end or the failure), `error`.
//! - `certificate`: `wanted` and `served` (`acme`, `own` or `self-signed`), `healthy`, `days_left`, `not_after` (in seconds
//!   since 1970), `failure` (of the last attempt to get another one); `null` if it is not known or was not asked for.
//! - `postgres`: `server` (its socket, or `HOST:PORT`), `socket` (`null` for a remote server), `healthy`, `error`.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;

use crate::report::Report;
use crate::units;

#[derive(Serialize)]
struct State<'a> {
    schema: u32,
    version: &'a str,
    name: &'a str,
    time: String,
    healthy: bool,
    problems: &'a [String],
    machine: Machine,
    disks: Vec<Disk<'a>>,
    units: Vec<Unit<'a>>,
    jobs: Vec<Unit<'a>>,
    reboot_pending: Option<bool>,
    sites: Vec<Site<'a>>,
    postgres: Vec<Server<'a>>,
    certificate: Option<Certificate<'a>>,
}

#[derive(Serialize)]
struct Certificate<'a> {
    wanted: &'a str,
    served: &'a str,
    healthy: bool,
    days_left: i64,
    not_after: i64,
    failure: Option<&'a str>,
}

#[derive(Serialize)]
struct Machine {
    cpus: Option<u64>,
    cpu_percent: Option<f64>,
    ram_percent: Option<f64>,
    ram_total_bytes: Option<u64>,
    ram_available_bytes: Option<u64>,
    load: Option<[f64; 3]>,
    uptime_seconds: Option<f64>,
}

#[derive(Serialize)]
struct Disk<'a> {
    path: Cow<'a, str>,
    used_percent: Option<f64>,
    inodes_percent: Option<f64>,
    available_bytes: Option<u64>,
}

#[derive(Serialize)]
struct Unit<'a> {
    name: &'a str,
    healthy: bool,
    load: Option<&'a str>,
    active: Option<&'a str>,
    sub: Option<&'a str>,
    result: Option<&'a str>,
}

#[derive(Serialize)]
struct Site<'a> {
    url: &'a str,
    healthy: bool,
    status: Option<u16>,
    milliseconds: u64,
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct Server<'a> {
    server: String,
    socket: Option<String>,
    healthy: bool,
    error: Option<&'a str>,
}

/// Writes the state file of the server `name`.
///
/// # Errors
/// When writing to `out` fails.
pub fn write(out: &mut impl Write, report: &Report, name: &str) -> io::Result<()> {
    let machine = Machine {
        cpus: report.cpu.map(|(_, cpus)| cpus),
        cpu_percent: report.cpu.map(|(percent, _)| one_decimal(percent)),
        ram_percent: report.memory.map(|memory| one_decimal(memory.used_percent())),
        ram_total_bytes: report.memory.map(|memory| memory.total_bytes),
        ram_available_bytes: report.memory.map(|memory| memory.available_bytes),
        load: report.load,
        uptime_seconds: report.uptime,
    };
    let disks = report.disks.iter().map(|(path, disk)| Disk {
        path: path.to_string_lossy(),
        used_percent: disk.map(|disk| one_decimal(disk.used_percent)),
        inodes_percent: disk.and_then(|disk| disk.inodes_percent).map(one_decimal),
        available_bytes: disk.map(|disk| disk.available_bytes),
    });
    let units = report.units.iter().map(|(name, state)| unit(name, state.as_ref(), units::Unit::problem));
    let jobs = report.jobs.iter().map(|(name, state)| unit(name, state.as_ref(), units::Unit::failure));
    let sites = report.sites.iter().map(|(url, answer)| Site {
        url,
        healthy: answer.error.is_none(),
        status: answer.status,
        milliseconds: u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX),
        error: answer.error.as_deref(),
    });
    let postgres = report.postgres.iter().map(|(server, error)| Server {
        server: server.to_string(),
        socket: (!server.is_remote()).then(|| server.to_string()),
        healthy: error.is_none(),
        error: error.as_deref(),
    });
    let now = report.time.seconds();
    let certificate = report.certificate.as_ref().map(|found| Certificate {
        wanted: &found.wanted,
        served: &found.served,
        healthy: found.problem(now).is_none(),
        days_left: found.days_left(now),
        not_after: found.not_after,
        failure: found.failure.as_deref(),
    });
    let state = State {
        schema: 1,
        version: env!("CARGO_PKG_VERSION"),
        name,
        time: report.time.rfc3339(),
        healthy: report.healthy(),
        problems: &report.problems,
        machine,
        disks: disks.collect(),
        units: units.collect(),
        jobs: jobs.collect(),
        reboot_pending: report.reboot_pending,
        sites: sites.collect(),
        postgres: postgres.collect(),
        certificate,
    };
    serde_json::to_writer_pretty(&mut *out, &state)?;
    writeln!(out)
}

fn unit<'a>(name: &'a str, unit: Option<&'a units::Unit>, problem: fn(&units::Unit) -> Option<String>) -> Unit<'a> {
    Unit {
        name,
        healthy: unit.is_some_and(|unit| problem(unit).is_none()),
        load: unit.map(|unit| unit.load.as_str()),
        active: unit.map(|unit| unit.active.as_str()),
        sub: unit.map(|unit| unit.sub.as_str()),
        result: unit.map(|unit| unit.result.as_str()),
    }
}

fn one_decimal(percent: f64) -> f64 {
    (percent * 10.0).round() / 10.0
}
