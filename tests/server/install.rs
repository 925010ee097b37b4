//! `apt install ./stack.deb` on a booted Debian, and all that follows until `apt purge`. One machine, one boot; the checks
//! run in their order, each on what the one before it left.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use libtest_mimic::Trial;
use support::checks::{Check, checks};
use support::container::Container;
use support::edition::{edit, edition};
use support::server::Server;
use support::{Built, built, kept};

/// All files of the machine but those that the system itself changes while it runs.
const FILES: &str = "find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /var/tmp \
    -o -path /var/log -o -path /var/cache -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /root -o -path /dev \
    -o -path /var/lib/postgresql -o -path /var/lib/systemd -o -path /var/lib/cloud -o -path /var/lib/nginx \
    -o -path '/var/lib/private' -o -name __pycache__ -o -path '/etc/*-' -o -path /etc/.pwd.lock \\) -prune -o -print | sort";

const CHECKS: &[Check<Container>] = &[
    ("a_clean_machine_has_no_stack", clean_machine),
    ("apt_installs_the_package", apt_installs),
    ("the_site_answers_with_its_sentence", site_answers),
    ("visits_are_counted", visits_count),
    ("the_timer_is_listed", timer_listed),
    ("the_health_log_has_its_line", health_log),
    ("the_health_report_is_for_the_machine_alone", report_is_local),
    ("an_administrators_programs_are_told_what_is_wrong", alert_is_told),
    ("nothing_failed", nothing_failed),
    ("the_files_verify", files_verify),
    ("journalctl_has_the_app", journal),
    ("an_administrators_disable_survives_a_reinstall", disable_survives),
    ("reinstall_keeps_all_running", reinstall),
    ("remove_stops_all_and_keeps_configuration", remove),
    ("install_after_remove_works", install_again),
    ("purge_leaves_nothing_but_a_dump", purge),
    ("nginx_default_site_is_back", default_site),
    ("apt_installs_two_packages_of_one_stack_and_removes_one", two_packages),
];

pub fn trials() -> Vec<Trial> {
    checks("install", boot, CHECKS)
}

fn boot() -> Container {
    let machine = Container::boot("install");
    machine.copy(&package());
    machine
}

/// A further package with what the application may read too.
const TOOLS: &str = r#"
[[package]]
name = "stack-tools"
summary = "tools for the staff"
depends = ["stack (= ${binary:Version})"]
[[file]]
path = "/usr/bin/stack-prices"
source = "app/prices"
package = "stack-tools"
[[file]]
path = "/etc/stack/prices.conf"
source = "app/app.py"
mode = "0640"
owner = "root:stack"
package = "stack-tools"
"#;

/// A stack of that version with the further package: the files of both.
fn two(version: &str) -> [PathBuf; 2] {
    let own = edition(&kept().join("two-packages"), version, |project| {
        fs::write(project.join("app/prices"), "#!/bin/sh\nhead -n 1 /etc/stack/prices.conf\n").unwrap();
        fs::set_permissions(project.join("app/prices"), Permissions::from_mode(0o755)).unwrap();
        let manifest = project.join("stack.toml");
        edit(&manifest, "[package]", "[[package]]");
        edit(&manifest, "[database]", &format!("{TOOLS}[database]"));
    });
    let tools = own.with_file_name(format!("stack-tools_{version}_all.deb"));
    [own, tools]
}

/// Both come from `dist` at once, whichever comes first; an upgrade brings both, and each can go.
fn two_packages(machine: &mut Container) {
    for file in ["3.0.0", "3.1.0"].iter().flat_map(|version| two(version)) {
        machine.copy(&file);
    }
    let install = |machine: &Container, version: &str| {
        machine.sh(&format!(
            "cd /root && DEBIAN_FRONTEND=noninteractive apt-get install -y ./stack-tools_{version}_all.deb ./stack_{version}_amd64.deb"
        ));
        let both = machine.sh("dpkg-query -W -f '${Package} ${db:Status-Abbrev} ${Version}\\n' stack stack-tools");
        assert_eq!(both, format!("stack ii  {version}\nstack-tools ii  {version}"));
    };
    install(machine, "3.0.0");
    assert_eq!(machine.sh("stat -c '%a %U:%G' /etc/stack/prices.conf"), "640 root:stack");
    assert!(machine.sh("runuser -u stack -- stack-prices").starts_with("\"\"\""));
    site_answers(machine);
    // apt would have to remove the tools, which need the stack of their own version.
    let alone = "cd /root && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-remove ./stack_3.1.0_amd64.deb";
    assert_ne!(machine.try_sh(alone).status.code(), Some(0));
    install(machine, "3.1.0");
    machine.sh("apt-get remove -y stack-tools && test ! -e /usr/bin/stack-prices && test -e /etc/stack/prices.conf");
    assert_eq!(machine.sh("dpkg-query -W -f '${db:Status-Abbrev}' stack"), "ii");
    site_answers(machine);
    visits_count(machine);
    machine.sh("apt-get purge -y stack-tools stack && test ! -e /etc/stack");
    nothing_failed(machine);
}

fn package() -> PathBuf {
    built(Built::Image).join("stack.deb")
}

fn clean_machine(machine: &mut Container) {
    assert_ne!(machine.try_sh("dpkg-query -W stack").status.code(), Some(0));
    machine.sh(&format!(
        "{FILES} > /root/files-before; systemctl list-unit-files --no-legend | grep -v transient > /root/units-before"
    ));
    machine.sh(
        "ls -l /etc/nginx/sites-enabled > /root/sites-before; cut -d: -f1 /etc/passwd /etc/group > /root/users-before",
    );
    assert!(machine.get("/", 200).contains("nginx"));
}

fn apt_installs(machine: &mut Container) {
    machine.sh("cd /root && DEBIAN_FRONTEND=noninteractive apt-get install -y ./stack.deb");
    assert_eq!(machine.sh("dpkg-query -W -f '${db:Status-Abbrev} ${Version}' stack"), "ii  1.0.0");
}

fn site_answers(machine: &mut Container) {
    assert_eq!(machine.get("/", 200), "Hello from Flask via systemd!");
    machine.get("/healthz", 200);
}

fn visits_count(machine: &mut Container) {
    let count = |body: String| body.chars().filter(char::is_ascii_digit).collect::<String>().parse::<u64>().unwrap();
    let first = count(machine.get("/visits", 200));
    assert_eq!(count(machine.get("/visits", 200)), first + 1);
    assert_eq!(
        machine.sh("runuser -u stack -- psql -At stack -c 'select count(*) from visits'"),
        (first + 1).to_string()
    );
}

fn timer_listed(machine: &mut Container) {
    assert!(machine.sh("systemctl list-timers --no-pager").contains("stack-health.timer"));
    assert_eq!(
        machine.sh("systemctl is-enabled stack-health.timer stack.service stack.socket"),
        "enabled\nenabled\nenabled"
    );
}

fn health_log(machine: &mut Container) {
    // More often within ten seconds than systemd allows when a unit does not say otherwise.
    machine.sh("for i in $(seq 6); do systemctl start stack-health.service || exit; done");
    let line = machine.sh("tail -n 1 /var/log/stack/health_check.log");
    let pattern = r"^\[20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9:]{8}\] CPU: [0-9.]+% \| RAM: [0-9.]+%";
    machine.sh(&format!("tail -n 1 /var/log/stack/health_check.log | grep -E '{pattern}'"));
    assert!(line.contains("Units: ok | Site: 200"), "{line}");
}

fn report_is_local(machine: &mut Container) {
    let get = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())";
    let page = machine.sh(&format!("python3 -c '{get}' http://127.0.0.1/health-report"));
    assert!(page.contains("<h1>Health of stack</h1>") && page.contains("<svg id=\"response\""), "{page}");
    let page = machine.sh(&format!("python3 -c '{get}' http://[::1]/health-report"));
    assert!(page.contains("<p class=\"good\">Healthy</p>"), "{page}");
    assert!(!machine.get("/health-report", 403).contains("Health of stack"));
}

/// A program that is told, with the network at hand and a folder to remember in.
const HOOK: &str = "#!/usr/bin/python3
import os, sys, urllib.request
with open(os.environ['STATE_DIRECTORY'] + '/told', 'a') as told:
    site = urllib.request.urlopen('http://127.0.0.1/healthz').status
    print(os.environ['HEALTH_NAME'], os.environ['HEALTH_FAILURES'], site, sys.stdin.read(), file=told, end='')
";

fn alert_is_told(machine: &mut Container) {
    let told = "/var/lib/stack/health-alert/told";
    let started = "systemctl show -P ExecMainStartTimestampMonotonic stack-health-alert.service";
    let check = "systemctl start stack-health.service";
    // Its checks would count, too.
    machine.sh("systemctl stop stack-health.timer");
    // Nothing, as long as nobody wants to be told.
    machine.sh("echo 'max_disc = 1' >>/etc/stack/health.toml");
    assert_ne!(machine.try_sh(check).status.code(), Some(0));
    machine.sh("sleep 2");
    assert_eq!(machine.sh(started), "0");
    assert_eq!(machine.sh("systemctl --failed --no-legend --plain | cut -d' ' -f1"), "stack-health.service");

    machine.sh(&format!("cat >/etc/stack/health-alert.d/10-told <<'END'\n{HOOK}END"));
    machine.sh("chmod 755 /etc/stack/health-alert.d/10-told");
    for count in 2..=3 {
        assert_ne!(machine.try_sh(check).status.code(), Some(0));
        machine
            .sh(&format!("for i in $(seq 60); do [ \"$(wc -l <{told})\" -ge {} ] && exit; sleep 1; done", count - 1));
        let line = machine.sh(&format!("tail -n 1 {told}"));
        assert!(line.starts_with(&format!("stack {count} 200 CPU: ")), "{line}");
        let mistake = "UNHEALTHY: /etc/stack/health.toml:26: there is no key `max_disc`: did you mean `max_disk`?";
        assert!(line.ends_with(mistake), "{line}");
    }
    let page = machine.sh("cat /var/lib/stack/health/report.html");
    assert!(page.contains("<p class=\"bad\">Unhealthy since 20"), "{page}");

    machine.sh("sed -i '$d' /etc/stack/health.toml && rm /etc/stack/health-alert.d/10-told");
    machine.sh(check);
    assert_eq!(machine.sh(&format!("wc -l <{told}")), "2");
    machine.sh("test ! -e /run/stack/health/alert");
    machine.sh("systemctl start stack-health.timer");
}

fn nothing_failed(machine: &mut Container) {
    machine.settle();
}

fn files_verify(machine: &mut Container) {
    // The image does without documentation: its dpkg is told to leave such files out.
    assert_eq!(machine.sh("dpkg --verify stack | grep -v -E ' /usr/share/(doc|lintian|man)/' || true"), "");
    assert_eq!(machine.sh("dpkg --audit"), "");
}

fn journal(machine: &mut Container) {
    assert!(machine.sh("journalctl --no-pager -u stack.service").contains("Listening at"));
}

fn disable_survives(machine: &mut Container) {
    machine.sh("systemctl disable stack-health.timer");
    machine.sh("cd /root && apt-get install -y --reinstall ./stack.deb");
    assert_eq!(machine.try_sh("systemctl is-enabled --quiet stack-health.timer").status.code(), Some(1));
    machine.sh("systemctl enable --now stack-health.timer");
}

fn reinstall(machine: &mut Container) {
    machine.sh("cd /root && apt-get install -y --reinstall ./stack.deb");
    site_answers(machine);
    visits_count(machine);
    nothing_failed(machine);
}

fn remove(machine: &mut Container) {
    machine.sh("apt-get remove -y stack");
    assert_eq!(machine.sh("dpkg-query -W -f '${db:Status-Abbrev}' stack"), "rc");
    machine.sh("test -e /etc/nginx/sites-available/stack");
    assert_ne!(
        machine.try_sh("systemctl is-active stack.socket stack.service stack-health.timer").status.code(),
        Some(0)
    );
    machine.sh("nginx -t");
    nothing_failed(machine);
}

fn install_again(machine: &mut Container) {
    apt_installs(machine);
    site_answers(machine);
    visits_count(machine);
    nothing_failed(machine);
}

fn purge(machine: &mut Container) {
    machine.sh("apt-get purge -y stack");
    assert_ne!(machine.try_sh("dpkg-query -W stack").status.code(), Some(0));
    // The dump of the database, and nothing else.
    let files = machine.sh(&format!("{FILES} | diff /root/files-before - | grep '^[<>]' || true"));
    let files: Vec<&str> = files.lines().collect();
    let [folder, dump] = files[..] else { panic!("{files:?}") };
    assert_eq!(folder, "> /var/backups/stack");
    assert!(dump.starts_with("> /var/backups/stack/stack-20") && dump.ends_with("Z.dump"), "{dump}");
    assert_eq!(
        machine.sh("systemctl list-unit-files --no-legend | grep -v transient | diff /root/units-before - || true"),
        ""
    );
    // The system user stays, as Debian's packages leave theirs: a later user of the same number would inherit its files.
    let users = machine.sh("cut -d: -f1 /etc/passwd /etc/group | diff /root/users-before - || true");
    assert!(users.lines().all(|line| !line.contains('<') && (!line.contains('>') || line == "> stack")), "{users}");
    assert_eq!(machine.sh("getent passwd stack | cut -d: -f7"), "/usr/sbin/nologin");
    assert_eq!(machine.sh("find /var/log/stack /var/cache/stack /var/lib/systemd/deb-systemd-helper-enabled -name 'stack*' 2>/dev/null || true"), "");
    nothing_failed(machine);
}

fn default_site(machine: &mut Container) {
    assert_eq!(
        machine.sh("ls -l /etc/nginx/sites-enabled | awk '{print $9,$10,$11}'"),
        machine.sh("awk '{print $9,$10,$11}' /root/sites-before")
    );
    assert!(machine.get("/", 200).contains("Welcome to nginx"));
}
