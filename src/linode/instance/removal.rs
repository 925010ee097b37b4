//! Before instances are deleted: says which, where, how old and what they hold, and refuses to delete data that exist
//! nowhere else unless the user has said so.

use jiff::Timestamp;

use super::age::age;
use super::holdings::{describe, has_remote_database, holdings};
use crate::linode::api::instances::Instance;
use crate::linode::api::tag::Tag;
use crate::linode::error::LinodeError;
use crate::system::progress::Reporter;

/// What to do with data that are on the disk of an instance and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataChoice {
    /// Refuse to delete the instance.
    Keep,
    /// Delete them with the instance: `--discard-data`.
    Discard,
    /// Bring them to the new instance first: `--bring-data`.
    Bring,
}

/// Lists instances that are about to be deleted. `name` is that of the package; `when` follows
/// "are deleted with their disks".
pub(super) fn announce(instances: &[Instance], name: &str, when: &str, reporter: Reporter) {
    if instances.is_empty() {
        return;
    }
    reporter.say(&format!("these instances are deleted with their disks{when}:"));
    for instance in instances {
        reporter.say(&format!("  {}", portrait(instance, name)));
    }
}

/// Returns only if the user wants the data on the disks of these instances deleted, or if no instance is given.
///
/// # Errors
/// When an instance holds data and the choice is to keep them.
pub(super) fn require_choice(instances: &[Instance], name: &str, choice: DataChoice) -> Result<(), LinodeError> {
    let holders: Vec<&Instance> = instances.iter().filter(|instance| !holdings(instance).is_empty()).collect();
    if choice != DataChoice::Keep || holders.is_empty() {
        return Ok(());
    }
    let data: Vec<String> = holders
        .iter()
        .map(|instance| format!("{} holds {}", instance.label, describe(&holdings(instance), name)))
        .collect();
    let save: Vec<String> = holders.iter().map(|instance| save_command(instance)).collect();
    let restore: Vec<String> =
        holders.iter().map(|instance| format!("`stackdeb data restore root@HOST {}`", file(instance))).collect();
    Err(LinodeError::DataWouldBeLost {
        data: data.join("; "),
        help: format!(
            "bring them to a new instance with `stackdeb deploy --replace --bring-data`; or save them with {}, and restore \
             them on an instance HOST with {}; or say that they may be deleted: --discard-data",
            save.join(" and "),
            restore.join(" and ")
        ),
    })
}

/// An instance in one line.
pub(super) fn portrait(instance: &Instance, name: &str) -> String {
    let address = instance.address().unwrap_or("no public address");
    let age = age(instance.created.as_deref(), Timestamp::now());
    let held = match holdings(instance) {
        none if none.is_empty() => "holds no data".to_owned(),
        some => format!("holds {}", describe(&some, name)),
    };
    let remote = if has_remote_database(instance) { "; its database is on another server, and stays" } else { "" };
    let unfinished = if Tag::unfinished().is_in(&instance.tags) { "; its deployment did not finish" } else { "" };
    format!("{} ({address}) in {}, {age}, {held}{remote}{unfinished}", instance.label, instance.region)
}

fn save_command(instance: &Instance) -> String {
    format!("`stackdeb data save root@{} {}`", instance.address().unwrap_or("HOST"), file(instance))
}

/// A name for the file with the data of an instance.
fn file(instance: &Instance) -> String {
    format!("{}.data", instance.label)
}
