//! `stackdeb diff`: two packages or two images → what is different between them.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::compare;
use crate::system::print;
use crate::system::progress::Reporter;

const NOTES: &str = "\
Images may be compressed by gzip or not; an image and the same image compressed are the same. Of a package that has another \
version in the second image, those files are listed that have another mode, owner or extended attribute, or that run with the rights of \
their owner or with capabilities; --files lists all. Neither the file's own name nor when it was built matters.\n\n\
The exit status is that of diff(1): 0 if both are the same to the last bit, 1 if they differ, 2 in trouble.";

/// The arguments of `stackdeb diff`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub struct DiffArgs {
    /// A package (.deb) or an image (.img.gz or .img)
    a: PathBuf,
    /// Another one of the same kind
    b: PathBuf,
    /// List each file that differs
    #[arg(long)]
    files: bool,
    /// Report as one JSON object on standard output, with each file that differs
    #[arg(long)]
    json: bool,
}

/// Prints what is different. Returns the exit status.
///
/// # Errors
/// When one of the two cannot be read.
pub fn run(args: &DiffArgs) -> miette::Result<ExitCode> {
    let difference = compare::compare(&args.a, &args.b, Reporter::Stderr)?;
    if args.json {
        print::json(&difference)?;
    } else {
        print::text(&compare::page(&difference, args.files))?;
    }
    Ok(if difference.same { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
