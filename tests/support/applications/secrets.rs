//! SnapPass: a secret that was left in Valkey is shown once, also after an upgrade.

use super::{Application, Browser};
use crate::container::Container;
use crate::server::Server;

pub(super) const SECRETS: Application = Application { name: "secrets", write, read };

/// Leaves a secret for each time that one is read, and notes their links on the server.
fn write(machine: &Container, browser: &Browser) {
    for _ in 0..2 {
        let page = browser.post("/", &[("password", "correct-horse"), ("ttl", "Day")]);
        let mut links =
            page.split("/snappass").skip(1).filter(|rest| rest.starts_with(|c: char| c.is_ascii_hexdigit()));
        let link =
            links.next().and_then(|rest| rest.split(['"', '<']).next()).unwrap_or_else(|| panic!("no link in {page}"));
        machine.sh(&format!("echo '/snappass{link}' >>/root/links"));
    }
}

fn read(machine: &Container, browser: &Browser) {
    let link = machine.sh("head -n 1 /root/links; sed -i 1d /root/links");
    assert!(!browser.get(&link).contains("correct-horse"));
    let (status, page) = browser.ask(&link, &["--data", ""]);
    assert!(status == 200 && page.contains("correct-horse"), "{status}: {page}");
    assert_eq!(browser.ask(&link, &["--data", ""]).0, 404);
}
