//! What the health check keeps of earlier checks: bounded, and whole whatever happens to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use libtest_mimic::Trial;
use tempfile::TempDir;

use surroundings::{answering, findings, health_check, program, stderr, stdout, write_history};

pub fn trials() -> Vec<Trial> {
    support::tests![
        a_check_adds_what_it_found,
        it_has_a_bound_and_keeps_the_newest,
        a_line_torn_at_any_byte_is_no_check,
        checks_at_the_same_time_lose_nothing,
        one_that_cannot_be_written_hides_no_verdict
    ]
}

struct History {
    folder: TempDir,
}

impl History {
    /// A history of so many checks, and a `health.toml` that keeps `kept`.
    fn of(count: usize, kept: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("health.toml"), format!("history = {kept}\n")).unwrap();
        let history = Self { folder };
        write_history(&history.path(), count, &[]);
        history
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("history")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    fn lines(&self) -> Vec<String> {
        assert!(self.text().ends_with('\n'));
        self.text().lines().map(str::to_owned).collect()
    }

    fn options(&self) -> [String; 4] {
        let config = self.folder.path().join("health.toml");
        ["--config", config.to_str().unwrap(), "--history", self.path().to_str().unwrap()].map(str::to_owned)
    }

    /// Exit status of a check that goes into it.
    fn check(&self, arguments: &[&str]) -> i32 {
        let options = self.options();
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        health_check(&[&options[..], arguments].concat()).status.code().unwrap()
    }

    /// How many checks a report has.
    fn reported(&self) -> usize {
        let output = Command::new(program()).args(["report", "--name", "a"]).args(self.options()).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let page = stdout(&output);
        match page.split_once(" checks from ") {
            Some((before, _)) => before.rsplit('>').next().unwrap().parse().unwrap(),
            None => {
                assert!(page.contains("No check has been recorded yet."), "{page}");
                0
            }
        }
    }
}

fn a_check_adds_what_it_found() {
    let history = History::of(2, 100);
    let before = history.text();
    let path = history.path();
    let url = answering(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    let (_, found) = findings(&["--disk", "/", "--url", &url, "--history", path.to_str().unwrap()]);
    let text = history.text();
    let line = text.strip_prefix(&before).unwrap();
    let fields: Vec<&str> = line.strip_suffix('\n').unwrap().split('\t').collect();
    let number = |field: usize| fields[field].parse::<f64>().unwrap();
    assert!(number(0) - (std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() as f64) < 20.0);
    assert_eq!(number(1), found["machine"]["cpu_percent"].as_f64().unwrap());
    assert_eq!(number(2), found["machine"]["ram_percent"].as_f64().unwrap());
    assert_eq!(number(3), found["disks"][0]["used_percent"].as_f64().unwrap());
    assert_eq!(number(4), found["machine"]["load"][1].as_f64().unwrap());
    assert!((number(5) - found["sites"][0]["milliseconds"].as_f64().unwrap()).abs() <= 1.0);
    assert_eq!(fields[6..], ["bad".to_owned(), format!("site {url}: it answered 503, not 200")]);

    // Neither tabs nor length of what is wrong spoil a line; nothing is measured of what is not there.
    let long = format!("/no\t{}", "ü".repeat(400));
    assert_eq!(history.check(&["--disk", &long]), 1);
    let last = history.lines().pop().unwrap();
    let fields: Vec<&str> = last.split('\t').collect();
    assert_eq!((fields.len(), fields[3], fields[5]), (8, "-", "-"));
    assert!(fields[7].starts_with("cannot measure the disk /no üü") && last.len() < 400, "{last}");
    assert_eq!(history.reported(), 4);
}

fn it_has_a_bound_and_keeps_the_newest() {
    let history = History::of(11, 10);
    let before = history.lines();
    // Left by a crash.
    fs::write(history.folder.path().join("history.new"), "half").unwrap();
    assert_eq!(history.check(&[]), 0);
    let after = history.lines();
    assert_eq!((after.len(), &after[..9]), (10, &before[2..]));
    for more in 1..=3 {
        assert_eq!(history.check(&[]), 0);
        assert_eq!(history.lines().len(), if more % 2 == 1 { 11 } else { 10 });
        assert_eq!(history.reported(), 10);
    }
    let mut names: Vec<_> = fs::read_dir(&history.folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["health.toml", "history"]);

    // A much longer one, from before the administrator wanted a short one.
    let history = History::of(20_000, 5);
    let last = history.lines().pop().unwrap();
    assert_eq!(history.check(&[]), 0);
    let lines = history.lines();
    assert_eq!((lines.len(), &lines[3]), (5, &last));
}

fn a_line_torn_at_any_byte_is_no_check() {
    let history = History::of(3, 10);
    let whole = history.text();
    let torn = whole.lines().next_back().unwrap();
    for end in 0..=torn.len() {
        fs::write(history.path(), format!("{whole}{}", &torn[..end])).unwrap();
        assert_eq!(history.reported(), 3, "{:?}", &torn[..end]);
    }
    // The next check cuts it off.
    for end in [1, torn.len() / 2, torn.len()] {
        fs::write(history.path(), format!("{whole}{}", &torn[..end])).unwrap();
        assert_eq!(history.check(&[]), 0);
        assert!(history.text().starts_with(&whole));
        assert_eq!((history.lines().len(), history.reported()), (4, 4));
    }
    // Nothing but half a line; zeros, as a file system may leave them after a crash; what is no history at all.
    let zeros = "\0".repeat(4000);
    for (text, kept) in
        [(&torn[..9], 0), (&*format!("{whole}{zeros}"), 3), (&*format!("{zeros}\n{whole}"), 3), ("# text\n", 0)]
    {
        fs::write(history.path(), text).unwrap();
        assert_eq!(history.reported(), kept, "{text:?}");
        assert_eq!(history.check(&[]), 0);
        assert_eq!(history.reported(), kept + 1, "{text:?}");
    }
}

fn checks_at_the_same_time_lose_nothing() {
    for (kept, expected) in [(100, 12..=12), (4, 4..=5)] {
        let history = History::of(0, kept);
        thread::scope(|scope| (0..12).for_each(|_| drop(scope.spawn(|| assert_eq!(history.check(&[]), 0)))));
        assert!(expected.contains(&history.lines().len()), "{}", history.text());
        assert!(history.lines().iter().all(|line| line.split('\t').count() == 8), "{}", history.text());
    }
}

fn one_that_cannot_be_written_hides_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path(), Path::new("/dev/full"), Path::new("/nowhere/history")] {
        let page = folder.path().join("page");
        let arguments = ["--history", path.to_str().unwrap(), "--page", page.to_str().unwrap()];
        let output = health_check(&arguments);
        assert_eq!(output.status.code(), Some(3), "{path:?}");
        assert!(stderr(&output).starts_with("<3>health-check: cannot write the history "), "{}", stderr(&output));
        assert!(stdout(&output).starts_with("<6>CPU: "));
        assert!(!page.exists(), "a page without what it is made of");
        assert_eq!(health_check(&[&arguments[..], &["--disk", "/nowhere"]].concat()).status.code(), Some(1));
    }
}
