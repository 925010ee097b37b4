//! Programs in machine code among the files of a stack of the kind `exec`: what their mode makes of the package, and what
//! they link. readelf is the judge of that.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use stackdeb::deb::PayloadEntry;
use stackdeb::render::{RenderedPackage, package_files};
use stackdeb::stack::{AppKind, CommandLine, Listen, Program, ProgramOrigin};
use support::run;
use support::stack::stack;

const HELLO: &str =
    "#include <math.h>\n#include <stdio.h>\nint main(int n, char **a) { printf(\"%f\", cos(n)); return 0; }\n";

/// Compiles a program that is not executable, as a download is not.
fn compile(folder: &Path, to: &str, flags: &[&str]) {
    fs::write(folder.join("program.c"), HELLO).unwrap();
    run(Command::new("gcc").current_dir(folder).args(["program.c", "-o", to]).args(flags).arg("-lm"));
    fs::remove_file(folder.join("program.c")).unwrap();
    fs::set_permissions(folder.join(to), fs::Permissions::from_mode(0o644)).unwrap();
}

/// The package of a stack whose app is in `folder`, and whose program is `server`.
fn packed(folder: &Path) -> Result<RenderedPackage, String> {
    let project = tempfile::tempdir().unwrap();
    let mut stack = stack(project.path());
    let command = CommandLine { program: "./server".to_owned(), arguments: Vec::new() };
    stack.app.kind =
        AppKind::Exec(Program { command, listen: Listen::Socket, jit: None, origin: ProgramOrigin::Folder });
    (stack.app.folder, stack.app.release_command, stack.database) = (folder.to_owned(), None, None);
    package_files(&stack).map_err(|error| error.to_string())
}

fn mode(rendered: &RenderedPackage, path: &str) -> u32 {
    match rendered.payload.get(path) {
        Some(PayloadEntry::File { mode, .. }) => *mode,
        other => panic!("{path} is {other:?}"),
    }
}

fn overrides(rendered: &RenderedPackage) -> String {
    match rendered.payload.get("/usr/share/lintian/overrides/guest-book") {
        Some(PayloadEntry::File { content: stackdeb::deb::Content::Bytes(bytes), .. }) => {
            String::from_utf8(bytes.clone()).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_program_is_executable_and_what_it_links_is_known() {
    let folder = tempfile::tempdir().unwrap();
    compile(folder.path(), "server", &[]);
    fs::write(folder.path().join("page.html"), "hello").unwrap();
    fs::create_dir(folder.path().join("node_modules")).unwrap();
    fs::write(folder.path().join("node_modules/index.js"), "").unwrap();
    let rendered = packed(folder.path()).unwrap();
    assert_eq!(mode(&rendered, "/usr/lib/guest-book/app/server"), 0o755);
    assert_eq!(mode(&rendered, "/usr/lib/guest-book/app/page.html"), 0o644);
    assert_eq!(mode(&rendered, "/usr/lib/guest-book/app/node_modules/index.js"), 0o644);
    let mut judge = Command::new("readelf");
    let told = run(judge.args(["--dynamic", "--wide"]).arg(folder.path().join("server")).env("LC_ALL", "C"));
    let named = told.lines().filter_map(|line| line.split_once("Shared library: [")?.1.strip_suffix(']'));
    let mut named: Vec<&str> = named.collect();
    named.sort_unstable();
    let found: Vec<&str> = rendered.programs.libraries().into_iter().collect();
    assert!(found == named && found.contains(&"libm.so.6"), "{found:?}: {told}");
    let depends = rendered.depends.to_string();
    assert!(!depends.contains("gunicorn"), "{depends}");
    let line = "guest-book: unstripped-binary-or-object [usr/lib/guest-book/app/server]";
    assert!(overrides(&rendered).lines().any(|found| found == line), "{}", overrides(&rendered));
}

#[test]
fn a_program_that_needs_nothing_adds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    compile(folder.path(), "server", &["-static", "-s"]);
    let rendered = packed(folder.path()).unwrap();
    assert!(rendered.programs.libraries().is_empty(), "{:?}", rendered.programs);
    let line = "guest-book: statically-linked-binary [usr/lib/guest-book/app/server]";
    assert!(overrides(&rendered).lines().any(|found| found == line), "{}", overrides(&rendered));
}

#[test]
fn what_would_not_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server");
    compile(folder.path(), "server", &[]);
    let whole = fs::read(&path).unwrap();
    let mut foreign = whole.clone();
    // e_machine: EM_AARCH64.
    foreign[18] = 183;
    fs::write(&path, &foreign).unwrap();
    let said = packed(folder.path()).unwrap_err();
    assert!(said.contains("the program server is not for the architecture amd64"), "{said}");
    // Beside the program, such a file may be there for other machines.
    fs::write(&path, &whole).unwrap();
    fs::write(folder.path().join("other"), &foreign).unwrap();
    packed(folder.path()).unwrap();
    fs::write(&path, &whole[..700]).unwrap();
    let said = packed(folder.path()).unwrap_err();
    assert!(said.contains("the program server cannot be packed"), "{said}");

    fs::remove_file(folder.path().join("other")).unwrap();
    run(Command::new("gcc").current_dir(&folder).args([
        "-shared",
        "-Wl,-soname,libodd.so.3",
        "-o",
        "libodd.so.3",
        "-xc",
        "/dev/null",
    ]));
    compile(folder.path(), "server", &["-Wl,--no-as-needed", "./libodd.so.3"]);
    // Shipped beside the program, the library needs no package.
    assert!(!packed(folder.path()).unwrap().programs.libraries().contains("libodd.so.3"));
    fs::remove_file(folder.path().join("libodd.so.3")).unwrap();
    assert!(packed(folder.path()).unwrap().programs.libraries().contains("libodd.so.3"));
    fs::remove_file(&path).unwrap();
    let said = packed(folder.path()).unwrap_err();
    assert!(said.contains("./server of [app] command is left out"), "{said}");
}
