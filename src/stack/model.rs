//! A stack, complete and valid: every default filled in, every value checked.

use std::path::PathBuf;

use crate::control::{PackageName, Priority, Relations, Version};
use crate::deb::Compression;
use crate::system::epoch::Epoch;

/// Everything that `stack.toml` says.
#[derive(Debug, Clone)]
pub struct Stack {
    /// The folder that holds `stack.toml`: other paths in it are relative to this one.
    pub folder: PathBuf,
    /// What the package says of itself.
    pub package: PackageInfo,
    /// The web application.
    pub app: App,
    /// The nginx site.
    pub site: Site,
    /// The PostgreSQL database; `None` when the app has none.
    pub database: Option<Database>,
    /// The health check and its timer.
    pub health: Health,
    /// The disk image.
    pub image: Image,
}

/// What the package says about itself: the source of its control data, copyright file and changelog.
#[derive(Debug, Clone)]
pub struct PackageInfo {
    /// Also the name of the units, the system user, the role, and the folders under `/etc`, `/run` and `/var/log`.
    pub name: PackageName,
    /// The version; equal to the newest changelog entry's.
    pub version: Version,
    /// `Name <address>` (Debian Policy 5.6.2).
    pub maintainer: String,
    /// The first line of the description: at most 80 characters, no article, no full stop.
    pub summary: String,
    /// The rest of the description: paragraphs separated by empty lines.
    pub description: String,
    /// Where the project lives.
    pub homepage: Option<String>,
    /// The archive section (Debian Policy 2.4).
    pub section: String,
    /// The priority (Debian Policy 2.5).
    pub priority: Priority,
    /// Lines such as `2026 Jane Doe <jane@example.org>`.
    pub copyright: Vec<String>,
    /// A short licence name as in the DEP-5 format, e.g. `MIT` or `Apache-2.0`.
    pub license: String,
    /// The licence's text for the copyright file: the whole of it, or a paragraph that points at the file in
    /// `/usr/share/common-licenses` that has it. Always there in a stack that was read from a manifest.
    pub license_text: Option<String>,
    /// Dependencies beside those that the stack itself needs.
    pub depends: Relations,
    /// Newest first, at least one.
    pub changelog: Vec<ChangelogEntry>,
    /// How the members are compressed.
    pub compression: Compression,
}

/// One entry of the changelog (Debian Policy 4.4).
#[derive(Debug, Clone)]
pub struct ChangelogEntry {
    /// The version that it is about.
    pub version: Version,
    /// When it was released.
    pub date: Epoch,
    /// What changed, one item each.
    pub changes: Vec<String>,
}

/// A Python WSGI application under Gunicorn.
#[derive(Debug, Clone)]
pub struct App {
    /// The folder with the code, absolute; installed to `/usr/share/NAME`.
    pub folder: PathBuf,
    /// What Gunicorn loads: `MODULE:VARIABLE`.
    pub module: String,
    /// Packages with the libraries that the code imports.
    pub depends: Relations,
    /// Gunicorn's worker processes; when `None`, as many as the machine's processors plus one, if its memory allows.
    pub workers: Option<u16>,
    /// Threads of each worker, 1 or more; when `None`, four, or as many as the database has connections for.
    pub threads: Option<u16>,
    /// Variables for `/etc/NAME/NAME.env`, in the order of their names.
    pub environment: Vec<(String, String)>,
}

/// The nginx site before the app.
#[derive(Debug, Clone)]
pub struct Site {
    /// The TCP port that nginx listens on, 1 to 65535.
    pub port: u16,
    /// Host names; `_` for every one.
    pub server_names: Vec<String>,
    /// The largest request body, as nginx writes it: `10m`.
    pub max_body_size: String,
}

impl Site {
    /// The first of its names that is a plain host name: no wildcard, no pattern, not the one that stands for none.
    pub fn host(&self) -> Option<&str> {
        let is_plain = |name: &&str| {
            *name != "_"
                && !name.starts_with('.')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c))
        };
        self.server_names.iter().map(String::as_str).find(is_plain)
    }
}

/// A database in the machine's PostgreSQL, reached over its Unix socket with peer authentication.
#[derive(Debug, Clone)]
pub struct Database {
    /// The database's name; its owner is the role that has the package's name.
    pub name: String,
    /// A folder of `*.sql` files inside the app's folder, run once each in the order of their names; relative to
    /// [`App::folder`].
    pub migrations: Option<PathBuf>,
}

/// The health check.
#[derive(Debug, Clone)]
pub struct Health {
    /// From boot to the first check, in systemd.time(7)'s words: `2min`.
    pub on_boot: String,
    /// From one check to the next: `10min`.
    pub interval: String,
    /// The path that must answer 200 when all is well.
    pub path: String,
}

/// The disk image.
#[derive(Debug, Clone)]
pub struct Image {
    /// The release that it is made of: `trixie`.
    pub suite: String,
    /// The mirror's address, for machines whose own apt sources name none of this distribution.
    pub mirror: Option<String>,
    /// The same for the security archive.
    pub security_mirror: Option<String>,
    /// A file of OpenPGP certificates that the mirror is verified with, absolute; the distribution's own when `None`.
    pub keyring: Option<PathBuf>,
    /// The machine's name until cloud-init gives it another.
    pub hostname: String,
    /// Further packages.
    pub packages: Relations,
    /// Free room in the file system, in bytes.
    pub free_space: u64,
}
