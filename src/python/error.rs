//! Why the libraries of an app cannot be packed.

use std::io;

use crate::system::cache::CacheError;
use crate::system::hash::Sha256;
use crate::system::interrupt;
use crate::system::output::OutputError;

/// A mistake in the project's requirements, a library that does not fit, or a file that cannot be had or trusted.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PythonError {
    /// The table of suites has a Python that cannot be read.
    #[error("the Python of the suite {suite} is not known: {what}")]
    #[diagnostic(help("this is a mistake of the program; please report it"))]
    Target { suite: String, what: String },
    #[error("cannot read {path}: {source}")]
    #[diagnostic(help("check that it is there, that you may read it, and that its text is UTF-8"))]
    Unreadable {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("{place}: `{line}`: {why}")]
    #[diagnostic(help("write a library and its version: `flask==3.1.0`"))]
    Line { place: String, line: String, why: String },
    /// A requirement that names an address from which nothing can be taken.
    #[error("{place}: `{requirement}`: {why}")]
    #[diagnostic(help(
        "write it like `name @ https://example.org/name-1.0-py3-none-any.whl#sha256=…`; only wheels can be packed"
    ))]
    Direct { place: String, requirement: String, why: String },
    #[error("{place}: `{name}` has no exact version")]
    #[diagnostic(help("run `stackdeb lock`, which writes the version of each library into stack.lock"))]
    NotPinned { name: String, place: String },
    #[error("{place}: `{name}` has no hash, and other libraries have one")]
    #[diagnostic(help(
        "give each library its hash, as `pip-compile --generate-hashes` or `uv pip compile --generate-hashes` does"
    ))]
    NoHash { name: String, place: String },
    #[error("{place} pins {name} to {version}, which {other} does not accept")]
    #[diagnostic(help("correct one of the two"))]
    Contradiction { name: String, version: String, place: String, other: String },
    #[error("{0} is not a file of requirements that stackdeb knows")]
    #[diagnostic(help(
        "name a requirements.txt (or another name that ends in .txt or .in), pyproject.toml, uv.lock, poetry.lock or pylock.toml"
    ))]
    UnknownFile(String),
    #[error("{path} cannot be used: {reason}")]
    #[diagnostic(help("make it again with the tool that it belongs to"))]
    Lock { path: String, reason: String },
    /// A lock that does not belong to what is asked for.
    #[error("{path} does not fit: {why}")]
    #[diagnostic(help("run `stackdeb lock`, or, for a lock of another tool, that tool"))]
    Stale { path: String, why: String },
    #[error("{by} finds no versions that fit together:\n{said}")]
    #[diagnostic(help(
        "change what the file of requirements asks for; a version with a wheel is taken before one that has source code alone"
    ))]
    Unsolved { by: &'static str, said: String },
    /// A library needs another one, which is not listed.
    #[error("{by} needs `{requirement}`, and {source_file} does not have it")]
    #[diagnostic(help(
        "list it there, or run `stackdeb lock`, which adds what the libraries need; a library that a package of Debian provides is named in [app] from-debian"
    ))]
    Missing { by: String, requirement: String, source_file: String },
    /// A library needs another version of one that is listed.
    #[error("{by} needs `{requirement}`, but {place} has {version}")]
    #[diagnostic(help(
        "change the version of one of the two, or run `stackdeb lock` to have versions chosen that fit"
    ))]
    Unfit { by: String, requirement: String, place: String, version: String },
    #[error("{place}: {library} needs Python {needed}, and {has}")]
    #[diagnostic(help("choose a version of the library for that Python, or another [image] suite"))]
    OtherPython {
        place: String,
        /// The name and the version of the library.
        library: String,
        needed: String,
        /// The target and its Python, as the end of the sentence.
        has: String,
    },
    #[error("{place}: the index {index} does not have {name}")]
    #[diagnostic(help("check the name, and the index's address ([app] index, or pip's own configuration)"))]
    NoProject { place: String, name: String, index: String },
    #[error("{place}: the index {index} does not have {library}{others}")]
    #[diagnostic(help("choose another version"))]
    NoVersion {
        place: String,
        /// The name and the version of the library.
        library: String,
        index: String,
        /// The newest ones that it has, as the end of the sentence; empty if it has no other.
        others: String,
    },
    /// None of the wheels can be loaded by the suite's Python.
    #[error("{place}: {library} has no wheel for {target}{instead}")]
    #[diagnostic(help(
        "choose a version that has one, or take Debian's package: name it in [app] depends and leave the library out"
    ))]
    NoWheel {
        place: String,
        /// The name and the version of the library.
        library: String,
        /// The suite with its Python and its C library.
        target: String,
        /// What it has instead, as the end of the sentence.
        instead: String,
    },
    /// It has source code, and nobody has chosen what the build of that needs.
    #[error("{place}: {library} has no wheel for {target}, and no lock says what the build of its source needs")]
    #[diagnostic(help(
        "run `stackdeb lock`, which chooses that too; instead of another tool's lock, name the file that it was made from as [app] requirements: pyproject.toml or requirements.txt"
    ))]
    NoTools {
        place: String,
        /// The name and the version of the library.
        library: String,
        /// The suite that the package is made for.
        target: String,
    },
    #[error("{by} finds no versions of what the build of {library} needs:\n{said}")]
    #[diagnostic(help(
        "choose another version of the library; a constraint (`-c`) in the file of requirements holds for what a build needs too"
    ))]
    UnsolvedTools {
        by: &'static str,
        /// The name and the version of the library.
        library: String,
        said: String,
    },
    #[error("the source distribution {file} is not valid: {reason}")]
    #[diagnostic(help("choose another version of the library, or Debian's package"))]
    Sdist { file: String, reason: String },
    /// No file of the index has a hash that is listed.
    #[error("{place}: no wheel of {name} {version} that fits {target} has one of the listed hashes")]
    #[diagnostic(help(
        "make the hashes again: `uv pip compile --generate-hashes`, `pip-compile --generate-hashes` or `stackdeb lock`"
    ))]
    HashNotListed { place: String, name: String, version: String, target: String },
    #[error("the index says no SHA-256 for {file}")]
    #[diagnostic(help("name its hash in the file of requirements: `--hash=sha256:…`"))]
    NoDigest { file: String },
    #[error("{url} cannot be downloaded: {reason}")]
    #[diagnostic(help(
        "check the network, http_proxy and https_proxy, and the index's address ([app] index, or pip's own configuration)"
    ))]
    Network { url: String, reason: String },
    #[error("{url} has the SHA-256 {found}, but {expected} is expected")]
    #[diagnostic(help("the file was changed on the index or on the way, so it was discarded"))]
    Hash { url: String, expected: Sha256, found: Sha256 },
    #[error("the index's page {url} cannot be read: {reason}")]
    #[diagnostic(help("name an index with the simple repository API (PEP 503 or PEP 691) as [app] index"))]
    Page { url: String, reason: String },
    #[error("`{address}` is not the address of an index")]
    #[diagnostic(help("write it like https://example.org/simple/; {place} says it"))]
    Address { address: String, place: String },
    /// A wheel is damaged, or breaks the format's rules.
    #[error("the wheel {wheel} is not valid: {reason}")]
    #[diagnostic(help(
        "choose another version of the library; a wheel that its author publishes like this is worth a report to them"
    ))]
    Wheel { wheel: String, reason: String },
    #[error("{one} and {other} both have the file {path}, with different content")]
    #[diagnostic(help("the two libraries cannot be installed together: leave one of them out"))]
    Clash { one: String, other: String, path: String },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Cache(#[from] CacheError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
    #[error(transparent)]
    Interrupted(#[from] interrupt::Interrupted),
}

impl PythonError {
    /// The exit status of the program: 4 where the network failed, else 1. Without a wildcard, so that a new kind must be
    /// given its own.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Network { .. } => 4,
            Self::Target { .. }
            | Self::Unreadable { .. }
            | Self::Line { .. }
            | Self::Direct { .. }
            | Self::NotPinned { .. }
            | Self::NoHash { .. }
            | Self::Contradiction { .. }
            | Self::UnknownFile(_)
            | Self::Lock { .. }
            | Self::Stale { .. }
            | Self::Unsolved { .. }
            | Self::Missing { .. }
            | Self::Unfit { .. }
            | Self::OtherPython { .. }
            | Self::NoProject { .. }
            | Self::NoVersion { .. }
            | Self::NoWheel { .. }
            | Self::NoTools { .. }
            | Self::UnsolvedTools { .. }
            | Self::Sdist { .. }
            | Self::HashNotListed { .. }
            | Self::NoDigest { .. }
            | Self::Hash { .. }
            | Self::Page { .. }
            | Self::Address { .. }
            | Self::Wheel { .. }
            | Self::Clash { .. }
            | Self::Cache(_)
            | Self::Output(_)
            | Self::Interrupted(_) => 1,
        }
    }
}
