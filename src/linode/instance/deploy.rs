//! From an image to running instances: they are made, each is waited for until it answers, and only then those that they
//! replace are removed.

use std::time::Duration;

use super::health::HealthPage;
use super::keys::PublicKey;
use super::prepare::{Order, Prepared, VERSION_TAG, Wall, stack_tag};
use super::start::{self, Kernel};
use crate::linode::api::client::Client;
use crate::linode::api::firewalls;
use crate::linode::api::images::Image;
use crate::linode::api::instances::{self, GRUB, Instance, Metadata, NewInstance, Status};
use crate::linode::deploy_error::DeployError;
use crate::linode::error::ApiError;

/// What Linode takes off a plan's disk for swap, in MB.
const SWAP: u64 = 512;
/// The longest pause between two looks at an instance.
const LONGEST_LOOK: Duration = Duration::from_secs(5);

/// A new instance.
#[derive(Debug, Clone)]
pub struct Made {
    /// As it was last seen.
    pub instance: Instance,
    kernel: Kernel,
    began: Duration,
    /// From the request until Linode had switched it on.
    pub running_after: Option<Duration>,
    /// From the request until its site answered 200.
    pub healthy_after: Option<Duration>,
    /// What came of the last attempt to reach it.
    last: String,
}

/// How far it has come, also when it ends with an error.
#[derive(Debug, Default)]
pub struct Progress {
    /// The firewall before the new instances.
    pub firewall: Option<u64>,
    /// The new instances.
    pub made: Vec<Made>,
    /// The old ones that are removed.
    pub removed: Vec<Instance>,
}

/// Makes the instances of `image`, waits until each answers, and removes those that they replace. `progress` is how far
/// it came, whatever the end; `say` is told, in one line each, what a person would want to know on the way.
///
/// # Errors
/// When Linode refuses or cannot be asked, an instance does not answer in time, or the user interrupts. The old instances
/// are then as they were, and what was made is in `progress`; `say` was told how to remove it.
pub fn run(
    client: &Client,
    prepared: &Prepared,
    image: &Image,
    version: Option<&str>,
    progress: &mut Progress,
    say: &dyn Fn(&str),
) -> Result<(), DeployError> {
    let disk = prepared.plan.disk.saturating_sub(SWAP);
    if let Some(size) = image.size.filter(|size| *size > disk) {
        return Err(DeployError::Disk { image: image.id.clone(), size, plan: prepared.plan.id.clone(), disk });
    }
    let done = make_all(client, prepared, image, version, progress, say)
        .and_then(|()| wait_for_all(client, prepared.order, &mut progress.made, say));
    if let Err(error) = done {
        tell_what_exists(client, prepared, &progress.made, say);
        return Err(error);
    }
    for (index, old) in prepared.replaced().iter().enumerate() {
        if let Err(source) = instances::delete(client, old.id) {
            let labels: Vec<&str> = prepared.replaced().iter().skip(index).map(|old| old.label.as_str()).collect();
            return Err(DeployError::OldRemain { labels: labels.join(" "), source });
        }
        say(&format!("{} is removed", old.label));
        progress.removed.push(old.clone());
    }
    Ok(())
}

fn make_all(
    client: &Client,
    prepared: &Prepared,
    image: &Image,
    version: Option<&str>,
    progress: &mut Progress,
    say: &dyn Fn(&str),
) -> Result<(), DeployError> {
    let order = prepared.order;
    let tag = stack_tag(order.stack);
    progress.firewall = find_or_make_firewall(client, order, &tag, say)?;
    let version = version.map(|version| format!("{VERSION_TAG}{version}"));
    let tags: Vec<String> = [tag.clone()].into_iter().chain(version).chain(order.tags.iter().cloned()).collect();
    let keys: Vec<&str> = order.keys.iter().map(PublicKey::as_str).collect();
    for (label, user_data) in prepared.labels().iter().zip(&prepared.user_data) {
        let began = client.clock().now();
        let new = NewInstance {
            region: &order.region,
            plan: &order.plan,
            image: &image.id,
            label: label.as_str(),
            authorized_keys: &keys,
            metadata: Metadata { user_data },
            firewall_id: progress.firewall,
            tags: &tags,
            kernel: Some(GRUB),
            booted: true,
        };
        let (instance, kernel) = start::create(client, &new, &tag)?;
        say(&format!("{label} is made at {}", instance.address().unwrap_or("an address that is not public")));
        let last = "nobody has asked it yet".to_owned();
        progress.made.push(Made { instance, kernel, began, running_after: None, healthy_after: None, last });
    }
    Ok(())
}

fn find_or_make_firewall(
    client: &Client,
    order: &Order,
    tag: &str,
    say: &dyn Fn(&str),
) -> Result<Option<u64>, ApiError> {
    match order.wall {
        Wall::None => return Ok(None),
        Wall::Existing(id) => return Ok(Some(id)),
        Wall::Own => {}
    }
    if let Some(found) = firewalls::find(client, tag)? {
        return Ok(Some(found.id));
    }
    let mut ports = vec![22, 80, 443, order.stack.site.port];
    ports.sort_unstable();
    ports.dedup();
    let made = firewalls::create(client, &firewalls::label(order.stack.package.name.as_str()), tag, &ports)?;
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    say(&format!("the firewall {} lets in the ports {} alone", made.label, ports.join(", ")));
    Ok(Some(made.id))
}

/// Asks each instance, in turn, until all answer or the time is over.
fn wait_for_all(client: &Client, order: &Order, made: &mut [Made], say: &dyn Fn(&str)) -> Result<(), DeployError> {
    let (page, clock) = (HealthPage::of(order.stack), client.clock());
    let end = clock.now().saturating_add(order.patience);
    let mut pause = client.limits().first_poll;
    loop {
        for one in made.iter_mut().filter(|one| one.healthy_after.is_none()) {
            look(client, &page, one, say)?;
        }
        let silent: Vec<&Made> = made.iter().filter(|one| one.healthy_after.is_none()).collect();
        let Some(first) = silent.first() else { return Ok(()) };
        let rest = end.saturating_sub(clock.now());
        if rest.is_zero() {
            let labels: Vec<&str> = silent.iter().map(|one| one.instance.label.as_str()).collect();
            let (name, address) = (&order.stack.package.name, first.instance.address().unwrap_or("ADDRESS"));
            return Err(DeployError::Silent {
                labels: labels.join(", "),
                seconds: order.patience.as_secs(),
                last: first.last.clone(),
                help: format!(
                    "look at it: ssh root@{address} journalctl -b -u cloud-init -u {name}.service; or, without SSH, at \
                     its Lish console in Cloud Manager"
                ),
            });
        }
        clock.sleep(pause.min(rest))?;
        pause = client.limits().next_poll(pause).min(LONGEST_LOOK);
    }
}

/// One look at one instance, and the next step for it.
fn look(client: &Client, page: &HealthPage, one: &mut Made, say: &dyn Fn(&str)) -> Result<(), DeployError> {
    let label = one.instance.label.clone();
    if one.instance.status != Status::Running || one.kernel != Kernel::Settled {
        one.instance = instances::get(client, one.instance.id)?.ok_or(DeployError::Gone(label.clone()))?;
        one.kernel = start::settle(client, &one.instance, one.kernel)?;
        one.last = format!("Linode says that it is {}", describe(one.instance.status));
    }
    let passed = client.clock().now().saturating_sub(one.began);
    if one.instance.status != Status::Running {
        return Ok(());
    }
    if one.running_after.is_none() {
        one.running_after = Some(passed);
        say(&format!("{label} is switched on after {:.0} s", passed.as_secs_f64()));
    }
    let Some(address) = one.instance.address() else {
        one.last = "it has no public address".to_owned();
        return Ok(());
    };
    match page.ask(address)? {
        Ok(()) => {
            let passed = client.clock().now().saturating_sub(one.began);
            one.healthy_after = Some(passed);
            say(&format!(
                "{label} answers at {}{} after {:.0} s",
                page.site(address),
                page.path(),
                passed.as_secs_f64()
            ));
        }
        Err(reason) => one.last = format!("{}{}: {reason}", page.site(address), page.path()),
    }
    Ok(())
}

/// A status in words.
pub fn describe(status: Status) -> &'static str {
    match status {
        Status::Provisioning => "being made",
        Status::Booting => "booting",
        Status::Running => "running",
        Status::Offline => "off",
        Status::Rebooting => "rebooting",
        Status::Deleting => "being deleted",
        Status::Other => "in a state that this program does not know",
    }
}

/// After a failure: what there is now, what it costs, and how to be rid of it.
fn tell_what_exists(client: &Client, prepared: &Prepared, made: &[Made], say: &dyn Fn(&str)) {
    for Made { instance, .. } in made {
        let (label, delete) = (&instance.label, client.delete_command(&instance.path()));
        say(&format!(
            "{label} ({}) exists and costs {} until it is removed: stackdeb destroy {label}; or: {delete}",
            instance.address().unwrap_or("no public address"),
            prepared.price()
        ));
    }
    let old: Vec<&str> = prepared.replaced().iter().map(|old| old.label.as_str()).collect();
    if !old.is_empty() {
        say(&format!("nothing is removed: {} runs as before", old.join(", ")));
    }
}
