//! An app whose libraries come from the index: installed, asked, upgraded to other versions of them, one of these Debian's own,
//! and removed. One machine, one boot; the checks run in their order. The packages are built before the machine loses its
//! network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Trial;
use support::ahead::{Ahead, Step};
use support::checks::{Check, checks};
use support::container::Container;
use support::edition::{edit, edition};
use support::server::Server;
use support::upgrade::{count, install};
use support::{debian_packages, kept, run, stackdeb};

use crate::applications::{is_every, not_asked};

/// With the variable `EVERY_APPLICATION`, as `just soak` has it.
const UPDATE: Check<Container> = ("an_update_of_python_keeps_the_app_and_another_python_waits_for_it", python_update);

const CHECKS: &[Check<Container>] = &[
    ("the_app_runs_on_the_libraries_of_its_package", app_runs),
    ("their_programs_run_from_any_shell", programs_run),
    ("they_are_compiled_on_the_server", compiled),
    ("an_upgrade_changes_them", upgraded),
    ("dpkg_verifies_them", verified),
    ("purge_leaves_nothing_of_them", purged),
];

pub fn trials() -> Vec<Trial> {
    if is_every() {
        let (first, rest) = CHECKS.split_at(3);
        return checks("libraries", boot, &[first, &[UPDATE], rest].concat());
    }
    let mut trials = checks("libraries", boot, CHECKS);
    trials.push(not_asked("libraries", UPDATE.0));
    trials
}

/// What both versions have: pure libraries, a compiled one and one for every later Python as well, the server itself, and one
/// that has no wheel (docopt).
const BOTH: &str = "flask==3.1.0\nwerkzeug==3.1.3\njinja2==3.1.6\nitsdangerous==2.2.0\nblinker==1.9.0\n\
    markupsafe==3.0.2\ngunicorn==23.0.0\npackaging==24.2\ndocopt==0.6.2\nbcrypt==5.0.0\n";

/// The versions of the stack, each with what only it has: in the first a compiled library with further libraries beside it, whose
/// place in the second Debian's package takes. On the index, `psycopg2` has no wheel, and its build would need a compiler.
const VERSIONS: [(&str, &str, &str); 2] = [
    ("1.0.0", "click==8.1.8\npython-dotenv==1.0.1\npsycopg2-binary==2.9.10\n", ""),
    ("2.0.0", "click==8.2.1\npsycopg2>=2.9,<3\n", "\nfrom-debian = [\"psycopg2\"]"),
];

const PAGE: &str = r#"@app.get("/libraries")
def libraries():
    import importlib.metadata
    import sys

    import bcrypt
    import click
    import docopt
    import gunicorn
    import markupsafe._speedups

    modules = [click, docopt, gunicorn, markupsafe._speedups, psycopg2._psycopg, bcrypt._bcrypt]
    assert bcrypt.checkpw(b"correct", bcrypt.hashpw(b"correct", bcrypt.gensalt(4)))
    lines = [f"{name} {importlib.metadata.version(name)}" for name in ("flask", "click", "gunicorn")]
    lines += [module.__file__ for module in modules] + [sys.executable]
    return "\n".join(lines)


@app.get("/visits")"#;

/// The package with libraries of PyPI, and its next version.
static PACKAGES: Ahead<[PathBuf; 2]> = Ahead::new();

/// The packages of a later Python 3.13, and a `python3` that is for Python 3.14.
static PYTHON: Ahead<Vec<PathBuf>> = Ahead::new();

pub fn ahead() -> Step {
    let packages = PACKAGES.by(|| VERSIONS.map(|(version, own, from_debian)| package(version, own, from_debian)));
    let python = PYTHON.by(|| if is_every() { later_python() } else { Vec::new() });
    Box::new(|| {
        packages();
        python();
    })
}

/// Debian's packages of Python 3.13 with a higher version, and `python3` with that of another Python.
fn later_python() -> Vec<PathBuf> {
    let folder = kept().join("later-python");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let mut made = Vec::new();
    for file in debian_packages::download("python3, python3.13, libpython3.13") {
        let name = run(Command::new("dpkg-deb").arg("-f").arg(&file).arg("Package")).trim().to_owned();
        let change = match name.as_str() {
            // Every relation to one of the others is to exactly that version.
            "python3.13"
            | "python3.13-minimal"
            | "libpython3.13"
            | "libpython3.13-minimal"
            | "libpython3.13-stdlib" => {
                "version=$(dpkg-deb -f \"$1\" Version); sed -i \"s/^Version: .*/&+later1/; s/(= $version)/(= $version+later1)/g\""
            }
            // It brings nothing, as no program of this test needs Python 3.14.
            "python3" => "sed -i 's/^Version: .*/Version: 3.14.0-1/; /^\\(Pre-\\)\\?Depends:/d'",
            _ => continue,
        };
        let script =
            format!("dpkg-deb -R \"$1\" \"$2\"; {change} \"$2/DEBIAN/control\"; dpkg-deb -Znone -b \"$2\" \"$2.deb\"");
        let tree = folder.join(&name);
        run(Command::new("sh").args(["-euc", &script, "sh"]).arg(&file).arg(&tree));
        made.push(folder.join(format!("{name}.deb")));
    }
    assert_eq!(made.len(), 6);
    made
}

fn package(version: &str, own: &str, from_debian: &str) -> PathBuf {
    edition(&kept().join("libraries"), version, |project: &Path| {
        fs::write(project.join("requirements.txt"), format!("{BOTH}{own}")).unwrap();
        let depends = "depends = [\"python3-flask\", \"gunicorn\", \"python3-psycopg2\"]";
        let requirements = format!("requirements = \"requirements.txt\"{from_debian}");
        edit(&project.join("stack.toml"), depends, &requirements);
        edit(&project.join("app/app.py"), "@app.get(\"/visits\")", PAGE);
        // It says what the build of docopt needs.
        run(stackdeb().args(["lock", "--libraries"]).current_dir(project));
    })
}

fn boot() -> Container {
    let machine = Container::boot("libraries");
    for package in PACKAGES.get() {
        machine.copy(package);
    }
    // What Debian has of them must not be what the app runs on.
    machine.sh("DEBIAN_FRONTEND=noninteractive dpkg --purge --force-depends python3-flask python3-click gunicorn 2>&1");
    install(&machine, "1.0.0");
    machine
}

fn app_runs(machine: &mut Container) {
    let said = machine.get("/libraries", 200);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[..3], ["flask 3.1.0", "click 8.1.8", "gunicorn 23.0.0"]);
    assert!(lines[3..9].iter().all(|file| file.starts_with("/usr/lib/stack/python3/")), "{said}");
    assert_eq!(lines[9], "/usr/bin/python3");
    // The compiled library for PostgreSQL reaches the database with the libraries beside it.
    let visits = count(machine);
    assert_eq!(machine.get("/visits", 200), (visits + 1).to_string());
    assert_eq!(machine.sh("systemctl is-active stack.service"), "active");
    // In the process that has answered: another one may not have loaded the app yet.
    let mapped = machine.sh(
        "for p in $(pgrep -u stack gunicorn); do grep -o '/usr/lib/stack/python3/psycopg2_binary.libs/libpq-[^ ]*' /proc/$p/maps; \
         done | sort -u",
    );
    assert!(mapped.contains("libpq"), "{mapped}");
}

fn programs_run(machine: &mut Container) {
    let said = machine.sh("cd / && runuser -u nobody -- env -i /usr/lib/stack/bin/flask --version");
    assert!(said.contains("Flask 3.1.0") && said.contains("Python 3.13"), "{said}");
    assert!(machine.sh("cd /tmp && env -i /usr/lib/stack/bin/gunicorn --version").contains("23.0.0"));
}

/// One library is for this Python alone and one for every later Python as well (abi3).
fn python_update(machine: &mut Container) {
    machine.sh("mkdir -p /root/later");
    for package in PYTHON.get() {
        machine.copy(package);
    }
    let before = machine.get("/libraries", 200);
    assert!(before.contains(".cpython-313-") && before.contains("/_bcrypt.abi3.so"), "{before}");
    let version = "dpkg-query -W -f '${Version}' libpython3.13-stdlib";
    let old = machine.sh(version);
    let apt = "DEBIAN_FRONTEND=noninteractive apt-get -q";
    machine.sh("mv /root/python3.deb /root/later");
    machine.sh(&format!("cd /root && {apt} install -y ./python3.13*.deb ./libpython3.13*.deb 2>&1"));
    assert_eq!(machine.sh(version), format!("{old}+later1"));
    machine.sh("systemctl restart stack.service");
    assert_eq!(machine.get("/libraries", 200), before);
    machine.get("/visits", 200);

    // The suite has another Python: an upgrade leaves it where it is, because the app's package says so.
    machine.sh(
        "cd /root/later && { dpkg-deb -f python3.deb; printf 'Filename: ./python3.deb\\nSize: %s\\nSHA256: %s\\n' \
         $(stat -c %s python3.deb) $(sha256sum <python3.deb | cut -d' ' -f1); } >Packages && \
         echo 'deb [trusted=yes] file:/root/later ./' >/etc/apt/sources.list.d/later.list && apt-get update -q",
    );
    let upgrade = machine.sh(&format!("{apt} -s upgrade 2>&1"));
    assert!(upgrade.contains("kept back") && !upgrade.contains("Inst python3 "), "{upgrade}");
    let forced = machine.sh(&format!("{apt} -s install python3 2>&1"));
    assert!(forced.contains("Remv stack "), "{forced}");
    assert!(machine.sh("dpkg-query -W -f '${Depends}' stack").contains("python3 (<< 3.14)"));
    machine.sh("rm /etc/apt/sources.list.d/later.list && apt-get update -q");
}

/// The compiled files that belong to a file of the package, and those that do not.
const COMPILED: &str = "find /usr/lib/stack -name '*.pyc'";

fn compiled(machine: &mut Container) {
    let sources: u32 = machine.sh("find /usr/lib/stack/python3 -name '*.py' | wc -l").parse().unwrap();
    let made: u32 = machine.sh(&format!("{COMPILED} | wc -l")).parse().unwrap();
    assert!(made > 100 && made <= sources && sources - made < 20, "{made} of {sources}");
    // Python itself has nothing to add or to change: it would write what it finds missing or stale.
    let when = format!("{COMPILED} -printf '%p %T@\\n' | sort | sha256sum");
    let before = machine.sh(&when);
    machine.sh("python3 -m compileall -q /usr/lib/stack/python3");
    assert_eq!(machine.sh(&when), before);
}

fn upgraded(machine: &mut Container) {
    assert_eq!(machine.sh("PYTHONPATH=/usr/lib/stack/python3 python3 -c 'import dotenv; print(1)'"), "1");
    let visits = count(machine);
    let said = install(machine, "2.0.0");
    assert!(!said.contains("stack: "), "{said}");
    // The app has half of its libraries from the package, and half from Debian, as apt has seen to.
    let libraries = machine.get("/libraries", 200);
    assert!(libraries.contains("\nclick 8.2.1\n"), "{libraries}");
    assert!(libraries.contains("\n/usr/lib/stack/python3/markupsafe/_speedups."), "{libraries}");
    assert!(libraries.contains("\n/usr/lib/python3/dist-packages/psycopg2/_psycopg."), "{libraries}");
    assert!(machine.sh("apt-get -s remove python3-psycopg2").contains("\nRemv stack "));
    assert_eq!(machine.get("/visits", 200), (visits + 1).to_string());
    // Nothing of the version before is there, compiled or not.
    assert_eq!(machine.sh("find /usr/lib/stack | grep -E 'dotenv|click-8.1' || true"), "");
    let stale = "find /usr/lib/stack -name '*.pyc' | sed -E 's|/__pycache__/([^/]*)\\.cpython-313\\.pyc$|/\\1.py|' | \
        while read -r source; do [ -e \"$source\" ] || echo \"$source\"; done";
    assert_eq!(machine.sh(stale), "");
}

fn verified(machine: &mut Container) {
    assert_eq!(machine.sh("dpkg --verify stack | grep -v -E ' /usr/share/(doc|lintian|man)/' || true"), "");
}

fn purged(machine: &mut Container) {
    machine.sh("dpkg --purge stack 2>&1");
    assert_eq!(machine.sh("find /usr/lib/stack 2>/dev/null || true"), "");
}
