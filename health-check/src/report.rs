//! The findings: the settings and the names of what to check → all measurements, the verdict, the line for the log and
//! the sample for the history. The checks are made one after the other.

use std::path::{Path, PathBuf};

use crate::arguments::Arguments;
use crate::certificate::Certificate;
use crate::clock::LocalTime;
use crate::history::Sample;
use crate::machine::{self, Disk, Memory};
use crate::postgres;
use crate::server::Server;
use crate::settings::Settings;
use crate::site::{self, Answer};
use crate::units::{self, Unit};

/// The findings of a check. A value that could not be measured is `None`, and is one of the problems.
pub struct Report {
    pub time: LocalTime,
    /// How busy the processors are, 0 to 100, and how many there are.
    pub cpu: Option<(f64, u64)>,
    pub memory: Option<Memory>,
    pub load: Option<[f64; 3]>,
    pub uptime: Option<f64>,
    pub disks: Vec<(PathBuf, Option<Disk>)>,
    pub units: Vec<(String, Option<Unit>)>,
    /// Units that need not be active.
    pub jobs: Vec<(String, Option<Unit>)>,
    /// Whether the machine has to be rebooted; `None` if that was not asked for.
    pub reboot_pending: Option<bool>,
    pub sites: Vec<(String, Answer)>,
    pub postgres: Vec<(Server, Option<String>)>,
    /// The site's certificate; `None` as well if that was not asked for.
    pub certificate: Option<Certificate>,
    pub problems: Vec<String>,
}

impl Report {
    /// Makes all checks. A mistake in the settings is a problem of the server.
    pub fn collect(arguments: &Arguments, settings: &Settings, mistakes: Vec<String>) -> Self {
        let time = LocalTime::now();
        let mut problems = mistakes;
        // The processors are measured first, so that the other checks are not included.
        let cpu = noted(machine::cpu(), &mut problems);
        if let (Some((percent, _)), Some(most)) = (cpu, settings.max_cpu) {
            note_beyond(&mut problems, "CPU", percent, most);
        }
        let memory = noted(machine::memory(), &mut problems);
        if let Some(memory) = memory {
            note_beyond(&mut problems, "RAM", memory.used_percent(), settings.max_ram);
        }
        let load = noted(machine::load(), &mut problems);
        if let (Some([_, five, _]), Some((_, processors)), Some(most)) = (load, cpu, settings.max_load) {
            let each = five / processors.max(1) as f64;
            if each > most {
                problems.push(format!("load over five minutes at {each:.2} for each processor, above {most}"));
            }
        }
        let uptime = noted(machine::uptime(), &mut problems);
        let disks = arguments.disks.iter().map(|path| {
            let name = path.display();
            let found = machine::disk(path).map_err(|error| format!("cannot measure the disk {name}: {error}"));
            let disk = noted(found, &mut problems);
            if let Some(disk) = disk {
                note_beyond(&mut problems, &format!("disk {name}"), disk.used_percent, settings.max_disk);
                let inodes = disk.inodes_percent.unwrap_or(0.0);
                note_beyond(&mut problems, &format!("disk {name}: inodes"), inodes, settings.max_disk);
            }
            (path.clone(), disk)
        });
        let disks = disks.collect();
        let (units, jobs) = check_units(&arguments.units, &arguments.jobs, &mut problems);
        let reboot_pending = arguments.reboot.as_deref().map(Path::exists);
        let sites = arguments.urls.iter().map(|url| {
            let answer = site::ask(url, arguments.host.as_deref());
            let slow = || (answer.took > settings.max_response_time).then(|| too_slow(&answer, settings));
            let error = answer.error.clone().or_else(slow);
            problems.extend(error.map(|error| format!("site {}: {error}", url.as_str())));
            (url.as_str().to_owned(), answer)
        });
        let sites = sites.collect();
        let postgres = servers(arguments, &mut problems).into_iter().map(|server| {
            let error = postgres::check(&server, &arguments.name).err();
            problems.extend(error.as_ref().map(|error| format!("PostgreSQL {server}: {error}")));
            (server, error)
        });
        let postgres = postgres.collect();
        let certificate = arguments.certificate.as_deref().map(Certificate::read);
        let certificate = certificate.and_then(|found| noted(found, &mut problems));
        problems.extend(certificate.as_ref().and_then(|found| found.problem(time.seconds())));
        Self {
            time,
            cpu,
            memory,
            load,
            uptime,
            disks,
            units,
            jobs,
            reboot_pending,
            sites,
            postgres,
            certificate,
            problems,
        }
    }

    /// Whether there is no problem.
    pub fn healthy(&self) -> bool {
        self.problems.is_empty()
    }

    /// The findings in one line: `CPU: 3.1% | RAM: 41.7% | Load: 0.10`, with ` | UNHEALTHY: …` at the end if there are
    /// problems. `?` stands for a value that was not measured. Each disk, site and server has a field of its own.
    pub fn line(&self) -> String {
        let one_decimal = |percent: Option<f64>| percent.map_or("?".to_owned(), |percent| format!("{percent:.1}%"));
        let mut fields = vec![
            format!("CPU: {}", one_decimal(self.cpu.map(|(percent, _)| percent))),
            format!("RAM: {}", one_decimal(self.memory.map(|memory| memory.used_percent()))),
        ];
        for (path, disk) in &self.disks {
            // df rounds up as well.
            let used = disk.map_or("?".to_owned(), |disk| format!("{:.0}%", disk.used_percent.ceil()));
            let label = label("Disk", self.disks.len(), &path.display());
            fields.push(format!("{label}: {used}"));
        }
        fields.push(self.load.map_or("Load: ?".to_owned(), |[minute, ..]| format!("Load: {minute:.2}")));
        if !self.units.is_empty() {
            fields.push(format!("Units: {}", self.units_in_words()));
        }
        for (url, answer) in &self.sites {
            let label = label("Site", self.sites.len(), url);
            let status = answer.status.filter(|status| answer.error.is_none() || *status != 200);
            let status = status.map_or("no answer".to_owned(), |status| status.to_string());
            fields.push(format!("{label}: {status} in {} ms", answer.took.as_millis()));
        }
        for (server, error) in &self.postgres {
            // A remote server is named even if it is the only one.
            let count = if server.is_remote() { usize::MAX } else { self.postgres.len() };
            let label = label("PostgreSQL", count, server);
            fields.push(format!("{label}: {}", if error.is_none() { "ok" } else { "not ready" }));
        }
        if let Some(certificate) = &self.certificate {
            fields.push(format!("Certificate: {}", certificate.in_words(self.time.seconds())));
        }
        if self.reboot_pending == Some(true) {
            fields.push("Reboot: pending".to_owned());
        }
        if !self.healthy() {
            fields.push(format!("UNHEALTHY: {}", self.problems.join("; ")));
        }
        // A line feed in the text of another program must not begin a new line.
        fields.join(" | ").replace(char::is_control, " ")
    }

    /// The sample for the history.
    pub fn sample(&self) -> Sample {
        let fullest = |disk: &(PathBuf, Option<Disk>)| disk.1.map(|disk| disk.used_percent);
        let slowest = |(_, answer): &(String, Answer)| answer.status.map(|_| answer.took.as_secs_f64() * 1000.0);
        let number = |value: f64| value as f32;
        Sample {
            time: self.time.seconds(),
            cpu: self.cpu.map(|(percent, _)| number(percent)),
            ram: self.memory.map(|memory| number(memory.used_percent())),
            disk: self.disks.iter().filter_map(fullest).max_by(f64::total_cmp).map(number),
            load: self.load.map(|[_, five, _]| number(five)),
            response: self.sites.iter().filter_map(slowest).max_by(f64::total_cmp).map(number),
            problem: (!self.healthy()).then(|| self.problems.join("; ").into()),
        }
    }

    fn units_in_words(&self) -> String {
        if self.units.iter().any(|(_, unit)| unit.is_none()) {
            return "?".to_owned();
        }
        let bad = |unit: &Unit| unit.problem().map(|_| format!("{} {}", unit.name, unit.active));
        let bad: Vec<String> = self.units.iter().filter_map(|(_, unit)| bad(unit.as_ref()?)).collect();
        if bad.is_empty() { "ok".to_owned() } else { bad.join(", ") }
    }
}

/// The PostgreSQL servers to ask.
fn servers(arguments: &Arguments, problems: &mut Vec<String>) -> Vec<Server> {
    match arguments.postgres_url_in.as_deref().and_then(Server::in_variable) {
        Some(found) => noted(found, problems).into_iter().collect(),
        None => arguments.postgres.iter().map(|socket| Server::at_socket(socket)).collect(),
    }
}

/// Units by name; `None` if systemd did not say their state.
type Units = Vec<(String, Option<Unit>)>;

/// The states of the units that must be active, and of those that must not have failed.
fn check_units(units: &[String], jobs: &[String], problems: &mut Vec<String>) -> (Units, Units) {
    let names = [units, jobs].concat();
    if names.is_empty() {
        return (Units::new(), Units::new());
    }
    let mut found: Units = match units::states(&names) {
        Ok(states) => states.into_iter().map(|unit| (unit.name.clone(), Some(unit))).collect(),
        Err(why) => {
            problems.push(why);
            names.into_iter().map(|name| (name, None)).collect()
        }
    };
    let jobs = found.split_off(units.len().min(found.len()));
    problems.extend(found.iter().filter_map(|(_, unit)| unit.as_ref()?.problem()));
    problems.extend(jobs.iter().filter_map(|(_, unit)| unit.as_ref()?.failure()));
    (found, jobs)
}

/// Adds a failed measurement to the problems: a value that is not known may be bad.
fn noted<T>(found: Result<T, String>, problems: &mut Vec<String>) -> Option<T> {
    found.map_err(|why| problems.push(why)).ok()
}

fn note_beyond(problems: &mut Vec<String>, what: &str, percent: f64, most: f64) {
    if percent > most {
        problems.push(format!("{what} at {percent:.1}%, above {most}%"));
    }
}

fn too_slow(answer: &Answer, settings: &Settings) -> String {
    let most = settings.max_response_time.as_millis();
    format!("its answer took {} ms, above {most} ms", answer.took.as_millis())
}

fn label(kind: &str, count: usize, which: &dyn std::fmt::Display) -> String {
    if count == 1 { kind.to_owned() } else { format!("{kind} {which}") }
}
