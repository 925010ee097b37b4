//! `stackdeb destroy`: removes instances of this stack from the account at Linode, and nothing else.

use clap::Args;
use miette::IntoDiagnostic;
use serde::Serialize;

use super::account::{ApiArgs, Consent, say, stack_here};
use crate::linode::api::client::Client;
use crate::linode::api::instances::Instance;
use crate::linode::deploy_error::DeployError;
use crate::linode::instance::running;

const NOTES: &str = "\
Images and the firewall stay: they are removed in Cloud Manager, or with linode-cli.

The token comes from the environment: LINODE_TOKEN, else LINODE_CLI_TOKEN. It needs the scope linodes:read_write.

Exit status: 0 they are gone; 1 something here has to be put right, or the answer was no; 2 wrong usage; 3 Linode refused; \
4 the network; 130 interrupted.";

/// The arguments of `stackdeb destroy`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub struct DestroyArgs {
    /// The instances' labels [default: all that this stack runs]
    #[arg(value_name = "LABEL")]
    labels: Vec<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
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
    removed: Vec<Removed<'a>>,
}

/// An instance that is gone.
#[derive(Debug, Serialize)]
pub(super) struct Removed<'a> {
    id: u64,
    label: &'a str,
    ipv4: &'a [String],
}

impl<'a> Removed<'a> {
    pub(super) fn of(instance: &'a Instance) -> Self {
        Self { id: instance.id, label: &instance.label, ipv4: &instance.ipv4 }
    }
}

/// Removes the instances.
///
/// # Errors
/// [`DeployError`], whose class decides the exit status; or when the user does not agree.
pub fn run(args: &DestroyArgs) -> miette::Result<()> {
    let stack = stack_here()?;
    let client: Client = args.api.client::<DeployError>()?;
    let chosen = running::choose(running::list(&client, &stack)?, &args.labels)?;
    if !chosen.is_empty() {
        let names: Vec<String> = chosen.iter().map(describe).collect();
        let what = format!("This removes {}, and all data on their disks.", names.join(", "));
        Consent::of(args.yes).require(&what)?;
    }
    let mut removed = Vec::new();
    let done = running::remove(&client, &chosen, &mut removed);
    for instance in &removed {
        say(&format!("{} is removed", instance.label));
    }
    if args.json {
        let removed = removed.iter().map(Removed::of).collect();
        let report = Report { stack: stack.package.name.as_str(), removed };
        println!("{}", serde_json::to_string_pretty(&report).into_diagnostic()?);
    } else if chosen.is_empty() {
        say(&format!("{} runs nowhere", stack.package.name));
    }
    Ok(done?)
}

fn describe(instance: &Instance) -> String {
    format!("{} ({})", instance.label, instance.address().unwrap_or("no public address"))
}
