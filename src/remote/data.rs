//! The data of a stack on a server: finds the package there, asks it what is there, and saves it to a file.

use std::fs::Permissions;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::RemoteError;
use super::archive::{self, SaveContents, Sums};
use super::info::Info;
use super::ssh::{Host, Remote};
use crate::control::PackageName;
use crate::system::interrupt;
use crate::system::output::OutputFile;
use crate::system::progress::Reporter;

/// Lists what the packages of stackdeb have installed: `shop/data`, `shop/await-app`.
const LIST: &str =
    r#"for p in /usr/libexec/*/data /usr/libexec/*/await-app; do [ ! -x "$p" ] || echo "${p#/usr/libexec/}"; done"#;

/// Whether the site goes on while its data are saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiteWhileSaving {
    /// The database is saved as it is at one moment. A file that the app changes meanwhile makes the save fail.
    Serves,
    /// The app is stopped, and visitors are answered 503.
    Maintenance,
}

/// A package on a server.
#[derive(Debug, Clone)]
pub struct RemotePackage {
    pub(super) host: Host,
    pub(super) name: PackageName,
}

impl RemotePackage {
    /// Finds the package on a server: the one of that name, or the only one.
    ///
    /// # Errors
    /// When the server cannot be reached, or has no such package.
    pub fn find(host: Host, name: Option<&PackageName>) -> Result<Self, RemoteError> {
        let listed = host.start_script(LIST, &[])?.finish()?;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        let having = |program: &str| -> Vec<PackageName> {
            listed.lines().filter_map(|line| line.strip_suffix(program)?.parse().ok()).collect()
        };
        let (able, all) = (having("/data"), having("/await-app"));
        let found = match name {
            Some(name) => able.iter().find(|one| *one == name),
            None => able.first().filter(|_| able.len() == 1),
        };
        if let Some(name) = found {
            return Ok(Self { host, name: name.clone() });
        }
        let names = |names: &[PackageName]| names.iter().map(PackageName::as_str).collect::<Vec<_>>().join(", ");
        let found = match (name, able.is_empty()) {
            (Some(name), false) => format!(", called {name}; it has {}", names(&able)),
            (None, false) => format!(": it has several, {}", names(&able)),
            (_, true) if !all.is_empty() => format!(": {} there is too old", names(&all)),
            (_, true) => String::new(),
        };
        let help = if able.is_empty() {
            "build the package with this version of stackdeb (`stackdeb deb`), and install it there with apt"
        } else {
            "name one of them with --package"
        };
        Err(RemoteError::NoPackage { host: host.to_string(), found, help: help.to_owned() })
    }

    pub fn name(&self) -> &PackageName {
        &self.name
    }

    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Starts the package's program `data` there.
    pub(super) fn data(&self, arguments: &[&str]) -> Result<Remote, RemoteError> {
        self.program("data", arguments)
    }

    pub(super) fn program(&self, program: &str, arguments: &[&str]) -> Result<Remote, RemoteError> {
        let path = format!("/usr/libexec/{}/{program}", self.name);
        self.host.start(&[&[path.as_str()], arguments].concat())
    }

    /// The data that were found.
    ///
    /// # Errors
    /// When the server cannot be reached, or its program fails.
    pub fn info(&self) -> Result<Info, RemoteError> {
        self.parse(&self.data(&["info"])?.finish()?)
    }

    /// The sums of the data that are there now.
    ///
    /// # Errors
    /// When the server cannot be reached, or its program fails.
    pub fn sums(&self) -> Result<Sums, RemoteError> {
        self.parse(&self.data(&["sums"])?.finish()?)
    }

    pub(super) fn parse<T: DeserializeOwned>(&self, answer: &[u8]) -> Result<T, RemoteError> {
        let wrong =
            |error: serde_json::Error| RemoteError::Answer { host: self.host.to_string(), reason: error.to_string() };
        serde_json::from_slice(answer).map_err(wrong)
    }

    /// Saves the data to a new file that only its owner may read: it has secrets in it.
    ///
    /// # Errors
    /// When the file exists or cannot be written, the server cannot be reached, or its program fails. There is no file then.
    pub fn save(&self, file: &Path, site: SiteWhileSaving, reporter: Reporter) -> Result<SaveContents, RemoteError> {
        if file.symlink_metadata().is_ok() {
            return Err(RemoteError::Exists(file.to_owned()));
        }
        let mut output = OutputFile::create(file)?;
        output.file().set_permissions(Permissions::from_mode(0o600)).map_err(RemoteError::Copy)?;
        let spinner = reporter.spinner(&format!("saving the data of {} on {}", self.name, self.host));
        let arguments: &[&str] =
            if site == SiteWhileSaving::Maintenance { &["save", "--maintenance"] } else { &["save"] };
        let contents = self.receive(arguments, &mut output)?;
        drop(spinner);
        output.commit()?;
        Ok(contents)
    }

    /// Runs a command that sends a save, and copies what it sends.
    pub(super) fn receive(&self, arguments: &[&str], copy: impl Write) -> Result<SaveContents, RemoteError> {
        let mut remote = self.data(arguments)?;
        drop(remote.child.stdin.take());
        let stdout = remote.child.stdout.take();
        let stdout: Box<dyn Read> = stdout.map_or_else(|| Box::new(io::empty()) as Box<dyn Read>, |out| Box::new(out));
        let received = archive::read(stdout, copy, &format!("what {} sent", self.host));
        if interrupt::requested() {
            return Err(interrupt::Interrupted.into());
        }
        match (received, remote.finish()) {
            // The program's own reason says more than where the archive ends. If the copy failed, it is the other way round.
            (Err(error @ RemoteError::Copy(_)), _) => Err(error),
            (_, Err(error)) => Err(error),
            (received, Ok(_)) => received,
        }
    }
}
