//! Wooey (Django): a script that a visitor asks for is run by a worker of Celery, which gets the order through Valkey. What it
//! printed is in PostgreSQL, before an upgrade and after it.

use serde_json::Value;

use super::{Application, Browser, create_administrator, run_there};
use crate::container::Container;
use crate::server::Server;

pub(super) const SCRIPT_FORMS: Application = Application { name: "script-forms", write, read };

/// Asks for the script with this name, and waits for what it prints.
fn greet(browser: &Browser, name: &str) {
    let order = format!(r#"{{"job_name": "a greeting", "command": "--name {name}"}}"#);
    let json = ["-H", "Content-Type: application/json", "--data-binary", &order];
    let (status, body) = browser.ask("/api/scripts/v1/greet/submit/", &json);
    let job = serde_json::from_str::<Value>(&body).ok().and_then(|answer| answer["job_id"].as_u64());
    let job = job.unwrap_or_else(|| panic!("{status}: {body}"));
    browser.wait_for(&format!("/api/jobs/v1/{job}/details/"), &format!("Hello, {name}!"));
}

fn write(machine: &Container, browser: &Browser) {
    create_administrator(machine, "script-forms", "python manage.py");
    run_there(machine, "script-forms", "python manage.py addscript offered");
    browser.log_in("/admin/login/", "/admin/");
    greet(browser, "Ada");
}

fn read(machine: &Container, browser: &Browser) {
    let page = browser.get("/api/jobs/v1/1/details/");
    assert!(page.contains("Hello, Ada!") && page.contains("\"completed\""), "{page}");
    // Whichever version made that order, the worker of this one takes the next.
    greet(browser, "Charles");
    let journal = machine.sh("journalctl -u script-forms-celery.service -o cat");
    assert!(journal.contains("Task wooey.tasks.submit_script") && journal.contains("succeeded"), "{journal}");
}
