//! The one error of this module.

use std::io;
use std::path::PathBuf;

use crate::control::PackageName;
use crate::system::interrupt::Interrupted;
use crate::system::output::OutputError;

/// Why data were not saved, restored or carried.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum RemoteError {
    #[error("`{host}` is not the name of a server")]
    #[diagnostic(help(
        "write it as for ssh: root@www.example.org, an alias of ~/.ssh/config, or ssh://root@HOST:PORT"
    ))]
    Host { host: String },
    #[error("cannot start ssh: {0}")]
    #[diagnostic(help("`apt install openssh-client` installs it"))]
    NoSsh(#[source] io::Error),
    /// ssh ended with 255: there was no connection, or it broke.
    #[error("the connection to {host} failed: {said}")]
    #[diagnostic(help("{help}"))]
    Connection {
        host: String,
        /// What ssh(1) wrote to its standard error.
        said: String,
        help: String,
    },
    /// The program on the server ended with an error.
    #[error("{host} refuses: {said}")]
    #[diagnostic(help("{help}"))]
    Refused { host: String, said: String, help: &'static str },
    #[error("{host} has no package that `stackdeb data` works with{}", .found)]
    #[diagnostic(help("{help}"))]
    NoPackage {
        host: String,
        /// What else is there, as the end of the sentence.
        found: String,
        help: String,
    },
    /// The stack in this folder is a site of files alone.
    #[error("{0} is a site of files alone, which keeps no data on a server")]
    #[diagnostic(help("its package has all that it serves; for another package on that server, name it: --package"))]
    NoData(PackageName),
    /// What a server sent, or a file has in it, is not a whole save.
    #[error("{what} is not a whole save: {reason}")]
    #[diagnostic(help("{help}"))]
    Archive { what: String, reason: String, help: &'static str },
    /// What is read of a save could not be handed on.
    #[error("the save cannot be written: {0}")]
    #[diagnostic(help("check that the disk has free space"))]
    Copy(#[source] io::Error),
    #[error("the answer of {host} is not understood: {reason}")]
    #[diagnostic(help("the package there may be of another version of stackdeb: build it again and install it there"))]
    Answer { host: String, reason: String },
    #[error("cannot read {}: {source}", .path.display())]
    #[diagnostic(help("name a file that `stackdeb data save` wrote"))]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} exists already, and nothing was saved", .0.display())]
    #[diagnostic(help("name another file, or remove this one first"))]
    Exists(PathBuf),
    #[error("the save {file} is of {saved}, and {host} has {there}; nothing was changed")]
    #[diagnostic(help("name a server that has the package {saved}"))]
    OtherStack { file: String, saved: String, host: String, there: String },
    #[error("--yes names `{given}`, and the data on {host} are of {name}; nothing was changed")]
    #[diagnostic(help("--yes {name} agrees that they are replaced"))]
    OtherName { given: String, host: String, name: String },
    #[error("the answer was no: nothing was changed")]
    Declined,
    #[error("there is no terminal to ask at. {question} Nothing was changed.")]
    #[diagnostic(help("--yes {name} agrees beforehand"))]
    NobodyToAsk { question: String, name: String },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl RemoteError {
    /// The program's exit status: 4 if the network failed, else 1. Without a wildcard, so that a new kind must be given its own.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Connection { .. } => 4,
            Self::Host { .. }
            | Self::NoSsh(_)
            | Self::Refused { .. }
            | Self::NoPackage { .. }
            | Self::NoData(_)
            | Self::Archive { .. }
            | Self::Copy(_)
            | Self::Answer { .. }
            | Self::Read { .. }
            | Self::Exists(_)
            | Self::OtherStack { .. }
            | Self::OtherName { .. }
            | Self::Declined
            | Self::NobodyToAsk { .. }
            | Self::Output(_)
            | Self::Interrupted(_) => 1,
        }
    }
}
