//! The one list of a stack's systemd units: what they are called, and in which order they start.

use super::{Stack, Tls, Worker};

/// A unit that the package installs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its name with the suffix: `stack.socket`.
    pub name: String,
    pub start: UnitStart,
}

/// Whether systemd starts a unit at boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitStart {
    /// The boot: the unit is enabled on the first installation.
    Boot,
    /// Another unit of the stack; it is never enabled.
    OtherUnit,
}

/// What follows the package's name in the names of units beside `NAME.service` and `NAME.socket`. No stack's own name may
/// end so: a stack `shop-health` would have the units of a stack `shop`.
pub(super) const SUFFIXES: [&str; 10] = [
    "-acme",
    "-certificate",
    "-database",
    "-database-role",
    "-database-setup",
    "-health",
    "-health-alert",
    "-release",
    "-secret",
    "-valkey",
];

/// Names of further units that stackdeb makes, some only while it works: no worker or timer may have one,
/// nor one that begins so.
const OTHERS: [&str; 4] = ["maintenance", "restore", "run", "service"];

/// Whether a stack's worker or timer cannot have this name, because another unit of the stack has it.
pub(super) fn is_reserved(name: &str) -> bool {
    let begins = |word: &&str| name.strip_prefix(*word).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    OTHERS.iter().any(begins) || SUFFIXES.iter().any(|suffix| suffix.trim_start_matches('-') == name)
}

impl Stack {
    /// The units, in the order in which they start. The socket is the first: from then on, requests wait instead of
    /// failing. The database is ready before the app and its workers; the timers and what they start come last.
    pub fn units(&self) -> Vec<Unit> {
        let fixed = |suffix: &str, start| (suffix.to_owned(), start);
        let has_processes = self.app.kind.has_processes();
        let mut all = Vec::new();
        if self.app.kind.has_socket() {
            all.push(fixed(".socket", UnitStart::Boot));
        }
        if self.site.has_tls() {
            all.push(fixed("-certificate.service", UnitStart::Boot));
        }
        if self.database.is_some() {
            all.push(fixed("-database-role.service", UnitStart::OtherUnit));
            all.push(fixed("-database-setup.service", UnitStart::OtherUnit));
            all.push(fixed("-database.service", UnitStart::Boot));
        }
        if has_processes {
            all.push(fixed("-secret.service", UnitStart::OtherUnit));
        }
        if self.services.valkey.is_some() {
            all.push(fixed("-valkey.service", UnitStart::Boot));
        }
        if self.app.release_command.is_some() {
            all.push(fixed("-release.service", UnitStart::Boot));
        }
        if has_processes {
            all.push(fixed(".service", UnitStart::Boot));
        }
        let workers = self.workers.iter().flat_map(Worker::unit_stems);
        all.extend(workers.map(|(stem, _)| (format!("-{stem}.service"), UnitStart::Boot)));
        for timer in &self.timers {
            all.push((format!("-{}.timer", timer.name), UnitStart::Boot));
            all.push((format!("-{}.service", timer.name), UnitStart::OtherUnit));
        }
        all.push(fixed("-health.timer", UnitStart::Boot));
        all.push(fixed("-health.service", UnitStart::OtherUnit));
        all.push(fixed("-health-alert.service", UnitStart::OtherUnit));
        if matches!(self.site.tls, Tls::Acme { .. }) {
            all.push(fixed("-acme.timer", UnitStart::Boot));
            all.push(fixed("-acme.service", UnitStart::OtherUnit));
        }
        all.into_iter().map(|(suffix, start)| Unit { name: format!("{}{suffix}", self.package.name), start }).collect()
    }
}
