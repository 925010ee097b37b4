//! Units of systemd: names come in; what `systemctl show` says of them goes out.

use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The time within which systemctl must have answered.
const LIMIT: Duration = Duration::from_secs(5);
/// How often an ending child is looked after.
const PAUSE: Duration = Duration::from_millis(5);

/// A unit's state, in systemd's own words (org.freedesktop.systemd1(5)).
#[derive(Debug, Clone, PartialEq)]
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
    /// A unit is well when it is active, or on its way there: a service that is starting (`activating`) is what a
    /// check just after boot or during an upgrade meets, and systemd ends a start that takes too long. But one that
    /// waits for its next attempt (`auto-restart`) has just failed. A unit at rest is not well, so a `oneshot` service is
    /// to be checked only if it has `RemainAfterExit=yes`.
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

/// Asks systemd for the states of all units at once.
///
/// # Errors
/// When systemctl is missing, systemd does not run, or no answer came in five seconds; in words.
pub fn states(names: &[String]) -> Result<Vec<Unit>, String> {
    let mut command = Command::new("systemctl");
    command.args(["show", "--no-pager", "--property=Id,ActiveState,SubState,Result,LoadState", "--"]).args(names);
    command.env("LC_ALL", "C").env("SYSTEMD_COLORS", "0");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "cannot ask systemd: there is no systemctl here".to_owned(),
        _ => format!("cannot run systemctl: {error}"),
    })?;
    let answer = listen(&mut child, Instant::now() + LIMIT);
    if answer.is_err() {
        // It may have ended in the meantime, and then cannot be killed.
        _ = child.kill();
        _ = child.wait();
    }
    let (success, output, complaint) = answer.map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => format!("systemctl gave no answer in {} s", LIMIT.as_secs()),
        _ => format!("cannot read what systemctl says: {error}"),
    })?;
    match parse(&output, names) {
        Some(units) if success => Ok(units),
        _ => match complaint.lines().find(|line| !line.trim().is_empty()) {
            Some(first) => Err(format!("cannot ask systemd: {}", first.trim())),
            None => Err("systemctl gave an answer that was not understood".to_owned()),
        },
    }
}

/// Waits for a child to end: whether it succeeded, and what it said.
fn listen(child: &mut Child, deadline: Instant) -> io::Result<(bool, String, String)> {
    let output = read_until(child.stdout.take(), deadline)?;
    let complaint = read_until(child.stderr.take(), deadline)?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status.success(), output, complaint));
        }
        if Instant::now() >= deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(PAUSE);
    }
}

fn read_until(pipe: Option<impl Read + AsRawFd>, deadline: Instant) -> io::Result<String> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    let Some(mut pipe) = pipe else { return Ok(String::new()) };
    loop {
        let left = deadline.saturating_duration_since(Instant::now()).as_millis();
        let mut wanted = libc::pollfd { fd: pipe.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one entry, which lives through the call.
        match unsafe { libc::poll(&raw mut wanted, 1, left as libc::c_int) } {
            0 => return Err(io::ErrorKind::TimedOut.into()),
            1.. => match pipe.read(&mut buffer)? {
                0 => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
                count => bytes.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            },
            _ => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => {}
                error => return Err(error),
            },
        }
    }
}

/// Reads `Property=value` lines, with an empty line between units, which come in the order in which they were named.
fn parse(output: &str, names: &[String]) -> Option<Vec<Unit>> {
    let blocks: Vec<&str> = output.split("\n\n").filter(|block| !block.trim().is_empty()).collect();
    if blocks.len() != names.len() {
        return None;
    }
    let unit = |(name, block): (&String, &str)| {
        let value = |key: &str| block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        Some(Unit {
            name: name.clone(),
            load: value("LoadState")?.to_owned(),
            active: value("ActiveState")?.to_owned(),
            sub: value("SubState")?.to_owned(),
            result: value("Result").unwrap_or_default().to_owned(),
        })
    };
    names.iter().zip(blocks).map(unit).collect()
}
