//! `stackdeb image`: `stack.toml` → the package and the disk image.

use std::path::PathBuf;

use clap::Args;

use super::variant::VariantArgs;
use crate::apt::OlderRelease;
use crate::build::image::{self, StackPackage};
use crate::system::print;
use crate::system::progress::Reporter;

/// The arguments of `stackdeb image`.
#[derive(Debug, Args)]
pub struct ImageArgs {
    /// The project's folder, or its stack.toml
    #[arg(default_value = ".", value_name = "FOLDER")]
    project: PathBuf,
    #[command(flatten)]
    variant: VariantArgs,
    /// Leave the stack's own package out: a clean machine with all that it depends on, to try the package on
    #[arg(long)]
    without_package: bool,
    /// Use a mirror's Release files also when they are older than those of an earlier build
    #[arg(long)]
    allow_downgrade: bool,
}

/// Builds the package and the image, and prints where the image and its manifest are.
///
/// # Errors
/// As [`image::build`].
pub fn run(args: &ImageArgs) -> miette::Result<()> {
    let own = if args.without_package { StackPackage::LeftOut } else { StackPackage::Installed };
    let older = if args.allow_downgrade { OlderRelease::Accepted } else { OlderRelease::Refused };
    let stack = args.variant.load(&args.project)?;
    let image = image::build(&stack, own, older, Reporter::Stderr)?;
    let (size, raw_size) = (image.sizes.compressed_bytes / 1_000_000, image.sizes.raw_bytes / 1_000_000);
    print::line(format_args!(
        "{} ({size} MB, {raw_size} MB on the disk, {} packages)",
        image.path.display(),
        image.packages
    ))?;
    print::line(image.manifest.display())?;
    Ok(())
}
