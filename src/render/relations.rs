//! The packages that the stack needs. Their names are the same in Debian 12 and 13 and in Ubuntu 22.04 and 24.04.

use super::error::RenderError;
use crate::control::{Alternatives, Relations};
use crate::stack::Stack;

/// systemd-sysusers, which postinst calls, comes with systemd or on its own.
const SYSUSERS: &str = "systemd | systemd-standalone-sysusers | systemd-sysusers";
/// The health check runs as an ordinary user, to whom systemd speaks over the system bus only.
const BUS: &str = "default-dbus-system-bus | dbus-system-bus";

/// The relations that have to hold: the stack's own, then those of the app, then the package's. One that was named
/// before is not named again.
pub(super) fn depends(stack: &Stack) -> Result<Relations, RenderError> {
    let mut own = vec![SYSUSERS, BUS, "nginx", "python3", "gunicorn"];
    if stack.database.is_some() {
        own.push("postgresql");
    }
    let mut all: Vec<Alternatives> = Vec::new();
    let own: Vec<Alternatives> = own.into_iter().map(str::parse).collect::<Result<_, _>>()?;
    for relation in own.iter().chain(&stack.app.depends.0).chain(&stack.package.depends.0) {
        if !all.contains(relation) {
            all.push(relation.clone());
        }
    }
    Ok(Relations(all))
}

/// The relations that should hold: without logrotate the health check's log grows for ever.
pub(super) fn recommends() -> Result<Relations, RenderError> {
    Ok("logrotate".parse()?)
}
