//! What the compiled parts of Python libraries link: a library beside them, one of a package of Debian, and one that no package
//! has. dpkg-shlibdeps is the judge for Debian's.

use std::fs;
use std::path::Path;
use std::process::Command;

use support::edition::edit;
use support::wheels::Wheel;
use support::{cache, run, text};
use tempfile::TempDir;

use super::libraries::Project;
use libtest_mimic::Trial;

pub fn trials() -> Vec<Trial> {
    support::tests![a_part_may_link_what_no_package_has_and_the_build_says_so]
}

const PART: &str = "first/_sum.cpython-313-x86_64-linux-gnu.so";

/// Compiles libraries, each from its own name, function and version, and a module that calls all of them.
fn compiled(libraries: &[(&str, &str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let gcc = |arguments: &[&str]| {
        run(Command::new("gcc").args(["-shared", "-fPIC", "-nostdlib"]).args(arguments).current_dir(folder.path()));
    };
    let mut calls = (String::new(), String::new());
    for (name, function, version) in libraries {
        fs::write(folder.path().join("library.c"), format!("void {function}(void) {{}}\n")).unwrap();
        fs::write(folder.path().join("versions"), format!("{version} {{ global: *; }};\n")).unwrap();
        gcc(&["library.c", "-o", name, &format!("-Wl,-soname,{name}"), "-Wl,--version-script=versions"]);
        calls.0 += &format!("void {function}(void);\n");
        calls.1 += &format!("{function}();");
    }
    fs::write(folder.path().join("part.c"), format!("{}void part(void) {{ {} }}\n", calls.0, calls.1)).unwrap();
    let names: Vec<String> = libraries.iter().map(|(name, ..)| format!("./{name}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    gcc(&[&["part.c", "-o", "part.so", "-Wl,--no-as-needed"][..], &names].concat());
    folder
}

/// A project with a wheel whose compiled part links these libraries, and brings `beside` along.
fn project(libraries: &[(&str, &str, &str)], beside: &str) -> Project {
    let made = compiled(libraries);
    let read = |name: &str| fs::read(made.path().join(name)).unwrap();
    let wheel = Wheel::new("first", "1.0", "cp313-cp313-manylinux_2_17_x86_64")
        .file(PART, &read("part.so"))
        .file(&format!("first.libs/{beside}"), &read(beside));
    Project::new("first==1.0\n", &[wheel])
}

fn relations(project: &Project) -> Vec<String> {
    project.depends().trim().split(", ").map(str::to_owned).collect()
}

/// What dpkg-shlibdeps says of the same file, where Debian's library is the only one that is linked.
fn judged(part: &Path) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("debian")).unwrap();
    fs::write(folder.path().join("debian/control"), "Source: example\n").unwrap();
    let told = run(Command::new("dpkg-shlibdeps").arg("-O").arg(part).current_dir(folder.path()));
    told.trim().strip_prefix("shlibs:Depends=").unwrap_or_default().to_owned()
}

fn a_part_may_link_what_no_package_has_and_the_build_says_so() {
    let udev = ("libudev.so.1", "udev_new", "LIBUDEV_183");
    let zlib = ("libz.so.1", "crc32_combine", "ZLIB_1.2.2");
    let all = [udev, zlib, ("libodd.so.3", "odd", "ODD_3"), ("libown-4c1f.so.1", "own", "OWN_1")];
    let project = project(&all, "libown-4c1f.so.1");
    let wheel = "first-1.0-cp313-cp313-manylinux_2_17_x86_64.whl";
    let warning = |library: &str| {
        format!("warning: {wheel} needs {library}, and no package of Debian 13 (trixie) is known that has it")
    };
    // Which package has a library is asked of Debian's archive: its lists are in the cache of the user who runs the tests.
    let shared = cache();
    for verb in ["check", "deb"] {
        let output = project.command(verb).env("XDG_CACHE_HOME", shared.parent().unwrap()).output().unwrap();
        let said = text(&output).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(output.status.success() && said.contains("libodd.so.3, and no package of Debian 13"), "{said}");
        assert!(said.contains(wheel) && said.contains("name the package in [app] depends"), "{said}");
        assert!(!said.contains("libudev.so.1") && !said.contains("libown"), "{said}");
    }
    let found = relations(&project);
    let of_udev = judged(&compiled(&[udev]).path().join("part.so"));
    assert!(of_udev.starts_with("libudev1 (>= ") && found.contains(&of_udev), "{found:?}, {of_udev}");
    assert!(!found.iter().any(|one| one.contains("odd") || one.contains("own")), "{found:?}");
    let listed = run(Command::new("dpkg-deb").arg("-c").arg(project.path("dist/shop.deb")));
    for path in [PART, "first.libs/libown-4c1f.so.1"] {
        assert!(listed.contains(&format!("./usr/lib/shop/python3/{path}\n")), "{listed}");
    }

    // Where Debian's archive was never asked, what is the same in every release has to do.
    let away = "[image]\nmirror = \"http://127.0.0.1:9\"\nsecurity-mirror = \"http://127.0.0.1:9\"\n[[changelog]]";
    edit(&project.path("stack.toml"), "[[changelog]]", away);
    let said = text(&project.command("deb").output().unwrap());
    for library in ["libudev.so.1", "libodd.so.3"] {
        assert!(said.contains(&warning(library)), "{said}");
    }
    assert!(said.contains("127.0.0.1:9") && said.contains("what is known of every release"), "{said}");
    let found = relations(&project);
    let has = |package: &str| found.iter().any(|one| one.split(' ').next() == Some(package));
    assert!(has("zlib1g") && has("python3") && !has("libudev1"), "{found:?}");
}
