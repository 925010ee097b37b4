//! An app whose libraries come from the index: installed, asked, upgraded to other versions of them, one of these Debian's own,
//! and removed. One machine, one boot; the checks run in their order. The packages are built before the machine loses its network.

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::Trial;
use support::ahead::{Ahead, Step};
use support::checks::{Check, checks};
use support::container::Container;
use support::edition::{edit, edition};
use support::server::Server;
use support::upgrade::{count, install};
use support::{kept, run, stackdeb};

const CHECKS: &[Check<Container>] = &[
    ("the_app_runs_on_the_libraries_of_its_package", app_runs),
    ("their_programs_run_from_any_shell", programs_run),
    ("they_are_compiled_on_the_server", compiled),
    ("an_upgrade_changes_them", upgraded),
    ("dpkg_verifies_them", verified),
    ("purge_leaves_nothing_of_them", purged),
];

pub fn trials() -> Vec<Trial> {
    checks("libraries", boot, CHECKS)
}

/// What both versions have: pure libraries, a compiled one, the server itself, and one that has no wheel (docopt).
const BOTH: &str = "flask==3.1.0\nwerkzeug==3.1.3\njinja2==3.1.6\nitsdangerous==2.2.0\nblinker==1.9.0\n\
    markupsafe==3.0.2\ngunicorn==23.0.0\npackaging==24.2\ndocopt==0.6.2\n";

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

    import click
    import docopt
    import gunicorn
    import markupsafe._speedups

    modules = [click, docopt, gunicorn, markupsafe._speedups, psycopg2._psycopg]
    lines = [f"{name} {importlib.metadata.version(name)}" for name in ("flask", "click", "gunicorn")]
    lines += [module.__file__ for module in modules] + [sys.executable]
    return "\n".join(lines)


@app.get("/visits")"#;

/// Both packages.
static PACKAGES: Ahead<[PathBuf; 2]> = Ahead::new();

pub fn ahead() -> Step {
    PACKAGES.by(|| VERSIONS.map(|(version, own, from_debian)| package(version, own, from_debian)))
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
    assert!(lines[3..8].iter().all(|file| file.starts_with("/usr/lib/stack/python3/")), "{said}");
    assert_eq!(lines[8], "/usr/bin/python3");
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
