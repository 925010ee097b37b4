//! The option `--variant`, which all commands have that read `stack.toml`.

use std::path::Path;

use clap::Args;

use crate::stack::{self, Stack};

/// The option `--variant`, which all commands that read a `stack.toml` have.
#[derive(Debug, Clone, Default, Args)]
pub struct VariantArgs {
    /// The variant of the stack: the values of [variant.NAME] in stack.toml replace the others
    #[arg(long, value_name = "NAME")]
    pub variant: Option<String>,
}

impl VariantArgs {
    /// The stack of a folder or a `stack.toml`.
    ///
    /// # Errors
    /// When there is no manifest, it has mistakes, or there is no such variant.
    pub fn load(&self, project: &Path) -> miette::Result<Stack> {
        Ok(stack::load_variant(project, self.variant.as_deref())?)
    }

    /// The stack in the current folder.
    ///
    /// # Errors
    /// As [`VariantArgs::load`].
    pub fn stack_here(&self) -> miette::Result<Stack> {
        self.load(Path::new("."))
    }
}
