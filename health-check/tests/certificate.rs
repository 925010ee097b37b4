//! The site's certificate, as the stack's script describes it in its state file.

use std::fs;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use libtest_mimic::Trial;
use serde_json::{Value, json};

use surroundings::{findings, health_check, problem, stdout};

pub fn trials() -> Vec<Trial> {
    support::tests![
        a_certificate_is_a_problem_when_it_ends_soon_or_is_another_than_wanted,
        the_line_has_the_days_left_or_the_kind,
        a_file_without_its_lines_is_not_a_state
    ]
}

/// A state file with a certificate that ends in so many days and an hour.
fn state(wanted: &str, served: &str, days: i64, failure: &str) -> tempfile::NamedTempFile {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let not_after = now + days * 86_400 + 3600;
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = format!("wanted={wanted}\nserved={served}\nnot_after={not_after}\nfailure={failure}\nnew=key\n");
    fs::write(&file, text).unwrap();
    file
}

fn a_certificate_is_a_problem_when_it_ends_soon_or_is_another_than_wanted() {
    let why = "example.org: no such host";
    let cases = [
        ("acme", "acme", 60, "", None),
        ("acme", "acme", 60, why, None),
        ("acme", "acme", 3, "", None),
        ("acme", "acme", 3, why, Some("the certificate ends in 3 days: example.org: no such host")),
        ("acme", "acme", -1, "", Some("the certificate has ended")),
        ("acme", "self-signed", 3000, "", None),
        ("acme", "self-signed", 3000, why, Some("HTTPS has a self-signed certificate only: example.org: no such host")),
        ("acme", "none", 60, why, Some("there is no HTTPS: example.org: no such host")),
        ("own", "own", 7, "", None),
        ("own", "own", 1, "", Some("the certificate ends in 1 day")),
        ("own", "self-signed", 3000, why, Some("HTTPS has a self-signed certificate only: example.org: no such host")),
        ("self-signed", "self-signed", 3000, "", None),
    ];
    let check = |(wanted, served, days, failure, problem): (_, _, _, _, Option<&str>)| {
        let state = state(wanted, served, days, failure);
        let (status, found) = findings(&["--certificate", state.path().to_str().unwrap()]);
        assert_eq!(found["problems"], json!(problem.into_iter().collect::<Vec<_>>()), "{found}");
        assert_eq!(
            (status, &found["certificate"]["healthy"]),
            (i32::from(problem.is_some()), &json!(problem.is_none()))
        );
        assert_eq!(found["certificate"]["days_left"], days);
        assert_eq!(found["certificate"]["failure"], if failure.is_empty() { Value::Null } else { failure.into() });
    };
    thread::scope(|scope| cases.into_iter().for_each(|case| drop(scope.spawn(move || check(case)))));
}

fn the_line_has_the_days_left_or_the_kind() {
    for (served, field) in [("acme", "63 days"), ("self-signed", "self-signed"), ("none", "none")] {
        let state = state("acme", served, 63, "");
        let line = stdout(&health_check(&["--certificate", state.path().to_str().unwrap()]));
        assert!(line.trim_end().ends_with(&format!(" | Certificate: {field}")), "{line}");
    }
}

fn a_file_without_its_lines_is_not_a_state() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    for text in ["", "nonsense", "wanted=acme\nserved=acme\n", "wanted=acme\nserved=acme\nnot_after=soon\n"] {
        fs::write(path, text).unwrap();
        let (status, found) = findings(&["--certificate", path]);
        assert_eq!((status, &found["certificate"]), (1, &Value::Null), "{found}");
        assert!(problem(&found).contains(" is not the state of a certificate"), "{found}");
    }
    let (status, found) = findings(&["--certificate", "/nowhere/state"]);
    assert_eq!((status, &found["certificate"]), (1, &Value::Null), "{found}");
    assert!(problem(&found).contains("cannot read the state of the certificate /nowhere/state: "), "{found}");
}
