//! `stackdeb update`: newer versions of the libraries and packages in `stack.lock`, and what is different then.

use std::path::PathBuf;

use clap::Args;

use super::variant::VariantArgs;
use crate::apt::OlderRelease;
use crate::apt::lock::Moved;
use crate::build::update::{self, Name, Updated};
use crate::stack::Stack;
use crate::system::print;
use crate::system::progress::Reporter;

const NOTES: &str = "\
Each library and each package that is different is printed with its version before and now, `none` where it is new or gone. \
`(library)` stands behind the libraries that stack.lock has for [app] requirements, `(security)` behind a version that the archive \
of security updates has. If nothing is different, the lock stays as it is.\n\n\
With names, only these packages and libraries move, and others only if they must: those that the newer version needs newer, \
and those that fit the older version alone. A name of a package that is also one of a library moves both. What uv.lock, \
poetry.lock or pylock.toml has is moved by the tool that wrote it.";

/// The arguments of `stackdeb update`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub struct UpdateArgs {
    /// The packages and libraries that are to be moved [default: all of the lock]
    #[arg(value_name = "NAME")]
    names: Vec<Name>,
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
/// When there is no lock, or nothing fits that is asked for. The lock then stays as it was.
pub fn run(args: &UpdateArgs) -> miette::Result<()> {
    let older = OlderRelease::accepted_if(args.allow_downgrade);
    let stacks: Vec<Stack> =
        args.projects.iter().map(|project| args.variant.load(project)).collect::<miette::Result<_>>()?;
    let Updated { path, libraries, packages } = update::update(&stacks, &args.names, older, Reporter::Stderr)?;
    let mut text = String::new();
    for (stack, moved) in &libraries {
        let mark = if stacks.len() > 1 { format!(" (library of {stack})") } else { " (library)".to_owned() };
        text.extend(moved.iter().map(|moved| line(moved, &mark)));
    }
    text.extend(packages.iter().map(|moved| line(moved, if moved.is_security { " (security)" } else { "" })));
    if text.is_empty() {
        Reporter::Stderr.say(&format!("{}: there is no newer version of what is to be moved", path.display()));
    }
    Ok(print::text(&text)?)
}

fn line(moved: &Moved, mark: &str) -> String {
    let version = |version: &Option<String>| version.clone().unwrap_or_else(|| "none".to_owned());
    format!("{} {} → {}{mark}\n", moved.name, version(&moved.from), version(&moved.to))
}
