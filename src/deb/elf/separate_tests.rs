//! Debugging data taken out of programs such as gcc makes, judged by objcopy, readelf and gdb.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::tests::{HELLO, compile, run};
use super::{DebugSections, Separated, has_debugging_data, separate, strip};

/// gcc's program, and what was taken out of it, in a folder as both packages install it.
fn installed(root: &Path, flags: &[&str], form: DebugSections) -> Separated {
    let bytes = fs::read(compile(root, HELLO, flags)).unwrap();
    let separated = separate(&bytes, "/usr/bin/program", form).unwrap().unwrap();
    let debug = root.join(separated.debug_path.trim_start_matches('/'));
    fs::create_dir_all(debug.parent().unwrap()).unwrap();
    fs::write(debug, &separated.debug).unwrap();
    fs::create_dir_all(root.join("usr/bin")).unwrap();
    fs::write(root.join("usr/bin/program"), &separated.program).unwrap();
    separated
}

/// The section's content, by objcopy, which also unpacks it.
fn section(file: &Path, name: &str) -> Vec<u8> {
    let (plain, out) = (file.with_extension("plain"), file.with_extension("section"));
    run("binutils", Command::new("objcopy").arg("--decompress-debug-sections").arg(file).arg(&plain));
    let mut objcopy = Command::new("objcopy");
    objcopy.arg(format!("--dump-section={name}={}", out.display())).arg(&plain).arg("/dev/null");
    run("binutils", &mut objcopy);
    fs::read(out).unwrap()
}

#[test]
fn gdb_finds_lines_in_the_file_that_was_taken_out() {
    for (flags, by_id) in [
        (&["-g", "-Wl,--build-id"][..], true),
        (&["-g", "-no-pie", "-static", "-Wl,--build-id"], true),
        (&["-g", "-Wl,--build-id=none"], false),
    ] {
        for form in [DebugSections::AsTheyAre, DebugSections::Compressed] {
            let folder = tempfile::tempdir().unwrap();
            let root = folder.path();
            let separated = installed(root, flags, form);
            assert_eq!(separated.debug_path.starts_with("/usr/lib/debug/.build-id/"), by_id, "{flags:?}");
            if by_id {
                let line = |debug_folder: &Path| {
                    let mut gdb = Command::new("gdb");
                    gdb.args(["-nx", "-batch", "-iex"]);
                    gdb.arg(format!("set debug-file-directory {}", debug_folder.display()));
                    let gdb = gdb.args(["-ex", "info line main"]).arg(root.join("usr/bin/program"));
                    let output = gdb.output().expect("this test needs the package gdb");
                    String::from_utf8(output.stdout).unwrap()
                };
                let found = line(&root.join("usr/lib/debug"));
                assert!(found.starts_with("Line 2 of \"program.c\""), "{flags:?}: {found}");
                assert!(!line(Path::new("/nowhere")).contains("Line 2"), "{flags:?}");
            }
            let debug = root.join(separated.debug_path.trim_start_matches('/'));
            let told = run("binutils", Command::new("readelf").args(["-nSW"]).arg(&debug).env("LC_ALL", "C"));
            assert_eq!(told.contains(separated.build_id.as_deref().unwrap_or("Build ID")), by_id, "{told}");
            // The same data as objcopy takes out, and its checksum in the link.
            let theirs = root.join("theirs");
            run("binutils", Command::new("objcopy").arg("--only-keep-debug").arg(root.join("program")).arg(&theirs));
            for name in [".debug_info", ".debug_line", ".debug_abbrev", ".symtab", ".strtab"] {
                assert!(section(&debug, name) == section(&theirs, name), "{name} differs, {flags:?}");
            }
            let (linked, bare) = (root.join("linked"), root.join("bare"));
            fs::write(&bare, strip(&fs::read(root.join("program")).unwrap()).unwrap()).unwrap();
            let mut objcopy = Command::new("objcopy");
            objcopy.arg(format!("--add-gnu-debuglink={}", debug.display()));
            run("binutils", objcopy.arg(&bare).arg(&linked));
            let link = |file: &Path| section(file, ".gnu_debuglink");
            assert!(link(&root.join("usr/bin/program")) == link(&linked), "{flags:?}");
        }
    }
}

#[test]
fn only_whole_programs_with_debugging_data_are_taken_apart() {
    let folder = tempfile::tempdir().unwrap();
    let with = fs::read(compile(folder.path(), HELLO, &["-g"])).unwrap();
    assert!(has_debugging_data(&with));
    // As `deno compile` and others append a program's code to their runtime.
    assert!(!has_debugging_data(&[&with[..], b"the program's code"].concat()));
    assert!(!has_debugging_data(&fs::read(compile(folder.path(), HELLO, &[])).unwrap()));
    assert!(!has_debugging_data(b"#!/bin/sh\n"));
    let bare = fs::read(compile(folder.path(), HELLO, &["-s"])).unwrap();
    assert!(separate(&bare, "/usr/bin/program", DebugSections::AsTheyAre).unwrap().is_none());
    for end in (0..with.len()).step_by(97) {
        assert!(separate(&with[..end], "/x", DebugSections::Compressed).is_err(), "cut at {end}");
    }
    let table = u64::from_le_bytes(with[40..48].try_into().unwrap()) as usize;
    for place in (0..64).chain(table..with.len()) {
        let mut bytes = with.clone();
        bytes[place] = 0xff;
        _ = has_debugging_data(&bytes);
        _ = separate(&bytes, "/x", DebugSections::AsTheyAre);
    }
}
