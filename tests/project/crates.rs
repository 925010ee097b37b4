//! Crates with `[package.metadata.deb]`: stackdeb's package beside cargo-deb's, field by field and file by file. Whatever
//! differs is one of the differences that `docs/reasons/cargo-deb.md` lists, or the test fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Trial;
use support::crates::{Member, Unpacked, add_stand_ins, our_package, their_package, unpack};
use support::room::{self, for_soak};
use support::{run, source_folder};

pub fn trials() -> Vec<Trial> {
    let soak = compared(CRATES_OF_SOAK).into_iter().chain(support::tests![stackdeb_itself]);
    compared(CRATES).into_iter().chain(for_soak(soak.collect())).collect()
}

/// Checks that the document lists a difference, and so that no difference is allowed in secret.
#[track_caller]
pub(super) fn listed(words: &str) {
    let document = fs::read_to_string(source_folder().join("docs/reasons/cargo-deb.md")).unwrap();
    assert!(document.contains(words), "docs/reasons/cargo-deb.md does not list {words:?}");
}

/// Compares the packages of a crate, by stackdeb and by cargo-deb.
pub(super) fn compare_packages(ours: &Path, theirs: &Path) {
    assert_ne!(ours, theirs);
    assert_eq!(ours.file_name(), theirs.file_name());
    let (ours, theirs) = (Unpacked::of(ours), Unpacked::of(theirs));
    compare_fields(&ours, &theirs);
    compare_control(&ours, &theirs);
    compare_files(&ours, &theirs);
}

fn compare_fields(ours: &Unpacked, theirs: &Unpacked) {
    let (mut our_fields, mut their_fields) = (ours.fields.clone(), theirs.fields.clone());
    listed("`Installed-Size`");
    their_fields.remove("Installed-Size");
    assert_eq!(our_fields.remove("Installed-Size"), Some(installed_size(ours).to_string()));
    let members = |fields: &mut BTreeMap<String, String>| -> BTreeSet<String> {
        let text = fields.remove("Depends").unwrap_or_default();
        text.split(',').map(|member| member.trim().to_owned()).filter(|member| !member.is_empty()).collect()
    };
    let (our_depends, their_depends) = (members(&mut our_fields), members(&mut their_fields));
    assert!(our_depends.is_superset(&their_depends), "{our_depends:?}, {their_depends:?}");
    for more in our_depends.difference(&their_depends) {
        match more.as_str() {
            "libgcc-s1" | "libgcc-s1 (>= 4.2)" => listed("`libgcc-s1`"),
            "systemd | systemd-standalone-sysusers | systemd-sysusers" => listed("`systemd-sysusers`"),
            _ => panic!("{more} is in Depends, and cargo-deb does not have it"),
        }
    }
    assert_eq!(our_fields, their_fields);
}

/// By the rule of deb-substvars(5): each file and link is rounded up to 1 KiB, all else counts as 1.
fn installed_size(package: &Unpacked) -> u64 {
    let size = |path: &String| {
        let metadata = fs::symlink_metadata(package.path(path)).unwrap();
        if metadata.is_dir() { 1 } else { metadata.len().div_ceil(1024) }
    };
    package.files.keys().map(size).sum::<u64>() + 1
}

fn compare_control(ours: &Unpacked, theirs: &Unpacked) {
    listed("`md5sums`");
    let sums = ours.control_text("md5sums");
    assert!(theirs.control_text("md5sums").is_empty(), "cargo-deb writes md5sums now: compare them");
    run(Command::new("md5sum").args(["--check", "--quiet", "../sums"]).current_dir({
        fs::write(ours.folder.path().join("sums"), &sums).unwrap();
        ours.path("")
    }));
    let lines = |package: &Unpacked| -> BTreeSet<String> {
        package.control_text("conffiles").lines().map(str::to_owned).collect()
    };
    let is_link = |path: &String| theirs.files[path.trim_start_matches('/')].target.is_some();
    let (links, files): (BTreeSet<String>, BTreeSet<String>) = lines(theirs).into_iter().partition(is_link);
    if !links.is_empty() {
        listed("`conffiles`");
    }
    assert_eq!(lines(ours), files);
    let regular = |package: &Unpacked| {
        package.files.iter().filter(|(_, member)| member.content.is_some()).map(|(path, _)| path.clone()).collect()
    };
    let summed: BTreeSet<String> = sums.lines().map(|line| line[34..].to_owned()).collect();
    let conffiles: BTreeSet<String> = files.iter().map(|path| path.trim_start_matches('/').to_owned()).collect();
    assert_eq!(&summed | &conffiles, regular(ours));
    for name in ["preinst", "postinst", "prerm", "postrm"] {
        compare_scripts(name, ours, theirs);
    }
    let others = |package: &Unpacked| {
        let mut others = package.control.clone();
        others.retain(|name, _| {
            !matches!(name.as_str(), "conffiles" | "md5sums" | "preinst" | "postinst" | "prerm" | "postrm")
        });
        others
    };
    assert_eq!(others(ours), others(theirs));
}

/// A script is the same except for its fragments, which `fragments.rs` compares with debhelper's.
fn compare_scripts(name: &str, ours: &Unpacked, theirs: &Unpacked) {
    let (our_text, their_text) = (ours.control_text(name), theirs.control_text(name));
    if our_text == their_text {
        return;
    }
    listed("`#DEBHELPER#`");
    let (our_own, their_own) = (without_fragments(&our_text), without_fragments(&their_text));
    let bare = "#!/bin/sh\nset -e\n";
    assert!(our_own == their_own || (their_own.is_empty() && our_own == bare), "{name}:\n{our_text}\n{their_text}");
    assert_eq!(ours.control[name].mode, 0o755);
}

fn without_fragments(script: &str) -> String {
    let mut inside = false;
    let mut own = String::new();
    for line in script.lines() {
        inside |= line.starts_with("# Automatically added by ");
        if !inside {
            own.push_str(line);
            own.push('\n');
        }
        inside &= !line.starts_with("# End automatically added section");
    }
    own
}

fn compare_files(ours: &Unpacked, theirs: &Unpacked) {
    let mut moved = BTreeMap::new();
    for (path, member) in &theirs.files {
        let aliased =
            ["bin", "lib", "lib64", "sbin"].iter().any(|top| path == top || path.starts_with(&format!("{top}/")));
        if aliased {
            listed("`/usr`");
        }
        let mut path = if aliased { format!("usr/{path}") } else { path.clone() };
        let compressed = format!("{path}.gz");
        if path.starts_with("usr/share/man/") && member.content.is_some() && ours.files.contains_key(&compressed) {
            listed("manual pages below `target/release`");
            path = compressed;
        }
        moved.entry(path).or_insert_with(|| member.clone());
    }
    let names = |files: &BTreeMap<String, Member>| files.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&ours.files), names(&moved));
    for (path, member) in &ours.files {
        let other = &moved[path];
        let shape = |member: &Member| (member.mode, member.target.clone());
        assert_eq!(shape(member), shape(other), "{path}");
        if member.content == other.content {
            continue;
        }
        assert!(member.content.as_ref().is_some_and(|bytes| bytes.starts_with(b"\x7fELF")), "{path} differs");
        listed("`strip`");
        let loaded = |package: &Unpacked| {
            let image = package.folder.path().join("image");
            run(Command::new("objcopy").args(["-O", "binary"]).arg(package.path(path)).arg(&image));
            fs::read(image).unwrap()
        };
        assert!(loaded(ours) == loaded(theirs), "what {path} loads differs");
    }
}

/// Compares the packages of a published crate.
fn compare(name: &str, version: &str, variant: Option<&str>) {
    let work = tempfile::tempdir().unwrap();
    let folder = work.path().join(name);
    unpack(name, version, &folder);
    // A key of another cargo-deb: 3.8 refuses the whole manifest for it.
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let lines = manifest.lines().filter(|line| !line.starts_with("usr-merge = "));
    fs::write(folder.join("Cargo.toml"), lines.flat_map(|line| [line, "\n"]).collect::<String>()).unwrap();
    add_stand_ins(&folder);
    if name == "martin" {
        // They are in the repository beside the crate.
        let debian = work.path().join("debian");
        fs::create_dir_all(&debian).unwrap();
        fs::write(
            debian.join("martin.service"),
            "[Service]\nExecStart=/usr/bin/martin\n\n[Install]\nWantedBy=multi-user.target\n",
        )
        .unwrap();
        fs::write(debian.join("postinst"), "#!/bin/sh\nset -e\n#DEBHELPER#\nexit 0\n").unwrap();
    }
    let variant: Vec<&str> = variant.into_iter().flat_map(|variant| ["--variant", variant]).collect();
    compare_packages(
        &our_package(&folder, &[&["--no-build"][..], &variant].concat()),
        &their_package(&folder, &variant),
    );
}

/// A test's name, and the crate with its version and the variant of its metadata.
type Published = (&'static str, &'static str, &'static str, Option<&'static str>);

const CRATES: &[Published] = &[
    // `$auto` assets, and a maintainer without an address.
    ("systemctl_tui", "systemctl-tui", "0.7.0", None),
    // A name of its own, recommendations, and a patterned asset.
    ("innernet", "innernet", "2.0.0", None),
    // A service: units, scripts with `#DEBHELPER#`, conffiles, variants.
    ("routinator", "routinator", "0.16.0-rc1", None),
];

const CRATES_OF_SOAK: &[Published] = &[
    ("routinator_minimal", "routinator", "0.16.0-rc1", Some("minimal")),
    ("rtrtr", "rtrtr", "0.3.3", None),
    ("rtrtr_minimal", "rtrtr", "0.3.3", Some("minimal")),
    ("krill", "krill", "0.16.1", Some("debian-bookworm")),
    ("martin", "martin", "1.14.0", None),
    ("innernet_server", "innernet-server", "2.0.0", None),
    ("doh_proxy", "doh-proxy", "0.11.1", None),
    ("ripgrep", "ripgrep", "15.2.0", None),
    ("bottom", "bottom", "0.15.0", None),
    ("bottom_armhf", "bottom", "0.15.0", Some("armhf")),
    ("eza", "eza", "0.23.5", None),
    ("git_cliff", "git-cliff", "2.14.2", None),
    ("zellij", "zellij", "0.45.1", None),
    ("watchexec", "watchexec-cli", "1.20.5", None),
    ("cargo_deb", "cargo-deb", "3.8.0", None),
    ("zoxide", "zoxide", "0.10.0", None),
    ("du_dust", "du-dust", "1.2.7", None),
    ("topgrade", "topgrade", "17.14.1", None),
];

fn compared(crates: &[Published]) -> Vec<Trial> {
    let trial = |&(name, package, version, variant): &Published| {
        room::test("crates", name, move || compare(package, version, variant))
    };
    crates.iter().map(trial).collect()
}

/// stackdeb's own crate. `documents/package` has made what its metadata name, and cargo-deb's package of it.
fn stackdeb_itself() {
    let theirs = crate::own_package::package();
    compare_packages(&our_package(source_folder(), &["-p", "stackdeb", "--no-build"]), theirs);
}
