//! Kinto (Pyramid): a record of a user with an account is in PostgreSQL, and there after an upgrade for its owner alone.

use super::{Application, Browser};
use crate::container::Container;
use crate::server::Server;

pub(super) const KINTO: Application = Application { name: "kinto", write, read };

const ADA: [&str; 2] = ["-u", "ada:correct-horse"];
const RECORD: &str = "/v1/buckets/default/collections/engines/records/brass";

/// Puts an object of JSON there.
#[track_caller]
fn put(browser: &Browser, path: &str, json: &str, further: &[&str]) {
    let arguments = ["-X", "PUT", "-H", "Content-Type: application/json", "--data-binary", json];
    let (status, body) = browser.ask(path, &[&arguments, further].concat());
    assert_eq!(status, 201, "{body}");
}

fn write(machine: &Container, browser: &Browser) {
    put(browser, "/v1/accounts/ada", r#"{"data": {"password": "correct-horse"}}"#, &[]);
    put(browser, RECORD, r#"{"data": {"wheels": 25000}}"#, &ADA);
    let stored = "select data->>'wheels' from objects where resource_name = 'record'";
    assert_eq!(machine.sh(&format!("runuser -u kinto -- psql -At kinto -c \"{stored}\"")), "25000");
}

fn read(_machine: &Container, browser: &Browser) {
    let (status, body) = browser.ask(RECORD, &ADA);
    assert!(status == 200 && body.contains("\"wheels\":25000"), "{status}: {body}");
    assert_eq!(browser.ask(RECORD, &["-u", "ada:wrong"]).0, 401);
}
