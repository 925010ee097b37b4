//! The one list of a stack's systemd units: what they are called, and in which order they start.

use super::Stack;

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
pub(super) const SUFFIXES: [&str; 6] =
    ["-database", "-database-role", "-database-setup", "-health", "-health-alert", "-secret"];

impl Stack {
    /// The units, in the order in which they start. The socket is the first: from then on, requests wait instead of
    /// failing. The database is ready before the app; the timer and what it starts come last.
    pub fn units(&self) -> Vec<Unit> {
        let database = [
            ("-database-role.service", UnitStart::OtherUnit),
            ("-database-setup.service", UnitStart::OtherUnit),
            ("-database.service", UnitStart::Boot),
        ];
        let database = self.database.iter().flat_map(|_| database);
        let all = [(".socket", UnitStart::Boot)].into_iter().chain(database).chain([
            ("-secret.service", UnitStart::OtherUnit),
            (".service", UnitStart::Boot),
            ("-health.timer", UnitStart::Boot),
            ("-health.service", UnitStart::OtherUnit),
            ("-health-alert.service", UnitStart::OtherUnit),
        ]);
        all.map(|(suffix, start)| Unit { name: format!("{}{suffix}", self.package.name), start }).collect()
    }
}
