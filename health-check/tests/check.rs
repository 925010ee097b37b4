//! The health check as an administrator meets it: PostgreSQL servers, good and bad; the log, the journal, the state file.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::thread;

use libtest_mimic::Trial;
use serde_json::Value;

use surroundings::postgres::Postgres;
use surroundings::{answering, findings, health_check, problem, program, stderr, stdout};

pub fn trials() -> Vec<Trial> {
    support::tests![
        a_postgresql_server_is_well_when_pg_isready_says_so,
        a_socket_that_says_nothing_or_nonsense_is_no_server,
        a_socket_whose_queue_is_full_does_not_hold_the_check_up,
        log_journal_and_state_say_the_same,
        the_time_is_that_of_the_place,
        a_log_that_cannot_be_written_hides_no_verdict,
        wrong_usage_checks_nothing
    ]
}

fn a_postgresql_server_is_well_when_pg_isready_says_so() {
    let server = Postgres::default();
    let socket = server.socket();
    let check = || findings(&["--postgres", &socket]);
    let (status, found) = check();
    assert_eq!(status, 1, "never started: {found}");
    assert!(problem(&found).contains("No such file"), "{found}");

    // An unknown role, a password, a refusal: the server is there all the same.
    for rule in ["trust", "scram-sha-256", "reject", "peer"] {
        server.start(rule);
        server.wait_until(0);
        let (status, found) = check();
        assert_eq!((status, &found["postgres"][0]["healthy"]), (0, &Value::Bool(true)), "{rule}: {found}");
        server.stop();
    }

    // A standby that takes no readers answers every client as a server that is starting up.
    fs::write(server.data().join("standby.signal"), "").unwrap();
    let mut settings = fs::OpenOptions::new().append(true).open(server.data().join("postgresql.conf")).unwrap();
    settings.write_all(b"hot_standby = off\n").unwrap();
    server.start("trust");
    server.wait_until(1);
    let (status, found) = check();
    assert_eq!(status, 1, "{found}");
    assert!(problem(&found).contains("database system"), "{found}");
    server.stop();

    let (status, found) = check();
    assert_eq!((status, &found["postgres"][0]["healthy"]), (1, &Value::Bool(false)), "stopped: {found}");
}

fn a_socket_that_says_nothing_or_nonsense_is_no_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("silent");
    let _listener = UnixListener::bind(&path).unwrap();
    let (status, found) = findings(&["--postgres", path.to_str().unwrap()]);
    assert_eq!(status, 1);
    assert!(problem(&found).contains("no answer in 5 s"), "{found}");

    let path = folder.path().join("nonsense");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            stream.read_exact(&mut [0; 8]).unwrap();
            stream.write_all(b"220 ready\r\n").unwrap();
        }
    });
    let (status, found) = findings(&["--postgres", path.to_str().unwrap()]);
    assert_eq!(status, 1);
    assert!(problem(&found).contains("not PostgreSQL"), "{found}");
}

fn a_socket_whose_queue_is_full_does_not_hold_the_check_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("full");
    let listener = UnixListener::bind(&path).unwrap();
    nix::sys::socket::listen(&listener, nix::sys::socket::Backlog::new(0).unwrap()).unwrap();
    let _waiting = std::os::unix::net::UnixStream::connect(&path).unwrap();
    let (status, found) = findings(&["--postgres", path.to_str().unwrap()]);
    assert_eq!(status, 1);
    assert!(problem(&found).contains("no answer in 5 s"), "{found}");
}

/// Whether a text has this shape: `9` stands for one digit or more, everything else for itself.
fn has_shape(text: &str, shape: &str) -> bool {
    let mut reduced = String::new();
    for character in text.chars().map(|character| if character.is_ascii_digit() { '9' } else { character }) {
        if !(character == '9' && reduced.ends_with('9')) {
            reduced.push(character);
        }
    }
    reduced == shape
}

fn log_journal_and_state_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (log, state) = (folder.path().join("health_check.log"), folder.path().join("health.json"));
    let (log_path, state_path) = (log.to_str().unwrap(), state.to_str().unwrap());
    let url = answering(b"HTTP/1.1 200 OK\r\n\r\n");
    let good = health_check(&["--disk", "/", "--url", &url, "--log", log_path, "--state", state_path]);
    assert_eq!(good.status.code(), Some(0), "{}", stderr(&good));
    assert_eq!(stderr(&good), "");
    let first: Value = serde_json::from_slice(&fs::read(&state).unwrap()).unwrap();
    assert_eq!((&first["healthy"], &first["name"]), (&Value::Bool(true), &Value::from("stack")));
    let bad = health_check(&["--disk", "/no\nwhere", "--log", log_path, "--state", state_path]);
    assert_eq!(bad.status.code(), Some(1));
    let second: Value = serde_json::from_slice(&fs::read(&state).unwrap()).unwrap();
    assert_eq!((&second["healthy"], &second["disks"][0]["path"]), (&Value::Bool(false), &Value::from("/no\nwhere")));
    let keys = |found: &Value| found.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&first), keys(&second));

    let text = fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    let shape = "[9-9-9 9:9:9] CPU: 9.9% | RAM: 9.9% | Disk: 9% | Load: 9.9 | Site: 9 in 9 ms";
    assert!(has_shape(lines[0], shape), "{}", lines[0]);
    assert!(lines[1].contains(" | UNHEALTHY: cannot measure the disk /no where: "), "{}", lines[1]);
    for (output, line, priority) in [(&good, lines[0], "<6>"), (&bad, lines[1], "<3>")] {
        let (_, findings) = line.split_once("] ").unwrap();
        assert_eq!(stdout(output), format!("{priority}{findings}\n"));
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "a temporary file remained");
}

fn the_time_is_that_of_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut command = Command::new(program());
    command.args(["--name", "a", "--json", "--log"]).arg(&log).env("TZ", "XXX-05:45");
    let output = command.output().unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let time = found["time"].as_str().unwrap();
    assert!(time.ends_with("+05:45"), "{time}");
    let mut date = Command::new("date");
    let seconds = date.args(["-d", time, "+%s"]).output().unwrap();
    let seconds: u64 = stdout(&seconds).trim().parse().expect("date(1) does not understand the time");
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!(now.abs_diff(seconds) < 30, "{time} is not now");
    let logged = fs::read_to_string(&log).unwrap();
    assert!(logged.starts_with(&format!("[{}]", time.replace('T', " ").split('+').next().unwrap())), "{logged}");
}

fn a_log_that_cannot_be_written_hides_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("no/folder/log");
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for log in [missing.to_str().unwrap(), pipe.to_str().unwrap(), "/dev/full", "/"] {
        let output = health_check(&["--log", log]);
        assert_eq!(output.status.code(), Some(3), "{log}");
        assert!(stdout(&output).starts_with("<6>CPU: "), "{log}: {}", stdout(&output));
        assert!(stderr(&output).starts_with("<3>health-check: cannot write the log "), "{log}: {}", stderr(&output));
        assert_eq!(health_check(&["--log", log, "--disk", "/nowhere"]).status.code(), Some(1), "{log}");
    }
    let state = folder.path().join("state");
    fs::create_dir(&state).unwrap();
    assert_eq!(health_check(&["--state", state.to_str().unwrap()]).status.code(), Some(3));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "a temporary file remained");
}

fn wrong_usage_checks_nothing() {
    for words in [
        &["--colour"][..],
        &["--host", "a b"],
        &["--host", "a\r\nb"],
        &["--unit", "-H"],
        &["--unit", "--version"],
        &["--log"],
        &["--name", "twice"],
        &["more"],
        &["report"],
    ] {
        let output = health_check(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert_eq!(stdout(&output), "", "{words:?}");
        assert!(stderr(&output).contains("--help"), "{words:?}: {}", stderr(&output));
    }
    for words in [
        &[][..],
        &["--name", ""],
        &["--name", "a b"],
        &["--disk", "/"],
        &["report"],
        &["report", "--name", "a", "--disk", "/"],
    ] {
        let output = Command::new(program()).args(words).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}");
    }
    for flag in ["--help", "--version"] {
        let output = Command::new(program()).arg(flag).output().unwrap();
        assert!(output.status.success() && stdout(&output).contains("health-check"), "{flag}");
    }
}
