//! Makes one instance and sets its kernel, with every version of the API: one that accepts the field `kernel`, one that
//! refuses it, and one that ignores it.

use crate::linode::api::client::Client;
use crate::linode::api::instances::{self, CreateInstance, GRUB, Instance, InstanceStatus};
use crate::linode::api::reason::Reason;
use crate::linode::api::tag::Tag;
use crate::linode::error::Error;

/// Whether an instance has its kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KernelState {
    /// It was part of the request that made the instance. Whether the API used it is known once the instance runs.
    Requested,
    /// It must be set before the instance boots for the first time.
    Missing,
    Set,
}

/// Makes an instance of `new`, which has a kernel and boots at once. If the API's answer is lost, the instance is looked
/// for by its label and its tag, so that none is forgotten.
///
/// # Errors
/// When the API refuses or cannot be reached.
pub(super) fn create(client: &Client, new: &CreateInstance, tag: &Tag) -> Result<(Instance, KernelState), Error> {
    match create_or_find(client, new, tag) {
        Err(error) if is_about_kernel(&error) => {
            let off = CreateInstance { kernel: None, booted: false, ..new.clone() };
            create_or_find(client, &off, tag).map(|instance| (instance, KernelState::Missing))
        }
        made => made.map(|instance| (instance, KernelState::Requested)),
    }
}

fn create_or_find(client: &Client, new: &CreateInstance, tag: &Tag) -> Result<Instance, Error> {
    let error = match instances::create(client, new) {
        Err(error @ (Error::Network { .. } | Error::Response { .. })) => error,
        done => return done,
    };
    let found = instances::list_tagged(client, tag).ok().into_iter().flatten();
    found.into_iter().find(|instance| instance.label == new.label).ok_or(error)
}

fn is_about_kernel(error: &Error) -> bool {
    let about = |reason: &Reason| reason.field.as_deref() == Some("kernel");
    matches!(error, Error::Refused { reasons, .. } if reasons.iter().any(about))
}

/// Brings an instance closer to its kernel, if its status allows that now.
///
/// # Errors
/// When the API refuses or cannot be reached.
pub(super) fn settle(client: &Client, instance: &Instance, kernel: KernelState) -> Result<KernelState, Error> {
    let id = instance.id;
    match (kernel, instance.status) {
        (KernelState::Missing, InstanceStatus::Offline) => {
            let Some(configuration) = instances::boot_configuration(client, id)? else { return Ok(kernel) };
            instances::set_kernel(client, id, &configuration, GRUB)?;
            instances::boot(client, id)?;
            Ok(KernelState::Set)
        }
        (KernelState::Requested, InstanceStatus::Running) => {
            let Some(configuration) = instances::boot_configuration(client, id)? else { return Ok(kernel) };
            if configuration.kernel != GRUB {
                instances::set_kernel(client, id, &configuration, GRUB)?;
                instances::reboot(client, id)?;
            }
            Ok(KernelState::Set)
        }
        _ => Ok(kernel),
    }
}
