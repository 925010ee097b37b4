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
    /// The time since boot.
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::*;

    const BEFORE: &str = "cpu  10132153 290696 3084719 46828483 16683 0 25195 1200 175628 300\n\
        cpu0 1393280 32966 572056 13343292 6130 0 17875 0 23933 0\n\
        cpu1 1393280 32966 572056 13343292 6130 0 17875 0 23933 0\n\
        intr 33622\nctxt 1990473\nbtime 1062191376\nprocesses 2915\nprocs_running 1\nprocs_blocked 0\n";
    const AFTER: &str = "cpu  10132193 290699 3084729 46828533 16693 0 25197 1205 175640 301\n\
        cpu0 1393280 32966 572056 13343292 6130 0 17875 0 23933 0\n\
        cpu1 1393280 32966 572056 13343292 6130 0 17875 0 23933 0\n\
        intr 33622\nctxt 1990473\nbtime 1062191376\nprocesses 2915\nprocs_running 1\nprocs_blocked 0\n";
    const MEMINFO: &str = "MemTotal:        8052924 kB\nMemFree:          338128 kB\nMemAvailable:    3353436 kB\n\
        Buffers:          248112 kB\nCached:          2927320 kB\nSwapCached:            0 kB\nActive: 100 kB\n\
        Inactive: 100 kB\nShmem:            10 kB\nSlab: 10 kB\nSReclaimable:     100000 kB\nHugePages_Total:       0\n";

    /// The results of psutil for the same texts, which it reads from a folder instead of /proc.
    fn psutil(folder: &Path, script: &str) -> f64 {
        let script = format!("import psutil, sys\npsutil.PROCFS_PATH = sys.argv[1]\n{script}");
        let output = Command::new("/usr/bin/python3").args(["-c", &script]).arg(folder).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}\nThis test needs the package python3-psutil.");
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    }

    #[test]
    fn processors_are_measured_as_psutil_does() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("stat"), BEFORE).unwrap();
        fs::write(folder.path().join("after"), AFTER).unwrap();
        let script = "import shutil\npsutil.cpu_percent()\nshutil.copy(sys.argv[1] + '/after', sys.argv[1] + '/stat')\n\
            print(psutil.cpu_percent())";
        let expected = psutil(folder.path(), script);
        let (before, after) = (cpu_times(BEFORE).unwrap(), cpu_times(AFTER).unwrap());
        assert!((cpu_percent(before, after) - expected).abs() <= 0.051, "psutil: {expected}");
        assert_eq!(after.processors, 2);
        assert_eq!(cpu_percent(after, after), 0.0);
    }

    #[test]
    fn memory_is_measured_as_psutil_does() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("meminfo"), MEMINFO).unwrap();
        let expected = psutil(folder.path(), "print(psutil.virtual_memory().percent)");
        let found = ram_percent(meminfo(MEMINFO).unwrap());
        assert!((found - expected).abs() <= 0.051, "{found}, psutil: {expected}");
    }

    #[test]
    fn texts_of_another_shape_are_refused() {
        assert_eq!(cpu_times("cpu0 1 2 3 4\n"), None);
        assert_eq!(cpu_times("cpu  1 2 3\n"), None);
        assert_eq!(cpu_times("cpu  1 2 x 4\n"), None);
        assert_eq!(cpu_times("cpu  1 2 3 4\n"), Some(CpuTimes { total: 10, idle: 4, processors: 0 }));
        assert_eq!(meminfo("MemTotal: 1 kB\n"), None);
        assert_eq!(loadavg("0.20 0.18\n"), None);
        // The example of proc_loadavg(5).
        assert_eq!(loadavg("0.20 0.18 0.12 1/80 11206\n"), Some([0.20, 0.18, 0.12]));
    }
}
