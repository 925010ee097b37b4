//! What is to be deployed, checked against what there is: [`prepare`] asks Linode, and makes nothing.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::keys::PublicKey;
use super::label::{self, Label, LabelError};
use super::settings::Settings;
use crate::linode::api::client::Client;
use crate::linode::api::instances::{self, Instance};
use crate::linode::api::plans::{self, Plan, Price};
use crate::linode::api::regions::{self, Region};
use crate::linode::deploy_error::DeployError;
use crate::render::user_data::{InstanceFacts, user_data};
use crate::stack::Stack;
use crate::vm::metadata::USER_DATA_LIMIT;

/// The tag of everything that belongs to a stack.
pub fn stack_tag(stack: &Stack) -> String {
    format!("stack:{}", stack.package.name)
}

/// What the tag of an instance's version begins with.
pub const VERSION_TAG: &str = "version:";

/// What is before the instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wall {
    /// The stack's own firewall, made if it is missing.
    Own,
    /// The one of that number.
    Existing(u64),
    /// None.
    None,
}

/// What becomes of the instances that run already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// They stay.
    Keep,
    /// They are removed once the new ones are well.
    Replace,
}

/// What is wanted.
#[derive(Debug)]
pub struct Order<'a> {
    /// The stack.
    pub stack: &'a Stack,
    /// Where.
    pub region: String,
    /// The plan.
    pub plan: String,
    /// How many; as many as are replaced when nothing is said, else one.
    pub count: Option<usize>,
    /// What they are called.
    pub label: Option<Label>,
    /// Root's keys, one at least.
    pub keys: Vec<PublicKey>,
    /// The app's settings.
    pub settings: Settings,
    /// What is before them.
    pub wall: Wall,
    /// Tags beside our own.
    pub tags: Vec<String>,
    /// What becomes of the others.
    pub others: Others,
    /// How long an instance may take until it answers.
    pub patience: Duration,
}

/// An order that Linode can carry out, as far as can be known.
#[derive(Debug)]
pub struct Prepared<'a> {
    pub(super) order: &'a Order<'a>,
    pub(super) plan: Plan,
    labels: Vec<Label>,
    /// In base64, one for each label.
    pub(super) user_data: Vec<String>,
    /// This stack's instances that run already.
    pub running: Vec<Instance>,
}

/// Asks what there is, and checks the order against it.
///
/// # Errors
/// When the order cannot be carried out, or Linode refuses or cannot be asked. Nothing is made in any case.
pub fn prepare<'a>(client: &Client, order: &'a Order<'a>) -> Result<Prepared<'a>, DeployError> {
    let all = instances::list_all(client)?;
    check_region(&regions::list(client)?, order)?;
    let plan = find_plan(client, &order.plan)?;
    let tag = stack_tag(order.stack);
    let taken: Vec<&str> = all.iter().map(|instance| instance.label.as_str()).collect();
    let running: Vec<Instance> = all.iter().filter(|instance| instance.tags.contains(&tag)).cloned().collect();
    let replaced = if order.others == Others::Replace { running.len() } else { 0 };
    let count = order.count.unwrap_or(replaced.max(1));
    let labels = match &order.label {
        Some(label) if count == 1 && taken.contains(&label.as_str()) && replaced == 0 => {
            return Err(LabelError::Taken(label.to_string()).into());
        }
        Some(label) if count == 1 && !taken.contains(&label.as_str()) => vec![label.clone()],
        Some(label) => label::numbered(label.as_str(), count, &taken)?,
        None => label::numbered(order.stack.package.name.as_str(), count, &taken)?,
    };
    let user_data = labels.iter().map(|label| encode(order, label)).collect::<Result<_, _>>()?;
    Ok(Prepared { order, plan, labels, user_data, running })
}

impl Prepared<'_> {
    /// What one instance costs.
    pub fn price(&self) -> Price {
        self.plan.price(&self.order.region)
    }

    /// The names of the instances that will be made.
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// The instances that will be removed at the end.
    pub fn replaced(&self) -> &[Instance] {
        if self.order.others == Others::Replace { &self.running } else { &[] }
    }
}

fn encode(order: &Order, label: &Label) -> Result<String, DeployError> {
    let keys: Vec<&str> = order.keys.iter().map(PublicKey::as_str).collect();
    let facts = InstanceFacts {
        hostname: label.as_str(),
        keys: &keys,
        environment: order.settings.variables(),
        database_ca: order.settings.ca(),
    };
    let text = user_data(order.stack, &facts)?;
    if text.len() > USER_DATA_LIMIT {
        return Err(DeployError::UserData { label: label.to_string(), bytes: text.len() });
    }
    Ok(BASE64_STANDARD.encode(text))
}

fn check_region(all: &[Region], order: &Order) -> Result<(), DeployError> {
    let mut needs = vec![
        ("Linodes", "room for instances"),
        ("Metadata", "metadata service, from which an instance gets its keys and settings"),
    ];
    if order.wall != Wall::None {
        needs.push(("Cloud Firewall", "firewalls (--no-firewall does without)"));
    }
    let has = |region: &Region, need: &str| region.capabilities.iter().any(|capability| capability == need);
    let Some(region) = all.iter().find(|region| region.id == order.region) else {
        let nearest = regions::nearest(&order.region, all).map(str::to_owned);
        return Err(DeployError::NoRegion { region: order.region.clone(), nearest });
    };
    let Some((_, what)) = needs.iter().find(|(need, _)| !has(region, need)) else { return Ok(()) };
    let others = all.iter().filter(|region| needs.iter().all(|(need, _)| has(region, need)));
    let others = others.map(|region| region.id.as_str()).collect::<Vec<_>>().join(", ");
    Err(DeployError::RegionLacks { region: order.region.clone(), what, others })
}

fn find_plan(client: &Client, id: &str) -> Result<Plan, DeployError> {
    let all = plans::list(client)?;
    if let Some(plan) = all.iter().find(|plan| plan.id == id) {
        return Ok(plan.clone());
    }
    let likeness = |plan: &&Plan| (1000.0 * strsim::jaro_winkler(id, &plan.id)) as u32;
    let nearest = all.iter().max_by_key(likeness).filter(|plan| likeness(plan) > 800);
    Err(DeployError::NoPlan { plan: id.to_owned(), nearest: nearest.map(|plan| plan.id.clone()) })
}
