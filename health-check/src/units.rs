//! Units of systemd: names come in; what systemd says of them over the bus goes out.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::bus::{Body, Connection, Method, Reader};

/// The time within which systemd must have answered.
const LIMIT: Duration = Duration::from_secs(5);
/// The name that systemd has on the bus (org.freedesktop.systemd1(5)).
const SYSTEMD: &str = "org.freedesktop.systemd1";
/// Kinds of units that have a result: the end of the name, and the interface that has the property.
const WITH_RESULT: [(&str, &str); 8] = [
    (".service", "org.freedesktop.systemd1.Service"),
    (".socket", "org.freedesktop.systemd1.Socket"),
    (".timer", "org.freedesktop.systemd1.Timer"),
    (".mount", "org.freedesktop.systemd1.Mount"),
    (".automount", "org.freedesktop.systemd1.Automount"),
    (".swap", "org.freedesktop.systemd1.Swap"),
    (".path", "org.freedesktop.systemd1.Path"),
    (".scope", "org.freedesktop.systemd1.Scope"),
];

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
/// When there is no bus, systemd does not run, or no answer came in five seconds; in words.
pub fn states(names: &[String]) -> Result<Vec<Unit>, String> {
    let (sender, receiver) = mpsc::channel();
    let names = names.to_vec();
    // On a bus that hangs, connecting and writing wait without a limit. The end of the program ends the thread.
    thread::spawn(move || sender.send(ask(&names)));
    match receiver.recv_timeout(LIMIT) {
        Ok(answer) => answer.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => "cannot ask systemd: there is no message bus here".to_owned(),
            _ => format!("cannot ask systemd: {error}"),
        }),
        Err(_) => Err(format!("systemd gave no answer in {} s", LIMIT.as_secs())),
    }
}

fn ask(names: &[String]) -> io::Result<Vec<Unit>> {
    let mut bus = Connection::open()?;
    let list = Method {
        destination: SYSTEMD,
        path: "/org/freedesktop/systemd1",
        interface: "org.freedesktop.systemd1.Manager",
        member: "ListUnitsByNames",
    };
    let found = listed(bus.call(&list, &Body::list(names))?)?;
    if found.len() != names.len() {
        return Err(io::Error::other("it told of other units than it was asked for"));
    }
    let mut units = Vec::new();
    for (name, listed) in names.iter().zip(found) {
        let result = result(&mut bus, name, &listed.path)?;
        let Listed { load, active, sub, .. } = listed;
        units.push(Unit { name: name.clone(), load, active, sub, result });
    }
    Ok(units)
}

/// What `ListUnitsByNames` tells of a unit, as far as it is of use.
struct Listed {
    load: String,
    active: String,
    sub: String,
    path: String,
}

/// Reads `a(ssssssouso)`: units in the order in which they were named, each with its name, description, three states,
/// the unit that it follows, its object, and a job's number, kind and object.
fn listed(mut body: Reader) -> io::Result<Vec<Listed>> {
    let length = body.length()?;
    body.align(8);
    let end = body.position() + length;
    let mut units = Vec::new();
    while body.position() < end {
        body.align(8);
        let (_name, _description) = (body.string()?, body.string()?);
        let [load, active, sub] = [body.string()?, body.string()?, body.string()?];
        let (_following, path) = (body.string()?, body.string()?);
        let (_job, _kind, _object) = (body.u32()?, body.string()?, body.string()?);
        units.push(Listed { load, active, sub, path });
    }
    Ok(units)
}

/// How the unit's last run ended: the property `Result`; empty for kinds of units that have none.
fn result(bus: &mut Connection, name: &str, path: &str) -> io::Result<String> {
    let Some((_, interface)) = WITH_RESULT.iter().find(|(end, _)| name.ends_with(end)) else {
        return Ok(String::new());
    };
    let get = Method { destination: SYSTEMD, path, interface: "org.freedesktop.DBus.Properties", member: "Get" };
    let mut body = bus.call(&get, &Body::two(interface, "Result"))?;
    match body.signature()?.as_str() {
        "s" => body.string(),
        _ => Err(io::Error::other("it told a result that is not understood")),
    }
}
