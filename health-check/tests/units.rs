//! The health check and systemd's units: over a message bus, as on a server.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::thread;

use libtest_mimic::Trial;
use serde_json::{Value, json};
use support::room::{unless, without_mounts};

use surroundings::{Bus, findings, problem, program, run_bounded, support_file, with_systemd};

pub fn trials() -> Vec<Trial> {
    let mut trials = support::tests![units_are_asked_of_the_machines_own_systemd, a_reboot_that_is_pending_is_told];
    trials.extend(unless(
        without_mounts(),
        support::tests![
            states_of_units_become_a_verdict,
            each_unit_has_its_own_state,
            a_bus_that_does_not_answer_is_told,
            a_job_may_have_ended_and_must_not_have_failed
        ],
    ));
    trials
}

fn units_are_asked_of_the_machines_own_systemd() {
    let (status, found) = findings(&["--unit=-.mount", "--unit", "no-such-unit.service"]);
    assert_eq!(status, 1);
    if Path::new("/run/systemd/system").exists() {
        assert_eq!(found["units"][0]["active"], "active", "{found}");
        assert_eq!(found["problems"], json!(["no-such-unit.service does not exist"]));
    } else {
        assert!(problem(&found).contains("cannot ask systemd: "), "{found}");
        assert_eq!(found["units"][1]["healthy"], false);
    }
}

/// What a check finds that asks about units on the bus at this address.
fn check(address: &str, units: &[&str]) -> Value {
    let mut command = Command::new(program());
    command.args(["--name", "a", "--json"]).args(units.iter().flat_map(|unit| ["--unit", unit]));
    command.arg("--config").arg(support_file("health.toml"));
    let output = run_bounded(with_systemd(&mut command, address));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// States that cannot be brought about without a running systemd; a booted machine shows real ones.
fn states_of_units_become_a_verdict() {
    for (unit, expected) in [
        (["a.service", "loaded", "active", "running", "success"], None),
        (["a.service", "loaded", "reloading", "reload", "success"], None),
        (["a.service", "loaded", "activating", "start", "success"], None),
        (["a.target", "loaded", "active", "active", "-"], None),
        (
            ["a.service", "loaded", "activating", "auto-restart", "exit-code"],
            Some("a.service is activating (auto-restart, exit-code)"),
        ),
        (["a.service", "loaded", "failed", "failed", "timeout"], Some("a.service is failed (failed, timeout)")),
        (["a.service", "loaded", "inactive", "dead", "success"], Some("a.service is inactive (dead)")),
        (
            ["a.service", "loaded", "deactivating", "stop-sigterm", "success"],
            Some("a.service is deactivating (stop-sigterm)"),
        ),
        (["a.service", "masked", "inactive", "dead", "success"], Some("a.service is masked")),
    ] {
        let found = check(&Bus::with_units(&[unit]).address(), &[unit[0]]);
        assert_eq!(found["problems"], json!(expected.into_iter().collect::<Vec<_>>()), "{unit:?}");
        let [name, load, active, sub, result] = unit;
        let result = if result == "-" { "" } else { result };
        let told = json!({ "name": name, "healthy": expected.is_none(), "load": load, "active": active, "sub": sub,
            "result": result });
        assert_eq!(found["units"], json!([told]));
    }
}

fn each_unit_has_its_own_state() {
    let long = format!("{}.socket", "x".repeat(240));
    let bus = Bus::with_units(&[
        ["b.mount", "loaded", "inactive", "dead", "success"],
        ["a.service", "loaded", "active", "running", "success"],
        [&long, "loaded", "failed", "failed", "resources"],
    ]);
    let found = check(&bus.address(), &["a.service", "b.mount", &long, "c.timer"]);
    let problems = json!([
        "b.mount is inactive (dead)",
        format!("{long} is failed (failed, resources)"),
        "c.timer does not exist"
    ]);
    assert_eq!(found["problems"], problems);
    assert_eq!(found["units"][0]["sub"], "running");
    // A pattern stands for any number of units.
    for units in [&["none-*.service"][..], &["a.service", "none-*.service"]] {
        let found = check(&bus.address(), units);
        assert_eq!(found["problems"], json!(["cannot ask systemd: systemctl answered about other units"]));
    }
    // As many as no stack has: the messages get long.
    let many: Vec<String> = (0..300).map(|number| format!("unit-{number}.service")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let found = check(&bus.address(), &many);
    assert_eq!(found["problems"].as_array().unwrap().len(), 300);
}

fn a_bus_that_does_not_answer_is_told() {
    let found = check(&Bus::empty().address(), &["a.service"]);
    let problems = problem(&found);
    assert!(problems.starts_with("[\"cannot ask systemd: "), "{found}");
    assert!(problems.contains("The name org.freedesktop.systemd1 was not"), "{found}");
    assert_eq!(found["units"][0]["active"], Value::Null);

    let folder = tempfile::tempdir().unwrap();
    let address = |name: &str| format!("unix:path={}", folder.path().join(name).display());
    let none = problem(&check(&address("none"), &["a.service"]));
    assert!(none.contains("cannot ask systemd: Failed to connect to ") && none.contains(": No such file"), "{none}");
    // Each takes five seconds, so both at the same time: a systemd that hangs, and a bus that takes no greeting.
    let bus = Bus::with_units(&[]);
    let _silent = UnixListener::bind(folder.path().join("silent")).unwrap();
    let hang = [(bus.address(), "hang.service"), (address("silent"), "a.service")];
    for found in hang.map(|(address, unit)| thread::spawn(move || check(&address, &[unit]))) {
        assert!(problem(&found.join().unwrap()).contains("systemd gave no answer in 5 s"));
    }
    fs::write(folder.path().join("file"), "").unwrap();
    let file = problem(&check(&address("file"), &["a.service"]));
    assert!(file.contains("cannot ask systemd: Failed to connect to ") && file.contains(" refused"), "{file}");
}

/// The services of a timer: they do something at times, and end.
fn a_job_may_have_ended_and_must_not_have_failed() {
    let bus = Bus::with_units(&[
        ["a.service", "loaded", "inactive", "dead", "success"],
        ["b.service", "loaded", "failed", "failed", "exit-code"],
        ["c.service", "loaded", "activating", "start", "success"],
        ["u.service", "loaded", "active", "running", "success"],
    ]);
    let check = |jobs: &[&str]| -> Value {
        let mut command = Command::new(program());
        command.args(["--name", "a", "--json", "--unit", "u.service"]);
        command.arg("--config").arg(support_file("health.toml"));
        command.args(jobs.iter().flat_map(|job| ["--job", job]));
        let output = run_bounded(with_systemd(&mut command, &bus.address()));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let found = check(&["a.service", "c.service", "missing.service"]);
    assert_eq!((&found["problems"], found["jobs"].as_array().unwrap().len()), (&json!([]), 3));
    assert_eq!((&found["jobs"][2]["load"], &found["jobs"][2]["healthy"]), (&json!("not-found"), &json!(true)));
    let found = check(&["a.service", "b.service"]);
    assert_eq!(found["problems"], json!(["b.service failed (exit-code)"]));
    assert_eq!((&found["units"][0]["healthy"], &found["jobs"][1]["healthy"]), (&json!(true), &json!(false)));
}

fn a_reboot_that_is_pending_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("reboot-required").display().to_string();
    let (status, found) = findings(&["--reboot", &file]);
    assert_eq!((status, &found["reboot_pending"]), (0, &json!(false)), "{found}");
    assert_eq!(findings(&[]).1["reboot_pending"], Value::Null);
    fs::write(&file, "*** System restart required ***\n").unwrap();
    let (status, found) = findings(&["--reboot", &file]);
    assert_eq!((status, &found["reboot_pending"]), (0, &json!(true)), "{found}");
    let said = surroundings::stdout(&surroundings::health_check(&["--reboot", &file]));
    assert!(said.trim_end().ends_with(" | Reboot: pending"), "{said}");
}
