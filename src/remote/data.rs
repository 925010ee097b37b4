//! The data of a stack on a server: asks what is there, saves it to a file, restores it from one.

use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::RemoteError;
use super::archive::{self, SaveContents, Sums};
use super::ssh::{Host, Remote};
use crate::control::{PackageName, Version};
use crate::system::confirm::{self, Confirmation};
use crate::system::interrupt;
use crate::system::output::OutputFile;
use crate::system::progress::Reporter;

/// Lists what the packages of stackdeb have installed: `shop/data`, `shop/await-app`.
const LIST: &str =
    r#"for p in /usr/libexec/*/data /usr/libexec/*/await-app; do [ ! -x "$p" ] || echo "${p#/usr/libexec/}"; done"#;

/// How many bytes are sent at a time.
const BLOCK: usize = 256 * 1024;

/// Whether the site goes on while its data are saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiteWhileSaving {
    /// The database is saved as it is at one moment. A file that the app changes meanwhile makes the save fail.
    Serves,
    /// The app is stopped, and visitors are answered 503.
    Maintenance,
}

/// Whether data on the server may be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replacement {
    /// The user is asked at the terminal before anything is replaced.
    Ask,
    /// The user has named the package whose data may be replaced.
    Agreed(String),
}

/// A package on a server.
#[derive(Debug, Clone)]
pub struct RemotePackage {
    host: Host,
    name: PackageName,
}

/// What the program `data` of the package says of its server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Info {
    /// The version of the package.
    pub version: String,
    /// Where the package's database is.
    pub database: DatabasePlace,
    pub files: FilesSize,
    /// Of a database on the server itself.
    pub contents: Option<DatabaseContents>,
    /// Of a Valkey that is not a cache.
    pub valkey_contents: Option<ValkeyContents>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatabasePlace {
    /// The stack has no database.
    #[default]
    None,
    Here,
    /// The database is on another server, so it is not in the save.
    Elsewhere,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FilesSize {
    pub files: u64,
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DatabaseContents {
    pub name: String,
    /// The number of tables that have rows.
    pub tables: u64,
    pub rows: u64,
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ValkeyContents {
    pub keys: u64,
    pub bytes: u64,
}

/// What the server says after a restore.
#[derive(Debug, Deserialize)]
struct Restored {
    end: Sums,
    /// Sentences: what of the save was not taken over.
    notes: Vec<String>,
}

impl Info {
    /// The data that are there, as a phrase. `None` when nothing is there.
    pub fn describe(&self, name: &PackageName) -> Option<String> {
        let database = self.contents.as_ref().filter(|database| database.rows > 0);
        let database = database.map(|found| format!("{} rows in the database {}", found.rows, found.name));
        let files = (self.files.files > 0).then(|| format!("{} files in /var/lib/{name}/app", self.files.files));
        let valkey = self.valkey_contents.as_ref().filter(|found| found.keys > 0);
        let valkey = valkey.map(|found| format!("{} keys in Valkey", found.keys));
        let all: Vec<String> = [database, files, valkey].into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join(" and "))
    }
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

    /// What is there.
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

    fn parse<T: DeserializeOwned>(&self, answer: &[u8]) -> Result<T, RemoteError> {
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

    /// Restores a save. The data that are there stay until the new ones are whole.
    ///
    /// Returns what was restored, and sentences about what was not taken over.
    ///
    /// # Errors
    /// When the file is not a whole save of this package, the user does not agree that data are replaced, the server cannot be
    /// reached, or its program fails. The server then has the data that it had.
    pub fn restore(
        host: Host,
        file: &Path,
        replacement: &Replacement,
        reporter: Reporter,
    ) -> Result<(SaveContents, Vec<String>), RemoteError> {
        let unreadable = |source| RemoteError::Read { path: file.to_owned(), source };
        let name = file.display().to_string();
        let contents = archive::read(File::open(file).map_err(unreadable)?, io::sink(), &name)?;
        let package: PackageName = contents.header.name.parse().map_err(|_| RemoteError::Archive {
            what: name,
            reason: "it names no package".to_owned(),
            help: "name a file that `stackdeb data save` wrote",
        })?;
        let server = Self::find(host, Some(&package))?;
        let info = server.info()?;
        let arguments = server.consent(&info, &contents, replacement, reporter)?;
        let mut input = File::open(file).map_err(unreadable)?;
        let length = input.metadata().map_err(unreadable)?.len();
        let remote = server.data(arguments)?;
        let progress = reporter.bytes(&format!("restoring {} on {}", server.name, server.host), length);
        let mut remote = remote;
        if let Some(mut stdin) = remote.child.stdin.take() {
            // If the server ends too early, it says why.
            let _ = send(&mut input, &mut stdin, |count| progress.advance(count));
        }
        if interrupt::requested() {
            return Err(interrupt::Interrupted.into());
        }
        progress.describe("comparing, and starting the app with the new data");
        let notes = server.finish_restore(remote, &contents)?;
        Ok((contents, notes))
    }

    /// Waits until the server has restored what was sent, and compares.
    pub(super) fn finish_restore(&self, remote: Remote, contents: &SaveContents) -> Result<Vec<String>, RemoteError> {
        let restored: Restored = self.parse(&remote.finish()?)?;
        if restored.end != contents.sums {
            let reason = "it has restored something else than was sent".to_owned();
            return Err(RemoteError::Answer { host: self.host.to_string(), reason });
        }
        Ok(restored.notes)
    }

    /// The arguments of the restore, if the user agrees that data are replaced.
    fn consent(
        &self,
        info: &Info,
        contents: &SaveContents,
        replacement: &Replacement,
        reporter: Reporter,
    ) -> Result<&'static [&'static str], RemoteError> {
        let (header, name, host) = (&contents.header, self.name.to_string(), self.host.to_string());
        if let (Ok(saved), Ok(there)) = (header.version.parse::<Version>(), info.version.parse::<Version>())
            && saved > there
        {
            reporter.say(&format!(
                "the save is of version {saved}, and {host} has {there}: if the app does not start with the data, the old \
                 ones are put back; install {saved} there first"
            ));
        }
        if let Replacement::Agreed(given) = replacement
            && *given != name
        {
            return Err(RemoteError::OtherName { given: given.clone(), host, name });
        }
        let Some(data) = info.describe(&self.name) else { return Ok(&["restore"]) };
        let question = format!(
            "{host} has {data} ({name} {}). They are replaced by {}, saved on {} at {}.",
            info.version,
            contents.describe(),
            header.host,
            header.saved_at
        );
        match replacement {
            Replacement::Agreed(_) => {
                reporter.say(&question);
                Ok(&["restore", "--replace"])
            }
            Replacement::Ask => match confirm::ask(&format!("{question} Go on?")) {
                Ok(Confirmation::Yes) => Ok(&["restore", "--replace"]),
                Ok(Confirmation::No) => Err(RemoteError::Declined),
                Ok(Confirmation::Nobody) | Err(_) => Err(RemoteError::NobodyToAsk { question, name }),
            },
        }
    }
}

/// Copies everything, and tells `advance` how many bytes at a time.
fn send(input: &mut impl Read, output: &mut impl Write, advance: impl Fn(u64)) -> io::Result<()> {
    let mut block = vec![0; BLOCK];
    loop {
        interrupt::check()?;
        let count = input.read(&mut block)?;
        if count == 0 {
            return output.flush();
        }
        output.write_all(block.get(..count).unwrap_or_default())?;
        advance(u64::try_from(count).unwrap_or_default());
    }
}
