//! Applications that others wrote, and Django's way of doing things, as judges: each example is built, installed on a booted
//! Debian, given an entry by a visitor, upgraded, and asked for that entry. [`ALL`] has them; what is particular to each is in
//! a file of its own.

mod ara_records;
mod board;
mod calendars;
mod comments;
mod encyclopedia;
mod errors;
mod expenses;
mod flows;
mod kinto;
mod python_index;
mod script_forms;
mod secrets;
mod timetagger;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ahead::{Ahead, Step};
use crate::container::Container;
use crate::edition::{copy_example, edit};
use crate::packages::files_of;
use crate::server::Server;
use crate::{kept, run, stackdeb};

pub use browser::Browser;

mod browser;

/// A public application with the project in `examples/` that packs it.
pub struct Application {
    /// The name of its folder in `examples/`, and of its package.
    pub name: &'static str,
    /// Leaves an entry, as a visitor or an administrator does.
    pub write: fn(&Container, &Browser),
    /// Finds the entry, and whatever else has to be true of the application.
    pub read: fn(&Container, &Browser),
}

/// Those that `tests/server/applications.rs` installs.
pub const ALL: &[Application] = &[
    ara_records::ARA_RECORDS,
    board::BOARD,
    timetagger::TIMETAGGER,
    calendars::CALENDARS,
    python_index::PYTHON_INDEX,
    comments::COMMENTS,
    secrets::SECRETS,
    kinto::KINTO,
    expenses::EXPENSES,
    errors::ERRORS,
    encyclopedia::ENCYCLOPEDIA,
    flows::FLOWS,
    script_forms::SCRIPT_FORMS,
];

/// Those with a library that has no wheel: a lock says what its build needs.
const WITHOUT_WHEELS: &[&str] = &["comments", "expenses"];

/// What the container lacks of what they need.
const PACKAGES: &str = "libnginx-mod-http-brotli-static, python3-uvicorn, python3-websockets, gunicorn, python3";
/// What those need beside that which keep something in Valkey.
const VALKEY: &str = "valkey-server";
const WITH_VALKEY: &[&str] = &["secrets", "script-forms"];

/// Those whose site has no name at first, and in the second version that one.
const WITH_NAME: &[(&str, &str)] = &[("board", "board.example.org")];

/// Both versions of each application, and what the container lacks.
struct Prepared {
    packages: Vec<(&'static str, [PathBuf; 2])>,
    debian: Vec<PathBuf>,
}

static PREPARED: Ahead<Prepared> = Ahead::new();

/// Builds the packages of these applications, two versions of each.
pub fn ahead(names: Vec<&'static str>) -> Step {
    PREPARED.by(|| Prepared {
        debian: match names.iter().any(|name| WITH_VALKEY.contains(name)) {
            true => files_of(&format!("{PACKAGES}, {VALKEY}")),
            false => files_of(PACKAGES),
        },
        packages: names
            .into_iter()
            .map(|name| (name, ["1.0.0", "2.0.0"].map(|version| build(name, version))))
            .collect(),
    })
}

/// Builds a version of an example. Its files are not compressed, which saves most of the time, and both versions
/// have one time, so that a build command runs once.
fn build(name: &str, version: &str) -> PathBuf {
    let folder = kept().join("applications").join(format!("{name}-{version}"));
    copy_example(name, version, &folder);
    if let Some((_, host)) = WITH_NAME.iter().find(|(one, _)| *one == name && version != "1.0.0") {
        let site = format!("[site]\nserver-names = [\"{host}\"]\n\n[[site.static]]");
        edit(&folder.join("stack.toml"), "[[site.static]]", &site);
    }
    if WITHOUT_WHEELS.contains(&name) {
        run(stackdeb().args(["lock", "--libraries"]).current_dir(&folder));
    }
    run(stackdeb().arg("deb").current_dir(&folder).env("SOURCE_DATE_EPOCH", "1795773600"));
    folder.join(format!("dist/{name}_{version}_amd64.deb"))
}

/// Boots a Debian that has what the applications need of it.
pub fn boot() -> Container {
    let machine = Container::boot("apps");
    machine.sh("mkdir /root/debian");
    for file in &PREPARED.get().debian {
        machine.copy(file);
    }
    machine.sh("cd /root && dpkg --force-unsafe-io --unpack *.deb && dpkg --configure -a && rm *.deb");
    machine
}

/// Installs the application, leaves an entry, upgrades, finds the entry, and removes it all.
#[track_caller]
pub fn judge(machine: &Container, name: &str) {
    let application = ALL.iter().find(|one| one.name == name).unwrap();
    let (_, packages) = PREPARED.get().packages.iter().find(|(one, _)| *one == name).unwrap();
    let [old, new] = packages;
    let address = machine.address();
    let named = WITH_NAME.iter().find(|(one, _)| *one == name);
    let browser = named.map_or_else(|| Browser::new(&address), |(_, host)| Browser::by_name(host, &address));
    // What a failure before this has left would have the site.
    let names: Vec<&str> = ALL.iter().map(|one| one.name).collect();
    machine.try_sh(&format!("DEBIAN_FRONTEND=noninteractive dpkg --purge {}", names.join(" ")));
    install(machine, name, old);
    (application.write)(machine, &browser);
    (application.read)(machine, &browser);
    install(machine, name, new);
    (application.read)(machine, &browser);
    // The health check finds nothing.
    machine.sh(&format!("systemctl start {name}-health.service"));
    assert_eq!(machine.sh("systemctl --failed --no-legend --plain"), "");
    machine.sh(&format!("DEBIAN_FRONTEND=noninteractive dpkg --purge {name} 2>&1"));
    let left = format!("find /etc /usr /var/lib -path '*/{name}' -not -path '/usr/share/doc*' 2>/dev/null || true");
    assert_eq!(machine.sh(&left), "", "{name} leaves something behind");
}

/// Has apt install a package, about which postinst has nothing to complain.
#[track_caller]
fn install(machine: &Container, name: &str, package: &Path) {
    machine.copy(package);
    let file = package.file_name().unwrap().to_string_lossy();
    let apt = "DEBIAN_FRONTEND=noninteractive apt-get install -y -q";
    let said = machine.sh(&format!("cd /root && {apt} ./{file} 2>&1 </dev/null; rm {file}"));
    assert!(!said.contains(&format!("{name}: ")), "{said}");
    let active = format!("systemctl is-active {name}.service {name}.socket");
    assert_eq!(machine.sh(&active), "active\nactive", "{said}");
}

/// Runs a command on the server as the application.
#[track_caller]
pub fn run_there(machine: &Container, name: &str, command: &str) -> String {
    machine.sh(&format!("{name} run -- {command} 2>&1 </dev/null"))
}

/// The head of an answer, with its status line, asked for by curl with further arguments.
pub fn head(url: &str, further: &[&str]) -> String {
    run(Command::new("curl").args(["-s", "-m", "30", "-o", "/dev/null", "-D", "-"]).args(further).arg(url))
}

/// Sets a variable as an administrator does, and has the application read it.
#[track_caller]
pub fn set_variable(machine: &Container, name: &str, variable: &str, value: &str) {
    let line = format!("{variable}='{value}'");
    let quoted = line.replace('\'', "'\\''");
    machine.sh(&format!("echo '{quoted}' >>/etc/{name}/{name}.env && systemctl restart {name}.service"));
}

/// Makes Django's administrator `ada`, as [`Browser::log_in`] has it, with the program that is the project's `manage.py`.
#[track_caller]
pub fn create_administrator(machine: &Container, name: &str, manage: &str) {
    let ada = "createsuperuser --noinput --username ada --email ada@example.org";
    run_there(machine, name, &format!("env DJANGO_SUPERUSER_PASSWORD=correct-horse {manage} {ada}"));
}

/// The first style sheet of a page is one that the build collected.
#[track_caller]
pub fn check_style_sheet(browser: &Browser, page: &str) {
    let (_, rest) = page.split_once("href=\"/static/").unwrap();
    let style = browser.url(&format!("/static/{}", rest.split('"').next().unwrap()));
    let head = head(&style, &[]);
    assert!(head.starts_with("HTTP/1.1 200 OK") && head.contains("\nCache-Control: public"), "{style}: {head}");
}
