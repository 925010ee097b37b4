//! Sets the kernel of a new instance, with every version of the API: one that accepts the field `kernel`, one that refuses
//! it, and one that ignores it.

use crate::linode::api::client::ApiClient;
use crate::linode::api::instances::{self, GRUB, Instance, InstanceStatus};
use crate::linode::error::LinodeError;

/// Whether an instance has its kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KernelState {
    /// It was part of the request that made the instance. Whether the API used it is known once the instance runs.
    Requested,
    /// It must be set before the instance boots for the first time.
    Missing,
    Set,
}

/// Brings an instance closer to its kernel, if its status allows that now.
///
/// # Errors
/// When the API refuses or cannot be reached.
pub(super) fn settle(client: &ApiClient, instance: &Instance, kernel: KernelState) -> Result<KernelState, LinodeError> {
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
