//! `stackdeb lock`: chooses a version of each library that `[app] requirements` asks for, and of each package of an image,
//! and writes them into `stack.lock`.

use std::path::PathBuf;

use clap::Args;

use super::variant::VariantArgs;
use crate::apt::OlderRelease;
use crate::build::lock::{self, Parts, WrittenLock};
use crate::python::Library;
use crate::stack::Stack;
use crate::system::print;
use crate::system::progress::Reporter;

const NOTES: &str = "\
Libraries: the versions are chosen by uv if it is installed, else by the pip of [image] suite, in the sandbox. They are for the Python and the C library of [image] \
suite, whatever Python this computer has. stack.lock names each version with the address and the SHA-256 of its wheel (PEP \
751). A library without a wheel is built from its source, in a sandbox: stack.lock then has its source distribution, and the \
wheels that the build needs. A build uses the lock, and refuses it when the requirements or the suite have changed since.\n\n\
Packages: the lock names every Debian package of the image, with its version, its SHA-256, and its path in the archive, but no \
mirror. `stackdeb image` then takes exactly these, also when the archive has newer ones; `stackdeb update` moves the lock to those. An image \
refuses the lock when stack.toml asks for other packages than it was made for.\n\n\
With --variant NAME the file is stack.NAME.lock; a variant without such a file uses stack.lock. Of an image with several stacks, \
name all of them: the lock of the first has the packages.";

/// The arguments of `stackdeb lock`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub struct LockArgs {
    /// The project's folder, or its stack.toml; several for an image that has all of their stacks
    #[arg(default_value = ".", value_name = "FOLDER")]
    projects: Vec<PathBuf>,
    #[command(flatten)]
    variant: VariantArgs,
    /// Lock the libraries alone, and leave the packages of the lock as they are
    #[arg(long)]
    libraries: bool,
    /// Lock the packages of the image alone, and leave the libraries of the lock as they are
    #[arg(long, conflicts_with = "libraries")]
    packages: bool,
    /// Use a mirror's Release files also when they are older than those of an earlier build
    #[arg(long)]
    allow_downgrade: bool,
}

/// Writes the lock, and prints each library with its version, and how many there are.
///
/// # Errors
/// When no versions fit together, or the lock cannot be written. An earlier lock then stays as it was.
pub fn run(args: &LockArgs) -> miette::Result<()> {
    let parts = match (args.libraries, args.packages) {
        (true, _) => Parts::Libraries,
        (_, true) => Parts::Packages,
        _ => Parts::All,
    };
    let older = OlderRelease::accepted_if(args.allow_downgrade);
    let stacks: Vec<Stack> =
        args.projects.iter().map(|project| args.variant.load(project)).collect::<miette::Result<_>>()?;
    for written in lock::write(&stacks, parts, older, Reporter::Stderr)? {
        report(&written)?;
    }
    Ok(())
}

fn report(written: &WrittenLock) -> miette::Result<()> {
    let WrittenLock { path, warnings, libraries, packages } = written;
    for warning in warnings {
        Reporter::Stderr.warn(warning);
    }
    let all = libraries.iter().flatten();
    for note in all.clone().filter_map(Library::note) {
        Reporter::Stderr.say(&note);
    }
    let mut text: String = all.map(|library| format!("{} {}\n", library.name, library.version)).collect();
    let libraries = libraries.as_ref().map(|all| format!("{} libraries", all.len()));
    let packages = packages.as_ref().map(|lock| {
        let distribution = lock.suite.distribution.as_str();
        format!("{} packages of {distribution}", lock.packages.len())
    });
    let counts: Vec<String> = libraries.into_iter().chain(packages).collect();
    if !counts.is_empty() {
        text.push_str(&format!("{}: {}\n", path.display(), counts.join(", ")));
    }
    Ok(print::text(&text)?)
}
