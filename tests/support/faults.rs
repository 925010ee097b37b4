//! What can happen to a server, done to a booted machine while somebody visits it; and the proof that
//! it heals without a hand.

use std::thread;
use std::time::{Duration, Instant};

use super::lanes::say;
use super::machine::Machine;
use super::server::Server;
use super::visitor::{Visitor, Visits};

/// Processes of the stack: a name, and a command that prints their numbers.
pub const PROCESSES: [(&str, &str); 9] = [
    ("Gunicorn's master", "systemctl show -P MainPID stack.service"),
    ("Gunicorn's oldest worker", "pgrep -o -P $(systemctl show -P MainPID stack.service)"),
    ("Gunicorn's newest worker", "pgrep -n -P $(systemctl show -P MainPID stack.service)"),
    ("Gunicorn's workers", "pgrep -P $(systemctl show -P MainPID stack.service)"),
    ("nginx's master", "cat /run/nginx.pid"),
    ("nginx's workers", "pgrep -P $(cat /run/nginx.pid)"),
    ("PostgreSQL's postmaster", "head -n 1 /var/lib/postgresql/*/main/postmaster.pid"),
    ("PostgreSQL's backends", "pgrep -u postgres -f '^postgres: .*stack stack'"),
    ("PostgreSQL's checkpointer", "pgrep -u postgres -f '^postgres: .*checkpointer'"),
];

/// What runs on a machine that is well.
const UNITS: &str = "stack.socket stack.service stack-database.service stack-health.timer nginx.service 'postgresql@*'";

/// Waits until everything runs and the health check finds nothing wrong.
#[track_caller]
pub fn heals(machine: &impl Server, from: &str) {
    let begin = Instant::now();
    machine.get("/healthz", 200);
    loop {
        let well = machine.try_sh(&format!("systemctl is-active {UNITS} && systemctl start stack-health.service"));
        if well.status.success() {
            break;
        }
        let state = || machine.sh("systemctl --failed; tail -n 2 /var/log/stack/health_check.log; journalctl -n 60");
        assert!(begin.elapsed() < machine.limit(), "it does not heal from {from}: {}\n{}", super::text(&well), state());
        thread::sleep(Duration::from_secs(1));
    }
    assert_eq!(machine.sh("systemctl --failed --no-legend"), "", "after {from}");
    say(&format!("healed from {from} in {} s", begin.elapsed().as_secs()));
}

/// The line in which the health check says what is wrong; it must find something. From memory: the disk may be full.
#[track_caller]
pub fn complaint(machine: &impl Server) -> String {
    let checked = machine.try_sh("systemctl start stack-health.service");
    assert!(!checked.status.success(), "the health check finds nothing wrong");
    let line = machine.sh("grep ^HEALTH_LINE= /run/stack/health/alert");
    assert_eq!(line.lines().count(), 1, "{line}");
    line.split_once("UNHEALTHY: ").unwrap_or_else(|| panic!("{line}")).1.to_owned()
}

/// Kills each of the processes in turn.
pub fn kill_processes(machine: &impl Server) {
    let visitor = Visitor::start(machine);
    for (name, numbers) in PROCESSES {
        machine.get("/visits", 200);
        machine.sh(&format!("set -e; p=$({numbers}); test -n \"$p\"; kill -KILL $p"));
        heals(machine, &format!("the end of {name}"));
    }
    say(&format!("{:?}", visitor.stop(machine)));
}

/// Kills the health check in the middle of its work: nginx stands still meanwhile, so it waits for the site's answer.
pub fn kill_health_check(machine: &impl Server) {
    machine.sh("pkill -STOP -x nginx
         systemctl start --no-block stack-health.service
         for i in $(seq 1000); do
             p=$(systemctl show -P MainPID stack-health.service)
             if [ \"$p\" -gt 0 ] && [ \"$(cat /proc/$p/comm)\" = health-check ]; then kill -KILL \"$p\" && break; fi
         done
         pkill -CONT -x nginx
         while systemctl is-active -q stack-health.service; do sleep 0.2; done");
    assert_eq!(machine.sh("systemctl show -P Result stack-health.service"), "signal");
    heals(machine, "the end of the health check");
}

/// Stops PostgreSQL for as long.
pub fn postgresql_away(machine: &impl Server, time: Duration) {
    let visitor = Visitor::start(machine);
    machine.get("/visits", 200);
    let unit = machine.sh("systemctl list-units --plain --no-legend 'postgresql@*' | cut -d' ' -f1");
    machine.sh(&format!("systemctl stop {unit}"));
    let begin = Instant::now();
    assert_eq!(machine.get("/", 200), "Hello from Flask via systemd!");
    assert_eq!(machine.get("/visits", 503), "the database failed");
    let said = complaint(machine);
    assert!(said.contains("PostgreSQL") && said.contains("503"), "{said}");
    thread::sleep(time.saturating_sub(begin.elapsed()));
    machine.sh(&format!("systemctl start {unit}"));
    heals(machine, "PostgreSQL's absence");
    say(&format!("{:?}, told as: {said}", visitor.stop(machine)));
}

/// A page that takes all the memory there is.
const HUNGRY: &str = "
@app.get(\"/eat\")
def eat():
    hoard = []
    while True:
        hoard.append(b\"x\" * 1000000)
";

/// Lets a worker take more memory than there is.
pub fn out_of_memory(machine: &impl Server) {
    let app = "/usr/share/stack/app.py";
    machine.sh(&format!("cp {app} /root/app.py; cat >>{app} <<'END'\n{HUNGRY}END"));
    machine.sh("systemctl set-property --runtime stack.service MemoryMax=300M MemorySwapMax=0");
    machine.sh("systemctl restart stack.service");
    let master = "systemctl show -P MainPID -P NRestarts stack.service";
    let before = machine.sh(master);
    let visitor = Visitor::start(machine);
    machine.get("/visits", 200);
    machine.get("/eat", 502);
    machine.sh("journalctl -k | grep 'Memory cgroup out of memory: Killed process .*gunicorn'");
    heals(machine, "want of memory");
    // The worker alone was ended.
    assert_eq!(machine.sh(master), before);
    say(&format!("{:?}", visitor.stop(machine)));
    machine.sh(&format!("mv /root/app.py {app}"));
    machine.sh("systemctl set-property --runtime stack.service MemoryMax= MemorySwapMax=; systemctl restart stack");
}

/// Fills the file system to the last block while everything logs, and makes room again.
pub fn disk_full(machine: &impl Server) {
    let visitor = Visitor::start(machine);
    machine.get("/visits", 200);
    machine.sh("mkdir /filler; n=0
         for size in 1G 256M 64M 16M 4M 1M 256K 64K 16K 4K; do
             while fallocate -l $size /filler/$n 2>/dev/null; do n=$((n + 1)); done
             rm -f /filler/$n
         done");
    let said = complaint(machine);
    assert!(said.contains("100") && said.contains("disk /"), "{said}");
    for _ in 0..10 {
        let _ = machine.try_sh("logger something to keep; curl -s http://127.0.0.1/visits");
    }
    machine.sh("rm -r /filler");
    heals(machine, "a full disk");
    say(&format!("{:?}, told as: {said}", visitor.stop(machine)));
    machine.sh("tail -n 1 /var/log/stack/health_check.log | grep 'Site: 200'");
}

/// Sets the clock back by a day, and forward again.
pub fn clock_set_back(machine: &impl Server) {
    let visitor = Visitor::start(machine);
    machine.sh("systemctl stop systemd-timesyncd.service");
    for change in ["1 day ago", "1 day"] {
        machine.sh(&format!("date -s '{change}'"));
        machine.get("/visits", 200);
        heals(machine, "a changed clock");
        // Its next run does not wait for a day.
        let left = "systemctl list-timers --no-legend stack-health.timer | grep -E ' [1-9]*(min|s) '";
        machine.sh(left);
    }
    say(&format!("{:?}", visitor.stop(machine)));
}

/// Takes the machine's power away in the middle of writes, and gives it back. What it had in memory alone is gone.
pub fn power_cut(machine: &mut Machine) -> Visits {
    let visitor = Visitor::start(machine);
    machine.get("/visits", 200);
    thread::sleep(Duration::from_secs(2));
    let before = machine.cut_power();
    let visits = visitor.leave();
    machine.wait_for_boot_after(&before);
    machine.get("/healthz", 200);
    visits.compare(machine);
    assert_eq!(machine.sh("dpkg --audit"), "");
    assert_eq!(machine.sh("cat /sys/fs/ext4/*/errors_count"), "0");
    machine.system_state();
    heals(machine, "a power cut");
    visits
}

/// Checks the file system while nothing writes to it, which ends the machine's use.
pub fn check_file_system(machine: &impl Server) {
    let check = "d=$(findmnt -no SOURCE /); sync; echo u >/proc/sysrq-trigger; sleep 3; e2fsck -fn \"$d\"";
    let said = machine.sh(check);
    assert!(said.contains("Pass 5"), "{said}");
}
