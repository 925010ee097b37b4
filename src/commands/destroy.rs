//! `stackdeb destroy`: removes instances of this stack from the account at Linode, and nothing else.

use clap::Args;
use serde::Serialize;

use super::account::{ApiArgs, consent, data_choice};
use super::variant::VariantArgs;
use crate::linode::api::instances::Instance;
use crate::linode::instance::running::{self, RemovalChoice};
use crate::system::print;
use crate::system::progress::Reporter;

const NOTES: &str = "\
An instance that holds data, such as a database of its own, is only removed with --discard-data. Images and the firewall \
stay: remove them in Cloud Manager, or with linode-cli.

The token comes from the environment: LINODE_TOKEN, else LINODE_CLI_TOKEN. It needs the scope linodes:read_write.

Exit status: 0 the instances are removed; 1 something here must be put right, or the answer was no; 2 wrong usage; 3 Linode \
refused; 4 the network failed; 130 or 143 interrupted.";

/// The arguments of `stackdeb destroy`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub struct DestroyArgs {
    /// The labels of the instances to remove [default: all that this stack runs]
    #[arg(value_name = "LABEL")]
    labels: Vec<String>,
    /// Delete the data on the disks of the instances, such as their databases
    #[arg(long)]
    discard_data: bool,
    /// Do not ask before instances are removed
    #[arg(long)]
    yes: bool,
    /// Report as one JSON object on standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    variant: VariantArgs,
    #[command(flatten)]
    api: ApiArgs,
}

/// The object that `--json` prints: what was removed.
#[derive(Debug, Serialize)]
struct DestroyReport<'a> {
    stack: &'a str,
    removed: Vec<RemovedReport<'a>>,
}

/// An instance that was removed.
#[derive(Debug, Serialize)]
pub(super) struct RemovedReport<'a> {
    id: u64,
    label: &'a str,
    ipv4: &'a [String],
}

impl<'a> RemovedReport<'a> {
    pub(super) fn of(instance: &'a Instance) -> Self {
        Self { id: instance.id, label: &instance.label, ipv4: &instance.ipv4 }
    }
}

/// # Errors
/// [`LinodeError`](crate::linode::LinodeError), whose class decides the exit status; or when there is no stack here.
pub fn run(args: &DestroyArgs) -> miette::Result<()> {
    let stack = args.variant.stack_here()?;
    let choice =
        RemovalChoice { labels: &args.labels, data: data_choice(args.discard_data), consent: consent(args.yes) };
    let removal = running::remove(&args.api.client()?, &stack, &choice, Reporter::Stderr)?;
    for instance in &removal.removed {
        Reporter::Stderr.say(&format!("{} is removed", instance.label));
    }
    if args.json {
        let removed = removal.removed.iter().map(RemovedReport::of).collect();
        let report = DestroyReport { stack: &stack.full_name(), removed };
        print::json(&report)?;
    } else if removal.removed.is_empty() && removal.failed.is_none() {
        Reporter::Stderr.say(&format!("{} runs nowhere", stack.full_name()));
    }
    match removal.failed {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}
