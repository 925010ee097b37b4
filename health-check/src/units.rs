//! The check of systemd units: their names → their states, from `systemctl show`.

use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The time within which systemd must have answered.
const LIMIT: Duration = Duration::from_secs(5);

/// A unit's state, in systemd's own words (org.freedesktop.systemd1(5)).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Unit {
    pub name: String,
    /// `loaded`, `not-found`, `masked`, `bad-setting` …
    pub load: String,
    /// `active`, `activating`, `failed` …
    pub active: String,
    /// `running`, `exited`, `auto-restart` …
    pub sub: String,
    /// `success`, `exit-code`, `timeout` …; empty for kinds of units that have none.
    pub result: String,
}

impl Unit {
    /// What is wrong with the unit, in words; `None` when it is well.
    ///
    /// A unit is well when it is active, or about to be: a service that is starting (`activating`) is what a check just
    /// after boot or during an upgrade meets, and systemd ends a start that takes too long. But a service that waits
    /// for its next attempt (`auto-restart`) has just failed. A unit at rest is not well, so a `oneshot` service can be
    /// checked only if it has `RemainAfterExit=yes`.
    pub fn problem(&self) -> Option<String> {
        let Self { name, load, active, sub, result } = self;
        match (load.as_str(), active.as_str()) {
            ("not-found", _) => Some(format!("{name} does not exist")),
            ("masked", "inactive") => Some(format!("{name} is masked")),
            (_, "active" | "reloading" | "refreshing") => None,
            (_, "activating") if !sub.starts_with("auto-restart") => None,
            _ if result.is_empty() || result == "success" => Some(format!("{name} is {active} ({sub})")),
            _ => Some(format!("{name} is {active} ({sub}, {result})")),
        }
    }
}

/// Asks systemd for the states of all units at once. Costs one run of systemctl: some 6 MB of memory while it lasts.
///
/// # Errors
/// When there is no systemctl, systemd does not run, or no answer came in five seconds; in words.
pub fn states(names: &[String]) -> Result<Vec<Unit>, String> {
    let mut command = Command::new("systemctl");
    command.args(["show", "--property=LoadState,ActiveState,SubState,Result", "--"]).args(names);
    // Some versions look at /proc/1, which the unit of the check hides, to find out whether they are in a chroot.
    command.env("SYSTEMD_IGNORE_CHROOT", "1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("cannot ask systemd: cannot run systemctl: {error}"))?;
    let told = output(&mut child);
    if told.is_none() {
        // Without an answer in time it has no more to say; and it may have ended by itself just now.
        _ = child.kill();
    }
    let ended = child.wait();
    let (text, complaint) = told
        .ok_or_else(|| format!("systemd gave no answer in {} s", LIMIT.as_secs()))?
        .map_err(|error| format!("cannot ask systemd: {error}"))?;
    if !ended.is_ok_and(|status| status.success()) {
        let lines: Vec<&str> = complaint.lines().collect();
        return Err(format!("cannot ask systemd: {}", lines.join(" ")));
    }
    understood(names, &text).ok_or_else(|| "cannot ask systemd: systemctl told of other units".to_owned())
}

/// What the child writes to standard output and to standard error; `None` when it has not ended in time. The thread
/// that waits for it ends with the child.
fn output(child: &mut Child) -> Option<io::Result<(String, String)>> {
    let (mut stdout, mut stderr) = (child.stdout.take()?, child.stderr.take()?);
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let (mut text, mut complaint) = (String::new(), String::new());
        // Its few complaints fit into the pipe while the text is read.
        let read = stdout.read_to_string(&mut text).and_then(|_| stderr.read_to_string(&mut complaint));
        sender.send(read.map(|_| (text, complaint)))
    });
    receiver.recv_timeout(LIMIT).ok()
}

/// Reads `PROPERTY=VALUE` lines: a paragraph for each unit, in the order in which they were named.
fn understood(names: &[String], text: &str) -> Option<Vec<Unit>> {
    let paragraphs: Vec<&str> = text.trim_end().split("\n\n").collect();
    let unit = |(name, paragraph): (&String, &&str)| {
        let value = |property: &str| {
            let mut lines = paragraph.lines().filter_map(|line| line.split_once('='));
            lines.find(|(key, _)| *key == property).map(|(_, value)| value.to_owned())
        };
        Some(Unit {
            name: name.clone(),
            load: value("LoadState")?,
            active: value("ActiveState")?,
            sub: value("SubState")?,
            result: value("Result").unwrap_or_default(),
        })
    };
    (paragraphs.len() == names.len()).then(|| names.iter().zip(&paragraphs).map(unit).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_has_a_paragraph() {
        let names = ["a.service".to_owned(), "b.target".to_owned()];
        let text = "Result=success\nLoadState=loaded\nActiveState=active\nSubState=running\n\n\
                    LoadState=not-found\nActiveState=inactive\nSubState=dead\n";
        let units = understood(&names, text).unwrap();
        assert_eq!((units[0].problem(), units[0].result.as_str()), (None, "success"));
        assert_eq!((units[1].problem().unwrap(), units[1].result.as_str()), ("b.target does not exist".into(), ""));
        assert_eq!(understood(&names, "LoadState=loaded\nActiveState=active\nSubState=running\n"), None);
        assert_eq!(understood(&names[..1], ""), None);
    }
}
