//! The servers beside Gunicorn: uWSGI, Granian for both kinds, and uvicorn alone. One machine; the stack goes from one server to
//! the next, and each is upgraded and reloaded, while requests are sent of which none may fail, and WebSockets come back.

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
use support::upgrade::install;
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
}

const SERVERS: [Case; 4] = [
    Case { version: "1.0.0", server: "uwsgi", kind: "wsgi", program: "uwsgi" },
    Case { version: "2.0.0", server: "granian", kind: "wsgi", program: "serve_granian.py" },
    Case { version: "3.0.0", server: "granian", kind: "asgi", program: "serve_granian.py" },
    Case { version: "4.0.0", server: "uvicorn", kind: "asgi", program: "serve_uvicorn.py" },
];

/// `/` says who serves, and what that knows of the visitor.
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


@app.get("/healthz")
def healthz():
    return "ok"
"#;

const ASGI: &str = r#"
import asyncio
import sys


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        return await send({"type": "lifespan.shutdown.complete"})
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
        return
    if scope["path"] == "/slow":
        await asyncio.sleep(3)
    server = " ".join(name for name in ("gunicorn", "uvicorn", "granian", "uwsgi") if name in sys.modules)
    body = f"{server} asgi {scope['scheme']} {(scope['client'] or [''])[0]}".encode()
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
    let Case { version, server, kind, program } = case;
    let said = install(machine, version);
    assert!(!said.contains("stack: "), "{said}");
    // What nginx says, and nobody else can.
    let seen = machine.sh(&format!("python3 -c \"{ASK}\""));
    let own = if *kind == "wsgi" { "/var/lib/stack/app/instance" } else { "192.0.2.7" };
    assert_eq!(seen, format!("{server} {kind} https {own}"));
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

    let has_websockets = *kind == "asgi";
    if has_websockets {
        websocket::start_client(machine);
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
    if has_websockets {
        assert_eq!(websocket::heard(machine), "one\n1012\ntwo", "{server}");
        websocket::start_client(machine);
    }
    let reload = format!(
        "old=$(pgrep -P {second}); systemctl reload stack.service; \
         for i in $(seq 300); do kill -0 $old 2>/dev/null || exit 0; sleep 0.2; done; exit 1"
    );
    machine.sh(&reload.replace("kill -0 $old", "(for one in $old; do kill -0 $one && exit 0; done; exit 1)"));
    assert_eq!(machine.sh(main), second);
    if has_websockets {
        assert_eq!(websocket::heard(machine), "one\n1012\ntwo", "{server}");
    }
    let tallies = loads.map(Load::stop);
    for tally in &tallies {
        say(&format!("{server}, {kind}: {tally}"));
    }
    for tally in &tallies {
        assert_eq!((tally.failed, &tally.failures), (0, &Vec::new()), "{server}, {kind}: {tally}");
    }
    machine.sh("systemctl start stack-health.service");
    machine.settle();
    broken(machine, server);
    let journal = machine.sh("journalctl --no-pager -u stack.service");
    assert!(!journal.contains("timed out"), "{journal}");
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
