//! Builds a configured root from packages, in the phases of every Debian bootstrap:
//!
//! 1. this program writes the caller's files and unpacks the files of the essential packages;
//! 2. the suite's own dpkg, in the sandbox, unpacks and configures the essential packages again, so that its database
//!    knows them and their scripts run;
//! 3. dpkg installs the other packages in the given order;
//! 4. triggers and the initramfs run once for all packages. This is the base: it can be kept, see [`super::keep`];
//! 5. dpkg installs on it what belongs to this image alone, such as the stack's own package;
//! 6. apt's record of the packages that were installed only as dependencies is written.
//!
//! No service starts during the build: `policy-rc.d` forbids it, and start-stop-daemon(8) does nothing.

use std::path::{Path, PathBuf};

use nix::sys::stat::{Mode, umask};

use super::build_error::BuildError;
use super::file::RootFile;
use super::filter::{Filter, PathRule};
use super::own_files::OwnFiles;
use super::pool::Pool;
use super::root::Root;
use super::sandbox::{Sandbox, SandboxError};
use super::unpack::unpack;
use crate::control::PackageName;
use crate::deb::install_steps;
use crate::system::epoch::Epoch;
use crate::system::progress::Reporter;

/// The folder of dpkg's configuration in the root; the rules for paths are there.
const DPKG_CONFIGURATION: &str = "etc/dpkg/dpkg.cfg.d";
/// Makes the links /vmlinuz and /initrd.img (linux-update-symlinks(1)). The kernel package's postinst could not make the
/// second one, because there was no initramfs yet.
const LINK_INITRAMFS: &str =
    "for version in $(linux-version list); do linux-update-symlinks install $version /boot/vmlinuz-$version; done";

/// One call of dpkg, which runs inside the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DpkgStep {
    /// Unpack these `.deb` files, and configure none of them yet.
    Unpack(Vec<PathBuf>),
    /// Configure these packages, which are unpacked.
    Configure(Vec<PackageName>),
}

/// The description of a base that is to be built.
#[derive(Debug, Clone)]
pub struct RootPlan {
    /// The calls of dpkg, in order. The first unpacks the essential packages with all that they depend on; the second
    /// configures them, and there dpkg ignores that none of their dependencies is configured yet.
    pub steps: Vec<DpkgStep>,
    /// The file of the package base-passwd, which is among those of the first step. dpkg unpacks it first, because its
    /// preinst makes the users that the files and scripts of other packages name. `None` in a suite that has no such
    /// package.
    pub base_passwd: Option<PathBuf>,
    /// Files that must be there before the first package, such as apt's sources. If dpkg's configuration is among them,
    /// the paths that it excludes are not unpacked in the first place.
    pub files: Vec<RootFile>,
    /// Answers to the questions of packages, in the format of debconf-set-selections(1); may be empty.
    pub debconf: String,
    /// `SOURCE_DATE_EPOCH` for the maintainer scripts; some of them ignore it.
    pub epoch: Epoch,
}

impl RootPlan {
    /// The files of all packages.
    fn packages(&self) -> Vec<PathBuf> {
        let of_step = |step: &DpkgStep| match step {
            DpkgStep::Unpack(packages) => packages.clone(),
            DpkgStep::Configure(_) => Vec::new(),
        };
        self.steps.iter().flat_map(of_step).collect()
    }
}

/// What is installed on a base.
#[derive(Debug, Clone)]
pub struct Addition {
    /// The packages with their files, in the order in which they are configured.
    pub packages: Vec<(PackageName, PathBuf)>,
    /// The packages, also of the base, that are installed only because others depend on them: `apt autoremove` may remove
    /// them later.
    pub automatic: Vec<PackageName>,
    /// The latest time that a file of it gets; see [`RootPlan`].
    pub epoch: Epoch,
}

/// Builds the base of `plan` in `root`, which is empty. A progress line of `reporter` names the current step. No daemon
/// starts in it until [`complete`] allows that.
///
/// # Errors
/// When a package or a script fails, the disk is full, or the user interrupts. The root is then not usable.
pub fn build(root: &Root, plan: &RootPlan, reporter: Reporter) -> Result<(), BuildError> {
    let [DpkgStep::Unpack(essential), DpkgStep::Configure(_), rest @ ..] = plan.steps.as_slice() else {
        return Err(BuildError::NoEssential);
    };
    let _umask = Umask::standard();
    let progress = reporter.spinner("unpacking the essential packages");
    unpack(essential, root, &Filter::new(&path_rules(&plan.files)))?;
    let own_files = OwnFiles { root };
    own_files.prepare(&plan.files)?;
    let pool = Pool::of(&plan.packages()).map_err(|(path, source)| BuildError::Share { path, source })?;
    let sandbox = sandbox_for_dpkg(root, &pool, plan.epoch);
    let dpkg = Dpkg { sandbox: &sandbox, pool: &pool };
    progress.describe("installing the essential packages");
    dpkg.unpack(&first_of(essential, plan.base_passwd.as_ref()), &["--force-depends"])?;
    dpkg.run(&["--configure", "--pending", "--force-depends"])?;
    own_files.stop_daemons()?;
    if !plan.debconf.is_empty() {
        sandbox.run_with_input(&["debconf-set-selections"], plan.debconf.as_bytes())?;
    }
    for step in rest {
        match step {
            DpkgStep::Unpack(packages) => {
                progress.describe(&format!("unpacking {} packages", packages.len()));
                dpkg.unpack(packages, &[])?;
            }
            DpkgStep::Configure(names) => {
                progress.describe(&format!("configuring {} packages", names.len()));
                dpkg.configure(names)?;
            }
        }
    }
    progress.describe("running the triggers of all packages");
    dpkg.run(&["--configure", "--pending"])?;
    if root.has_file("usr/sbin/update-initramfs") && has_kernel(root) {
        progress.describe("making the initramfs");
        let sandbox = sandbox.clone().env("INITRD", "Yes");
        sandbox.run(&["update-initramfs", "-c", "-k", "all"])?;
        sandbox.run(&["sh", "-ec", LINK_INITRAMFS])?;
    }
    Ok(())
}

/// Installs the packages of `addition` in `root`, which is a base, and makes it a configured root. A progress line of
/// `reporter` names the current step.
///
/// # Errors
/// As [`build`].
pub fn complete(root: &Root, addition: &Addition, reporter: Reporter) -> Result<(), BuildError> {
    let _umask = Umask::standard();
    let files: Vec<PathBuf> = addition.packages.iter().map(|(_, file)| file.clone()).collect();
    let pool = Pool::of(&files).map_err(|(path, source)| BuildError::Share { path, source })?;
    let sandbox = sandbox_for_dpkg(root, &pool, addition.epoch);
    let dpkg = Dpkg { sandbox: &sandbox, pool: &pool };
    if !files.is_empty() {
        let _progress = reporter.spinner("installing the stack");
        for step in install_steps(&files)? {
            let of_step = addition.packages.iter().filter(|(_, file)| step.contains(file));
            let names: Vec<PackageName> = of_step.map(|(name, _)| name.clone()).collect();
            dpkg.unpack(&step, &[])?;
            dpkg.configure(&names)?;
        }
        dpkg.run(&["--configure", "--pending"])?;
    }
    let own_files = OwnFiles { root };
    own_files.restore_daemons()?;
    own_files.mark_automatic(&addition.automatic)?;
    let faults = sandbox.run(&["dpkg", "--audit"])?;
    if faults.is_empty() { Ok(()) } else { Err(BuildError::Audit(String::from_utf8_lossy(&faults).into_owned())) }
}

fn sandbox_for_dpkg(root: &Root, pool: &Pool, epoch: Epoch) -> Sandbox {
    pool.bind(Sandbox::new(root))
        .epoch(epoch)
        // Without this, the kernel's hooks would make an initramfs now, and again for later packages.
        .env("INITRD", "No")
        // Only py3compile may write compiled Python files, not the first script that imports a module.
        .env("PYTHONDONTWRITEBYTECODE", "1")
}

fn has_kernel(root: &Root) -> bool {
    let names = root.names("boot").unwrap_or_default();
    names.iter().any(|name| name.as_encoded_bytes().starts_with(b"vmlinuz-"))
}

/// The umask of this process, set to a fixed value so that the root does not depend on the user's. The user's is set again
/// when this value is dropped.
struct Umask(Mode);

impl Umask {
    /// Sets 022, with which Debian's own tools run.
    fn standard() -> Self {
        Self(umask(Mode::S_IWGRP | Mode::S_IWOTH))
    }
}

impl Drop for Umask {
    fn drop(&mut self) {
        umask(self.0);
    }
}

/// The rules for paths in the files that dpkg will read as its configuration.
fn path_rules(files: &[RootFile]) -> Vec<PathRule> {
    let configuration = files.iter().filter(|file| file.path.parent() == Some(Path::new(DPKG_CONFIGURATION)));
    configuration.flat_map(|file| PathRule::parse(&file.content)).collect()
}

/// `packages`, with `first` before all others; the order of the others stays.
fn first_of(packages: &[PathBuf], first: Option<&PathBuf>) -> Vec<PathBuf> {
    let mut ordered = packages.to_vec();
    ordered.sort_by_key(|package| Some(package) != first);
    ordered
}

/// Runs dpkg in the sandbox. With `--force-unsafe-io`, dpkg does not wait for the disk; the sandbox ignores syncs anyway.
struct Dpkg<'a> {
    sandbox: &'a Sandbox,
    pool: &'a Pool,
}

impl Dpkg<'_> {
    fn run(&self, arguments: &[&str]) -> Result<(), SandboxError> {
        let command: Vec<&str> = ["dpkg", "--force-unsafe-io"].into_iter().chain(arguments.iter().copied()).collect();
        self.sandbox.run(&command).map(drop)
    }

    fn unpack(&self, packages: &[PathBuf], options: &[&str]) -> Result<(), SandboxError> {
        let files: Vec<String> = packages.iter().map(|package| self.pool.inside(package)).collect();
        let files = files.iter().map(String::as_str);
        let arguments: Vec<&str> = options.iter().copied().chain(["--no-triggers", "--unpack"]).chain(files).collect();
        self.run(&arguments)
    }

    fn configure(&self, names: &[PackageName]) -> Result<(), SandboxError> {
        let names = names.iter().map(PackageName::as_str);
        let arguments: Vec<&str> = ["--no-triggers", "--configure"].into_iter().chain(names).collect();
        self.run(&arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_passwd_is_unpacked_first_and_the_others_keep_their_order() {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let packages = paths(&["bash.deb", "base-files.deb", "base-passwd.deb", "apt.deb"]);
        let expected = paths(&["base-passwd.deb", "bash.deb", "base-files.deb", "apt.deb"]);
        assert_eq!(first_of(&packages, Some(&PathBuf::from("base-passwd.deb"))), expected);
        assert_eq!(first_of(&packages, None), packages);
    }
}
