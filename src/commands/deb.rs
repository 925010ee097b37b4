//! `stackdeb deb`: `stack.toml` → the package.

use std::path::PathBuf;

use clap::Args;

use super::variant::VariantArgs;
use crate::build::package;
use crate::system::cache::Fresh;
use crate::system::print;
use crate::system::progress::Reporter;

/// The arguments of `stackdeb deb`.
#[derive(Debug, Args)]
pub struct DebArgs {
    /// The project's folder, or its stack.toml
    #[arg(default_value = ".", value_name = "FOLDER")]
    project: PathBuf,
    #[command(flatten)]
    variant: VariantArgs,
    /// Make everything anew: take nothing from the cache but downloads, and keep nothing that is made
    #[arg(long)]
    no_cache: bool,
}

/// Builds the package into the project's `dist` folder and prints its path, size and digest.
///
/// # Errors
/// When something in the project is wrong or the package cannot be written. An earlier package then stays as it was.
pub fn run(args: &DebArgs) -> miette::Result<()> {
    let stack = args.variant.load(&args.project)?;
    let _fresh = match args.no_cache {
        true => {
            package::enter_namespace(&stack)?;
            Some(Fresh::begin()?)
        }
        false => None,
    };
    let package = package::build_into_dist(&stack, Reporter::Stderr)?;
    for sentence in package.notes.left_out_in_all() {
        Reporter::Stderr.say(&sentence);
    }
    for warning in package.warnings() {
        Reporter::Stderr.say(&format!("warning: {warning}"));
    }
    let (size, digest) = (package.written.size.div_ceil(1000), package.written.sha256);
    print::line(format_args!("{} ({size} KB, SHA-256 {digest})", package.path.display()))?;
    Ok(())
}
