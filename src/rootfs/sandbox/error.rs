//! Why a command failed in the sandbox.

use std::io;

/// Why a command failed in the sandbox.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SandboxError {
    /// The command ran and failed.
    #[error("`{command}` failed in the sandbox ({status}){}", indented(.output))]
    #[diagnostic(help(
        "its last lines of output are above; if it is the script of a package, look for the mistake in that package"
    ))]
    Command {
        /// The command and its arguments.
        command: String,
        status: String,
        /// The last lines that it wrote to standard output and standard error.
        output: String,
    },
    #[error("`{command}` was ended in the sandbox, because it wrote more than {megabytes} MiB of output")]
    #[diagnostic(help("look in the script of the package for a loop that writes for ever"))]
    TooMuchOutput {
        /// The command and its arguments.
        command: String,
        megabytes: u64,
    },
    /// The sandbox cannot be set up on this system, or the command is not in the root.
    #[error("cannot run `{command}` in a sandbox: {reason}")]
    #[diagnostic(help(
        "the sandbox needs user, mount, PID, IPC, UTS and network namespaces and a /proc of its own; many containers \
         forbid them: run outside of the container, or give it more privileges; if it is the user namespace, \
         `sysctl user.max_user_namespaces` must not be 0"
    ))]
    Setup {
        /// The command and its arguments.
        command: String,
        reason: String,
    },
    /// A bind whose path inside is not below /mnt, or whose file on the host cannot be used.
    #[error("cannot show {host} at {inside} in a sandbox: {reason}")]
    #[diagnostic(help("name an existing file or folder of the host, and a path below /mnt without `..`"))]
    BadBind {
        /// The host's file or folder.
        host: String,
        inside: String,
        reason: String,
    },
    /// The program cannot start itself.
    #[error("cannot start the sandbox: {0}")]
    #[diagnostic(help("check that /proc is mounted, and that there is memory for another process"))]
    Start(#[source] io::Error),
    /// The user asked to stop; the command was killed.
    #[error("interrupted")]
    Interrupted,
}

fn indented(output: &str) -> String {
    output.lines().map(|line| format!("\n    {line}")).collect()
}
