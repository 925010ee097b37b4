//! Celery and RQ, from PyPI, as workers over the stack's own Valkey: each does a task. In the soak, an upgrade meets a task of each
//! that is running and one that waits, and each is done once. On the container of `asgi`, which has Valkey.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use support::ahead::{Ahead, Step};
use support::container::Container;
use support::server::Server;
use support::{kept, run, stackdeb};

use crate::applications::is_every;

/// What `pip install rq 'celery[redis]'` chose.
const REQUIREMENTS: &str = "rq==3.0.0\ncelery==5.7.0\nredis==8.1.0\nclick==8.5.1\nclick-didyoumean==0.3.1\n\
    click-plugins==1.1.1.2\nclick-repl==0.4.1\nprompt-toolkit==3.0.53\nwcwidth==0.9.4\nkombu==5.7.0\namqp==5.4.2\nvine==5.1.0\n\
    packaging==26.3\nbilliard==4.3.2\ntzlocal==5.4.5\npython-dateutil==2.9.0.post0\nsix==1.17.0\ncroniter==7.0.0\n\
    typing-extensions==4.16.0\n";

/// The first task lasts until there is a file that says so.
const TASKS: &str = r#"
import os
import time

from celery import Celery

FOLDER = os.environ["STATE_DIRECTORY"]
queue = Celery("tasks", broker=os.environ["VALKEY_URL"].replace("unix://", "redis+socket://"))


def write(*words):
    with open(f"{FOLDER}/done", "a") as file:
        file.write(" ".join(words) + "\n")


def work(who, task):
    write(who, task, "begun", "VERSION")
    while task == "first" and not os.path.exists(f"{FOLDER}/go"):
        time.sleep(0.1)
    write(who, task, "ended", "VERSION")


@queue.task
def with_celery(task):
    work("celery", task)


def with_rq(task):
    work("rq", task)
"#;

/// A visit puts a task into each of the two queues.
const APP: &str = r#"
import os

import redis
import rq

import tasks

queue = rq.Queue(connection=redis.Redis.from_url(os.environ["VALKEY_URL"]))


def app(environ, start_response):
    task = environ["PATH_INFO"].removeprefix("/tasks/")
    if task != environ["PATH_INFO"]:
        tasks.with_celery.delay(task)
        queue.enqueue("tasks.with_rq", task)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"well\n"]
"#;

const MANIFEST: &str = r#"
[package]
name = "queues"
version = "VERSION"
maintainer = "Jane Doe <jane@example.org>"
summary = "two queues of tasks"
license = "MIT"
compression = "none"
[app]
requirements = "requirements.txt"
[app.environment]
RQ_REDIS_URL = "unix:///run/queues/valkey/valkey.sock"
[service.valkey]
[worker.celery]
command = "celery -A tasks worker --concurrency 1 --loglevel INFO"
[worker.rq]
command = "rq worker"
[[changelog]]
version = "VERSION"
date = 2026-11-22T10:00:00Z
changes = ["Next."]
"#;

static PACKAGES: Ahead<Vec<PathBuf>> = Ahead::new();

pub fn ahead() -> Step {
    let versions = if is_every() { &["1.0.0", "2.0.0"][..] } else { &["1.0.0"] };
    PACKAGES.by(|| versions.iter().map(|version| package(version)).collect())
}

fn package(version: &str) -> PathBuf {
    let folder = kept().join("queues").join(version);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("app")).unwrap();
    let files =
        [("app/app.py", APP), ("app/tasks.py", TASKS), ("requirements.txt", REQUIREMENTS), ("stack.toml", MANIFEST)];
    for (name, text) in files {
        fs::write(folder.join(name), text.replace("VERSION", version)).unwrap();
    }
    run(stackdeb().arg("deb").current_dir(&folder));
    folder.join(format!("dist/queues_{version}_amd64.deb"))
}

fn install(machine: &Container, version: &str) {
    let apt = "DEBIAN_FRONTEND=noninteractive apt-get install -y -q";
    let said = machine.sh(&format!("cd /root && {apt} ./queues_{version}_amd64.deb 2>&1"));
    assert!(!said.contains("queues: "), "{said}");
}

/// Waits until a command prints that.
#[track_caller]
fn wait_for(machine: &Container, command: &str, expected: &str) {
    let begin = Instant::now();
    while machine.sh(command) != expected {
        let journal = || machine.sh("journalctl --no-pager -o cat -n 60 -u queues-celery.service -u queues-rq.service");
        assert!(begin.elapsed() < machine.limit(), "{command}: {}\n{}", machine.sh(command), journal());
        thread::sleep(Duration::from_millis(100));
    }
}

/// What a task leaves that is done once.
fn done(who: &str, task: &str, version: &str) -> String {
    format!("{who} {task} begun {version}\n{who} {task} ended {version}")
}

/// What the tasks have written, sorted.
const DONE: &str = "sort /var/lib/queues/app/done 2>/dev/null || true";

/// A task is put into both queues, and done.
pub fn tasks_are_done(machine: &mut Container) {
    machine.copy(&PACKAGES.get()[0]);
    // What a failure before this has left would have the site.
    machine.sh("dpkg --purge stack errands chat 2>&1");
    install(machine, "1.0.0");
    machine.sh("touch /var/lib/queues/app/go");
    machine.get("/tasks/first", 200);
    wait_for(machine, DONE, &["celery", "rq"].map(|who| done(who, "first", "1.0.0")).join("\n"));
    machine.sh("systemctl start queues-health.service");
    machine.settle();
    machine.sh("rm /var/lib/queues/app/go /var/lib/queues/app/done");
}

/// An upgrade meets a task of each that is running, and one that waits.
pub fn tasks_are_done_once(machine: &mut Container) {
    for package in PACKAGES.get() {
        machine.copy(package);
    }
    machine.sh("dpkg --purge stack errands chat 2>&1");
    install(machine, "1.0.0");
    machine.get("/tasks/first", 200);
    machine.get("/tasks/second", 200);
    wait_for(machine, DONE, "celery first begun 1.0.0\nrq first begun 1.0.0");
    thread::scope(|scope| {
        let machine = &*machine;
        let upgrade = scope.spawn(|| install(machine, "2.0.0"));
        let states = "systemctl is-active queues-celery.service queues-rq.service || true";
        wait_for(machine, states, "deactivating\ndeactivating");
        machine.sh("touch /var/lib/queues/app/go");
        upgrade.join().unwrap();
    });
    let each = ["celery", "rq"].map(|who| [done(who, "first", "1.0.0"), done(who, "second", "2.0.0")].join("\n"));
    wait_for(machine, DONE, &each.join("\n"));
    // Neither of them does a task again, and nothing of them failed.
    machine.sh("systemctl start queues-health.service");
    machine.settle();
    assert_eq!(machine.sh(DONE), each.join("\n"));
}
