//! Why a repository is not written or read. Whatever it is, the repository is as it was.

use std::io;

use miette::Diagnostic;

use crate::apt::{KeyringError, ReleaseError, SignatureError};
use crate::control::StanzaError;
use crate::deb::ReadError;
use crate::system::interrupt;
use crate::system::output::OutputError;

/// The caller prints it; nothing is tried again.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum RepositoryError {
    #[error("{option} is `{given}`, which is not valid: {why}")]
    #[diagnostic(help("{help}"))]
    Value { option: &'static str, given: String, why: &'static str, help: &'static str },
    #[error("it is not known where the repository {folder} will be served")]
    #[diagnostic(help(
        "give the address once: `--url https://packages.example.org`; servers read {folder} there, and the file for their apt \
         sources names the address"
    ))]
    NoUrl { folder: String },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Package(#[from] ReadError),
    #[error("the package {path} has no valid field {field}: {why}")]
    #[diagnostic(help("dpkg would refuse it: build it again, for example with `stackdeb deb`"))]
    Field { path: String, field: &'static str, why: String },
    #[error("the package {path} is for {architecture}, and this repository has packages for amd64 and `all`")]
    #[diagnostic(help("leave it out; no package was added"))]
    Architecture { path: String, architecture: String },
    #[error("{path} is {name} {version}, but the repository has other contents under that version: {filename}")]
    #[diagnostic(help(
        "servers that have installed the version would never get these contents: raise the version (`stackdeb deb` takes it \
         from the changelog), build, and add that package; no package was added"
    ))]
    OtherContents { path: String, name: String, version: String, filename: String },
    #[error("{folder} has no repository")]
    #[diagnostic(help("name the folder with `--folder`, or begin one: `stackdeb repo add --url URL dist/*.deb`"))]
    NoRepository { folder: String },
    #[error("the repository {folder} has the suite `{found}`, not `{wanted}`")]
    #[diagnostic(help("leave `--suite` out, or begin another repository in a folder of its own: `--folder`"))]
    OtherSuite { folder: String, found: String, wanted: String },
    #[error("the repository {folder} has the origin `{found}`, not `{wanted}`")]
    #[diagnostic(help("leave `--origin` out: apt refuses a repository whose origin changes"))]
    OtherOrigin { folder: String, found: String, wanted: String },
    #[error("the repository {folder} has several suites: {suites}")]
    #[diagnostic(help("stackdeb keeps one suite in a folder: move the others to folders of their own"))]
    SeveralSuites { folder: String, suites: String },
    #[error("{path} is not what the repository's signature says: {why}")]
    #[diagnostic(help("copy the folder back from where it is served, or from a backup; nothing was changed"))]
    Damaged { path: String, why: String },
    #[error("{path} cannot be trusted: {source}")]
    #[diagnostic(help("copy the folder back from where it is served, or from a backup; nothing was changed"))]
    Signature {
        path: String,
        #[source]
        source: SignatureError,
    },
    #[error("{path} is signed by the key {signed_by}, and the key in {key} is another one: {fingerprint}")]
    #[diagnostic(help(
        "servers trust only the first: name the file that has it with `--key FILE`; to change the key, begin a repository in a \
         new folder, and give each server its new .sources file"
    ))]
    OtherKey { path: String, signed_by: String, key: String, fingerprint: String },
    #[error("{path} is signed by the key {signed_by}, and the file {key} for that key does not exist")]
    #[diagnostic(help(
        "bring the key back from a backup, or name its file with `--key FILE`; no new key is made, because servers would not \
         trust it"
    ))]
    KeyGone { path: String, signed_by: String, key: String },
    #[error("the key file {path} does not exist")]
    #[diagnostic(help(
        "correct `--key`; without that option, stackdeb makes a key of its own for a new repository and keeps it in your home"
    ))]
    NoKeyFile { path: String },
    #[error("other users can read the key file {path}: its mode is {mode:04o}")]
    #[diagnostic(help(
        "who has the key can install packages on your servers. If nobody has read it: `chmod 600 {path}`; else begin a new \
         repository with a new key"
    ))]
    KeyIsReadable { path: String, mode: u32 },
    #[error("the key file {path} is inside the repository {folder}, which is served to everybody")]
    #[diagnostic(help("move it to a folder that only you can read, and name it with `--key FILE`"))]
    KeyIsServed { path: String, folder: String },
    #[error("the key file {path} cannot sign: {why}")]
    #[diagnostic(help(
        "it must hold one OpenPGP key with its secret part, without a passphrase, that is valid and may sign: \
         `gpg --export-secret-keys ID` writes one"
    ))]
    KeyCannotSign { path: String, why: String },
    #[error("there is no place for the key: neither XDG_DATA_HOME nor HOME is an absolute path")]
    #[diagnostic(help("set one of them, or name the file of a key: `--key FILE`"))]
    NoPlaceForKey,
    #[error("the file {path} does not say where the repository is served")]
    #[diagnostic(help("write it again: `stackdeb repo refresh --url URL`"))]
    SourceFile { path: String },
    #[error("cannot read or write {path}: {source}")]
    #[diagnostic(help("check the name, and that you may read and write there; the repository is as it was"))]
    Io {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("{path} changed while it was read")]
    #[diagnostic(help("wait until its build has ended, and add it again"))]
    Changed { path: String },
    #[error("{path} is not control data: {source}")]
    #[diagnostic(help("stackdeb did not write it; begin a repository in a new folder"))]
    Syntax {
        path: String,
        #[source]
        source: StanzaError,
    },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Release(#[from] ReleaseError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Keyring(#[from] KeyringError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
    #[error(transparent)]
    Interrupted(#[from] interrupt::Interrupted),
}
