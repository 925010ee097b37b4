//! Sites that are no Python applications: the examples of the other kinds on one booted Debian. Each is installed, asked, upgraded
//! while requests are sent, and removed; the checks run in their order.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use libtest_mimic::Trial;
use support::ahead::{Ahead, Step};
use support::checks::{Check, checks};
use support::container::Container;
use support::edition::{copy_example, edit};
use support::lanes::say;
use support::load::{Load, Tally};
use support::packages::files_of;
use support::server::Server;
use support::{crate_stack, kept, run, stackdeb};

use super::applications;

const CHECKS: &[Check<Container>] = &[
    ("nginx_alone_serves_a_site_of_files", files_alone),
    ("its_health_check_asks_for_its_first_page", first_page),
    ("its_upgrade_fails_no_request", files_upgraded),
    ("its_purge_leaves_nothing", files_purged),
    ("a_program_in_node_serves_on_the_socket_of_systemd", node_serves),
    ("its_upgrade_fails_no_request_either", node_upgraded),
    ("a_program_serves_on_a_port_or_a_path", port_and_path),
    ("a_program_that_does_not_start_is_reported", node_broken),
    ("a_purge_of_a_program_leaves_nothing", |machine| purge(machine, "tally-node")),
    ("a_crate_serves_with_the_files_of_its_metadata", crate_serves),
];

/// Those that have to be compiled first, which takes a minute or two.
const COMPILED: &[Check<Container>] = &[
    ("a_program_in_go_is_built_in_the_sandbox_and_serves", |machine| compiled_serves(machine, "tally-go", "Go")),
    ("a_program_in_rust_serves", |machine| compiled_serves(machine, "tally-rust", "Rust")),
];

pub fn trials() -> Vec<Trial> {
    if applications::is_every() {
        return checks("kinds", boot, &[CHECKS, COMPILED].concat());
    }
    let mut trials = checks("kinds", boot, CHECKS);
    trials.extend(COMPILED.iter().map(|(test, _)| applications::not_asked("kinds", test)));
    trials
}

/// What the container lacks, and the packages of the examples.
struct Prepared {
    debian: Vec<PathBuf>,
    examples: Vec<PathBuf>,
}

static PREPARED: Ahead<Prepared> = Ahead::new();

pub fn ahead() -> Step {
    let debian = if applications::is_every() { ", gdb" } else { "" };
    let debian = format!("libnginx-mod-http-brotli-static, nodejs{debian}");
    PREPARED.by(move || Prepared { debian: files_of(&debian), examples: examples() })
}

fn examples() -> Vec<PathBuf> {
    let listen = |way: &'static str| {
        move |project: &Path| {
            edit(&project.join("stack.toml"), "kind = \"exec\"", &format!("kind = \"exec\"\nlisten = \"{way}\""));
        }
    };
    let broken =
        |project: &Path| edit(&project.join("app/server.js"), "\"use strict\";", "throw new Error(\"no lamp\");");
    let slow = |file: &'static str| move |project: &Path| edit(&project.join(file), "At last.", "At long last.");
    let mut all = vec![
        example("leaflet", "1.0.0", |_| {}),
        example("leaflet", "2.0.0", next_leaflet),
        example("tally-node", "1.0.0", |_| {}),
        example("tally-node", "2.0.0", slow("app/server.js")),
        example("tally-node", "3.0.0", listen("port")),
        example("tally-node", "4.0.0", listen("path")),
        example("tally-node", "5.0.0", broken),
    ];
    for version in ["1.0.0", "2.0.0"] {
        let folder = kept().join("kinds").join(format!("shop-{version}"));
        let _ = fs::remove_dir_all(&folder);
        crate_stack::write(&folder, version);
        run(stackdeb().arg("deb").current_dir(&folder).env("CARGO_TARGET_DIR", kept().join("kinds/target")));
        all.push(folder.join(format!("dist/shop_{version}_amd64.deb")));
    }
    if applications::is_every() {
        for (name, source) in [("tally-go", "app/main.go"), ("tally-rust", "src/main.rs")] {
            let first = example(name, "1.0.0", |_| {});
            all.extend([first.with_file_name(format!("{name}-dbgsym_1.0.0_amd64.deb")), first]);
            all.push(example(name, "2.0.0", slow(source)));
        }
    }
    all
}

/// Builds a version of an example, with a change to the second one.
fn example(name: &str, version: &str, change: impl Fn(&Path)) -> PathBuf {
    let folder = kept().join("kinds").join(format!("{name}-{version}"));
    copy_example(name, version, &folder);
    if version != "1.0.0" {
        change(&folder);
    }
    // What cargo compiles is the same for both versions, except the program itself.
    run(stackdeb().arg("deb").current_dir(&folder).env("CARGO_TARGET_DIR", kept().join("kinds/target")));
    folder.join(format!("dist/{name}_{version}_amd64.deb"))
}

fn boot() -> Container {
    let machine = Container::boot("kinds");
    let Prepared { debian, examples } = PREPARED.get();
    for file in debian {
        machine.copy(file);
    }
    machine.sh("cd /root && dpkg --force-unsafe-io --unpack *.deb && dpkg --configure -a && rm *.deb");
    for package in examples {
        machine.copy(package);
    }
    machine
}

/// Has apt install a version, about which postinst has nothing to complain.
#[track_caller]
fn install(machine: &Container, name: &str, version: &str) {
    let apt = "DEBIAN_FRONTEND=noninteractive apt-get install -y -q --allow-downgrades";
    let said = machine.sh(&format!("cd /root && {apt} ./{name}_{version}_amd64.deb 2>&1 </dev/null"));
    assert!(!said.contains(&format!("{name}: ")), "{said}");
}

/// Upgrades from 1.0.0 to 2.0.0 while these paths are asked for: no request may fail.
#[track_caller]
fn upgrade_under_load(machine: &Container, name: &str, loads: &[(&'static str, usize)]) -> Vec<Tally> {
    let address = machine.address();
    let loads: Vec<Load> = loads.iter().map(|(path, many)| Load::start(&address, path, *many)).collect();
    thread::sleep(Duration::from_secs(1));
    install(machine, name, "2.0.0");
    thread::sleep(Duration::from_secs(1));
    let tallies: Vec<Tally> = loads.into_iter().map(Load::stop).collect();
    for tally in &tallies {
        say(&format!("{name}: {tally}"));
    }
    for tally in &tallies {
        assert_eq!((tally.failed, &tally.failures), (0, &Vec::new()), "{name}: {tally}");
    }
    tallies
}

/// Removes a package with all that it has made.
#[track_caller]
fn purge(machine: &Container, name: &str) {
    machine.sh(&format!("DEBIAN_FRONTEND=noninteractive apt-get purge -y -q {name} 2>&1"));
    let left = format!(
        "find /etc /usr /var/lib /var/log /run -xdev -path '*{name}*' -not -path '*/share/doc*' -not -path '*/dpkg/*' -not -path '*/apt/*'"
    );
    assert_eq!(machine.sh(&format!("{left} 2>/dev/null || true")), "", "{name} leaves something behind");
    assert_eq!(machine.sh("systemctl --failed --no-legend --plain"), "");
    assert!(machine.get("/", 200).contains("Welcome to nginx"));
}

/// The head and the body of an answer, decoded as a browser does, with further arguments of curl.
fn fetch(machine: &Container, path: &str, further: &[&str]) -> (String, String) {
    let mut curl = Command::new("curl");
    curl.args(["-si", "--path-as-is", "--compressed", "-m", "30"]).args(further);
    let answer = run(curl.arg(format!("http://{}{path}", machine.address())));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (format!("{head}\r\n"), body.to_owned())
}

const IMMUTABLE: &str = "\r\nCache-Control: public, max-age=31536000, immutable\r\n";
/// Asked for again after a minute.
const SHORT: &str = "\r\nCache-Control: public, max-age=60\r\n";

/// The style sheet of a version of the leaflet: its hash is in its name.
const OLD_SHEET: &str = "/assets/leaflet.791c27bff3b9.css";
const NEW_SHEET: &str = "/assets/leaflet.0b6d2f7a41c8.css";

fn next_leaflet(project: &Path) {
    let site = project.join("site");
    fs::rename(site.join(&OLD_SHEET[1..]), site.join(&NEW_SHEET[1..])).unwrap();
    for page in ["index.html", "about.html", "docs/index.html", "404.html"] {
        edit(&site.join(page), OLD_SHEET, NEW_SHEET);
    }
}

fn files_alone(machine: &mut Container) {
    install(machine, "leaflet", "1.0.0");
    let depends = machine.sh("dpkg-query -W -f '${Depends}' leaflet");
    assert!(!depends.contains("python") && !depends.contains("gunicorn"), "{depends}");
    // The health check may just be running, and ends.
    machine.sh("for i in $(seq 300); do pgrep -u leaflet >/dev/null || exit 0; sleep 0.2; done; exit 1");
    assert_eq!(machine.sh("ls /run/leaflet/leaflet.sock /usr/bin/leaflet /usr/share/leaflet 2>/dev/null || true"), "");
    let units = machine.sh("systemctl list-unit-files --no-legend --plain 'leaflet*' | cut -d' ' -f1");
    assert_eq!(units, "leaflet-health-alert.service\nleaflet-health.service\nleaflet-health.timer");

    for (path, words) in [
        ("/", "A leaflet"),
        ("/index.html", "A leaflet"),
        ("/about", "The file is about.html"),
        ("/about.html", "The file is about.html"),
        ("/docs/", "The file is docs/index.html"),
    ] {
        let (head, body) = fetch(machine, path, &[]);
        assert!(
            head.starts_with("HTTP/1.1 200 ") && head.contains(SHORT) && body.contains(words),
            "{path}: {head}{body}"
        );
        assert!(head.contains("\r\nContent-Type: text/html; charset=utf-8\r\n"), "{path}: {head}");
    }
    let (head, _) = fetch(machine, "/docs?a=b", &[]);
    assert!(head.starts_with("HTTP/1.1 301 ") && head.contains("\r\nLocation: /docs/?a=b\r\n"), "{head}");
    for path in ["/nowhere", "/assets/", "/assets", "/404", "/.git/config", "/docs/nowhere.html"] {
        let (head, body) = fetch(machine, path, &["-L"]);
        let known = path == "/404";
        let status = if known { "HTTP/1.1 200 " } else { "HTTP/1.1 404 " };
        assert!(head.contains(status) || body.contains(status), "{path}: {head}{body}");
        assert!(body.contains("There is no such page"), "{path}: {head}{body}");
    }
    let (head, _) = fetch(machine, "/", &["-d", "a=b"]);
    assert!(head.starts_with("HTTP/1.1 405 "), "{head}");
    for path in ["/../index.html", "/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd"] {
        let (head, body) = fetch(machine, path, &[]);
        assert!(!head.starts_with("HTTP/1.1 200 ") && !body.contains("root:"), "{path}: {head}{body}");
    }
    // The copies were made when the package was built.
    for (accepted, encoding) in [("gzip, br", "br"), ("gzip", "gzip")] {
        let (head, body) = fetch(machine, OLD_SHEET, &["-H", &format!("Accept-Encoding: {accepted}")]);
        assert!(head.contains(&format!("\r\nContent-Encoding: {encoding}\r\n")) && head.contains(IMMUTABLE), "{head}");
        assert!(body.contains("prefers-color-scheme"), "{body}");
    }
}

fn first_page(machine: &mut Container) {
    machine.sh("systemctl start leaflet-health.service");
    machine.sh("tail -n 1 /var/log/leaflet/health_check.log | grep -v UNHEALTHY");
    let page = "/usr/share/stackdeb-leaflet/plain/index.html";
    machine.sh(&format!("mv {page} /root/"));
    assert_ne!(machine.try_sh("systemctl start leaflet-health.service").status.code(), Some(0));
    machine.sh("tail -n 1 /var/log/leaflet/health_check.log | grep 'UNHEALTHY.*404'");
    machine.sh(&format!("mv /root/index.html {page} && systemctl start leaflet-health.service"));
    machine.settle();
}

fn files_upgraded(machine: &mut Container) {
    let nginx = "systemctl show -P MainPID -P ExecMainStartTimestampMonotonic nginx.service; pgrep -P $(systemctl show -P MainPID nginx.service)";
    let before = machine.sh(nginx);
    let tallies = upgrade_under_load(machine, "leaflet", &[("/", 8), ("/about", 4), (OLD_SHEET, 4)]);
    for tally in &tallies[..2] {
        let sheets = [OLD_SHEET, NEW_SHEET].map(|sheet| tally.bodies.iter().any(|body| body.contains(sheet)));
        assert_eq!(sheets, [true, true], "{}: {:?}", tally.path, tally.bodies);
    }
    // The site is the same, so nginx was not even reloaded.
    assert_eq!(machine.sh(nginx), before);
    // A page of the version before may still be open.
    for sheet in [OLD_SHEET, NEW_SHEET] {
        let (head, _) = fetch(machine, sheet, &[]);
        assert!(head.starts_with("HTTP/1.1 200 ") && head.contains(IMMUTABLE), "{sheet}: {head}");
    }
    assert_eq!(machine.sh("dpkg --verify leaflet | grep -v -E ' /usr/share/(doc|lintian|man)/' || true"), "");
}

fn files_purged(machine: &mut Container) {
    purge(machine, "leaflet");
}

/// Whether the stack's programs get memory that is both written and executed.
fn gets_write_execute(machine: &Container, name: &str) -> bool {
    let map = "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)";
    machine.try_sh(&format!("{name} run -- python3 -c '{map}'")).status.success()
}

/// What holds for a program in every language.
#[track_caller]
fn assert_serves(machine: &Container, name: &str, language: &str) {
    assert!(machine.get("/", 200).starts_with(&format!("Hello from {language}, visitor ")), "{name}");
    let unit = format!("{name}.service");
    let shown = machine.sh(&format!("systemctl show -P WorkingDirectory -P User {unit}"));
    let folder = if name == "tally-rust" { format!("/usr/share/{name}") } else { format!("/usr/lib/{name}/app") };
    assert_eq!(shown, format!("{folder}\n{name}"));
    let security = machine.sh(&format!("systemd-analyze security --no-pager {unit} | tail -n 1"));
    assert!(security.contains("OK"), "{security}");
    machine.sh(&format!("systemctl start {name}-health.service"));
    // In maintenance, another program answers in the same place.
    machine.sh(&format!("/usr/libexec/{name}/maintenance on 600"));
    machine.get("/", 503);
    machine.sh(&format!("/usr/libexec/{name}/maintenance off"));
    machine.get("/", 200);
    machine.settle();
}

fn node_serves(machine: &mut Container) {
    install(machine, "tally-node", "1.0.0");
    assert_serves(machine, "tally-node", "Node.js");
    // Node makes machine code while it runs, and says so by its name.
    assert!(gets_write_execute(machine, "tally-node"));
}

/// The bodies of both versions were seen, and what serves now is not what served before.
#[track_caller]
fn upgraded_under_load(machine: &Container, name: &str) {
    let main = format!("systemctl show -P MainPID {name}.service");
    let before = machine.sh(&main);
    let tallies = upgrade_under_load(machine, name, &[("/", 12), ("/slow", 3)]);
    assert_eq!(tallies[1].bodies.iter().map(String::as_str).collect::<Vec<_>>(), ["At last.", "At long last."]);
    assert_ne!(machine.sh(&main), before);
    let journal = machine.sh(&format!("journalctl --no-pager -u {name}.service"));
    assert!(!journal.contains("SIGKILL") && !journal.contains("timed out") && !journal.contains("Failed"), "{journal}");
}

fn node_upgraded(machine: &mut Container) {
    upgraded_under_load(machine, "tally-node");
}

fn port_and_path(machine: &mut Container) {
    install(machine, "tally-node", "3.0.0");
    assert_serves(machine, "tally-node", "Node.js");
    // systemd no longer holds a socket, and nobody else reaches the port.
    assert_ne!(machine.try_sh("systemctl is-active tally-node.socket").status.code(), Some(0));
    let pid = machine.sh("systemctl show -P MainPID tally-node.service");
    let listens = machine.sh(&format!("ss -Hlntp | grep 'pid={pid},' | tr -s ' ' | cut -d' ' -f4"));
    assert!(listens.ends_with(":8000"), "{listens}");

    install(machine, "tally-node", "4.0.0");
    assert_serves(machine, "tally-node", "Node.js");
    let socket = "/run/tally-node/app/http.sock";
    assert_eq!(machine.sh(&format!("stat -c '%U:%G %a' {socket}")), "tally-node:www-data 770");
    let ask = |user: &str| {
        let connect = format!("import socket; socket.socket(socket.AF_UNIX).connect(\"{socket}\")");
        machine.try_sh(&format!("runuser -u {user} -- python3 -c '{connect}'")).status.success()
    };
    assert!(ask("www-data") && !ask("nobody"));
    // A socket that a killed program has left is no obstacle.
    machine.sh("systemctl kill --signal=SIGKILL tally-node.service");
    machine.get("/healthz", 200);
}

fn node_broken(machine: &mut Container) {
    let apt = "DEBIAN_FRONTEND=noninteractive apt-get install -y -q";
    let said = machine.sh(&format!("cd /root && {apt} ./tally-node_5.0.0_amd64.deb 2>&1 </dev/null"));
    for words in ["tally-node: tally-node.service does not come up", "no lamp"] {
        assert!(said.contains(words), "no `{words}` in: {said}");
    }
    install(machine, "tally-node", "1.0.0");
    machine.get("/", 200);
    machine.settle();
}

/// gdb knows no line of the running program before the package with its debugging data is installed, and then it does.
fn find_lines(machine: &Container, name: &str) {
    let program = machine.sh(&format!("readlink /proc/$(systemctl show -P MainPID {name}.service)/exe"));
    let (from, line) = if name == "tally-go" { ("main.go", 20) } else { ("main.rs", 20) };
    let ask = format!("gdb -nx -batch -ex 'info line {from}:{line}' {program} 2>&1 || true");
    assert!(!machine.sh(&ask).contains("starts at address"), "{name}");
    machine.sh(&format!("cd /root && apt-get install -y -q ./{name}-dbgsym_1.0.0_amd64.deb </dev/null"));
    let found = machine.sh(&ask);
    assert!(found.contains(&format!("Line {line} of ")) && found.contains("address 0x"), "{name}: {found}");
    machine.sh(&format!("dpkg --purge {name}-dbgsym"));
}

/// The program that cargo built answers with a file that its assets install, and its upgrade fails no request.
fn crate_serves(machine: &mut Container) {
    install(machine, "shop", "1.0.0");
    assert_eq!(machine.get("/", 200), "1.0.0 a lamp");
    let main = machine.sh("readlink /proc/$(systemctl show -P MainPID shop.service)/exe");
    assert_eq!(main, "/usr/lib/shop/bin/shop");
    assert_eq!(machine.sh("shop run -- sh -c 'cat /etc/shop/prices.conf; pwd'"), "lamp = 12\n/usr/share/shop");
    machine.sh("systemctl start shop-health.service");
    machine.settle();
    let tallies = upgrade_under_load(machine, "shop", &[("/", 8)]);
    let bodies: Vec<&str> = tallies[0].bodies.iter().map(String::as_str).collect();
    assert_eq!(bodies, ["1.0.0 a lamp", "2.0.0 a lamp"]);
    purge(machine, "shop");
}

/// A program in machine code: its mode and its dependencies follow from the file.
fn compiled_serves(machine: &mut Container, name: &str, language: &str) {
    install(machine, name, "1.0.0");
    assert_serves(machine, name, language);
    find_lines(machine, name);
    let depends = machine.sh(&format!("dpkg-query -W -f '${{Depends}}' {name}"));
    assert!(depends.contains("libc6 (>= ") && !depends.contains("golang"), "{depends}");
    let sources = machine.sh(&format!("dpkg -L {name} | grep -E '[.](go|rs|mod)$' || true"));
    assert_eq!(sources, "");
    assert!(!gets_write_execute(machine, name));
    upgraded_under_load(machine, name);
    purge(machine, name);
}
