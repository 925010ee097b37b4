//! `stackdeb repo`: adds packages to a signed repository for apt, lists them, and signs it again.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::repository::{self, Added, RepositorySettings, Validity};
use crate::system::print;
use crate::system::progress::Reporter;

const NOTES: &str = "\
The repository is a folder of files that any web server or object store can serve. Its key is made at the first use, in \
$XDG_DATA_HOME/stackdeb/repository-key.pgp (default ~/.local/share). Keep a copy of that file in a safe place: without it, \
servers accept no further version, and whoever has it can install packages on them.

On a server: copy ORIGIN.sources into /etc/apt/sources.list.d, then `apt update`.

When the folder is copied elsewhere, copy the files dists/SUITE/InRelease last: they name all others. Several versions of a \
package stay in the repository; a version that was published never changes.";

/// The arguments of `stackdeb repo`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub struct RepoArgs {
    #[command(subcommand)]
    command: RepoCommand,
}

#[derive(Debug, Subcommand)]
enum RepoCommand {
    /// Add packages; the first time, begin the repository and make its key
    #[command(after_help = NOTES)]
    Add(AddArgs),
    /// List the packages, after the signature and the index were verified
    #[command(after_help = NOTES)]
    List(ListArgs),
    /// Sign the repository again: before its validity ends, or to change its address
    #[command(after_help = NOTES)]
    Refresh(RefreshArgs),
}

#[derive(Debug, Args)]
struct AddArgs {
    /// Packages for amd64 or `all`, of any builder
    #[arg(required = true, value_name = "DEB")]
    packages: Vec<PathBuf>,
    #[command(flatten)]
    folder: FolderArgs,
    #[command(flatten)]
    signed: SignedArgs,
    /// The suite that servers name [default: stable, or the one of the repository]
    #[arg(long, value_name = "SUITE")]
    suite: Option<String>,
    /// The origin, by which unattended-upgrades knows the repository [default: the name of the first package]
    #[arg(long, value_name = "NAME")]
    origin: Option<String>,
}

#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    folder: FolderArgs,
    /// Report as one JSON object on standard output
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct RefreshArgs {
    #[command(flatten)]
    folder: FolderArgs,
    #[command(flatten)]
    signed: SignedArgs,
}

#[derive(Debug, Args)]
struct FolderArgs {
    /// The folder of the repository
    #[arg(long, value_name = "FOLDER", default_value = "repository")]
    folder: PathBuf,
}

/// The options of what is signed.
#[derive(Debug, Args)]
struct SignedArgs {
    /// Where the folder will be served, such as https://packages.example.org; needed once
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// How many days servers accept this state; then sign it again. 0 for ever [default: as before, at first for ever]
    #[arg(long, value_name = "DAYS")]
    valid_for: Option<Validity>,
    /// A file with an OpenPGP key without a passphrase, which no other user can read
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// # Errors
/// When the repository cannot be read or written. It is then as it was.
pub fn run(args: &RepoArgs) -> miette::Result<()> {
    match &args.command {
        RepoCommand::Add(args) => add(args),
        RepoCommand::List(args) => list(args),
        RepoCommand::Refresh(args) => refresh(args),
    }
}

fn settings(folder: &FolderArgs, signed: &SignedArgs) -> RepositorySettings {
    RepositorySettings {
        folder: folder.folder.clone(),
        url: signed.url.clone(),
        validity: signed.valid_for,
        key: signed.key.clone(),
        suite: None,
        origin: None,
    }
}

fn add(args: &AddArgs) -> miette::Result<()> {
    let settings = settings(&args.folder, &args.signed);
    let settings = RepositorySettings { suite: args.suite.clone(), origin: args.origin.clone(), ..settings };
    let Added { packages, new_key, source_file, changed } =
        repository::add(&args.packages, &settings, Reporter::Stderr)?;
    if let Some(key) = new_key {
        Reporter::Stderr.say(&format!(
            "made the key {} in {}: keep a copy of that file in a safe place",
            key.fingerprint,
            key.path.display()
        ));
    }
    for (name, version) in &packages {
        print::line(format_args!("added {name} {version}"))?;
    }
    if !changed {
        Reporter::Stderr.say("the repository has these packages already: nothing was changed");
    }
    Ok(print::line(format_args!("servers need {} in /etc/apt/sources.list.d", source_file.display()))?)
}

fn list(args: &ListArgs) -> miette::Result<()> {
    let listed = repository::list(&args.folder.folder)?;
    if args.json {
        return Ok(print::json(&listed)?);
    }
    let until = listed.valid_until.map_or(String::new(), |until| format!(", valid until {until}"));
    print::line(format_args!("{} {} at {}: signed {}{until}", listed.origin, listed.suite, listed.url, listed.date))?;
    for package in &listed.packages {
        print::line(format_args!("{} {} {}", package.name, package.version, package.architecture))?;
    }
    Ok(())
}

fn refresh(args: &RefreshArgs) -> miette::Result<()> {
    let refreshed = repository::refresh(&settings(&args.folder, &args.signed), Reporter::Stderr)?;
    let until = refreshed.valid_until.map_or("for ever".to_owned(), |until| format!("until {}", until.to_rfc3339()));
    Ok(print::line(format_args!("packages signed: {}, valid {until}", refreshed.packages))?)
}
