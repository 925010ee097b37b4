//! Makes one instance, with every version of the API and in every account: where the request names the kernel or not, and
//! with the interfaces that the account allows.

use super::kernel::KernelState;
use crate::linode::api::client::ApiClient;
use crate::linode::api::instances::{self, CreateInstance, Instance};
use crate::linode::api::tag::Tag;
use crate::linode::error::LinodeError;
use crate::linode::reason::Reason;

/// Makes an instance of `new`, which has a kernel and boots at once. If the API's answer is lost, the instance is looked
/// for by its label and its tag, so that none is forgotten.
///
/// # Errors
/// When the API refuses or cannot be reached.
pub(super) fn create(
    client: &ApiClient,
    new: &CreateInstance,
    tag: &Tag,
) -> Result<(Instance, KernelState), LinodeError> {
    let (mut new, mut kernel) = (new.clone(), KernelState::Requested);
    loop {
        match instances::create(client, &new, tag) {
            Err(error) if new.kernel.is_some() && is_about(&error, "kernel") => {
                (new.kernel, new.booted, kernel) = (None, false, KernelState::Missing);
            }
            // The token may not read the account's settings, and the account does not allow what most do.
            Err(error) if is_about(&error, "interface_generation") => match new.network.newer() {
                Some(network) => new.network = network,
                None => return Err(error),
            },
            made => return made.map(|instance| (instance, kernel)),
        }
    }
}

fn is_about(error: &LinodeError, field: &str) -> bool {
    let about = |reason: &Reason| reason.field.as_deref() == Some(field);
    matches!(error, LinodeError::Refused { reasons, .. } if reasons.iter().any(about))
}
