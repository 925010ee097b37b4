//! An instance that a deployment has made, and how far it has come.

use std::time::Duration;

use super::kernel::KernelState;
use crate::linode::api::instances::Instance;

#[derive(Debug, Clone)]
pub struct StartedInstance {
    /// As the API last showed it.
    pub instance: Instance,
    pub(super) kernel: KernelState,
    /// When the request that made it was sent.
    pub(super) requested: Duration,
    /// The time from the request until Linode had switched it on.
    pub running_after: Option<Duration>,
    /// The time from the request until its site answered 200.
    pub healthy_after: Option<Duration>,
    /// The result of the last attempt to reach it.
    pub(super) last: String,
}
