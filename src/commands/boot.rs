//! `stackdeb boot`: boots an image in QEMU as Linode would, and reports how far it came and what its site answers.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::boot_report;
use super::variant::VariantArgs;
use crate::build::newest_image::newest_image;
use crate::system::print;
use crate::system::progress::Reporter;
use crate::vm::boot::{BootOptions, boot};
use crate::vm::screen::Screen;

/// The arguments of `stackdeb boot`.
#[derive(Debug, Args)]
pub struct BootArgs {
    /// The image, IMAGE.img.gz or IMAGE.img; it is not written to [default: the newest dist/*-linode.img.gz]
    #[arg(conflicts_with = "variant")]
    pub image: Option<PathBuf>,
    #[command(flatten)]
    pub variant: VariantArgs,
    /// User data for cloud-init, from a file
    #[arg(long, value_name = "FILE")]
    pub user_data: Option<PathBuf>,
    /// Port of this computer that leads to the site; 0: any that is free
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Port of this computer that leads to HTTPS, if a site has it; 0: any that is free
    #[arg(long, value_name = "PORT", default_value_t = 8443)]
    pub https_port: u16,
    /// Port of this computer that leads to SSH; 0: any that is free
    #[arg(long, value_name = "PORT")]
    pub ssh_port: Option<u16>,
    /// Machines that are booted with the same number are on one network, as eth1 of each; it is a UDP port of this
    /// computer's loopback address, and the machines' user data gives them their addresses
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1024..))]
    pub network: Option<u16>,
    /// Memory in MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(256..))]
    pub memory: u32,
    /// Number of processors; under software emulation more than one bring no speed, since they share one thread
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub cpus: u32,
    /// Install each change of the project in the current folder in the running machine
    #[arg(long, conflicts_with_all = ["image", "check", "json"])]
    pub watch: bool,
    /// Probe the site, report, and exit: 0 if all is well
    #[arg(long)]
    pub check: bool,
    /// With --check: seconds until the site must answer
    #[arg(long, value_name = "SECONDS", default_value_t = 400)]
    pub timeout: u64,
    /// Report as JSON on standard output, and the serial console not at all
    #[arg(long)]
    pub json: bool,
}

/// Boots the image, prints the report, and stays until the machine ends; with `--check` it ends with the verdict.
///
/// # Errors
/// When something is missing, the machine does not come up, or, with `--check`, a probe fails.
pub fn run(args: &BootArgs) -> miette::Result<()> {
    let booted = boot(options(args)?, Reporter::Stderr, || screen(args.json))?;
    if args.json {
        print::json(&booted.report)?;
    } else {
        boot_report::print(&booted.report);
    }
    if args.check { booted.verdict() } else { booted.stay(Reporter::Stderr) }
}

fn options(args: &BootArgs) -> miette::Result<BootOptions> {
    Ok(BootOptions {
        image: args.image.clone().map_or_else(|| newest_image(args.variant.variant.as_deref()), Ok)?,
        variant: args.variant.variant.clone(),
        user_data: args.user_data.clone(),
        port: args.port,
        https_port: args.https_port,
        ssh_port: args.ssh_port,
        network: args.network,
        memory_mib: args.memory,
        cpus: args.cpus,
        watch: args.watch,
        check: args.check.then_some(Duration::from_secs(args.timeout)),
    })
}

/// Where the serial console is shown: on standard output, unless that has the report for a program.
fn screen(json: bool) -> Box<dyn Write + Send> {
    if json { Box::new(io::sink()) } else { Box::new(Screen::new(io::stdout())) }
}
