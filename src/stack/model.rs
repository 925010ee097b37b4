//! A stack, complete and valid: every default filled in, every value checked.

use std::path::PathBuf;

use super::further_file::FurtherFile;
use super::further_package::FurtherPackage;
use super::kind::{AppKind, Program, ProgramOrigin, is_jit_runtime};
use super::pattern::Pattern;
use super::process::{CommandLine, ProcessLimits, Timer, Worker};
use super::relations::OtherRelations;
use super::service::Services;
use super::site::{Site, StaticFiles};
use super::variant::Variants;
use crate::control::{Alternatives, PackageName, Priority, Relations, Version};
use crate::deb::Compression;
use crate::system::epoch::Epoch;

/// Everything that `stack.toml` says, read and checked.
#[derive(Debug, Clone)]
pub struct Stack {
    /// The folder that holds `stack.toml`: other paths in it are relative to this one.
    pub folder: PathBuf,
    pub package: PackageInfo,
    pub app: App,
    pub workers: Vec<Worker>,
    pub timers: Vec<Timer>,
    pub services: Services,
    pub site: Site,
    /// `None` when the app has no database.
    pub database: Option<Database>,
    pub health: Health,
    /// What the stack's own package installs beside the application, in the order of the manifest.
    pub further_files: Vec<FurtherFile>,
    /// The packages that are built beside the stack's own, in the order of the manifest.
    pub further_packages: Vec<FurtherPackage>,
    pub image: Image,
    pub variants: Variants,
}

/// What the package says about itself: the source of its control data, copyright file and changelog.
#[derive(Debug, Clone)]
pub struct PackageInfo {
    /// Also the name of the units, the system user, the role, and the folders under `/etc`, `/run` and `/var/log`.
    pub name: PackageName,
    /// The same as in the newest changelog entry.
    pub version: Version,
    /// `Name <address>` (Debian Policy 5.6.2).
    pub maintainer: String,
    /// The first line of the description: at most 80 characters, no article, no full stop.
    pub summary: String,
    /// The rest of the description: paragraphs separated by empty lines.
    pub description: String,
    pub homepage: Option<String>,
    /// The archive section (Debian Policy 2.4).
    pub section: String,
    /// The priority (Debian Policy 2.5).
    pub priority: Priority,
    /// Lines such as `2026 Jane Doe <jane@example.org>`.
    pub copyright: Vec<String>,
    /// A short licence name as in the DEP-5 format, e.g. `MIT` or `Apache-2.0`.
    pub license: String,
    /// The licence's text for the copyright file: the whole text, or a paragraph that names the file in
    /// `/usr/share/common-licenses`. A stack that was read from a manifest always has it.
    pub license_text: Option<String>,
    /// Without the relations that every stack needs, which `render` adds.
    pub depends: Relations,
    pub relations: OtherRelations,
    /// Newest first, at least one.
    pub changelog: Vec<ChangelogEntry>,
    pub compression: Compression,
}

/// One entry of the changelog (Debian Policy 4.4).
#[derive(Debug, Clone)]
pub struct ChangelogEntry {
    pub version: Version,
    pub date: Epoch,
    pub changes: Vec<String>,
}

/// The table `[app]`: what is installed as the application, and what it is run with.
#[derive(Debug, Clone)]
pub struct App {
    /// The folder with the code, absolute; installed to [`Stack::app_folder`]. For the kind `static`, nothing but what is served
    /// is installed of it.
    pub folder: PathBuf,
    pub kind: AppKind,
    /// The packages with the libraries that the code imports.
    pub depends: Relations,
    /// The file that names the libraries from the Python Package Index, absolute; `None` when Debian's packages have all.
    pub requirements: Option<PathBuf>,
    /// Which of these libraries come from Debian's packages.
    pub from_debian: FromDebian,
    /// The address of the index; when `None`, the one that pip would use.
    pub index: Option<String>,
    /// The packages that are there when libraries are built from their source, and when `build_command` runs.
    pub build_packages: Relations,
    /// Runs when the package is built, in a copy of the app's files.
    pub build_command: Option<CommandLine>,
    /// Runs before a new version starts.
    pub release_command: Option<CommandLine>,
    /// For all of its processes together.
    pub limits: ProcessLimits,
    /// Variables for `/etc/NAME/NAME.env`, in the order of their names.
    pub environment: Vec<(String, String)>,
    /// Files that are packed although a rule leaves them out.
    pub include: Vec<Pattern>,
    /// Files that are not packed.
    pub exclude: Vec<Pattern>,
}

/// Which libraries are taken from Debian, where the version there satisfies what is required.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum FromDebian {
    /// None: whatever is required is packed.
    #[default]
    Nothing,
    /// These; their names are as the index has them.
    Named(Vec<pep508_rs::PackageName>),
    /// Each library for which the suite has a version that fits.
    AllThatFit,
}

impl Stack {
    /// The name of the variant that the stack was read as.
    pub fn variant(&self) -> Option<&str> {
        self.variants.chosen.as_ref().map(|variant| variant.name.as_str())
    }

    /// What sets the stack and each of its variants apart wherever several are side by side, such as in an account:
    /// `NAME` or `NAME@VARIANT`. A package's name cannot have an `@`, so no other stack has the same.
    pub fn full_name(&self) -> String {
        self.joined_name('@')
    }

    /// The same as a part of a host name: `NAME` or `NAME-VARIANT`. Another stack may have this name.
    pub fn host_stem(&self) -> String {
        self.joined_name('-')
    }

    fn joined_name(&self, mark: char) -> String {
        let name = &self.package.name;
        self.variant().map_or_else(|| name.to_string(), |variant| format!("{name}{mark}{variant}"))
    }

    /// The names of the packages that are made from the stack, its own first. Those with debugging data are not among them.
    pub fn package_names(&self) -> impl Iterator<Item = &PackageName> {
        [&self.package.name].into_iter().chain(self.further_packages.iter().map(|further| &further.name))
    }

    /// The entries of `[[file]]` in all of its packages.
    pub fn all_further_files(&self) -> impl Iterator<Item = &FurtherFile> {
        self.further_files.iter().chain(self.further_packages.iter().flat_map(|further| &further.files))
    }

    /// Whether one of these alternatives is a package that is made from the stack, which no archive has.
    pub fn satisfies(&self, alternatives: &Alternatives) -> bool {
        self.package_names().any(|name| alternatives.0.iter().any(|relation| relation.name == *name))
    }

    /// Where the app's files are on a server. Programs in machine code are not for `/usr/share` (FHS 3.0, 4.11).
    pub fn app_folder(&self) -> String {
        let name = &self.package.name;
        match &self.app.kind {
            AppKind::Exec(Program { origin: ProgramOrigin::Folder, .. }) => format!("/usr/lib/{name}/app"),
            AppKind::Exec(_) | AppKind::Python(_) | AppKind::Static(_) => format!("/usr/share/{name}"),
        }
    }

    /// The commands of the app, its release, its workers and its timers, each with the table or key that names it.
    pub fn commands(&self) -> impl Iterator<Item = (String, &CommandLine)> {
        let own = match &self.app.kind {
            AppKind::Exec(program) => Some(("[app] command".to_owned(), &program.command)),
            AppKind::Python(_) | AppKind::Static(_) => None,
        };
        let release = self.app.release_command.iter().map(|command| ("[app] release-command".to_owned(), command));
        let workers = self.workers.iter().map(|worker| (format!("[worker.{}]", worker.name), &worker.command));
        let timers = self.timers.iter().map(|timer| (format!("[timer.{}]", timer.name), &timer.command));
        own.into_iter().chain(release).chain(workers).chain(timers)
    }

    /// Whether no memory of its programs may be both written and executed (`MemoryDenyWriteExecute=` in systemd.exec(5)).
    /// Libraries of Python that call back from C need such memory.
    pub fn denies_write_execute(&self) -> bool {
        match &self.app.kind {
            AppKind::Exec(program) => {
                !program.jit.unwrap_or_else(|| self.commands().any(|(_, command)| is_jit_runtime(command)))
            }
            AppKind::Python(_) | AppKind::Static(_) => false,
        }
    }

    /// The folders that nginx serves itself; for the kind `static`, the app's own as `/` among them.
    pub fn static_files(&self) -> Vec<StaticFiles> {
        let root = match &self.app.kind {
            AppKind::Static(site) => {
                // Not `join`, which ends an empty path with a slash.
                let folder = self.app.folder.components().chain(site.publish.components()).collect();
                Some(StaticFiles { path: "/".to_owned(), folder, hashed: Vec::new() })
            }
            AppKind::Python(_) | AppKind::Exec(_) => None,
        };
        root.into_iter().chain(self.site.static_files.iter().cloned()).collect()
    }
}

/// A database in the machine's PostgreSQL, reached over its Unix socket with peer authentication.
#[derive(Debug, Clone)]
pub struct Database {
    /// The database's name; its owner is the role that has the package's name.
    pub name: String,
    /// A folder inside [`App::folder`], relative to it. Each `*.sql` file in it is run once, in the order of the names.
    pub migrations: Option<PathBuf>,
}

/// A repository that a machine gets packages from, with the key that signs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AptSource {
    /// Of its file in `/etc/apt/sources.list.d`, without `.sources`.
    pub name: String,
    /// The host name of its address, without a port.
    pub host: String,
    pub suite: String,
    /// What `stack.toml` says, byte for byte.
    pub text: String,
}

/// The table `[health]`: when the health check runs, and what it asks for.
#[derive(Debug, Clone)]
pub struct Health {
    /// From boot to the first check, as systemd.time(7) writes it: `2min`.
    pub on_boot: String,
    /// From one check to the next, in the form of systemd.time(7): `10min`.
    pub interval: String,
    /// The page that answers with status 200 when the app is well.
    pub path: String,
}

#[derive(Debug, Clone)]
pub struct Image {
    /// The code name of the release that the image is made of: `trixie`.
    pub suite: String,
    /// The mirror's address; when `None`, the one that this machine's apt sources name.
    pub mirror: Option<String>,
    /// The same for the security archive.
    pub security_mirror: Option<String>,
    /// The address of a server with the archive as it was at each time, for the old versions that a lock names.
    pub snapshot_mirror: Option<String>,
    /// The absolute path of a file of OpenPGP certificates that verify the mirror; when `None`, the distribution's own.
    pub keyring: Option<PathBuf>,
    /// A repository of the user's own, beside the distribution's archives.
    pub repository: Option<AptSource>,
    /// The machine's host name until cloud-init gives it another one.
    pub hostname: String,
    pub packages: Relations,
    /// Room that is left free in the file system, in bytes.
    pub free_space: u64,
}
