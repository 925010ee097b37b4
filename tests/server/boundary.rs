//! What an attacker who has taken over the app, or who writes its environment file, can do on a booted Debian: everything
//! that the app may, and nothing that root or PostgreSQL's administrator may. Each check attacks. One machine, one boot; the
//! checks run in their order.

use std::fs;
use std::process::Command;

use libtest_mimic::Trial;
use support::checks::{Check, checks};
use support::container::Container;
use support::lanes::say;
use support::server::Server;
use support::upgrade::{OLD, install, versions};
use support::{kept, run};

const CHECKS: &[Check<Container>] = &[
    ("the_app_does_not_become_postgresqls_administrator", role_stays_small),
    ("the_administrators_first_run_evaluates_nothing_of_the_apps", other_database),
    ("no_program_of_root_or_postgres_runs_with_the_apps_variables", variables_are_the_apps),
    ("systemd_reads_nothing_in_the_place_of_the_alert", alert_is_a_link),
    ("nginx_shows_nothing_in_the_place_of_the_report", report_is_a_link),
    ("the_folders_of_root_are_roots", folders),
    ("variables_are_read_as_systemd_reads_them", as_systemd_reads),
    ("a_dump_and_its_way_back_run_as_the_app", dump_and_restore),
];

pub fn trials() -> Vec<Trial> {
    checks("boundary", boot, CHECKS)
}

fn boot() -> Container {
    let [old, _] = versions(&kept().join("boundary"));
    let machine = Container::boot("boundary");
    machine.copy(&old);
    machine.copy(&preload());
    install(&machine, "1.0.0");
    assert_eq!(machine.get("/", 200), OLD);
    machine
}

/// A library that says in whose process it is loaded.
fn preload() -> std::path::PathBuf {
    let folder = kept().join("boundary");
    let (source, library) = (folder.join("preload.c"), folder.join("preload.so"));
    fs::write(
        &source,
        "#define _GNU_SOURCE\n#include <stdio.h>\n#include <unistd.h>\n#include <errno.h>\n\
         __attribute__((constructor)) static void say(void) {\n\
         dprintf(2, \"loaded by %d in %s\\n\", (int)geteuid(), program_invocation_short_name); }\n",
    )
    .unwrap();
    run(Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source));
    library
}

/// A file that PostgreSQL's administrator writes when the app has its way.
const SEIZED: &str = "/var/lib/postgresql/seized";

/// A function that becomes PostgreSQL's administrator if it can, and a program of its.
fn seize(name: &str) -> String {
    format!(
        "CREATE FUNCTION public.{name}() RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN SET ROLE postgres; \
         COPY (SELECT 1) TO PROGRAM 'id >>{SEIZED}'; RETURN true; EXCEPTION WHEN OTHERS THEN RETURN true; END $f$;"
    )
}

/// Runs SQL in the app's database as the app's user.
fn as_app(machine: &Container, sql: &str) {
    machine.sh(&format!("cd / && runuser -u stack -- psql -X -q -v ON_ERROR_STOP=1 stack <<'END'\n{sql}\nEND"));
}

#[track_caller]
fn assert_not_seized(machine: &Container) {
    assert_eq!(machine.sh(&format!("cat {SEIZED} 2>/dev/null || true")), "");
    let is_super = "select rolsuper from pg_roles where rolname = 'stack'";
    assert_eq!(machine.sh(&format!("cd / && runuser -u postgres -- psql -X -At -c \"{is_super}\"")), "f");
}

fn role_stays_small(machine: &mut Container) {
    as_app(
        machine,
        &format!(
            "{} ALTER TABLE schema_migrations RENAME TO applied;
             CREATE VIEW schema_migrations AS SELECT * FROM applied WHERE public.seize();",
            seize("seize")
        ),
    );
    machine.sh("systemctl restart stack-database.service");
    assert_not_seized(machine);
    let who = "systemctl show -P User stack-database.service stack-database-setup.service";
    assert_eq!(machine.sh(&format!("{who} | grep .")), "stack\npostgres");
    as_app(machine, "DROP VIEW schema_migrations; ALTER TABLE applied RENAME TO schema_migrations;");
    machine.sh("systemctl restart stack-database.service");
}

/// The app's own database is gone, so that the administrator makes one; before, the app has made what it can in the one
/// in which the administrator works.
fn other_database(machine: &mut Container) {
    let sql = |sql: &str| machine.sh(&format!("cd / && runuser -u postgres -- psql -X -q -c \"{sql}\""));
    sql("GRANT CREATE ON SCHEMA public TO PUBLIC");
    let function = "CREATE FUNCTION public.format(text, text, text) RETURNS text LANGUAGE sql AS $f$ SELECT public.seize()::text $f$;";
    machine.sh(&format!(
        "cd / && runuser -u stack -- psql -X -q -v ON_ERROR_STOP=1 postgres <<'END'\n{}\n{function}\nEND",
        seize("seize")
    ));
    sql("ALTER DATABASE stack ALLOW_CONNECTIONS false");
    sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'stack'");
    sql("ALTER DATABASE stack RENAME TO before");
    machine.sh("systemctl restart stack-database.service stack.service");
    assert_not_seized(machine);
    assert_eq!(machine.get("/visits", 200), "1");
    sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    sql("DROP DATABASE before");
}

fn variables_are_the_apps(machine: &mut Container) {
    // A port of its own shows that what is needed is still read.
    machine
        .sh("cp /etc/stack/stack.env /root/stack.env && install -m 755 /root/preload.so /var/lib/stack/app/preload.so");
    machine.sh("mv /var/lib/stack/secret.env /root && mkdir -p /var/lib/stack/app/bin");
    machine.sh("for name in head od tr sync mv psql pg_isready sleep cat; do
             printf '#!/bin/sh\\necho \"path of $(/usr/bin/id -u)\" >&2\\nPATH=/usr/bin:/bin; exec %s \"$@\"\\n' $name \
                 >/var/lib/stack/app/bin/$name
         done; chmod 755 /var/lib/stack/app/bin/*");
    machine.sh("printf '%s\\n' LD_PRELOAD=/var/lib/stack/app/preload.so PATH=/var/lib/stack/app/bin:/usr/bin:/bin \
        PGOPTIONS='-c role=stack' PGPORT=5432 >>/etc/stack/stack.env");
    machine.sh("date +@%s >/root/since && systemctl restart stack-database.service stack.service");
    machine.get("/visits", 200);
    machine.sh("systemctl start stack-health.service || true");
    machine.sh("journalctl --sync");
    // From all units, whatever they are called.
    let said =
        machine.sh("journalctl -o cat --since=\"$(cat /root/since)\" | grep -E '^(loaded by|path of) ' | sort -u");
    let user = machine.sh("id -u stack");
    let is_app = |line: &str| line.starts_with(&format!("loaded by {user} in ")) || line == format!("path of {user}");
    assert!(said.lines().all(is_app), "{said}");
    for program in ["in psql", "in python3", "path of"] {
        assert!(said.contains(program), "the attack does not work at all: {said}");
    }
    // What root and PostgreSQL's administrator make is there all the same.
    assert_eq!(machine.sh("stat -c '%a %U:%G' /var/lib/stack/secret.env"), "640 root:stack");
    assert_eq!(
        machine.sh("stat -c '%a %U:%G' /run/stack/database.env; cat /run/stack/database.env"),
        "644 root:root\nPGPORT=\"5432\""
    );
    machine.sh("cat /root/stack.env >/etc/stack/stack.env && mv /root/secret.env /var/lib/stack");
    machine.sh("systemctl restart stack-database.service stack.service");
}

fn alert_is_a_link(machine: &mut Container) {
    let told = "/var/lib/stack/health-alert/told";
    machine.sh("systemctl stop stack-health.timer");
    machine.sh("(umask 077; printf 'HEALTH_LINE=secret-of-root\\nSECRET=secret-of-root\\n' >/root/other.env)");
    machine.sh("printf '#!/bin/sh\\nenv >>\"$STATE_DIRECTORY/told\"\\n' >/etc/stack/health-alert.d/10-told");
    machine.sh("chmod 755 /etc/stack/health-alert.d/10-told && chmod 711 /root");
    machine.sh("systemctl start stack-health.service");
    machine.sh("runuser -u stack -- ln -sf /root/other.env /run/stack/health/alert");
    machine.try_sh("systemctl start stack-health-alert.service");
    assert!(!machine.sh(&format!("cat {told} 2>/dev/null || true")).contains("secret-of-root"));
    // A file of its own is read.
    machine.sh("rm /run/stack/health/alert");
    machine.sh("runuser -u stack -- sh -c 'echo HEALTH_LINE=of-the-check >/run/stack/health/alert'");
    machine.sh("systemctl start stack-health-alert.service");
    assert!(machine.sh(&format!("cat {told}")).contains("HEALTH_LINE=of-the-check"));
    machine.sh(&format!("rm {told} /etc/stack/health-alert.d/10-told /run/stack/health/alert"));
    machine.sh("chmod 700 /root; systemctl reset-failed; systemctl start stack-health.timer");
}

fn report_is_a_link(machine: &mut Container) {
    let get = "python3 -c 'import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())' \
               http://127.0.0.1/health-report 2>&1";
    machine.sh("systemctl start stack-health.service");
    assert!(machine.sh(get).contains("Health of stack"));
    machine.sh("install -o www-data -m 600 /dev/stdin /srv/of-another-site <<'END'\nof another site\nEND");
    machine.sh("cd /var/lib/stack/health && runuser -u stack -- ln -sf /srv/of-another-site report.html");
    let said = machine.sh(&format!("{get} || true"));
    assert!(said.contains("403") && !said.contains("of another site"), "{said}");
    // The next check puts a file in its place, and follows no link.
    machine.sh("systemctl start stack-health.service");
    assert!(machine.sh(get).contains("Health of stack"));
    assert_eq!(machine.sh("cat /srv/of-another-site"), "of another site");
}

fn folders(machine: &mut Container) {
    let owners =
        "stat -c '%U %a %n' /etc/stack /etc/stack/health-alert.d /run/stack /var/lib/stack /var/lib/stack/nginx";
    let owners = machine.sh(owners);
    assert!(owners.lines().all(|line| line.starts_with("root 755 ")), "{owners}");
    assert_eq!(owners.lines().count(), 5);
}

fn as_systemd_reads(machine: &mut Container) {
    let text = "# A=comment\n; B=comment\n  A = one  two  \nB=\"say \\\"hi\\\" for 5\\$ \\\\ \\`now\\` \\x\"\n\
                C='it is $HOME \\n'' and' \"more\"\nD=joined \\\nline\nE=\nF=\"second \" \nG=a \"b\" 'c' # d\n\
                H=\"two\nlines\"\nI=\"back\\\nslash\"\nA2=x\\ty\\\\ \\ \nJ=last \\";
    let names = "A B C D E F G H I A2 J";
    fs::write(kept().join("boundary/odd.env"), text).unwrap();
    machine.copy(&kept().join("boundary/odd.env"));
    let show = "for name in A B C D E F G H I A2 J; do eval \"printf '%s=[%s]\\n' $name \\\"\\$$name\\\"\"; done";
    fs::write(kept().join("boundary/show"), show).unwrap();
    machine.copy(&kept().join("boundary/show"));
    let by_systemd = machine.sh("systemd-run --quiet --wait --pipe -p EnvironmentFile=/root/odd.env sh /root/show");
    let ours = format!("/usr/libexec/stack/health-check variables --file /root/odd.env {names}");
    let by_us = machine.sh(&format!("{ours} >/root/ours.env && set -a && . /root/ours.env && sh /root/show"));
    assert!(by_systemd.contains("J=[last ]") && by_systemd.contains("D=[joined line]"), "{by_systemd}");
    assert_eq!(by_us, by_systemd);
    // systemd reads our output as the same values.
    let again = machine.sh("systemd-run --quiet --wait --pipe -p EnvironmentFile=/root/ours.env sh /root/show");
    assert_eq!(again, by_systemd);
}

/// Types the commands that purge prints, as root.
fn dump_and_restore(machine: &mut Container) {
    as_app(
        machine,
        &format!(
            "{} CREATE TABLE trap (x int CHECK (public.spring())); INSERT INTO trap VALUES (7);
             CREATE VIEW looking AS SELECT public.spring(), x FROM trap;
             CREATE MATERIALIZED VIEW looked AS SELECT * FROM looking;",
            seize("spring")
        ),
    );
    let said = machine.sh("dpkg --purge stack 2>&1");
    say(&said);
    assert_not_seized_without_role(machine);
    let commands = said.split_once("To have it back, as root:\n").expect("purge says no way back").1;
    let commands = commands.lines().take(3).map(|line| line.trim_start_matches("stack:").trim()).collect::<Vec<_>>();
    assert!(commands[1].contains("pg_restore"), "{commands:?}");
    machine.sh(&format!(
        "set -e; cd /root; {}",
        commands.join("\n").replace("apt install stack", "apt-get install -y ./stack_1.0.0_amd64.deb")
    ));
    assert_not_seized(machine);
    assert_eq!(machine.sh("cd / && runuser -u stack -- psql -X -At stack -c 'select x from trap'"), "7");
    machine.get("/healthz", 200);
}

#[track_caller]
fn assert_not_seized_without_role(machine: &Container) {
    assert_eq!(machine.sh(&format!("cat {SEIZED} 2>/dev/null || true")), "");
}
