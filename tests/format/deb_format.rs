//! A .deb that we write says the same to dpkg-deb, to python3-debian, to libarchive and to our own reader; and our
//! reader reads what dpkg-deb writes.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use stackdeb::control::Stanza;
use stackdeb::deb::{self, Content, Package, PayloadEntry, Reader};
use stackdeb::system::hash::Sha256;
use support::package::{COMPRESSIONS, EPOCH, lay_out, lay_out_control, odd, printed, small};
use support::readers::{libarchive, python_debian};

/// What an entry of `data.tar` is: its kind (`-`, `d`, `l`), mode, size, and link target.
type Facts = BTreeMap<String, (char, u32, u64, String)>;

fn write_to(package: &Package, path: &Path) -> deb::Written {
    deb::write(package.check().unwrap(), File::create(path).unwrap()).unwrap()
}

fn expected_facts(package: &Package) -> Facts {
    let mut facts = Facts::from([("./".to_owned(), ('d', 0o755, 0, String::new()))]);
    for (path, entry) in package.payload.entries() {
        let (name, fact) = match entry {
            PayloadEntry::Folder { mode } => (format!(".{path}/"), ('d', *mode, 0, String::new())),
            PayloadEntry::File { content: Content::Bytes(bytes), mode } => {
                (format!(".{path}"), ('-', *mode, bytes.len() as u64, String::new()))
            }
            PayloadEntry::File { content: Content::File(_), .. } => panic!("the sample has none"),
            PayloadEntry::Symlink { target } => (format!(".{path}"), ('l', 0o777, 0, target.clone())),
        };
        facts.insert(name, fact);
    }
    facts
}

fn reader_facts(reader: &Reader) -> Facts {
    let mut archive = reader.data().unwrap();
    let mut facts = Facts::new();
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        let header = entry.header();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
        assert_eq!((header.username().unwrap(), header.groupname().unwrap()), (Some("root"), Some("root")));
        let kind = match header.entry_type() {
            tar::EntryType::Directory => 'd',
            tar::EntryType::Symlink => 'l',
            _ => '-',
        };
        let target = entry.link_name_bytes().map(|t| String::from_utf8(t.into_owned()).unwrap()).unwrap_or_default();
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        facts.insert(path, (kind, header.mode().unwrap(), header.size().unwrap(), target));
    }
    deb::finish(archive).unwrap();
    facts
}

#[test]
fn dpkg_deb_reads_what_was_written() {
    for (compression, name) in COMPRESSIONS {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("odd.deb");
        let package = Package { compression, ..odd() };
        let written = write_to(&package, &file);
        assert_eq!(Sha256::of_file(&file).unwrap(), (written.sha256, written.size), "{name}");

        let fields = printed("dpkg", Command::new("dpkg-deb").arg("--field").arg(&file));
        assert_eq!(fields, package.control.stanza(written.installed_size).to_string(), "{name}");
        let info = printed("dpkg", Command::new("dpkg-deb").arg("--info").arg(&file));
        for control_file in ["conffiles", "md5sums", "postinst", "postrm", "preinst", "prerm", "triggers"] {
            assert!(info.contains(control_file), "{name}: {info}");
        }
        let contents = printed("dpkg", Command::new("dpkg-deb").arg("--contents").arg(&file).env("TZ", "UTC"));
        assert_eq!(contents.lines().count(), expected_facts(&package).len(), "{name}");
        assert!(contents.lines().all(|line| line.contains(" root/root ") && line.contains(" 2026-11-23 10:00 ")));

        let (theirs, wanted) = (folder.path().join("theirs"), folder.path().join("wanted"));
        printed("dpkg", Command::new("dpkg-deb").arg("-x").args([&file, &theirs]));
        lay_out(&package.payload, &wanted);
        printed("diffutils", Command::new("diff").args(["-r", "--no-dereference"]).args([&theirs, &wanted]));
        let modes = |root: &Path| {
            let find = ["-mindepth", "1", "-printf", "%P %y %m %l\\0"];
            let text = printed("findutils", Command::new("find").arg(root).args(find));
            let mut lines: Vec<String> = text.split('\0').map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(modes(&theirs), modes(&wanted), "{name}");

        let control = folder.path().join("control");
        printed("dpkg", Command::new("dpkg-deb").arg("-e").args([&file, &control]));
        let mut check = Command::new("md5sum");
        printed("coreutils", check.args(["--check", "--strict"]).arg(escaped_md5sums(&control)).current_dir(&theirs));
    }
}

/// `md5sums` as md5sum reads it: dpkg's form has backslashes in names as they are, md5sum's has them doubled.
fn escaped_md5sums(control: &Path) -> PathBuf {
    let text = fs::read_to_string(control.join("md5sums")).unwrap();
    let line = |line: &str| match line.contains('\\') {
        true => format!("\\{}\n", line.replace('\\', "\\\\")),
        false => format!("{line}\n"),
    };
    let path = control.join("md5sums-escaped");
    fs::write(&path, text.lines().map(line).collect::<String>()).unwrap();
    path
}

#[test]
fn md5sums_is_debhelpers() {
    let folder = tempfile::tempdir().unwrap();
    let (package, tree) = (odd(), folder.path().join("debian/sample"));
    let source = "Source: sample\nMaintainer: A <a@b.c>\n\nPackage: sample\nArchitecture: all\nDescription: x\n y\n";
    fs::create_dir(folder.path().join("debian")).unwrap();
    fs::write(folder.path().join("debian/control"), source).unwrap();
    lay_out(&package.payload, &tree);
    lay_out_control(&package, &tree);
    let mut helper = Command::new("dh_md5sums");
    printed("debhelper", helper.current_dir(folder.path()).env("DH_COMPAT", "13"));
    let file = folder.path().join("odd.deb");
    write_to(&package, &file);
    let ours = Reader::open(&file).unwrap().control_file("md5sums").unwrap().unwrap();
    assert_eq!(String::from_utf8(ours).unwrap(), fs::read_to_string(tree.join("DEBIAN/md5sums")).unwrap());
}

#[test]
fn installed_size_and_the_order_of_fields_are_dpkg_gencontrols() {
    for package in [small(), odd()] {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("debian/sample");
        lay_out(&package.payload, &tree);
        let stanza = package.control.stanza(0);
        let source_fields = ["Section", "Priority", "Maintainer", "Homepage"];
        let not_ours = ["Version", "Installed-Size"];
        let mut source = "Source: sample\n".to_owned();
        let mut binary = String::new();
        for (name, value) in stanza.fields().filter(|(name, _)| !not_ours.contains(name)) {
            let mut one = Stanza::default();
            one.set(name, value);
            let text = if source_fields.contains(&name) { &mut source } else { &mut binary };
            text.push_str(&one.to_string());
        }
        fs::write(folder.path().join("debian/control"), format!("{source}\n{binary}")).unwrap();
        let changelog =
            "sample (1:1.0-2~a) unstable; urgency=low\n\n  * x\n\n -- A <a@b.c>  Mon, 23 Nov 2026 10:00:00 +0000\n";
        fs::write(folder.path().join("debian/changelog"), changelog).unwrap();
        let mut gencontrol = Command::new("dpkg-gencontrol");
        let theirs = printed(
            "dpkg-dev",
            gencontrol.args(["-Pdebian/sample", "-psample", "-O", "-Tdebian/none"]).current_dir(folder.path()),
        );
        let file = folder.path().join("sample.deb");
        write_to(&package, &file);
        let ours = Reader::open(&file).unwrap().control().unwrap();
        let theirs = Stanza::parse(&theirs).unwrap();
        assert_eq!(ours.get("Installed-Size"), theirs.get("Installed-Size"));
        let names = |stanza: &Stanza| stanza.fields().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(names(&ours), names(&theirs));
    }
}

#[test]
fn python_debian_reads_what_was_written() {
    // It does not know Zstandard.
    for (compression, name) in COMPRESSIONS.into_iter().filter(|(_, name)| *name != "zstd") {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("odd.deb");
        let package = Package { compression, ..odd() };
        let written = write_to(&package, &file);
        let text = python_debian(&file);
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
        let of = |kind: &'static str| rows.iter().filter(move |row| row[0] == kind);
        assert_eq!(of("script").count(), 4, "{name}");
        let md5s = of("md5").count();
        let files = expected_facts(&package).values().filter(|fact| fact.0 == '-').count();
        assert_eq!(md5s, files - package.conffiles.len(), "{name}");
        let stanza = package.control.stanza(written.installed_size);
        assert_eq!(of("field").count(), stanza.fields().count(), "{name}");
        for row in of("field") {
            let ours = stanza.get(row[1]).unwrap();
            assert_eq!(
                row[2].replace("\\n .\\n", "\\n\\n").replace("\\n ", "\\n"),
                ours.replace('\n', "\\n"),
                "{name}"
            );
        }
        assert_eq!(library_facts(&rows), without_slashes(&package), "{name}");
    }
}

/// The facts in the lines `data` of a reader; a name with a tab is the one that this form cannot carry.
fn library_facts(rows: &[Vec<&str>]) -> Facts {
    let data = rows.iter().filter(|row| row[0] == "data" && row.len() == 6);
    data.map(|row| {
        let (kind, mode) = (row[2].chars().next().unwrap(), u32::from_str_radix(row[3], 8).unwrap());
        (row[1].trim_end_matches('/').to_owned(), (kind, mode, row[4].parse().unwrap(), row[5].to_owned()))
    })
    .collect()
}

/// The facts as tar libraries give them: folders without the `/`, and without the name that has a tab.
fn without_slashes(package: &Package) -> Facts {
    let facts = expected_facts(package).into_iter().filter(|(path, _)| !path.contains('\t'));
    facts.map(|(path, fact)| (path.trim_end_matches('/').to_owned(), fact)).collect()
}

#[test]
fn libarchive_reads_what_was_written() {
    for (compression, name) in COMPRESSIONS {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("odd.deb");
        let package = Package { compression, ..odd() };
        let written = write_to(&package, &file);
        let text = libarchive(&file);
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
        let of = |kind: &'static str| rows.iter().filter(move |row| row[0] == kind);
        assert_eq!(of("binary").next().unwrap()[1], "2.0\\n", "{name}");
        let stanza = package.control.stanza(written.installed_size);
        for (field, value) in stanza.fields().filter(|(field, _)| *field != "Description") {
            assert!(of("field").any(|row| row[1] == field && row[2] == value), "{name}: {field}");
        }
        assert_eq!(library_facts(&rows), without_slashes(&package), "{name}");
    }
}

#[test]
fn our_reader_reads_what_was_written() {
    for (compression, name) in COMPRESSIONS {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("odd.deb");
        let package = Package { compression, ..odd() };
        let written = write_to(&package, &file);
        let reader = Reader::open(&file).unwrap();
        assert_eq!(reader_facts(&reader), expected_facts(&package), "{name}");
        assert_eq!(reader.control().unwrap(), package.control.stanza(written.installed_size), "{name}");
        assert_eq!(reader.control_file("shlibs").unwrap(), None);
        for file in reader.control_files().unwrap() {
            let script = ["preinst", "postinst", "prerm", "postrm"].contains(&file.name.as_str());
            assert_eq!(file.mode, if script { 0o755 } else { 0o644 }, "{}", file.name);
        }
    }
}

#[test]
fn our_reader_reads_what_dpkg_deb_writes() {
    let package = odd();
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    lay_out(&package.payload, &tree);
    lay_out_control(&package, &tree);
    for uniform in ["--uniform-compression", "--no-uniform-compression"] {
        for (_, name) in COMPRESSIONS {
            let file = folder.path().join(format!("{name}{uniform}.deb"));
            let mut build = Command::new("dpkg-deb");
            build.args(["--root-owner-group", uniform, "-Z", name, "--build"]).args([&tree, &file]);
            printed("dpkg", &mut build);
            let reader = Reader::open(&file).unwrap();
            assert_eq!(reader_facts(&reader), expected_facts(&package), "{name} {uniform}");
            assert_eq!(reader.control().unwrap(), package.control.stanza(1), "{name} {uniform}");
            let postinst = reader.control_file("postinst").unwrap();
            assert_eq!(postinst.as_deref(), package.scripts.postinst.as_deref().map(str::as_bytes));
        }
    }
}

#[test]
fn damage_is_found_and_names_the_file() {
    for (compression, name) in COMPRESSIONS {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("damaged.deb");
        write_to(&Package { compression, ..odd() }, &file);
        let good = fs::read(&file).unwrap();
        for length in [0, 7, 40, 70, 200, good.len() / 2, good.len() - 2] {
            fs::write(&file, &good[..length]).unwrap();
            let error = Reader::open(&file).unwrap_err().to_string();
            assert!(error.contains("damaged.deb"), "{name}: {error}");
        }
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        fs::write(&file, &bad).unwrap();
        let read = || -> std::io::Result<()> {
            let mut archive = Reader::open(&file).unwrap().data().unwrap();
            for entry in archive.entries()? {
                std::io::copy(&mut entry?, &mut std::io::sink())?;
            }
            deb::finish(archive)
        };
        if name != "none" {
            let error = read().unwrap_err().to_string();
            assert!(error.contains("damaged.deb") && error.contains("data.tar"), "{name}: {error}");
        }
    }
}

/// Set for a child of the test below: where it writes its packages.
const CHILD: &str = "STACKDEB_TEST_WRITE_TO";

#[test]
fn the_same_package_gives_the_same_bytes() {
    // Large enough for several blocks of xz and several jobs of Zstandard.
    let block: Vec<u8> = (0..1_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 27) as u8).collect();
    if let Some(folder) = env::var_os(CHILD) {
        let folder = PathBuf::from(folder);
        let source = folder.join("source");
        fs::write(&source, block.repeat(30)).unwrap();
        fs::set_permissions(&source, fs::Permissions::from_mode(0o600)).unwrap();
        for (compression, name) in COMPRESSIONS {
            let mut package = Package { compression, ..odd() };
            package.payload.add_file("/opt/large", Content::File(source.clone()), 0o644).unwrap();
            write_to(&package, &folder.join(name));
        }
        return;
    }
    let write = |umask: &str, zone: &str, processors: &str| {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", "umask $1; shift; exec taskset \"$@\"", "sh", umask, "--cpu-list", processors]);
        shell.arg(env::current_exe().unwrap()).args(["--exact", "deb_format::the_same_package_gives_the_same_bytes"]);
        printed("util-linux", shell.env(CHILD, folder.path()).env("TZ", zone));
        folder
    };
    let (first, second) = (write("022", "UTC", "0"), write("077", "Pacific/Chatham", "0-63"));
    for (_, name) in COMPRESSIONS {
        let digest = |folder: &Path| Sha256::of_file(&folder.join(name)).unwrap();
        assert_eq!(digest(first.path()), digest(second.path()), "{name}");
    }
    let mut text = String::new();
    let xz = Reader::open(&second.path().join("xz")).unwrap();
    xz.data().unwrap().entries().unwrap().for_each(|entry| {
        let mut entry = entry.unwrap();
        assert_eq!(entry.header().mtime().unwrap(), EPOCH as u64);
        if entry.path_bytes().ends_with(b"sample/text") {
            entry.read_to_string(&mut text).unwrap();
        }
    });
    assert_eq!(text, "text\n");
}
