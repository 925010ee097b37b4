//! An ASGI application on a booted Debian: Starlette in uvicorn, with its lifespan, WebSockets through nginx, and an upgrade
//! that loses no request. One machine, one boot; the checks run in their order.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use support::ahead::{Ahead, Step};
use support::checks::{Check, checks};
use support::container::Container;
use support::edition::{edit, edition};
use support::packages::files_of;
use support::server::Server;
use support::upgrade::{HeldRequest, NEW, OLD, install, under_load};
use support::{copy_tree, kept, run, source_folder, stackdeb, websocket};

use crate::applications::{is_every, not_asked};
use crate::queues;

const CHECKS: &[Check<Container>] = &[
    ("the_application_serves_behind_nginx", serves),
    ("valkey_is_the_stacks_own_and_keeps_its_data", valkey),
    ("lifespans_begin_and_end_with_each_worker", lifespans),
    ("what_valkey_keeps_is_saved_and_restored", valkey_data),
    ("a_failed_restore_leaves_valkey_as_it_was", valkey_put_back),
    ("a_valkey_that_is_a_cache_is_emptied", valkey_cache),
    ("an_upgrade_closes_websockets_with_1012_and_a_slow_request_holds_no_other_back", websockets),
    ("an_upgrade_and_the_way_back_fail_no_request", |machine| under_load(machine, 2)),
    ("an_application_that_does_not_start_is_reported", broken_lifespan),
    ("purge_leaves_no_unit", purge),
    ("the_example_errands_has_its_workers_do_them", errands),
    ("the_example_chat_talks", chat),
    ("celery_and_rq_do_their_tasks", queues::tasks_are_done),
];

/// With the variable `EVERY_APPLICATION`, as `just soak` has it.
const DRAIN: Check<Container> = ("a_task_that_an_upgrade_meets_is_done_once", queues::tasks_are_done_once);

pub fn trials() -> Vec<Trial> {
    if is_every() {
        return checks("asgi", boot, &[CHECKS, &[DRAIN]].concat());
    }
    let mut trials = checks("asgi", boot, CHECKS);
    trials.push(not_asked("asgi", DRAIN.0));
    trials
}

/// What the container has not, which reaches no mirror.
static PACKAGES: Ahead<Vec<PathBuf>> = Ahead::new();

pub fn ahead() -> Step {
    let packages = PACKAGES
        .by(|| files_of("python3-uvicorn, python3-websockets, python3-starlette, valkey-server, python3-redis"));
    let queues = queues::ahead();
    Box::new(|| {
        packages();
        queues();
    })
}

const APP: &str = r#"
import asyncio
import contextlib
import os
import time

import psycopg2
import redis
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute

SENTENCE = "the old sentence"


def query(*statements):
    connection = psycopg2.connect(dbname=os.environ["DATABASE_NAME"])
    try:
        with connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchone()[0]
    finally:
        connection.close()


@contextlib.asynccontextmanager
async def lifespan(_app):
    print(f"lifespan begins in {os.getpid()}", flush=True)
    yield {"sentence": SENTENCE}
    print(f"lifespan ends in {os.getpid()}", flush=True)


async def index(request):
    return PlainTextResponse(request.state.sentence)


def visits(_request):
    return PlainTextResponse(str(query("INSERT INTO visits DEFAULT VALUES", "SELECT count(*) FROM visits")))


async def slow(request):
    await asyncio.sleep(5)
    return PlainTextResponse(request.state.sentence)


async def held(request):
    open("/var/lib/stack/app/asked", "w").close()
    while not os.path.exists("/var/lib/stack/app/go"):
        await asyncio.sleep(0.1)
    return PlainTextResponse(request.state.sentence)


def healthz(_request):
    query("SELECT 1")
    return PlainTextResponse("ok")


def counted(_request):
    return PlainTextResponse(str(redis.Redis.from_url(os.environ["REDIS_URL"]).incr("counted")))


async def seen(request):
    return JSONResponse({"client": request.client.host, "scheme": request.url.scheme})


async def chat(socket):
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(f"{socket.state.sentence}: {text}")


routes = [Route("/", index), Route("/visits", visits), Route("/slow", slow), Route("/healthz", healthz)]
app = Starlette(routes=[*routes, Route("/seen", seen), Route("/counted", counted), Route("/held", held), WebSocketRoute("/chat", chat)], lifespan=lifespan)
"#;

fn asgi(project: &Path) {
    fs::write(project.join("app/app.py"), APP).unwrap();
    let manifest = project.join("stack.toml");
    edit(
        &manifest,
        "depends = [\"python3-flask\", \"gunicorn\",",
        "kind = \"asgi\"\nworkers = 2\ndepends = [\"python3-starlette\", \"python3-redis\",",
    );
    edit(&manifest, "[database]", "[service.valkey]\nmemory-max = \"8M\"\n\n[database]");
}

/// Builds the package of an example.
fn example(name: &str) -> PathBuf {
    let folder = kept().join("examples").join(name);
    let _ = fs::remove_dir_all(&folder);
    copy_tree(&source_folder().join("examples").join(name), &folder);
    run(stackdeb().arg("deb").current_dir(&folder));
    folder.join(format!("dist/{name}_1.0.0_amd64.deb"))
}

fn boot() -> Container {
    let folder = kept().join("asgi");
    let packages = [
        edition(&folder, "1.0.0", asgi),
        edition(&folder, "2.0.0", |project| {
            asgi(project);
            edit(&project.join("app/app.py"), OLD, NEW);
        }),
        edition(&folder, "3.0.0", |project| {
            asgi(project);
            edit(
                &project.join("app/app.py"),
                "    yield {",
                "    raise RuntimeError('the lamp is broken')\n    yield {",
            );
        }),
    ];
    let machine = Container::boot("asgi");
    machine.sh("mkdir /root/more");
    for file in PACKAGES.get().iter().chain(&packages) {
        machine.copy(file);
    }
    for name in ["errands", "chat"] {
        machine.copy(&example(name));
    }
    machine
        .sh("cd /root && dpkg --unpack --force-depends $(ls | grep -v -E '^(stack_|errands_|chat_|more)') && dpkg --configure -a");
    let said = install(&machine, "1.0.0");
    assert!(!said.contains("stack: "), "{said}");
    machine
}

fn serves(machine: &mut Container) {
    assert_eq!(machine.get("/", 200), OLD);
    let first: u64 = machine.get("/visits", 200).parse().unwrap();
    assert_eq!(machine.get("/visits", 200), (first + 1).to_string());
    // The client's own address, which nginx has told; a visitor cannot say another one.
    let headers = ["-H", "X-Forwarded-For: 192.0.2.9", "-H", "X-Forwarded-Proto: https"];
    let seen = run(Command::new("curl").arg("-sf").args(headers).arg(format!("http://{}/seen", machine.address())));
    assert_eq!(seen, r#"{"client":"198.51.100.1","scheme":"http"}"#);
    machine.sh("systemctl start stack-health.service");
    machine.settle();
}

fn valkey(machine: &mut Container) {
    assert_eq!(machine.get("/counted", 200), "1");
    assert_eq!(machine.get("/counted", 200), "2");
    let socket = "/run/stack/valkey/valkey.sock";
    assert_eq!(machine.sh(&format!("stat -c '%a %U:%G' {socket}")), "770 valkey:stack");
    let ask = |user: &str, what: &str| machine.try_sh(&format!("runuser -u {user} -- valkey-cli -s {socket} {what}"));
    assert!(String::from_utf8_lossy(&ask("stack", "config get maxmemory").stdout).contains("8388608"));
    for user in ["www-data", "nobody"] {
        assert_ne!(ask(user, "ping").status.code(), Some(0), "{user}");
    }
    // Nothing but Debian's own instance listens on the network, and that one only to this machine.
    let pid = machine.sh("systemctl show -P MainPID stack-valkey.service");
    assert_eq!(machine.sh(&format!("ss -Hltnup | grep -c 'pid={pid},' || true")), "0");
    kill_valkey(machine);
    assert_eq!(machine.get("/counted", 200), "3");
    machine.sh("systemctl stop stack-valkey.service");
    assert_ne!(machine.try_sh("systemctl start stack-health.service").status.code(), Some(0));
    machine.sh("tail -n 1 /var/log/stack/health_check.log | grep 'stack-valkey.service is inactive'");
    machine.sh("systemctl start stack-valkey.service && systemctl start stack-health.service");
    assert_eq!(machine.get("/counted", 200), "4");
}

/// Kills the stack's Valkey, and waits until systemd has started it again.
#[track_caller]
fn kill_valkey(machine: &Container) {
    let unit = "stack-valkey.service";
    machine.sh(&format!(
        "old=$(systemctl show -P MainPID {unit}); systemctl kill --signal=SIGKILL {unit}; for i in $(seq 600); do \
         new=$(systemctl show -P MainPID {unit}); \
         [ $new != $old ] && [ $new != 0 ] && [ $(systemctl is-active {unit}) = active ] && exit; sleep 0.2; done; exit 1"
    ));
}

/// What the stack's Valkey answers to the words of a command.
#[track_caller]
fn ask(machine: &Container, words: &str) -> String {
    machine.sh(&format!("runuser -u stack -- valkey-cli -e -s /run/stack/valkey/valkey.sock {words}"))
}

/// Nothing of a save or a restore is left, and the site is in service.
#[track_caller]
fn assert_clean(machine: &Container) {
    let left = "ls -d /var/lib/stack/restore /var/lib/stack/valkey-* /run/stack/maintenance \
                /etc/systemd/system/stack-valkey.service.d 2>/dev/null || true";
    assert_eq!(machine.sh(left), "");
    assert_eq!(machine.sh("stat -c '%U:%G %a' /var/lib/stack/valkey"), "valkey:stack 750");
    assert_eq!(machine.sh("systemctl is-active stack-valkey.service stack.service"), "active\nactive");
    machine.get("/healthz", 200);
}

const DATA: &str = "/usr/libexec/stack/data";

fn valkey_data(machine: &mut Container) {
    ask(machine, "-n 1 rpush queue 'first task' second third");
    ask(machine, "set session secret EX 5000");
    machine.sh(&format!("{DATA} save >/root/valkey.tar"));
    assert_clean(machine);
    // Valkey's own program judges the snapshot, and tar has the rest.
    machine.sh("cd /root && tar -xOf valkey.tar valkey/dump.rdb >saved.rdb && valkey-check-rdb saved.rdb");
    let end = machine.sh("tar -xOf /root/valkey.tar end.json");
    assert!(end.contains(r#""valkey": [["db0", 1], ["db1", 1]]"#), "{end}");
    let counted = ask(machine, "get counted");

    ask(machine, "flushall");
    ask(machine, "set other 1");
    let refused = machine.try_sh(&format!("{DATA} restore </root/valkey.tar"));
    assert!(
        !refused.status.success() && support::text(&refused).contains("1 keys in Valkey"),
        "{}",
        support::text(&refused)
    );
    assert_eq!(ask(machine, "exists other"), "1");
    machine.sh(&format!("{DATA} restore --replace </root/valkey.tar"));
    assert_clean(machine);
    let as_saved = || {
        assert_eq!(ask(machine, "-n 1 lrange queue 0 -1"), "first task\nsecond\nthird");
        assert_eq!((ask(machine, "get session"), ask(machine, "exists other")), ("secret".to_owned(), "0".to_owned()));
        let rest: u64 = ask(machine, "ttl session").parse().unwrap();
        assert!((1..=5000).contains(&rest), "{rest}");
    };
    as_saved();
    assert_eq!(machine.get("/counted", 200), (counted.parse::<u64>().unwrap() + 1).to_string());
    // What is written from now on is on the disk as before, and so is what was restored.
    machine.sh("sleep 2");
    kill_valkey(machine);
    assert_clean(machine);
    as_saved();
    assert_eq!(machine.get("/counted", 200), (counted.parse::<u64>().unwrap() + 2).to_string());
}

/// Data whose migrations fail, because nobody knows any more that they have been run.
fn valkey_put_back(machine: &mut Container) {
    let psql = "cd /; runuser -u postgres -- psql -XAtq -d stack -c";
    ask(machine, "set state bad");
    machine.sh(&format!("{psql} 'ALTER TABLE schema_migrations RENAME TO elsewhere'"));
    machine.sh(&format!("{DATA} save >/root/bad.tar"));
    machine.sh(&format!("{psql} 'ALTER TABLE elsewhere RENAME TO schema_migrations'"));
    ask(machine, "set state good");
    let failed = machine.try_sh(&format!("{DATA} restore --replace </root/bad.tar"));
    assert!(
        !failed.status.success() && support::text(&failed).contains("the old data are put back"),
        "{}",
        support::text(&failed)
    );
    assert_eq!(ask(machine, "get state"), "good");
    assert_clean(machine);
    // A snapshot that was changed on its way.
    let script = "cd /root && mkdir changed && tar -xf valkey.tar -C changed && printf x >>changed/valkey/dump.rdb && \
        tar -tf valkey.tar >list && tar -cf changed.tar -C changed --no-recursion --format=pax -T list";
    machine.sh(script);
    let failed = machine.try_sh(&format!("{DATA} restore --replace </root/changed.tar"));
    let said = support::text(&failed);
    assert!(!failed.status.success() && said.contains("the snapshot of Valkey differs from the saved one"), "{said}");
    assert_eq!(ask(machine, "get state"), "good");
    assert_clean(machine);
}

fn valkey_cache(machine: &mut Container) {
    ask(machine, "config set maxmemory-policy allkeys-lru");
    machine.sh(&format!("{DATA} save >/root/cache.tar"));
    let listed = machine.sh("tar -tf /root/cache.tar; tar -xOf /root/cache.tar stackdeb-data.json");
    assert!(!listed.contains("valkey/") && listed.contains(r#""valkey": "cache""#), "{listed}");
    machine.sh(&format!("{DATA} restore --replace </root/cache.tar"));
    assert_eq!(ask(machine, "info keyspace").trim(), "# Keyspace");
    assert_clean(machine);
    machine.settle();
}

fn lifespans(machine: &mut Container) {
    let count =
        |word: &str| machine.sh(&format!("journalctl -u stack.service -o cat | grep -c 'lifespan {word} in' || true"));
    assert_eq!((count("begins"), count("ends")), ("2".to_owned(), "0".to_owned()));
    machine.sh("systemctl restart stack.service");
    machine.get("/", 200);
    assert_eq!(count("ends"), "2");
}

fn websockets(machine: &mut Container) {
    let held = HeldRequest::start(machine, "gunicorn.conf.py", "graceful_timeout");
    websocket::start_client(machine, "ws");
    install(machine, "2.0.0");
    assert_eq!(machine.get("/", 200), NEW);
    assert_eq!(held.end(machine), OLD);
    assert_eq!(websocket::heard(machine), format!("{OLD}: one\n1012\n{NEW}: two"));
    install(machine, "1.0.0");
    // No worker counts as killed.
    let journal = machine.sh("journalctl --no-pager -u stack.service -o cat");
    assert!(!journal.contains("was sent SIGTERM"), "{journal}");
}

fn broken_lifespan(machine: &mut Container) {
    let said = install(machine, "3.0.0");
    for part in ["stack: stack.service does not come up", "RuntimeError: the lamp is broken"] {
        assert!(said.contains(part), "no `{part}` in:\n{said}");
    }
    let said = install(machine, "1.0.0");
    assert!(!said.contains("stack: "), "{said}");
    assert_eq!(machine.get("/", 200), OLD);
}

fn purge(machine: &mut Container) {
    machine.sh("apt-get purge -y stack");
    assert_eq!(machine.sh("systemctl list-unit-files --no-legend 'stack*' || true"), "");
    assert_eq!(machine.sh("systemctl --failed --no-legend"), "");
}

fn install_example(machine: &Container, name: &str) {
    let said = machine
        .sh(&format!("cd /root && DEBIAN_FRONTEND=noninteractive apt-get install -y -q ./{name}_1.0.0_amd64.deb 2>&1"));
    assert!(!said.contains(&format!("{name}: ")), "{said}");
    machine.sh(&format!("systemctl start {name}-health.service"));
}

fn errands(machine: &mut Container) {
    install_example(machine, "errands");
    let url = format!("http://{}/", machine.address());
    for number in 1..=12 {
        run(Command::new("curl").args(["-sf", "-d", &format!("errand={number}"), &url]));
    }
    let lists = |machine: &Container| -> serde_json::Value { serde_json::from_str(&machine.get("/", 200)).unwrap() };
    let begin = Instant::now();
    while lists(machine)["done"].as_array().is_none_or(|done| done.len() < 12) {
        assert!(begin.elapsed() < machine.limit(), "{}", lists(machine));
        thread::sleep(Duration::from_millis(300));
    }
    let done = lists(machine)["done"].to_string();
    assert!(done.contains("12 (by runner") && done.contains("by runner 1") && done.contains("by runner 2"), "{done}");
    machine.sh("systemctl start errands-tidy.service");
    assert_eq!(lists(machine)["done"].as_array().unwrap().len(), 10);
    machine.sh("apt-get purge -y errands");
}

/// One visitor speaks, two hear.
const VISITORS: &str = r#"
import asyncio

import websockets


async def main():
    address = "ws://127.0.0.1/talk"
    async with websockets.connect(address) as one, websockets.connect(address) as other:
        await one.send("hello")
        print(await one.recv(), await other.recv())


asyncio.run(main())
"#;

fn chat(machine: &mut Container) {
    install_example(machine, "chat");
    assert!(machine.get("/", 200).contains("<h1>Chat</h1>"));
    machine.sh(&format!("cat >/root/visitors.py <<'END'\n{VISITORS}END"));
    assert_eq!(machine.sh("python3 /root/visitors.py"), "hello hello");
    machine.sh("apt-get purge -y chat");
    assert_eq!(machine.sh("systemctl --failed --no-legend"), "");
}
