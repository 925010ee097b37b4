//! What the health check measures of a machine, beside psutil; and what a check itself costs.

use std::fs;
use std::mem::MaybeUninit;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use libtest_mimic::Trial;
use nix::mount::{MsFlags, mount};
use serde_json::{Value, json};
use support::room::{unless, without_mounts};
use support::{run, text};

use surroundings::{
    Bus, answering, findings, problem, program, run_bounded, with_busy_processors, with_mounts, with_settings,
    with_systemd, write_history,
};

pub fn trials() -> Vec<Trial> {
    let mut trials =
        support::tests![the_machine_is_measured_as_psutil_does, working_processors_are_seen, limits_are_held];
    trials.extend(unless(
        without_mounts(),
        support::tests![
            texts_of_the_kernel_are_read_as_psutil_reads_them,
            texts_of_another_shape_are_refused,
            a_check_costs_less_than_20_ms_of_cpu_5_mb_of_memory_and_2_mb_of_disk
        ],
    ));
    trials
}

/// Runs a check, and measures with psutil over the very time that it takes, and at both its ends.
const PSUTIL: &str = "import json, psutil, subprocess, sys, time
def now():
    return dict(ram=psutil.virtual_memory().percent, disk=psutil.disk_usage('/').percent, load=psutil.getloadavg())
before = now()
psutil.cpu_percent()
found = json.loads(subprocess.run(sys.argv[1:], stdout=subprocess.PIPE).stdout)
cpu = psutil.cpu_percent()
print(json.dumps(dict(found=found, cpu=cpu, ends=[before, now()], cpus=psutil.cpu_count(),
    total=psutil.virtual_memory().total, up=time.time() - psutil.boot_time())))";

fn beside_psutil() -> Value {
    let mut python = Command::new("/usr/bin/python3");
    python.args(["-c", PSUTIL, &program(), "--name", "a", "--disk", "/", "--json"]);
    let output = python.output().unwrap();
    assert!(output.status.success(), "{}\nThis test needs the package python3-psutil.", text(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// How far a number is from the range that two others span.
fn beyond(number: &Value, ends: [&Value; 2]) -> f64 {
    let [number, one, other] = [number, ends[0], ends[1]].map(|value| value.as_f64().unwrap());
    (one.min(other) - number).max(number - one.max(other)).max(0.0)
}

/// Others work on the machine while it is looked at, so of some tries the best one counts.
#[track_caller]
fn once_of_ten(what: &str, try_it: impl Fn(&Value) -> bool) {
    let tries: Vec<Value> = (0..10)
        .map(|_| beside_psutil())
        .scan(false, |done, measured| {
            let again = !*done;
            *done |= try_it(&measured);
            again.then_some(measured)
        })
        .collect();
    assert!(tries.iter().any(try_it), "{what} never agrees with psutil: {tries:?}");
}

fn the_machine_is_measured_as_psutil_does() {
    let measured = beside_psutil();
    let machine = &measured["found"]["machine"];
    assert_eq!((&machine["cpus"], &machine["ram_total_bytes"]), (&measured["cpus"], &measured["total"]));
    assert!(beyond(&machine["uptime_seconds"], [&measured["up"], &measured["up"]]) < 5.0, "{measured}");

    let near = |key: &'static str, found: fn(&Value) -> &Value, most: f64| {
        move |measured: &Value| {
            let ends = [&measured["ends"][0][key], &measured["ends"][1][key]];
            beyond(found(&measured["found"]), ends) <= most
        }
    };
    once_of_ten("RAM", near("ram", |found| &found["machine"]["ram_percent"], 0.2));
    once_of_ten("the disk", near("disk", |found| &found["disks"][0]["used_percent"], 0.1));
    // The kernel gives it in two decimals to the one and in binary fractions to the other.
    once_of_ten("the load", |measured| {
        let found = measured["found"]["machine"]["load"].as_array().unwrap();
        let same = |end: &Value| (0..3).all(|at| beyond(&found[at], [&end["load"][at]; 2]) <= 0.0051);
        measured["ends"].as_array().unwrap().iter().any(same)
    });
    // psutil's time also has the start and the end of the check in it, some per cent of half a second.
    let cpu = |measured: &Value| beyond(&measured["found"]["machine"]["cpu_percent"], [&measured["cpu"]; 2]) <= 5.0;
    once_of_ten("CPU", cpu);
    with_busy_processors(|| {
        once_of_ten("CPU at work", |measured| measured["cpu"].as_f64() > Some(80.0) && cpu(measured))
    });
}

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

/// Lets a command see files of a folder instead of those in /proc.
fn with_proc(command: &mut Command, folder: &Path, files: &'static [&'static str]) {
    let folder = folder.to_owned();
    with_mounts(command, move || {
        let bind = |file: &&str| {
            let place = Path::new("/proc").join(file);
            mount(Some(&folder.join(file)), &place, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        };
        Ok(files.iter().try_for_each(bind)?)
    });
}

/// Runs a check, and psutil before and after it. In the middle of the check the times of the processors change.
const PSUTIL_WITH_FILES: &str = "import json, psutil, subprocess, sys, time
psutil.cpu_percent()
check = subprocess.Popen(sys.argv[3:], stdout=subprocess.PIPE)
time.sleep(0.25)
with open(sys.argv[1], 'r+') as stat:
    stat.write(sys.argv[2])
found = json.loads(check.communicate()[0])
print(json.dumps(dict(found=found['machine'], cpu=psutil.cpu_percent(), ram=psutil.virtual_memory().percent)))";

fn texts_of_the_kernel_are_read_as_psutil_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let measure = || -> Value {
        fs::write(folder.path().join("stat"), BEFORE).unwrap();
        fs::write(folder.path().join("meminfo"), MEMINFO).unwrap();
        let mut python = Command::new("/usr/bin/python3");
        python.args(["-c", PSUTIL_WITH_FILES]).arg(folder.path().join("stat")).arg(AFTER);
        python.args([&program(), "--name", "a", "--json"]);
        with_proc(&mut python, folder.path(), &["stat", "meminfo"]);
        serde_json::from_str(&run(&mut python)).unwrap()
    };
    let near = |measured: &Value, found: &str, expected: &str| {
        beyond(&measured["found"][found], [&measured[expected]; 2]) <= 0.051
    };
    // On a busy machine the check may begin after the change.
    let mut tries = (0..10).map(|_| measure());
    let measured = tries.find(|measured| near(measured, "cpu_percent", "cpu")).expect("not the value of psutil");
    assert!(measured["cpu"].as_f64() > Some(0.0) && near(&measured, "ram_percent", "ram"), "{measured}");
    assert_eq!(measured["found"]["cpus"], 2);
}

fn texts_of_another_shape_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let check = |stat: &str, meminfo: &str, loadavg: &str| -> Value {
        for (file, text) in [("stat", stat), ("meminfo", meminfo), ("loadavg", loadavg)] {
            fs::write(folder.path().join(file), text).unwrap();
        }
        let mut command = Command::new(program());
        command.args(["--name", "a", "--json"]);
        with_proc(&mut command, folder.path(), &["stat", "meminfo", "loadavg"]);
        serde_json::from_slice(&run_bounded(&mut command).stdout).unwrap()
    };
    for stat in ["cpu0 1 2 3 4\n", "cpu  1 2 3\n", "cpu  1 2 x 4\n"] {
        let found = check(stat, "MemTotal: 1 kB\n", "0.20 0.18\n");
        let refused = ["stat", "meminfo", "loadavg"]
            .map(|file| format!("cannot read /proc/{file}: it is not as the kernel writes it"));
        assert_eq!(found["problems"], json!(refused), "{stat}");
        assert_eq!((&found["machine"]["cpu_percent"], &found["machine"]["ram_percent"]), (&Value::Null, &Value::Null));
    }
    // Old kernels write fewer numbers. The load is the example of proc_loadavg(5).
    let found = check("cpu  1 2 3 4\n", MEMINFO, "0.20 0.18 0.12 1/80 11206\n");
    assert_eq!(found["problems"], json!([]));
    assert_eq!((&found["machine"]["cpu_percent"], &found["machine"]["cpus"]), (&json!(0.0), &json!(0)));
    assert_eq!(found["machine"]["load"], json!([0.20, 0.18, 0.12]));
}

fn working_processors_are_seen() {
    with_busy_processors(|| {
        let (status, problems) = with_settings("max_cpu = 50", &[]);
        assert_eq!(status, 1, "{problems:?}");
        assert!(problems[0].starts_with("CPU at "), "{problems:?}");
        let (_, found) = findings(&[]);
        assert!(found["machine"]["cpu_percent"].as_f64().unwrap() > 80.0, "{found}");
    });
}

fn limits_are_held() {
    let (status, problems) = with_settings("max_disk = 0", &["--disk", "/"]);
    assert!(status == 1 && problems[0].starts_with("disk / at "), "{problems:?}");
    let (status, problems) = with_settings("max_ram = 0", &[]);
    assert!(status == 1 && problems[0].starts_with("RAM at "), "{problems:?}");
    let (status, found) = findings(&["--disk", "/nowhere"]);
    assert_eq!(status, 1);
    assert!(problem(&found).contains("/nowhere: No such file"), "{found}");
    assert!(found["disks"][0]["used_percent"].is_null());
}

/// User and system time of a command that must end with 0; of its children too.
#[expect(clippy::zombie_processes, reason = "wait4 waits, and tells more than the standard library's wait")]
fn cpu_time(command: &mut Command) -> Duration {
    let child = command.stdout(Stdio::null()).spawn().unwrap();
    let (mut status, mut usage) = (0, MaybeUninit::<libc::rusage>::zeroed());
    // SAFETY: both pointers live through the call, and zeros are a valid `rusage`.
    let usage = unsafe {
        assert_eq!(libc::wait4(child.id() as i32, &raw mut status, 0, usage.as_mut_ptr()), child.id() as i32);
        usage.assume_init()
    };
    assert_eq!(status, 0, "{command:?}");
    let span = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    span(usage.ru_utime) + span(usage.ru_stime)
}

/// Peak memory in KiB as time(1) tells it: it starts the program from a small process of its own, whose memory does
/// not count as the program's.
fn peak_memory(command: &Command) -> u64 {
    let mut time = Command::new("/usr/bin/time");
    time.args(["--quiet", "--format", "%M"]).arg(command.get_program()).args(command.get_args());
    time.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = time.stdout(Stdio::null()).output().expect("this test needs the package time");
    String::from_utf8(output.stderr).unwrap().trim().parse().expect("this test needs the package time")
}

/// The limits of the specification, on a check of everything with a history of thirty days. The time is that of
/// the check and of systemctl, which it starts; the memory is its own. On a busy machine some runs cost more, so
/// the cheapest of several counts.
fn a_check_costs_less_than_20_ms_of_cpu_5_mb_of_memory_and_2_mb_of_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let bad: Vec<usize> = (0..4320).filter(|number| number % 10 == 3).collect();
    write_history(Path::new(&path("history")), 4320, &bad);
    let limits = "max_cpu = 100\nmax_ram = 100\nmax_disk = 100\nmax_response_time = 5000\nhistory = 4320\n";
    fs::write(path("health.toml"), limits).unwrap();
    let units = ["stack.socket", "stack.service", "nginx.service", "stack-database.service"];
    let bus = Bus::with_units(&units.map(|unit| [unit, "loaded", "active", "running", "success"]));
    let mut command = Command::new(program());
    command.args(["--name", "stack", "--disk", "/"]);
    command.args(["--url", &answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")]);
    for option in ["config", "log", "state", "history", "page", "alert"] {
        let file = if option == "config" { path("health.toml") } else { path(option) };
        command.arg(format!("--{option}")).arg(file);
    }
    // time(1) tells the memory of the largest process, which is systemctl when there are units.
    let memory = (0..5).map(|_| peak_memory(&command)).min().unwrap();
    command.args(units.iter().flat_map(|unit| ["--unit", unit]));
    with_systemd(&mut command, &bus.address());
    let time = (0..10).map(|_| cpu_time(&mut command)).min().unwrap();
    eprintln!("{time:?} of the processor, {memory} KiB of memory");
    assert!(fs::metadata(path("page")).unwrap().len() > 200_000, "the page is not of thirty days");
    assert!(time > Duration::ZERO && time < Duration::from_millis(20), "{time:?}");
    // Five megabytes of memory and two on the disk.
    assert!((500..5_000_000 / 1024).contains(&memory), "{memory} KiB");
    let size = fs::metadata(program()).unwrap().len();
    assert!(size < 2_000_000, "{size} bytes on the disk");
}
