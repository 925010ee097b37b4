//! `stackdeb schema`: the JSON Schema of `stack.toml`, for editors and validators.

use clap::Args;

use crate::stack::reference;
use crate::system::print;

const NOTES: &str = "\
An editor with the language server taplo (\"Even Better TOML\" in Visual Studio Code) reads the schema that the first line of \
stack.toml names: `#:schema ./stack.schema.json`. A project that `stackdeb new` made has this line and the file.";

/// The arguments of `stackdeb schema`, which takes none but `--help`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub struct SchemaArgs {}

/// # Errors
/// When standard output cannot be written to.
pub fn run(_: &SchemaArgs) -> miette::Result<()> {
    Ok(print::text(&reference::schema_text())?)
}
