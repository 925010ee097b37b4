//! One instance is made and gets its kernel, whatever version of the API there is: one that takes `kernel`, one that
//! refuses the field, and one that pays no heed to it.

use crate::linode::api::client::Client;
use crate::linode::api::instances::{self, GRUB, Instance, NewInstance, Status};
use crate::linode::deploy_error::DeployError;
use crate::linode::error::{ApiError, Reason};

/// How an instance comes by its kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kernel {
    /// It was asked for when the instance was made. Whether that was heard shows when it runs.
    Asked,
    /// It has to be set before the instance boots for the first time.
    Missing,
    /// It is set.
    Settled,
}

/// Makes an instance of `new`, which has a kernel and boots at once.
///
/// # Errors
/// When the API refuses or cannot be asked. If it was asked and the answer lost, the instance is looked for by its label
/// and tag, so that none is forgotten.
pub(super) fn create(client: &Client, new: &NewInstance, tag: &str) -> Result<(Instance, Kernel), ApiError> {
    match create_or_find(client, new, tag) {
        Err(error) if is_about_kernel(&error) => {
            let off = NewInstance { kernel: None, booted: false, ..new.clone() };
            create_or_find(client, &off, tag).map(|instance| (instance, Kernel::Missing))
        }
        made => made.map(|instance| (instance, Kernel::Asked)),
    }
}

fn create_or_find(client: &Client, new: &NewInstance, tag: &str) -> Result<Instance, ApiError> {
    let error = match instances::create(client, new) {
        Err(error @ (ApiError::Network { .. } | ApiError::Answer { .. })) => error,
        done => return done,
    };
    let found = instances::list_tagged(client, tag).ok().into_iter().flatten();
    found.into_iter().find(|instance| instance.label == new.label).ok_or(error)
}

fn is_about_kernel(error: &ApiError) -> bool {
    let about = |reason: &Reason| reason.field.as_deref() == Some("kernel");
    matches!(error, ApiError::Refused { reasons, .. } if reasons.iter().any(about))
}

/// Takes an instance one step further to its kernel, if it is a step to take now.
///
/// # Errors
/// When the API refuses or cannot be asked.
pub(super) fn settle(client: &Client, instance: &Instance, kernel: Kernel) -> Result<Kernel, DeployError> {
    let id = instance.id;
    match (kernel, instance.status) {
        (Kernel::Missing, Status::Offline) => {
            let Some(configuration) = instances::configuration(client, id)? else { return Ok(kernel) };
            instances::set_kernel(client, id, &configuration, GRUB)?;
            instances::boot(client, id)?;
            Ok(Kernel::Settled)
        }
        (Kernel::Asked, Status::Running) => {
            let Some(configuration) = instances::configuration(client, id)? else { return Ok(kernel) };
            if configuration.kernel != GRUB {
                instances::set_kernel(client, id, &configuration, GRUB)?;
                instances::reboot(client, id)?;
            }
            Ok(Kernel::Settled)
        }
        _ => Ok(kernel),
    }
}
