//! The firewall that protects a stack's instances.

use super::options::{DeployOptions, FirewallChoice};
use crate::linode::api::client::Client;
use crate::linode::api::firewalls;
use crate::linode::api::tag::Tag;
use crate::linode::error::Error;
use crate::system::progress::Reporter;

/// The ID of the firewall that the user chose; `None` when there is to be none. The stack's own firewall is found by its
/// tag, or made: it accepts SSH, HTTP, HTTPS and the port of the site.
///
/// # Errors
/// When the API refuses or cannot be reached.
pub(super) fn find_or_make(
    client: &Client,
    options: &DeployOptions,
    tag: &Tag,
    reporter: Reporter,
) -> Result<Option<u64>, Error> {
    match options.firewall {
        FirewallChoice::None => return Ok(None),
        FirewallChoice::Existing(id) => return Ok(Some(id)),
        FirewallChoice::Own => {}
    }
    if let Some(found) = firewalls::find(client, tag)? {
        return Ok(Some(found.id));
    }
    let mut ports = vec![22, 80, 443, options.stack.site.port];
    ports.sort_unstable();
    ports.dedup();
    let made = firewalls::create(client, &firewalls::label(options.stack.package.name.as_str()), tag, &ports)?;
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    reporter.say(&format!("the firewall {} accepts connections to the ports {} only", made.label, ports.join(", ")));
    Ok(Some(made.id))
}
