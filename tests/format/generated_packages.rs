//! Packages with random fields, file names, modes, links and sizes say the same to dpkg-deb, to python3-debian and to our
//! own reader.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use stackdeb::control::{Stanza, Version};
use stackdeb::deb::{self, Content, Control, ControlRules, Package, Payload, PayloadEntry, Reader};
use support::package::{COMPRESSIONS, printed, relations, small};

use super::generated::{Cases, answers};

/// How many packages `just test` asks about: seconds.
const PACKAGES: usize = 25;
/// How many `just soak` asks about: minutes.
const MANY_PACKAGES: usize = 3_000;

/// What stands between the fields that dpkg-deb prints. No field can have it.
const SEPARATOR: char = '\u{1f}';

const NAMES: [&str; 44] = [
    "a", "b c", " ", "  ", "ünï", "☃", "\u{301}", "'", "\"", "$x", "`y`", "\\", "\\n", "*", "?", "[", "]", "{}", ";",
    "&", "#", "%2F", "%s", "-", "--x", ".", "...", "~", "\t", "\u{7f}", "\u{1}", "\u{a0}", "\r", "(", "<", ">", "|",
    "!", "=", "@", ",", ":", "日本", "longer ",
];

const WORDS: [&str; 31] = [
    "word", "a", "ünï", " ", "  ", "\u{a0}", "\u{200b}", ".", "-", "#", ":", "<", ">", "\"", "'", "\\", "$x", "${x}",
    "%s", "☃", "日本", "<a@b.c>", ",", "(>= 1)", "*", "`", "\u{feff}", "&", "BEGIN", "Field: x", "=",
];

const RELATIONS: [&str; 8] = [
    "",
    "aa",
    "aa (>= 1:2~rc-3+b1)",
    "aa | bb (<< 2), cc:any",
    "libc6 (= 2.36-9)",
    "g++ (<= 5~), zz:amd64",
    "aa, bb, aa",
    "x1 | x2 | x3 (>> 0)",
];

/// Prints one line of JSON for each path that it reads.
const PYTHON: &str = r"
import json, sys
from debian.debfile import DebFile
for line in sys.stdin:
    deb = DebFile(line.rstrip('\n'))
    data = []
    for member in deb.data.tgz():
        kind = 'd' if member.isdir() else 'l' if member.issym() else '-' if member.isfile() else '?'
        owner = [member.uid, member.gid, member.uname, member.gname]
        data.append([member.name, kind, member.mode, member.size, member.linkname, owner, member.mtime])
    scripts = {name: text.decode() for name, text in deb.scripts().items()}
    print(json.dumps({'fields': list(deb.debcontrol().items()), 'data': data, 'scripts': scripts}))
";

fn control(cases: &mut Cases) -> Control {
    let sample = small().control;
    let rules = if cases.once_in(2) { ControlRules::Policy } else { ControlRules::Dpkg };
    let line = |cases: &mut Cases, most| {
        let indent = cases.one_of(&["", "", " ", "  ", "\t"]);
        format!("{indent}{}", cases.text(&WORDS, 0, most))
    };
    let body: Vec<String> = (0..cases.below(8)).map(|_| line(cases, 30)).collect();
    let version: Version = cases.one_of(&["1", "0:1", "7:1.0~rc1-2+b1", "2.0-1-1", "1~~a"]).parse().unwrap();
    let mut field = || relations(cases.one_of(&RELATIONS));
    let (pre_depends, depends, recommends, suggests) = (field(), field(), field(), field());
    Control {
        rules,
        version,
        pre_depends,
        depends,
        recommends,
        suggests,
        maintainer: format!("{} <a-b@example.org>", cases.text(&WORDS, 1, 4)),
        homepage: cases.once_in(2).then(|| format!("https://example.org/{}", cases.text(&WORDS, 0, 5))),
        section: cases.one_of(&[None, Some("web"), Some("non-free/web")]).map(str::to_owned),
        summary: cases.text(&WORDS, 1, 8) + if cases.once_in(10) { "\u{2028}x" } else { "" },
        description: body.join("\n"),
        extra: vec![("X-Sample".to_owned(), cases.text(&WORDS, 1, 200))],
        ..sample
    }
}

fn path(cases: &mut Cases) -> String {
    let mut path = cases.one_of(&["/opt", "/usr/share/sample", "/var/lib"]).to_owned();
    for _ in 0..=cases.below(4) {
        path.push('/');
        path.push_str(&cases.text(&NAMES, 1, 6));
        if cases.once_in(6) {
            path.push_str(&"n".repeat(cases.below(130)));
        }
    }
    path
}

fn payload(cases: &mut Cases) -> Payload {
    let mut payload = small().payload;
    for _ in 0..5 + cases.below(25) {
        let path = path(cases);
        // What cannot be there (two entries of one path, a name that is too long) is refused, and left out.
        let _ = match cases.below(6) {
            // The user who runs the test has to read the folders and files that dpkg-deb makes.
            0 => payload.add_folder(&path, 0o700 | cases.below(0o10000) as u32),
            1 => {
                payload.add_symlink(&path, &format!("{}{}", cases.one_of(&["", "/", "../"]), cases.text(&NAMES, 1, 60)))
            }
            _ => {
                let size = match cases.below(4) {
                    0 => cases.one_of(&[0, 1, 511, 512, 513, 1024, 1025, 10_240]),
                    1 => cases.below(100_000),
                    _ => cases.below(1000),
                };
                let bytes = (0..size).map(|_| cases.below(256) as u8).collect();
                payload.add_file(&path, Content::Bytes(bytes), 0o400 | cases.below(0o10000) as u32)
            }
        };
    }
    payload
}

fn package(cases: &mut Cases) -> Package {
    let mut script = || format!("#!/bin/sh\n# {}\n", cases.text(&WORDS, 0, 20));
    let (postinst, prerm) = (Some(script()), Some(script()));
    let mut package = Package { control: control(cases), payload: payload(cases), ..small() };
    (package.scripts.postinst, package.scripts.prerm) = (postinst, prerm);
    (package.compression, _) = cases.one_of(&COMPRESSIONS);
    package
}

/// The value of a field as in the file: further lines begin with a space, and an empty one is a full stop.
fn raw(value: &str) -> String {
    value.split('\n').map(|line| if line.is_empty() { "." } else { line }).collect::<Vec<_>>().join("\n ")
}

/// What is at a path: its kind, mode, and content or target.
type Found = BTreeMap<PathBuf, (char, u32, Vec<u8>)>;

fn wanted(package: &Package) -> Found {
    let fact = |entry: &PayloadEntry| match entry {
        PayloadEntry::Folder { mode } => ('d', *mode, Vec::new()),
        PayloadEntry::File { content: Content::Bytes(bytes), mode } => ('-', *mode, bytes.clone()),
        PayloadEntry::File { content: Content::File(_), .. } => panic!("no case has one"),
        PayloadEntry::Symlink { target } => ('l', 0o777, target.clone().into_bytes()),
    };
    package.payload.entries().into_iter().map(|(path, entry)| (PathBuf::from(&path[1..]), fact(entry))).collect()
}

/// What lies below `root`, without the folder `DEBIAN`.
fn laid_out(root: &Path) -> Found {
    let (mut found, mut folders) = (Found::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let (inside, metadata) =
                (path.strip_prefix(root).unwrap().to_owned(), fs::symlink_metadata(&path).unwrap());
            let mode = metadata.mode() & 0o7777;
            if inside == Path::new("DEBIAN") {
                continue;
            }
            let fact = if metadata.is_symlink() {
                ('l', mode, fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes())
            } else if metadata.is_dir() {
                folders.push(path);
                ('d', mode, Vec::new())
            } else {
                ('-', mode, fs::read(&path).unwrap())
            };
            found.insert(inside, fact);
        }
    }
    found
}

fn assert_dpkg_deb(package: &Package, stanza: &Stanza, file: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    printed("dpkg", Command::new("dpkg-deb").arg("--raw-extract").args([file, root.as_path()]));
    let (found, wanted) = (laid_out(&root), wanted(package));
    for (path, fact) in &wanted {
        assert_eq!(found.get(path), Some(fact), "{path:?}");
    }
    assert_eq!(found.len(), wanted.len());
    let control = |name: &str| fs::read_to_string(root.join("DEBIAN").join(name)).unwrap();
    assert_eq!(control("control"), stanza.to_string());
    assert_eq!(Some(control("postinst")), package.scripts.postinst);
    assert_eq!(Some(control("prerm")), package.scripts.prerm);
    // As dpkg itself reads the fields, and writes relations and versions again.
    let names: Vec<&str> = stanza.fields().map(|(name, _)| name).collect();
    let format: String = names.iter().map(|name| format!("${{{name}}}{SEPARATOR}")).collect();
    let shown = printed("dpkg", Command::new("dpkg-deb").arg("--show").arg("--showformat").arg(format).arg(file));
    let shown: Vec<&str> = shown.split(SEPARATOR).collect();
    for (name, shown) in names.into_iter().zip(shown) {
        let value = stanza.get(name).unwrap();
        // dpkg leaves out an epoch that is 0.
        let value = if name == "Version" { value.trim_start_matches("0:") } else { value };
        assert_eq!(shown, raw(value), "{name}");
    }
}

fn assert_our_reader(package: &Package, stanza: &Stanza, file: &Path) {
    let reader = Reader::open(file).unwrap();
    assert_eq!(reader.control().unwrap().to_string(), stanza.to_string());
    let mut archive = reader.data().unwrap();
    let mut found = Found::new();
    for entry in deb::entries(&mut archive).unwrap() {
        let mut entry = entry.unwrap();
        let path = String::from_utf8(entry.path().into_owned()).unwrap();
        let (kind, mode) = (entry.header().entry_type(), entry.header().mode().unwrap());
        let mut bytes = Vec::new();
        std::io::copy(&mut entry, &mut bytes).unwrap();
        let fact = match kind {
            tar::EntryType::Directory => ('d', mode, bytes),
            tar::EntryType::Symlink => ('l', mode, entry.target().unwrap().into_owned()),
            _ => ('-', mode, bytes),
        };
        found.insert(PathBuf::from(path.strip_prefix("./").unwrap()), fact);
    }
    deb::finish(archive).unwrap();
    assert_eq!(found.remove(Path::new("")).map(|(kind, mode, _)| (kind, mode)), Some(('d', 0o755)));
    assert!(found == wanted(package), "our reader reads other files than were written");
}

fn assert_python(package: &Package, stanza: &Stanza, answer: &str) {
    let answer: Value = serde_json::from_str(answer).unwrap();
    let fields: Vec<(String, String)> = serde_json::from_value(answer["fields"].clone()).unwrap();
    let ours: Vec<(String, String)> = stanza.fields().map(|(name, value)| (name.to_owned(), raw(value))).collect();
    assert_eq!(fields, ours);
    assert_eq!(answer["scripts"]["postinst"].as_str(), package.scripts.postinst.as_deref());
    assert_eq!(answer["scripts"]["prerm"].as_str(), package.scripts.prerm.as_deref());
    let (rows, wanted) = (answer["data"].as_array().unwrap(), wanted(package));
    for row in rows {
        let path = row[0].as_str().unwrap();
        assert_eq!(row[5], serde_json::json!([0, 0, "root", "root"]), "{path}");
        assert_eq!(row[6].as_u64(), Some(package.epoch.seconds().into()), "{path}");
        if path == "." {
            continue;
        }
        let (kind, mode, bytes) = &wanted[Path::new(path.strip_prefix("./").unwrap())];
        let (size, target) = if *kind == 'l' { (0, bytes.as_slice()) } else { (bytes.len(), &b""[..]) };
        assert_eq!(row[1].as_str(), Some(kind.to_string().as_str()), "{path}");
        assert_eq!(row[2].as_u64(), Some(u64::from(*mode)), "{path}");
        assert_eq!(row[3].as_u64(), Some(size as u64), "{path}");
        assert_eq!(row[4].as_str().map(str::as_bytes), Some(target), "{path}");
    }
    assert_eq!(rows.len(), wanted.len() + 1);
}

fn compare(count: usize, mut cases: Cases) {
    let mut refused = 0;
    let folder = tempfile::tempdir().unwrap();
    let (mut for_python, mut lines, mut written) = (Vec::new(), Vec::new(), 0);
    while written < count {
        let package = package(&mut cases);
        let Ok(checked) = package.check() else {
            refused += 1;
            continue;
        };
        let file = folder.path().join(format!("{written}.deb"));
        let installed_size = deb::write(checked, File::create(&file).unwrap()).unwrap().installed_size;
        let stanza = package.control.stanza(installed_size);
        assert_dpkg_deb(&package, &stanza, &file);
        assert_our_reader(&package, &stanza, &file);
        // python3-debian does not know Zstandard, and takes U+2028 for a line break, which only Policy's rules refuse.
        let has_break = stanza.to_string().contains('\u{2028}');
        assert!(!has_break || package.control.rules == ControlRules::Dpkg);
        if package.compression != deb::Compression::Zstd && !has_break {
            lines.push(file.display().to_string());
            for_python.push((package, stanza));
        } else {
            fs::remove_file(&file).unwrap();
        }
        written += 1;
    }
    assert!(refused < 20 * count, "{refused} packages were refused, {count} were written");
    let theirs = answers("python3-debian", Command::new("/usr/bin/python3").args(["-c", PYTHON]), &lines);
    assert!(lines.len() > count / 8, "only {} packages for python3-debian", lines.len());
    for ((package, stanza), answer) in for_python.iter().zip(&theirs) {
        assert_python(package, stanza, answer);
    }
}

#[test]
fn packages_are_read_as_they_were_written() {
    compare(PACKAGES, Cases::same());
}

#[test]
#[ignore = "many more cases take longer: just soak"]
fn many_more_packages_are_read_as_they_were_written() {
    compare(MANY_PACKAGES, Cases::other());
}
