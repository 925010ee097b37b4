//! Why there is no user namespace for us.

use std::io;

use nix::errno::Errno;

use super::ranges::BORROWED;

/// What is missing or refused. Each is something that the system's administrator can change.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum UserNamespaceError {
    /// newuidmap or newgidmap is missing.
    #[error("an image is built as root or with `{0}`, and this system does not have that program")]
    #[diagnostic(help("install it with `sudo apt-get install uidmap`, or build as root"))]
    NoHelper(&'static str),
    /// No range of ids for this user.
    #[error(
        "{file} lends no range of {BORROWED} ids to the user {user}, so packages cannot have files of their own users"
    )]
    #[diagnostic(help("run `sudo usermod {option} {first}-{last} {user}` and try again, or build as root", last = first.saturating_add(BORROWED)))]
    NoRange {
        /// /etc/subuid or /etc/subgid.
        file: &'static str,
        /// usermod's option for it.
        option: &'static str,
        /// The user's name, or number.
        user: String,
        /// The first id that nobody has a range of.
        first: u32,
    },
    /// The kernel was told not to.
    #[error("this system does not allow ordinary users a user namespace: {setting}")]
    #[diagnostic(help("run `{remedy}` (until the next boot; /etc/sysctl.d keeps it for longer), or build as root"))]
    Forbidden {
        /// The setting that says so.
        setting: &'static str,
        /// The command that changes it.
        remedy: &'static str,
    },
    /// newuidmap or newgidmap refused.
    #[error("`{program}` did not map the ids of {file}: {output}")]
    #[diagnostic(help(
        "check that {program} is setuid root (`sudo apt-get install --reinstall uidmap`), or build as root"
    ))]
    Helper {
        /// Which of the two.
        program: &'static str,
        /// The file it goes by.
        file: &'static str,
        /// What it said.
        output: String,
    },
    /// Anything else.
    #[error("cannot {action} for a user namespace: {source}")]
    #[diagnostic(help("containers often forbid user namespaces; build as root there, or outside"))]
    Io {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// The error for a system call.
pub(super) fn io_error(action: &'static str) -> impl Fn(Errno) -> UserNamespaceError {
    move |errno| UserNamespaceError::Io { action, source: errno.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_has_the_command_that_helps() {
        let error = UserNamespaceError::NoRange {
            file: "/etc/subuid",
            option: "--add-subuids",
            user: "anna".to_owned(),
            first: 100_000,
        };
        let help = miette::Diagnostic::help(&error).unwrap().to_string();
        assert!(help.contains("sudo usermod --add-subuids 100000-165535 anna"), "{help}");
        assert!(error.to_string().contains("/etc/subuid"), "{error}");
    }
}
