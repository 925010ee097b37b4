//! The findings: the settings and the names of what to check → all measurements, the verdict, the line for the log and
//! the sample for the history. The checks are made one after the other.
//!
//! # The state file
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

use std::path::Path;

use serde::Serialize;

use crate::arguments::Arguments;
use crate::certificate::Certificate;
use crate::clock;
use crate::history::Sample;
use crate::machine::{Disk, Machine, noted};
use crate::postgres;
use crate::server;
use crate::settings::Settings;
use crate::site::{self, SiteResult};
use crate::units::{self, Unit};

/// The findings of a check. A value that could not be measured is `None`, and is one of the problems.
#[derive(Serialize)]
pub struct Report<'a> {
    schema: u32,
    version: &'static str,
    name: &'a str,
    #[serde(rename = "time")]
    rfc3339: String,
    /// In seconds since 1970.
    #[serde(skip)]
    pub time: i64,
    /// Whether there is no problem.
    pub healthy: bool,
    problems: Vec<String>,
    machine: Machine,
    disks: Vec<Disk>,
    units: Vec<Unit>,
    /// Units that need not be active.
    jobs: Vec<Unit>,
    /// Whether the machine has to be rebooted; `None` if that was not asked for.
    reboot_pending: Option<bool>,
    sites: Vec<SiteResult>,
    postgres: Vec<Database>,
    /// The site's certificate; `None` as well if that was not asked for.
    certificate: Option<Certificate>,
}

/// The findings about a PostgreSQL server.
#[derive(Serialize)]
struct Database {
    server: String,
    /// `None` for a remote server.
    socket: Option<String>,
    healthy: bool,
    error: Option<String>,
}

impl<'a> Report<'a> {
    /// Makes all checks. A mistake in the settings is a problem of the server.
    pub fn collect(arguments: &'a Arguments, settings: &Settings, mistakes: Vec<String>) -> Self {
        let time = clock::now();
        let mut problems = mistakes;
        // The machine is measured first, so that the other checks are not included.
        let machine = Machine::measure(&mut problems);
        note_beyond(&mut problems, "CPU", machine.cpu_percent, settings.max_cpu);
        note_beyond(&mut problems, "RAM", machine.ram_percent, settings.max_ram);
        if let (Some([_, five, _]), Some(processors)) = (machine.load, machine.cpus) {
            let (each, most) = (five / processors.max(1) as f64, settings.max_load);
            if each > most {
                problems.push(format!("load over five minutes at {each:.2} for each processor, above {most}"));
            }
        }
        let disks = arguments.disks.iter().map(|path| {
            let disk = Disk::measure(path, &mut problems);
            note_beyond(&mut problems, &format!("disk {path}"), disk.used_percent, settings.max_disk);
            note_beyond(&mut problems, &format!("disk {path}: inodes"), disk.inodes_percent, settings.max_disk);
            disk
        });
        let disks = disks.collect();
        let (units, jobs) = units::check(&arguments.units, &arguments.jobs, &mut problems);
        let sites = arguments.urls.iter().map(|url| {
            let answer = site::ask(url, arguments.host.as_deref());
            let (took, most) = (answer.milliseconds, settings.max_response_time);
            let slow = || (took > most).then(|| format!("its answer took {took} ms, above {most} ms"));
            let error = answer.error.clone().or_else(slow);
            problems.extend(error.map(|error| format!("site {url}: {error}")));
            answer
        });
        let sites = sites.collect();
        let servers = noted(server::to_ask(&arguments.postgres), &mut problems).unwrap_or_default();
        let postgres = servers.into_iter().map(|server| {
            let error = postgres::check(&server, &arguments.name).err();
            let (is_remote, server) = (server.is_remote(), server.to_string());
            problems.extend(error.as_ref().map(|error| format!("PostgreSQL {server}: {error}")));
            Database { socket: (!is_remote).then(|| server.clone()), server, healthy: error.is_none(), error }
        });
        let postgres = postgres.collect();
        let certificate = arguments.certificate.as_deref().map(|path| Certificate::read(path, time));
        let certificate = certificate.and_then(|found| noted(found, &mut problems));
        problems.extend(certificate.as_ref().and_then(Certificate::problem));
        Self {
            schema: 1,
            version: env!("CARGO_PKG_VERSION"),
            name: &arguments.name,
            rfc3339: clock::rfc3339(time),
            time,
            healthy: problems.is_empty(),
            problems,
            machine,
            disks,
            units,
            jobs,
            reboot_pending: arguments.reboot.as_deref().map(Path::exists),
            sites,
            postgres,
            certificate,
        }
    }

    /// The findings in one line: `CPU: 3.1% | RAM: 41.7% | Load: 0.10`, with ` | UNHEALTHY: …` at the end if there are
    /// problems. `?` stands for a value that was not measured. Each disk, site and server has a field of its own.
    pub fn line(&self) -> String {
        let one_decimal = |percent: Option<f64>| percent.map_or("?".to_owned(), |percent| format!("{percent:.1}%"));
        let mut fields = vec![
            format!("CPU: {}", one_decimal(self.machine.cpu_percent)),
            format!("RAM: {}", one_decimal(self.machine.ram_percent)),
        ];
        for disk in &self.disks {
            // df rounds up as well.
            let used = disk.used_percent.map_or("?".to_owned(), |percent| format!("{:.0}%", percent.ceil()));
            fields.push(format!("{}: {used}", label("Disk", self.disks.len(), &disk.path)));
        }
        fields.push(self.machine.load.map_or("Load: ?".to_owned(), |[minute, ..]| format!("Load: {minute:.2}")));
        if !self.units.is_empty() {
            fields.push(format!("Units: {}", self.units_in_words()));
        }
        for answer in &self.sites {
            let label = label("Site", self.sites.len(), &answer.url);
            let status = answer.status.filter(|status| answer.error.is_none() || *status != 200);
            let status = status.map_or("no answer".to_owned(), |status| status.to_string());
            fields.push(format!("{label}: {status} in {} ms", answer.milliseconds));
        }
        for Database { server, socket, healthy, .. } in &self.postgres {
            // A remote server is named even if it is the only one.
            let count = if socket.is_none() { usize::MAX } else { self.postgres.len() };
            fields.push(format!(
                "{}: {}",
                label("PostgreSQL", count, server),
                if *healthy { "ok" } else { "not ready" }
            ));
        }
        if let Some(certificate) = &self.certificate {
            fields.push(format!("Certificate: {}", certificate.in_words()));
        }
        if self.reboot_pending == Some(true) {
            fields.push("Reboot: pending".to_owned());
        }
        if !self.healthy {
            fields.push(format!("UNHEALTHY: {}", self.problems.join("; ")));
        }
        // A line feed in the text of another program must not begin a new line.
        fields.join(" | ").replace(char::is_control, " ")
    }

    /// The sample for the history.
    pub fn sample(&self) -> Sample {
        let number = |value: f64| value as f32;
        let slowest = self.sites.iter().filter(|site| site.status.is_some()).map(|site| site.milliseconds).max();
        Sample {
            time: self.time,
            cpu: self.machine.cpu_percent.map(number),
            ram: self.machine.ram_percent.map(number),
            disk: self.disks.iter().filter_map(|disk| disk.used_percent).max_by(f64::total_cmp).map(number),
            load: self.machine.load.map(|[_, five, _]| number(five)),
            response: slowest.map(|milliseconds| milliseconds as f32),
            problem: (!self.healthy).then(|| self.problems.join("; ").into()),
        }
    }

    fn units_in_words(&self) -> String {
        let bad = self.units.iter().filter(|unit| !unit.healthy);
        let bad: Option<Vec<String>> =
            bad.map(|unit| Some(format!("{} {}", unit.name, unit.active.as_ref()?))).collect();
        match bad {
            None => "?".to_owned(),
            Some(bad) if bad.is_empty() => "ok".to_owned(),
            Some(bad) => bad.join(", "),
        }
    }
}

fn note_beyond(problems: &mut Vec<String>, what: &str, percent: Option<f64>, most: f64) {
    let above = percent.filter(|percent| *percent > most);
    problems.extend(above.map(|percent| format!("{what} at {percent:.1}%, above {most}%")));
}

fn label(kind: &str, count: usize, which: &str) -> String {
    if count == 1 { kind.to_owned() } else { format!("{kind} {which}") }
}
