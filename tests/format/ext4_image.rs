//! A file system made of a tree is sound, and has what the tree has. The machine's own `mke2fs` stands in for the target's.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use stackdeb::disk::ext4::{self, FileSystem, IMAGE, Identity, TREE};
use stackdeb::rootfs::Root;
use stackdeb::system::epoch::Epoch;
use stackdeb::system::userns::Ids;

/// Runs a program of e2fsprogs or another, which has to succeed, and returns what it printed.
fn run(program: &str, arguments: &[&str]) -> Vec<u8> {
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let output = Command::new(program)
        .args(arguments)
        .env("PATH", path)
        .env("LC_ALL", "C.UTF-8")
        .env("SOURCE_DATE_EPOCH", "1700000000")
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn make(tree: &Path, image: &Path, free_space: u64) -> (Identity, u64) {
    let identity = Identity::of(&["shop", "1.0.0"]);
    let epoch = Epoch::from_seconds(1_700_000_000).unwrap();
    let entries = Root::open(tree, Ids::SAME).unwrap().clamp_times(epoch).unwrap();
    let file_system = FileSystem { label: "shop", identity: &identity, entries: &entries, epoch, free_space };
    let runner = |command: &[&str]| {
        let place = |&argument: &&str| match argument {
            TREE => tree.to_str().unwrap().to_owned(),
            IMAGE => image.to_str().unwrap().to_owned(),
            other => other.to_owned(),
        };
        let command: Vec<String> = command.iter().map(place).collect();
        let arguments: Vec<&str> = command[1..].iter().map(String::as_str).collect();
        Ok(run(&command[0], &arguments))
    };
    let size = ext4::make(&file_system, image, &runner).unwrap();
    (identity, size)
}

#[test]
fn it_is_sound_and_has_what_the_tree_has() {
    let folder = tempfile::tempdir().unwrap();
    let (tree, image, out) = (folder.path().join("tree"), folder.path().join("image"), folder.path().join("out"));
    fs::create_dir_all(tree.join("usr/bin")).unwrap();
    fs::create_dir(&out).unwrap();
    fs::write(tree.join("usr/bin/tool"), vec![7; 1_000_000]).unwrap();
    fs::set_permissions(tree.join("usr/bin/tool"), fs::Permissions::from_mode(0o4751)).unwrap();
    fs::hard_link(tree.join("usr/bin/tool"), tree.join("usr/bin/other")).unwrap();
    symlink("usr/bin", tree.join("bin")).unwrap();
    symlink("x".repeat(200), tree.join("long")).unwrap();
    // More names than one block of a folder holds.
    for number in 0..2_000 {
        fs::write(tree.join(format!("a rather long name for an empty file {number}")), b"").unwrap();
    }
    let (identity, size) = make(&tree, &image, 150 << 20);
    let path = image.to_str().unwrap();
    assert_eq!(fs::metadata(&image).unwrap().len(), size);
    run("e2fsck", &["-fn", path]);

    let about = String::from_utf8(run("dumpe2fs", &["-h", path])).unwrap();
    let field = |name: &str| {
        let line = about.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}: {about}"));
        line.split_once(':').unwrap().1.trim().to_owned()
    };
    assert_eq!(field("Filesystem UUID"), identity.uuid);
    assert_eq!(field("Directory Hash Seed"), identity.hash_seed);
    assert_eq!(field("Filesystem volume name"), "shop");
    let features = field("Filesystem features");
    for unsupported in ["metadata_csum", "orphan_file"] {
        assert!(!features.contains(unsupported), "{features}");
    }
    assert!(features.contains("has_journal") && features.contains("resize_inode"), "{features}");
    let free = field("Free blocks").parse::<u64>().unwrap() - field("Reserved block count").parse::<u64>().unwrap();
    assert!(free * 4096 >= 150 << 20, "{free} free blocks");

    run("debugfs", &["-R", &format!("rdump / {}", out.display()), path]);
    run("rmdir", &[out.join("lost+found").to_str().unwrap()]);
    run("diff", &["-r", "--no-dereference", tree.to_str().unwrap(), out.to_str().unwrap()]);
    let metadata = fs::metadata(tree.join("usr/bin/tool")).unwrap();
    let stat = String::from_utf8(run("debugfs", &["-R", "stat /usr/bin/tool", path])).unwrap();
    let words: Vec<&str> = stat.split_whitespace().collect();
    let after = |word: &str| words.iter().skip_while(|&&found| found != word).nth(1).copied().unwrap_or_default();
    assert_eq!(after("Mode:"), "04751", "{stat}");
    assert_eq!(after("User:"), metadata.uid().to_string());
    assert_eq!(after("Links:"), "2");
}

#[test]
fn many_small_files_find_room() {
    let folder = tempfile::tempdir().unwrap();
    let (tree, image) = (folder.path().join("tree"), folder.path().join("image"));
    // More inodes than the smallest file system has, which is one for each 16 KiB of 192 MiB. mke2fs takes long for a folder with
    // very many names.
    for number in 0..130 {
        let folder = tree.join(number.to_string());
        fs::create_dir_all(&folder).unwrap();
        (0..100).for_each(|number| fs::write(folder.join(number.to_string()), b"").unwrap());
    }
    make(&tree, &image, 0);
    run("e2fsck", &["-fn", image.to_str().unwrap()]);
}
