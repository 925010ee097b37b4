//! Checks what the user wants to deploy against what Linode has: [`DeployOptions`] →
//! a [`PreparedDeploy`]. Nothing is made.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::firewall::{self, FirewallPlan, PlannedFirewall};
use super::health::{HealthPage, HealthVerdict};
use super::holdings;
use super::keys::PublicKey;
use super::label::InstanceLabel;
use super::options::{DeployOptions, FirewallChoice, OldInstances};
use crate::linode::api::account::{self, InterfaceSetting};
use crate::linode::api::client::ApiClient;
use crate::linode::api::instances::{self, Instance};
use crate::linode::api::plans::{self, InstancePlan, Price};
use crate::linode::api::regions::{Capability, Regions};
use crate::linode::api::tag::Tag;
use crate::linode::error::LinodeError;
use crate::remote::ssh_key::SshKey;
use crate::render::user_data::{InstanceFacts, user_data};
use crate::vm::metadata::USER_DATA_LIMIT;

/// A deployment that Linode can carry out, as far as that can be known before it is tried.
#[derive(Debug)]
pub(super) struct PreparedDeploy<'a> {
    pub options: &'a DeployOptions<'a>,
    pub stack_tag: Tag,
    pub plan: InstancePlan,
    /// The labels of the instances to make.
    pub labels: Vec<InstanceLabel>,
    /// The user data in base64, one for each label. A secret.
    pub user_data: Vec<String>,
    /// The SSH host key in each user data. `None` if it could not be put there.
    pub host_keys: Vec<Option<SshKey>>,
    pub firewall: PlannedFirewall,
    /// Which interfaces the account allows, if the token may know.
    pub interfaces: Option<InterfaceSetting>,
    /// Which data the new instances will hold.
    pub data_tags: Vec<Tag>,
    /// This stack's instances that run already and go on.
    pub staying: Vec<Instance>,
    /// The instances that are removed when the new ones are healthy.
    pub replaced: Vec<Instance>,
    /// This stack's instances whose deployment did not finish, and whose site does not answer.
    pub leftovers: Vec<Instance>,
}

/// Checks the options against what Linode and the account have.
///
/// # Errors
/// When the deployment is not possible, or the API refuses or cannot be reached.
pub(super) fn prepare<'a>(
    client: &ApiClient,
    regions: &Regions,
    options: &'a DeployOptions<'a>,
) -> Result<PreparedDeploy<'a>, LinodeError> {
    let stack_tag = Tag::of_stack(options.stack)?;
    let all = instances::list_all(client)?;
    regions.require(client, &options.region, &needs(options))?;
    let plan = plans::get(client, &options.plan)?;
    let taken: Vec<&str> = all.iter().map(|instance| instance.label.as_str()).collect();
    let page = HealthPage::of(options.stack);
    let (mut staying, mut replaced, mut leftovers) = (Vec::new(), Vec::new(), Vec::new());
    for instance in all.iter().filter(|instance| stack_tag.is_in(&instance.tags)).cloned() {
        let here = options.old_instances == OldInstances::Replace && instance.region == options.region.as_str();
        if is_left_over(&page, &instance)? {
            leftovers.push(instance);
        } else if here {
            replaced.push(instance);
        } else {
            staying.push(instance);
        }
    }
    let labels = labels(options, replaced.len(), &taken)?;
    let encoded: Vec<(String, Option<SshKey>)> =
        labels.iter().map(|label| encode(options, label)).collect::<Result<_, _>>()?;
    let (user_data, host_keys) = encoded.into_iter().unzip();
    let data_tags = holdings::tags(options.stack, &options.settings)?;
    let interfaces = account::interface_setting(client)?;
    let firewall = firewall::plan(client, options, &stack_tag)?;
    if let Some(grants) = account::grants(client)? {
        let missing = grants.missing(firewall.plan == FirewallPlan::Make);
        if !missing.is_empty() {
            return Err(LinodeError::MissingGrants { grants: missing.join(", ") });
        }
    }
    Ok(PreparedDeploy {
        options,
        stack_tag,
        plan,
        labels,
        user_data,
        host_keys,
        firewall,
        interfaces,
        data_tags,
        staying,
        replaced,
        leftovers,
    })
}

/// Whether an instance is what a failed deployment left. One that answers after all is in use, whatever its tag says.
fn is_left_over(page: &HealthPage, instance: &Instance) -> Result<bool, LinodeError> {
    Ok(Tag::unfinished().is_in(&instance.tags) && page.check(instance)? != HealthVerdict::Well)
}

impl PreparedDeploy<'_> {
    pub fn price(&self) -> Price {
        self.plan.price(self.options.region.as_str())
    }
}

/// What the region must have: each capability with a phrase that follows "has no".
fn needs(options: &DeployOptions) -> Vec<(Capability, &'static str)> {
    let mut needs = vec![
        (Capability::INSTANCES, "room for instances"),
        (Capability::METADATA, "metadata service, from which an instance gets its keys and settings"),
    ];
    if options.firewall != FirewallChoice::None {
        needs.push((Capability::FIREWALLS, "firewalls (--no-firewall makes an instance without one)"));
    }
    needs
}

/// The labels of the new instances, none of which is in `taken`.
fn labels(options: &DeployOptions, replaced: usize, taken: &[&str]) -> Result<Vec<InstanceLabel>, LinodeError> {
    let count = options.count.unwrap_or(replaced.max(1));
    match &options.label {
        Some(label) if count == 1 && !taken.contains(&label.as_str()) => Ok(vec![label.clone()]),
        Some(label) if count == 1 && replaced == 0 => Err(LinodeError::argument(
            format!("the account has an instance {label} already, and labels are unique"),
            "choose another label with --label, or leave --label out to get the next free number; `stackdeb instances` \
             lists this stack's instances",
        )),
        Some(label) => InstanceLabel::numbered(label.as_str(), count, taken),
        None => InstanceLabel::numbered(&options.stack.host_stem(), count, taken),
    }
}

fn encode(options: &DeployOptions, label: &InstanceLabel) -> Result<(String, Option<SshKey>), LinodeError> {
    let host_key = SshKey::generate();
    let keys: Vec<&str> = options.keys.iter().map(PublicKey::as_str).collect();
    let further: Vec<&str> = options.further.iter().map(|stack| stack.name.as_str()).collect();
    let facts = InstanceFacts {
        hostname: label.as_str(),
        keys: &keys,
        environment: options.settings.variables(),
        database_admin: options.settings.database_admin(),
        balancers: &options.balancers,
        further: &further,
        database_ca: options.settings.database_ca(),
        host_key: host_key.as_ref().map(|key| (key.private(), key.public())),
    };
    let text = user_data(options.stack, &facts)?;
    if text.len() > USER_DATA_LIMIT {
        return Err(LinodeError::UserData { label: label.to_string(), bytes: text.len() });
    }
    // The project may have a template of its own that does not use it.
    let host_key = host_key.filter(|key| text.contains(key.public()));
    Ok((BASE64_STANDARD.encode(text), host_key))
}
