//! How many processes and threads Gunicorn is given: `gunicorn.conf.py` as Python reads it, on machines of several sizes.

use std::fs;
use std::process::Command;

use stackdeb::deb::{Content, PayloadEntry};
use stackdeb::render::package_files;
use stackdeb::stack::Stack;
use support::run;
use support::stack::{python, stack};

/// A machine: its processors, and its memory in MiB.
const NANODE: (usize, u64) = (1, 1024);
const DEDICATED: (usize, u64) = (4, 8192);
const LARGEST: (usize, u64) = (64, 524_288);

/// Workers and threads on `machine`, with `WEB_CONCURRENCY` if there is one.
fn settings(stack: &Stack, machine: (usize, u64), concurrency: Option<&str>) -> (u64, u64) {
    let rendered = package_files(stack).unwrap();
    let name = format!("/etc/{}/gunicorn.conf.py", stack.package.name);
    let file = rendered.payload.get(&name);
    let Some(PayloadEntry::File { content: Content::Bytes(text), .. }) = file else { panic!("{name} is {file:?}") };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gunicorn.conf.py");
    fs::write(&path, text).unwrap();
    let script = "import os, runpy, sys
os.sched_getaffinity = lambda _: set(range(int(sys.argv[2])))
os.sysconf = lambda name: {'SC_PAGE_SIZE': 4096, 'SC_PHYS_PAGES': int(sys.argv[3]) * 256}[name]
settings = runpy.run_path(sys.argv[1])
print(settings['workers'], settings['threads'], settings['worker_class'])";
    let mut python = Command::new("python3");
    python.args(["-c", script]).arg(&path).args([machine.0.to_string(), machine.1.to_string()]);
    python.env_remove("WEB_CONCURRENCY").envs(concurrency.map(|value| ("WEB_CONCURRENCY", value)));
    let said = run(&mut python);
    let words: Vec<&str> = said.split_whitespace().collect();
    assert_eq!(words[2], "gthread");
    (words[0].parse().unwrap(), words[1].parse().unwrap())
}

#[test]
fn workers_and_threads_follow_processors_and_memory() {
    let folder = tempfile::tempdir().unwrap();
    let mut stack = stack(folder.path());
    python(&mut stack).workers = None;
    assert!(stack.database.is_some());
    assert_eq!(settings(&stack, NANODE, None), (2, 4));
    assert_eq!(settings(&stack, DEDICATED, None), (5, 4));
    // Many processors with little memory, and less than any machine has.
    assert_eq!(settings(&stack, (8, 1024), None), (4, 4));
    assert_eq!(settings(&stack, (1, 200), None), (1, 4));
    stack.database = None;
    assert_eq!(settings(&stack, LARGEST, None), (65, 4));
}

#[test]
fn the_database_has_a_connection_for_each_thread() {
    let folder = tempfile::tempdir().unwrap();
    let mut stack = stack(folder.path());
    python(&mut stack).workers = None;
    for machine in [NANODE, DEDICATED, (16, 32_768), (32, 65_536), LARGEST] {
        let (workers, threads) = settings(&stack, machine, None);
        assert!(threads >= 1 && workers * threads <= 97, "{machine:?}: {workers} workers with {threads} threads");
    }
    assert_eq!(settings(&stack, DEDICATED, Some("40")), (40, 2));
    assert_eq!(settings(&stack, DEDICATED, Some("90")), (90, 1));
}

#[test]
fn what_the_manifest_or_the_administrator_says_holds() {
    let folder = tempfile::tempdir().unwrap();
    let mut stack = stack(folder.path());
    let app = python(&mut stack);
    (app.workers, app.threads) = (Some(3), Some(16));
    assert_eq!(settings(&stack, NANODE, None), (3, 16));
    assert_eq!(settings(&stack, NANODE, Some("7")), (7, 16));
}

/// Flask's own choice for code below Python's prefix is `PREFIX/var/NAME-instance`, which no service can write to.
#[test]
fn flask_gets_an_instance_folder_that_it_may_write_to() {
    let folder = tempfile::tempdir().unwrap();
    let stack = stack(folder.path());
    let conf = folder.path().join("gunicorn.conf.py");
    fs::write(&conf, support::stack::rendered_file(folder.path(), "/etc/guest-book/gunicorn.conf.py")).unwrap();
    let code = folder.path().join("share");
    fs::create_dir(&code).unwrap();
    let app = "from flask import Flask\napp = Flask(__name__, instance_relative_config=True)\n";
    fs::write(code.join("shop.py"), app).unwrap();
    let script = "import runpy, sys
sys.path.insert(0, sys.argv[2])
settings = runpy.run_path(sys.argv[1])
sys.prefix = sys.argv[3]
if sys.argv[4] == 'hook': settings['post_fork'](None, None)
import shop
print(shop.app.instance_path)";
    let path = |hook: &str| {
        let mut python = Command::new("python3");
        python.args(["-c", script]).arg(&conf).arg(&code).arg(folder.path()).arg(hook);
        run(python.env("STATE_DIRECTORY", "/var/lib/guest-book/app")).trim().to_owned()
    };
    assert_eq!(path("no hook"), format!("{}/var/shop-instance", folder.path().display()), "Flask has changed its rule");
    assert_eq!(path("hook"), "/var/lib/guest-book/app/instance");
    // An app without Flask has no such hook.
    let mut other = stack;
    other.app.depends = "python3-bottle".parse().unwrap();
    let rendered = package_files(&other).unwrap();
    let Some(PayloadEntry::File { content: Content::Bytes(text), .. }) =
        rendered.payload.get("/etc/guest-book/gunicorn.conf.py")
    else {
        panic!("no gunicorn.conf.py")
    };
    assert!(!String::from_utf8_lossy(text).contains("flask"));
}
