//! The errors of [`super::enter`].

use std::io;

use nix::errno::Errno;

use super::ranges::BORROWED;

/// Why this program cannot have a user namespace. The administrator can change each of the reasons.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum UserNamespaceError {
    #[error("building an image needs root or the program `{0}`, which this system does not have")]
    #[diagnostic(help("install it with `sudo apt-get install uidmap`, or build as root"))]
    NoHelper(&'static str),
    #[error("{file} gives the user {user} no range of {BORROWED} ids, which the files of the packages' own users need")]
    #[diagnostic(help("run `sudo usermod {option} {first}-{last} {user}` and try again, or build as root", last = first.saturating_add(BORROWED)))]
    NoRange {
        /// /etc/subuid or /etc/subgid.
        file: &'static str,
        option: &'static str,
        /// The name of the user; the number, if it has no name.
        user: String,
        /// The first id after all ranges of the file.
        first: u32,
    },
    #[error("this system does not allow user namespaces for ordinary users: {setting}")]
    #[diagnostic(help(
        "run `{remedy}`, which lasts until the next boot (a file in /etc/sysctl.d makes it permanent), or build as root"
    ))]
    Forbidden {
        /// The name and value of the sysctl.
        setting: &'static str,
        remedy: &'static str,
    },
    #[error("`{program}` did not map the ids of {file}: {output}")]
    #[diagnostic(help(
        "check that {program} is setuid root (`sudo apt-get install --reinstall uidmap`), or build as root"
    ))]
    Helper {
        program: &'static str,
        /// The file with the ranges that it obeys.
        file: &'static str,
        output: String,
    },
    #[error("cannot {action} for a user namespace: {source}")]
    #[diagnostic(help("containers often forbid user namespaces: build as root there, or outside the container"))]
    Io {
        action: &'static str,
        #[source]
        source: io::Error,
    },
}

/// Makes the error of a system call. `action` follows "cannot".
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
