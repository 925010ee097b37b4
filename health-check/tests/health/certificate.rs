//! The site's certificate, as the stack's script describes it in its state file.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::support::{findings, health_check, problem, stdout};

#[test]
fn the_days_left_and_the_last_failure_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let path = state.to_str().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let write = |served: &str, days: u64, failure: &str| {
        let not_after = now + days * 86_400 + 3600;
        fs::write(&state, format!("wanted=acme\nserved={served}\nnot_after={not_after}\nfailure={failure}\n")).unwrap();
    };
    write("acme", 63, "");
    let (status, found) = findings(&["--certificate", path]);
    assert_eq!((status, &found["certificate"]["days_left"]), (0, &Value::from(63)), "{found}");
    assert_eq!(found["certificate"]["failure"], Value::Null);
    assert!(stdout(&health_check(&["--certificate", path])).contains(" | Certificate: 63 days"));

    write("acme", 2, "example.org: no such host");
    let (status, found) = findings(&["--certificate", path]);
    assert_eq!((status, &found["certificate"]["healthy"]), (1, &Value::Bool(false)), "{found}");
    assert!(problem(&found).contains("the certificate ends in 2 days: example.org: no such host"), "{found}");

    write("self-signed", 3000, "example.org: no such host");
    let (status, found) = findings(&["--certificate", path]);
    assert_eq!(status, 1, "{found}");
    assert!(problem(&found).contains("HTTPS has a self-signed certificate only: example.org: no such host"), "{found}");

    for broken in [Some("nonsense"), None] {
        broken.map_or_else(|| fs::remove_file(&state), |text| fs::write(&state, text)).unwrap();
        let (status, found) = findings(&["--certificate", path]);
        assert_eq!((status, &found["certificate"]), (1, &Value::Null), "{found}");
        assert!(problem(&found).contains("certificate"), "{found}");
    }
}
