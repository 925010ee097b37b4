//! Prefect (FastAPI): a run that is due is in PostgreSQL, and marked as late by a worker, before an upgrade and after it.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Application, Browser};
use crate::container::{Container, LIMIT};

pub(super) const FLOWS: Application = Application { name: "flows", write, read };

/// Asks the API, which answers in JSON.
#[track_caller]
fn ask(browser: &Browser, path: &str, json: &str) -> Value {
    let (status, body) = browser.ask(path, &["-H", "Content-Type: application/json", "--data-binary", json]);
    assert!(matches!(status, 200 | 201), "{path}: {status} {body}");
    serde_json::from_str(&body).unwrap()
}

/// Plans a run for a time that is over, of which nothing but the worker takes notice.
fn plan(browser: &Browser, run: &str) {
    let flow = ask(browser, "/api/flows/", r#"{"name": "engines"}"#);
    let due = r#"{"type": "SCHEDULED", "state_details": {"scheduled_time": "2026-11-26T10:00:00Z"}}"#;
    ask(browser, "/api/flow_runs/", &format!(r#"{{"flow_id": {}, "name": "{run}", "state": {due}}}"#, flow["id"]));
}

/// The name and the state of each run.
fn runs(browser: &Browser) -> Vec<(String, String)> {
    let text = |run: &Value, key: &str| run[key].as_str().unwrap().to_owned();
    let runs = ask(browser, "/api/flow_runs/filter", r#"{"sort": "NAME_ASC"}"#);
    runs.as_array().unwrap().iter().map(|run| (text(run, "name"), text(run, "state_name"))).collect()
}

fn write(_machine: &Container, browser: &Browser) {
    plan(browser, "brass");
}

fn read(_machine: &Container, browser: &Browser) {
    assert!(browser.get("/").contains("<title>Prefect"), "the pages of the server are missing");
    // Whichever version made the run, the worker of this one marks the next.
    plan(browser, "wheels");
    let begin = Instant::now();
    while !runs(browser).iter().all(|(_, state)| state == "Late") {
        assert!(begin.elapsed() < LIMIT, "{:?}", runs(browser));
        thread::sleep(Duration::from_millis(500));
    }
    assert_eq!(runs(browser)[0].0, "brass");
}
