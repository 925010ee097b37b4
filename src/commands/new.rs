//! `stackdeb new NAME`: writes a new project that builds at once, and says what to do with it.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::stack::new_project::{NewProject, PLACEHOLDER, write_project};
use crate::system::print;

/// Write a new project: a small Flask app with a database.
#[derive(Debug, Args)]
pub struct NewArgs {
    /// The name of the package, the services and the system user: lower-case letters, digits and `-`
    pub name: String,
    /// Where to write it [default: a new folder called NAME]
    #[arg(long)]
    pub folder: Option<PathBuf>,
}

/// Writes a project and says what to do with it.
///
/// # Errors
/// As [`write_project`].
pub fn run(args: &NewArgs) -> miette::Result<()> {
    let NewProject { name, folder, has_maintainer } = write_project(&args.name, args.folder.as_deref())?;
    print::line(format_args!("{} is ready. Next: cd {} && stackdeb deb", name, for_shell(&folder)))?;
    if !has_maintainer {
        print::line(format_args!("Write your name and address into stack.toml in place of {PLACEHOLDER}."))?;
    }
    Ok(())
}

/// A path as one word of a shell.
fn for_shell(path: &Path) -> String {
    let text = path.display().to_string();
    // `cd -x` would be an option.
    let text = if text.starts_with('-') { format!("./{text}") } else { text };
    // Only a zero byte has no quotes, and no path has one.
    shlex::try_quote(&text).map_or_else(|_| text.clone(), Cow::into_owned)
}
