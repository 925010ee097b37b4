//! Why a stack's files could not be rendered.

use std::io;

use crate::deb::PayloadError;
use crate::stack::FileError;

/// A mistake in a template or in the app's folder, or a file that cannot be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum RenderError {
    #[error("the template {template} has a mistake in line {line}: {reason}")]
    #[diagnostic(help(
        "templates are Handlebars: {{{{name}}}}, {{{{#if has_database}}}} … {{{{/if}}}}, {{{{#each units}}}} … {{{{/each}}}}"
    ))]
    Syntax {
        /// The template, relative to the project's folder.
        template: String,
        /// The line of the template; the first one is 1.
        line: usize,
        reason: String,
    },
    /// A template uses a variable that does not exist.
    #[error("the template {template} uses a variable in line {line} that does not exist: {variable}")]
    #[diagnostic(help("these do: {known}"))]
    UnknownVariable {
        /// The template, relative to the project's folder.
        template: String,
        /// The line of the template; the first one is 1.
        line: usize,
        /// Its name, or the helper that it was given to.
        variable: String,
        known: String,
    },
    /// A file in a folder of templates that replaces none of ours.
    #[error("{path} is not one of the files that stackdeb uses{suggestion}")]
    #[diagnostic(help(
        "a file there replaces the template of the same name: {known}. Rename it, or move it out of that folder; a unit of your own belongs into a package of its own"
    ))]
    NoSuchTemplate {
        path: String,
        /// The name that was probably meant, as the end of the sentence; empty if nothing comes near.
        suggestion: String,
        known: String,
    },
    /// A template with the line ends of Windows, which the kernel takes for a part of `#!/bin/sh`.
    #[error("the template {template} has a carriage return in line {line}, as Windows writes it")]
    #[diagnostic(help("save it with Unix line ends: `sed -i 's/\\r$//' {template}`"))]
    CarriageReturn {
        template: String,
        /// The line of the template; the first one is 1.
        line: usize,
    },
    /// debhelper's word for the commands that it adds; nothing adds them here.
    #[error("the template {template} has `#DEBHELPER#` in line {line}, which only debhelper replaces")]
    #[diagnostic(help(
        "begin with stackdeb's own {template}, which makes the user, enables and starts the units, and enables the site; add your commands to it"
    ))]
    Debhelper {
        template: String,
        /// The line of the template; the first one is 1.
        line: usize,
    },
    /// The variables of the templates cannot be written as JSON, which the template engine needs.
    #[error("the templates' values cannot be written as JSON: {0}")]
    #[diagnostic(help("this is a mistake of the program; please report it with the project's stack.toml"))]
    Values(String),
    /// The server is Granian, which is neither packed nor in Debian.
    #[error(
        "[app] server is \"granian\", but granian is not among the libraries that are packed, and Debian does not have it"
    )]
    #[diagnostic(help("write `granian` into the file that [app] requirements names, or leave `server` out"))]
    NoGranian,
    /// A file or folder of the project cannot be read.
    #[error("cannot read {path}: {source}")]
    #[diagnostic(help("check that it is there, that you may read it, and, for a template, that its text is UTF-8"))]
    Unreadable {
        path: String,
        #[source]
        source: io::Error,
    },
    /// A link in the app's folder that would lead elsewhere, or nowhere, on the server.
    #[error("the link {path} leads to {target}, {why}")]
    #[diagnostic(help(
        "let it point by a relative path to something in the app's folder that is packed, put the file itself there, or leave the link out with [app] exclude"
    ))]
    LinkLeadsOut {
        path: String,
        target: String,
        /// Follows the target, as a part of the sentence.
        why: String,
    },
    /// A socket, a pipe or a device in the app's folder.
    #[error("{0} is neither a file nor a folder nor a link, so it cannot be packed")]
    #[diagnostic(help("delete it, or move it out of the app's folder"))]
    SpecialFile(String),
    /// A file name that is not UTF-8.
    #[error("the name of {0} is not UTF-8")]
    #[diagnostic(help("rename the file, or leave it out with [app] exclude"))]
    FileName(String),
    /// A site of files that would answer the health check with 404.
    #[error(
        "{folder} has no index.html that is packed, so there would be no page at `/` and none for the health check"
    )]
    #[diagnostic(help(
        "write the page, name the folder that has it ([app] publish), or name a file of the site for the health check: [health] path, which is `{health}` now"
    ))]
    NoFirstPage { folder: String, health: String },
    /// The page for paths without a file would not be there.
    #[error("[app] fallback is `{page}`, and {folder} has no such file that is packed")]
    #[diagnostic(help(
        "correct the name: it is relative to the folder that is served; `stackdeb check` without it lists what is left out"
    ))]
    NoFallback { folder: String, page: String },
    /// A program of the app or of `[[file]]` is damaged.
    #[error("the program {path} cannot be packed")]
    Program {
        path: String,
        #[source]
        #[diagnostic_source]
        source: crate::deb::elf::ElfError,
    },
    /// A program of the app that no server of this architecture runs.
    #[error("the program {0} is not for the architecture amd64, which is the only one that stackdeb packages")]
    #[diagnostic(help("build it for Linux on amd64: GOARCH=amd64, --target x86_64-unknown-linux-gnu"))]
    ForeignProgram(String),
    /// A migration that the server would not have.
    #[error("the migration {0} is left out of the package, so it would never be run")]
    #[diagnostic(help(
        "rename its folder (names with a dot before them and __pycache__ are left out), or correct [app] exclude; `stackdeb check` without [database] migrations lists what is left out"
    ))]
    MigrationNotPacked(String),
    /// A worker's or timer's program that is not packed.
    #[error("the program {program} of {table} is left out of the package, so it could not be started")]
    #[diagnostic(help("correct [app] exclude, or name another program; `stackdeb check` lists what is left out"))]
    ProgramNotPacked { table: String, program: String },
    /// A worker's or timer's program whose package is not among the dependencies.
    #[error("the program `{program}` of {table} is in Debian's package {package}, which the stack does not depend on")]
    #[diagnostic(help("add \"{package}\" to [app] depends"))]
    ProgramWithoutPackage { table: String, program: String, package: &'static str },
    /// A file of a crate cannot be in the package.
    #[error("the file {path} of [package.metadata.deb] cannot be installed")]
    OfCrate {
        path: String,
        #[source]
        #[diagnostic_source]
        source: PayloadError,
    },
    /// The program that is to serve is not among the crate's files.
    #[error("[app] command is `{program}`, and the crate installs no such program")]
    #[diagnostic(help("{known}; correct the command, or the assets in [package.metadata.deb]"))]
    ProgramNotOfCrate { program: String, known: String },
    /// The folder of the migrations cannot be read, or has something that looks like a migration.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Migrations(#[from] FileError),
    /// A file cannot be in a package: its path is too long, has a line break, or is taken.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Payload(#[from] PayloadError),
    /// The path of a further file is taken.
    #[error("the file {path} of [[file]] cannot be installed")]
    FurtherFile {
        path: String,
        #[source]
        #[diagnostic_source]
        source: PayloadError,
    },
    /// Two packages of the stack have something else at one path.
    #[error("`{path}` is {new} in the package `{other}`, and {old} in the package `{one}`")]
    #[diagnostic(help(
        "dpkg installs only one of the two packages then: give one of the two another path, or leave it out; only a folder may be in both, with the same mode"
    ))]
    InTwoPackages { path: String, one: String, old: String, other: String, new: String },
    /// A file of a library cannot be read, or belongs to two of them.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Libraries(#[from] crate::python::PythonError),
    /// The changelog could not be compressed.
    #[error("cannot compress the changelog: {0}")]
    #[diagnostic(help("it is compressed in memory: check that there is some left"))]
    Compress(#[source] io::Error),
    /// A relation that the stack needs could not be read.
    #[error("the relation {0}")]
    Relation(#[from] crate::control::RelationError),
}
