//! `stackdeb instances`: what this stack runs at Linode, and whether it is well.

use clap::Args;
use miette::IntoDiagnostic;
use serde::Serialize;

use super::account::{ApiArgs, stack_here};
use crate::linode::api::client::Client;
use crate::linode::api::instances::{Instance, Status};
use crate::linode::deploy_error::DeployError;
use crate::linode::instance::deploy::describe;
use crate::linode::instance::health::HealthPage;
use crate::linode::instance::running::{self, Health};
use crate::stack::Stack;

const NOTES: &str = "\
The token comes from the environment: LINODE_TOKEN, else LINODE_CLI_TOKEN. It needs the scope linodes:read_only.

Exit status: 0 whether they are well or not; 1 something here has to be put right; 2 wrong usage; 3 Linode refused; \
4 the network; 130 interrupted.";

/// The arguments of `stackdeb instances`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub struct InstancesArgs {
    /// Report as one JSON object on standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    api: ApiArgs,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report<'a> {
    stack: &'a str,
    instances: Vec<Line<'a>>,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    id: u64,
    label: &'a str,
    status: Status,
    region: &'a str,
    #[serde(rename = "type")]
    plan: Option<&'a str>,
    ipv4: &'a [String],
    ipv6: Option<&'a str>,
    image: Option<&'a str>,
    version: Option<&'a str>,
    created: Option<&'a str>,
    health: Health,
}

/// Lists the instances.
///
/// # Errors
/// [`DeployError`], whose class decides the exit status; or when there is no stack here.
pub fn run(args: &InstancesArgs) -> miette::Result<()> {
    let stack = stack_here()?;
    let client: Client = args.api.client::<DeployError>()?;
    let found = running::list(&client, &stack)?;
    let lines = examine(&stack, &found)?;
    if args.json {
        let report = Report { stack: stack.package.name.as_str(), instances: lines };
        println!("{}", serde_json::to_string_pretty(&report).into_diagnostic()?);
        return Ok(());
    }
    if lines.is_empty() {
        eprintln!("stackdeb: {} runs nowhere", stack.package.name);
    }
    for line in &lines {
        let health = match &line.health {
            Health::Well => "well".to_owned(),
            Health::Ill(reason) => format!("NOT WELL: {reason}"),
            Health::NotAsked => describe(line.status).to_owned(),
        };
        let version = line.version.map_or("version unknown".to_owned(), |version| format!("version {version}"));
        let (image, address) = (line.image.unwrap_or("no image"), line.ipv4.first().map_or("-", String::as_str));
        println!("{}  {address}  {}  {image}  {version}  {health}", line.label, line.region);
    }
    Ok(())
}

fn examine<'a>(stack: &Stack, found: &'a [Instance]) -> Result<Vec<Line<'a>>, DeployError> {
    let page = HealthPage::of(stack);
    let line = |instance: &'a Instance| {
        Ok(Line {
            id: instance.id,
            label: &instance.label,
            status: instance.status,
            region: &instance.region,
            plan: instance.plan.as_deref(),
            ipv4: &instance.ipv4,
            ipv6: instance.ipv6.as_deref(),
            image: instance.image.as_deref(),
            version: running::version(instance),
            created: instance.created.as_deref(),
            health: running::health(&page, instance)?,
        })
    };
    found.iter().map(line).collect()
}
