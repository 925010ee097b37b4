//! The `.buildinfo` and the `.changes` file of an upload are those that dpkg-genbuildinfo and dpkg-genchanges write of the same
//! package.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::process::Command;

use stackdeb::control::Stanza;
use stackdeb::deb::elf::Separated;
use stackdeb::deb::{self, DebugFiles, Package, Upload, UploadedFile};
use support::package::{printed, small};

const CHANGES: &str = "sample (1:1.0-2~a) stable; urgency=medium\n\n  * A page about the shop.\n\n  * Zoë's, with a line\n    that goes on.\n";

/// What is installed instead of a build, as dpkg's database has it.
const STATUS: &str = "Package: libsample\nEssential: yes\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2:1-1\n\n\
                      Package: base-sample\nEssential: yes\nStatus: install ok installed\nArchitecture: all\nVersion: 3~b\n";

#[test]
fn both_files_are_those_of_dpkg_dev() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    let package = Package {
        control: deb::Control { summary: "sample of ".to_owned() + &"ünï ".repeat(17) + "x", ..small().control },
        ..small()
    };
    let path = folder.path().join("sample_1%3a1.0-2~a_all.deb");
    let written = deb::write(package.check().unwrap(), File::create(&path).unwrap()).unwrap();
    let program = Separated {
        program: Vec::new(),
        debug: b"lines".to_vec(),
        debug_path: "/usr/lib/debug/.build-id/12/34.debug".to_owned(),
        build_id: Some("1234".to_owned()),
    };
    let mut files = DebugFiles::default();
    files.add(program);
    let debug = files.package(&package).unwrap().unwrap();
    let debug_path = folder.path().join("sample-dbgsym_1%3a1.0-2~a_all.deb");
    let written_debug = deb::write(debug.check().unwrap(), File::create(&debug_path).unwrap()).unwrap();
    let installed = [("base-sample", "3~b"), ("libsample", "2:1-1")];
    let installed = installed.map(|(name, version)| (name.parse().unwrap(), version.parse().unwrap()));
    let upload = Upload {
        control: package.control.stanza(written.installed_size),
        beside: vec![debug.control.stanza(written_debug.installed_size)],
        distribution: "stable".parse().unwrap(),
        urgency: "medium",
        changes: CHANGES.to_owned(),
        date: package.epoch,
        built: package.epoch,
        installed: BTreeMap::from(installed),
    };

    fs::create_dir_all(source.join("debian")).unwrap();
    fs::create_dir(folder.path().join("database")).unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("database/status", STATUS);
    let changelog = format!("{CHANGES}\n -- Zoë Doe <zoe@example.org>  Mon, 23 Nov 2026 10:00:00 +0000\n");
    write("source/debian/changelog", &changelog);
    let control = &upload.control;
    let field = |name: &str| format!("{name}: {}\n", control.get(name).unwrap());
    let of_source = ["Maintainer", "Section", "Priority"].map(field).concat();
    let description = field("Description").lines().next().unwrap().to_owned();
    write(
        "source/debian/control",
        &format!("Source: sample\n{of_source}\nPackage: sample\nArchitecture: all\n{description}\n x\n"),
    );
    let [deb, buildinfo] = ["deb", "buildinfo"].map(|ending| format!("sample_1%3a1.0-2~a_all.{ending}"));
    let debug = "sample-dbgsym_1%3a1.0-2~a_all.deb";
    let listed = format!("{debug} debug optional automatic=yes\n{deb} web optional\n");
    write("source/debian/files", &listed);
    let admin = format!("--admindir={}", folder.path().join("database").display());
    let output = format!("-O../{buildinfo}");
    let mut genbuildinfo = Command::new("dpkg-genbuildinfo");
    genbuildinfo
        .args(["--build=binary", &admin, &output])
        .env("SOURCE_DATE_EPOCH", package.epoch.seconds().to_string());
    printed("dpkg-dev", genbuildinfo.current_dir(&source));
    let theirs = Stanza::parse(&fs::read_to_string(folder.path().join(&buildinfo)).unwrap()).unwrap();

    let ours = upload.buildinfo(&[&debug_path, &path].map(|path| UploadedFile::of(path).unwrap()));
    // The distribution of that machine, what is odd about it, its clock, and more variables.
    let of_the_machine = ["Build-Origin", "Build-Path", "Build-Tainted-By", "Build-Date", "Environment"];
    let compared = |stanza: &Stanza| -> Vec<(String, String)> {
        let fields = stanza.fields().filter(|(name, _)| !of_the_machine.contains(name));
        fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    assert_eq!(compared(&ours), compared(&theirs));
    let variable = ours.get("Environment").unwrap().trim();
    assert!(theirs.get("Environment").unwrap().lines().any(|line| line == variable), "{theirs}");
    assert_eq!(ours.get("Build-Date"), Some("Mon, 23 Nov 2026 10:00:00 +0000"));

    // The same .buildinfo file for both, as one file cannot be in two uploads.
    write("source/debian/files", &format!("{buildinfo} web optional\n{listed}"));
    fs::write(folder.path().join(&buildinfo), ours.to_string()).unwrap();
    let mut genchanges = Command::new("dpkg-genchanges");
    let theirs = printed("dpkg-dev", genchanges.args(["--build=binary", "-q"]).current_dir(&source));
    let files = [debug, &buildinfo, &deb].map(|name| UploadedFile::of(&folder.path().join(name)).unwrap());
    assert_eq!(upload.changes(&files).to_string(), theirs);
}

#[test]
fn the_name_of_a_distribution_is_one_word() {
    for good in ["stable", "trixie-backports", "UNRELEASED", "debian13+1"] {
        assert_eq!(good.parse::<deb::UploadDistribution>().unwrap().to_string(), good);
    }
    for bad in ["", "a b", "a,b", "a;", "-a", "a\n", "ä", "a/b", "a:b"] {
        assert!(bad.parse::<deb::UploadDistribution>().is_err(), "{bad:?}");
    }
}
