//! Packages that dpkg-deb makes, judged by tar; and such as nobody should make.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tar::EntryType;

use super::{Root, unpack};
use crate::rootfs::PathRule;
use crate::rootfs::filter::Filter;
use crate::system::userns::Ids;

/// A package of a folder's files, as `dpkg-deb` makes it. They stay with whoever runs the test, who can make such files.
fn package(files: &Path, name: &str) -> PathBuf {
    fs::create_dir_all(files.join("DEBIAN")).unwrap();
    let control = format!("Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b>\nDescription: test\n");
    fs::write(files.join("DEBIAN/control"), control).unwrap();
    let package = files.with_extension("deb");
    let arguments = ["-Zgzip", "--build"];
    let output = Command::new("dpkg-deb").args(arguments).arg(files).arg(&package).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    package
}

/// A package whose `data.tar` is `data`: what `dpkg-deb` would not make.
fn package_of(data: Vec<u8>, path: &Path) -> PathBuf {
    let mut archive = ar::Builder::new(File::create(path).unwrap());
    let control = tar::Builder::new(Vec::new()).into_inner().unwrap();
    let members: [(&[u8], &[u8]); 3] = [(b"debian-binary", b"2.0\n"), (b"control.tar", &control), (b"data.tar", &data)];
    for (name, content) in members {
        archive.append(&ar::Header::new(name.to_vec(), content.len() as u64), content).unwrap();
    }
    path.to_owned()
}

fn entry(kind: EntryType, name: &str, target: &str, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
    header.set_entry_type(kind);
    // Whoever runs the test puts files into the folders.
    header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
    header.set_uid(nix::unistd::getuid().as_raw().into());
    header.set_gid(nix::unistd::getgid().as_raw().into());
    header.set_mtime(1_000_000_000);
    header.set_size(content.len() as u64);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn tar(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), vec![0; 1024]].concat()
}

fn opened(root: &Path) -> Root {
    Root::create(root, Ids::SAME).unwrap()
}

/// What `tar -d` says about `root`, which knows better than we what an archive holds.
fn differences(package: &Path, root: &Path) -> String {
    let data = Command::new("dpkg-deb").arg("--fsys-tarfile").arg(package).output().unwrap().stdout;
    let file = package.with_extension("tar");
    fs::write(&file, data).unwrap();
    let output = Command::new("tar").arg("-C").arg(root).arg("-df").arg(&file).output().unwrap();
    String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_package_is_unpacked_as_tar_unpacks_it() {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files");
    fs::create_dir_all(files.join("usr/lib/deep")).unwrap();
    fs::create_dir_all(files.join("var/local")).unwrap();
    fs::write(files.join("usr/lib/deep/program"), vec![7; 300_000]).unwrap();
    fs::set_permissions(files.join("usr/lib/deep/program"), PermissionsExt::from_mode(0o4755)).unwrap();
    fs::set_permissions(files.join("var/local"), PermissionsExt::from_mode(0o2775)).unwrap();
    fs::hard_link(files.join("usr/lib/deep/program"), files.join("usr/lib/twin")).unwrap();
    symlink("deep/program", files.join("usr/lib/link")).unwrap();
    fs::create_dir_all(files.join("usr/share").join("x".repeat(200))).unwrap();
    let package = package(&files, "test");
    let root = folder.path().join("root");
    unpack(std::slice::from_ref(&package), &opened(&root), &Filter::default()).unwrap();
    assert_eq!(differences(&package, &root), "");
    let program = fs::metadata(root.join("usr/lib/deep/program")).unwrap();
    assert_eq!((program.mode() & 0o7777, program.nlink()), (0o4755, 2));
    assert_eq!(fs::metadata(root.join("var/local")).unwrap().mode() & 0o7777, 0o2775);
}

#[test]
fn a_merged_usr_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let data = tar(&[
        entry(EntryType::Directory, "./", "", b""),
        entry(EntryType::Directory, "./bin/", "", b""),
        entry(EntryType::Regular, "./bin/sh", "", b"shell"),
        entry(EntryType::Symlink, "./lib64", "usr/lib64", b""),
    ]);
    let package = package_of(data, &folder.path().join("a.deb"));
    let root = folder.path().join("root");
    unpack(&[package], &opened(&root), &Filter::default()).unwrap();
    assert_eq!(fs::read_link(root.join("bin")).unwrap(), Path::new("usr/bin"));
    assert_eq!(fs::read(root.join("usr/bin/sh")).unwrap(), b"shell");
    assert_eq!(fs::metadata(root.join("usr/bin/sh")).unwrap().mtime(), 1_000_000_000);
}

#[test]
fn nothing_is_written_outside_of_the_root() {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let root = folder.path().join("root");
    let absolute = outside.to_str().unwrap();
    let link = |target: &str| entry(EntryType::Symlink, "./link", target, b"");
    let through = entry(EntryType::Regular, "./link/file", "", b"x");
    let hard = entry(EntryType::Link, "./hard", "../outside/secret", b"");
    fs::write(outside.join("secret"), b"secret").unwrap();
    for (number, entries) in [
        vec![entry(EntryType::Regular, "../outside/file", "", b"x")],
        vec![link(".."), entry(EntryType::Regular, "./link/../../outside/file", "", b"x")],
        vec![link(absolute), through.clone()],
        vec![link("../outside"), through.clone()],
        vec![entry(EntryType::Symlink, "./next", "../outside", b""), link("next"), through.clone()],
        vec![link("link"), through.clone()],
        vec![hard],
        vec![link("../outside"), entry(EntryType::Link, "./link/secret", "./link", b"")],
        vec![link("../outside"), entry(EntryType::Symlink, "./link/secret", "here", b"")],
        vec![entry(EntryType::Char, "./null", "", b"")],
        vec![entry(EntryType::Fifo, "./pipe", "", b"")],
    ]
    .into_iter()
    .enumerate()
    {
        let package = package_of(tar(&entries), &folder.path().join(format!("{number}.deb")));
        unpack(&[package], &opened(&root), &Filter::default()).unwrap_err();
        let names: Vec<_> = fs::read_dir(&outside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["secret"], "package {number}");
    }
    // An absolute name or target means the root's own, as for a process in it.
    let inside = entry(EntryType::Regular, "./link/file", "", b"inside");
    let data = tar(&[entry(EntryType::Directory, "./var/", "", b""), link("/var"), inside]);
    unlink_if_there(&root.join("link"));
    unpack(&[package_of(data, &folder.path().join("good.deb"))], &opened(&root), &Filter::default()).unwrap();
    assert_eq!(fs::read(root.join("var/file")).unwrap(), b"inside");
}

fn unlink_if_there(path: &Path) {
    if path.symlink_metadata().is_ok() {
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn excluded_files_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let data = tar(&[
        entry(EntryType::Regular, "./usr/share/doc/a/README", "", b"x"),
        entry(EntryType::Regular, "./usr/share/doc/a/copyright", "", b"x"),
    ]);
    let package = package_of(data, &folder.path().join("a.deb"));
    let rules =
        [PathRule::Exclude("/usr/share/doc/*".to_owned()), PathRule::Include("/usr/share/doc/*/copyright".to_owned())];
    let root = folder.path().join("root");
    unpack(&[package], &opened(&root), &Filter::new(&rules)).unwrap();
    assert!(root.join("usr/share/doc/a/copyright").exists());
    assert!(!root.join("usr/share/doc/a/README").exists());
}

#[test]
fn the_first_package_decides_about_a_folder_whichever_is_faster() {
    let folder = tempfile::tempdir().unwrap();
    let mut packages = Vec::new();
    for number in 0..8_u32 {
        let mut header = tar::Header::new_gnu();
        header.set_path("./common/").unwrap();
        header.set_entry_type(EntryType::Directory);
        header.set_mode(0o700 + number);
        header.set_uid(nix::unistd::getuid().as_raw().into());
        header.set_gid(nix::unistd::getgid().as_raw().into());
        header.set_mtime(1_000_000_000 + u64::from(number));
        header.set_size(0);
        header.set_cksum();
        let content = vec![0; 1000 * number as usize];
        let file = entry(EntryType::Regular, &format!("./common/{number}"), "", &content);
        let data = tar(&[header.as_bytes().to_vec(), file]);
        packages.push(package_of(data, &folder.path().join(format!("{number}.deb"))));
    }
    let root = folder.path().join("root");
    unpack(&packages, &opened(&root), &Filter::default()).unwrap();
    let common = fs::metadata(root.join("common")).unwrap();
    assert_eq!((common.mode() & 0o7777, common.mtime()), (0o700, 1_000_000_000));
}
