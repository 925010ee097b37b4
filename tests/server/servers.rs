//! The servers beside Gunicorn: uWSGI, Granian for both kinds, and uvicorn alone, the last with HTTPS. One machine; the stack goes
//! from one server to the next, and each is upgraded and reloaded, while requests are sent of which none may fail, a slow one
//! holds no other back, and WebSockets come back.

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::Trial;
use support::ahead::{Ahead, Step};
use support::checks::{Check, checks};
use support::container::Container;
use support::edition::{edit, edition};
use support::lanes::say;
use support::load::Load;
use support::packages::files_of;
use support::server::Server;
use support::upgrade::{HeldRequest, install};
use support::{kept, websocket};

const CHECKS: &[Check<Container>] = &[
    ("uwsgi_serves", |machine| serves(machine, &SERVERS[0])),
    ("granian_serves_wsgi", |machine| serves(machine, &SERVERS[1])),
    ("granian_serves_asgi", |machine| serves(machine, &SERVERS[2])),
    ("uvicorn_serves_without_gunicorn", |machine| serves(machine, &SERVERS[3])),
    ("purge_leaves_nothing", purged),
];

pub fn trials() -> Vec<Trial> {
    checks("servers", boot, CHECKS)
}

/// A server: the version of the stack that has it, its name in stack.toml, the kind, and the program of its main process.
struct Case {
    version: &'static str,
    server: &'static str,
    kind: &'static str,
    program: &'static str,
    /// The file with its settings, and how they call the time for the requests of a process that ends.
    limit: [&'static str; 2],
    /// The scheme that a WebSocket has for the app; empty where the server has none.
    scheme: &'static str,
}

const GRANIAN: &str = "serve_granian.py";
const GRANIANS_LIMIT: [&str; 2] = ["granian.conf.py", "workers_kill_timeout"];
const UWSGIS_LIMIT: [&str; 2] = ["uwsgi.ini", "worker-reload-mercy"];

const SERVERS: [Case; 4] = [
    Case { version: "1.0.0", server: "uwsgi", kind: "wsgi", program: "uwsgi", limit: UWSGIS_LIMIT, scheme: "" },
    Case { version: "2.0.0", server: "granian", kind: "wsgi", program: GRANIAN, limit: GRANIANS_LIMIT, scheme: "" },
    Case { version: "3.0.0", server: "granian", kind: "asgi", program: GRANIAN, limit: GRANIANS_LIMIT, scheme: "ws" },
    Case {
        version: "4.0.0",
        server: "uvicorn",
        kind: "asgi",
        program: "serve_uvicorn.py",
        limit: ["uvicorn.conf.py", "timeout_graceful_shutdown"],
        scheme: "wss",
    },
];

/// `/` says who serves, and what that knows of the visitor. `/held` is answered when the app's file `go` is there.
const WSGI: &str = r#"
import os
import sys
import time

from flask import Flask, request

app = Flask(__name__)


@app.route("/", methods=["GET", "POST"])
def index():
    server = " ".join(name for name in ("gunicorn", "uvicorn", "granian", "uwsgi") if name in sys.modules)
    return f"{server} wsgi {request.scheme} {app.instance_path}"


@app.get("/slow")
def slow():
    time.sleep(3)
    return index()


@app.get("/held")
def held():
    folder = os.environ["STATE_DIRECTORY"]
    open(f"{folder}/asked", "w").close()
    while not os.path.exists(f"{folder}/go"):
        time.sleep(0.1)
    return index()


@app.get("/healthz")
def healthz():
    return "ok"
"#;

const ASGI: &str = r#"
import asyncio
import os
import sys


def server():
    return " ".join(name for name in ("gunicorn", "uvicorn", "granian", "uwsgi") if name in sys.modules)


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            print(f"lifespan of {server()} begins", flush=True)
            await send({"type": "lifespan.startup.complete"})
        print(f"lifespan of {server()} ends", flush=True)
        return await send({"type": "lifespan.shutdown.complete"})
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": f"{scope['scheme']} {message['text']}"})
        return
    if scope["path"] == "/slow":
        await asyncio.sleep(3)
    if scope["path"] == "/held":
        folder = os.environ["STATE_DIRECTORY"]
        open(f"{folder}/asked", "w").close()
        while not os.path.exists(f"{folder}/go"):
            await asyncio.sleep(0.1)
    body = f"{server()} asgi {scope['scheme']} {(scope['client'] or [''])[0]}".encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
"#;

/// Asks as nginx would, for a visitor of a site with HTTPS.
const ASK: &str = "
import http.client, socket
connection = http.client.HTTPConnection('x')
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect('/run/stack/stack.sock')
connection.request('GET', '/', headers={'X-Forwarded-Proto': 'https', 'X-Forwarded-For': '192.0.2.7'})
print(connection.getresponse().read().decode())";

/// The packages of all versions, and Debian's that they need.
static PACKAGES: Ahead<Vec<PathBuf>> = Ahead::new();

/// Builds and downloads what the container needs, which reaches no index and no mirror.
pub fn ahead() -> Step {
    PACKAGES.by(|| {
        let mut packages = files_of("uwsgi-core, uwsgi-plugin-python3, python3-uvicorn, python3-websockets");
        packages.extend(
            SERVERS.map(|case| edition(&kept().join("servers"), case.version, |project| with_server(project, &case))),
        );
        packages
    })
}

fn with_server(project: &Path, case: &Case) {
    fs::write(project.join("app/app.py"), if case.kind == "wsgi" { WSGI } else { ASGI }).unwrap();
    let mut keys = format!("kind = \"{}\"\nserver = \"{}\"\nworkers = 2\n", case.kind, case.server);
    if case.server == "granian" {
        fs::write(project.join("requirements.txt"), "granian==2.8.9\nclick==8.1.8\n").unwrap();
        keys += "requirements = \"requirements.txt\"\n";
    }
    edit(
        &project.join("stack.toml"),
        "depends = [\"python3-flask\", \"gunicorn\",",
        &format!("{keys}depends = [\"python3-flask\","),
    );
    if case.scheme == "wss" {
        edit(&project.join("stack.toml"), "[database]", "[site]\ntls = \"self-signed\"\n\n[database]");
    }
}

fn boot() -> Container {
    let machine = Container::boot("servers");
    for file in PACKAGES.get() {
        machine.copy(file);
    }
    machine.sh("cd /root && dpkg --unpack --force-depends $(ls | grep -v ^stack_) && dpkg --configure -a");
    // What the version before leaves must not be what serves.
    machine.sh("DEBIAN_FRONTEND=noninteractive dpkg --purge --force-depends gunicorn python3-gunicorn 2>&1");
    machine
}

/// From the server before, if there is one, to this one; then, under load, to the same once more, and with the app loaded again.
fn serves(machine: &mut Container, case: &Case) {
    let Case { version, server, kind, program, limit, scheme } = case;
    let said = install(machine, version);
    assert!(!said.contains("stack: "), "{said}");
    // What nginx says, and nobody else can.
    let seen = machine.sh(&format!("python3 -c \"{ASK}\""));
    let own = if *kind == "wsgi" { "/var/lib/stack/app/instance" } else { "192.0.2.7" };
    assert_eq!(seen, format!("{server} {kind} https {own}"));
    if *kind == "asgi" {
        lifespans(machine, server);
    }
    let main = "systemctl show -P MainPID stack.service";
    let first = machine.sh(main);
    let command = machine.sh(&format!("tr '\\0' ' ' </proc/{first}/cmdline"));
    assert!(command.contains(program), "{command}");
    let security = machine.sh("systemd-analyze security --no-pager stack.service | tail -n 1");
    assert!(security.contains("OK"), "{security}");
    // A process that is killed is replaced, and the others serve meanwhile.
    machine.sh(&format!("kill -KILL $(pgrep -P {first} | tail -n 1)"));
    assert!(machine.get("/", 200).starts_with(server));
    machine.sh(&format!("until [ $(pgrep -P {first} | wc -l) = 2 ]; do sleep 0.2; done"));
    assert_eq!(machine.sh(main), first);

    if *server == "uwsgi" {
        // The processes end with a main process that is killed, and do not serve beside those of the next one.
        machine.sh(&format!(
            "old=$(pgrep -P {first}); kill -KILL {first}; for one in $old; do while kill -0 $one 2>/dev/null; do sleep 0.2; done; done"
        ));
        machine.get("/", 200);
    }
    let [settings, limit] = limit;
    let held = HeldRequest::start(machine, settings, limit);
    let first = machine.sh(main);
    let has_websockets = *kind == "asgi";
    let heard = format!("{scheme} one\n1012\n{scheme} two");
    if has_websockets {
        websocket::start_client(machine, scheme);
    }
    let address = machine.address();
    let loads =
        [Load::start(&address, "/", 8), Load::start_with("POST", &address, "/", 8), Load::start(&address, "/slow", 2)];
    let package = format!("./stack_{version}_amd64.deb");
    let said = machine
        .sh(&format!("cd /root && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --reinstall {package} 2>&1"));
    assert!(!said.contains("stack: "), "{said}");
    let second = machine.sh(main);
    assert_ne!(second, first);
    // New requests have their answers, and the old process goes on with its own.
    assert!(machine.get("/", 200).starts_with(server));
    assert!(held.end(machine).starts_with(server));
    if has_websockets {
        assert_eq!(websocket::heard(machine), heard, "{server}");
        websocket::start_client(machine, scheme);
    }
    let reload = format!(
        "old=$(pgrep -P {second}); systemctl reload stack.service; \
         for i in $(seq 300); do kill -0 $old 2>/dev/null || exit 0; sleep 0.2; done; exit 1"
    );
    machine.sh(&reload.replace("kill -0 $old", "(for one in $old; do kill -0 $one && exit 0; done; exit 1)"));
    assert_eq!(machine.sh(main), second);
    if has_websockets {
        assert_eq!(websocket::heard(machine), heard, "{server}");
    }
    let tallies = loads.map(Load::stop);
    for tally in &tallies {
        say(&format!("{server}, {kind}: {tally}"));
    }
    for tally in &tallies {
        assert_eq!((tally.failed, &tally.failures), (0, &Vec::new()), "{server}, {kind}: {tally}");
    }
    if *server == "uwsgi" {
        past_the_limit(machine, &package);
    }
    machine.sh("systemctl start stack-health.service");
    machine.settle();
    broken(machine, server);
    let journal = machine.sh("journalctl --no-pager -u stack.service");
    assert!(!journal.contains("timed out"), "{journal}");
}

/// Nothing of uWSGI is left that could end a request which takes longer than the limit, once the main process has gone.
fn past_the_limit(machine: &Container, package: &str) {
    let held = HeldRequest::start_within(machine, "uwsgi.ini", "worker-reload-mercy", 2);
    let old = machine.sh("pgrep -P $(systemctl show -P MainPID stack.service) | tr '\\n' ' '");
    machine.sh(&format!("cd /root && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --reinstall {package}"));
    machine.sh(&format!(
        "for i in $(seq 150); do left=; for one in {old}; do ! kill -0 $one 2>/dev/null || left=$one; done; \
         [ -n \"$left\" ] || exit 0; sleep 0.2; done; exit 1"
    ));
    let answer = held.ended(machine);
    assert!(answer.contains("502"), "{answer}");
    machine.get("/", 200);
}

/// Each process begins the app's lifespan, and ends it when it is told to end. On a busy machine, uvicorn replaces a process that
/// takes more than five seconds to begin.
fn lifespans(machine: &Container, server: &str) {
    let wait_for = |word: &str| {
        let count = format!("journalctl -u stack.service -o cat | grep -c 'lifespan of {server} {word}'");
        machine
            .sh(&format!("for i in $(seq 100); do [ \"$({count})\" -ge 2 ] && exit; sleep 0.2; done; {count}; exit 1"));
    };
    wait_for("begins");
    machine.sh("systemctl restart stack.service");
    wait_for("ends");
}

/// As an upgrade to such a version would have it.
fn broken(machine: &Container, server: &str) {
    let broken = machine.sh(
        "cd /usr/share/stack && cp app.py /root/app.py && sed -i \"1i raise RuntimeError('the lamp is broken')\" app.py && \
         since=$(date +%s) && (systemctl restart stack.service || true) && ! /usr/libexec/stack/await-app $since",
    );
    assert!(broken.contains("RuntimeError: the lamp is broken"), "{server}: {broken}");
    machine.sh("cp /root/app.py /usr/share/stack/app.py && systemctl reset-failed stack.service && systemctl restart stack.service");
    assert!(machine.get("/", 200).starts_with(server));
}

fn purged(machine: &mut Container) {
    machine.sh("DEBIAN_FRONTEND=noninteractive apt-get purge -y stack");
    assert_eq!(machine.sh("ls -d /etc/stack /usr/libexec/stack 2>/dev/null || true"), "");
    assert_eq!(machine.sh("pgrep -u stack || true; systemctl --failed --no-legend"), "");
}
