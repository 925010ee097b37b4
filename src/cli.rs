//! The command line: one variant a command, each with its arguments beside the command itself.

use clap::{Parser, Subcommand};

use crate::commands::{boot, check, deb, deploy, destroy, image, instances, new, schema, terraform, upload};
use crate::linode::deploy_error::DeployError;
use crate::linode::error::Class;
use crate::linode::image::upload::UploadError;

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
    /// Build the package: dist/NAME_VERSION_amd64.deb
    Deb(deb::DebArgs),
    /// Build the package and the disk image: dist/NAME-VERSION-linode.img.gz
    Image(image::ImageArgs),
    /// Boot the image in QEMU as Linode would
    Boot(boot::BootArgs),
    /// Upload the image to Linode
    Upload(upload::UploadArgs),
    /// Start instances of the image at Linode, and wait until they answer
    Deploy(deploy::DeployArgs),
    /// List what this stack runs at Linode, and whether it is well
    Instances(instances::InstancesArgs),
    /// Remove instances of this stack from Linode
    Destroy(destroy::DestroyArgs),
    /// Write a Terraform configuration: several machines, a balancer and a database at Linode
    Terraform(terraform::TerraformArgs),
    /// Print the JSON Schema of stack.toml, for editors
    Schema(schema::SchemaArgs),
}

/// The exit status that an error ends the program with: 1, unless its kind has one of its own.
pub fn exit_status(report: &miette::Report) -> u8 {
    let upload = report.downcast_ref::<UploadError>().map(UploadError::class);
    let class = upload.or_else(|| report.downcast_ref::<DeployError>().map(DeployError::class));
    class.map_or(1, Class::exit_status)
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    /// Whatever the command reports; it then has left every earlier output as it was.
    pub fn run(self) -> miette::Result<()> {
        match self.command {
            Command::New(args) => new::run(&args),
            Command::Check(args) => check::run(&args),
            Command::Deb(args) => deb::run(&args),
            Command::Image(args) => image::run(&args),
            Command::Boot(args) => boot::run(&args),
            Command::Upload(args) => upload::run(&args),
            Command::Deploy(args) => deploy::run(&args),
            Command::Instances(args) => instances::run(&args),
            Command::Destroy(args) => destroy::run(&args),
            Command::Terraform(args) => terraform::run(&args),
            Command::Schema(args) => schema::run(&args),
        }
    }
}
