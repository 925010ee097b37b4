//! Bugsink (Django): what a program reports is digested by a worker, is in PostgreSQL, and is there after an upgrade.

use serde_json::Value;

use super::{Application, Browser, create_administrator, run_there};
use crate::container::Container;

pub(super) const ERRORS: Application = Application { name: "errors", write, read };

/// As a library of Sentry sends it.
const EVENT: &str = r#"{"event_id": "8f0e1a6f7e7c4d0d9f8a6b5c4d3e2f1a", "timestamp": "2026-11-26T10:00:00Z", "platform": "python",
    "exception": {"values": [{"type": "BoilerError", "value": "there is no coal"}]}}"#;

fn write(machine: &Container, browser: &Browser) {
    create_administrator(machine, "errors", "bugsink-manage");
    browser.log_in("/accounts/login/", "/");
    let token = run_there(machine, "errors", "bugsink-manage create_auth_token");
    let bearer = format!("Authorization: Bearer {}", token.lines().last().unwrap());
    let make = |what: &str, json: &str| -> Value {
        let arguments = ["-H", &bearer, "-H", "Content-Type: application/json", "--data-binary", json];
        let (status, body) = browser.ask(&format!("/api/canonical/0/{what}/"), &arguments);
        assert_eq!(status, 201, "{body}");
        serde_json::from_str(&body).unwrap()
    };
    let team = make("teams", r#"{"name": "engines"}"#);
    make("projects", &format!(r#"{{"team": {}, "name": "brass"}}"#, team["id"]));
    let (_, projects) = browser.ask("/api/canonical/0/projects/", &["-H", &bearer]);
    let projects: Value = serde_json::from_str(&projects).unwrap();
    let project = &projects["results"][0];
    // SCHEME://KEY@HOST/NUMBER
    let key = project["dsn"].as_str().unwrap().split(['/', '@']).nth(2).unwrap();
    let report = format!("/api/{}/store/?sentry_key={key}", project["id"]);
    let (status, body) = browser.ask(&report, &["-H", "Content-Type: application/json", "--data-binary", EVENT]);
    assert_eq!(status, 200, "{body}");
}

fn read(_machine: &Container, browser: &Browser) {
    browser.wait_for("/issues/1/", "BoilerError");
}
