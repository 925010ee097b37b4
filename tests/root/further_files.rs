//! The files, folders and links of `[[file]]` in a Debian that installs, upgrades and purges their package.

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::Trial;
use support::edition::{edit, edition};
use support::kept;
use support::layers::{Root, base};

pub fn trials() -> Vec<Trial> {
    support::tests![they_have_their_owners_and_go_with_the_package]
}

const FILES: &str = r#"
[[file]]
path = "/etc/stack/prices.conf"
source = "files/prices.conf"
mode = "0640"
owner = "root:stack"

[[file]]
path = "/usr/libexec/stack-report"
source = "files/report"

[[file]]
path = "/var/lib/stack-reports"
folder = true
mode = "0750"
owner = "stack:www-data"

[[file]]
path = "/usr/share/stack-latest"
link = "/var/lib/stack-reports/latest"

[database]"#;

fn with_files(version: &'static str) -> impl Fn(&Path) {
    move |project| {
        let files = project.join("files");
        fs::create_dir(&files).unwrap();
        fs::write(files.join("prices.conf"), "bread 3\n").unwrap();
        fs::write(files.join("report"), format!("#!/bin/sh\necho {version}\n")).unwrap();
        support::run(std::process::Command::new("chmod").arg("755").arg(files.join("report")));
        edit(&project.join("stack.toml"), "[database]", FILES);
    }
}

/// Builds that version of the package into the root's `/srv`.
fn put(root: &Root, version: &'static str) {
    let package: PathBuf = edition(&kept().join("further-files"), version, with_files(version));
    fs::copy(package, root.path().join(format!("srv/files-{version}.deb"))).unwrap();
}

fn they_have_their_owners_and_go_with_the_package() {
    let base = base();
    let root = base.fork();
    put(&root, "1.0.0");
    put(&root, "2.0.0");
    root.dpkg("--unpack /srv/files-1.0.0.deb");
    // Never for others, although its user is not there yet.
    let prices = "stat -c '%a %U:%G' /etc/stack/prices.conf";
    assert_eq!(root.sh("stat -c '%a %U:%G' /etc/stack/prices.conf.dpkg-new"), "640 root:root\n");
    root.dpkg("--configure stack");
    let all = "stat -c '%a %U:%G %N' /etc/stack/prices.conf /usr/libexec/stack-report /var/lib/stack-reports /usr/share/stack-latest";
    let expected = "640 root:stack '/etc/stack/prices.conf'\n755 root:root '/usr/libexec/stack-report'\n\
        750 stack:www-data '/var/lib/stack-reports'\n777 root:root '/usr/share/stack-latest' -> '/var/lib/stack-reports/latest'\n";
    assert_eq!(root.sh(all), expected);
    assert_eq!(
        root.sh("runuser -u stack -- cat /etc/stack/prices.conf; /usr/libexec/stack-report"),
        "bread 3\n1.0.0\n"
    );

    // The administrator's price, and the administrator's mode, stay.
    root.sh("echo 'bread 4' >/etc/stack/prices.conf; chmod 644 /etc/stack/prices.conf; chown root:root /etc/stack/prices.conf");
    root.sh("touch /var/lib/stack-reports/latest");
    root.dpkg("--install /srv/files-2.0.0.deb");
    assert_eq!(root.sh(&format!("{prices}; cat /etc/stack/prices.conf")), "644 root:root\nbread 4\n");
    assert_eq!(
        root.sh("/usr/libexec/stack-report; stat -c '%a %U:%G' /var/lib/stack-reports"),
        "2.0.0\n750 stack:www-data\n"
    );

    root.dpkg("--purge stack");
    // dpkg never deletes what no package has brought.
    assert_eq!(root.sh("ls -d /etc/stack /usr/libexec/stack-report /usr/share/stack-latest 2>/dev/null || true"), "");
    assert_eq!(root.sh("ls /var/lib/stack-reports"), "latest\n");
}
