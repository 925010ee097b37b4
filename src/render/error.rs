//! Why a stack's files could not be rendered.

use std::io;

use crate::deb::PayloadError;

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
        /// Counted from 1.
        line: usize,
        reason: String,
    },
    /// A template uses a variable that does not exist.
    #[error("the template {template} uses a variable in line {line} that does not exist: {variable}")]
    #[diagnostic(help("these do: {known}"))]
    UnknownVariable {
        /// The template, relative to the project's folder.
        template: String,
        /// Counted from 1.
        line: usize,
        /// Its name, or the helper that it was given to.
        variable: String,
        known: String,
    },
    /// The variables of the templates cannot be written as JSON, which the template engine needs.
    #[error("the templates' values cannot be written as JSON: {0}")]
    #[diagnostic(help("this is a mistake of the program; please report it with the project's stack.toml"))]
    Values(String),
    /// A file or folder of the project can't be read.
    #[error("cannot read {path}: {source}")]
    #[diagnostic(help("check that it is there, that you may read it, and, for a template, that its text is UTF-8"))]
    Unreadable {
        path: String,
        #[source]
        source: io::Error,
    },
    /// A link in the app's folder that would lead elsewhere, or nowhere, on the server.
    #[error("the link {path} leads to {target}, which is not a file or folder that is packed with the app")]
    #[diagnostic(help("let it point into the app's folder by a relative path, or put the file itself there"))]
    LinkLeadsOut { path: String, target: String },
    /// A socket, a pipe or a device in the app's folder.
    #[error("{0} is neither a file nor a folder nor a link, so it can't be packed")]
    #[diagnostic(help("delete it, or move it out of the app's folder"))]
    SpecialFile(String),
    /// A file name that is not UTF-8.
    #[error("the name of {0} is not UTF-8")]
    #[diagnostic(help("rename the file"))]
    FileName(String),
    /// A file cannot be in a package: its path is too long, has a line break, or is taken.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Payload(#[from] PayloadError),
    /// The changelog could not be compressed.
    #[error("cannot compress the changelog: {0}")]
    #[diagnostic(help("it is compressed in memory: check that there is some left"))]
    Compress(#[source] io::Error),
    /// A relation that the stack needs could not be read.
    #[error("the relation {0}")]
    Relation(#[from] crate::control::RelationError),
}
