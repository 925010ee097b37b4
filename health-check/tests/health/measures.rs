//! What the health check measures of a machine, beside psutil; the limits that `health.toml` sets; and
//! what a check itself costs.

use std::fs;
use std::mem::MaybeUninit;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{
    Bus, answering, findings, health_check, package_folder, problem, program, stdout, with_systemd, write_history,
};

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
    assert!(output.status.success(), "{}\nThis test needs the package python3-psutil.", crate::support::text(&output));
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
    assert!(tries.iter().any(try_it), "{what} is never as psutil has it: {tries:?}");
}

#[test]
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

/// A share of time that others on the machine cannot lower: all processors work.
fn with_busy_processors(test: impl FnOnce()) {
    let stop = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().unwrap().get() {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        test();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn working_processors_are_seen() {
    with_busy_processors(|| {
        let (status, problems) = with_settings("max_cpu = 50", &[]);
        assert_eq!(status, 1, "{problems:?}");
        assert!(problems[0].starts_with("CPU at "), "{problems:?}");
        let (_, found) = findings(&[]);
        assert!(found["machine"]["cpu_percent"].as_f64().unwrap() > 80.0, "{found}");
    });
}

#[test]
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

/// Exit status and problems of a check with this `health.toml`.
fn with_settings(text: &str, arguments: &[&str]) -> (i32, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("health.toml");
    // Memory on a busy build machine says nothing about the program.
    let others = if text.lines().any(|line| line.starts_with("max_ram")) { "" } else { "\nmax_ram = 100\n" };
    fs::write(&path, format!("{text}{others}")).unwrap();
    let (status, found) = findings(&[&["--config", path.to_str().unwrap()], arguments].concat());
    let strip = |problem: &Value| problem.as_str().unwrap().replace(path.to_str().unwrap(), "health.toml");
    (status, found["problems"].as_array().unwrap().iter().map(strip).collect())
}

#[test]
fn health_toml_sets_limits() {
    let (status, problems) = with_settings("max_disk = 0 # all\n", &["--disk", "/"]);
    assert!(status == 1 && problems.iter().all(|problem| problem.ends_with(", above 0%")), "{problems:?}");
    assert_eq!(with_settings("max_disk = 100\n", &["--disk", "/"]), (0, Vec::new()));

    let slow = crate::support::site("127.0.0.1", |mut stream| {
        crate::support::request(&stream);
        thread::sleep(Duration::from_millis(300));
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    });
    let (status, problems) = with_settings("max_response_time = 200", &["--url", &slow]);
    assert!(status == 1 && problems.len() == 1, "{problems:?}");
    let took = problems[0].strip_prefix(&format!("site {slow}: its answer took ")).unwrap();
    let took: u64 = took.strip_suffix(" ms, above 200 ms").unwrap().parse().unwrap();
    assert!((300..5000).contains(&took), "{problems:?}");
    assert_eq!(with_settings("max_response_time = 4500", &["--url", &slow]), (0, Vec::new()));

    with_busy_processors(|| {
        let deadline = Instant::now() + Duration::from_secs(60);
        let (mut status, mut problems) = with_settings("max_load = 0", &[]);
        // The load average of a machine that has just been idle is nothing for some seconds.
        while problems.is_empty() && Instant::now() < deadline {
            (status, problems) = with_settings("max_load = 0", &[]);
        }
        assert!(status == 1 && problems[0].starts_with("load over five minutes at "), "{problems:?}");
    });
    assert_eq!(with_settings("max_load = 1000", &[]), (0, Vec::new()));
}

#[test]
fn a_broken_health_toml_is_a_problem_and_blinds_nothing() {
    let nowhere = "cannot measure the disk /nowhere: No such file or directory (os error 2)".to_owned();
    for (text, expected) in [
        ("max_cup = 3", "health.toml:1: there is no key `max_cup`: did you mean `max_cpu`?"),
        ("\nmax_ram = [", "health.toml:2: this is not TOML: "),
        (
            "max_disk = \"90%\"",
            "health.toml:1: max_disk is \"90%\", but has to be a number from 0 to 100; its default holds",
        ),
    ] {
        let (status, problems) = with_settings(text, &["--disk", "/nowhere"]);
        assert_eq!((status, problems.len()), (1, 2), "{problems:?}");
        assert!(problems[0].starts_with(expected), "{problems:?}");
        assert_eq!(problems[1], nowhere);
    }
    // What is well understood holds beside what is not.
    let (_, problems) = with_settings("max_cup = 3\nmax_disk = 0\n", &["--disk", "/"]);
    assert!(problems.len() >= 2 && problems[1].ends_with(", above 0%"), "{problems:?}");

    let (status, found) = findings(&["--config", "/", "--disk", "/nowhere"]);
    assert_eq!(status, 1);
    let unreadable = "cannot read /: it is not a file; the defaults hold";
    assert_eq!(found["problems"], json!([unreadable, nowhere]));
    assert_eq!(findings(&["--config", "/nowhere/health.toml"]).0, 0, "a file that is not there is an empty one");
    let line = stdout(&health_check(&["--config", "/"]));
    assert!(line.ends_with(&format!(" | UNHEALTHY: {unreadable}\n")), "{line}");
}

#[test]
fn the_packages_health_toml_shows_every_key() {
    // The name and the port that stackdeb puts in are in comments.
    let text = fs::read_to_string(package_folder().join("../debian/health.toml")).unwrap();
    assert_eq!(with_settings(&text, &[]), (0, Vec::new()));
    let is_setting = |line: &&str| line.starts_with("# ") && line.contains(" = ");
    let settings: Vec<&str> = text.lines().filter(is_setting).map(|line| &line[2..]).collect();
    let settings = settings.join("\n");
    let values = toml::de::DeTable::parse(&settings).unwrap();
    // All the keys that there are, as they are told to those who guess.
    let (_, problems) = with_settings("colour = 1", &[]);
    let mut known: Vec<&str> = problems[0].split_once("the keys are ").unwrap().1.split(", ").collect();
    known.sort_unstable();
    assert_eq!(values.get_ref().keys().map(|key| &**key.get_ref()).collect::<Vec<_>>(), known);
    assert_eq!(
        with_settings(&settings.replace("max_load = 4.0", "").replace("max_ram = 95", "max_ram = 100"), &[]),
        (0, Vec::new())
    );
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
/// the check and of systemctl, which it starts; the memory is its own. A busy machine makes some runs dearer, so
/// the cheapest of several counts.
#[test]
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
    assert!((500..5000).contains(&memory), "{memory} KiB");
    let size = fs::metadata(program()).unwrap().len();
    assert!(size < 2 << 20, "{size} bytes on the disk");
}
