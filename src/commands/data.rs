//! `stackdeb data`: saves the data of a server to a file, and restores them from one.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::variant::VariantArgs;
use crate::control::PackageName;
use crate::remote::data::{RemotePackage, SiteWhileSaving};
use crate::remote::info::DatabasePlace;
use crate::remote::restore::Replacement;
use crate::remote::save::{self, SaveRequest, WrittenSave};
use crate::remote::ssh::Host;
use crate::system::print;
use crate::system::progress::Reporter;

const NOTES: &str = "\
HOST is a server as ssh names it: root@www.example.org, ssh://root@www.example.org:2222, or an alias of ~/.ssh/config. Your own \
ssh program connects, with your keys, and refuses a host key that it does not know. A user other than root needs sudo without a \
password there.

A save is a tar archive with the database, the files in /var/lib/NAME/app, SECRET_KEY, and the settings that were edited on the \
server. It is as secret as they are. A database on another server (DATABASE_URL) is not in it.

Exit status: 0 done; 1 something must be put right; 2 wrong usage; 4 the connection failed; 130 or 143 interrupted. Unless it \
is 0, no file is written, and the server has the data that it had.";

/// The arguments of `stackdeb data`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub struct DataArgs {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    /// Save the database, the app's files and the settings of a server to a file
    #[command(after_help = NOTES)]
    Save(SaveArgs),
    /// Restore a save on a server: all of it, or nothing
    #[command(after_help = NOTES)]
    Restore(RestoreArgs),
}

#[derive(Debug, Args)]
struct SaveArgs {
    /// The server, as ssh names it
    host: String,
    /// The file to write, which must not exist [default: NAME-data-TIME.tar in this folder]
    file: Option<PathBuf>,
    /// The package's name [default: that of the stack.toml in this folder, else the only one on the server]
    #[arg(long, value_name = "NAME")]
    package: Option<PackageName>,
    #[command(flatten)]
    variant: VariantArgs,
    /// Stop the app meanwhile: visitors are answered 503, and nothing changes while it is saved
    #[arg(long)]
    maintenance: bool,
}

#[derive(Debug, Args)]
struct RestoreArgs {
    /// The server, as ssh names it
    host: String,
    /// A file that `stackdeb data save` wrote
    file: PathBuf,
    /// Do not ask before the data of this package are replaced
    #[arg(long, value_name = "NAME")]
    yes: Option<String>,
}

/// # Errors
/// [`crate::remote::RemoteError`], or the mistakes of the stack.toml in this folder.
pub fn run(args: &DataArgs) -> miette::Result<()> {
    match &args.command {
        DataCommand::Save(args) => save(args),
        DataCommand::Restore(args) => restore(args),
    }
}

fn save(args: &SaveArgs) -> miette::Result<()> {
    let request = SaveRequest {
        host: &args.host,
        file: args.file.as_deref(),
        package: args.package.as_ref(),
        variant: args.variant.variant.as_deref(),
        site: if args.maintenance { SiteWhileSaving::Maintenance } else { SiteWhileSaving::Serves },
    };
    let WrittenSave { file, bytes, contents } = save::save(&request, Reporter::Stderr)?;
    if contents.header.database == DatabasePlace::Elsewhere {
        Reporter::Stderr.say("the database is on another server (DATABASE_URL), so it is not in the save");
    }
    let (file, data) = (file.display(), contents.describe());
    Ok(print::line(format_args!("{file} ({bytes} bytes): {data} of {}", contents.header.name))?)
}

fn restore(args: &RestoreArgs) -> miette::Result<()> {
    let replacement = args.yes.clone().map_or(Replacement::Ask, Replacement::Agreed);
    let host = Host::new(&args.host)?;
    let (contents, notes) = RemotePackage::restore(host, &args.file, &replacement, Reporter::Stderr)?;
    for note in notes {
        Reporter::Stderr.say(&note);
    }
    print::line(format_args!("{} has {} of {}", args.host, contents.describe(), contents.header.name))?;
    Ok(())
}
