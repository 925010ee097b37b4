//! The app restarts while hundreds of requests come in every second: none fails. Real nginx and Gunicorn on this computer,
//! whatever its user may do; `upgrade` does it with apt and systemd.

use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use support::checks::{Check, checks};
use support::lanes::say;
use support::load::Load;
use support::local_site::LocalSite;

/// Each test has a site of its own.
const CHECKS: &[Check<()>] =
    &[("no_request_fails_while_the_app_restarts", no_request_fails), ("what_breaks_is_noticed", breaks)];

pub fn trials() -> Vec<Trial> {
    checks("restart_under_load", || (), CHECKS)
}

const RESTARTS: usize = 8;

/// Starts the app, and waits until it has its workers.
fn start_app(site: &mut LocalSite) {
    site.start_app(&[]);
    let begin = Instant::now();
    while !site.log().contains("Booting worker") {
        assert!(begin.elapsed() < Duration::from_secs(120), "{}", site.log());
        thread::sleep(Duration::from_millis(50));
    }
}

fn no_request_fails((): &mut ()) {
    let mut site = LocalSite::start("");
    start_app(&mut site);
    let load = Load::start(&site.address, "/", 24);
    thread::sleep(Duration::from_secs(1));
    let mut ends = Vec::new();
    for _ in 0..RESTARTS {
        site.stop_app();
        ends.push(site.log());
        start_app(&mut site);
        thread::sleep(Duration::from_secs(1));
    }
    let tally = load.stop();
    say(&format!("{tally}, with {RESTARTS} restarts"));
    assert_eq!((tally.failed, &tally.failures), (0, &Vec::new()), "{tally}\n{}", site.log());
    assert_eq!(tally.bodies.iter().map(String::as_str).collect::<Vec<_>>(), ["Hello from Flask via systemd!"]);
    // It was Gunicorn that ended each time, in its own time and not by force, and requests were waiting meanwhile.
    for said in &ends {
        assert!(said.contains("Shutting down: Master") && !said.contains("SIGKILL"), "{said}");
    }
    // Each connection has asked between the restarts.
    assert!(tally.good > 24 * RESTARTS as u64, "{tally}");
}

fn breaks((): &mut ()) {
    let mut site = LocalSite::start("");
    site.start_app(&[]);
    let load = Load::start(&site.address, "/nowhere", 2);
    thread::sleep(Duration::from_secs(2));
    assert!(load.stop().failed > 0);
}
