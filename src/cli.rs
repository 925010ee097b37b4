//! The command line: one variant a command, each with its arguments beside the command itself. Reads the
//! arguments; returns the exit status.

mod examples;

use std::io;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use examples::{Example, examples};

use crate::commands::{
    boot, cache, check, data, deb, deploy, destroy, diff, image, instances, lock, new, repo, schema, terraform, update,
    upload,
};
use crate::compare::CompareError;
use crate::linode::LinodeError;
use crate::python::PythonError;
use crate::remote::RemoteError;
use crate::system::print;

/// From one stack.toml to Debian packages and a disk image for Linode that boots into the running stack.
#[derive(Debug, Parser)]
#[command(name = "stackdeb", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a new project that builds at once
    New(new::NewArgs),
    /// Check stack.toml and show what would be built
    Check(check::CheckArgs),
    /// Choose the versions of libraries and of the image's packages, and write them to stack.lock
    Lock(lock::LockArgs),
    /// Move the libraries and packages of stack.lock to newer versions, and show what is different
    Update(update::UpdateArgs),
    /// Build the package: dist/NAME_VERSION_amd64.deb
    Deb(deb::DebArgs),
    /// Build the package and the disk image: dist/NAME-VERSION-linode.img.gz
    Image(image::ImageArgs),
    /// Put packages into a signed repository that apt installs from
    Repo(repo::RepoArgs),
    /// Show in what two packages or two images differ
    Diff(diff::DiffArgs),
    /// Boot the image in QEMU as Linode would
    Boot(boot::BootArgs),
    /// Upload the image to Linode
    Upload(upload::UploadArgs),
    /// Start instances of the image at Linode, and wait until they answer
    // In a box, because it has many more options than the others.
    Deploy(Box<deploy::DeployArgs>),
    /// List what this stack runs at Linode, and whether it is well
    Instances(instances::InstancesArgs),
    /// Remove instances of this stack from Linode
    Destroy(destroy::DestroyArgs),
    /// Save the data of a server to a file, or restore them
    Data(data::DataArgs),
    /// Write a Terraform configuration: several machines, a balancer and a database at Linode
    Terraform(terraform::TerraformArgs),
    /// Show what is in the cache, or remove what was not used for the longest time
    Cache(cache::CacheArgs),
    /// Print the JSON Schema of stack.toml, for editors
    Schema(schema::SchemaArgs),
}

/// The exit status for an error: 1, unless the error names another one.
pub fn exit_status(report: &miette::Report) -> u8 {
    let of_linode = report.downcast_ref::<LinodeError>().map(|error| error.class().exit_status());
    let of_remote = || report.downcast_ref::<RemoteError>().map(RemoteError::exit_status);
    let of_python = || report.downcast_ref::<PythonError>().map(PythonError::exit_status);
    let of_comparison = || report.downcast_ref::<CompareError>().map(CompareError::exit_status);
    of_linode.or_else(of_remote).or_else(of_python).or_else(of_comparison).unwrap_or(1)
}

/// The whole command line, with its examples at the end of each command's help, and of each command of a command.
pub fn command() -> clap::Command {
    with_examples(command_without_examples(), "stackdeb")
}

/// The same without the examples, for a man page, which has a section for them.
pub fn command_without_examples() -> clap::Command {
    Cli::command()
}

/// The examples of the command that `line` calls, such as `stackdeb repo add`: it has a part of those of `stackdeb repo`.
pub fn examples_of(line: &str) -> impl Iterator<Item = &'static Example> {
    let command = line.split(' ').nth(1).unwrap_or("stackdeb");
    let is_of_it = move |rest: &str| rest.is_empty() || rest.starts_with(' ');
    examples(command).iter().filter(move |example| example.line.strip_prefix(line).is_some_and(is_of_it))
}

/// Adds the examples to `command`, which `line` calls, and to those below it.
fn with_examples(command: clap::Command, line: &str) -> clap::Command {
    let mut help = command.get_after_help().map(|notes| format!("{notes}\n\n")).unwrap_or_default();
    help.push_str("Examples:");
    for Example { line, meaning } in examples_of(line) {
        help.push_str(&format!("\n  {line}\n      {meaning}"));
    }
    command.after_help(help).mut_subcommands(|below| {
        let line = format!("{line} {}", below.get_name());
        with_examples(below, &line)
    })
}

impl Cli {
    /// Parses the arguments that the program was started with.
    ///
    /// # Errors
    /// The exit status, when they ask for help or the version, or are wrong. What there is to say about it is printed.
    pub fn from_environment() -> Result<Self, ExitCode> {
        command().try_get_matches().and_then(|matches| Self::from_arg_matches(&matches)).map_err(|error| {
            match error.print() {
                // As every command does: clap itself ends well when the help cannot be written.
                Err(source) if !error.use_stderr() && source.kind() != io::ErrorKind::BrokenPipe => {
                    print::note(format_args!("cannot write to standard output: {source}"));
                    ExitCode::FAILURE
                }
                _ => ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)),
            }
        })
    }

    /// The exit status.
    ///
    /// # Errors
    /// When the command fails. Earlier outputs are then as they were.
    pub fn run(self) -> miette::Result<ExitCode> {
        let done = match self.command {
            Command::New(args) => new::run(&args),
            Command::Check(args) => check::run(&args),
            Command::Lock(args) => lock::run(&args),
            Command::Update(args) => update::run(&args),
            Command::Deb(args) => deb::run(&args),
            Command::Image(args) => image::run(&args),
            Command::Repo(args) => repo::run(&args),
            // Its answer is its exit status.
            Command::Diff(args) => return diff::run(&args),
            Command::Boot(args) => boot::run(&args),
            Command::Upload(args) => upload::run(&args),
            Command::Deploy(args) => deploy::run(&args),
            Command::Instances(args) => instances::run(&args),
            Command::Destroy(args) => destroy::run(&args),
            Command::Data(args) => data::run(&args),
            Command::Terraform(args) => terraform::run(&args),
            Command::Cache(args) => cache::run(&args),
            Command::Schema(args) => schema::run(&args),
        };
        done.map(|()| ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of a line as a shell takes them, up to a redirection. Examples use no quotes.
    fn words(line: &str) -> Vec<&str> {
        assert!(!line.contains(['"', '\'', '$', '|']), "{line} needs a shell");
        line.split_whitespace().take_while(|word| *word != ">").collect()
    }

    #[test]
    fn every_command_has_examples_that_it_accepts() {
        let mut program = command();
        program.clone().debug_assert();
        let subcommands: Vec<String> = program.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
        assert!(subcommands.contains(&"deploy".to_owned()));
        for name in subcommands.iter().map(String::as_str).chain(["stackdeb"]) {
            let of_command = examples(name);
            assert!(!of_command.is_empty(), "{name} has no example");
            for Example { line, meaning } in of_command {
                let words = words(line);
                let of_this = if name == "stackdeb" { words[0] == name } else { words[..2] == ["stackdeb", name] };
                assert!(of_this, "{line} is an example of another command than {name}");
                assert!(meaning.starts_with(char::is_uppercase), "{line}: {meaning}");
                match program.try_get_matches_from_mut(&words) {
                    Err(error) if error.kind() == clap::error::ErrorKind::DisplayHelp => {}
                    Err(error) => panic!("{line}: {error}"),
                    Ok(matches) => assert_eq!(matches.subcommand_name(), words.get(1).copied(), "{line}"),
                }
            }
        }
    }

    #[test]
    fn every_help_ends_with_its_examples() {
        let mut todo = vec![("stackdeb".to_owned(), command())];
        let mut lines = Vec::new();
        while let Some((line, mut command)) = todo.pop() {
            // Before clap adds its own command `help`.
            todo.extend(command.get_subcommands().map(|sub| (format!("{line} {}", sub.get_name()), sub.clone())));
            let help = command.render_long_help().to_string();
            let last = examples_of(&line).last().unwrap_or_else(|| panic!("{line} has no example"));
            let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            let end = format!("{} {}", flat(last.line), flat(last.meaning));
            assert!(help.contains("\nExamples:\n") && flat(&help).ends_with(&end), "{help}");
            lines.push(line);
        }
        for expected in ["stackdeb", "stackdeb deploy", "stackdeb repo refresh", "stackdeb cache prune"] {
            assert!(lines.iter().any(|line| line == expected), "{lines:?}");
        }
    }
}
