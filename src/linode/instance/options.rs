//! What the user wants to deploy.

use std::time::Duration;

use super::consent::Consent;
use super::keys::PublicKey;
use super::label::InstanceLabel;
use super::removal::DataChoice;
use super::settings::AppSettings;
use crate::disk::manifest::InstalledStack;
use crate::linode::api::regions::Region;
use crate::linode::api::tag::Tag;
use crate::stack::Stack;
use crate::system::hash::Sha256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirewallChoice {
    /// The stack's own firewall, which is made if it does not exist.
    Own,
    /// The firewall with that ID.
    Existing(u64),
    None,
}

/// What to do with the instances of this stack that run already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldInstances {
    Keep,
    /// Remove those in the region when all new ones are healthy.
    Replace,
}

/// Which instances to make, and how. Each value has a valid form; whether Linode has such a region and such a
/// plan is checked by [`deploy`](super::deploy::deploy).
#[derive(Debug)]
pub struct DeployOptions<'a> {
    pub stack: &'a Stack,
    /// The other stacks in the image.
    pub further: Vec<InstalledStack>,
    /// The digest of the image file whose manifest lists them.
    pub listed_of: Option<Sha256>,
    pub region: Region,
    /// Such as `g6-nanode-1`.
    pub plan: String,
    /// How many instances to make. `None`: as many as are replaced, else one.
    pub count: Option<usize>,
    /// The label, numbered when there are several. `None`: the name of the stack, numbered.
    pub label: Option<InstanceLabel>,
    /// Root's SSH keys, at least one.
    pub keys: Vec<PublicKey>,
    pub settings: AppSettings,
    pub firewall: FirewallChoice,
    /// The networks of balancers in front of the instances, in CIDR notation.
    pub balancers: Vec<String>,
    /// Tags besides those of the stack and its version.
    pub tags: Vec<Tag>,
    pub old_instances: OldInstances,
    /// What to do when an instance that is replaced holds data.
    pub data: DataChoice,
    /// Whether the user has agreed already that the old instances are removed.
    pub consent: Consent,
    /// How long an instance may take until its site answers 200.
    pub timeout: Duration,
}
