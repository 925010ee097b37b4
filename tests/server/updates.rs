//! Security updates on a booted Debian from the image: what is installed by itself, what is not, and what is said when it
//! does not work. The archive is a folder of the machine's own. One machine, one boot; the checks run in their order.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use stackdeb::render::image::{ImageFacts, ImageFile, image_files};
use support::checks::{Check, checks};
use support::container::Container;
use support::edition::{edit, edition};
use support::server::Server;
use support::{Built, built, default_stack, kept, run, stackdeb, text};

const CHECKS: &[Check<Container>] = &[
    ("a_machine_without_a_way_out_stays_clean", no_way_out),
    ("only_what_the_security_archive_has_is_installed", only_security),
    ("an_archive_of_ones_own_can_be_added", own_archive),
    ("a_repository_of_stackdeb_brings_the_next_version_by_itself", repository),
    ("a_service_with_a_replaced_library_is_restarted", services_restart),
    ("the_health_check_says_that_updates_fail", failure_is_told),
    ("the_health_check_says_that_a_reboot_is_pending", reboot_is_told),
    ("it_reboots_only_at_the_time_that_it_is_given", reboot_at_its_time),
];

pub fn trials() -> Vec<Trial> {
    checks("updates", boot, CHECKS)
}

fn boot() -> Container {
    let machine = Container::boot("updates");
    machine.copy(&built(Built::Image).join("stack.deb"));
    machine.sh("cd /root && DEBIAN_FRONTEND=noninteractive apt-get install -y ./stack.deb");
    machine.get("/healthz", 200);
    machine
}

/// Both services of apt's timers, as the timers start them.
const DAILY: &str = "systemctl start apt-daily.service && systemctl start apt-daily-upgrade.service";

/// Which is at the end of its day: otherwise apt's script does nothing.
const NEXT_DAY: &str = "rm -f /var/lib/apt/periodic/*-stamp";

fn no_way_out(machine: &mut Container) {
    assert_eq!(machine.sh("systemctl is-enabled apt-daily.timer apt-daily-upgrade.timer"), "enabled\nenabled");
    machine.sh(DAILY);
    machine.settle();
    machine.sh("systemctl start stack-health.service");
    assert_eq!(machine.sh("apt-config shell value Unattended-Upgrade::Automatic-Reboot"), "value='false'");
}

/// Makes a package with a file in an archive.
const ARCHIVES: &str = r#"
archive() { # FOLDER CODENAME LABEL PACKAGE
    mkdir -p /srv/$1/dists/$2/main/binary-amd64 /srv/$1/pool
    for version in 1 2; do
        rm -rf /tmp/tree && mkdir -p /tmp/tree/DEBIAN
        printf 'Package: %s
Version: %s
Architecture: amd64
Maintainer: A <a@example.org>
Description: a
' $4 $version             >/tmp/tree/DEBIAN/control
        dpkg-deb --root-owner-group -b /tmp/tree /srv/$1/pool/$4_$version.deb >/dev/null
    done
    dpkg -i /srv/$1/pool/$4_1.deb >/dev/null
    cd /srv/$1
    file=pool/$4_2.deb
    { dpkg-deb -f $file; printf 'Filename: %s
Size: %s
SHA256: %s
' $file $(stat -c %s $file) $(sha256sum $file | cut -c1-64); }         >dists/$2/main/binary-amd64/Packages
    { printf 'Origin: Debian
Label: %s
Suite: %s
Codename: %s
Architectures: amd64
Components: main
Date: %s
SHA256:
'         "$3" $2 $2 "$(LC_ALL=C date -Ru | sed 's/+0000/UTC/')"
      cd dists/$2; printf ' %s %s main/binary-amd64/Packages
' $(sha256sum main/binary-amd64/Packages | cut -c1-64)         $(stat -c %s main/binary-amd64/Packages); cd ../..; } >dists/$2/Release
    echo "deb [trusted=yes] file:/srv/$1 $2 main" >>/etc/apt/sources.list.d/test.list
}
"#;

fn only_security(machine: &mut Container) {
    machine.sh("mkdir -p /root/before && mv /etc/apt/sources.list.d/* /root/before");
    machine.sh(&format!(
        "set -e; {ARCHIVES}
         archive security trixie-security Debian-Security secured
         archive main trixie Debian ordinary
         archive other other-security Other third"
    ));
    machine.sh(NEXT_DAY);
    machine.sh(DAILY);
    let versions = "dpkg-query -W -f '${Package} ${Version} ${db:Status-Abbrev}\\n' secured ordinary third";
    assert_eq!(machine.sh(versions), "ordinary 1 ii \nsecured 2 ii \nthird 1 ii");
    machine.settle();
    machine.get("/healthz", 200);
}

/// As docs/how-to/security-updates.md says.
fn own_archive(machine: &mut Container) {
    let setting = "Unattended-Upgrade::Origins-Pattern:: \"label=Other\";";
    machine.sh(&format!("echo '{setting}' >/etc/apt/apt.conf.d/60own-repository"));
    machine.sh(&format!("{NEXT_DAY}; systemctl reset-failed apt-daily.service apt-daily-upgrade.service"));
    machine.sh(DAILY);
    let versions = "dpkg-query -W -f '${Package} ${Version}\\n' secured ordinary third";
    assert_eq!(machine.sh(versions), "ordinary 1\nsecured 2\nthird 2");
}

/// As docs/how-to/repository.md says.
fn repository(machine: &mut Container) {
    let folder = tempfile::tempdir().unwrap();
    let versions = ["1.0.0", "1.1.0", "1.2.0"];
    let packages = versions.map(|version| edition(&kept().join("updates"), version, |_| {}));
    let add = |package: &Path| {
        let mut repo = stackdeb();
        repo.args(["repo", "add", "--url", "http://127.0.0.1:8079"]).arg(package);
        run(repo.current_dir(folder.path()).env("XDG_DATA_HOME", folder.path().join("data")));
        run(Command::new("tar").args(["-cf", "repository.tar", "repository"]).current_dir(folder.path()));
        machine.copy(&folder.path().join("repository.tar"));
        machine.sh("tar -xf /root/repository.tar -C /srv");
    };
    let version = || machine.sh("dpkg-query -W -f '${db:Status-Abbrev} ${Version}' stack");
    let apt = "DEBIAN_FRONTEND=noninteractive apt-get -y -q -o Acquire::Retries=0";
    // Those of Debian lead nowhere from here.
    machine.sh("rm -f /etc/apt/sources.list.d/distribution.sources");
    add(&packages[0]);
    machine
        .sh("systemd-run --unit=repository python3 -m http.server --bind 127.0.0.1 --directory /srv/repository 8079");
    machine.sh("timeout 60 bash -c 'until true >/dev/tcp/127.0.0.1/8079; do sleep 0.1; done' 2>&1");
    machine.sh("cp /srv/repository/stack.sources /etc/apt/sources.list.d");
    machine.sh(&format!("{apt} remove stack && {apt} update && {apt} install stack"));
    assert_eq!(version(), "ii  1.0.0");
    assert!(machine.sh("apt-cache policy stack").contains("http://127.0.0.1:8079 stable/main"));
    add(&packages[1]);
    machine.sh(&format!("{apt} update && {apt} upgrade"));
    assert_eq!(version(), "ii  1.1.0");
    machine.get("/healthz", 200);

    add(&packages[2]);
    let release = "/srv/repository/dists/stable/InRelease";
    machine.sh(&format!("cp {release} /root/InRelease && sed -i 's/^Codename: stable/Codename: stAble/' {release}"));
    let refused = machine.try_sh(&format!("{apt} update --error-on=any 2>&1"));
    assert!(!refused.status.success(), "{}", text(&refused));
    machine.sh(&format!("cp /root/InRelease {release}"));
    // As other updates, it comes only when its repository is named.
    machine.sh(&format!("{NEXT_DAY}; systemctl reset-failed apt-daily.service apt-daily-upgrade.service; {DAILY}"));
    assert_eq!(version(), "ii  1.1.0");
    // The files that an image with `[image] repository` has.
    put_files_of_an_image(machine, folder.path());
    machine.sh(&format!("{NEXT_DAY}; systemctl reset-failed apt-daily.service apt-daily-upgrade.service; {DAILY}"));
    assert_eq!(version(), "ii  1.2.0");
    machine.get("/healthz", 200);
    machine.settle();
    machine.sh("systemctl stop repository.service && rm /etc/apt/sources.list.d/stack.sources");
}

/// Puts into the machine what an image of the default stack has for apt when its repository is the one in `folder`.
fn put_files_of_an_image(machine: &Container, folder: &Path) {
    default_stack(folder);
    edit(&folder.join("stack.toml"), "[image]\n", "[image]\nrepository = \"repository/stack.sources\"\n");
    let stack = stackdeb::stack::load(folder).unwrap();
    let nothing = String::new;
    let facts = ImageFacts {
        uuid: nothing(),
        mirror: nothing(),
        security_mirror: nothing(),
        components: nothing(),
        keyring: nothing(),
    };
    let mut put = Vec::new();
    for ImageFile { file, .. } in image_files(&stack, &facts).unwrap() {
        let path = file.path.display().to_string();
        if ["etc/apt/apt.conf.d/52image-security-updates", "etc/apt/sources.list.d/stack.sources"]
            .contains(&path.as_str())
        {
            machine.sh(&format!("cat >/{path} <<'END'\n{}\nEND", file.content));
            put.push(path);
        }
    }
    assert_eq!(put.len(), 2, "{put:?}");
}

fn services_restart(machine: &mut Container) {
    let started = "systemctl show -P ExecMainStartTimestampMonotonic nginx.service; \
                   systemctl show -P ExecMainStartTimestampMonotonic ssh.service";
    let before = machine.sh(started);
    // As dpkg replaces a library that nginx uses.
    machine.sh(
        "library=$(grep -o '/usr/lib/x86_64-linux-gnu/libpcre2-8.*' /proc/$(cat /run/nginx.pid)/maps | head -n 1); \
         cp $library $library.new && mv $library.new $library",
    );
    // systemd uses the library as well, and drops its connections when it starts again.
    machine.sh("systemctl start --no-block apt-daily-upgrade.service");
    let begin = Instant::now();
    loop {
        let after = machine.try_sh(started);
        let after = String::from_utf8_lossy(&after.stdout).into_owned();
        if after.lines().count() == 2 && after.lines().next() != before.lines().next() {
            break;
        }
        assert!(begin.elapsed() < machine.limit(), "nginx was not restarted: {after}");
        thread::sleep(Duration::from_millis(500));
    }
    machine.sh("while systemctl is-active apt-daily-upgrade.service | grep -q activating; do sleep 0.5; done");
    machine.get("/healthz", 200);
    machine.settle();
}

fn failure_is_told(machine: &mut Container) {
    // For three days, in which the machine was on.
    machine.sh("touch -d '4 days ago' /var/lib/apt/periodic/upgrade-stamp /run/systemd/system");
    machine.sh("mount --bind /usr/bin/false /usr/bin/unattended-upgrade");
    let ended = machine.try_sh("systemctl start apt-daily-upgrade.service");
    assert!(!ended.status.success());
    let said = machine.sh("journalctl -b -u apt-daily-upgrade.service -o cat");
    assert!(said.contains("no success for 3 days: see journalctl -u apt-daily-upgrade.service"), "{said}");
    assert!(!machine.try_sh("systemctl start stack-health.service").status.success());
    let line = machine.sh("tail -n 1 /var/log/stack/health_check.log");
    assert!(line.ends_with("| UNHEALTHY: apt-daily-upgrade.service failed (exit-code)"), "{line}");
    // An administrator who has switched them off is told nothing. Without the reset, systemd may refuse so many starts.
    machine.sh("echo 'APT::Periodic::Unattended-Upgrade \"0\";' >/etc/apt/apt.conf.d/99mine");
    machine.sh("systemctl reset-failed apt-daily-upgrade.service");
    machine.sh("systemctl start apt-daily-upgrade.service && rm /etc/apt/apt.conf.d/99mine");
    machine.sh("umount /usr/bin/unattended-upgrade");
    machine.sh("systemctl reset-failed apt-daily-upgrade.service");
    machine.sh("touch -d '4 days ago' /run/systemd/system && systemctl start apt-daily-upgrade.service");
    machine.sh("systemctl start stack-health.service");
}

fn reboot_is_told(machine: &mut Container) {
    // As the package unattended-upgrades does when a kernel was installed.
    machine.sh("run-parts --arg=6.12.99 --regex=^unattended-upgrades$ /etc/kernel/postinst.d");
    machine.sh("systemctl start stack-health.service");
    let line = machine.sh("tail -n 1 /var/log/stack/health_check.log");
    assert!(line.contains("| Reboot: pending"), "{line}");
    assert!(!line.contains("UNHEALTHY"), "{line}");
}

/// As docs/how-to/security-updates.md says, half a day from now. What the machine is to do then is in a file of systemd-logind.
fn reboot_at_its_time(machine: &mut Container) {
    const PLANNED: &str = "cat /run/systemd/shutdown/scheduled 2>/dev/null || true";
    machine.sh("test -e /run/reboot-required");
    machine.sh(&format!("{NEXT_DAY}; {DAILY}"));
    assert_eq!(machine.sh(PLANNED), "", "without a time");
    let time = machine.sh("date -d '12 hours' +%H:%M");
    machine.sh(&format!(
        "printf '%s \"%s\";\n' Unattended-Upgrade::Automatic-Reboot true Unattended-Upgrade::Automatic-Reboot-Time {time} \
         >/etc/apt/apt.conf.d/60reboot"
    ));
    machine.sh(&format!("{NEXT_DAY}; {DAILY}"));
    let planned = machine.sh(PLANNED);
    machine.sh("shutdown -c");
    assert!(planned.lines().any(|line| line == "MODE=reboot"), "`{planned}`");
    let at: u64 = planned.lines().find_map(|line| line.strip_prefix("USEC=")).unwrap().parse().unwrap();
    assert_eq!(machine.sh(&format!("date -d @{} +%H:%M", at / 1_000_000)), time);
}
