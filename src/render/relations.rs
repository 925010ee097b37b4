//! The packages that the stack needs. They have the same names in Debian 12 and 13 and in Ubuntu 22.04 and 24.04, except Valkey.

use super::error::RenderError;
use super::server;
use crate::control::{Alternatives, Relations};
use crate::python::Libraries;
use crate::stack::{AppKind, Stack, Tls};

/// The packages with the program systemd-sysusers, which postinst calls.
const SYSUSERS: &str = "systemd | systemd-standalone-sysusers | systemd-sysusers";
/// The health check runs as an ordinary user, and systemd answers such users only over the system bus.
const BUS: &str = "default-dbus-system-bus | dbus-system-bus";

/// nginx's module for files that are compressed with Brotli. A site that names its directive does not load without it,
/// so it cannot be a recommendation.
const BROTLI: &str = "libnginx-mod-http-brotli-static";

/// Debian 12 has no Valkey. Its Redis 7 is what Valkey began as, and reads the same configuration.
const VALKEY: &str = "valkey-server | redis-server (>= 5:7)";

/// `Depends`: the stack's own relations, then those of the packed libraries, of `[app]`, and of `[package]`, each only once.
pub(super) fn depends(stack: &Stack, libraries: &Libraries) -> Result<Relations, RenderError> {
    let mut own = vec![SYSUSERS, BUS, "nginx"];
    // The programs of the package are in Python, whatever the app is. Libraries say which Python.
    let says_python = |one: &Alternatives| one.0.iter().any(|relation| relation.name.as_str() == "python3");
    if stack.app.kind.has_processes() && !libraries.needs.depends.0.iter().any(says_python) {
        own.push("python3");
    }
    match &stack.app.kind {
        AppKind::Python(app) => own.extend(server::packages(app, libraries)?),
        AppKind::Exec(_) | AppKind::Static(_) => {}
    }
    if stack.database.is_some() {
        own.push("postgresql");
    }
    if stack.services.valkey.is_some() {
        own.push(VALKEY);
    }
    if !stack.static_files().is_empty() {
        own.push(BROTLI);
    }
    if stack.site.has_tls() {
        own.push("openssl");
    }
    if matches!(stack.site.tls, Tls::Acme { .. }) {
        own.push("certbot");
    }
    let of_crate = stack.app.kind.of_crate().into_iter().flat_map(|origin| &origin.files.depends.0);
    let mut all: Vec<Alternatives> = Vec::new();
    let own: Vec<Alternatives> = own.into_iter().map(str::parse).collect::<Result<_, _>>()?;
    for relation in own
        .iter()
        .chain(&libraries.needs.depends.0)
        .chain(of_crate)
        .chain(&stack.app.depends.0)
        .chain(&stack.package.depends.0)
    {
        if !all.contains(relation) {
            all.push(relation.clone());
        }
    }
    Ok(Relations(all))
}

/// `Recommends`: without logrotate, the log of the health check grows without end.
pub(super) fn recommends() -> Result<Relations, RenderError> {
    Ok("logrotate".parse()?)
}
