//! The limits that `health.toml` sets, and the messages about mistakes in it.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use serde_json::json;
use support::source_folder;

use surroundings::{findings, health_check, program, stderr, stdout, with_busy_processors, with_settings};

pub fn trials() -> Vec<Trial> {
    support::tests![
        health_toml_sets_limits,
        a_broken_health_toml_is_a_problem_and_blinds_nothing,
        the_packages_health_toml_shows_every_key,
        every_key_is_read,
        what_is_no_limit_is_refused
    ]
}

fn health_toml_sets_limits() {
    let (status, problems) = with_settings("max_disk = 0 # all\n", &["--disk", "/"]);
    assert!(status == 1 && problems.iter().all(|problem| problem.ends_with(", above 0%")), "{problems:?}");
    assert_eq!(with_settings("max_disk = 100\n", &["--disk", "/"]), (0, Vec::new()));

    let slow = surroundings::site("127.0.0.1", |mut stream| {
        surroundings::request(&stream);
        thread::sleep(Duration::from_millis(300));
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    });
    let (status, problems) = with_settings("max_response_time = 200", &["--url", &slow]);
    assert!(status == 1 && problems.len() == 1, "{problems:?}");
    let took = problems[0].strip_prefix(&format!("site {slow}: its answer took ")).unwrap();
    let took: u64 = took.strip_suffix(" ms, above 200 ms").unwrap().parse().unwrap();
    assert!((300..5000).contains(&took), "{problems:?}");
    assert_eq!(with_settings("max_response_time = 4500", &["--url", &slow]), (0, Vec::new()));

    with_busy_processors(|| {
        let deadline = Instant::now() + Duration::from_secs(60);
        let (mut status, mut problems) = with_settings("max_load = 0", &[]);
        // The load average of a machine that has just been idle is nothing for some seconds.
        while problems.is_empty() && Instant::now() < deadline {
            (status, problems) = with_settings("max_load = 0", &[]);
        }
        assert!(status == 1 && problems[0].starts_with("load over five minutes at "), "{problems:?}");
    });
    assert_eq!(with_settings("max_load = 1000", &[]), (0, Vec::new()));
}

fn a_broken_health_toml_is_a_problem_and_blinds_nothing() {
    let nowhere = "cannot measure the disk /nowhere: No such file or directory (os error 2)".to_owned();
    for (text, expected) in [
        ("max_cup = 3", "health.toml:1: there is no key `max_cup`: did you mean `max_cpu`?"),
        ("\nmax_ram = [", "health.toml:2: this is not TOML: "),
        (
            "max_disk = \"90%\"",
            "health.toml:1: max_disk is \"90%\", but has to be a number from 0 to 100; its default holds",
        ),
    ] {
        let (status, problems) = with_settings(text, &["--disk", "/nowhere"]);
        assert_eq!((status, problems.len()), (1, 2), "{problems:?}");
        assert!(problems[0].starts_with(expected), "{problems:?}");
        assert_eq!(problems[1], nowhere);
    }
    // What is well understood holds beside what is not.
    let (_, problems) = with_settings("max_cup = 3\nmax_disk = 0\n", &["--disk", "/"]);
    assert!(problems.len() >= 2 && problems[1].ends_with(", above 0%"), "{problems:?}");

    let (status, found) = findings(&["--config", "/", "--disk", "/nowhere"]);
    assert_eq!(status, 1);
    let unreadable = "cannot read /: it is not a file; the defaults hold";
    assert_eq!(found["problems"], json!([unreadable, nowhere]));
    assert_eq!(findings(&["--config", "/nowhere/health.toml"]).0, 0, "a file that is not there is an empty one");
    let line = stdout(&health_check(&["--config", "/"]));
    assert!(line.ends_with(&format!(" | UNHEALTHY: {unreadable}\n")), "{line}");
}

fn the_packages_health_toml_shows_every_key() {
    // The name and the port that stackdeb puts in are in comments.
    let text = fs::read_to_string(source_folder().join("debian/health.toml")).unwrap();
    assert_eq!(with_settings(&text, &[]), (0, Vec::new()));
    let is_setting = |line: &&str| line.starts_with("# ") && line.contains(" = ");
    let settings: Vec<&str> = text.lines().filter(is_setting).map(|line| &line[2..]).collect();
    let settings = settings.join("\n");
    let values = toml::de::DeTable::parse(&settings).unwrap();
    // All keys, as the message about an unknown key lists them.
    let (_, problems) = with_settings("colour = 1", &[]);
    let mut known: Vec<&str> = problems[0].split_once("the keys are ").unwrap().1.split(", ").collect();
    known.sort_unstable();
    assert_eq!(values.get_ref().keys().map(|key| &**key.get_ref()).collect::<Vec<_>>(), known);
    assert_eq!(
        with_settings(&settings.replace("max_load = 4.0", "").replace("max_ram = 95", "max_ram = 100"), &[]),
        (0, Vec::new())
    );
}

/// A report with this `health.toml`: the page, and the mistakes that were told. The history has 12 checks.
fn report(text: &str) -> (String, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let (config, history) = (folder.path().join("health.toml"), folder.path().join("history"));
    fs::write(&config, text).unwrap();
    let line = |minute| format!("{}\t50.0\t50.0\t50.0\t0.50\t3000\tok\t\n", 1_700_000_000 + 60 * minute);
    fs::write(&history, (0..12).map(line).collect::<String>()).unwrap();
    let mut command = Command::new(program());
    command.args(["report", "--name", "a", "--config"]).arg(&config).arg("--history").arg(&history);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let told = stderr(&output).replace(config.to_str().unwrap(), "health.toml");
    (stdout(&output), told.lines().map(|line| line.strip_prefix("<3>health-check: ").unwrap().to_owned()).collect())
}

fn every_key_is_read() {
    let text = "max_cpu = 80\nmax_load = 1.5\nmax_ram = 0x32\nmax_disk = 70.5\nmax_response_time = 1_500\nhistory = 7";
    let (page, mistakes) = report(text);
    assert_eq!(mistakes, Vec::<String>::new());
    let limits: Vec<&str> = page.split(">limit ").skip(1).map(|rest| rest.split('<').next().unwrap()).collect();
    assert_eq!(limits, ["80%", "50%", "70.5%", "1500 ms"]);
    assert!(page.contains(">7 checks from "), "{page}");
    // The defaults that the package's file shows.
    let (page, mistakes) = report("# nothing\n");
    assert_eq!(mistakes, Vec::<String>::new());
    let limits: Vec<&str> = page.split(">limit ").skip(1).map(|rest| rest.split('<').next().unwrap()).collect();
    assert_eq!(limits, ["95%", "90%", "5000 ms"]);
    assert!(page.contains(">12 checks from "), "{page}");
}

fn what_is_no_limit_is_refused() {
    for (text, words) in [
        ("max_cpu = 101", "max_cpu is 101"),
        ("max_cpu = nan", "max_cpu is nan"),
        ("max_ram = -1", "from 0 to 100"),
        ("max_response_time = 1.5", "a whole number from 1 to 5000"),
        ("max_response_time = 5001", "a whole number from 1 to 5000"),
        ("history = 0", "from 1 to 20000"),
        ("history = 99999999999999999999", "history is 99999999999999999999, but has to be a whole number"),
        ("history = true", "history is true, but"),
        ("max-disk = 3", "did you mean `max_disk`?"),
        ("colour = 3", "the keys are max_cpu, max_load"),
        ("[limits]\nmax_cpu = 3", "health.toml:1: there is no key `limits`"),
        ("max_cpu = 3\nmax_cpu = 4", "health.toml:2: this is not TOML: duplicate key"),
        ("max_cpu = 3\nmax_disk = \n", "health.toml:2: this is not TOML"),
    ] {
        let (_, found) = report(text);
        assert!(found.len() == 1 && found[0].contains(words), "{text}: {found:?}");
    }
    let (page, found) = report("max_ram = 50\n\nmax_cup = 3\nmax_disk = \"a\"\n");
    let expected = [
        "health.toml:3: there is no key `max_cup`: did you mean `max_cpu`?",
        "health.toml:4: max_disk is \"a\", but has to be a number from 0 to 100; its default holds",
    ];
    assert_eq!(found, expected);
    assert!(page.contains(">limit 50%<") && page.contains(">limit 90%<"), "the rest does not hold");
    let (_, found) = report(&(0..9).map(|number| format!("a{number} = 1\n")).collect::<String>());
    assert_eq!((found.len(), found[3].as_str()), (4, "health.toml: 6 more mistakes"));
}
