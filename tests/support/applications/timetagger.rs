//! TimeTagger, an ASGI application: a user who has logged in records an hour, which is there after an upgrade.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Application, Browser, run_there, set_variable};
use crate::container::Container;

pub(super) const TIMETAGGER: Application = Application { name: "timetagger", write, read };

const RECORD: &str = r##"[{"key": "a1b2c3d4", "t1": 1795687200, "t2": 1795690800, "ds": "#difference engine", "mt": 1795690800, "st": 0}]"##;

/// Logs in, and returns the header for further requests.
#[track_caller]
fn log_in(browser: &Browser) -> String {
    let form = r#"{"method": "usernamepassword", "username": "ada", "password": "correct-horse"}"#;
    let path = "/timetagger/api/v2/bootstrap_authentication";
    let (status, body) = browser.ask(path, &["--data-binary", &STANDARD.encode(form)]);
    assert_eq!(status, 200, "{body}");
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    format!("authtoken: {}", answer["token"].as_str().unwrap())
}

fn write(machine: &Container, browser: &Browser) {
    let hash = "import bcrypt; print(bcrypt.hashpw(b'correct-horse', bcrypt.gensalt(4)).decode())";
    let hash = run_there(machine, "timetagger", &format!("python -c \"{hash}\""));
    set_variable(machine, "timetagger", "TIMETAGGER_CREDENTIALS", &format!("ada:{hash}"));
    let (status, body) =
        browser.ask("/timetagger/api/v2/records", &["-X", "PUT", "-H", &log_in(browser), "--data-binary", RECORD]);
    assert!(status == 200 && body.contains("a1b2c3d4"), "{status}: {body}");
}

fn read(_machine: &Container, browser: &Browser) {
    let path = "/timetagger/api/v2/records?timerange=1795687000-1795691000";
    let (status, body) = browser.ask(path, &["-H", &log_in(browser)]);
    assert!(status == 200 && body.contains("#difference engine"), "{status}: {body}");
    assert_eq!(browser.ask(path, &[]).0, 401);
    assert!(browser.get("/timetagger/app/").contains("<title>"));
}
