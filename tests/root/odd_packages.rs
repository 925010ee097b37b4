//! Packages of odd projects in a Debian 13 of their own: names that other packages' files have, and apps and libraries
//! with files that are not Python.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Trial;
use support::layers::{Root, base};
use support::wheels::{Wheel, index};
use support::{run, stackdeb, text};

pub fn trials() -> Vec<Trial> {
    support::tests![
        names_of_other_packages_files_do_no_harm,
        files_that_do_not_compile_stop_no_installation_and_leave_nothing,
        a_library_with_a_template_that_ends_in_py_is_installed_without_a_word
    ]
}

/// A stack with one key of `[app]`.
fn manifest(name: &str, port: u16, libraries: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nmaintainer = \"Jane Doe <jane@example.org>\"\nlicense = \"MIT\"\n\
         summary = \"something for every visitor\"\ncompression = \"none\"\n[app]\n{libraries}\n\
         [site]\nport = {port}\n[[changelog]]\nversion = \"1.0.0\"\ndate = 2026-11-23T10:00:00Z\nchanges = [\"First.\"]\n"
    )
}

/// Builds the package of a small project with that name and app, and returns its file.
fn package(folder: &Path, name: &str, port: u16, app: &[(&str, &[u8])]) -> PathBuf {
    let manifest = manifest(name, port, "depends = [\"python3-flask\"]");
    for (path, content) in [("stack.toml", manifest.as_bytes()), ("app/app.py", b"app = None\n")] {
        write(&folder.join(path), content);
    }
    for (path, content) in app {
        write(&folder.join("app").join(path), content);
    }
    run(stackdeb().arg("deb").current_dir(folder));
    folder.join(format!("dist/{name}_1.0.0_amd64.deb"))
}

fn write(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn put(root: &Root, package: &Path) {
    run(Command::new("cp").arg(package).arg(root.path().join("srv/odd.deb")));
}

fn names_of_other_packages_files_do_no_harm() {
    let root = base();
    for (name, port) in [("home", 8001), ("legacy", 8002), ("var", 8004), ("provision", 8005), ("x11", 8006)] {
        let folder = tempfile::tempdir().unwrap();
        put(&root, &package(folder.path(), name, port, &[]));
        root.dpkg("--install /srv/odd.deb");
        root.sh(&format!("getent passwd {name}; test -d /var/log/{name}"));
    }
    // systemd's own files are as they were.
    root.sh("dpkg --verify systemd | grep -v /usr/share/ | (! grep .)");
    root.sh("nginx -t");
}

fn files_that_do_not_compile_stop_no_installation_and_leave_nothing() {
    let clean = base();
    let folder = tempfile::tempdir().unwrap();
    let app: [(&str, &[u8]); 5] = [
        ("old.py", b"print \"x\"\n"),
        ("templates/handler.py", b"try:\n    pass\nexcept A, B:\n    pass\n"),
        ("nul.py", b"a = 1\0\n"),
        ("folder.py/inside.py", b"a = 1\n"),
        ("good.py", b"a = 1\n"),
    ];
    let root = clean.fork();
    put(&root, &package(folder.path(), "guest-book", 8001, &app));
    let before = root.fork();
    let root = before.fork();
    let output = root.try_dpkg("--install /srv/odd.deb");
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("guest-book: Python does not compile every file of the app"), "{said}");
    root.sh("dpkg-query -W -f '${db:Status-Status}' guest-book | grep -qx installed");
    // Modules that were imported by somebody with the right to write are compiled beside them as well.
    root.sh(
        "mkdir -p /usr/share/guest-book/templates/__pycache__; touch /usr/share/guest-book/templates/__pycache__/x.pyc",
    );
    root.dpkg("--purge guest-book");
    root.sh("test ! -e /usr/share/guest-book");
}

/// Django has such templates of a project, and so have others.
fn a_library_with_a_template_that_ends_in_py_is_installed_without_a_word() {
    let wheel = Wheel::new("scaffold", "1.0", "py3-none-any")
        .file("scaffold/good.py", b"a = 1\n")
        .file("scaffold/templates/model.py", b"class {{ name }}:\n    pass\n");
    let (folder, index) = (tempfile::tempdir().unwrap(), index(&[wheel]));
    let at = |path: &str| folder.path().join(path);
    write(&at("app/app.py"), b"app = None\n");
    write(&at("requirements.txt"), b"scaffold==1.0\n");
    let manifest = manifest("guest-book", 8001, "requirements = \"requirements.txt\"");
    write(&at("stack.toml"), manifest.as_bytes());
    let mut build = stackdeb();
    build.env("PIP_INDEX_URL", format!("{}/simple", index.address)).env("XDG_CACHE_HOME", at("cache"));
    run(build.arg("deb").current_dir(folder.path()));
    let root = base();
    put(&root, &at("dist/guest-book_1.0.0_amd64.deb"));
    let said = text(&root.try_dpkg("--install /srv/odd.deb"));
    root.sh("dpkg-query -W -f '${db:Status-Status}' guest-book | grep -qx installed");
    for word in ["compile", "Error", "model.py"] {
        assert!(!said.contains(word), "{said}");
    }
    // What is Python is compiled.
    root.sh("test -e /usr/lib/guest-book/python3/scaffold/__pycache__/good.cpython-313.pyc");
    root.dpkg("--purge guest-book");
    root.sh("test ! -e /usr/lib/guest-book");
}
