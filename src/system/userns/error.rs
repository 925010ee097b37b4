//! Why this process cannot become root of a user namespace, each with what to install or to allow.

use std::io;

use nix::errno::Errno;

use super::ranges::BORROWED;

/// Why this program cannot have a user namespace. The administrator can change each of the reasons.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum UserNamespaceError {
    #[error("building an image needs root or the program `{0}`, which this system does not have")]
    #[diagnostic(help("install it with `sudo apt-get install uidmap`, or build as root"))]
    NoHelper(&'static str),
    #[error("{} no range of {BORROWED} ids to the user {user}, which the files of the packages' own users need", files(.missing))]
    #[diagnostic(help("run `sudo usermod {} {user}` and try again, or build as root", options(missing)))]
    NoRange {
        /// The name of the user; the number, if it has no name.
        user: String,
        /// The ranges that the user lacks: one or two.
        missing: Vec<MissingRange>,
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

/// A file that gives the user no range.
#[derive(Debug)]
pub struct MissingRange {
    /// The file that lacks the range: /etc/subuid or /etc/subgid.
    pub(super) file: &'static str,
    /// The option of usermod(8) that adds one.
    pub(super) option: &'static str,
    /// The first id after all ranges of the file.
    pub(super) first: u32,
}

/// Both files, or one, with the verb.
fn files(missing: &[MissingRange]) -> String {
    let files: Vec<&str> = missing.iter().map(|range| range.file).collect();
    format!("{} {}", files.join(" and "), if files.len() > 1 { "give" } else { "gives" })
}

fn options(missing: &[MissingRange]) -> String {
    let option =
        |range: &MissingRange| format!("{} {}-{}", range.option, range.first, range.first.saturating_add(BORROWED));
    missing.iter().map(option).collect::<Vec<_>>().join(" ")
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
        let range = |file, option, first| MissingRange { file, option, first };
        let error = UserNamespaceError::NoRange {
            user: "anna".to_owned(),
            missing: vec![
                range("/etc/subuid", "--add-subuids", 100_000),
                range("/etc/subgid", "--add-subgids", 200_000),
            ],
        };
        let help = miette::Diagnostic::help(&error).unwrap().to_string();
        let command = "sudo usermod --add-subuids 100000-165535 --add-subgids 200000-265535 anna";
        assert!(help.contains(command), "{help}");
        assert!(error.to_string().contains("/etc/subuid and /etc/subgid give no range"), "{error}");
    }
}
