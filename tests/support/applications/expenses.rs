//! I Hate Money (Flask): a bill that was entered in forms is in PostgreSQL, and there after an upgrade for a user who logs in.

use super::{Application, Browser};
use crate::container::Container;
use crate::server::Server;

pub(super) const EXPENSES: Application = Application { name: "expenses", write, read };

fn write(_machine: &Container, browser: &Browser) {
    let project = [
        ("name", "Travel"),
        ("id", "travel"),
        ("password", "correct-horse"),
        ("contact_email", "ada@example.org"),
        ("default_currency", "XXX"),
    ];
    browser.submit("/create", "csrf_token", &project);
    let token = super::browser::hidden(&browser.get("/travel/"), "csrf_token");
    browser.post("/travel/members/add", &[("csrf_token", &token), ("name", "Charles"), ("weight", "1")]);
    let bill = [
        ("date", "2026-11-26"),
        ("what", "Brass wheels"),
        ("payer", "1"),
        ("amount", "25"),
        ("original_currency", "XXX"),
        ("payed_for", "1"),
        ("bill_type", "Expense"),
    ];
    browser.submit("/travel/add", "csrf_token", &bill);
}

fn read(machine: &Container, browser: &Browser) {
    let page = browser.get("/travel/");
    assert!(page.contains("Brass wheels") && page.contains("Charles"), "{page}");
    let stranger = Browser::new(&machine.address());
    assert!(!stranger.get("/travel/").contains("Brass wheels"));
    let page = stranger.submit("/authenticate", "csrf_token", &[("id", "travel"), ("password", "correct-horse")]);
    assert!(page.contains("Brass wheels"), "{page}");
}
