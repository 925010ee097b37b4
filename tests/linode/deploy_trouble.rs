//! `stackdeb deploy` when what was asked for cannot be, when Linode refuses or an instance does not answer, and when the
//! user interrupts: nothing secret is shown, nothing old is removed, and what exists is named.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use support::account::{TOKEN, sh, text};
use support::linode_api::Fault;
use support::ports::DEAD_PORT;
use support::project::Project;

#[test]
fn bad_arguments_change_nothing() {
    let project = Project::new(&[]);
    let file = |name: &str, content: &str| fs::write(project.path(name), content).unwrap();
    file("pem", "no certificate");
    file("bad.pub", "# a comment\nssh-ed25519 AAAA jane\n");
    file("url", "postgresql://shop:swordfish@localhost/shop");
    file("clear", "postgresql://shop:swordfish@db.example.org/shop?sslmode=disable");
    file("odd", "https://shop:swordfish@db.example.org/shop");
    let cases: &[(&[&str], &[&str])] = &[
        (&["--label", "Web_1"], &["`Web_1` is not a valid label", "--label"]),
        (&["--tag", "x"], &["`x` is not a valid tag"]),
        (&["--image", "15"], &["`15` is not the ID of an uploaded image", "private/N"]),
        (&["missing.img.gz"], &["missing.img.gz", "No such file"]),
        (&["url"], &["not compressed with gzip"]),
        (&["--ssh-key", "gone.pub"], &["gone.pub", "--ssh-key"]),
        (&["--ssh-key", "bad.pub"], &["line 2 of bad.pub"]),
        (&["--ssh-key", ".ssh/id_ed25519"], &["is a private key", ".pub"]),
        (&["--ssh-agent"], &["the SSH agent has no keys", "ssh-add"]),
        (&["--env", "A-B=swordfish"], &["`A-B` is not a name"]),
        (&["--env", "A=swordfish\nB=1"], &["value of A", "one line"]),
        (&["--env", "NOT_SET_HERE"], &["NOT_SET_HERE", "no such variable"]),
        (&["--env", "A=1", "--env", "A=2"], &["A is set twice"]),
        (&["--env", "DATABASE_URL=postgresql://u:swordfish@h/d"], &["cannot set DATABASE_URL", "--database-url-file"]),
        (&["--database-ca", "pem"], &["--database-ca", "DATABASE_URL is not set"]),
        (&["--database-url-file", "gone"], &["gone", "--database-url-file"]),
        (&["--database-url-file", "url"], &["database on this very machine"]),
        (&["--database-url-file", "clear"], &["not encrypted", "sslmode=disable"]),
        (&["--database-url-file", "odd"], &["does not begin with postgresql://"]),
        (&["--database-url-file", "clear", "--database-ca", "pem"], &["no certificate in PEM"]),
        (&["--api", "http://api.example.org/v4"], &["without https", "token"]),
    ];
    for (arguments, words) in cases {
        let ended = project.home.run(&mut project.deploy(arguments)).has(1, words);
        assert!(!ended.said.contains("swordfish"), "{}", ended.said);
        assert!(ended.said.contains("help:"), "it does not say what to do: {}", ended.said);
    }
    let mut command = project.stackdeb(&["deploy", "--region", "US East"]);
    project.home.run(&mut command).has(1, &["`US East` is not a valid region", "--region"]);
    project.home.run(project.deploy(&[]).env_remove("LINODE_TOKEN")).has(1, &["LINODE_TOKEN"]);
    fs::remove_dir_all(project.path(".ssh")).unwrap();
    project.home.run(&mut project.deploy(&[])).has(1, &["there is no SSH key", "ssh-keygen"]);
    assert!(project.api.all_paths().is_empty(), "{:?}", project.api.all_paths());
}

#[test]
fn what_linode_does_not_have_is_told_before_anything_is_made() {
    let project = Project::new(&[]);
    let large = format!("BIG={}", "x".repeat(66_000));
    let cases: &[(&[&str], &[&str])] = &[
        (&["--region", "us-esat"], &["no region us-esat; is it us-east?"]),
        (&["--region", "in-bare"], &["in-bare has no metadata service", "us-east, nl-ams, ca-central"]),
        (&["--region", "us-den-1", "--no-firewall"], &["us-den-1 has no metadata service"]),
        (&["--region", "us-east", "--type", "g6-nanode-2"], &["no plan g6-nanode-2; is it g6-nanode-1?", "--type"]),
        (&["--region", "us-east", "--env", &large], &["user data of shop-1 has 67", "65535 at most"]),
    ];
    for (arguments, words) in cases {
        let mut command = project.stackdeb(&["deploy"]);
        project.home.run(command.args(*arguments)).has(1, words);
    }
    assert!(project.api.seen("POST").is_empty() && project.api.seen("PUT").is_empty());
    project.home.run(&mut project.deploy(&["--image", "private/77"])).has(1, &["no image private/77"]);
    project.home.run(&mut project.deploy(&["--type", "g6-tiny"])).has(1, &["private/15 has 64 MB", "g6-tiny", "0 MB"]);
    project.home.run(&mut project.deploy(&["--label", "till"])).has(0, &[]);
    project.home.run(&mut project.deploy(&["--label", "till"])).has(1, &["an instance till already", "--label"]);
    assert_eq!(project.labels(), ["till"]);
}

#[test]
fn the_most_user_data_that_linode_takes_is_taken() {
    let project = Project::new(&[]);
    let pad = |length: usize| ["--env".to_owned(), format!("PAD={}", "x".repeat(length))];
    let deploy = |length: usize| {
        let mut command = project.deploy(&["--label", "till"]);
        command.args(pad(length));
        project.home.run(&mut command)
    };
    deploy(0).has(0, &[]);
    let rest = 65_535 - project.api.user_data("till").len();
    project.home.run(&mut project.stackdeb(&["destroy", "--yes", "--discard-data"])).has(0, &[]);
    deploy(rest + 1).has(1, &["has 65536 bytes"]);
    deploy(rest).has(0, &[]);
    assert_eq!(project.api.user_data("till").len(), 65_535);
}

#[test]
fn a_token_that_does_not_do() {
    let project = Project::new(&[]);
    project.api.tell_scopes("images:read_write linodes:read_only firewall:read_write");
    project.home.run(&mut project.deploy(&[])).has(3, &["but not linodes:read_write", "create an instance"]);
    assert!(project.api.seen("POST").is_empty());
    // Without the third scope, the stack's own firewall cannot be, and nothing is left behind but the image.
    project.api.tell_scopes("images:read_write linodes:read_write");
    let words = ["list the firewalls", "firewall:read_only"];
    project.home.run(&mut project.deploy(&[])).has(3, &words);
    assert!(project.labels().is_empty());
    project.home.run(&mut project.deploy(&["--no-firewall"])).has(0, &["shop-1 answers"]);
    // Looking takes less.
    project.api.tell_scopes("linodes:read_only");
    project.home.run(&mut project.stackdeb(&["instances"])).has(0, &["shop-1", "well"]);
    project
        .home
        .run(&mut project.stackdeb(&["destroy", "--yes", "--discard-data"]))
        .has(3, &["delete the instance", "linodes:read_write"]);
}

#[test]
fn a_refusal_is_shown_and_shows_no_secret() {
    let project = Project::new(&[Fault::InstanceLimit(1)]);
    let ended = project.home.run(&mut project.deploy(&["--count", "2", "--json"]));
    let ended = ended.has(3, &["reached a limit", "shop-1 (127.", "stackdeb destroy shop-1"]);
    let report = ended.json();
    assert_eq!(
        (&report["instances"][0]["label"], &report["instances"][0]["healthy"]),
        (&json!("shop-1"), &json!(false))
    );
    // A server that sends back what it was sent.
    let project = Project::new(&[Fault::InstanceLimit(0), Fault::Echoes]);
    let mut command = project.deploy(&[]);
    let ended = project.home.run(command.env("DATABASE_URL", "postgresql://u:swordfish@db.example.org/shop"));
    let ended = ended.has(3, &["{\"user_data\":\"[secret]\"}"]);
    let sent = project.api.seen("POST").last().unwrap().body.clone();
    let sent: serde_json::Value = serde_json::from_slice(&sent).unwrap();
    let secret = sent["metadata"]["user_data"].as_str().unwrap();
    assert!(secret.len() > 300 && !ended.said.contains(&secret[..40]), "{}", ended.said);
}

#[test]
fn too_many_requests_wait_and_a_lost_answer_is_not_a_lost_instance() {
    let project = Project::new(&[Fault::TooMany("POST", 2), Fault::TooMany("GET", 1), Fault::CreateAnswerLost(1)]);
    let begin = Instant::now();
    project.home.run(&mut project.deploy(&[])).has(0, &["shop-1 answers"]);
    assert!(begin.elapsed() >= Duration::from_secs(3), "{:?}", begin.elapsed());
    assert_eq!(project.labels(), ["shop-1"]);
}

#[test]
fn nobody_is_there() {
    let project = Project::new(&[]);
    for command in [&["deploy", "--region", "us-east"][..], &["instances"], &["destroy", "--yes"]] {
        let mut command = project.stackdeb(command);
        command.env("LINODE_API_URL", format!("http://127.0.0.1:{DEAD_PORT}/v4"));
        project.home.run(&mut command).has(4, &["list the instances", "4 attempts", "check the network"]);
    }
}

#[test]
fn the_old_stays_when_the_new_does_not_answer() {
    for (fault, last) in [(Fault::SiteSick, "status 503"), (Fault::SiteSilent, "refused")] {
        let project = Project::with_database("", &[]);
        project.home.run(&mut project.deploy(&[])).has(0, &[]);
        project.api.set_faults(&[fault]);
        let ended = project.home.run(&mut project.deploy(&["--replace", "--discard-data", "--timeout", "4", "--json"]));
        let words = [
            "shop-2 did not answer 200 within 4 seconds",
            last,
            "journalctl",
            // Root's password is locked, so that the console alone is of no use.
            "power the Linode off, reset its root password",
            "Rescue Mode",
            "shop-2 (127.",
            "stackdeb destroy shop-2",
            "nothing is removed: shop-1 runs as before",
        ];
        let ended = ended.has(4, &words);
        let report = ended.json();
        assert_eq!((&report["instances"][0]["healthy"], &report["removed"]), (&json!(false), &json!([])));
        assert_eq!(project.labels(), ["shop-1", "shop-2"]);
        assert!(project.api.seen("DELETE").is_empty());
        // The list tells which of them is well, and the command that was shown removes the other.
        let listed = project.home.run(&mut project.stackdeb(&["instances"])).has(0, &["NOT WELL", last]);
        let well = listed.stdout.lines().find(|line| line.ends_with("well")).unwrap();
        assert!(well.starts_with("shop-1 "), "{}", listed.stdout);
        let mut destroy = project.stackdeb(&["destroy", "--yes", "--discard-data", "shop-2"]);
        project.home.run(&mut destroy).has(0, &["shop-2 is removed"]);
        assert_eq!(project.labels(), ["shop-1"]);
    }
}

#[test]
fn old_ones_that_cannot_be_removed_are_named() {
    let project = Project::with_database("", &[]);
    project.home.run(&mut project.deploy(&[])).has(0, &[]);
    project.api.set_faults(&[Fault::DeleteFails]);
    let words = ["new instances are healthy", "shop-1 could not be removed", "is locked", "stackdeb destroy shop-1"];
    project.home.run(&mut project.deploy(&["--replace", "--discard-data"])).has(3, &words);
    assert_eq!(project.labels(), ["shop-1", "shop-2"]);
}

#[test]
fn an_interrupt_tells_what_exists_and_how_to_remove_it() {
    let project = Project::new(&[Fault::SiteSilent]);
    let mut command = project.deploy(&["--env", "SECRET_KEY"]);
    command.env("SECRET_KEY", "swordfish").env("DATABASE_URL", "postgresql://u:swordfish@db.example.org/shop");
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begin = Instant::now();
    while !project.api.all_paths().contains(&"GET /linode/instances/1002".to_owned()) {
        assert!(begin.elapsed() < Duration::from_secs(60), "no instance was looked at");
        thread::sleep(Duration::from_millis(50));
    }
    let arguments = String::from_utf8_lossy(&fs::read(format!("/proc/{}/cmdline", child.id())).unwrap()).into_owned();
    assert!(!arguments.contains(TOKEN) && !arguments.contains("swordfish"), "{arguments}");
    sh("kill -INT \"$1\"", &[Path::new(&child.id().to_string())]);
    let begin = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    let all = text(&output);
    assert!(!all.contains("swordfish"), "{all}");
    project
        .home
        .ended(output)
        .has(130, &["shop-1 (127.", "exists and costs $0.0075 an hour", "stackdeb destroy shop-1"]);
    sh("! grep -rq swordfish \"$1\"", &[project.home.path()]);
    // The command that is shown does what it says.
    let command = all.split_once("; or: ").unwrap().1.lines().next().unwrap();
    assert_eq!(project.labels(), ["shop-1"]);
    project.home.run(project.home.command("sh").args(["-c", command])).has(0, &[]);
    assert!(project.labels().is_empty());
}
