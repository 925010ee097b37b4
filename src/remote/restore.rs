//! Restores a save on a server: reads all of it first, asks whether the data that are there may be replaced, sends it, and
//! compares what the server then has.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use serde::Deserialize;

use super::RemoteError;
use super::archive::{self, SaveContents, Sums};
use super::data::RemotePackage;
use super::info::Info;
use super::ssh::{Host, Remote};
use crate::control::{PackageName, Version};
use crate::system::confirm::{self, Confirmation};
use crate::system::interrupt;
use crate::system::progress::Reporter;

/// How many bytes are sent at a time.
const BLOCK: usize = 256 * 1024;

/// Whether data on the server may be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replacement {
    /// The user is asked at the terminal before anything is replaced.
    Ask,
    /// The user has named the package whose data may be replaced.
    Agreed(String),
}

/// What the server says after a restore.
#[derive(Debug, Deserialize)]
struct Restored {
    end: Sums,
    /// Sentences: what of the save was not taken over.
    notes: Vec<String>,
}

impl RemotePackage {
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
