//! Debugging data of programs: the package NAME-dbgsym of a stack beside the one that debhelper makes of the same programs, and
//! what a crate's metadata ask for beside cargo-deb's. gdb has to find lines with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use support::crates::{Unpacked, our_package, ours, their_package};
use support::{run, source_folder, stackdeb, text};

use crate::package::lintian_is_silent;
use libtest_mimic::Trial;
use support::room::in_namespaces;

pub fn trials() -> Vec<Trial> {
    let first = support::tests![
        a_program_without_debugging_data_has_no_such_package,
        a_crate_has_its_debugging_data_where_its_metadata_say
    ];
    first
        .into_iter()
        .chain(in_namespaces(support::tests![a_stacks_debugging_data_are_packed_as_debhelper_packs_them]))
        .collect()
}

const STACK: &str = "[package]\nname = 'tally'\nmaintainer = 'Jane Doe <jane@example.org>'\nsummary = 'program with debugging data'\n\
                     license = 'MIT'\n[app]\nkind = 'exec'\nfolder = 'app'\ncommand = './serve'\n\
                     [[file]]\nsource = 'count'\npath = '/usr/lib/tally-tools/count'\n\
                     [[changelog]]\nversion = '1.0.0'\ndate = 2026-11-26T10:00:00Z\nchanges = ['First release.']\n";

/// A program by gcc with debugging data.
fn compile(name: &str, folder: &Path) {
    let source = format!("#include <stdio.h>\nint main(void) {{ puts(\"{name}\"); return 0; }}\n");
    fs::write(folder.join(format!("{name}.c")), source).unwrap();
    let mut gcc = Command::new("gcc");
    gcc.args(["-g", "-O2", "-fstack-protector-strong", "-D_FORTIFY_SOURCE=2", "-Wl,-z,relro,-z,now"]);
    run(gcc.current_dir(folder).arg(format!("{name}.c")).args(["-o", name]));
    fs::remove_file(folder.join(format!("{name}.c"))).unwrap();
}

fn stack(folder: &Path) {
    fs::create_dir(folder.join("app")).unwrap();
    fs::write(folder.join("stack.toml"), STACK).unwrap();
    compile("serve", &folder.join("app"));
    compile("count", folder);
}

/// Where gdb finds the code of `main` once both packages are unpacked.
fn line_of_main(programs: &Path, debug: &Path, program: &str) -> String {
    let mut gdb = Command::new("gdb");
    gdb.args(["-nx", "-batch", "-iex", &format!("set debug-file-directory {}", debug.join("usr/lib/debug").display())]);
    run(gdb.args(["-ex", "info line main"]).arg(programs.join(program)))
}

/// The fields and files of the package that debhelper makes beside that of the same programs.
fn by_debhelper(work: &Path, programs: &[(&Path, &str)]) -> Unpacked {
    let write = |path: &str, content: &str| {
        let path = work.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    let build = "Source: tally\nMaintainer: Jane Doe <jane@example.org>\nBuild-Depends: debhelper-compat (= 13)\n\n";
    write("debian/control", &format!("{build}Package: tally\nArchitecture: amd64\nDescription: a tally\n"));
    let signed = " -- Jane Doe <jane@example.org>  Thu, 26 Nov 2026 10:00:00 +0000\n";
    write("debian/changelog", &format!("tally (1.0.0) unstable; urgency=medium\n\n  * First.\n\n{signed}"));
    for (file, path) in programs {
        let to = work.join("debian/tally").join(path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(file, to).unwrap();
    }
    for step in ["dh_strip", "dh_installdocs", "dh_gencontrol", "dh_builddeb"] {
        let mut step = Command::new(step);
        if step.get_program() == "dh_builddeb" {
            step.arg("--destdir=.");
        }
        run(step.current_dir(work).env("LC_ALL", "C"));
    }
    Unpacked::of(&work.join("tally-dbgsym_1.0.0_amd64.deb"))
}

fn a_stacks_debugging_data_are_packed_as_debhelper_packs_them() {
    let folder = tempfile::tempdir().unwrap();
    stack(folder.path());
    let built = || {
        let said = run(stackdeb().arg("deb").current_dir(folder.path()));
        let files =
            ["tally_1.0.0_amd64.deb", "tally-dbgsym_1.0.0_amd64.deb"].map(|name| folder.path().join("dist").join(name));
        assert!(files.iter().all(|file| said.contains(&*file.file_name().unwrap().to_string_lossy())), "{said}");
        files
    };
    let [package, debug] = built();
    let bytes = [&package, &debug].map(|file| fs::read(file).unwrap());
    fs::remove_dir_all(folder.path().join("dist")).unwrap();
    assert!(built().map(|file| fs::read(file).unwrap()) == bytes, "the second build gives other bytes");
    lintian_is_silent(&package, &[("executable-in-usr-lib", "an experimental tag of lintian")]);
    let alone = "the package that the link leads to is not looked at with this one";
    lintian_is_silent(&debug, &[("cannot-check-whether-usr-share-doc-symlink-points-to-foreign-package", alone)]);

    run(stackdeb().args(["deb", "--changes"]).current_dir(folder.path()));
    let changes = fs::read_to_string(folder.path().join("dist/tally_1.0.0_amd64.changes")).unwrap();
    assert!(changes.contains("\nBinary: tally tally-dbgsym\n"), "{changes}");
    assert!(changes.contains(" debug optional tally-dbgsym_1.0.0_amd64.deb\n"), "{changes}");

    let (package, debug) = (Unpacked::of(&package), Unpacked::of(&debug));
    let work = tempfile::tempdir().unwrap();
    let (serve, count) = (folder.path().join("app/serve"), folder.path().join("count"));
    let programs = [(serve.as_path(), "usr/lib/tally/app/serve"), (count.as_path(), "usr/lib/tally-tools/count")];
    let theirs = by_debhelper(work.path(), &programs);
    let fields = |package: &Unpacked| -> BTreeMap<String, String> {
        let mut fields = package.fields.clone();
        let ids: BTreeSet<String> = fields["Build-Ids"].split(' ').map(str::to_owned).collect();
        fields.insert("Build-Ids".to_owned(), format!("{ids:?}"));
        fields.remove("Installed-Size");
        fields
    };
    assert_eq!(fields(&debug), fields(&theirs));
    let paths = |package: &Unpacked| package.files.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(paths(&debug), paths(&theirs));
    for (path, member) in &debug.files {
        let other = &theirs.files[path];
        assert_eq!((member.mode, &member.target), (other.mode, &other.target), "{path}");
    }
    let root = package.path("");
    for (file, path) in programs {
        assert!(line_of_main(&root, &debug.path(""), path).starts_with("Line 2 of "), "{path}");
        assert_eq!(run(&mut Command::new(package.path(path))), run(&mut Command::new(file)));
    }
}

fn a_program_without_debugging_data_has_no_such_package() {
    let folder = tempfile::tempdir().unwrap();
    stack(folder.path());
    for program in ["app/serve", "count"] {
        run(Command::new("strip").arg("--strip-debug").arg(folder.path().join(program)));
    }
    run(stackdeb().arg("deb").current_dir(folder.path()));
    let files = fs::read_dir(folder.path().join("dist")).unwrap().map(|file| file.unwrap().file_name());
    assert_eq!(files.filter(|name| name.to_string_lossy().contains("dbgsym")).count(), 0);
    // Symbols without lines stay where a backtrace finds them.
    let package = Unpacked::of(&folder.path().join("dist/tally.deb"));
    assert!(run(Command::new("nm").arg(package.path("usr/lib/tally-tools/count"))).contains(" T main"));
}

const CRATE: &str = "[package]\nname = \"sample\"\nversion = \"1.0.0\"\nedition = \"2021\"\ndescription = \"a sample\"\n\
                     authors = [\"Jane Doe <jane@example.org>\"]\nlicense = \"MIT\"\n";

fn cargo_project(folder: &Path, profile: &str, keys: &str) {
    fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = format!("{CRATE}[profile.release]\n{profile}\n[package.metadata.deb]\n{keys}\n");
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::write(folder.join("src/main.rs"), "fn main() {\n    println!(\"hello\");\n}\n").unwrap();
}

/// A section of the files below /usr/lib/debug in a package, by objcopy: the data, however the file has them.
fn section(package: &Unpacked, name: &str) -> Vec<Vec<u8>> {
    let debug = package.files.iter().filter(|(path, _)| path.ends_with(".debug"));
    let section = |path: &str| {
        let out = package.folder.path().join("section");
        let plain = package.folder.path().join("plain");
        run(Command::new("objcopy").arg("--decompress-debug-sections").arg(package.path(path)).arg(&plain));
        let mut objcopy = Command::new("objcopy");
        run(objcopy.arg(format!("--dump-section={name}={}", out.display())).arg(plain).arg("/dev/null"));
        fs::read(out).unwrap()
    };
    debug.map(|(path, _)| section(path)).collect()
}

fn a_crate_has_its_debugging_data_where_its_metadata_say() {
    let folder = tempfile::tempdir().unwrap();
    let document = fs::read_to_string(source_folder().join("docs/reasons/cargo-deb.md")).unwrap();
    for (words, keys) in [("`separate-debug-symbols`", "separate-debug-symbols = true"), ("`dbgsym`", "dbgsym = true")]
    {
        assert!(document.contains(words), "the differences do not list {words}");
        cargo_project(folder.path(), "debug = \"line-tables-only\"", &format!("{keys}\ncompress-debug-symbols = true"));
        let ours = our_package(folder.path(), &[]);
        let theirs = their_package(folder.path(), &[]);
        let (ours, theirs) = match keys.starts_with("dbgsym") {
            false => (ours.clone(), theirs.clone()),
            true => {
                assert!(!Unpacked::of(&ours).files.keys().any(|path| path.starts_with("usr/lib/debug")));
                let name = "sample-dbgsym_1.0.0-1_amd64";
                (ours.with_file_name(format!("{name}.deb")), theirs.with_file_name(format!("{name}.ddeb")))
            }
        };
        let (ours, theirs) = (Unpacked::of(&ours), Unpacked::of(&theirs));
        for name in [".debug_line", ".debug_info", ".symtab"] {
            let section_of_ours = section(&ours, name);
            assert_eq!(section_of_ours.len(), 1, "{keys}");
            assert!(section_of_ours == section(&theirs, name), "{name} differs, {keys}");
        }
        assert!(ours.files.keys().any(|path| path.starts_with("usr/lib/debug/.build-id/")), "{keys}");
    }
    // What the profile does not say, cargo is told; what it forbids is left out with a warning.
    for (profile, words) in
        [("", "cargo is told"), ("debug = false", "no debug symbols"), ("strip = true", "remove `strip`")]
    {
        cargo_project(folder.path(), profile, "");
        fs::remove_dir_all(folder.path().join("dist")).unwrap();
        let output = ours(folder.path(), &["--dbgsym"]);
        assert!(output.status.success() && text(&output).contains(words), "{profile}: {}", text(&output));
        assert_eq!(
            folder.path().join("dist/sample-dbgsym_1.0.0-1_amd64.deb").exists(),
            profile.is_empty(),
            "{profile}"
        );
    }
}
