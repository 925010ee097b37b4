//! Packages that dpkg-deb, dpkg or lintian refuse are refused by us before anything is written.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::write::GzEncoder;
use stackdeb::deb::{self, Content, Package, Reader};
use support::package::{lay_out, lay_out_control, printed, relations, run, small};

/// Who else has to refuse it.
enum Judge {
    /// dpkg-deb, when it builds.
    DpkgDeb,
    /// dpkg, when it unpacks what dpkg-deb has built.
    Dpkg,
    /// lintian, with this tag as an error or warning, in what dpkg-deb has built: Debian Policy forbids it.
    Lintian(&'static str),
}

use Judge::{Dpkg, DpkgDeb, Lintian};

type Mistake = (&'static str, Judge, fn(&mut Package));

const MISTAKES: [Mistake; 22] = [
    ("no maintainer's address", Lintian("malformed-contact"), |p| p.control.maintainer = "Jane Doe".into()),
    ("half an address", Lintian("malformed-contact"), |p| p.control.maintainer = "Jane <jane@>".into()),
    ("a line break in the maintainer", DpkgDeb, |p| p.control.maintainer = "A <a@b.c>\n\t".into()),
    ("an odd section", Lintian("unknown-section"), |p| p.control.section = Some("My Section".into())),
    ("a home page that is no address", Lintian("bad-homepage"), |p| p.control.homepage = Some("our site".into())),
    ("no summary", Lintian("description-synopsis-is-empty"), |p| p.control.summary = String::new()),
    ("a long summary", Lintian("synopsis-too-long"), |p| p.control.summary = "word ".repeat(20).trim().into()),
    ("a reserved line", Lintian("description-contains-invalid-control-statement"), |p| {
        p.control.description = "one\n.two".into();
    }),
    ("alternatives in Conflicts", DpkgDeb, |p| p.control.conflicts = relations("aa | bb")),
    ("alternatives in Breaks", DpkgDeb, |p| p.control.breaks = relations("aa | bb")),
    ("alternatives in Replaces", DpkgDeb, |p| p.control.replaces = relations("aa | bb")),
    ("alternatives in Provides", DpkgDeb, |p| p.control.provides = relations("aa | bb")),
    ("a range in Provides", Lintian("invalid-versioned-provides"), |p| p.control.provides = relations("aa (>= 1)")),
    ("a field's name with a blank", DpkgDeb, |p| p.control.extra.push(("My Field".into(), "x".into()))),
    ("a field's name that is a comment", DpkgDeb, |p| p.control.extra.push(("-Field".into(), "x".into()))),
    ("a conffile that is not there", DpkgDeb, |p| p.conffiles.push("/etc/sample/none".into())),
    ("a relative conffile", DpkgDeb, |p| p.conffiles.push("etc/sample/sample.conf".into())),
    ("a conffile with a blank after it", DpkgDeb, |p| p.conffiles.push("/etc/sample/sample.conf ".into())),
    ("a script without an interpreter", Lintian("script-without-interpreter"), |p| {
        p.scripts.postinst = Some("exit 0\n".into());
    }),
    ("an unknown trigger directive", Dpkg, |p| p.triggers = Some("watch /usr/lib\n".into())),
    ("a trigger without a name", Dpkg, |p| p.triggers = Some("interest\n".into())),
    ("a trigger's name with a blank", Dpkg, |p| p.triggers = Some("interest a b\n".into())),
];

#[test]
fn what_debian_refuses_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good");
    assert!(is_built(&small(), &good) && is_unpacked(&good), "the sample itself is good");
    let (mut wrong, mut for_lintian) = (Vec::new(), Vec::new());
    for (number, (what, judge, make)) in MISTAKES.into_iter().enumerate() {
        let mut package = small();
        make(&mut package);
        if package.check().is_ok() {
            wrong.push(format!("{what}: we accept it"));
        }
        package.control.package = format!("sample{number}").parse().unwrap();
        let place = folder.path().join(number.to_string());
        let is_refused = match (is_built(&package, &place), judge) {
            (built, DpkgDeb) => !built,
            (false, _) => false,
            (true, Dpkg) => !is_unpacked(&place),
            (true, Lintian(tag)) => {
                for_lintian.push((what, number, tag));
                true
            }
        };
        if !is_refused {
            wrong.push(format!("{what}: Debian accepts it"));
        }
    }
    // All at once: most of lintian's time is its start.
    let (mut lintian, mut tags) = (Command::new("lintian"), Vec::new());
    for (_, number, tag) in &for_lintian {
        lintian.arg(deb_file(&folder.path().join(number.to_string())));
        tags.push(*tag);
    }
    let output = run("lintian", lintian.args(["--allow-root", "--tags", &tags.join(",")]));
    let said = String::from_utf8_lossy(&output.stdout);
    let is_named = |number: usize, tag: &str| {
        said.lines()
            .any(|line| ["E", "W"].iter().any(|kind| line.starts_with(&format!("{kind}: sample{number}: {tag}"))))
    };
    let accepted = for_lintian.iter().filter(|(_, number, tag)| !is_named(*number, tag));
    wrong.extend(accepted.map(|(what, ..)| format!("{what}: lintian accepts it:\n{said}")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The file that [`is_built`] makes in a folder.
fn deb_file(folder: &Path) -> PathBuf {
    folder.join("sample_1.0-2_all.deb")
}

/// Whether dpkg-deb builds the package, in a new folder.
fn is_built(package: &Package, folder: &Path) -> bool {
    let tree = folder.join("tree");
    lay_out(&package.payload, &tree);
    lay_out_control(package, &tree);
    let mut build = Command::new("dpkg-deb");
    let build = build.args(["--root-owner-group", "-Znone", "--build"]).args([&tree, &deb_file(folder)]);
    run("dpkg", build).status.success()
}

/// Whether dpkg unpacks the package of a folder into an empty root.
fn is_unpacked(folder: &Path) -> bool {
    let root = folder.join("root");
    fs::create_dir_all(root.join("var/lib/dpkg/info")).unwrap();
    fs::create_dir_all(root.join("var/lib/dpkg/updates")).unwrap();
    fs::create_dir_all(root.join("var/lib/dpkg/triggers")).unwrap();
    fs::write(root.join("var/lib/dpkg/status"), "").unwrap();
    let mut dpkg = Command::new("dpkg");
    let force = "--force-not-root,depends,script-chrootless,bad-path";
    dpkg.arg(force).arg(format!("--root={}", root.display())).arg("--unpack").arg(deb_file(folder));
    run("dpkg", &mut dpkg).status.success()
}

#[test]
fn what_only_we_can_see_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mistakes: [fn(&mut Package, &Path); 7] = [
        |p, folder| p.payload.add_file("/usr/x", Content::File(folder.join("none")), 0o644).unwrap(),
        |p, folder| p.payload.add_file("/usr/x", Content::File(folder.to_owned()), 0o644).unwrap(),
        |p, _| p.payload.add_file("/usr/x", Content::File("/dev/zero".into()), 0o644).unwrap(),
        // Of these dpkg-deb only warns.
        |p, _| p.conffiles.push("/etc/sample".to_owned()),
        |p, _| p.conffiles.push("/etc/sample/sample.conf".to_owned()),
        |p, _| p.conffiles.push("/usr/share/sample/link".to_owned()),
        |p, _| p.control.extra.push(("depends".to_owned(), "other".to_owned())),
    ];
    for (index, make) in mistakes.into_iter().enumerate() {
        let mut package = small();
        make(&mut package, folder.path());
        assert!(package.check().is_err(), "{index}");
    }
}

#[test]
fn a_line_break_cannot_smuggle_in_a_field() {
    for make in [
        (|p: &mut Package, text: String| p.control.section = Some(text)) as fn(&mut Package, String),
        |p, text| p.control.summary = text,
        |p, text| p.control.homepage = Some(format!("https://example.org/{text}")),
        |p, text| p.control.extra.push(("Tag".to_owned(), text)),
    ] {
        for text in ["web\nEssential: yes", "web\r\nEssential: yes", "web\n\nPackage: other"] {
            let mut package = small();
            package.control.extra.clear();
            make(&mut package, text.to_owned());
            assert!(package.check().is_err(), "{text:?}");
        }
    }
}

#[test]
fn a_file_that_grows_meanwhile_is_an_error() {
    // A file of /proc says that it is empty, and is not.
    let mut package = small();
    package.payload.add_file("/usr/share/sample/status", Content::File("/proc/self/status".into()), 0o644).unwrap();
    let result = deb::write(package.check().unwrap(), Vec::new());
    assert!(matches!(&result, Err(deb::WriteError::Source { file, .. }) if file == "/proc/self/status"), "{result:?}");
}

#[test]
fn the_sample_has_no_error_for_lintian() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sample_1.0-2~a_all.deb");
    deb::write(small().check().unwrap(), fs::File::create(&file).unwrap()).unwrap();
    let tags = "malformed-deb-archive,md5sum-mismatch,md5sums-lists-nonexistent-file,package-contains-ancient-file,\
        wrong-file-owner-uid-or-gid,control-file-has-bad-permissions,file-missing-in-md5sums,control-file-has-bad-owner";
    let text = printed("lintian", Command::new("lintian").args(["--allow-root", "--tags", tags]).arg(&file));
    assert_eq!(text, "");
}

/// A package of any builder, which may be a hostile one: a few kilobytes that stand for much more.
fn hostile(folder: &Path, control: &[Vec<u8>], data: &[Vec<u8>]) -> PathBuf {
    let path = folder.join("hostile.deb");
    let mut archive = ar::Builder::new(fs::File::create(&path).unwrap());
    let mut add = |name: &[u8], content: &[u8]| {
        archive.append(&ar::Header::new(name.to_vec(), content.len() as u64), content).unwrap();
    };
    let member = |entries: &[Vec<u8>]| {
        let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        entries.iter().for_each(|entry| gzip.write_all(entry).unwrap());
        gzip.write_all(&[0; 1024]).unwrap();
        gzip.finish().unwrap()
    };
    add(b"debian-binary", b"2.0\n");
    add(b"control.tar.gz", &member(control));
    add(b"data.tar.gz", &member(data));
    path
}

/// The header of an entry that says it has `size` bytes.
fn header(kind: tar::EntryType, name: &str, size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_path(name).unwrap();
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(size);
    header.set_cksum();
    header.as_bytes().to_vec()
}

fn entry(kind: tar::EntryType, name: &str, content: &[u8]) -> Vec<u8> {
    let mut bytes = header(kind, name, content.len() as u64);
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

/// What reading all files of a package says.
fn read_files(path: &Path) -> io::Result<usize> {
    let mut archive = Reader::open(path).unwrap().data().unwrap();
    let mut number = 0;
    for entry in deb::entries(&mut archive)? {
        io::copy(&mut entry?, &mut io::sink())?;
        number += 1;
    }
    deb::finish(archive).map(|()| number)
}

#[test]
fn what_would_fill_the_memory_is_refused() {
    use tar::EntryType::{GNULongLink, GNULongName, Regular, XGlobalHeader, XHeader};
    let folder = tempfile::tempdir().unwrap();
    let control = entry(Regular, "./control", b"Package: aa\n");
    let file = entry(Regular, "./file", b"x");
    let long = |kind, length| vec![entry(kind, "././@LongLink", &vec![b'x'; length]), file.clone()];
    let endless = vec![header(GNULongName, "././@LongLink", 1 << 32), vec![b'x'; 10_000_000]];
    let pax =
        |kind| vec![entry(kind, "./pax", &[b"1000000 path=".as_slice(), &vec![b'x'; 999_987]].concat()), file.clone()];
    for (what, data, expected) in [
        ("a long name", long(GNULongName, 4098), "longer than 4096 bytes"),
        ("a long target", long(GNULongLink, 4098), "longer than 4096 bytes"),
        ("a name without end", endless, "longer than 4096 bytes"),
        ("a record of pax", pax(XHeader), "pax"),
        ("a global record of pax", pax(XGlobalHeader), "pax"),
        ("a large file", vec![header(Regular, "./file", 1 << 34)], "more than 8 GiB"),
        ("many files", vec![entry(Regular, "./file", b""); 1_000_001], "more than 1000000 entries"),
        ("a name without a file", long(GNULongName, 10)[..1].to_vec(), "ends after the name"),
    ] {
        let error = read_files(&hostile(folder.path(), std::slice::from_ref(&control), &data)).unwrap_err();
        assert!(error.to_string().contains(expected), "{what}: {error}");
        // The control data are read in the same way.
        let reader = Reader::open(&hostile(folder.path(), &data, &[])).unwrap();
        let error = reader.control_files().unwrap_err().to_string();
        assert!(error.contains("hostile.deb") && error.contains(expected), "{what} in the control data: {error}");
    }
    let good = hostile(folder.path(), std::slice::from_ref(&control), &long(GNULongName, 4000));
    assert_eq!(read_files(&good).unwrap(), 1);
    for control in [
        vec![entry(Regular, "./md5sums", &vec![b'\n'; 40 << 20])],
        vec![entry(Regular, "./x", &vec![b'\n'; 30 << 20]); 3],
    ] {
        let path = hostile(folder.path(), &control, std::slice::from_ref(&file));
        assert!(fs::metadata(&path).unwrap().len() < 1_000_000, "it is no attack");
        let error = Reader::open(&path).unwrap().control_files().unwrap_err().to_string();
        assert!(error.contains("hostile.deb") && error.contains("MiB"), "{error}");
    }
}
