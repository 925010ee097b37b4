//! `stackdeb schema`: the JSON Schema of `stack.toml`, for editors and validators.

use clap::Args;
use miette::IntoDiagnostic;

use crate::stack::reference;
use crate::system::print;

const NOTES: &str = "\
An editor with the language server taplo (\"Even Better TOML\" in Visual Studio Code) reads the schema that the first line of \
stack.toml names: `#:schema ./stack.schema.json`. A project that `stackdeb new` made has this line and the file.";

/// The arguments of `stackdeb schema`, which takes none but `--help`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub struct SchemaArgs {}

/// The schema as the text of a file. Editors find it beside stack.toml by the name [`FILE_NAME`].
///
/// # Errors
/// Never in practice: a value of JSON always has a text.
pub fn text() -> miette::Result<String> {
    serde_json::to_string_pretty(&reference::schema()).map(|text| text + "\n").into_diagnostic()
}

/// What the schema's file is called in a new project.
pub const FILE_NAME: &str = "stack.schema.json";

/// # Errors
/// When standard output cannot be written to.
pub fn run(_: &SchemaArgs) -> miette::Result<()> {
    Ok(print::text(&text()?)?)
}
