//! What an administrator has changed, on a booted Debian, through install, upgrade, downgrade, reinstall and purge: it
//! stays. One machine, one boot; the checks run in their order, each on what the one before it left.

use libtest_mimic::Trial;
use support::checks::{Check, checks};
use support::container::Container;
use support::edition::{edit, edition};
use support::lanes::say;
use support::server::Server;
use support::{kept, text};

const CHECKS: &[Check<Container>] = &[
    ("a_default_site_that_is_a_file_gives_way", default_site_gives_way),
    ("a_key_of_the_administrators_goes_before_ours", own_key),
    ("a_changed_port_is_picked_up_by_nginx_and_the_health_check", changed_port),
    ("apt_asks_for_an_edited_file_before_anything_changes", edited_file_is_asked_for),
    ("what_was_disabled_masked_dropped_in_and_unlinked_stays_so", decisions_survive),
    ("an_edited_file_is_kept", edited_file_is_kept),
    ("a_masked_app_does_not_hinder_a_reinstall", masked_app),
    ("purge_keeps_what_the_package_has_not_made", purge),
];

pub fn trials() -> Vec<Trial> {
    checks("administrator", boot, CHECKS)
}

/// The administrator's own default site: a file, where the distribution has a link.
const DEFAULT_SITE: &str = "server { listen 80 default_server; return 200 precious; }";

fn boot() -> Container {
    let folder = kept().join("administrator");
    let old = edition(&folder, "1.0.0", |_| ());
    // Another number of threads changes a file that is the administrator's to edit.
    let new = edition(&folder, "2.0.0", |project| edit(&project.join("stack.toml"), "[app]\n", "[app]\nthreads = 6\n"));
    let machine = Container::boot("admin");
    machine.copy(&old);
    machine.copy(&new);
    machine
        .sh(&format!("rm /etc/nginx/sites-enabled/default && echo '{DEFAULT_SITE}' >/etc/nginx/sites-enabled/default"));
    // The database was there before, and so was its role.
    machine.sh("runuser -u postgres -- createuser stack && runuser -u postgres -- createdb --owner=stack stack");
    machine.sh(&apt("1.0.0"));
    machine
}

/// apt goes to a version of the package, without anybody to ask.
fn apt(version: &str) -> String {
    format!(
        "cd /root && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --allow-downgrades --reinstall \
         ./stack_{version}_amd64.deb 2>&1 </dev/null"
    )
}

fn default_site_gives_way(machine: &mut Container) {
    assert_eq!(machine.get("/", 200), "Hello from Flask via systemd!");
    machine.sh("test ! -e /etc/nginx/sites-enabled/default");
    machine.get("/visits", 200);
}

fn own_key(machine: &mut Container) {
    machine.sh("echo 'SECRET_KEY=\"of the administrator\"' >>/etc/stack/stack.env && systemctl restart stack.service");
    machine.get("/", 200);
    let keys =
        machine.sh("cat /proc/$(systemctl show -P MainPID stack.service)/environ | tr '\\0' '\\n' | grep SECRET_KEY");
    assert_eq!(keys, "SECRET_KEY=of the administrator");
}

/// Asks the site from the machine itself, and prints what it says.
const ASK: &str = "python3 -c 'import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())'";

fn changed_port(machine: &mut Container) {
    // A busy machine may be too slow once.
    let check = "for i in 1 2 3; do systemctl start stack-health.service && exit; done; exit 1";
    machine.sh(check);
    machine.sh("sed -i 's/:80 default_server/:8081 default_server/; s/ 80 default_server/ 8081 default_server/' \
        /etc/nginx/sites-available/stack && nginx -t -q && systemctl reload nginx");
    machine.sh(&format!("for i in $(seq 30); do {ASK} http://127.0.0.1:8081/ && exit; sleep 1; done; exit 1"));
    // Nobody has told the health check, and it does not call that well.
    assert_ne!(machine.try_sh(check).status.code(), Some(0));
    machine.sh("grep '^# HEALTH_URL=\"http://127.0.0.1:80/healthz\"$' /etc/stack/stack.env");
    machine.sh("echo 'HEALTH_URL=\"http://127.0.0.1:8081/healthz\"' >>/etc/stack/stack.env");
    machine.sh(check);
    let found = machine.sh("cat /var/lib/stack/health/health.json");
    assert!(found.contains("http://127.0.0.1:8081/healthz"), "{found}");
}

fn edited_file_is_asked_for(machine: &mut Container) {
    machine.sh("sed -i 's/^timeout = 30/timeout = 31/' /etc/stack/gunicorn.conf.py");
    let before = machine.sh("cat /etc/stack/gunicorn.conf.py /etc/stack/stack.env /etc/nginx/sites-available/stack");
    let output = machine.try_sh(&apt("2.0.0"));
    let said = text(&output);
    say(&said);
    assert_ne!(output.status.code(), Some(0));
    assert!(said.contains("Configuration file '/etc/stack/gunicorn.conf.py'"), "{said}");
    assert!(said.contains("What would you like to do about it ?"), "{said}");
    let after = machine.sh("cat /etc/stack/gunicorn.conf.py /etc/stack/stack.env /etc/nginx/sites-available/stack");
    assert_eq!(after, before);
    // The old version goes on serving until somebody answers.
    assert_eq!(machine.sh(&format!("{ASK} http://127.0.0.1:8081/")), "Hello from Flask via systemd!");
}

const DROP_IN: &str = "/etc/systemd/system/stack.service.d/override.conf";

fn decisions_survive(machine: &mut Container) {
    machine.sh("systemctl disable --now stack-health.timer && systemctl mask --now stack-database.service");
    machine.sh(&format!(
        "mkdir -p $(dirname {DROP_IN}) && printf '[Service]\\nEnvironment=DROPPED_IN=yes\\n' >{DROP_IN} && \
         systemctl daemon-reload"
    ));
    machine.sh("rm /etc/nginx/sites-enabled/stack && systemctl reload nginx");
    // What apt left is finished as an administrator would: this version's file beside the edited one.
    let said = machine.sh("dpkg --force-confold --configure -a 2>&1 </dev/null");
    assert!(!said.contains("stack: "), "{said}");
    assert_eq!(machine.sh("dpkg-query -W -f '${db:Status-Abbrev} ${Version}' stack"), "ii  2.0.0");
    assert_decisions(machine);
    machine.sh("grep -q '^timeout = 31' /etc/stack/gunicorn.conf.py");
    machine.sh("grep -q '^threads = 6' /etc/stack/gunicorn.conf.py.dpkg-dist");
}

#[track_caller]
fn assert_decisions(machine: &Container) {
    assert_eq!(
        machine.sh("systemctl is-enabled stack-health.timer stack-database.service || true"),
        "disabled\nmasked"
    );
    assert_eq!(machine.sh("systemctl is-active stack-health.timer stack.service || true"), "inactive\nactive");
    machine.sh("tr '\\0' '\\n' </proc/$(systemctl show -P MainPID stack.service)/environ | grep -x DROPPED_IN=yes");
    machine.sh("test ! -e /etc/nginx/sites-enabled/stack && test ! -L /etc/nginx/sites-enabled/stack");
    machine.sh("grep -q 'listen 8081 default_server' /etc/nginx/sites-available/stack");
    machine.sh("grep -q 'of the administrator' /etc/stack/stack.env");
}

fn edited_file_is_kept(machine: &mut Container) {
    // As unattended upgrades do it: the edited file stays, without a question.
    let options = "-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold";
    machine.sh(&apt("1.0.0").replace("apt-get", &format!("apt-get {options}")));
    assert_decisions(machine);
    machine.sh("grep -q '^timeout = 31' /etc/stack/gunicorn.conf.py");
}

fn masked_app(machine: &mut Container) {
    machine.sh("systemctl mask --now stack.service stack.socket");
    let said = machine.sh(&apt("1.0.0"));
    assert!(!said.contains("stack: "), "{said}");
    assert_eq!(machine.sh("systemctl is-active stack.service || true"), "inactive");
    machine.sh("systemctl unmask stack.service stack.socket stack-database.service");
    machine.sh(
        "systemctl start stack.socket stack.service && ln -s ../sites-available/stack /etc/nginx/sites-enabled/stack \
         && systemctl reload nginx",
    );
    machine.sh(&apt("1.0.0"));
    // A relative link, as the administrator made it, stays as it is.
    assert_eq!(machine.sh("readlink /etc/nginx/sites-enabled/stack"), "../sites-available/stack");
    assert_eq!(machine.sh(&format!("{ASK} http://127.0.0.1:8081/")), "Hello from Flask via systemd!");
}

fn purge(machine: &mut Container) {
    // Another default site has come meanwhile, so the one of before cannot have its place.
    machine.sh("echo 'server { listen 80 default_server; return 200 another; }' >/etc/nginx/sites-enabled/default");
    let visits = machine.sh("runuser -u stack -- psql -At stack -c 'select count(*) from visits'");
    let said = machine.sh("dpkg --purge stack 2>&1");
    say(&said);
    assert!(said.contains("stack: The database stack in 17/main is kept: the package did not make it."), "{said}");
    assert_eq!(machine.sh("runuser -u stack -- psql -At stack -c 'select count(*) from visits'"), visits);
    assert_eq!(machine.sh("cat /var/backups/stack/nginx-default"), DEFAULT_SITE);
    assert!(said.contains("nginx's former default site is kept as /var/backups/stack/nginx-default"), "{said}");
    assert_eq!(machine.sh("find /var/backups/stack -type f"), "/var/backups/stack/nginx-default");
    assert_eq!(machine.get("/", 200), "another");
    machine.sh(&format!("test -e {DROP_IN} && test ! -e /etc/nginx/sites-enabled/stack && nginx -t -q"));
}
