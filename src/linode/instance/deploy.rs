//! From an image to running instances. All of them are made, each is waited for until its site answers, and only then are
//! the instances that they replace removed.

use super::bring::{self, DataSources};
use super::create::create;
use super::firewall::{self, FirewallPlan};
use super::image_source::ImageSource;
use super::keys::PublicKey;
use super::label::InstanceLabel;
use super::options::DeployOptions;
use super::options::OldInstances;
use super::prepare::{PreparedDeploy, prepare};
use super::removal::{self, DataChoice};
use super::started::StartedInstance;
use super::wait::wait_for_all;
use crate::linode::api::client::ApiClient;
use crate::linode::api::images::AccountImage;
use crate::linode::api::instances::{self, CreateInstance, GRUB, Instance, InstanceMetadata};
use crate::linode::api::interfaces::InstanceNetwork;
use crate::linode::api::plans::Price;
use crate::linode::api::regions::Regions;
use crate::linode::api::tag::Tag;
use crate::linode::error::LinodeError;
use crate::linode::image::description;
use crate::linode::image::upload::UploadedImage;
use crate::remote::known_hosts;
use crate::remote::ssh_key::SshKey;
use crate::stack::Stack;
use crate::system::progress::Reporter;
use crate::vm::options::SWAP_MIB;

/// A deployment in which at least one instance was made.
#[derive(Debug)]
pub struct Deployment {
    pub image: UploadedImage,
    /// The version of the stack in the image, if it is known.
    pub version: Option<String>,
    /// What one of the instances costs.
    pub price: Price,
    pub firewall: Option<u64>,
    pub started: Vec<StartedInstance>,
    /// The old instances that were removed.
    pub removed: Vec<Instance>,
    /// Why it did not finish. The instances in `started` exist all the same.
    pub failed: Option<LinodeError>,
}

/// Deploys the image of `source` as `options` say. Tells `reporter` what a person would want to know, such as how to
/// remove what was made when the deployment fails.
///
/// # Errors
/// When the deployment fails before an instance is made. After that, the error is in the result.
pub fn deploy(
    client: &ApiClient,
    options: &DeployOptions,
    source: &ImageSource,
    reporter: Reporter,
) -> Result<Deployment, LinodeError> {
    for key in &options.keys {
        reporter.say(&format!("root's SSH key: {}", key.describe()));
    }
    let regions = Regions::default();
    let mut prepared = prepare(client, &regions, options)?;
    announce(&mut prepared, reporter);
    require_consent(&prepared)?;
    let sources = bring::check(&prepared, reporter)?;
    let image = source.provide(client, &regions, reporter)?;
    description::file_name(&image.image)
        .map_or(Ok(()), |name| description::refuse_other_variant(name, options.stack))?;
    check_disk(&prepared, &image.image)?;
    if !options.further.is_empty() && options.listed_of.is_some_and(|of| !description::is_of(&image.image, of)) {
        reporter.warn(&format!(
            "the ports of {} are those of the image that was built last, and {} is another one",
            options.further.iter().map(|stack| stack.name.as_str()).collect::<Vec<_>>().join(", "),
            image.image.id
        ));
    }
    let version = description::version(&image.image, &options.stack.package.name).map(str::to_owned);
    let (price, started, removed) = (prepared.price(), Vec::new(), Vec::new());
    let mut deployment = Deployment { image, version, price, firewall: None, started, removed, failed: None };
    match make_and_replace(client, &prepared, &sources, &mut deployment, reporter) {
        Err(error) if deployment.started.is_empty() => Err(error),
        done => Ok(Deployment { failed: done.err(), ..deployment }),
    }
}

/// Says what is going to happen. With `--replace --discard-data`, what a failed deployment has left in
/// the region goes as well.
fn announce(prepared: &mut PreparedDeploy, reporter: Reporter) {
    let (options, name) = (prepared.options, prepared.options.stack.package.name.as_str());
    let replace = options.old_instances == OldInstances::Replace;
    let labels: Vec<&str> = prepared.labels.iter().map(InstanceLabel::as_str).collect();
    let each = if labels.len() > 1 { " each" } else { "" };
    reporter.say(&format!("{} will cost {}{each}, until it is removed", labels.join(", "), prepared.price()));
    for note in &prepared.firewall.notes {
        reporter.say(note);
    }
    for instance in &prepared.staying {
        let Instance { label, region, .. } = instance;
        if replace {
            reporter.say(&format!("{label} runs in {region}, and goes on: --replace is for {} only", options.region));
        } else {
            reporter.say(&format!("{label} runs already in {region}, and goes on"));
        }
    }
    let removable = |instance: &Instance| {
        replace && options.data == DataChoice::Discard && instance.region == options.region.as_str()
    };
    let (removed, kept): (Vec<Instance>, Vec<Instance>) =
        std::mem::take(&mut prepared.leftovers).into_iter().partition(removable);
    for instance in &kept {
        reporter.say(&format!(
            "{} is left over from a deployment that failed: `stackdeb destroy {}{} --discard-data` removes it",
            removal::portrait(instance, name),
            instance.label,
            variant_option(options.stack)
        ));
    }
    prepared.leftovers = kept;
    prepared.replaced.extend(removed);
    removal::announce(&prepared.replaced, name, " as soon as the new ones answer", reporter);
}

/// Refuses to remove data that exist nowhere else, unless the user wants that.
fn require_consent(prepared: &PreparedDeploy) -> Result<(), LinodeError> {
    let (options, name) = (prepared.options, prepared.options.stack.package.name.as_str());
    if prepared.replaced.is_empty() {
        return Ok(());
    }
    removal::require_choice(&prepared.replaced, name, options.data)?;
    options.consent.confirm(&format!("This replaces {}.", join_labels(&prepared.replaced)))
}

fn check_disk(prepared: &PreparedDeploy, image: &AccountImage) -> Result<(), LinodeError> {
    let disk = prepared.plan.disk.saturating_sub(SWAP_MIB);
    match image.size {
        Some(size) if size > disk => {
            Err(LinodeError::PlanTooSmall { image: image.id.clone(), size, plan: prepared.plan.id.clone(), disk })
        }
        _ => Ok(()),
    }
}

fn make_and_replace(
    client: &ApiClient,
    prepared: &PreparedDeploy,
    sources: &DataSources,
    deployment: &mut Deployment,
    reporter: Reporter,
) -> Result<(), LinodeError> {
    let made = make_all(client, prepared, deployment, reporter)
        .and_then(|()| wait_for_all(client, prepared.options, &mut deployment.started, reporter))
        .and_then(|()| bring::bring(client, prepared, sources, &deployment.started, reporter));
    if let Err(error) = made {
        tell_what_exists(client, prepared, &deployment.started, reporter);
        return Err(error);
    }
    finish(client, &mut deployment.started, reporter);
    let mut old = prepared.replaced.iter();
    while let Some(instance) = old.next() {
        if let Err(source) = instances::delete(client, instance.id) {
            if prepared.options.data == DataChoice::Bring {
                reporter.say(&format!(
                    "{} stays in maintenance, because the new one has its data and may get others: run \
                     /usr/libexec/{}/maintenance off there if you want it back",
                    instance.label, prepared.options.stack.package.name
                ));
            }
            let remaining = std::iter::once(instance).chain(old).map(|old| old.label.as_str());
            return Err(LinodeError::OldRemain {
                labels: remaining.collect::<Vec<_>>().join(" "),
                source: Box::new(source),
            });
        }
        reporter.say(&format!("{} is removed", instance.label));
        deployment.removed.push(instance.clone());
    }
    Ok(())
}

fn make_all(
    client: &ApiClient,
    prepared: &PreparedDeploy,
    deployment: &mut Deployment,
    reporter: Reporter,
) -> Result<(), LinodeError> {
    let options = prepared.options;
    let version = deployment.version.as_deref().and_then(Tag::of_version);
    let mut tags: Vec<Tag> = [prepared.stack_tag.clone()].into_iter().chain(version).collect();
    tags.extend(prepared.data_tags.iter().chain(&options.tags).cloned());
    tags.push(Tag::unfinished());
    let keys: Vec<&str> = options.keys.iter().map(PublicKey::as_str).collect();
    deployment.firewall = firewall::provide(client, options, &prepared.firewall, &prepared.stack_tag, reporter)?;
    for ((label, user_data), host_key) in prepared.labels.iter().zip(&prepared.user_data).zip(&prepared.host_keys) {
        let requested = client.clock().now();
        let new = CreateInstance {
            region: &options.region,
            plan: &options.plan,
            image: &deployment.image.image.id,
            label: label.as_str(),
            authorized_keys: &keys,
            metadata: InstanceMetadata { user_data },
            network: InstanceNetwork::allowed(prepared.interfaces, deployment.firewall),
            tags: &tags,
            kernel: Some(GRUB),
            booted: true,
        };
        let (instance, kernel) = create(client, &new, &prepared.stack_tag)?;
        reporter.say(&format!("{label} is made at {}", instance.address().unwrap_or("an address that is not public")));
        if let (Some(key), Some(address)) = (host_key, instance.address()) {
            note_host_key(address, key, reporter);
        }
        let (running_after, healthy_after, last) = (None, None, "it has not been asked yet".to_owned());
        if prepared.firewall.plan == FirewallPlan::None {
            firewall::tell_given(client, &instance, reporter);
        }
        deployment.started.push(StartedInstance { instance, kernel, requested, running_after, healthy_after, last });
    }
    Ok(())
}

/// Notes the key that is in the user data, so that ssh knows the machine.
fn note_host_key(address: &str, key: &SshKey, reporter: Reporter) {
    let noted = known_hosts::path().map(|file| known_hosts::note(&file, address, key));
    if let Some(Err(error)) = noted {
        reporter.say(&format!("the SSH host key of {address} is {}, and could not be noted: {error}", key.public()));
    }
}

/// Takes the tag of unfinished instances from those that answer. If that fails, the next deployment sees by their sites
/// that they are in use.
fn finish(client: &ApiClient, started: &mut [StartedInstance], reporter: Reporter) {
    let unfinished = Tag::unfinished();
    for StartedInstance { instance, .. } in started {
        let tags: Vec<String> = instance.tags.iter().filter(|tag| *tag != unfinished.as_str()).cloned().collect();
        match instances::set_tags(client, instance.id, &tags) {
            Ok(()) => instance.tags = tags,
            Err(error) => reporter.say(&format!("{} keeps the tag {unfinished}: {error}", instance.label)),
        }
    }
}

/// After a failure: what exists now, what it costs, and how to remove it.
fn tell_what_exists(client: &ApiClient, prepared: &PreparedDeploy, started: &[StartedInstance], reporter: Reporter) {
    let variant = variant_option(prepared.options.stack);
    for StartedInstance { instance, .. } in started {
        let (label, delete) = (&instance.label, client.delete_command(&instances::path(instance.id)));
        reporter.say(&format!(
            "{label} ({}) exists and costs {} until it is removed: stackdeb destroy {label}{variant} --discard-data; or: {delete}",
            instance.address().unwrap_or("no public address"),
            prepared.price()
        ));
    }
    if !prepared.replaced.is_empty() {
        reporter.say(&format!("nothing is removed: {} runs as before", join_labels(&prepared.replaced)));
    }
}

/// What a command line of `stackdeb` needs so that it is about this variant.
fn variant_option(stack: &Stack) -> String {
    stack.variant().map(|variant| format!(" --variant {variant}")).unwrap_or_default()
}

fn join_labels(instances: &[Instance]) -> String {
    instances.iter().map(|instance| instance.label.as_str()).collect::<Vec<_>>().join(", ")
}
