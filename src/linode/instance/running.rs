//! What a stack runs: its instances by their tag, whether each is well, and their removal.

use serde::Serialize;

use super::health::HealthPage;
use super::prepare::{VERSION_TAG, stack_tag};
use crate::linode::api::client::Client;
use crate::linode::api::instances::{self, Instance, Status};
use crate::linode::deploy_error::DeployError;
use crate::stack::Stack;
use crate::system::interrupt::Interrupted;

/// Whether an instance's site answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", content = "reason", rename_all = "snake_case")]
pub enum Health {
    /// Its health page says 200.
    Well,
    /// It says something else, or nothing.
    Ill(String),
    /// The instance is not switched on, or has no public address.
    NotAsked,
}

/// This stack's instances, the oldest first.
///
/// # Errors
/// When Linode refuses or cannot be asked.
pub fn list(client: &Client, stack: &Stack) -> Result<Vec<Instance>, DeployError> {
    let mut found = instances::list_tagged(client, &stack_tag(stack))?;
    found.sort_by(|one, other| (&one.created, one.id).cmp(&(&other.created, other.id)));
    Ok(found)
}

/// The version of the stack that an instance was made with, if it is known.
pub fn version(instance: &Instance) -> Option<&str> {
    instance.tags.iter().find_map(|tag| tag.strip_prefix(VERSION_TAG))
}

/// Asks an instance's health page once.
///
/// # Errors
/// When the user interrupts.
pub fn health(page: &HealthPage, instance: &Instance) -> Result<Health, Interrupted> {
    match instance.address() {
        Some(address) if instance.status == Status::Running => {
            Ok(page.ask(address)?.map_or_else(Health::Ill, |()| Health::Well))
        }
        _ => Ok(Health::NotAsked),
    }
}

/// Those of `all` with these labels; all of them when no label is given.
///
/// # Errors
/// When one has another label, so that it is not this stack's.
pub fn choose(all: Vec<Instance>, labels: &[String]) -> Result<Vec<Instance>, DeployError> {
    if let Some(label) = labels.iter().find(|label| !all.iter().any(|instance| instance.label == **label)) {
        let known: Vec<&str> = all.iter().map(|instance| instance.label.as_str()).collect();
        let known = if known.is_empty() { "none at all".to_owned() } else { known.join(", ") };
        return Err(DeployError::NotOurs { label: label.clone(), known });
    }
    let wanted = |instance: &Instance| labels.is_empty() || labels.contains(&instance.label);
    Ok(all.into_iter().filter(wanted).collect())
}

/// Removes instances, and notes each in `removed`.
///
/// # Errors
/// When Linode refuses or cannot be asked. The rest is then left.
pub fn remove(client: &Client, chosen: &[Instance], removed: &mut Vec<Instance>) -> Result<(), DeployError> {
    for instance in chosen {
        instances::delete(client, instance.id)?;
        removed.push(instance.clone());
    }
    Ok(())
}
