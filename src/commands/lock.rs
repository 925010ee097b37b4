//! `stackdeb lock`: chooses a version of each library that `[app] requirements` asks for, for the Python of the target,
//! and writes them into `stack.lock`.

use std::path::PathBuf;

use clap::Args;

use super::variant::VariantArgs;
use crate::build::libraries;
use crate::python::Library;
use crate::system::print;
use crate::system::progress::Reporter;

const NOTES: &str = "\
The versions are chosen by uv if it is installed, else by pip. They are for the Python and the C library of [image] \
suite, whatever Python this computer has. stack.lock names each version with the address and the SHA-256 of its wheel (PEP \
751). A library without a wheel is built from its source, in a sandbox: stack.lock then has its source distribution, and the \
wheels that the build needs. A build uses the lock, and refuses it when the requirements or the suite have changed since. \
With --variant NAME the file is stack.NAME.lock; a variant without such a file uses stack.lock.";

/// The arguments of `stackdeb lock`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub struct LockArgs {
    /// The project's folder, or its stack.toml
    #[arg(default_value = ".", value_name = "FOLDER")]
    project: PathBuf,
    #[command(flatten)]
    variant: VariantArgs,
}

/// Writes the lock, and prints each library with its version.
///
/// # Errors
/// When no versions fit together, or the lock cannot be written. An earlier lock then stays as it was.
pub fn run(args: &LockArgs) -> miette::Result<()> {
    let stack = args.variant.load(&args.project)?;
    let libraries = libraries::write_lock(&stack, Reporter::Stderr)?;
    for warning in &libraries.needs.warnings {
        Reporter::Stderr.say(&format!("warning: {warning}"));
    }
    for note in libraries.all.iter().filter_map(Library::note) {
        Reporter::Stderr.say(&note);
    }
    let lines = libraries.all.iter().map(|library| format!("{} {}\n", library.name, library.version));
    let text: String = lines.collect();
    print::text(&format!("{text}{}: {} libraries\n", libraries::lock_to_write(&stack).display(), libraries.all.len()))?;
    Ok(())
}
