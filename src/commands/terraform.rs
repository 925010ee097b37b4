//! `stackdeb terraform`: from `stack.toml` to a configuration for Terraform or OpenTofu. It sends nothing.

use std::path::PathBuf;

use clap::Args;

use super::variant::VariantArgs;
use crate::linode::terraform::{self, Edited, ImageState, WrittenConfiguration};
use crate::system::print;
use crate::system::progress::Reporter;

const NEXT: &str = "\
A file that you edited stays as it is as long as there is nothing new for it. When there is something new, the command \
writes nothing and says so; with --force it replaces the file. Other files, such as terraform.tfvars and the state, are never \
changed.

A file of the same name in the project's folder image/terraform replaces our template.";

/// The arguments of `stackdeb terraform`.
#[derive(Debug, Args)]
#[command(after_help = NEXT)]
pub struct TerraformArgs {
    /// The project's folder, or its stack.toml
    #[arg(default_value = ".", value_name = "FOLDER")]
    project: PathBuf,
    #[command(flatten)]
    variant: VariantArgs,
    /// The folder to write to [default: the folder terraform in the project, terraform-NAME for a variant]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Replace files that you edited, and files of the same names that stackdeb did not write
    #[arg(long)]
    force: bool,
}

/// Writes the configuration, and says what to do with it.
///
/// # Errors
/// When the project has a mistake, or a file that would be replaced was edited; nothing is changed then.
pub fn run(args: &TerraformArgs) -> miette::Result<()> {
    let stack = args.variant.load(&args.project)?;
    terraform::warnings(&stack).iter().for_each(|warning| Reporter::Stderr.warn(warning));
    let edited = if args.force { Edited::Replace } else { Edited::Keep };
    let WrittenConfiguration { folder, files, image } = terraform::write(&stack, args.out.as_deref(), edited)?;
    for name in &files.files {
        print::line(folder.join(name).display())?;
    }
    for name in &files.removed {
        print::line(format_args!("{} is not needed any more: removed", folder.join(name).display()))?;
    }
    for name in &files.kept {
        print::line(format_args!("{} was edited: left as it is", folder.join(name).display()))?;
    }
    match image {
        ImageState::Described => print::line(format_args!(
            "Next: `terraform init && terraform apply` in {}; variables.tf says what to set",
            folder.display()
        ))?,
        ImageState::Missing(path) => print::line(format_args!(
            "Next: `stackdeb image`, because there is no {}; then this command again, which writes the image's hash into {}",
            path.display(),
            folder.join("stack.tf").display()
        ))?,
    }
    Ok(())
}
