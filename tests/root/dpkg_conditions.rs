//! The package where things are not as usual: no systemd, no PostgreSQL or one at another port, a broken nginx or none, a
//! root that dpkg works on from outside, and operations that dpkg itself takes back. In a Debian 13 of its own.

use std::sync::LazyLock;

use libtest_mimic::Trial;
use support::layers::{AS_IF_LIVE, Root, base};
use support::{room, text};

const TESTS: [(&str, fn()); 13] = [
    ("a_life_without_systemd_leaves_nothing", a_life_without_systemd),
    ("the_environment_file_is_never_for_others", the_environment_file_is_never_for_others),
    ("postgresql_is_absent", postgresql_is_absent),
    ("postgresql_is_stopped", postgresql_is_stopped),
    ("postgresql_is_at_another_port", postgresql_is_at_another_port),
    ("a_broken_nginx_of_somebody_elses_is_reported", a_broken_nginx_is_reported),
    ("a_site_that_clashes_with_ours_goes_on", a_site_that_clashes_goes_on),
    ("nginx_is_gone_when_the_package_goes", nginx_is_gone),
    ("a_root_is_served_from_outside", a_root_is_served_from_outside),
    ("what_prerm_did_an_abort_undoes", what_prerm_did_an_abort_undoes),
    ("calls_that_concern_nothing_of_ours_change_nothing", other_calls_change_nothing),
    ("an_upgrade_that_dpkg_takes_back_changes_nothing", an_upgrade_that_is_taken_back),
    ("a_conflict_that_dpkg_takes_back_changes_nothing", a_conflict_that_is_taken_back),
];

pub fn trials() -> Vec<Trial> {
    TESTS.iter().map(|&(name, test)| room::test("dpkg_conditions", name, test)).collect()
}

/// Debian with what the package depends on.
fn clean() -> &'static Root {
    static CLEAN: LazyLock<Root> = LazyLock::new(base);
    &CLEAN
}

/// The same, where the scripts believe in a systemd.
fn as_if_live() -> &'static Root {
    static LIVE: LazyLock<Root> = LazyLock::new(|| {
        let root = clean().fork();
        root.sh(AS_IF_LIVE);
        root
    });
    &LIVE
}

/// The latter with the package.
fn installed() -> &'static Root {
    static INSTALLED: LazyLock<Root> = LazyLock::new(|| {
        let root = as_if_live().fork();
        root.dpkg("--install /srv/v1.deb");
        root
    });
    &INSTALLED
}

fn a_life_without_systemd() {
    let root = clean().fork();
    for (command, status) in [
        ("--install /srv/v1.deb", "installed 1.0.0"),
        ("--install /srv/v1.deb", "installed 1.0.0"),
        ("--install /srv/v2.deb", "installed 2.0.0"),
        ("--install /srv/v1.deb", "installed 1.0.0"),
        ("--remove stack", "config-files 1.0.0"),
        ("--install /srv/v2.deb", "installed 2.0.0"),
    ] {
        root.dpkg(command);
        assert_eq!(root.status(), status, "{command}");
    }
    // When a systemd starts here one day, it starts the package.
    let units = "stack.socket stack.service stack-database.service stack-health.timer";
    assert_eq!(root.sh(&format!("systemctl --root=/ is-enabled {units}")), "enabled\n".repeat(4));
    root.sh("nginx -t; dpkg --verify stack | grep -v -E '/usr/share/(doc|lintian|man)/' | (! grep .)");
    root.dpkg("--purge stack");
    let left = root.differences(clean());
    // The system user stays; and what `nginx -t` has made.
    let expected = [
        "/etc/passwd",
        "/etc/group",
        "/etc/shadow",
        "/etc/gshadow",
        "/var/lib/dpkg/",
        "/var/lib/nginx/",
        "/run/nginx.pid",
    ];
    let other = left.iter().filter(|line| !expected.iter().any(|path| line.starts_with(path)));
    assert_eq!(other.collect::<Vec<_>>(), Vec::<&String>::new());
}

/// From its first byte on: it may have passwords, and dpkg unpacks long before it configures.
fn the_environment_file_is_never_for_others() {
    let root = clean().fork();
    let found = |root: &Root| root.sh("find /etc/stack -name 'stack.env*' -printf '%m %u:%g %f\\n'");
    root.dpkg("--unpack /srv/v1.deb");
    assert_eq!(found(&root), "640 root:root stack.env.dpkg-new\n");
    root.dpkg("--configure stack");
    assert_eq!(found(&root), "640 root:stack stack.env\n");
    for version in ["v2", "v1"] {
        root.dpkg(&format!("--unpack /srv/{version}.deb"));
        assert!(found(&root).lines().all(|line| line.starts_with("640 root:")), "{}", found(&root));
        root.dpkg("--configure stack");
        assert_eq!(found(&root), "640 root:stack stack.env\n");
    }
    // As packages had it that were made before there was a group.
    root.sh("chgrp root /etc/stack/stack.env");
    root.dpkg("--install /srv/v1.deb");
    assert_eq!(found(&root), "640 root:stack stack.env\n");
    root.sh("chgrp root /etc/stack/stack.env; chmod 600 /etc/stack/stack.env");
    root.dpkg("--install /srv/v2.deb");
    assert_eq!(found(&root), "600 root:root stack.env\n", "an administrator's decision");
}

/// The scripts that `stack-database-setup.service` and `stack-database.service` run, as they run them, after `prepare`.
fn provision(root: &Root, prepare: &str) -> std::process::Output {
    root.try_sh(&format!(
        "mkdir /dev/shm; {prepare}; /usr/libexec/stack/database-settings
         set -a; . /run/stack/database.env; set +a; runuser -u postgres -- /usr/libexec/stack/make-database
         set -a; . /etc/stack/stack.env; runuser -u stack -- /usr/libexec/stack/provision-database"
    ))
}

fn postgresql_is_absent() {
    let root = as_if_live().fork();
    root.sh("dpkg --purge --force-depends $(dpkg-query -W -f '${Package}\\n' 'postgresql-[0-9]*' postgresql) 2>&1");
    root.dpkg("--install --force-depends /srv/v1.deb");
    assert_eq!(root.status(), "installed 1.0.0");
    let output = provision(&root, "true");
    assert!(!output.status.success() && text(&output).contains("PostgreSQL"), "{}", text(&output));
    root.dpkg("--force-depends --purge stack");
    assert_eq!(root.status(), "");
}

fn postgresql_is_stopped() {
    let root = installed().fork();
    let output = provision(&root, "pg_createcluster 17 main");
    assert!(!output.status.success() && text(&output).contains("no PostgreSQL server answers"), "{}", text(&output));
    root.dpkg("--install /srv/v2.deb");
    root.dpkg("--purge stack");
    // Whatever was in it is there.
    root.sh("test -e /var/lib/postgresql/17/main/PG_VERSION");
}

/// The app as its unit runs it, asked by its own test client.
const ASK: &str = "cd /usr/share/stack; set -a; . /etc/stack/stack.env; \
    runuser -u stack -- env DATABASE_NAME=stack python3 -c \
    'import app; answer = app.app.test_client().get(\"/visits\"); print(answer.status_code, answer.text)'";

fn postgresql_is_at_another_port() {
    let root = installed().fork();
    let cluster = "pg_createcluster --port 5433 17 main; pg_ctlcluster 17 main start";
    root.sh("echo PGPORT=5433 >>/etc/stack/stack.env");
    let output = provision(&root, cluster);
    assert!(output.status.success(), "{}", text(&output));
    let answers = root.sh(&format!("mkdir /dev/shm; pg_ctlcluster 17 main start; {ASK}; {ASK}"));
    assert!(answers.ends_with("200 1\n200 2\n"), "{answers}");
}

/// What a policy-rc.d prints that keeps nginx from being reloaded.
const RELOADED: &str = "not running 'try-reload-or-restart nginx.service'";

fn a_broken_nginx_is_reported() {
    // Without the fault there is a reload.
    assert!(as_if_live().fork().dpkg("--install /srv/v1.deb").contains("nginx.service'"));
    let root = as_if_live().fork();
    root.sh("echo 'nonsense on;' >/etc/nginx/conf.d/theirs.conf");
    let said = root.dpkg("--install /srv/v1.deb");
    for words in ["unknown directive \"nonsense\" in /etc/nginx/conf.d/theirs.conf:1", "was not reloaded", "Correct it"]
    {
        assert!(said.contains(words), "`{words}` is missing: {said}");
    }
    assert!(!said.contains(RELOADED), "{said}");
    assert_eq!(root.status(), "installed 1.0.0");
    assert_eq!(root.sh("readlink /etc/nginx/sites-enabled/stack"), "/etc/nginx/sites-available/stack\n");
    for command in ["--install /srv/v2.deb", "--remove stack"] {
        let said = root.dpkg(command);
        assert!(said.contains("nonsense") || command.starts_with("--install"), "{command}: {said}");
        assert!(!said.contains(RELOADED), "{command}: {said}");
    }
    root.dpkg("--purge stack");
    assert_eq!(root.sh("cat /etc/nginx/conf.d/theirs.conf"), "nonsense on;\n");
}

fn a_site_that_clashes_goes_on() {
    let root = as_if_live().fork();
    root.sh("echo 'server { listen 80 default_server; }' >/etc/nginx/conf.d/theirs.conf; \
             rm /etc/nginx/sites-enabled/default; nginx -t");
    let said = root.dpkg("--install /srv/v1.deb");
    assert!(said.contains("a duplicate default server for 0.0.0.0:80"), "{said}");
    assert!(said.contains("it is not enabled"), "{said}");
    assert_eq!(root.status(), "installed 1.0.0");
    root.sh("nginx -t; test ! -e /etc/nginx/sites-enabled/stack");
    root.dpkg("--purge stack");
    root.sh("nginx -t");
}

fn nginx_is_gone() {
    for before in ["true", "dpkg --remove stack"] {
        let root = installed().fork();
        root.sh(&format!("{before}; rm -rf /etc/nginx"));
        root.dpkg("--purge stack");
        assert_eq!(root.status(), "");
        root.sh("test ! -e /etc/nginx && test ! -e /etc/stack && test ! -e /var/lib/stack && test ! -e /var/log/stack");
    }
    let root = installed().fork();
    root.dpkg("--purge --force-depends nginx nginx-light nginx-common");
    root.dpkg("--remove stack");
    root.dpkg("--purge stack");
    assert_eq!(root.status(), "");
}

fn a_root_is_served_from_outside() {
    let root = clean().fork();
    root.sh("mkdir -p /target/etc /target/var/lib/dpkg/info /target/var/lib/dpkg/updates
         cp /etc/passwd /etc/group /etc/shadow /etc/gshadow /target/etc; cp /var/lib/dpkg/status /target/var/lib/dpkg");
    let before = root.fork();
    let dpkg = "--root=/target --force-script-chrootless";
    let inside = |command: &str| before.dpkg(&format!("{dpkg} {command}"));
    inside("--install /srv/v1.deb");
    inside("--install /srv/v2.deb");
    for link in ["stack.socket", "stack.service", "stack-health.timer"] {
        before.sh(&format!("find /target/etc/systemd/system -name {link} -type l | grep ."));
    }
    assert_eq!(
        before.sh("stat -c %g /target/etc/stack/stack.env"),
        before.sh("sed -n 's/^stack:x:\\([0-9]*\\):.*/\\1/p' /target/etc/group")
    );
    before.sh(
        "readlink /target/etc/nginx/sites-enabled/stack; grep ^stack: /target/etc/passwd; test -d /target/var/log/stack",
    );
    inside("--purge stack");
    assert_eq!(before.sh("cd /target; find etc/nginx etc/systemd var/log var/lib -name '*stack*'"), "");
    // Nothing was done to the root that dpkg ran in.
    let left = before.differences(&root);
    assert!(left.iter().all(|line| line.starts_with("/target/")), "{left:#?}");
}

fn what_prerm_did_an_abort_undoes() {
    for (prerm, postinst) in [
        ("upgrade 2.0.0", "abort-upgrade 2.0.0"),
        ("remove", "abort-remove"),
        ("remove in-favour other 1", "abort-remove in-favour other 1"),
        ("deconfigure in-favour other 1", "abort-deconfigure in-favour other 1"),
        ("deconfigure in-favour other 1 removing third 1", "abort-deconfigure in-favour other 1 removing third 1"),
        ("failed-upgrade 0.9.0 1.0.0", "configure 1.0.0"),
    ] {
        let root = installed().fork();
        root.sh(&format!("{SCRIPTS}.prerm {prerm}; {SCRIPTS}.postinst {postinst}"));
        assert_eq!(root.differences(installed()), Vec::<String>::new(), "{prerm}, {postinst}");
    }
}

/// The scripts, called as dpkg calls them.
const SCRIPTS: &str = "DPKG_MAINTSCRIPT_PACKAGE=stack DPKG_MAINTSCRIPT_ARCH=amd64 /var/lib/dpkg/info/stack";

fn other_calls_change_nothing() {
    for call in [
        "upgrade 2.0.0",
        "failed-upgrade 0.9.0 1.0.0",
        "abort-install",
        "abort-install 0.9.0 1.0.0",
        "abort-upgrade 2.0.0 1.0.0",
        "disappear other 1",
    ] {
        let root = installed().fork();
        root.sh(&format!("{SCRIPTS}.postrm {call}"));
        assert_eq!(root.differences(installed()), Vec::<String>::new(), "postrm {call}");
    }
    let root = installed().fork();
    let unknown = root.try_sh(&format!("{SCRIPTS}.postinst nonsense"));
    assert!(!unknown.status.success() && text(&unknown).contains("unknown argument `nonsense'"), "{}", text(&unknown));
}

/// Adds a preinst that fails to a package of ours, or to a package that has nothing but it.
const FAILING: &str = "printf '#!/bin/sh\\nexit 1\\n' >/tmp/tree/DEBIAN/preinst; chmod 755 /tmp/tree/DEBIAN/preinst; \
    dpkg-deb --root-owner-group --build /tmp/tree /tmp/failing.deb";

fn taken_back(prepare: &str) {
    let before = installed().fork();
    before.sh(&format!("{prepare}; {FAILING}"));
    let root = before.fork();
    let output = root.try_dpkg("--install /tmp/failing.deb");
    assert!(!output.status.success() && text(&output).contains("pre-installation script"), "{}", text(&output));
    assert_eq!(root.status(), "installed 1.0.0");
    // dpkg remembers the name of a package that was to come.
    let mut changed = root.differences(&before);
    changed.retain(|line| !line.starts_with("/var/lib/dpkg/status: "));
    assert_eq!(changed, Vec::<String>::new(), "{}", text(&output));
    let stanza = "dpkg-query --status stack";
    assert_eq!(root.sh(stanza), before.sh(stanza));
}

fn an_upgrade_that_is_taken_back() {
    taken_back("dpkg-deb --raw-extract /srv/v2.deb /tmp/tree");
}

fn a_conflict_that_is_taken_back() {
    let control = "Package: other\\nVersion: 1\\nArchitecture: all\\nMaintainer: A <a@example.org>\\n\
                   Conflicts: stack\\nReplaces: stack\\nProvides: stack\\nDescription: another\\n";
    taken_back(&format!("mkdir -p /tmp/tree/DEBIAN; printf '{control}' >/tmp/tree/DEBIAN/control"));
}
