//! `stackdeb deploy`: from an image to running instances at Linode. Everything on this machine is checked before Linode is
//! asked for the first time, and everything there before anything is made.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use miette::IntoDiagnostic;
use serde::Serialize;

use super::account::{ApiArgs, Consent, say, stack_here};
use super::destroy::Removed;
use crate::linode::api::client::Client;
use crate::linode::api::images::Image;
use crate::linode::api::plans::Price;
use crate::linode::deploy_error::DeployError;
use crate::linode::image::check::{self, Request};
use crate::linode::image::upload::Origin;
use crate::linode::instance::database_url::DatabaseUrl;
use crate::linode::instance::deploy::{self, Made, Progress};
use crate::linode::instance::health::HealthPage;
use crate::linode::instance::keys;
use crate::linode::instance::label::Label;
use crate::linode::instance::prepare::{Order, Others, Prepared, Wall, prepare, stack_tag};
use crate::linode::instance::settings::{DATABASE_URL, Database, Settings, SettingsError};
use crate::linode::instance::stack_images::{self, Source};
use crate::render::user_data::database_ca_path;
use crate::stack::Stack;

const NOTES: &str = "\
The token comes from the environment: LINODE_TOKEN, else LINODE_CLI_TOKEN. It needs the scopes images:read_write (read_only \
with --image), linodes:read_write and, without --firewall and --no-firewall, firewall:read_write.

A database on another server takes the place of the instance's own when DATABASE_URL is in the environment, or in the file \
that --database-url-file names. It has a password in it, so it is no argument.

Exit status: 0 all answer; 1 something here has to be put right; 2 wrong usage; 3 Linode refused; 4 the network, or no \
answer in time; 130 interrupted. Whatever exists then is named, with the command that removes it.";

/// The arguments of `stackdeb deploy`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub struct DeployArgs {
    /// The image, IMAGE.img.gz, uploaded unless it was before [default: this version's in dist, else in the account]
    file: Option<PathBuf>,
    /// An uploaded image: private/N
    #[arg(long, value_name = "ID", conflicts_with = "file")]
    image: Option<String>,
    /// Where the instances are to be
    #[arg(long)]
    region: String,
    /// Where the image is sent to, if the instances' region takes no images [default: the instances' region]
    #[arg(long, value_name = "REGION")]
    upload_region: Option<String>,
    /// Their plan
    #[arg(long = "type", value_name = "TYPE", default_value = "g6-nanode-1")]
    plan: String,
    /// How many [default: with --replace as many as there are, else 1]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=100))]
    count: Option<u16>,
    /// Their label and host name; several are numbered [default: the package's name and a number]
    #[arg(long)]
    label: Option<String>,
    /// A file of public SSH keys for root; may be given again [default: the agent's keys, else ~/.ssh/id_*.pub]
    #[arg(long = "ssh-key", value_name = "FILE")]
    ssh_keys: Vec<PathBuf>,
    /// The SSH agent's keys as well as those of --ssh-key
    #[arg(long)]
    ssh_agent: bool,
    /// The number of a firewall [default: the stack's own, made if missing: in at 22, 80, 443 and the site's port]
    #[arg(long, value_name = "ID", conflicts_with = "no_firewall")]
    firewall: Option<u64>,
    /// No firewall
    #[arg(long)]
    no_firewall: bool,
    /// A further tag, 3 to 100 characters; may be given again
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// A variable for the app; KEY alone takes the value from the environment; may be given again
    #[arg(long = "env", value_name = "KEY=VALUE")]
    environment: Vec<String>,
    /// A file with the address of a database on another server
    #[arg(long, value_name = "FILE")]
    database_url_file: Option<PathBuf>,
    /// The certificates, in PEM, that this database's server must prove itself with
    #[arg(long, value_name = "FILE")]
    database_ca: Option<PathBuf>,
    /// Once the new instances answer, remove those that run now
    #[arg(long)]
    replace: bool,
    /// With --replace: do not ask before a database is removed with its instance
    #[arg(long)]
    yes: bool,
    /// Seconds until an instance must answer once it is made
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,
    /// Seconds until the image must be available once it is sent
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    upload_timeout: u64,
    /// Report as one JSON object on standard output, also when it ends badly with instances made
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    api: ApiArgs,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report<'a> {
    stack: &'a str,
    image: &'a str,
    /// Of the stack in the image; nothing if it is not known.
    version: Option<&'a str>,
    /// Whether the image was sent now.
    uploaded: bool,
    region: &'a str,
    #[serde(rename = "type")]
    plan: &'a str,
    /// Of each instance, in US dollars.
    price: Price,
    firewall: Option<u64>,
    instances: Vec<New<'a>>,
    removed: Vec<Removed<'a>>,
}

#[derive(Debug, Serialize)]
struct New<'a> {
    id: u64,
    label: &'a str,
    ipv4: &'a [String],
    ipv6: Option<&'a str>,
    url: Option<String>,
    healthy: bool,
    /// From the request until Linode had switched it on.
    running_after_seconds: Option<f64>,
    /// From the request until it answered.
    healthy_after_seconds: Option<f64>,
}

/// Starts the instances.
///
/// # Errors
/// [`DeployError`], whose class decides the exit status; or when there is no stack here.
pub fn run(args: &DeployArgs) -> miette::Result<()> {
    let stack = stack_here()?;
    let order = order(args, &stack)?;
    let source = source(args, &stack)?;
    let client: Client = args.api.client::<DeployError>()?;
    let prepared = prepare(&client, &order)?;
    announce(&prepared);
    if !prepared.replaced().is_empty() && stack.database.is_some() && order.settings.database() == Database::Here {
        let old: Vec<&str> = prepared.replaced().iter().map(|old| old.label.as_str()).collect();
        let what = format!(
            "The database of {} is on its own disk, and is removed with it: the new instance begins with an empty one.",
            old.join(", ")
        );
        Consent::of(args.yes).require(&what)?;
    }
    let (image, origin) = stack_images::bring(&client, &source, Duration::from_secs(args.upload_timeout), &say)?;
    let version = stack_images::version(&image, &stack.package.name);
    let mut progress = Progress::default();
    let done = deploy::run(&client, &prepared, &image, version, &mut progress, &say);
    let page = HealthPage::of(&stack);
    if args.json && (done.is_ok() || !progress.made.is_empty()) {
        let report = Report {
            stack: stack.package.name.as_str(),
            image: &image.id,
            version,
            uploaded: origin == Origin::Sent,
            region: &order.region,
            plan: &order.plan,
            price: prepared.price(),
            firewall: progress.firewall,
            instances: progress.made.iter().map(|made| new(made, &page)).collect(),
            removed: progress.removed.iter().map(Removed::of).collect(),
        };
        println!("{}", serde_json::to_string_pretty(&report).into_diagnostic()?);
    } else if done.is_ok() {
        print(&progress.made, &page, &image);
    }
    Ok(done?)
}

fn print(made: &[Made], page: &HealthPage, image: &Image) {
    for one in made {
        let New { label, url, healthy_after_seconds, .. } = new(one, page);
        let (url, seconds) = (url.unwrap_or_default(), healthy_after_seconds.unwrap_or_default());
        println!("{label} ({}) answers at {url} after {seconds} s", image.id);
    }
}

fn new<'a>(made: &'a Made, page: &HealthPage) -> New<'a> {
    let Made { instance, running_after, healthy_after, .. } = made;
    let seconds = |time: &Duration| (time.as_secs_f64() * 10.0).round() / 10.0;
    New {
        id: instance.id,
        label: &instance.label,
        ipv4: &instance.ipv4,
        ipv6: instance.ipv6.as_deref(),
        url: instance.address().map(|address| page.site(address)),
        healthy: healthy_after.is_some(),
        running_after_seconds: running_after.as_ref().map(seconds),
        healthy_after_seconds: healthy_after.as_ref().map(seconds),
    }
}

fn announce(prepared: &Prepared) {
    let labels: Vec<&str> = prepared.labels().iter().map(Label::as_str).collect();
    let each = if labels.len() > 1 { " each" } else { "" };
    say(&format!("{} will cost {}{each}, until it is removed", labels.join(", "), prepared.price()));
    let stays: Vec<&str> = prepared.running.iter().map(|instance| instance.label.as_str()).collect();
    if prepared.replaced().is_empty() && !stays.is_empty() {
        say(&format!("{} runs already, and goes on", stays.join(", ")));
    }
}

fn order<'a>(args: &DeployArgs, stack: &'a Stack) -> Result<Order<'a>, DeployError> {
    let home = env::var_os("HOME").map(PathBuf::from);
    let mut ssh_keys = keys::of_files(&args.ssh_keys)?;
    if args.ssh_agent {
        ssh_keys.extend(keys::of_agent()?);
    } else if ssh_keys.is_empty() {
        ssh_keys = keys::usual(home.as_deref())?;
    }
    for key in &ssh_keys {
        say(&format!("root's SSH key: {}", key.describe()));
    }
    // The region's and the tags' form are the image's.
    Request::new("label", &args.region, &args.tags)?;
    Ok(Order {
        stack,
        region: args.region.clone(),
        plan: args.plan.clone(),
        count: args.count.map(usize::from),
        label: args.label.as_deref().map(Label::new).transpose()?,
        keys: ssh_keys,
        settings: settings(args, stack)?,
        wall: match args.firewall {
            Some(id) => Wall::Existing(id),
            None if args.no_firewall => Wall::None,
            None => Wall::Own,
        },
        tags: args.tags.clone(),
        others: if args.replace { Others::Replace } else { Others::Keep },
        patience: Duration::from_secs(args.timeout),
    })
}

fn settings(args: &DeployArgs, stack: &Stack) -> Result<Settings, DeployError> {
    let settings = Settings::new(&args.environment, |name| env::var(name).ok())?;
    let url = match &args.database_url_file {
        Some(path) => Some(read("--database-url-file", path)?),
        None => env::var(DATABASE_URL).ok().filter(|value| !value.is_empty()),
    };
    let ca = args.database_ca.as_deref().map(|path| read("--database-ca", path)).transpose()?;
    match url {
        None if ca.is_some() => Err(SettingsError::CaAlone.into()),
        None => Ok(settings),
        Some(_) if stack.database.is_none() => Err(SettingsError::NoDatabase.into()),
        Some(url) => {
            let ca_path = database_ca_path(&stack.package.name);
            Ok(settings.with_database(&DatabaseUrl::new(&url)?, ca.as_deref(), &ca_path)?)
        }
    }
}

fn read(option: &'static str, path: &Path) -> Result<String, DeployError> {
    let path_text = || path.display().to_string();
    fs::read_to_string(path).map_err(|source| DeployError::Read { option, path: path_text(), source })
}

fn source(args: &DeployArgs, stack: &Stack) -> Result<Source, DeployError> {
    if let Some(id) = &args.image {
        stack_images::check_name(id)?;
        return Ok(Source::Named(id.clone()));
    }
    let file_name = stack.image_file_name();
    let built = stack.folder.join("dist").join(&file_name);
    let path = match &args.file {
        Some(path) => path.clone(),
        None if built.exists() => built,
        None => return Ok(Source::InAccount(file_name)),
    };
    let region = args.upload_region.as_ref().unwrap_or(&args.region);
    let request = Request::new(&check::default_label(&path), region, &[stack_tag(stack)])?;
    Ok(Source::File(check::check_image(&path)?, request))
}
