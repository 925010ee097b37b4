//! What each server for Python serves: Gunicorn, uWSGI and Granian for Flask (WSGI); Gunicorn with uvicorn, uvicorn alone and
//! Granian for Starlette (ASGI). Each is a stack as stackdeb makes it, with no other key than `server`, and all are installed
//! in one container, each at a port of its own. wrk asks them in turn, so that what else happens on this computer happens to
//! all of them. It needs root, as the container does.
//!
//! `/` is a short text. `/wait` takes 10 ms in which the processor is free, as a query of a database does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a benchmark ends in a panic when something is not as it should be"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use support::container::{Container, enter};
use support::edition::{edit, edition};
use support::kept;
use support::packages::files_of;
use support::server::Server;
use support::wrk::{self, Load};

const LOAD: Load = Load { connections: 16, seconds: 5, rounds: 3 };

/// A server of stack.toml and the kind of application that it serves.
struct Case {
    kind: &'static str,
    server: &'static str,
}

/// The first of a kind is its default.
const CASES: [Case; 6] = [
    Case { kind: "wsgi", server: "gunicorn" },
    Case { kind: "wsgi", server: "uwsgi" },
    Case { kind: "wsgi", server: "granian" },
    Case { kind: "asgi", server: "gunicorn" },
    Case { kind: "asgi", server: "uvicorn" },
    Case { kind: "asgi", server: "granian" },
];

const FLASK: &str = r#"
import time

from flask import Flask

app = Flask(__name__)


@app.get("/")
@app.get("/healthz")
def index():
    return "Hello from Flask via systemd!"


@app.get("/wait")
def wait():
    time.sleep(0.01)
    return "waited"
"#;

const STARLETTE: &str = r#"
import asyncio

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def index(_request):
    return PlainTextResponse("Hello from Starlette via systemd!")


async def wait(_request):
    await asyncio.sleep(0.01)
    return PlainTextResponse("waited")


app = Starlette(routes=[Route("/", index), Route("/healthz", index), Route("/wait", wait)])
"#;

impl Case {
    /// The package's name: `KIND-SERVER`.
    fn name(&self) -> String {
        format!("{}-{}", self.kind, self.server)
    }

    fn build(&self, port: usize) -> PathBuf {
        edition(&kept().join("bench-servers").join(self.name()), "1.0.0", |project| self.write(project, port))
    }

    fn write(&self, project: &Path, port: usize) {
        let (app, library) =
            if self.kind == "wsgi" { (FLASK, "python3-flask") } else { (STARLETTE, "python3-starlette") };
        fs::write(project.join("app/app.py"), app).unwrap();
        let manifest = project.join("stack.toml");
        let mut keys = format!("kind = \"{}\"\nserver = \"{}\"\n", self.kind, self.server);
        if self.server == "granian" {
            fs::write(project.join("requirements.txt"), "granian==2.8.9\nclick==8.1.8\n").unwrap();
            keys += "requirements = \"requirements.txt\"\n";
        }
        edit(&manifest, "name = \"stack\"", &format!("name = \"{}\"", self.name()));
        let depends = "depends = [\"python3-flask\", \"gunicorn\", \"python3-psycopg2\"]";
        edit(&manifest, depends, &format!("{keys}depends = [\"{library}\"]\n\n[site]\nport = {port}"));
        edit(&manifest, "[database]\nmigrations = \"migrations\"\n", "");
    }
}

fn main() {
    let mut packages =
        files_of("uwsgi-core, uwsgi-plugin-python3, python3-uvicorn, python3-websockets, python3-starlette");
    let first_port = 8101;
    packages.extend(CASES.iter().enumerate().map(|(number, case)| case.build(first_port + number)));
    // The container reaches no network.
    support::layers::prepare(support::Built::WithoutPackage);
    enter();
    let machine = Container::boot("bench");
    for file in &packages {
        machine.copy(file);
    }
    machine.sh("cd /root && DEBIAN_FRONTEND=noninteractive dpkg --unpack --force-depends *.deb && dpkg --configure -a");
    machine.sh("systemctl stop '*.timer'");
    println!("{} processors, {} connections", thread::available_parallelism().unwrap(), LOAD.connections);
    for kind in ["wsgi", "asgi"] {
        let sides: Vec<(&str, String)> = (first_port..)
            .zip(&CASES)
            .filter(|(_, case)| case.kind == kind)
            .map(|(port, case)| (case.server, format!("http://{}:{port}", machine.host())))
            .collect();
        for path in ["/", "/wait"] {
            println!();
            wrk::rank(&format!("{kind} {path}"), path, LOAD, &sides);
        }
    }
    println!("\nmemory afterwards, all processes of a service together:");
    for case in &CASES {
        // What several processes share counts once: "Pss" in proc_pid_smaps(5).
        let script = format!(
            "cd /sys/fs/cgroup/$(systemctl show -P ControlGroup {}.service) && \
             for p in $(cat cgroup.procs); do cat /proc/$p/smaps_rollup; done | awk '$1 == \"Pss:\" {{ sum += $2 }} END {{ print sum }}'",
            case.name()
        );
        let kibibytes: f64 = machine.sh(&script).parse().unwrap();
        println!("{:<24} {:>10.0} MB", case.name(), kibibytes * 1024.0 / 1e6);
    }
}
