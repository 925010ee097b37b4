//! Measurements of the machine: the files in /proc (proc(5)) and statvfs(3) → numbers as the state file has them. They
//! are calculated as in psutil.

use std::fs;
use std::io;
use std::thread;
use std::time::Duration;

use nix::sys::statvfs::{Statvfs, statvfs};
use serde::{Serialize, Serializer};

/// The time in which the load of the processors is measured.
const CPU_INTERVAL: Duration = Duration::from_millis(500);

/// What is measured of the whole machine. A value that could not be measured is `None`.
#[derive(Serialize)]
pub struct Machine {
    /// The number of processors that are online.
    pub cpus: Option<u64>,
    /// How busy the processors are, 0 to 100.
    #[serde(serialize_with = "one_decimal")]
    pub cpu_percent: Option<f64>,
    /// The part of the memory that programs cannot get without swapping, 0 to 100.
    #[serde(serialize_with = "one_decimal")]
    pub ram_percent: Option<f64>,
    ram_total_bytes: Option<u64>,
    ram_available_bytes: Option<u64>,
    /// The load averages over 1, 5 and 15 minutes.
    pub load: Option<[f64; 3]>,
    /// Since boot, with the time in suspend (proc_uptime(5)).
    uptime_seconds: Option<f64>,
}

/// The used part of a file system. A value that could not be measured is `None`.
#[derive(Serialize)]
pub struct Disk {
    pub path: String,
    /// The used part of what ordinary users may use, as in df(1): 0 to 100.
    #[serde(serialize_with = "one_decimal")]
    pub used_percent: Option<f64>,
    /// The same for inodes. `None` as well if the file system has no fixed number of them.
    #[serde(serialize_with = "one_decimal")]
    pub inodes_percent: Option<f64>,
    /// The free space for ordinary users.
    available_bytes: Option<u64>,
}

/// The times of all processors since boot, in ticks.
#[derive(Debug, Clone, Copy, PartialEq)]
struct CpuTimes {
    /// All ticks. Each is counted once.
    total: u64,
    /// Idle, or waiting for a disk.
    idle: u64,
    /// The number of processors that are online.
    processors: u64,
}

impl Machine {
    /// Takes half a second. A file that cannot be read is a problem.
    pub fn measure(problems: &mut Vec<String>) -> Self {
        let cpu = noted(cpu(), problems);
        let memory = noted(read("/proc/meminfo", meminfo), problems);
        Self {
            cpus: cpu.map(|(_, processors)| processors),
            cpu_percent: cpu.map(|(percent, _)| percent),
            ram_percent: memory.map(ram_percent),
            ram_total_bytes: memory.map(|(total, _)| total),
            ram_available_bytes: memory.map(|(_, available)| available),
            load: noted(read("/proc/loadavg", loadavg), problems),
            uptime_seconds: noted(read("/proc/uptime", |text| text.split_whitespace().next()?.parse().ok()), problems),
        }
    }
}

impl Disk {
    /// Measures the file system of `path`. If the path does not exist, or this user may not access it, that is a problem.
    pub fn measure(path: &str, problems: &mut Vec<String>) -> Self {
        let found = statvfs(path).map_err(io::Error::from);
        let found = noted(found.map_err(|error| format!("cannot measure the disk {path}: {error}")), problems);
        let used = |found: Statvfs| full_percent(found.blocks(), found.blocks_free(), found.blocks_available());
        Self {
            path: path.to_owned(),
            used_percent: found.map(|found| used(found).unwrap_or(0.0)),
            inodes_percent: found.and_then(|it| full_percent(it.files(), it.files_free(), it.files_available())),
            available_bytes: found.map(|found| found.blocks_available().saturating_mul(found.fragment_size())),
        }
    }
}

/// Adds a failed measurement to the problems: a value that is not known may be bad.
pub fn noted<T>(found: Result<T, String>, problems: &mut Vec<String>) -> Option<T> {
    found.map_err(|why| problems.push(why)).ok()
}

fn one_decimal<S: Serializer>(percent: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    percent.map(|percent| (percent * 10.0).round() / 10.0).serialize(serializer)
}

fn read<T>(path: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"))?;
    parse(&text).ok_or_else(|| format!("cannot read {path}: it is not as the kernel writes it"))
}

/// How busy the processors are, and how many there are.
fn cpu() -> Result<(f64, u64), String> {
    let before = read("/proc/stat", cpu_times)?;
    thread::sleep(CPU_INTERVAL);
    let after = read("/proc/stat", cpu_times)?;
    Ok((cpu_percent(before, after), after.processors))
}

/// The line `cpu  user nice system idle iowait irq softirq steal guest guest_nice`; old kernels end it earlier.
fn cpu_times(stat: &str) -> Option<CpuTimes> {
    let mut lines = stat.lines();
    let ticks = lines.next()?.strip_prefix("cpu ")?.split_whitespace().map(str::parse);
    let ticks: Vec<u64> = ticks.collect::<Result<_, _>>().ok()?;
    let idle = ticks.get(3)?.saturating_add(*ticks.get(4).unwrap_or(&0));
    // The times of guests are included in user and nice.
    let total = ticks.iter().take(8).fold(0, |total: u64, ticks| total.saturating_add(*ticks));
    let processors = lines.take_while(|line| line.starts_with("cpu")).count() as u64;
    Some(CpuTimes { total, idle, processors })
}

fn cpu_percent(before: CpuTimes, after: CpuTimes) -> f64 {
    let total = after.total.saturating_sub(before.total);
    // The kernel's idle time can go back a little (proc(5) on iowait).
    let idle = after.idle.saturating_sub(before.idle).min(total);
    percent(total.saturating_sub(idle), total)
}

/// All bytes, and those that programs can get without swapping.
fn meminfo(text: &str) -> Option<(u64, u64)> {
    let bytes = |field: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
        value.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
    };
    Some((bytes("MemTotal")?, bytes("MemAvailable")?))
}

fn ram_percent((total, available): (u64, u64)) -> f64 {
    percent(total.saturating_sub(available), total)
}

fn loadavg(text: &str) -> Option<[f64; 3]> {
    let mut numbers = text.split_whitespace().map_while(|word| word.parse().ok());
    Some([numbers.next()?, numbers.next()?, numbers.next()?])
}

/// The used part of what ordinary users may use. The space that is reserved for root is neither used nor free.
fn full_percent(total: u64, free: u64, available: u64) -> Option<f64> {
    let used = total.saturating_sub(free);
    (total > 0).then(|| percent(used, used.saturating_add(available)))
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}
