//! ARA, a Django application with an API: a playbook that was recorded is there after an upgrade, and its page has the style
//! sheets that the build collected.

use super::{Application, Browser, check_style_sheet};
use crate::container::Container;
use crate::server::Server;

pub(super) const ARA_RECORDS: Application = Application { name: "ara-records", write, read };

const PLAYBOOK: &str = r#"{"started": "2026-11-26T10:00:00Z", "ansible_version": "2.19", "path": "/srv/engine.yml",
    "status": "completed", "name": "build the engine", "labels": ["brass"], "arguments": {}}"#;

fn write(machine: &Container, browser: &Browser) {
    let json = ["-H", "Content-Type: application/json", "--data-binary", PLAYBOOK];
    let (status, body) = browser.ask("/api/v1/playbooks", &json);
    assert_eq!(status, 201, "{body}");
    let stored = machine.sh("runuser -u ara-records -- psql -At ara-records -c 'select name from playbooks'");
    assert_eq!(stored, "build the engine");
}

fn read(_machine: &Container, browser: &Browser) {
    let (status, body) = browser.ask("/api/v1/playbooks?label=brass", &[]);
    assert!(status == 200 && body.contains("\"name\":\"build the engine\""), "{status}: {body}");
    let page = browser.get("/");
    assert!(page.contains("/srv/engine.yml"), "{page}");
    check_style_sheet(browser, &page);
}
