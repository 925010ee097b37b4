//! The ids of a user namespace. Everything that newuidmap(1) and newgidmap(1) need is found before the namespace is
//! made; they are run after that.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use nix::unistd::{self, Pid, User};

use super::error::{MissingRange, UserNamespaceError};
use super::ranges::{BORROWED, Ranges};

/// The mapping of the user ids or of the group ids: 0 is the caller, 1 to 65535 are the
/// range in /etc/subuid or /etc/subgid.
pub(super) struct Map {
    program: &'static str,
    file: &'static str,
    helper: PathBuf,
    own: u32,
    first: u32,
}

impl Map {
    /// The mappings of user ids and group ids. What both lack is one error.
    pub(super) fn both() -> Result<[Self; 2], UserNamespaceError> {
        use UserNamespaceError::NoRange;
        match (Self::of_users(), Self::of_groups()) {
            (Ok(users), Ok(groups)) => Ok([users, groups]),
            (Err(NoRange { user, mut missing }), Err(NoRange { missing: further, .. })) => {
                missing.extend(further);
                Err(NoRange { user, missing })
            }
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }

    fn of_users() -> Result<Self, UserNamespaceError> {
        Self::find("newuidmap", "/etc/subuid", "--add-subuids", unistd::getuid().as_raw())
    }

    fn of_groups() -> Result<Self, UserNamespaceError> {
        Self::find("newgidmap", "/etc/subgid", "--add-subgids", unistd::getgid().as_raw())
    }

    fn find(
        program: &'static str,
        file: &'static str,
        option: &'static str,
        own: u32,
    ) -> Result<Self, UserNamespaceError> {
        let path = env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/bin:/bin"));
        let helper = env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file());
        let helper = helper.ok_or(UserNamespaceError::NoHelper(program))?;
        // /etc/subgid names users as well, not groups (subgid(5)).
        let uid = unistd::getuid();
        let user = User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name);
        let text = fs::read_to_string(file).unwrap_or_default();
        let ranges = Ranges::parse(&text);
        let first = ranges.lent_to(&user, &uid.to_string());
        let missing = || vec![MissingRange { file, option, first: ranges.free() }];
        let first = first.ok_or_else(|| UserNamespaceError::NoRange { user, missing: missing() })?;
        Ok(Self { program, file, helper, own, first })
    }

    /// Sets the mapping of the user namespace of `child`. The kernel allows that once.
    pub(super) fn apply(&self, child: Pid) -> Result<(), UserNamespaceError> {
        let numbers = [child.as_raw().unsigned_abs(), 0, self.own, 1, 1, self.first, BORROWED];
        let output = Command::new(&self.helper)
            .args(numbers.map(|number| number.to_string()))
            .output()
            .map_err(|source| UserNamespaceError::Io { action: "run newuidmap or newgidmap", source })?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let output = if said.is_empty() { output.status.to_string() } else { said };
        Err(UserNamespaceError::Helper { program: self.program, file: self.file, output })
    }
}
