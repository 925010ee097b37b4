//! Workers and timers on a booted Debian: what they are and may do, and how an upgrade, maintenance and the administrator
//! treat them. One machine, one boot; the checks run in their order.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use support::checks::{Check, checks};
use support::container::Container;
use support::edition::{edit, edition};
use support::kept;
use support::server::Server;
use support::upgrade::install;

const CHECKS: &[Check<Container>] = &[
    ("workers_come_up_as_the_app_and_after_its_migrations", workers_come_up),
    ("limits_are_those_of_the_file", limits_hold),
    ("the_release_command_ran_after_the_migrations_and_alone", release_command_ran),
    ("run_starts_a_command_as_the_app", run_as_the_app),
    ("run_has_the_sandbox_of_the_app", run_is_confined),
    ("a_timers_job_runs_and_its_failure_is_noticed", job_runs),
    ("in_maintenance_nothing_of_the_app_writes", maintenance_stops_them),
    ("an_administrators_disable_survives_a_reinstall", disable_survives),
    ("an_upgrade_lets_workers_finish_and_removes_those_that_are_gone", upgrade_drains),
    ("after_a_failed_migration_the_old_worker_goes_on", migration_fails),
    ("after_a_failed_release_command_the_old_version_goes_on", release_fails),
    ("a_worker_that_ends_is_reported", broken_worker),
    ("purge_leaves_no_unit", purge),
];

pub fn trials() -> Vec<Trial> {
    checks("processes", boot, CHECKS)
}

/// A worker whose tasks take a second and a half. It writes down the beginning and the end of each.
const WORKER: &str = r#"
import os
import signal
import sys
import time

import psycopg2

VERSION = "1.0.0"
connection = psycopg2.connect(dbname=os.environ["DATABASE_NAME"])
connection.autocommit = True
ending = []
signal.signal(signal.SIGTERM, lambda *_: ending.append(True))


def write(event):
    row = (VERSION, int(os.environ["WORKER_NUMBER"]), os.getpid(), event)
    connection.cursor().execute("INSERT INTO work (version, number, pid, event) VALUES (%s, %s, %s, %s)", row)


while not ending:
    write("begin")
    time.sleep(1.5)
    write("end")
sys.exit(0)
"#;

/// A job that fails while there is a file that says so.
const JOB: &str = "#!/bin/sh\nset -eu\ntest ! -e \"$STATE_DIRECTORY/fail\"\n\
    printf '%s %s\\n' \"$(id -un)\" \"${#SECRET_KEY}\" >\"$STATE_DIRECTORY/tidied\"\n";

/// A release command, which needs the migrations, and whose database nobody else may change meanwhile.
const RELEASE: &str = r#"
import os

import psycopg2

assert not [name for name in os.environ if name.startswith("PG")], os.environ
with psycopg2.connect(dbname=os.environ["DATABASE_NAME"]) as connection, connection.cursor() as cursor:
    cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted")
    assert cursor.fetchone() == (1,)
    cursor.execute("INSERT INTO releases (number) VALUES (1)")
print("released")
"#;

const TABLES: &str = "\n[worker.mail]\ncommand = \"python worker.py\"\nprocesses = 2\nstop-timeout = \"20s\"\n\
    memory-max = \"256M\"\ncpu-quota = \"50%\"\n\n[timer.tidy]\ncommand = \"bin/tidy\"\nschedule = \"daily\"\n";

fn with_processes(project: &Path) {
    let app = project.join("app");
    fs::write(app.join("worker.py"), WORKER).unwrap();
    fs::create_dir(app.join("bin")).unwrap();
    fs::write(app.join("bin/tidy"), JOB).unwrap();
    fs::set_permissions(app.join("bin/tidy"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    fs::write(app.join("release.py"), RELEASE).unwrap();
    let table = "CREATE TABLE releases (number int);\n\
        CREATE TABLE work (version text, number int, pid int, event text, at timestamptz DEFAULT now());\n";
    fs::write(app.join("migrations/0002_work.sql"), table).unwrap();
    let manifest = project.join("stack.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text + TABLES).unwrap();
    let keys = "memory-max = \"768M\"\ncpu-quota = \"200%\"\nrelease-command = \"python release.py\"";
    edit(&manifest, "[app]\n", &format!("[app]\n{keys}\n"));
}

fn packages(folder: &Path) -> [PathBuf; 5] {
    let second = |project: &Path, version: &str| {
        with_processes(project);
        edit(&project.join("app/worker.py"), "1.0.0", version);
        edit(&project.join("stack.toml"), "processes = 2\n", "");
        let manifest = fs::read_to_string(project.join("stack.toml")).unwrap();
        let (kept, _) = manifest.split_once("[timer.tidy]").unwrap();
        fs::write(project.join("stack.toml"), kept).unwrap();
    };
    [
        edition(folder, "1.0.0", with_processes),
        edition(folder, "2.0.0", |project| second(project, "2.0.0")),
        edition(folder, "3.0.0", |project| {
            second(project, "3.0.0");
            fs::write(project.join("app/migrations/0003_late.sql"), "SELECT 1 / 0;\n").unwrap();
        }),
        edition(folder, "3.1.0", |project| {
            second(project, "3.1.0");
            edit(&project.join("app/worker.py"), "import os\n", "import no_such_module\n");
        }),
        edition(folder, "3.2.0", |project| {
            second(project, "3.2.0");
            fs::write(project.join("app/release.py"), "raise SystemExit('the lamp is broken')\n").unwrap();
        }),
    ]
}

fn boot() -> Container {
    let packages = packages(&kept().join("processes"));
    let machine = Container::boot("processes");
    for package in &packages {
        machine.copy(package);
    }
    let said = install(&machine, "1.0.0");
    assert!(!said.contains("stack: "), "{said}");
    machine
}

#[track_caller]
fn query(machine: &Container, sql: &str) -> String {
    machine.sh(&format!("cd / && runuser -u stack -- psql -X -A -t stack -c \"{sql}\""))
}

/// Waits until a query gives this value.
#[track_caller]
fn wait_for(machine: &Container, sql: &str, value: &str) {
    let begin = Instant::now();
    while query(machine, sql) != value {
        assert!(begin.elapsed() < machine.limit(), "{sql}: {}", query(machine, sql));
        thread::sleep(Duration::from_millis(300));
    }
}

fn workers_come_up(machine: &mut Container) {
    let units = "stack-mail.service stack-mail-2.service stack-tidy.timer";
    assert_eq!(machine.sh(&format!("systemctl is-active {units}")), "active\nactive\nactive");
    assert_eq!(machine.sh(&format!("systemctl is-enabled {units}")), "enabled\nenabled\nenabled");
    wait_for(machine, "select string_agg(distinct number::text, ' ' order by number::text) from work", "1 2");
    let pid = machine.sh("systemctl show -P MainPID stack-mail-2.service");
    assert_eq!(machine.sh(&format!("ps -o user= -p {pid}")), "stack");
    assert_eq!(machine.sh(&format!("readlink /proc/{pid}/cwd")), "/usr/share/stack");
    machine.sh(&format!("tr '\\0' '\\n' </proc/{pid}/environ | grep -x WORKER_NUMBER=2"));
    assert!(machine.sh("systemctl list-timers --no-pager").contains("stack-tidy.timer"));
    machine.sh("systemctl start stack-health.service");
    machine.sh("tail -n 1 /var/log/stack/health_check.log | grep 'Units: ok'");
}

fn limits_hold(machine: &mut Container) {
    let of_unit = |unit: &str| {
        let show = format!("systemctl show -P MemoryMax -P CPUQuotaPerSecUSec -P TimeoutStopUSec {unit}.service");
        let mut shown: Vec<String> = machine.sh(&show).lines().map(str::to_owned).collect();
        shown.sort();
        shown.join(" ")
    };
    assert_eq!(of_unit("stack-mail-2"), "20s 268435456 500ms");
    assert_eq!(of_unit("stack"), "2s 40s 805306368");
    // A job has its own limits, and this one has none.
    assert_eq!(machine.sh("systemctl show -P MemoryMax stack-tidy.service"), "infinity");
    // The sandbox is there: nothing outside of the app's folders can be written.
    let pid = machine.sh("systemctl show -P MainPID stack-mail.service");
    let try_to_write = |path: &str| machine.try_sh(&format!("nsenter -t {pid} -m -- touch {path}")).status.code();
    assert_ne!(try_to_write("/usr/share/stack/x"), Some(0));
    assert_eq!(try_to_write("/var/lib/stack/app/x"), Some(0));
}

fn release_command_ran(machine: &mut Container) {
    assert_eq!(query(machine, "select count(*) from releases"), "1");
    assert_eq!(machine.sh("systemctl is-active stack-release.service"), "active");
    // Another machine runs its own meanwhile.
    let hold = "systemd-run --quiet --collect --uid=stack psql -X stack -c \"select pg_advisory_lock(hashtext('release command'))\" \
        -c 'select pg_sleep(600)'";
    machine.sh(hold);
    wait_for(machine, "select count(*) from pg_locks where locktype = 'advisory' and granted", "1");
    machine.sh("systemctl restart --no-block stack-release.service");
    thread::sleep(Duration::from_secs(2));
    // It waits for that.
    assert_eq!(machine.sh("systemctl is-active stack-release.service || true"), "activating");
    assert_eq!(query(machine, "select count(*) from releases"), "1");
    query(machine, "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted");
    wait_for(machine, "select count(*) from releases", "2");
    machine.sh("until [ $(systemctl is-active stack-release.service) = active ]; do sleep 0.2; done");
}

fn run_as_the_app(machine: &mut Container) {
    let code = "import os, pwd; print(pwd.getpwuid(os.getuid()).pw_name, os.getcwd(), os.environ[\"DATABASE_NAME\"], \
        len(os.environ[\"SECRET_KEY\"]), os.environ[\"STATE_DIRECTORY\"])";
    assert_eq!(
        machine.sh(&format!("stack run -- python -c '{code}'")),
        "stack /usr/share/stack stack 64 /var/lib/stack/app"
    );
    // Without a terminal, Python's console prints its prompt as well.
    let shell = machine.sh("echo 'print(app.name, 6 * 7)' | stack run -- flask shell");
    assert!(shell.contains("app 42"), "{shell}");
    assert_eq!(machine.sh("echo one | stack run -- cat"), "one");
    assert_eq!(machine.try_sh("stack run -- sh -c 'exit 7'").status.code(), Some(7));
    assert_eq!(machine.try_sh("stack run -- no-such-program").status.code(), Some(127));
    // No word changes on its way.
    let words = "'a$b' '${HOME}' '%n' 'x  y' '' '\\'";
    assert_eq!(
        machine.sh(&format!("stack run -- printf '[%s]' {words}")),
        machine.sh(&format!("printf '[%s]' {words}"))
    );
    let terminal = machine.sh("script -qec \"stack run -- sh -c 'tty; exit 3'\" /dev/null </dev/null; echo $?");
    assert!(terminal.contains("/dev/pts/") && terminal.ends_with('3'), "{terminal}");
    let refused = machine.try_sh("runuser -u www-data -- stack run -- id");
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("sudo stack run -- id"), "{refused:?}");
    for arguments in ["", "start", "run", "run --", "run --user"] {
        assert_eq!(machine.try_sh(&format!("stack {arguments}")).status.code(), Some(2), "{arguments}");
    }
    assert_eq!(machine.sh("systemctl list-units --all --no-legend 'stack-run@*'"), "");
    machine.settle();
}

/// What the sandbox of a unit is, as systemd sees it.
const PROPERTIES: &str = "User,Group,WorkingDirectory,EnvironmentFiles,NoNewPrivileges,CapabilityBoundingSet,ProtectSystem,\
    ProtectHome,PrivateTmp,PrivateDevices,DevicePolicy,PrivateUsers,ProtectClock,ProtectControlGroups,ProtectHostname,\
    ProtectKernelLogs,ProtectKernelModules,ProtectKernelTunables,ProtectProc,LockPersonality,RemoveIPC,IPAddressDeny,\
    RestrictAddressFamilies,RestrictNamespaces,RestrictRealtime,RestrictSUIDSGID,SystemCallArchitectures,\
    SystemCallFilter,SystemCallErrorNumber,UMask,StateDirectory,MemoryMax";

fn run_is_confined(machine: &mut Container) {
    machine.sh("(stack run -- sleep 60 >/dev/null 2>&1 &) ; for i in $(seq 100); do \
         systemctl list-units --plain --no-legend --state=active 'stack-run@*' | grep -q . && exit; sleep 0.2; done; exit 1");
    let unit = machine.sh("systemctl list-units --plain --no-legend 'stack-run@*' | cut -d' ' -f1");
    let of = |unit: &str| machine.sh(&format!("systemctl show --property={PROPERTIES} {unit}"));
    let [app, run] = [of("stack.service"), of(&unit)];
    assert!(app.contains("NoNewPrivileges=yes") && app.contains("PrivateUsers=yes"), "{app}");
    assert_eq!(app, run);
    // A user who ends the program ends the command.
    machine.sh("pkill -TERM -f '^/usr/bin/python3 -IB /usr/bin/stack run'");
    machine.sh(&format!("for i in $(seq 100); do systemctl is-active -q {unit} || exit 0; sleep 0.2; done; exit 1"));
    assert_ne!(machine.try_sh("stack run -- touch /usr/share/stack/x").status.code(), Some(0));
    machine.sh("stack run -- touch /var/lib/stack/app/y");
}

fn job_runs(machine: &mut Container) {
    machine.sh("systemctl start stack-tidy.service");
    assert_eq!(machine.sh("cat /var/lib/stack/app/tidied"), "stack 64");
    machine.sh("touch /var/lib/stack/app/fail");
    assert_ne!(machine.try_sh("systemctl start stack-tidy.service").status.code(), Some(0));
    assert_ne!(machine.try_sh("systemctl start stack-health.service").status.code(), Some(0));
    machine.sh("tail -n 1 /var/log/stack/health_check.log | grep 'stack-tidy.service failed'");
    machine.sh("rm /var/lib/stack/app/fail && systemctl start stack-tidy.service stack-health.service");
    // A worker that is down is noticed, too.
    machine.sh("systemctl stop stack-mail-2.service");
    assert_ne!(machine.try_sh("systemctl start stack-health.service").status.code(), Some(0));
    machine.sh("tail -n 1 /var/log/stack/health_check.log | grep 'stack-mail-2.service is inactive'");
    machine.sh("systemctl start stack-mail-2.service && systemctl start stack-health.service");
}

fn maintenance_stops_them(machine: &mut Container) {
    machine.sh("systemctl stop stack-mail-2.service");
    machine.sh("/usr/libexec/stack/maintenance on 300");
    let states = "systemctl is-active stack-mail.service stack-mail-2.service stack-tidy.service || true";
    assert_eq!(machine.sh(states), "inactive\ninactive\ninactive");
    machine.sh("rm /var/lib/stack/app/tidied && systemctl start stack-tidy.service stack-mail.service");
    assert_eq!(machine.sh(states), "inactive\ninactive\ninactive");
    machine.sh("test ! -e /var/lib/stack/app/tidied");
    let rows = query(machine, "select count(*) from work");
    thread::sleep(Duration::from_secs(3));
    assert_eq!(query(machine, "select count(*) from work"), rows);
    machine.sh("/usr/libexec/stack/maintenance off");
    // What was stopped before stays so.
    assert_eq!(machine.sh(states), "active\ninactive\ninactive");
    machine.sh("systemctl start stack-tidy.service stack-mail-2.service && test -e /var/lib/stack/app/tidied");
}

fn disable_survives(machine: &mut Container) {
    machine.sh("systemctl disable --now stack-mail-2.service");
    install_again(machine, "1.0.0");
    let states = "systemctl is-active stack-mail.service stack-mail-2.service || true";
    assert_eq!(machine.sh(states), "active\ninactive");
    machine.sh("systemctl enable --now stack-mail-2.service");
}

fn install_again(machine: &Container, version: &str) {
    machine.sh(&format!(
        "cd /root && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --reinstall ./stack_{version}_amd64.deb 2>&1"
    ));
}

/// Beginnings of tasks that have no end.
const UNFINISHED: &str = "select count(*) filter (where event = 'begin') - count(*) filter (where event = 'end') from work \
    where version = '1.0.0'";

fn upgrade_drains(machine: &mut Container) {
    // Half of a task's time, so that the upgrade meets tasks.
    wait_for(machine, "select count(distinct number) from work where at > now() - interval '1 second'", "2");
    let said = install(machine, "2.0.0");
    assert!(!said.contains("stack: "), "{said}");
    wait_for(machine, "select count(*) > 0 from work where version = '2.0.0'", "t");
    assert_eq!(query(machine, UNFINISHED), "0");
    let journal = machine.sh("journalctl --no-pager -u stack-mail.service -u stack-mail-2.service");
    assert!(!journal.contains("SIGKILL") && !journal.contains("timed out"), "{journal}");
    // What version 2 does not have any more.
    assert_eq!(machine.sh("systemctl is-active stack-mail-2.service stack-tidy.timer || true"), "inactive\ninactive");
    assert_eq!(
        machine.sh("find /etc/systemd /var/lib/systemd -name 'stack-mail-2*' -o -name 'stack-tidy*' -type l"),
        ""
    );
    machine.sh("systemctl start stack-health.service");
    let said = install(machine, "1.0.0");
    assert!(!said.contains("stack: "), "{said}");
    assert_eq!(machine.sh("systemctl is-active stack-mail-2.service stack-tidy.timer"), "active\nactive");
    install(machine, "2.0.0");
}

fn migration_fails(machine: &mut Container) {
    let pid = machine.sh("systemctl show -P MainPID stack-mail.service");
    let said = install(machine, "3.0.0");
    assert!(said.contains("stack: Until stack.service restarts, the version before goes on serving."), "{said}");
    assert_eq!(machine.sh("systemctl show -P MainPID stack-mail.service"), pid);
    install(machine, "2.0.0");
    assert_ne!(machine.sh("systemctl show -P MainPID stack-mail.service"), pid);
}

fn release_fails(machine: &mut Container) {
    let pids = "systemctl show -P MainPID stack.service stack-mail.service";
    let before = machine.sh(pids);
    let said = install(machine, "3.2.0");
    for part in [
        "stack: stack-release.service failed",
        "the lamp is broken",
        "stack: Until stack.service restarts, the version before goes on serving.",
    ] {
        assert!(said.contains(part), "no `{part}` in:\n{said}");
    }
    assert_eq!(machine.sh(pids), before);
    machine.get("/visits", 200);
    let said = install(machine, "2.0.0");
    assert!(!said.contains("stack: "), "{said}");
}

fn broken_worker(machine: &mut Container) {
    let said = install(machine, "3.1.0");
    for part in [
        "stack: stack-mail.service does not come up: it ended instead of working",
        "ModuleNotFoundError: No module named 'no_such_module'",
        "apt install ./stack_2.0.0_amd64.deb",
    ] {
        assert!(said.contains(part), "no `{part}` in:\n{said}");
    }
    // The site is not to blame.
    machine.get("/visits", 200);
    let said = install(machine, "2.0.0");
    assert!(!said.contains("stack: "), "{said}");
    machine.settle();
}

fn purge(machine: &mut Container) {
    install(machine, "1.0.0");
    machine.sh("apt-get remove -y stack");
    let states = "systemctl is-active stack-mail.service stack-mail-2.service stack-tidy.timer || true";
    assert_eq!(machine.sh(states), "inactive\ninactive\ninactive");
    machine.sh("apt-get purge -y stack");
    assert_eq!(machine.sh("systemctl list-unit-files --no-legend 'stack*' || true"), "");
    assert_eq!(
        machine.sh(
            "find /etc/systemd /var/lib/systemd -name '*stack-mail*' -o -name '*stack-tidy*' -o -name '*stack-release*'"
        ),
        ""
    );
    assert_eq!(machine.sh("systemctl --failed --no-legend"), "");
}
