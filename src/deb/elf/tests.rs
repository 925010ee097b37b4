//! Programs of this system and such as gcc makes, judged by dpkg-shlibdeps, strip, readelf, objdump and lintian.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::dependencies::package_version;
use super::{ElfError, dependencies, strip};

/// Runs a tool; fails with the name of its package when it is missing, and with its complaint when it fails.
pub(super) fn run(package: &str, command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| {
        panic!("cannot run {:?}: {error}. This test needs the package {package}.", command.get_program())
    });
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {complaint}");
    String::from_utf8(output.stdout).unwrap()
}

/// A program made with the C compiler from one line of C.
pub(super) fn compile(folder: &Path, source: &str, flags: &[&str]) -> PathBuf {
    fs::write(folder.join("program.c"), source).unwrap();
    let program = folder.join("program");
    run("gcc", Command::new("gcc").current_dir(folder).args(["program.c", "-o", "program"]).args(flags));
    program
}

pub(super) const HELLO: &str = "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n";

fn dpkg_shlibdeps(program: &Path) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("debian")).unwrap();
    fs::write(folder.path().join("debian/control"), "Source: example\n").unwrap();
    let told = run(
        "dpkg-dev",
        Command::new("dpkg-shlibdeps").current_dir(folder.path()).arg("-O").arg(program).env("LC_ALL", "C"),
    );
    told.trim().strip_prefix("shlibs:Depends=").unwrap().to_owned()
}

#[test]
fn relations_are_those_of_dpkg_shlibdeps() {
    let ours = std::env::current_exe().unwrap();
    let mut compared = 0;
    let programs = ["ls", "tar", "awk", "bash", "env", "gzip", "python3", "nginx", "cc", "sort"];
    let host = programs.iter().map(|name| fs::canonicalize(Path::new("/usr/bin").join(name)).unwrap_or_default());
    for program in host.chain([ours.clone()]) {
        let Ok(bytes) = fs::read(&program) else { continue };
        match dependencies(&bytes) {
            Ok(relations) => {
                assert_eq!(relations.to_string(), dpkg_shlibdeps(&program), "{}", program.display());
                compared += 1;
            }
            Err(ElfError::UnknownLibrary(_) | ElfError::Damaged(_)) if program != ours => {}
            Err(error) => panic!("{}: {error}", program.display()),
        }
    }
    assert!(compared >= 4, "only {compared} programs were compared");
}

#[test]
fn gcc_versions_are_named_as_its_package_is() {
    // Pairs from libgcc-s1's symbols file (deb-symbols(5)).
    let pairs =
        [("3.0", "3.0"), ("3.3.1", "3.3.1"), ("4.0.0", "4.0"), ("4.2.0", "4.2"), ("7.0.0", "7"), ("12.0.0", "12")];
    for (symbol, package) in pairs {
        assert_eq!(package_version("GCC_", &format!("GCC_{symbol}")).unwrap().as_str(), package);
    }
    assert!(package_version("GLIBC_", "GLIBC_PRIVATE").is_none());
    assert!(package_version("GLIBC_", "GCC_3.0").is_none());
}

#[test]
fn what_cannot_run_on_debian_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = |source: &str, flags: &[&str]| {
        let program = compile(folder.path(), source, flags);
        dependencies(&fs::read(program).unwrap()).unwrap_err().to_string()
    };
    assert!(error(HELLO, &["-static"]).contains("statically"));
    assert!(error(HELLO, &["-static-pie"]).contains("statically"));
    assert!(error(HELLO, &["-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1"]).contains("ld-musl-x86_64"));
    assert!(error(HELLO, &["-shared", "-fPIC"]).contains("not a program"));
    assert!(error(HELLO, &["-c"]).contains("not a program"));
    run("gcc", Command::new("gcc").current_dir(&folder).args(["-shared", "-o", "libodd.so.3", "-xc", "/dev/null"]));
    assert!(error(HELLO, &["-Wl,--no-as-needed", "./libodd.so.3"]).contains("libodd.so.3"));
    let mut foreign = fs::read(compile(folder.path(), HELLO, &[])).unwrap();
    foreign[18] = 183; // e_machine: EM_AARCH64
    assert!(dependencies(&foreign).unwrap_err().to_string().contains("another machine"));
    assert!(dependencies(b"#!/bin/sh\n").is_err());
}

#[test]
fn a_damaged_program_is_an_error_and_no_crash() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(compile(folder.path(), HELLO, &["-g"])).unwrap();
    for end in (0..whole.len()).step_by(97) {
        assert!(dependencies(&whole[..end]).is_err(), "cut at {end}");
        assert!(strip(&whole[..end]).is_err(), "cut at {end}");
    }
    // Every byte of the header, and of the table of sections, at its extremes: any answer, but an answer.
    let table = u64::from_le_bytes(whole[40..48].try_into().unwrap()) as usize;
    for place in (0..64).chain(table..whole.len()) {
        for value in [0, 1, 0x7f, 0xff] {
            let mut bytes = whole.clone();
            bytes[place] = value;
            _ = dependencies(&bytes);
            _ = strip(&bytes);
        }
    }
}

/// Names and flags of the sections, by readelf(1).
fn sections(program: &Path) -> Vec<String> {
    let table = run("binutils", Command::new("readelf").arg("-SW").arg(program).env("LC_ALL", "C"));
    assert!(!table.contains("Warning") && !table.contains("Error"), "{table}");
    let lines = table.lines().filter_map(|line| line.trim_start().strip_prefix('[')?.split_once("] "));
    lines.filter_map(|(_, rest)| rest.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn a_stripped_program_is_what_strip_makes_of_it() {
    let folder = tempfile::tempdir().unwrap();
    for flags in [&["-g"][..], &["-g", "-no-pie"], &["-static"], &["-s"]] {
        let program = compile(folder.path(), HELLO, flags);
        let bytes = fs::read(&program).unwrap();
        let stripped = strip(&bytes).unwrap();
        let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
        fs::write(&ours, &stripped).unwrap();
        fs::set_permissions(&ours, fs::Permissions::from_mode(0o755)).unwrap();
        let mut strip_tool = Command::new("strip");
        strip_tool.args(["--remove-section=.comment", "--remove-section=.note", "-o"]).arg(&theirs).arg(&program);
        run("binutils", &mut strip_tool);
        assert_eq!(sections(&ours), sections(&theirs), "{flags:?}");
        assert_eq!(run("-", &mut Command::new(&ours)), "hello\n", "{flags:?}");
        // What is loaded, and what a debugger finds of it, is the same.
        let segments = |path: &Path| run("binutils", Command::new("readelf").arg("-lndrVW").arg(path));
        assert_eq!(segments(&ours), segments(&program), "{flags:?}");
        let code = |path: &Path| {
            let told = run("binutils", Command::new("objdump").args(["-s", "-j", ".text", "-j", ".data"]).arg(path));
            told.lines().skip(2).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(code(&ours), code(&program), "{flags:?}");
        assert_eq!(strip(&stripped).unwrap(), stripped, "stripped twice is not the same, {flags:?}");
    }
}

#[test]
fn a_stripped_library_keeps_what_programs_need_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let library = compile(folder.path(), "int answer(void) { return 42; }\n", &["-g", "-shared", "-fPIC"]);
    let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
    fs::write(&ours, strip(&fs::read(&library).unwrap()).unwrap()).unwrap();
    let mut strip_tool = Command::new("strip");
    strip_tool.args(["--strip-unneeded", "--remove-section=.comment", "--remove-section=.note", "-o"]);
    run("binutils", strip_tool.arg(&theirs).arg(&library));
    assert_eq!(sections(&ours), sections(&theirs));
    let symbols = |path: &Path| run("binutils", Command::new("nm").args(["-D", "--defined-only"]).arg(path));
    assert_eq!(symbols(&ours), symbols(&library));
    assert!(symbols(&ours).contains("answer"));
}

#[test]
fn lintian_has_nothing_to_say_of_a_stripped_program() {
    let folder = tempfile::tempdir().unwrap();
    let tags = |bytes: &[u8]| {
        let root = folder.path().join("root");
        fs::create_dir_all(root.join("DEBIAN")).unwrap();
        fs::create_dir_all(root.join("usr/bin")).unwrap();
        let control = "Package: example\nVersion: 1\nArchitecture: amd64\nMaintainer: A <a@example.org>\n\
            Description: example\n";
        fs::write(root.join("DEBIAN/control"), control).unwrap();
        fs::write(root.join("usr/bin/program"), bytes).unwrap();
        fs::set_permissions(root.join("usr/bin/program"), fs::Permissions::from_mode(0o755)).unwrap();
        let package = folder.path().join("example.deb");
        run("dpkg", Command::new("dpkg-deb").args(["--root-owner-group", "-b"]).arg(&root).arg(&package));
        // Its exit status tells of the tags of this bare package, too.
        let mut lintian = Command::new("lintian");
        lintian.args(["--pedantic", "-I", "-E", "--allow-root", "--tags"]);
        lintian.arg("unstripped-binary-or-object,binary-has-unneeded-section,statically-linked-binary");
        let output = lintian.arg(&package).output().expect("this test needs the package lintian");
        String::from_utf8(output.stdout).unwrap()
    };
    let bytes = fs::read(compile(folder.path(), HELLO, &["-g"])).unwrap();
    assert!(tags(&bytes).contains("unstripped-binary-or-object"), "the oracle is silent about anything");
    assert_eq!(tags(&strip(&bytes).unwrap()), "");
}
