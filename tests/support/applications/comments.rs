//! Isso: a comment on a page is there after an upgrade. What makes HTML of it is a library in C that was built from its source.

use super::{Application, Browser};
use crate::container::Container;

pub(super) const COMMENTS: Application = Application { name: "comments", write, read };

const COMMENT: &str = r#"{"title": "The engine", "author": "Ada", "text": "It works *without* steam."}"#;

fn write(_machine: &Container, browser: &Browser) {
    let json = ["-H", "Content-Type: application/json", "--data-binary", COMMENT];
    let (status, body) = browser.ask("/new?uri=%2Fengine%2F", &json);
    assert_eq!(status, 201, "{body}");
}

fn read(_machine: &Container, browser: &Browser) {
    let page = browser.get("/?uri=%2Fengine%2F");
    assert!(page.contains("It works <em>without</em> steam."), "{page}");
    assert!(browser.get("/js/embed.min.js").len() > 1000);
}
