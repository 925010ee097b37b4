//! The firewall that protects a stack's instances: which one, and whether it serves the stack. It is looked
//! at before anything is made.

use std::collections::BTreeSet;

use super::firewall_rules::{closes, differences};
use super::options::{DeployOptions, FirewallChoice};
use crate::disk::manifest::InstalledStack;
use crate::linode::api::client::ApiClient;
use crate::linode::api::firewalls::{self, Firewall};
use crate::linode::api::instances::Instance;
use crate::linode::api::tag::Tag;
use crate::linode::error::LinodeError;
use crate::system::progress::Reporter;

/// Which firewall the instances get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FirewallPlan {
    /// The one with that ID.
    Existing(u64),
    /// The stack's own, which does not exist yet.
    Make,
    None,
}

/// A plan, and what the user has to know about it.
#[derive(Debug)]
pub(super) struct PlannedFirewall {
    pub plan: FirewallPlan,
    pub notes: Vec<String>,
}

/// Chooses the firewall: the one that the user names, else the stack's own, which is found by its tag.
///
/// # Errors
/// When the firewall does not exist, is disabled or closes the port of a site in the image; or the API refuses or cannot be
/// reached.
pub(super) fn plan(client: &ApiClient, options: &DeployOptions, tag: &Tag) -> Result<PlannedFirewall, LinodeError> {
    let (found, plan, reason) = match options.firewall {
        FirewallChoice::Own => match firewalls::find(client, tag)? {
            None => return Ok(PlannedFirewall { plan: FirewallPlan::Make, notes: Vec::new() }),
            Some(found) => (found.clone(), FirewallPlan::Existing(found.id), ""),
        },
        FirewallChoice::Existing(id) => match firewalls::get(client, id) {
            Ok(Some(found)) => (found, FirewallPlan::Existing(id), ""),
            Ok(None) => {
                let problem = format!("the account has no firewall with the ID {id}");
                return Err(LinodeError::argument(
                    problem,
                    "https://cloud.linode.com/firewalls lists them; name one with --firewall",
                ));
            }
            Err(error @ LinodeError::Unauthorized { .. }) => {
                let notes = vec![format!("the firewall {id} is used without a look at its rules: {error}")];
                return Ok(PlannedFirewall { plan: FirewallPlan::Existing(id), notes });
            }
            Err(error) => return Err(error),
        },
        FirewallChoice::None => match firewalls::default_for_instances(client)? {
            None => {
                let note = "the account may give the instances its default firewall, in spite of --no-firewall: that is \
                            looked at once they are made";
                return Ok(PlannedFirewall { plan: FirewallPlan::None, notes: vec![note.to_owned()] });
            }
            Some(None) => return Ok(PlannedFirewall { plan: FirewallPlan::None, notes: Vec::new() }),
            Some(Some(id)) => match firewalls::get(client, id) {
                Ok(Some(found)) => (
                    found,
                    FirewallPlan::None,
                    ", which the account gives to every instance in spite of --no-firewall,",
                ),
                _ => {
                    let notes = vec![format!(
                        "the account gives every instance the firewall {id}, in spite of --no-firewall; this token may not \
                         look at its rules"
                    )];
                    return Ok(PlannedFirewall { plan: FirewallPlan::None, notes });
                }
            },
        },
    };
    let notes = check(&found, options, reason)?;
    Ok(PlannedFirewall { plan, notes })
}

/// Compares a firewall with what the stack serves. `reason` says why it is used, if the user did not ask for it.
fn check(firewall: &Firewall, options: &DeployOptions, reason: &str) -> Result<Vec<String>, LinodeError> {
    let Firewall { id, label, .. } = firewall;
    if !firewall.is_enabled() {
        return Err(LinodeError::Firewall {
            problem: format!("the firewall {label} ({id}){reason} is {}: it would protect nothing", firewall.status),
            help: format!("enable it at https://cloud.linode.com/firewalls/{id}, or name another one with --firewall"),
        });
    }
    let found = differences(firewall, &ports(options));
    let mut sites = std::iter::once(options.stack.site.port).chain(options.further.iter().map(|stack| stack.port));
    if let Some(port) = sites.find(|port| closes(firewall, *port)) {
        return Err(LinodeError::Firewall {
            problem: format!(
                "the firewall {label} ({id}){reason} lets nobody reach the site at port {port}: {}",
                found.join("; ")
            ),
            help: format!(
                "add a rule for TCP port {port} at https://cloud.linode.com/firewalls/{id}; or name another firewall with \
                 --firewall"
            ),
        });
    }
    let mut notes = Vec::new();
    if !reason.is_empty() {
        notes.push(format!("the firewall {label} ({id}){reason} is used"));
    }
    if !found.is_empty() {
        notes.push(format!("the firewall {label} ({id}) is not as this stack would make it: {}", found.join("; ")));
    }
    Ok(notes)
}

/// The ports that the stack's own firewall accepts: SSH, and those of all sites in the image.
fn ports(options: &DeployOptions) -> Vec<u16> {
    let mut ports = BTreeSet::from([22]);
    ports.extend(options.stack.site.ports());
    ports.extend(options.further.iter().flat_map(InstalledStack::ports));
    ports.into_iter().collect()
}

/// The ID of the firewall for the request that makes an instance; the stack's own is made if it does not exist.
///
/// # Errors
/// When the API refuses or cannot be reached.
pub(super) fn provide(
    client: &ApiClient,
    options: &DeployOptions,
    planned: &PlannedFirewall,
    tag: &Tag,
    reporter: Reporter,
) -> Result<Option<u64>, LinodeError> {
    match planned.plan {
        FirewallPlan::None => return Ok(None),
        FirewallPlan::Existing(id) => return Ok(Some(id)),
        FirewallPlan::Make => {}
    }
    let ports = ports(options);
    let made = firewalls::create(
        client,
        &firewalls::label(options.stack.package.name.as_str(), options.stack.variant()),
        tag,
        &ports,
    )?;
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    reporter.say(&format!("the firewall {} accepts connections to the ports {} only", made.label, ports.join(", ")));
    Ok(Some(made.id))
}

/// For an instance that should have no firewall: looks up which one Linode gave it, and tells the user.
pub(super) fn tell_given(client: &ApiClient, instance: &Instance, reporter: Reporter) {
    let label = &instance.label;
    match firewalls::of_instance(client, instance.id) {
        Ok(given) => {
            for Firewall { label: name, id, .. } in given {
                reporter.say(&format!("{label} is behind the firewall {name} ({id}), the account's default"));
            }
        }
        Err(error) => reporter.say(&format!("it is not known whether {label} is behind a firewall: {error}")),
    }
}
