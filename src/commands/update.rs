//! `stackdeb update`: newer versions of the packages in `stack.lock`, and what is different then.

use std::path::PathBuf;

use clap::Args;

use super::variant::VariantArgs;
use crate::apt::OlderRelease;
use crate::apt::lock::Moved;
use crate::build::update::{self, Updated};
use crate::control::PackageName;
use crate::stack::Stack;
use crate::system::print;
use crate::system::progress::Reporter;

const NOTES: &str = "\
Each package that is different is printed with its version before and now, `none` where it is new or gone. `(security)` \
stands behind a version that the archive of security updates has. If nothing is different, the lock stays as it is.\n\n\
With names, only these packages move, and others as far as they have to: those that the newer version needs newer, and those that \
fit the older version alone. Libraries from PyPI are moved by `stackdeb lock --libraries`.";

/// The arguments of `stackdeb update`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub struct UpdateArgs {
    /// The packages that are to be moved [default: all of the lock]
    #[arg(value_name = "PACKAGE")]
    packages: Vec<PackageName>,
    /// The project's folder, or its stack.toml; once for each stack of an image with several
    #[arg(long = "project", default_value = ".", value_name = "FOLDER")]
    projects: Vec<PathBuf>,
    #[command(flatten)]
    variant: VariantArgs,
    /// Use a mirror's Release files also when they are older than those of an earlier build
    #[arg(long)]
    allow_downgrade: bool,
}

/// Moves the lock, and prints what is different.
///
/// # Errors
/// When there is no lock, or no set of packages is what is asked for. The lock then stays as it was.
pub fn run(args: &UpdateArgs) -> miette::Result<()> {
    let older = OlderRelease::accepted_if(args.allow_downgrade);
    let stacks: Vec<Stack> =
        args.projects.iter().map(|project| args.variant.load(project)).collect::<miette::Result<_>>()?;
    let Updated { path, moved } = update::update(&stacks, &args.packages, older, Reporter::Stderr)?;
    if moved.is_empty() {
        Reporter::Stderr.say(&format!("{}: no package has a newer version", path.display()));
    }
    Ok(print::text(&moved.iter().map(line).collect::<String>())?)
}

fn line(moved: &Moved) -> String {
    let version = |version: &Option<String>| version.clone().unwrap_or_else(|| "none".to_owned());
    let mark = if moved.is_security { " (security)" } else { "" };
    format!("{} {} → {}{mark}\n", moved.name, version(&moved.from), version(&moved.to))
}
