//! The check of systemd units: their names → their states, from `systemctl show`.

use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The longest time to wait for systemctl.
const LIMIT: Duration = Duration::from_secs(5);

/// The state of a unit, as properties of systemd (org.freedesktop.systemd1(5)).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Unit {
    pub name: String,
    /// `loaded`, `not-found`, `masked`, `bad-setting` …
    pub load: String,
    /// The property `ActiveState`: `active`, `activating`, `failed` …
    pub active: String,
    /// The property `SubState`: `running`, `exited`, `auto-restart` …
    pub sub: String,
    /// `success`, `exit-code`, `timeout` … It is empty for kinds of units without this property.
    pub result: String,
}

impl Unit {
    /// Returns a phrase with the problem of the unit, or `None` if it is healthy.
    ///
    /// An active unit is healthy. So is one that is starting (`activating`), because checks are also made just after
    /// boot and during upgrades, and systemd ends a start that takes too long. A service that waits for its next
    /// attempt (`auto-restart`) is not: it has failed. An inactive unit is not healthy, so a `oneshot` service can be
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

    /// The same for a unit that does something at times and ends, such as a `oneshot` service of a timer: only
    /// a failure is a problem.
    pub fn failure(&self) -> Option<String> {
        let Self { name, active, result, .. } = self;
        (active == "failed").then(|| format!("{name} failed ({result})"))
    }
}

/// Asks systemd for the states of all units at once. That is one run of systemctl, which takes about 6 MB of memory.
///
/// # Errors
/// When there is no systemctl, systemd does not run, or there is no answer within five seconds. The error is a phrase.
pub fn states(names: &[String]) -> Result<Vec<Unit>, String> {
    let mut command = Command::new("systemctl");
    command.args(["show", "--property=LoadState,ActiveState,SubState,Result", "--"]).args(names);
    // Some versions read /proc/1 to find out whether they are in a chroot. The unit of the check hides it.
    command.env("SYSTEMD_IGNORE_CHROOT", "1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("cannot ask systemd: cannot run systemctl: {error}"))?;
    let told = output(&mut child);
    if told.is_none() {
        // The time is over. An error is ignored, because the child may have ended by itself in the meantime.
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

/// Returns what the child writes to standard output and to standard error, or `None` if it has not ended in time. The
/// thread that waits for it ends with the child.
fn output(child: &mut Child) -> Option<io::Result<(String, String)>> {
    let (mut stdout, mut stderr) = (child.stdout.take()?, child.stderr.take()?);
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let (mut text, mut complaint) = (String::new(), String::new());
        // Its error messages are short enough for the buffer of the pipe, so it does not wait for a reader.
        let read = stdout.read_to_string(&mut text).and_then(|_| stderr.read_to_string(&mut complaint));
        sender.send(read.map(|_| (text, complaint)))
    });
    receiver.recv_timeout(LIMIT).ok()
}

/// Parses lines `PROPERTY=VALUE`. There is a paragraph for each unit, in the order of the arguments.
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
