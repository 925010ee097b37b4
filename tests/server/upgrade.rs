//! Upgrades on a booted Debian: under load, and to versions that do not come up; what the package's units may do; and
//! purge, which must lose no data. One machine, one boot; the checks run in their order.

use libtest_mimic::Trial;
use support::checks::{Check, checks};
use support::container::Container;
use support::edition::{edit, edition};
use support::kept;
use support::lanes::say;
use support::server::Server;
use support::upgrade::{OLD, count, install, under_load, versions, with_a_slow_request};

use super::paths;

const CHECKS: &[Check<Container>] = &[
    ("the_key_is_made_at_the_first_start", key_is_made),
    ("every_unit_may_do_little", units_are_hardened),
    ("nothing_but_nginx_and_ssh_listens_outside", nothing_listens),
    ("an_upgrade_and_the_way_back_fail_no_request", |machine| under_load(machine, 2)),
    ("a_slow_request_holds_no_other_back", |machine| with_a_slow_request(machine)),
    ("a_version_that_cannot_be_loaded_is_reported_and_the_old_one_heals_it", broken_code),
    ("a_migration_that_fails_is_reported_and_the_old_version_goes_on", broken_migration),
    ("flasks_instance_folder_can_be_written_to", paths::instance_folder),
    ("an_app_that_writes_elsewhere_is_told_where_it_may", paths::written_elsewhere),
    ("purge_keeps_a_database_that_cannot_be_dumped", purge_without_room),
    ("purge_keeps_a_database_that_does_not_run", purge_while_stopped),
    ("purge_dumps_the_database_before_it_goes", purge_dumps),
    ("what_was_purged_comes_back_as_purge_says", dump_comes_back),
    ("rules_of_logrotate_with_the_old_name_give_way", paths::old_rules_give_way),
];

pub fn trials() -> Vec<Trial> {
    checks("upgrade", boot, CHECKS)
}

/// Whose code fails when it is loaded, and whose migration fails.
const BROKEN: [&str; 2] = ["3.0.0", "3.1.0"];

fn boot() -> Container {
    let folder = kept().join("upgrade");
    let broken = [
        edition(&folder, BROKEN[0], |project| {
            edit(&project.join("app/app.py"), "import os\n", "import no_such_module\n")
        }),
        edition(&folder, BROKEN[1], |project| {
            let migration = "CREATE TABLE late (x int);\nSELECT 1 / 0;\n";
            std::fs::write(project.join("app/migrations/0002_late.sql"), migration).unwrap();
        }),
    ];
    let machine = Container::boot("upgrade");
    let versions = versions(&folder);
    let others = paths::packages(&folder, &versions[0]);
    for package in versions.iter().chain(&broken).chain(&others) {
        machine.copy(package);
    }
    install(&machine, "1.0.0");
    machine
}

fn key_is_made(machine: &mut Container) {
    assert_eq!(machine.get("/", 200), OLD);
    assert_eq!(machine.sh("stat -c '%a %U:%G' /var/lib/stack/secret.env"), "640 root:stack");
    let key = machine.sh("cat /var/lib/stack/secret.env");
    let digits = key.strip_prefix("SECRET_KEY=").unwrap();
    assert!(digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()), "{key}");
    // Every process of the app has it, and nobody else may read it.
    let with_key =
        "for pid in $(pgrep -u stack gunicorn); do tr '\\0' '\\n' </proc/$pid/environ | grep ^SECRET_KEY=; done";
    let keys = machine.sh(with_key);
    assert!(keys.lines().count() >= 2 && keys.lines().all(|line| line == key), "{keys}");
    assert_ne!(machine.try_sh("runuser -u www-data -- cat /var/lib/stack/secret.env").status.code(), Some(0));
}

fn units_are_hardened(machine: &mut Container) {
    for unit in machine.sh("dpkg -L stack | grep '/system/.*\\.service$' | xargs -n 1 basename").lines() {
        // In tenths; it says the score whether it is met or not.
        let score = machine.sh(&format!(
            "systemd-analyze security --no-pager --threshold=15 {unit} 2>&1 | tail -n 1; \
            systemd-analyze security --no-pager --threshold=15 {unit} >/dev/null 2>&1 || echo exposed"
        ));
        say(&score);
        assert!(score.contains(unit) && !score.ends_with("exposed"), "{score}");
    }
    machine.get("/visits", 200);
}

fn nothing_listens(machine: &mut Container) {
    let outside = "ss -Htuln | awk '{print $1, $5}' | grep -v -E ' (127\\.|\\[::1\\])'";
    // And the DHCP clients, which hear their servers' answers.
    let expected = "^(tcp .*:(22|80)|udp .*:(68|546))$";
    assert_eq!(machine.sh(&format!("{outside} | grep -v -E '{expected}' || true")), "");
    assert!(machine.sh(outside).lines().count() >= 2, "the search finds nothing at all");
}

fn broken_code(machine: &mut Container) {
    let visits = count(machine);
    let said = install(machine, BROKEN[0]);
    say(&said);
    for part in [
        "stack: stack.service does not come up: it ended instead of serving",
        "ModuleNotFoundError: No module named 'no_such_module'",
        "apt install stack=1.0.0, or apt install ./stack_1.0.0_amd64.deb",
    ] {
        assert!(said.contains(part), "no `{part}` in:\n{said}");
    }
    assert_eq!(count(machine), visits);
    let said = install(machine, "1.0.0");
    assert!(!said.contains("stack: "), "{said}");
    assert_eq!(machine.get("/", 200), OLD);
    assert_eq!(count(machine), visits);
}

fn broken_migration(machine: &mut Container) {
    let visits = count(machine);
    let said = install(machine, BROKEN[1]);
    say(&said);
    for part in [
        "stack: stack-database.service failed",
        "ERROR:  division by zero",
        "stack: Until stack.service restarts, the version before goes on serving.",
    ] {
        assert!(said.contains(part), "no `{part}` in:\n{said}");
    }
    assert_eq!(machine.get("/", 200), OLD);
    assert_eq!(machine.sh("runuser -u stack -- psql -At stack -c \"select to_regclass('late') is null\""), "t");
    let said = install(machine, "1.0.0");
    assert!(!said.contains("stack: "), "{said}");
    assert_eq!(machine.get("/visits", 200), (visits + 1).to_string());
    assert_eq!(machine.sh("systemctl is-active stack-database.service stack.service"), "active\nactive");
    // The timer may have started the health check while the database's unit had failed.
    machine.settle();
}

/// Purges the package, which has to succeed, and returns all that is said.
#[track_caller]
fn purge(machine: &Container) -> String {
    let said = machine.sh("dpkg --purge stack 2>&1");
    say(&said);
    assert_ne!(machine.try_sh("dpkg-query -W stack").status.code(), Some(0));
    said
}

fn install_again(machine: &Container) {
    machine.sh("dpkg -i /root/stack_1.0.0_amd64.deb");
}

fn purge_without_room(machine: &mut Container) {
    let visits = count(machine);
    let key = machine.sh("cat /var/lib/stack/secret.env");
    // Full, so that the first write fails. When only the last one does, pg_dump says nothing, and pg_restore finds it.
    machine.sh("mount -t tmpfs -o size=4k tmpfs /var/backups && head -c 4096 /dev/zero >/var/backups/full");
    let said = purge(machine);
    for part in [
        "No space left on device",
        "stack: The database stack could not be dumped to /var/backups/stack",
        "runuser -u stack -- pg_dump --cluster 17/main --format=custom 'stack' >stack.dump",
    ] {
        assert!(said.contains(part), "no `{part}` in:\n{said}");
    }
    assert_eq!(machine.sh("find /var/backups -mindepth 1"), "/var/backups/full");
    machine.sh("umount /var/backups");
    install_again(machine);
    assert_eq!(machine.get("/visits", 200), (visits + 1).to_string());
    assert_ne!(machine.sh("cat /var/lib/stack/secret.env"), key);
}

fn purge_while_stopped(machine: &mut Container) {
    let visits = count(machine);
    machine.sh("systemctl stop postgresql");
    let said = purge(machine);
    assert!(said.contains("stack: PostgreSQL's cluster 17/main is not running"), "{said}");
    assert!(said.contains("pg_ctlcluster 17 main start"), "{said}");
    machine.sh("test ! -e /var/backups/stack && systemctl start postgresql");
    install_again(machine);
    assert_eq!(machine.get("/visits", 200), (visits + 1).to_string());
}

fn purge_dumps(machine: &mut Container) {
    let visits = count(machine);
    // Others may be connected: they must neither hinder it nor write past the dump.
    machine.sh("systemd-run --quiet --unit=connected --uid=stack psql stack -c 'select pg_sleep(600)'");
    let said = purge(machine);
    assert!(said.contains("stack: The database stack was dumped to /var/backups/stack/stack-20"), "{said}");
    let of_ours = "select datname from pg_database where datname = 'stack' union select rolname from pg_roles where rolname = 'stack'";
    assert_eq!(machine.sh(&format!("runuser -u postgres -- psql -At -c \"{of_ours}\"")), "");
    assert_eq!(
        machine.sh("stat -c '%a %U:%G' /var/backups/stack /var/backups/stack/*"),
        "700 root:root\n600 root:root"
    );
    let back = "runuser -u stack -- pg_restore --clean --if-exists --dbname='stack' </var/backups/stack/stack-20";
    assert!(said.contains(back), "{said}");
    machine.sh(&format!("echo {visits} >/root/visits && systemctl reset-failed connected 2>/dev/null || true"));
    install_again(machine);
    assert_eq!(machine.get("/visits", 200), "1");
}

fn dump_comes_back(machine: &mut Container) {
    let visits = machine.sh("cat /root/visits");
    machine.sh("systemctl stop stack.service && runuser -u stack -- pg_restore --clean --if-exists \
         --dbname=stack </var/backups/stack/stack-*.dump && systemctl start stack.service");
    assert_eq!(machine.get("/visits", 200), (visits.parse::<u64>().unwrap() + 1).to_string());
    machine.sh("systemctl restart stack-database.service");
    // The timer may have started the health check while the app was stopped.
    machine.settle();
}
