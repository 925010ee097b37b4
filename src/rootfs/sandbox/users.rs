//! The user namespace of the command. Process 1 stays outside of it and sets its ids, because only a process outside can.
//! The other namespaces were made before and so belong to the namespace outside: the command is root of none of them.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{self, Gid, Pid, Uid};

use super::step::{SetupError, SetupStep};
use crate::system::userns::Ids;

/// Two pipes, made before the fork: the command says that it has made the namespace, and process 1 that its ids are set.
pub(super) struct Handshake {
    made: (OwnedFd, OwnedFd),
    admitted: (OwnedFd, OwnedFd),
}

impl Handshake {
    pub(super) fn new() -> Result<Self, SetupError> {
        let pipe = || unistd::pipe2(OFlag::O_CLOEXEC).step("make a pipe");
        Ok(Self { made: pipe()?, admitted: pipe()? })
    }

    /// Process 1: waits for the namespace of `command` and sets its ids.
    pub(super) fn admit(self, command: Pid, ids: Ids) -> Result<(), SetupError> {
        let Self { made: (made, other_made), admitted: (other_admitted, admitted) } = self;
        drop((other_made, other_admitted));
        // Without a byte the command has failed, and says itself why.
        if unistd::read(&made, &mut [0]).step("wait for the user namespace")? == 0 {
            return Ok(());
        }
        for file in ["uid_map", "gid_map"] {
            let set = || {
                fs::write(
                    format!("/proc/{command}/{file}"),
                    ids.map(&fs::read_to_string(format!("/proc/self/{file}"))?),
                )
            };
            set().step(format!("set the {file} of the user namespace"))?;
        }
        unistd::write(&admitted, b"1").map(drop).step("go on in the user namespace")
    }

    /// The command: makes the namespace and becomes its root.
    pub(super) fn enter(self) -> Result<(), SetupError> {
        let Self { made: (other_made, made), admitted: (admitted, other_admitted) } = self;
        drop((other_made, other_admitted));
        unshare(CloneFlags::CLONE_NEWUSER).step("make a user namespace")?;
        let enter = || -> io::Result<()> {
            unistd::write(&made, b"1")?;
            if unistd::read(&admitted, &mut [0])? == 0 {
                return Err(Errno::ESRCH.into());
            }
            let (user, group) = (Uid::from_raw(0), Gid::from_raw(0));
            unistd::setresgid(group, group, group)?;
            unistd::setgroups(&[])?;
            Ok(unistd::setresuid(user, user, user)?)
        };
        enter().step("enter the user namespace")
    }
}

/// Gives the standard files, which are pipes, to the root of the namespace, so that a command can open `/dev/stdout`.
pub(super) fn give_standard_files(ids: Ids) -> Result<(), SetupError> {
    if ids == Ids::SAME {
        return Ok(());
    }
    let id = ids.root();
    for file in [libc::STDIN_FILENO, libc::STDOUT_FILENO, libc::STDERR_FILENO] {
        // SAFETY: the call takes numbers only.
        let changed = Errno::result(unsafe { libc::fchown(file, id, id) });
        changed.step("give the standard files to the sandbox's root")?;
    }
    Ok(())
}
