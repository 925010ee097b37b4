//! The app restarts while hundreds of requests come in every second: none fails. Real nginx and Gunicorn on this computer,
//! whatever its user may do; `upgrade_under_load` does it with apt and systemd.

use std::thread;
use std::time::Duration;

use libtest_mimic::Trial;
use support::load::Load;
use support::local_site::LocalSite;

pub fn trials() -> Vec<Trial> {
    support::tests![no_request_fails_while_the_app_restarts, what_breaks_is_noticed]
}

const RESTARTS: usize = 8;

fn no_request_fails_while_the_app_restarts() {
    let mut site = LocalSite::start("");
    site.start_app(&[]);
    let load = Load::start(&site.address, "/", 24);
    thread::sleep(Duration::from_secs(2));
    let mut ends = Vec::new();
    for _ in 0..RESTARTS {
        site.stop_app();
        ends.push(site.log());
        site.start_app(&[]);
        thread::sleep(Duration::from_secs(2));
    }
    let tally = load.stop();
    println!("{tally}, with {RESTARTS} restarts");
    assert_eq!((tally.failed, &tally.failures), (0, &Vec::new()), "{tally}\n{}", site.log());
    assert_eq!(tally.bodies.iter().map(String::as_str).collect::<Vec<_>>(), ["Hello from Flask via systemd!"]);
    // It was Gunicorn that ended each time, in its own time and not by force, and requests were waiting meanwhile.
    for said in &ends {
        assert!(said.contains("Shutting down: Master") && !said.contains("SIGKILL"), "{said}");
    }
    assert!(tally.good > 1000, "{tally}");
}

fn what_breaks_is_noticed() {
    let mut site = LocalSite::start("");
    site.start_app(&[]);
    let load = Load::start(&site.address, "/nowhere", 2);
    thread::sleep(Duration::from_secs(2));
    assert!(load.stop().failed > 0);
}
