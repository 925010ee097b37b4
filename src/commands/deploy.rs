//! `stackdeb deploy`: from an image to running instances at Linode. Everything on this machine is checked before the first
//! request to Linode, and everything at Linode before anything is made.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::account::{ApiArgs, consent, data_choice};
use super::destroy::RemovedReport;
use super::variant::VariantArgs;
use crate::disk::manifest::Manifest;
use crate::linode::LinodeError;
use crate::linode::api::plans::Price;
use crate::linode::api::regions::Region;
use crate::linode::api::tag::Tag;
use crate::linode::image::upload::ImageOrigin;
use crate::linode::instance::deploy::{Deployment, deploy};
use crate::linode::instance::health::HealthPage;
use crate::linode::instance::image_source::{ImageChoice, ImageSource};
use crate::linode::instance::keys::{self, AgentKeys};
use crate::linode::instance::label::InstanceLabel;
use crate::linode::instance::network;
use crate::linode::instance::options::{DeployOptions, FirewallChoice, OldInstances};
use crate::linode::instance::removal::DataChoice;
use crate::linode::instance::settings::{AppSettings, SettingSources};
use crate::linode::instance::started::StartedInstance;
use crate::stack::Stack;
use crate::system::print;
use crate::system::progress::Reporter;

const NOTES: &str = "\
The token comes from the environment: LINODE_TOKEN, else LINODE_CLI_TOKEN. It needs the scopes images:read_write (read_only \
with --image), linodes:read_write and, without --firewall and --no-firewall, firewall:read_write. With account:read_only it \
learns which interfaces and which default firewall the account gives to instances.

If DATABASE_URL is in the environment, or its value in the file that --database-url-file names, the app uses that database \
on another server, and the instance has none. The value contains a password, so it cannot be given as an argument.

The firewall accepts the ports of each stack that the manifest beside the image file lists; without that file, those of this \
project's site.

--replace removes the instances of this stack in the same region, and no others. One that holds data, such as a database of \
its own, is only removed with --discard-data; without it nothing is made or removed, and the program says how to save the \
data first.

Exit status: 0 all instances answer; 1 something here must be put right; 2 wrong usage; 3 Linode refused; 4 the network \
failed, or an instance did not answer in time; 130 or 143 interrupted. After a failure, the program names each instance that \
exists, with the command that removes it.";

/// The arguments of `stackdeb deploy`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub struct DeployArgs {
    /// The image file, IMAGE.img.gz; it is uploaded once [default: this version's in dist, else its image in the account]
    file: Option<PathBuf>,
    /// The ID of an uploaded image: private/N
    #[arg(long, value_name = "ID", conflicts_with = "file")]
    image: Option<String>,
    /// The region of the instances
    #[arg(long)]
    region: String,
    /// The region that the image is uploaded to, if that of the instances takes no images [default: --region]
    #[arg(long, value_name = "REGION")]
    upload_region: Option<String>,
    /// The plan of the instances
    #[arg(long = "type", value_name = "TYPE", default_value = "g6-nanode-1")]
    plan: String,
    /// The number of instances [default: with --replace as many as are replaced, else 1]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=100))]
    count: Option<u16>,
    /// Their label and host name; with --count it is numbered [default: the package's name and a number]
    #[arg(long)]
    label: Option<String>,
    /// A file of public SSH keys for root; may be given again [default: the agent's keys, else ~/.ssh/id_*.pub]
    #[arg(long = "ssh-key", value_name = "FILE")]
    ssh_keys: Vec<PathBuf>,
    /// Use the keys of the SSH agent besides those of --ssh-key
    #[arg(long)]
    ssh_agent: bool,
    /// The ID of a firewall [default: the stack's own, made if missing; it accepts port 22 and those of the sites in the image]
    #[arg(long, value_name = "ID", conflicts_with = "no_firewall")]
    firewall: Option<u64>,
    /// Make the instances without a firewall
    #[arg(long)]
    no_firewall: bool,
    /// A balancer's network in CIDR notation: nginx takes the visitor's address and scheme from its requests; may be given again
    #[arg(long = "balancer", value_name = "NETWORK")]
    balancers: Vec<String>,
    /// A tag besides the stack's own, 3 to 50 characters; may be given again
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// A variable for the app; KEY alone takes the value from the environment; may be given again
    #[arg(long = "env", value_name = "KEY=VALUE")]
    environment: Vec<String>,
    /// A file with the address of a database on another server
    #[arg(long, value_name = "FILE")]
    database_url_file: Option<PathBuf>,
    /// A file with the address of that database as its administrator: the instance makes the role and the database that
    /// DATABASE_URL names, if they are missing
    #[arg(long, value_name = "FILE")]
    database_admin_url_file: Option<PathBuf>,
    /// A file with the certificates, in PEM, that the database's server is verified with
    #[arg(long, value_name = "FILE")]
    database_ca: Option<PathBuf>,
    /// When all new instances answer, remove those that run in the region now
    #[arg(long)]
    replace: bool,
    /// With --replace: delete the data on the disks of the old instances, such as their databases
    #[arg(long, requires = "replace")]
    discard_data: bool,
    /// With --replace: bring the data of the old instances to the new ones, over SSH, with their sites in maintenance
    #[arg(long, requires = "replace", conflicts_with = "discard_data")]
    bring_data: bool,
    /// With --replace: do not ask at the terminal before the old instances are removed
    #[arg(long)]
    yes: bool,
    /// The time in which each instance must answer after it is made, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,
    /// The time in which the image must be available after it is sent, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    upload_timeout: u64,
    /// Report as one JSON object on standard output, also after a failure if instances were made
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    variant: VariantArgs,
    #[command(flatten)]
    api: ApiArgs,
}

/// The object that `--json` prints: the instances that were made.
#[derive(Debug, Serialize)]
struct DeployReport<'a> {
    stack: String,
    image: &'a str,
    /// The version of the stack in the image, if it is known.
    version: Option<&'a str>,
    /// Whether the image was sent now.
    uploaded: bool,
    region: &'a str,
    #[serde(rename = "type")]
    plan: &'a str,
    /// Of each instance, in US dollars.
    price: Price,
    firewall: Option<u64>,
    instances: Vec<StartedReport<'a>>,
    removed: Vec<RemovedReport<'a>>,
}

#[derive(Debug, Serialize)]
struct StartedReport<'a> {
    id: u64,
    label: &'a str,
    ipv4: &'a [String],
    ipv6: Option<&'a str>,
    url: Option<String>,
    healthy: bool,
    /// From the request until Linode had switched it on.
    running_after_seconds: Option<f64>,
    /// From the request until its site answered.
    healthy_after_seconds: Option<f64>,
}

/// # Errors
/// [`LinodeError`], whose class decides the exit status; or when there is no stack here.
pub fn run(args: &DeployArgs) -> miette::Result<()> {
    let stack = args.variant.stack_here()?;
    let (options, source) = args.check(&stack)?;
    let deployment = deploy(&args.api.client()?, &options, &source, Reporter::Stderr)?;
    let page = HealthPage::of(&stack);
    if args.json {
        let report = report(&deployment, &options, &page);
        print::json(&report)?;
    } else if deployment.failed.is_none() {
        print_report(&deployment, &page)?;
    }
    match deployment.failed {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

impl DeployArgs {
    /// The arguments as what they mean, with the checks that need no network.
    fn check<'a>(&self, stack: &'a Stack) -> Result<(DeployOptions<'a>, ImageSource), LinodeError> {
        let agent = if self.ssh_agent { AgentKeys::Always } else { AgentKeys::WithoutFiles };
        let home = env::var_os("HOME").map(PathBuf::from);
        let settings = SettingSources {
            variables: &self.environment,
            database_url_file: self.database_url_file.as_deref(),
            database_admin_url_file: self.database_admin_url_file.as_deref(),
            database_ca_file: self.database_ca.as_deref(),
        };
        let image = self.file.clone().unwrap_or_else(|| stack.dist().join(stack.image_file_name()));
        let options = DeployOptions {
            stack,
            further: Manifest::further_stacks_beside(&image, &stack.package.name),
            listed_of: Manifest::digest_beside(&image),
            keys: keys::collect(&self.ssh_keys, agent, home.as_deref())?,
            region: Region::new(&self.region)?,
            plan: self.plan.clone(),
            count: self.count.map(usize::from),
            label: self.label.as_deref().map(InstanceLabel::new).transpose()?,
            settings: AppSettings::collect(stack, &settings)?,
            firewall: match self.firewall {
                Some(id) => FirewallChoice::Existing(id),
                None if self.no_firewall => FirewallChoice::None,
                None => FirewallChoice::Own,
            },
            balancers: self.balancers.iter().map(|text| network::check(text)).collect::<Result<_, _>>()?,
            tags: self.tags.iter().map(|tag| Tag::new(tag)).collect::<Result<_, _>>()?,
            old_instances: if self.replace { OldInstances::Replace } else { OldInstances::Keep },
            data: if self.bring_data { DataChoice::Bring } else { data_choice(self.discard_data) },
            consent: consent(self.yes),
            timeout: Duration::from_secs(self.timeout),
        };
        let upload_region = self.upload_region.as_deref().map(Region::new).transpose()?;
        let choice = ImageChoice {
            id: self.image.as_deref(),
            file: self.file.as_deref(),
            region: upload_region.as_ref().unwrap_or(&options.region),
            timeout: Duration::from_secs(self.upload_timeout),
        };
        let source = ImageSource::choose(stack, &choice, Reporter::Stderr)?;
        Ok((options, source))
    }
}

fn report<'a>(deployment: &'a Deployment, options: &'a DeployOptions, page: &HealthPage) -> DeployReport<'a> {
    DeployReport {
        stack: options.stack.full_name(),
        image: &deployment.image.image.id,
        version: deployment.version.as_deref(),
        uploaded: deployment.image.origin == ImageOrigin::SentNow,
        region: options.region.as_str(),
        plan: &options.plan,
        price: deployment.price,
        firewall: deployment.firewall,
        instances: deployment.started.iter().map(|started| started_report(started, page)).collect(),
        removed: deployment.removed.iter().map(RemovedReport::of).collect(),
    }
}

fn started_report<'a>(started: &'a StartedInstance, page: &HealthPage) -> StartedReport<'a> {
    let StartedInstance { instance, running_after, healthy_after, .. } = started;
    StartedReport {
        id: instance.id,
        label: &instance.label,
        ipv4: &instance.ipv4,
        ipv6: instance.ipv6.as_deref(),
        url: instance.address().map(|address| page.site(address)),
        healthy: healthy_after.is_some(),
        running_after_seconds: running_after.map(print::seconds),
        healthy_after_seconds: healthy_after.map(print::seconds),
    }
}

fn print_report(deployment: &Deployment, page: &HealthPage) -> miette::Result<()> {
    for started in &deployment.started {
        let StartedReport { label, url, healthy_after_seconds, .. } = started_report(started, page);
        let (url, seconds) = (url.unwrap_or_default(), healthy_after_seconds.unwrap_or_default());
        print::line(format_args!("{label} ({}) answers at {url} after {seconds} s", deployment.image.image.id))?;
    }
    Ok(())
}
