//! Sample packages, the same as trees for dpkg-deb, and the running of the programs that judge them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

use stackdeb::control::{Architecture, Priority, Relations};
use stackdeb::deb::{Compression, Content, Control, ControlRules, Package, Payload, PayloadEntry, Scripts};
use stackdeb::system::epoch::Epoch;

pub const COMPRESSIONS: [(Compression, &str); 4] =
    [(Compression::None, "none"), (Compression::Gzip, "gzip"), (Compression::Xz, "xz"), (Compression::Zstd, "zstd")];

pub const EPOCH: i64 = 1_795_428_000;

/// Runs a program of the package `debian`, which a missing program's message names.
pub fn run(debian: &str, command: &mut Command) -> Output {
    let program = command.get_program().to_owned();
    command.env("LC_ALL", "C.UTF-8").output().unwrap_or_else(|error| {
        panic!("cannot run {}: {error}; to install it: apt-get install {debian}", program.to_string_lossy())
    })
}

/// The same, for programs that have to succeed; gives back what they print.
pub fn printed(debian: &str, command: &mut Command) -> String {
    let output = run(debian, command);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {errors}\n(it is in Debian's package {debian})");
    String::from_utf8(output.stdout).unwrap()
}

pub fn relations(text: &str) -> Relations {
    text.parse().unwrap()
}

/// A small package without a mistake.
pub fn small() -> Package {
    let mut payload = Payload::default();
    payload.add_file("/etc/sample/sample.conf", Content::Bytes(b"a = 1\n".to_vec()), 0o644).unwrap();
    payload.add_file("/usr/share/sample/text", Content::Bytes(b"text\n".to_vec()), 0o644).unwrap();
    payload.add_symlink("/usr/share/sample/link", "text").unwrap();
    Package {
        control: Control {
            rules: ControlRules::Policy,
            package: "sample".parse().unwrap(),
            version: "1:1.0-2~a".parse().unwrap(),
            architecture: Architecture::All,
            maintainer: "Zoë Doe <zoe@example.org>".to_owned(),
            pre_depends: relations("dpkg (>= 1.17)"),
            depends: relations("adduser, base-files (>= 1) | mawk (<< 99), python3:any"),
            recommends: relations("tar"),
            suggests: relations("gzip"),
            enhances: relations("tar-doc"),
            conflicts: relations("sample-old"),
            breaks: relations("sample-data (<< 1)"),
            replaces: relations("sample-data (<< 1)"),
            provides: relations("sample-api (= 2)"),
            section: Some("web".to_owned()),
            priority: Priority::Optional,
            homepage: Some("https://example.org/".to_owned()),
            summary: "sample of a package, with ünïcode".to_owned(),
            description: "The first paragraph\ngoes on.\n\n * an item\n\nThe last.".to_owned(),
            extra: vec![("Tag".to_owned(), "role::sample".to_owned())],
        },
        payload,
        conffiles: vec!["/etc/sample/sample.conf".to_owned()],
        scripts: Scripts { postinst: Some("#!/bin/sh\nset -e\nexit 0\n".to_owned()), ..Scripts::default() },
        triggers: None,
        compression: Compression::Xz,
        epoch: Epoch::from_seconds(EPOCH).unwrap(),
    }
}

/// A package with everything that a name or a file can be.
pub fn odd() -> Package {
    let mut package = small();
    let payload = &mut package.payload;
    let deep = format!("/usr/share/sample/{}", "a long folder name/".repeat(14));
    let exactly = |length: usize| format!("/opt/{}", "n".repeat(length - "./opt/".len()));
    let files = [
        ("/usr/share/sample/empty".to_owned(), 0, 0o644),
        ("/usr/share/sample/one byte".to_owned(), 1, 0o600),
        ("/usr/share/sample/1024".to_owned(), 1024, 0o4755),
        ("/usr/share/sample/1025".to_owned(), 1025, 0o444),
        ("/usr/share/sample/ünïcode ☃".to_owned(), 513, 0o644),
        ("/usr/share/sample/back\\slash 'quote\" $x `y`".to_owned(), 7, 0o644),
        ("/usr/share/sample/tab\there".to_owned(), 7, 0o644),
        (format!("{deep}file"), 100, 0o644),
        (format!("/usr/share/sample/{}", "x".repeat(246)), 3, 0o644),
        (exactly(99), 1, 0o644),
        (exactly(100), 1, 0o644),
        (exactly(101), 1, 0o644),
        ("/usr/share/sample/big".to_owned(), 300_000, 0o644),
    ];
    for (path, size, mode) in files {
        let content = (0..size).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 20) as u8).collect();
        payload.add_file(&path, Content::Bytes(content), mode).unwrap();
    }
    payload.add_folder("/var/lib/sample/empty folder", 0o2750).unwrap();
    payload.add_folder(&format!("/var/lib/sample/{}", "f".repeat(120)), 0o1777).unwrap();
    payload.add_symlink("/usr/share/sample/far", &format!("/nowhere/{}", "t".repeat(200))).unwrap();
    payload.add_symlink(&format!("/usr/share/sample/{}", "l".repeat(200)), "../ünï code").unwrap();
    package.triggers = Some("# a comment\nactivate-noawait sample-trigger\n".to_owned());
    package.scripts.preinst = Some("#!/bin/sh\nset -e\n".to_owned());
    package.scripts.prerm = Some("#! /bin/sh\nset -e\n".to_owned());
    package.scripts.postrm = Some("#!/bin/sh\nset -e\n".to_owned());
    package
}

/// Lays the payload out below `root`, as dpkg would unpack it.
pub fn lay_out(payload: &Payload, root: &Path) {
    fs::create_dir_all(root).unwrap();
    let entries = payload.entries();
    for (path, entry) in &entries {
        let place = root.join(path.trim_start_matches('/'));
        match entry {
            PayloadEntry::Folder { .. } => fs::create_dir(&place).unwrap(),
            PayloadEntry::Symlink { target } => symlink(target, &place).unwrap(),
            PayloadEntry::File { content: Content::Bytes(bytes), .. } => fs::write(&place, bytes).unwrap(),
            PayloadEntry::File { content: Content::File(file), .. } => drop(fs::copy(file, &place).unwrap()),
        }
    }
    for (path, entry) in entries.iter().rev() {
        if let PayloadEntry::Folder { mode } | PayloadEntry::File { mode, .. } = entry {
            let place = root.join(path.trim_start_matches('/'));
            fs::set_permissions(place, fs::Permissions::from_mode(*mode)).unwrap();
        }
    }
    fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Writes the folder `DEBIAN` that dpkg-deb builds the package from.
pub fn lay_out_control(package: &Package, root: &Path) {
    let folder = root.join("DEBIAN");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let put = |name: &str, text: &str, mode: u32| {
        fs::write(folder.join(name), text).unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    put("control", &package.control.stanza(1).to_string(), 0o644);
    let conffiles: String = package.conffiles.iter().map(|path| format!("{path}\n")).collect();
    put("conffiles", &conffiles, 0o644);
    let scripts = &package.scripts;
    let all = [
        ("preinst", &scripts.preinst),
        ("postinst", &scripts.postinst),
        ("prerm", &scripts.prerm),
        ("postrm", &scripts.postrm),
    ];
    for (name, script) in all {
        if let Some(text) = script {
            put(name, text, 0o755);
        }
    }
    if let Some(text) = &package.triggers {
        put("triggers", text, 0o644);
    }
}
