//! django-wiki: a user who logs in writes a page, which is in PostgreSQL, and there after an upgrade, with its style sheets.

use super::{Application, Browser, check_style_sheet, create_administrator};
use crate::container::Container;

pub(super) const ENCYCLOPEDIA: Application = Application { name: "encyclopedia", write, read };

fn write(machine: &Container, browser: &Browser) {
    create_administrator(machine, "encyclopedia", "python manage.py");
    browser.log_in("/_accounts/login/", "/admin/");
    let page = [("title", "Engines"), ("content", "of *brass*")];
    browser.submit("/create-root/", "csrfmiddlewaretoken", &page);
    let page = [("title", "Wheels"), ("slug", "wheels"), ("content", "There are **25000**."), ("summary", "First.")];
    browser.submit("/_create/", "csrfmiddlewaretoken", &page);
}

fn read(_machine: &Container, browser: &Browser) {
    let page = browser.get("/");
    assert!(page.contains("of <em>brass</em>"), "{page}");
    let page = browser.get("/wheels/");
    assert!(page.contains("There are <strong>25000</strong>."), "{page}");
    check_style_sheet(browser, &page);
}
