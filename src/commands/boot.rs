//! `stackdeb boot`: boots an image in QEMU as Linode would, and reports how far it came and what its site answers.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use clap::Args;
use miette::{IntoDiagnostic, WrapErr, miette};

use super::boot_report::Report;
use super::boot_sites::{PATIENCE, further_sites, pages_of};
use super::loader;
use super::newest_image::newest_image;
use super::variant::VariantArgs;
use crate::build::watch::Watch;
use crate::disk::manifest::Manifest;
use crate::stack::{self, HTTPS_PORT, Site};
use crate::system::cache::Cache;
use crate::system::interrupt;
use crate::system::print;
use crate::system::progress::Reporter;
use crate::vm::accelerator::Accelerator;
use crate::vm::arguments::{BootMethod, Forward, Network};
use crate::vm::first_answer::{FirstAnswer, wait_for_first_answer};
use crate::vm::machine::{self, Machine, MachineOptions};
use crate::vm::metadata::USER_DATA_LIMIT;
use crate::vm::probe::{Probe, SitePage};
use crate::vm::screen::Screen;

const HTTP: u16 = 80;
const SSH: u16 = 22;
const POLL: Duration = Duration::from_millis(250);
/// The message before the second boot.
const BOOTS_AGAIN: &str = "the kernel panicked at an instruction that QEMU's emulation ran while it was being rewritten \
    (int3): a fault of the emulator, not of the image. It boots once more";

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

/// Where the serial console is shown: on standard output, unless that has the report for a program.
fn screen(json: bool) -> Box<dyn Write + Send> {
    if json { Box::new(io::sink()) } else { Box::new(Screen::new(io::stdout())) }
}

/// # Errors
/// When something is missing, the machine does not come up, or, with `--check`, a probe fails.
pub fn run(args: &BootArgs) -> miette::Result<()> {
    let image = args.image.clone().map_or_else(|| newest_image(&args.variant), Ok)?;
    let user_data = args.user_data.as_deref().map_or_else(|| Ok(Vec::new()), read_user_data)?;
    let qemu = machine::find_qemu()?;
    let port = machine::choose_port(args.port)?;
    let site = site_of(&image);
    let stacks = Manifest::stacks_beside(&image);
    let first_has_https = site.as_ref().map_or_else(|| stacks.first().is_some_and(|stack| stack.https), Site::has_tls);
    let https = first_has_https || stacks.iter().any(|stack| stack.https);
    let https_port = https.then(|| machine::choose_port(args.https_port)).transpose()?;
    // An image without a manifest may be of anybody.
    let pages = stacks.first().map_or_else(|| vec![SitePage::first_page()], pages_of);
    let (mut further_sites, further_ports) = further_sites(stacks, port, https_port)?;
    let mut watch = args.watch.then(|| Watch::begin(args.variant.variant.as_deref())).transpose()?;
    // Any free port will do for stackdeb itself.
    let wanted_ssh = args.ssh_port.or(args.watch.then_some(0));
    let ssh_port = wanted_ssh.map(machine::choose_port).transpose()?;
    let cache = Cache::open()?;
    let loader = loader::find_or_make(&cache, &args.variant)?;
    let accelerator = Accelerator::choose(&qemu);
    let pump = std::env::current_exe().into_diagnostic().wrap_err("cannot find this program's own file")?;

    let ssh = ssh_port.map(|host| Forward { host, guest: SSH });
    let https = https_port.map(|host| Forward { host, guest: HTTPS_PORT });
    let options = MachineOptions {
        memory_mib: args.memory,
        cpus: args.cpus,
        user_data,
        root_key: watch.as_ref().map(Watch::public_key),
        network: args.network.map(|port| Network { port }),
        host: site.as_ref().and_then(Site::host).map(str::to_owned),
        forwards: [Forward { host: port, guest: HTTP }]
            .into_iter()
            .chain(https)
            .chain(ssh)
            .chain(further_ports)
            .collect(),
        ..MachineOptions::smallest(&image, BootMethod::Grub { loader }, accelerator, &pump, &cache.work())
    };
    let reporter = Reporter::Stderr;
    reporter.say(&format!("{} boots with {}", image.display(), accelerator.describe()));
    let limit = if args.check { Duration::from_secs(args.timeout) } else { Duration::MAX };
    let FirstAnswer { machine, answer, after } =
        wait_for_first_answer(&options, port, limit, || screen(args.json), || reporter.say(BOOTS_AGAIN))?;
    let site_seconds = answer.is_ok().then(|| (after.as_secs_f64() * 10.0).round() / 10.0);
    // There is nothing to probe when the machine has ended or the user interrupts. A machine that is only late is probed.
    machine.check()?;
    let probes = if args.check { probe_all(&machine, port, &pages) } else { Vec::new() };
    if answer.is_ok() || args.check {
        further_sites.iter_mut().for_each(|site| site.probe(&machine));
    }
    let report = Report {
        image: &image,
        url: format!("http://localhost:{port}"),
        https_url: https_port.filter(|_| first_has_https).map(|port| format!("https://localhost:{port}")),
        ssh_port,
        accelerator: accelerator.describe(),
        stages: machine.console().marks(),
        site_seconds,
        probes,
        host: options.host.as_deref(),
        further_sites,
    };
    if args.json {
        print::line(serde_json::to_string_pretty(&report).into_diagnostic()?)?;
    } else {
        report.print();
    }
    if args.check {
        answer?;
        return report.verdict();
    }
    stay(&machine, |pause| match (&mut watch, ssh_port) {
        (Some(watch), Some(ssh)) => watch.wait_and_install(ssh, pause),
        _ => thread::sleep(pause),
    })
}

/// The site of an image, if it is in the `dist` folder of its project, or in a variant's folder in it.
fn site_of(image: &Path) -> Option<Site> {
    let image = image.canonicalize().ok()?;
    let dist = image.parent()?;
    let has_manifest = |folder: &&Path| folder.join(stack::FILE_NAME).exists();
    if let Some(project) = dist.parent().filter(has_manifest) {
        return stack::load(project).ok().map(|stack| stack.site);
    }
    let project = dist.parent()?.parent().filter(has_manifest)?;
    stack::load_variant(project, dist.file_name()?.to_str()).ok().map(|stack| stack.site)
}

/// Asks for each page. The site may need a moment longer for its database than for its first page.
fn probe_all(machine: &Machine, port: u16, pages: &[SitePage]) -> Vec<Probe> {
    let probe = |page: &SitePage| {
        Probe::judge(page, machine.wait_for_http(port, page, PATIENCE).map_err(|error| error.to_string()))
    };
    pages.iter().map(probe).collect()
}

/// Waits until the machine ends, or the user interrupts: the usual end of this command. `wait` takes about as long as it is
/// told.
fn stay(machine: &Machine, mut wait: impl FnMut(Duration)) -> miette::Result<()> {
    Reporter::Stderr.say("Ctrl-C switches the machine off");
    while !interrupt::requested() {
        match machine.check() {
            // From here on the user watches the console, and decides about reboots and panics.
            Ok(()) | Err(machine::MachineError::Failed { .. }) => wait(POLL),
            Err(machine::MachineError::Interrupted(_)) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn read_user_data(path: &Path) -> miette::Result<Vec<u8>> {
    let data =
        fs::read(path).into_diagnostic().wrap_err_with(|| format!("cannot read user data {}", path.display()))?;
    if data.len() > USER_DATA_LIMIT {
        let (length, path) = (data.len(), path.display());
        return Err(miette!("the user data {path} has {length} bytes; Linode takes at most {USER_DATA_LIMIT}"));
    }
    Ok(data)
}
