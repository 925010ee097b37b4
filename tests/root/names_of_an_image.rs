//! Every user, group, unit and package of an image, and every name in the folders that a stack uses, is refused as
//! the name of a stack.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use libtest_mimic::Trial;
use stackdeb::stack::{StackNameError, stack_name};
use support::Built;
use support::layers::prepare;

pub fn trials() -> Vec<Trial> {
    support::tests![every_name_of_an_image_is_taken]
}

/// The folders in which a stack has a file or a folder of its own name.
const FOLDERS: [&str; 10] = [
    "etc",
    "etc/nginx/sites-available",
    "run",
    "usr/lib",
    "usr/libexec",
    "usr/share",
    "usr/share/doc",
    "var/backups",
    "var/lib",
    "var/log",
];

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Each name, with the word that the list of names has for it.
fn names_of(root: &Path) -> BTreeMap<String, &'static str> {
    let mut found = BTreeMap::new();
    for folder in FOLDERS {
        found.extend(names_in(&root.join(folder)).into_iter().map(|name| (name, "file")));
    }
    // The package has a program of the stack's name: `NAME run`.
    for folder in ["usr/bin", "usr/sbin"] {
        found.extend(names_in(&root.join(folder)).into_iter().map(|name| (name, "program")));
    }
    for folder in ["usr/lib/systemd/system", "etc/systemd/system"] {
        for unit in names_in(&root.join(folder)) {
            let stem = unit.rsplit_once('.').map_or(unit.as_str(), |(stem, _)| stem);
            found.insert(stem.split('@').next().unwrap_or_default().to_owned(), "unit");
        }
    }
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    for file in ["etc/passwd", "etc/group"] {
        found.extend(read(file).lines().filter_map(|line| Some((line.split(':').next()?.to_owned(), "user"))));
    }
    let status = read("var/lib/dpkg/status");
    found.extend(status.lines().filter_map(|line| Some((line.strip_prefix("Package: ")?.to_owned(), "package"))));
    found
}

fn every_name_of_an_image_is_taken() {
    let names = names_of(&prepare(Built::WithoutPackage));
    assert!(names.len() > 500, "{names:?}");
    let free = names.iter().filter(|(name, _)| stack_name(name).is_ok());
    let missing: Vec<String> = free.map(|(name, kind)| format!("{name} {kind}")).collect();
    assert!(missing.is_empty(), "add these to src/stack/values/names-of-an-image:\n{}", missing.join("\n"));
    for name in ["adduser", "dhcpcd"] {
        assert!(matches!(stack_name(name), Err(StackNameError::Reserved { .. })), "{name}");
    }
}
