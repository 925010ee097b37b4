//! `stackdeb instances`: lists what this stack runs at Linode, and whether each instance is well.

use clap::Args;
use serde::Serialize;

use super::account::ApiArgs;
use super::variant::VariantArgs;
use crate::linode::api::instances::InstanceStatus;
use crate::linode::api::tag::Tag;
use crate::linode::instance::health::HealthVerdict;
use crate::linode::instance::holdings::{Holding, holdings};
use crate::linode::instance::running::{self, RunningInstance};
use crate::system::print;
use crate::system::progress::Reporter;

const NOTES: &str = "\
The token comes from the environment: LINODE_TOKEN, else LINODE_CLI_TOKEN. It needs the scope linodes:read_only.

Exit status: 0 the list is complete, even if an instance is not well; 1 something here must be put right; 2 wrong usage; \
3 Linode refused; 4 the network failed; 130 or 143 interrupted.";

/// The arguments of `stackdeb instances`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub struct InstancesArgs {
    /// Report as one JSON object on standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    variant: VariantArgs,
    #[command(flatten)]
    api: ApiArgs,
}

/// The object that `--json` prints: each instance and its health.
#[derive(Debug, Serialize)]
struct InstancesReport<'a> {
    stack: &'a str,
    instances: Vec<InstanceReport<'a>>,
}

#[derive(Debug, Serialize)]
struct InstanceReport<'a> {
    id: u64,
    label: &'a str,
    status: InstanceStatus,
    region: &'a str,
    #[serde(rename = "type")]
    plan: Option<&'a str>,
    ipv4: &'a [String],
    ipv6: Option<&'a str>,
    image: Option<&'a str>,
    version: Option<&'a str>,
    created: Option<&'a str>,
    /// What is on its own disk and nowhere else.
    data: Vec<Holding>,
    /// Whether its deployment is finished.
    finished: bool,
    health: &'a HealthVerdict,
}

/// # Errors
/// [`LinodeError`](crate::linode::LinodeError), whose class decides the exit status; or when there is no stack here.
pub fn run(args: &InstancesArgs) -> miette::Result<()> {
    let stack = args.variant.stack_here()?;
    let running = running::survey(&args.api.client()?, &stack)?;
    let instances: Vec<InstanceReport> = running.iter().map(report).collect();
    if args.json {
        let report = InstancesReport { stack: &stack.full_name(), instances };
        print::json(&report)?;
    } else if instances.is_empty() {
        Reporter::Stderr.say(&format!("{} runs nowhere", stack.full_name()));
    } else {
        instances.iter().try_for_each(print_line)?;
    }
    Ok(())
}

fn report(RunningInstance { instance, health }: &RunningInstance) -> InstanceReport<'_> {
    InstanceReport {
        id: instance.id,
        label: &instance.label,
        status: instance.status,
        region: &instance.region,
        plan: instance.plan.as_deref(),
        ipv4: &instance.ipv4,
        ipv6: instance.ipv6.as_deref(),
        image: instance.image.as_deref(),
        version: Tag::version_in(&instance.tags),
        created: instance.created.as_deref(),
        data: holdings(instance),
        finished: !Tag::unfinished().is_in(&instance.tags),
        health,
    }
}

fn print_line(one: &InstanceReport) -> miette::Result<()> {
    let health = match one.health {
        HealthVerdict::Well => "well".to_owned(),
        HealthVerdict::Ill(reason) => format!("NOT WELL: {reason}"),
        HealthVerdict::NotAsked => one.status.describe().to_owned(),
    };
    let version = one.version.map_or("version unknown".to_owned(), |version| format!("version {version}"));
    let (image, address) = (one.image.unwrap_or("no image"), one.ipv4.first().map_or("-", String::as_str));
    let unfinished = if one.finished { "" } else { "  (its deployment did not finish)" };
    print::line(format_args!("{}  {address}  {}  {image}  {version}  {health}{unfinished}", one.label, one.region))?;
    Ok(())
}
