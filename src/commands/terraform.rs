//! `stackdeb terraform`: `stack.toml` → a configuration for Terraform or OpenTofu. Nothing is sent anywhere.

use std::path::PathBuf;

use clap::Args;

use crate::linode::terraform::{self, Edited};
use crate::stack;

const NEXT: &str = "\
An edited file stays as it is as long as there is nothing new for it; when there is, nothing is written, unless --force says \
that the edits may go. Files of other names, terraform.tfvars and the state among them, are never touched.

A file of the same name in the project's folder image/terraform takes the place of ours.";

/// The arguments of `stackdeb terraform`.
#[derive(Debug, Args)]
#[command(after_help = NEXT)]
pub struct TerraformArgs {
    /// The project's folder, or its stack.toml
    #[arg(default_value = ".", value_name = "FOLDER")]
    project: PathBuf,
    /// Where to write it [default: the folder terraform in the project]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Replace files that were edited or that others wrote
    #[arg(long)]
    force: bool,
}

/// Writes the configuration, and says what to do with it.
///
/// # Errors
/// When something in the project is not right, or a file in the way was edited; nothing is changed then.
pub fn run(args: &TerraformArgs) -> miette::Result<()> {
    let stack = stack::load(&args.project)?;
    let folder = args.out.clone().unwrap_or_else(|| stack.folder.join("terraform"));
    let edited = if args.force { Edited::Replace } else { Edited::Keep };
    let written = terraform::write(&stack, &folder, edited)?;
    for name in &written.files {
        println!("{}", folder.join(name).display());
    }
    for name in &written.removed {
        println!("{} is not needed any more: removed", folder.join(name).display());
    }
    for name in &written.kept {
        println!("{} was edited: left as it is", folder.join(name).display());
    }
    println!("Next: `terraform init && terraform apply` in {}; variables.tf says what to set", folder.display());
    Ok(())
}
