//! A boot as Linode would do it: an image and what the user asked for → the running machine, and a report of how far it came
//! and what its sites answer. It joins the parts of this folder: the loader, the ports, the machine, the probes.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use miette::{IntoDiagnostic, WrapErr, miette};
use serde::Serialize;

use super::accelerator::Accelerator;
use super::arguments::{BootMethod, Forward, SharedNetwork};
use super::console::Mark;
use super::first_answer::{FirstAnswer, wait_for_first_answer};
use super::further_sites::{BootedSite, PATIENCE, further_sites, pages_of};
use super::loader;
use super::machine::{self, Machine, MachineError, MachineOptions};
use super::metadata::USER_DATA_LIMIT;
use super::probe::{Probe, SitePage};
use crate::build::watch::Watch;
use crate::disk::manifest::Manifest;
use crate::stack::{self, HTTPS_PORT, Site};
use crate::system::cache::Cache;
use crate::system::http::Page;
use crate::system::interrupt;
use crate::system::print;
use crate::system::progress::Reporter;

const HTTP: u16 = 80;
const SSH: u16 = 22;
const POLL: Duration = Duration::from_millis(250);
/// The message before the second boot.
const BOOTS_AGAIN: &str = "the kernel panicked at an instruction that QEMU's emulation ran while it was being rewritten \
    (int3): a fault of the emulator, not of the image. It boots once more";

/// What a user asks of a boot. A port is one of this computer, 0 for any that is free.
#[derive(Debug, Default)]
pub struct BootOptions {
    /// The image, compressed or not; it is not written to.
    pub image: PathBuf,
    /// The variant of the stack in the current folder, for the boot loader's release and for `watch`.
    pub variant: Option<String>,
    /// A file with user data for cloud-init.
    pub user_data: Option<PathBuf>,
    pub port: u16,
    /// It is used only if a site has HTTPS.
    pub https_port: u16,
    /// `None` if no port shall lead to SSH.
    pub ssh_port: Option<u16>,
    /// The UDP port that stands for a private network.
    pub network: Option<u16>,
    pub memory_mib: u32,
    pub cpus: u32,
    /// Installs each change of the project in the current folder in the running machine.
    pub watch: bool,
    /// Probes all sites; the first one must answer within this time. Without it, the boot waits for as long as it takes.
    pub check: Option<Duration>,
}

/// How a boot went. As JSON, this is the object that `stackdeb boot --json` prints.
#[derive(Debug, Serialize)]
pub struct BootReport {
    pub image: PathBuf,
    pub url: String,
    /// `null` if the site has no HTTPS.
    pub https_url: Option<String>,
    pub ssh_port: Option<u16>,
    pub accelerator: &'static str,
    pub stages: Vec<Mark>,
    /// When the site first answered 200, in seconds.
    pub site_seconds: Option<f64>,
    pub probes: Vec<Probe>,
    /// The name by which the site was asked; `null` if it answers to every name.
    pub host: Option<String>,
    /// The sites of the other stacks in the image.
    pub further_sites: Vec<BootedSite>,
}

/// A machine whose boot is over.
pub struct Booted {
    pub report: BootReport,
    machine: Machine,
    answer: Result<Page, MachineError>,
    watch: Option<Watch>,
}

/// Boots an image. `console` makes what gets the serial console's text, a new one for each boot.
///
/// # Errors
/// When QEMU or something else is missing, a port is taken, or the machine ends before its site answers. That the site of a
/// running machine does not answer in time is not an error here, but one of [`Booted::verdict`].
pub fn boot(
    options: BootOptions,
    reporter: Reporter,
    console: impl Fn() -> Box<dyn Write + Send>,
) -> miette::Result<Booted> {
    let image = options.image;
    let user_data = options.user_data.as_deref().map_or_else(|| Ok(Vec::new()), read_user_data)?;
    let qemu = machine::find_qemu()?;
    let port = machine::choose_port(options.port)?;
    let site = site_of(&image);
    let stacks = Manifest::stacks_beside(&image);
    let first_has_https = site.as_ref().map_or_else(|| stacks.first().is_some_and(|stack| stack.https), Site::has_tls);
    let https = first_has_https || stacks.iter().any(|stack| stack.https);
    let https_port = https.then(|| machine::choose_port(options.https_port)).transpose()?;
    // An image without a manifest may be of anybody.
    let pages = stacks.first().map_or_else(|| vec![SitePage::first_page()], pages_of);
    let (mut further_sites, further_ports) = further_sites(stacks, port, https_port)?;
    let watch = options.watch.then(|| Watch::begin(options.variant.as_deref())).transpose()?;
    // Any free port will do for stackdeb itself.
    let wanted_ssh = options.ssh_port.or(options.watch.then_some(0));
    let ssh_port = wanted_ssh.map(machine::choose_port).transpose()?;
    let cache = Cache::open()?;
    let loader = loader::find_or_make(&cache, options.variant.as_deref())?;
    let accelerator = Accelerator::choose(&qemu);
    let pump = std::env::current_exe().into_diagnostic().wrap_err("cannot find this program's own file")?;

    let ssh = ssh_port.map(|host| Forward { host, guest: SSH });
    let https = https_port.map(|host| Forward { host, guest: HTTPS_PORT });
    let machine_options = MachineOptions {
        memory_mib: options.memory_mib,
        cpus: options.cpus,
        user_data,
        root_key: watch.as_ref().map(Watch::public_key),
        network: options.network.map(|port| SharedNetwork { port }),
        host: site.as_ref().and_then(Site::host).map(str::to_owned),
        forwards: [Forward { host: port, guest: HTTP }]
            .into_iter()
            .chain(https)
            .chain(ssh)
            .chain(further_ports)
            .collect(),
        ..MachineOptions::smallest(&image, BootMethod::Grub { loader }, accelerator, &pump, &cache.work())
    };
    reporter.say(&format!("{} boots with {}", image.display(), accelerator.describe()));
    let limit = options.check.unwrap_or(Duration::MAX);
    let FirstAnswer { machine, answer, after } =
        wait_for_first_answer(&machine_options, port, limit, console, || reporter.say(BOOTS_AGAIN))?;
    // There is nothing to probe when the machine has ended or the user interrupts. A machine that is only late is probed.
    machine.check()?;
    let checked = options.check.is_some();
    let probes = if checked { probe_all(&machine, port, &pages) } else { Vec::new() };
    if answer.is_ok() || checked {
        further_sites.iter_mut().for_each(|site| site.probe(&machine));
    }
    let report = BootReport {
        image,
        url: format!("http://localhost:{port}"),
        https_url: https_port.filter(|_| first_has_https).map(|port| format!("https://localhost:{port}")),
        ssh_port,
        accelerator: accelerator.describe(),
        stages: machine.console().marks(),
        site_seconds: answer.is_ok().then(|| print::seconds(after)),
        probes,
        host: machine_options.host.clone(),
        further_sites,
    };
    Ok(Booted { report, machine, answer, watch })
}

impl Booted {
    /// Whether all sites are well; the machine ends with it.
    ///
    /// # Errors
    /// When the first site did not answer in time, or a page did not answer as it should.
    pub fn verdict(self) -> miette::Result<()> {
        self.answer?;
        let further = self.report.further_sites.iter().flat_map(|site| &site.probes);
        let failed = self.report.probes.iter().chain(further).filter(|probe| !probe.ok);
        let failed: Vec<&str> = failed.map(|probe| probe.path.as_str()).collect();
        if failed.is_empty() { Ok(()) } else { Err(miette!("the site is not well: {}", failed.join(", "))) }
    }

    /// Waits until the machine ends, or the user interrupts: the usual end of `stackdeb boot`. With `watch`, each change of
    /// the project is installed meanwhile.
    ///
    /// # Errors
    /// When the machine ends by itself.
    pub fn stay(mut self, reporter: Reporter) -> miette::Result<()> {
        reporter.say("Ctrl-C switches the machine off");
        while !interrupt::requested() {
            match self.machine.check() {
                // From here on the user watches the console, and decides about reboots and panics.
                Ok(()) | Err(MachineError::Failed { .. }) => self.pass(POLL),
                Err(MachineError::Interrupted(_)) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Takes about as long as it is told, and longer while a change is installed.
    fn pass(&mut self, pause: Duration) {
        match (&mut self.watch, self.report.ssh_port) {
            (Some(watch), Some(ssh)) => watch.wait_and_install(ssh, pause),
            _ => thread::sleep(pause),
        }
    }
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

fn read_user_data(path: &Path) -> miette::Result<Vec<u8>> {
    let data =
        fs::read(path).into_diagnostic().wrap_err_with(|| format!("cannot read user data {}", path.display()))?;
    if data.len() > USER_DATA_LIMIT {
        let (length, path) = (data.len(), path.display());
        return Err(miette!("the user data {path} has {length} bytes; Linode takes at most {USER_DATA_LIMIT}"));
    }
    Ok(data)
}
