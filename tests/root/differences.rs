//! `stackdeb diff`: packages that dpkg-deb has made, file systems that mke2fs has made, and the image of the default stack after
//! debugfs has changed it. Their files have other owners, which only root can give.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::Trial;
use serde_json::Value;
use support::{Built, built, room, run, stackdeb, text};

use super::sandbox;

pub fn trials() -> Vec<Trial> {
    let tests: Vec<Trial> = support::tests![
        packages_differ_in_versions_fields_scripts_and_files,
        what_debugfs_changes_in_a_real_image_is_found_and_nothing_else,
        trouble_has_the_status_of_diff
    ];
    // They make devices.
    let by_root = support::tests![
        images_differ_in_packages_and_in_the_files_of_each,
        images_differ_in_attributes_devices_and_hard_links,
        packages_differ_in_devices_and_hard_links
    ];
    tests.into_iter().chain(room::unless(sandbox::without_real_root(), by_root)).collect()
}

fn diff(a: &Path, b: &Path, options: &[&str]) -> Output {
    stackdeb().arg("diff").args(options).arg(a).arg(b).output().unwrap()
}

/// What is printed about two that differ.
#[track_caller]
fn differing(a: &Path, b: &Path, options: &[&str]) -> String {
    let output = diff(a, b, options);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(output.stderr.is_empty(), "{}", text(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn same(a: &Path, b: &Path) {
    let output = diff(a, b, &[]);
    let said = text(&output);
    assert!(output.status.success() && said.contains("Both are the same, to the last bit."), "{said}");
}

fn json(a: &Path, b: &Path) -> Value {
    serde_json::from_str(&differing(a, b, &["--json"])).unwrap()
}

fn write(tree: &Path, path: &str, content: &str, mode: u32) {
    let path = tree.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
}

/// A tree of a package or an image.
fn tree(folder: &Path, name: &str) -> PathBuf {
    let tree = folder.join(name);
    write(&tree, "etc/shop/shop.conf", "a = 1\n", 0o644);
    write(&tree, "usr/bin/shop", "#!/bin/sh\n", 0o755);
    write(&tree, "usr/bin/helper", "#!/bin/sh\nexit\n", 0o755);
    write(&tree, "usr/share/shop/page", "<p>\n", 0o644);
    symlink("page", tree.join("usr/share/shop/link")).unwrap();
    tree
}

/// Changes of every kind to a tree.
fn change(tree: &Path) {
    write(tree, "etc/shop/shop.conf", "a = 23\n", 0o644);
    write(tree, "usr/bin/helper", "#!/bin/sh\nexit\n", 0o4755);
    fs::remove_file(tree.join("usr/share/shop/page")).unwrap();
    fs::remove_file(tree.join("usr/share/shop/link")).unwrap();
    symlink("other", tree.join("usr/share/shop/link")).unwrap();
    write(tree, "usr/share/shop/new", "new\n", 0o600);
    run(Command::new("chown").args(["7:8"]).arg(tree.join("usr/bin/shop")));
}

const CHANGES: [&str; 6] = [
    "  changed  /etc/shop/shop.conf  content, 6 → 7 bytes\n",
    "  changed  /usr/bin/helper  mode 0755 → 4755\n",
    "  changed  /usr/bin/shop  owner 0:0 → 7:8\n",
    "  changed  /usr/share/shop/link  link to page → other\n",
    "  added    /usr/share/shop/new  mode 0600, owner 0:0, 4 bytes\n",
    "  removed  /usr/share/shop/page  mode 0644, owner 0:0, 4 bytes\n",
];

fn deb(tree: &Path, version: &str, compression: &str) -> PathBuf {
    let control = format!(
        "Package: shop\nVersion: {version}\nArchitecture: all\nMaintainer: X <x@example.org>\nDepends: a, b\n\
         Description: x\n"
    );
    write(tree, "DEBIAN/control", &control, 0o644);
    write(tree, "DEBIAN/postinst", "#!/bin/sh\nset -e\n", 0o755);
    let path = tree.with_extension(format!("{version}.{compression}.deb"));
    let mut build = Command::new("dpkg-deb");
    build.arg(format!("-Z{compression}")).arg("--build").arg(tree).arg(&path);
    run(build.env("SOURCE_DATE_EPOCH", "1600000000"));
    path
}

fn packages_differ_in_versions_fields_scripts_and_files() {
    let folder = tempfile::tempdir().unwrap();
    let tree = tree(folder.path(), "tree");
    let first = deb(&tree, "1", "none");
    let copy = folder.path().join("copy.deb");
    fs::copy(&first, &copy).unwrap();
    same(&first, &copy);
    // Compression alone.
    let said = differing(&first, &deb(&tree, "1", "xz"), &[]);
    assert!(said.contains("The files are the same; the bytes differ in the form of the archive"), "{said}");

    change(&tree);
    let second = deb(&tree, "2", "none");
    let said = differing(&first, &second, &[]);
    assert!(said.contains("\nPackages\n  shop  1 → 2\n"), "{said}");
    assert!(said.contains("\nFields\n  Version\n    - 1\n    + 2\n"), "{said}");
    assert!(!said.contains("Depends") && !said.contains("postinst"), "{said}");
    assert!(said.contains(&format!("\nFiles\n{}", CHANGES.concat())), "{said}");

    write(&tree, "DEBIAN/postinst", "#!/bin/sh\nset -e\nx\n", 0o755);
    let control = fs::read_to_string(tree.join("DEBIAN/control")).unwrap();
    write(&tree, "DEBIAN/control", &control.replace("a, b", "a"), 0o644);
    let third = tree.with_extension("3.deb");
    run(Command::new("dpkg-deb").arg("--build").arg(&tree).arg(&third));
    let said = differing(&second, &third, &[]);
    assert!(said.contains("  Depends\n    - a, b\n    + a\n"), "{said}");
    assert!(said.contains("  changed  DEBIAN/postinst  content, 17 → 19 bytes\n"), "{said}");
}

fn image(tree: &Path, name: &str) -> PathBuf {
    let path = tree.with_file_name(name);
    let mut make = Command::new("mke2fs");
    make.args([
        "-q",
        "-t",
        "ext4",
        "-U",
        "6f6b1f6e-7a51-4b8d-9c53-2f6c7d3e8a10",
        "-E",
        "hash_seed=6f6b1f6e-7a51-4b8d-9c53-2f6c7d3e8a10",
        "-d",
    ]);
    run(make.arg(tree).arg(&path).arg("8M").env("SOURCE_DATE_EPOCH", "1600000000"));
    path
}

fn status(tree: &Path, packages: &[(&str, &str)]) {
    let stanza = |(name, version): &(&str, &str)| {
        format!("Package: {name}\nStatus: install ok installed\nVersion: {version}\nArchitecture: all\n\n")
    };
    let text: String = packages.iter().map(stanza).collect();
    let removed = "Package: past\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: all\n";
    write(tree, "var/lib/dpkg/status", &format!("{text}{removed}"), 0o644);
}

fn images_differ_in_packages_and_in_the_files_of_each() {
    let folder = tempfile::tempdir().unwrap();
    let tree = tree(folder.path(), "tree");
    run(Command::new("mknod").arg(tree.join("console")).args(["c", "5", "1"]));
    let list = "/.\n/etc\n/etc/shop\n/etc/shop/shop.conf\n/bin/helper\n/usr/bin/shop\n/usr/share/shop/link\n\
                /usr/share/shop/new\n/usr/share/shop/page\n";
    write(&tree, "var/lib/dpkg/info/shop.list", list, 0o644);
    status(&tree, &[("shop", "1"), ("nano", "1")]);
    let first = image(&tree, "first.img");
    let compressed = folder.path().join("first.img.gz");
    run(Command::new("sh").args(["-c", "gzip -c \"$0\" > \"$1\""]).arg(&first).arg(&compressed));
    same(&first, &compressed);
    same(&compressed, &first);

    // Files of no package.
    change(&tree);
    let second = image(&tree, "second.img");
    let said = differing(&compressed, &second, &[]);
    assert!(said.contains(&format!("\nFiles\n{}", CHANGES.concat())) && !said.contains("Packages\n"), "{said}");

    // Of a package with another version, only what an administrator has to know.
    status(&tree, &[("shop", "2"), ("vim", "3")]);
    let third = image(&tree, "third.img");
    let said = differing(&first, &third, &[]);
    let packages = "\nPackages\n  nano  1 → none\n  shop  1 → 2   6 files, ";
    assert!(said.contains(packages) && said.contains("\n  vim   none → 3\n"), "{said}");
    let listed = [CHANGES[1], CHANGES[2]].concat();
    assert!(said.contains(&format!("\nFiles\n{listed}")), "{said}");
    assert!(
        !said.contains("shop.conf") && said.contains("files of the packages above are not listed: --files does."),
        "{said}"
    );
    let said = differing(&first, &third, &["--files"]);
    for line in CHANGES {
        assert!(said.contains(line), "{line}: {said}");
    }

    let report = json(&first, &third);
    assert_eq!(report["same"], false);
    assert_eq!(report["a"]["kind"], "image");
    assert_eq!(report["packages"][1], serde_json::json!({ "name": "shop", "a": "1", "b": "2" }));
    let files = report["files"].as_array().unwrap();
    let helper = files.iter().find(|file| file["path"] == "/usr/bin/helper").unwrap();
    assert_eq!((&helper["a"]["mode"], &helper["b"]["mode"]), (&"0755".into(), &"4755".into()));
    assert_eq!(helper["package"], "shop");
    let sum = run(Command::new("sha256sum").arg(tree.join("usr/bin/helper")));
    assert_eq!(helper["b"]["content"], sum.split(' ').next().unwrap());

    // Times, and nothing else.
    run(Command::new("touch").args(["-d", "2001-01-01"]).arg(tree.join("usr/bin/shop")));
    let said = differing(&third, &image(&tree, "fourth.img"), &[]);
    assert!(said.contains("1 file or folder differs in the time alone."), "{said}");
}

fn set_attribute(path: &Path, name: &str, value: &[u8]) {
    let script = "import os, sys\nos.setxattr(sys.argv[1], sys.argv[2], bytes.fromhex(sys.argv[3]))";
    let digits: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    run(Command::new("python3").args(["-c", script]).arg(path).args([name, &digits]));
}

fn make_device(path: &Path, kind: &str, [major, minor]: [&str; 2]) {
    let _ = fs::remove_file(path);
    run(Command::new("mknod").arg(path).args([kind, major, minor]));
}

fn images_differ_in_attributes_devices_and_hard_links() {
    let folder = tempfile::tempdir().unwrap();
    let tree = tree(folder.path(), "tree");
    let path = |name: &str| tree.join(name);
    make_device(&path("console"), "c", ["5", "1"]);
    make_device(&path("disk"), "b", ["259", "70000"]);
    fs::hard_link(path("usr/bin/shop"), path("usr/bin/store")).unwrap();
    // `user::rw-,user:1000:r--,group::r--,mask::r--,other::r--` as the kernel keeps it: a version, then kind, permissions, id.
    let entries: [(u16, u16, u32); 5] =
        [(1, 6, u32::MAX), (2, 4, 1000), (4, 4, u32::MAX), (0x10, 4, u32::MAX), (0x20, 4, u32::MAX)];
    let entry =
        |(kind, may, id): (u16, u16, u32)| [&kind.to_le_bytes()[..], &may.to_le_bytes(), &id.to_le_bytes()].concat();
    let list = [2_u32.to_le_bytes().to_vec(), entries.map(entry).concat()].concat();
    set_attribute(&path("etc/shop/shop.conf"), "system.posix_acl_access", &list);
    set_attribute(&path("usr/share/shop/page"), "user.colour", b"blue");
    // Too long for the inode: it gets a block of its own.
    set_attribute(&path("usr/share/shop/page"), "user.note", &[b'x'; 600]);
    let first = image(&tree, "first.img");

    make_device(&path("console"), "c", ["5", "2"]);
    make_device(&path("disk"), "b", ["259", "70001"]);
    fs::remove_file(path("usr/bin/store")).unwrap();
    run(Command::new("python3")
        .args(["-c", "import os, sys\nos.removexattr(sys.argv[1], 'system.posix_acl_access')"])
        .arg(path("etc/shop/shop.conf")));
    set_attribute(&path("usr/share/shop/page"), "user.note", &[b'y'; 600]);
    run(Command::new("setcap").arg("cap_net_raw,cap_net_admin=ep").arg(path("usr/bin/helper")));
    let second = image(&tree, "second.img");
    let said = run(Command::new("getcap").arg(path("usr/bin/helper")));
    let capabilities = said.trim().rsplit(' ').next().unwrap();
    let digest = |byte: &str| {
        let script = format!("head -c 600 /dev/zero | tr '\\0' {byte} | sha256sum | cut -d ' ' -f 1");
        run(Command::new("sh").args(["-c", &script])).trim().to_owned()
    };
    let lines = [
        "  changed  /console  device 5:1 → 5:2\n".to_owned(),
        "  changed  /disk  device 259:70000 → 259:70001\n".to_owned(),
        "  changed  /etc/shop/shop.conf  access control list \
         user::rw-,user:1000:r--,group::r--,mask::r--,other::r-- → none\n"
            .to_owned(),
        format!("  changed  /usr/bin/helper  capabilities none → {capabilities}\n"),
        "  changed  /usr/bin/shop  hard links /usr/bin/store → none\n".to_owned(),
        "  removed  /usr/bin/store  mode 0755, owner 0:0, 10 bytes, hard links /usr/bin/shop\n".to_owned(),
        format!(
            "  changed  /usr/share/shop/page  attribute user.note 600 bytes, SHA-256 {} → 600 bytes, SHA-256 {}\n",
            digest("x"),
            digest("y")
        ),
    ];
    let listed =
        |said: &str| said.split_once("\nFiles\n").unwrap().1.split("\n\n").next().unwrap().trim_end().to_owned();
    let said = differing(&first, &second, &[]);
    assert_eq!(listed(&said), lines.concat().trim_end(), "{said}");

    let report = json(&first, &second);
    let files = report["files"].as_array().unwrap();
    let file = |path: &str| files.iter().find(|file| file["path"] == path).unwrap();
    assert_eq!(file("/usr/bin/shop")["a"]["other-names"], serde_json::json!(["/usr/bin/store"]));
    assert_eq!(file("/usr/bin/helper")["b"]["attributes"]["security.capability"], capabilities);
    assert_eq!(file("/usr/share/shop/page")["a"]["attributes"]["user.colour"], "`blue`");

    // In a file system of another form they are not known, so nothing is said that may be wrong.
    let other = folder.path().join("ext3.img");
    run(Command::new("mke2fs").args(["-q", "-t", "ext3", "-d"]).arg(&tree).arg(&other).arg("8M"));
    let said = differing(&first, &other, &[]);
    let note = "Extended attributes, device numbers and hard links are not compared: ";
    assert!(said.contains(note) && said.contains("ext3.img was not unmounted cleanly, or is not an ext4"), "{said}");
    assert_eq!(listed(&said), "  removed  /usr/bin/store  mode 0755, owner 0:0, 10 bytes", "{said}");
}

fn packages_differ_in_devices_and_hard_links() {
    let folder = tempfile::tempdir().unwrap();
    let tree = tree(folder.path(), "tree");
    make_device(&tree.join("console"), "c", ["5", "1"]);
    let [shop, store] = ["usr/bin/shop", "usr/bin/store"].map(|name| tree.join(name));
    fs::hard_link(&shop, &store).unwrap();
    let first = deb(&tree, "1", "none");
    make_device(&tree.join("console"), "c", ["5", "2"]);
    fs::remove_file(&store).unwrap();
    fs::copy(&shop, &store).unwrap();
    let said = differing(&first, &deb(&tree, "2", "none"), &[]);
    let lines = "  changed  /console  device 5:1 → 5:2\n\
                 \x20 changed  /usr/bin/shop  hard links /usr/bin/store → none\n\
                 \x20 changed  /usr/bin/store  hard links /usr/bin/shop → none\n";
    assert!(said.contains(&format!("\nFiles\n{lines}")), "{said}");
}

fn what_debugfs_changes_in_a_real_image_is_found_and_nothing_else() {
    let folder = tempfile::tempdir_in(support::kept()).unwrap();
    let compressed = built(Built::Image).join("stack-1.0.0-linode.img.gz");
    let raw = folder.path().join("raw.img");
    run(Command::new("sh").args(["-c", "gzip -dc \"$0\" > \"$1\""]).arg(&compressed).arg(&raw));
    let new = folder.path().join("new");
    fs::write(&new, "x".repeat(5000)).unwrap();
    let commands = format!(
        "sif /usr/bin/passwd mode 0100755\nsif /etc/fstab uid 7\nrm /etc/hostname\nwrite {} /etc/new\nsif /etc/new gid 0\n\
         ea_set /usr/bin/newgrp user.colour blue\n",
        new.display()
    );
    let script = folder.path().join("commands");
    fs::write(&script, commands).unwrap();
    run(Command::new("debugfs").arg("-w").arg("-f").arg(&script).arg(&raw));
    let said = differing(&compressed, &raw, &[]);
    let (_, files) = said.split_once("\nFiles\n").unwrap();
    let lines: Vec<&str> = files.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
    assert_eq!(lines.len(), 5, "{said}");
    assert_eq!(lines[0], "changed  /etc/fstab  owner 0:0 → 7:0");
    assert!(lines[1].starts_with("removed  /etc/hostname  mode 0644, owner 0:0"), "{said}");
    assert!(lines[2].starts_with("added    /etc/new  ") && lines[2].ends_with(", 5000 bytes"), "{said}");
    assert_eq!(lines[3], "changed  /usr/bin/newgrp  attribute user.colour none → `blue`");
    assert_eq!(lines[4], "changed  /usr/bin/passwd  mode 4755 → 0755");
}

fn trouble_has_the_status_of_diff() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let tree = tree(folder.path(), "tree");
    let (package, system) = (deb(&tree, "1", "none"), image(&tree, "a.img"));
    fs::write(path("text"), "text\n").unwrap();
    fs::write(path("cut.deb"), &fs::read(&package).unwrap()[..300]).unwrap();
    let gz = "gzip -c \"$0\" | head -c 2000 > \"$1\"";
    run(Command::new("sh").args(["-c", gz]).arg(&system).arg(path("cut.img.gz")));
    let mut damaged = fs::read(&system).unwrap();
    damaged[1024 + 0x20..1024 + 0x60].fill(0xff);
    damaged[1024 + 56..1024 + 58].copy_from_slice(&[0x53, 0xef]);
    fs::write(path("damaged.img"), damaged).unwrap();
    let cases = [
        (package.clone(), path("missing.deb"), "cannot read"),
        (path("text"), package.clone(), "is neither a Debian package nor an image"),
        (package.clone(), system.clone(), "is an image"),
        (path("cut.deb"), package.clone(), "cut.deb"),
        (system.clone(), path("cut.img.gz"), "cut.img.gz"),
        (path("damaged.img"), system, "damaged.img"),
        (folder.path().to_owned(), package, "cannot read"),
    ];
    for (a, b, words) in cases {
        let output = diff(&a, &b, &[]);
        let said = text(&output).replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(output.status.code(), Some(2), "{words}: {said}");
        assert!(said.contains(words) && said.contains("help:") && output.stdout.is_empty(), "{words}: {said}");
    }
}
