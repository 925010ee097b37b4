//! What `systemd-units` puts into the maintainer scripts of a crate, beside what debhelper 13 puts there for the same files.

use std::fs;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Trial;
use support::crates::{Unpacked, our_package, small_program};
use support::{run, text};

pub fn trials() -> Vec<Trial> {
    support::tests![
        fragments_are_those_of_debhelper_with_every_option,
        entries_have_their_own_choices_and_scripts_keep_their_text
    ]
}

const MANIFEST: &str = r#"
[package]
name = "sample"
version = "1.0.0"
edition = "2021"
description = "a sample"
authors = ["Jane Doe <jane@example.org>"]
license = "MIT"

[package.metadata.deb]
maintainer-scripts = "debian"
"#;

const CONTROL: &str = "Source: sample\nMaintainer: Jane Doe <jane@example.org>\nBuild-Depends: debhelper-compat (= 13)\n\n\
                       Package: sample\nArchitecture: amd64\nDescription: a sample\n";
const CHANGELOG: &str = "sample (1.0.0-1) unstable; urgency=medium\n\n  * First.\n\n -- Jane Doe <jane@example.org>  Mon, 23 Nov 2026 10:00:00 +0000\n";

/// A crate whose folder `debian` has a service, its socket, a timer without `[Install]`, a template, users and temporary
/// files.
fn sample(folder: &Path) {
    let files = [
        ("debian/control", CONTROL),
        ("debian/changelog", CHANGELOG),
        (
            "debian/sample.service",
            "[Service]\nExecStart=/usr/bin/sample\n\n[Install]\nWantedBy=multi-user.target\nAlso=sample.socket\n",
        ),
        ("debian/sample.socket", "[Socket]\nListenStream=80\n\n[Install]\nWantedBy=sockets.target\n"),
        ("debian/sample.timer", "[Timer]\nOnBootSec=1\n"),
        (
            "debian/sample@.service",
            "[Service]\nExecStart=/usr/bin/sample %i\n\n[Install]\nWantedBy=multi-user.target\n",
        ),
        ("debian/sample.sysusers", "u sample - - -\n"),
        ("debian/sample.tmpfiles", "d /run/sample 0755 sample sample -\n"),
        ("src/main.rs", "fn main() {}\n"),
    ];
    for (path, content) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    fs::create_dir_all(folder.join("target/release")).unwrap();
    fs::copy(small_program(), folder.join("target/release/sample")).unwrap();
}

/// The lines of a script that do something.
fn commands(script: &str) -> Vec<String> {
    let lines = script.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty() && (!line.starts_with('#') || line.starts_with("#!"))).collect()
}

/// The scripts that debhelper makes of the same folder.
fn of_debhelper(folder: &Path, options: &[&str]) -> Vec<Vec<String>> {
    let _ = fs::remove_dir_all(folder.join("debian/sample"));
    let _ = fs::remove_dir_all(folder.join("debian/.debhelper"));
    for entry in fs::read_dir(folder.join("debian")).unwrap() {
        let path = entry.unwrap().path();
        if path.to_str().is_some_and(|path| path.contains(".debhelper") || path.ends_with(".substvars")) {
            fs::remove_file(path).unwrap();
        }
    }
    for (tool, options) in [
        ("dh_installsysusers", &[][..]),
        ("dh_installtmpfiles", &[]),
        ("dh_installsystemd", options),
        ("dh_installdeb", &[]),
    ] {
        run(Command::new(tool).args(options).current_dir(folder));
    }
    let script = |name| fs::read_to_string(folder.join("debian/sample/DEBIAN").join(name)).unwrap_or_default();
    ["preinst", "postinst", "prerm", "postrm"].map(|name| commands(&script(name))).to_vec()
}

fn fragments_are_those_of_debhelper_with_every_option() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    sample(folder);
    // Any two of the options are in each of their four combinations.
    for choice in [0b0000, 0b0111, 0b1011, 0b1101, 0b1110, 0b1111_u32] {
        let flag = |bit: u32| choice & (1 << bit) != 0;
        let keys = format!(
            "systemd-units = {{ enable = {}, start = {}, restart-after-upgrade = {}, stop-on-upgrade = {} }}\n",
            flag(0),
            flag(1),
            flag(2),
            flag(3)
        );
        fs::write(folder.join("Cargo.toml"), format!("{MANIFEST}{keys}")).unwrap();
        let mut options = vec![if flag(2) { "--restart-after-upgrade" } else { "--no-restart-after-upgrade" }];
        options.extend((!flag(0)).then_some("--no-enable"));
        options.extend((!flag(1)).then_some("--no-start"));
        options.extend((!flag(3)).then_some("--no-stop-on-upgrade"));
        let package = Unpacked::of(&our_package(folder, &["--no-build"]));
        let ours = ["preinst", "postinst", "prerm", "postrm"].map(|name| commands(&package.control_text(name)));
        assert_eq!(ours.to_vec(), of_debhelper(folder, &options), "{keys}");
        assert!(package.fields["Depends"].ends_with("systemd | systemd-standalone-sysusers | systemd-sysusers"));
        let wanted = ["sample.service", "sample.socket", "sample.timer", "sample@.service"];
        assert!(wanted.iter().all(|unit| package.files.contains_key(&format!("usr/lib/systemd/system/{unit}"))));
        let scripts = ["preinst", "postinst", "prerm", "postrm"].into_iter();
        let made =
            scripts.filter(|name| package.control.contains_key(*name)).map(|name| package.path("DEBIAN").join(name));
        let output = Command::new("shellcheck").args(made).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }
}

/// A list of entries: each unit with its own choice, instead of `#DEBHELPER#`.
fn entries_have_their_own_choices_and_scripts_keep_their_text() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    sample(folder);
    let entries = r#"
[[package.metadata.deb.systemd-units]]
unit-name = "sample"
enable = false

[[package.metadata.deb.systemd-units]]
unit-name = "worker"
start = false
"#;
    fs::write(folder.join("Cargo.toml"), format!("{MANIFEST}{entries}")).unwrap();
    fs::write(
        folder.join("debian/worker.service"),
        "[Service]\nExecStart=/bin/true\n\n[Install]\nWantedBy=multi-user.target\n",
    )
    .unwrap();
    fs::write(folder.join("debian/postinst"), "#!/bin/sh\nset -e\necho before\n#DEBHELPER#\necho after\n").unwrap();
    let package = Unpacked::of(&our_package(folder, &["--no-build"]));
    let postinst = package.control_text("postinst");
    let place = |words: &str| postinst.find(words).unwrap_or_else(|| panic!("{words} is not in\n{postinst}"));
    assert!(place("echo before") < place("systemd-sysusers"));
    assert!(place("deb-systemd-helper debian-installed 'sample.service'") < place("echo after"));
    assert!(place("was-enabled 'worker.service'") < place("echo after"));
    assert!(!postinst.contains("was-enabled 'worker.service'; then\n\t\t\t# Create"), "{postinst}");
    let prerm = package.control_text("prerm");
    assert!(prerm.contains("'sample.service'") && !prerm.contains("worker"), "{prerm}");

    fs::write(folder.join("debian/postinst"), "#!/bin/sh\nset -e\n").unwrap();
    let output = support::crates::ours(folder, &["--no-build"]);
    assert!(!output.status.success() && text(&output).contains("#DEBHELPER#"), "{}", text(&output));
}
