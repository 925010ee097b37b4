//! `stackdeb image`: one `stack.toml` or several → the packages and one disk image.

use std::path::PathBuf;

use clap::Args;

use super::variant::VariantArgs;
use crate::apt::OlderRelease;
use crate::build::asked::StackPackage;
use crate::build::fresh::KeptResults;
use crate::build::image;
use crate::control::PackageName;
use crate::stack::Stack;
use crate::system::print;
use crate::system::progress::Reporter;

const NOTES: &str = "\
Several stacks in one image share its PostgreSQL and nginx; each has its user, its database and its site. They must differ in \
their names, and in the port or the server-names of their sites. The image goes to the folder dist of the first project, whose \
[image] table and templates hold for it: of the others, packages are added, and the largest free-space counts.\n\n\
`stackdeb deploy` and `stackdeb terraform` in the folder of the first project take the image as its own, and open the ports of \
all sites in it.";

/// The arguments of `stackdeb image`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub struct ImageArgs {
    /// The project's folder, or its stack.toml; with several, the image has all of their stacks
    #[arg(default_value = ".", value_name = "FOLDER")]
    projects: Vec<PathBuf>,
    /// The image's name [default: that of the first project's package]
    #[arg(long)]
    name: Option<PackageName>,
    #[command(flatten)]
    variant: VariantArgs,
    /// Leave the stack's own package out: a clean machine with all that it depends on, to try the package on
    #[arg(long)]
    without_package: bool,
    /// Use a mirror's Release files also when they are older than those of an earlier build
    #[arg(long)]
    allow_downgrade: bool,
    /// Make everything again: take nothing from the cache but downloads, and keep nothing that is made
    #[arg(long)]
    no_cache: bool,
}

/// Builds the package and the image, and prints where the image and its manifest are.
///
/// # Errors
/// As [`image::build`].
pub fn run(args: &ImageArgs) -> miette::Result<()> {
    let own = if args.without_package { StackPackage::LeftOut } else { StackPackage::Installed };
    let older = OlderRelease::accepted_if(args.allow_downgrade);
    let stacks: Vec<Stack> =
        args.projects.iter().map(|project| args.variant.load(project)).collect::<miette::Result<_>>()?;
    let name = args.name.as_ref().map(PackageName::as_str);
    let kept = KeptResults::unless(args.no_cache);
    let image = image::build(&stacks, name, own, older, kept, Reporter::Stderr)?;
    let (size, raw_size) = (image.sizes.compressed_bytes / 1_000_000, image.sizes.raw_bytes / 1_000_000);
    print::line(format_args!(
        "{} ({size} MB, {raw_size} MB on the disk, {} packages)",
        image.path.display(),
        image.packages
    ))?;
    print::line(image.manifest.display())?;
    Ok(())
}
