//! What a stack runs: lists its instances, which are found by their tag, and removes them.

use super::consent::Consent;
use super::health::{HealthPage, HealthVerdict};
use super::removal::{self, DataChoice};
use crate::linode::api::client::ApiClient;
use crate::linode::api::instances::{self, Instance};
use crate::linode::api::tag::Tag;
use crate::linode::error::LinodeError;
use crate::stack::Stack;
use crate::system::progress::Reporter;

/// An instance and whether its site answers.
#[derive(Debug, Clone)]
pub struct RunningInstance {
    pub instance: Instance,
    pub health: HealthVerdict,
}

/// The instances that a removal has removed, and those that are left.
#[derive(Debug, Default)]
pub struct Removal {
    pub removed: Vec<Instance>,
    /// Why the rest was not removed.
    pub failed: Option<LinodeError>,
}

/// This stack's instances, the oldest first, each asked once for its health page.
///
/// # Errors
/// When the API refuses or cannot be reached, or the user interrupts.
pub fn survey(client: &ApiClient, stack: &Stack) -> Result<Vec<RunningInstance>, LinodeError> {
    let page = HealthPage::of(stack);
    let check = |instance: Instance| Ok(RunningInstance { health: page.check(&instance)?, instance });
    list(client, stack)?.into_iter().map(check).collect()
}

/// This stack's instances, the oldest first.
fn list(client: &ApiClient, stack: &Stack) -> Result<Vec<Instance>, LinodeError> {
    let mut found = instances::list_tagged(client, &Tag::of_stack(stack)?)?;
    found.sort_by(|one, other| (&one.created, one.id).cmp(&(&other.created, other.id)));
    Ok(found)
}

/// Which instances are to be removed, and what the user has said about it.
#[derive(Debug, Clone, Copy)]
pub struct RemovalChoice<'a> {
    /// The labels of the instances; if the list is empty, all instances of the stack are meant.
    pub labels: &'a [String],
    pub data: DataChoice,
    pub consent: Consent,
}

/// Lists and removes instances of this stack, if the user agrees.
///
/// # Errors
/// When no instance of this stack has one of the labels, an instance holds data that are to be kept, the user does not
/// agree, or the API refuses or cannot be reached before anything is removed.
pub fn remove(
    client: &ApiClient,
    stack: &Stack,
    choice: &RemovalChoice,
    reporter: Reporter,
) -> Result<Removal, LinodeError> {
    let RemovalChoice { labels, data, consent } = *choice;
    let chosen = choose(list(client, stack)?, labels)?;
    let mut removal = Removal::default();
    if chosen.is_empty() {
        return Ok(removal);
    }
    let name = stack.package.name.as_str();
    removal::announce(&chosen, name, "", reporter);
    removal::require_choice(&chosen, name, data)?;
    let names: Vec<String> = chosen.iter().map(describe).collect();
    consent.require(&format!("This removes {}, and all data on their disks.", names.join(", ")))?;
    for instance in chosen {
        match instances::delete(client, instance.id) {
            Ok(()) => removal.removed.push(instance),
            Err(error) => {
                removal.failed = Some(error);
                break;
            }
        }
    }
    Ok(removal)
}

fn choose(all: Vec<Instance>, labels: &[String]) -> Result<Vec<Instance>, LinodeError> {
    if let Some(label) = labels.iter().find(|label| !all.iter().any(|instance| instance.label == **label)) {
        let known: Vec<&str> = all.iter().map(|instance| instance.label.as_str()).collect();
        let known = if known.is_empty() { "none at all".to_owned() } else { known.join(", ") };
        return Err(LinodeError::NotOurs { label: label.clone(), known });
    }
    let wanted = |instance: &Instance| labels.is_empty() || labels.contains(&instance.label);
    Ok(all.into_iter().filter(wanted).collect())
}

fn describe(instance: &Instance) -> String {
    format!("{} ({})", instance.label, instance.address().unwrap_or("no public address"))
}
