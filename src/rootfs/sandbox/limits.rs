//! The limits of the command (capabilities, syncs that do nothing), and system calls that no crate wraps: closing inherited
//! files, starting the loopback interface.

use std::collections::BTreeMap;
use std::io;

use nix::errno::Errno;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

use super::step::{SetupError, SetupStep};

/// The capabilities that maintainer scripts use (capabilities(7), numbers of linux/capability.h): ownership and
/// permissions of files, other users, chroot. Not among them: devices, mounts, modules, the clock, raw disks.
const KEPT_CAPABILITIES: [libc::c_ulong; 12] = [
    0,  // CAP_CHOWN
    1,  // CAP_DAC_OVERRIDE
    2,  // CAP_DAC_READ_SEARCH
    3,  // CAP_FOWNER
    4,  // CAP_FSETID
    5,  // CAP_KILL
    6,  // CAP_SETGID
    7,  // CAP_SETUID
    8,  // CAP_SETPCAP
    10, // CAP_NET_BIND_SERVICE
    18, // CAP_SYS_CHROOT
    31, // CAP_SETFCAP
];

/// Takes every other capability out of the bounding set, so that the command, though root, never has them.
pub(super) fn drop_capabilities() -> io::Result<()> {
    for capability in (0..64).filter(|number| !KEPT_CAPABILITIES.contains(number)) {
        // SAFETY: PR_CAPBSET_DROP takes a number and no pointer.
        match Errno::result(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) }) {
            // EINVAL: the kernel does not have that many.
            Ok(_) | Err(Errno::EINVAL) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// Makes the calls that wait for a disk succeed at once. This also sets no_new_privs, which changes nothing for the command:
/// it is root already, and a process that has changed to another user with setuid(2) stays that user.
pub(super) fn ignore_syncs() -> Result<(), SetupError> {
    let calls = [
        libc::SYS_fsync,
        libc::SYS_fdatasync,
        libc::SYS_sync,
        libc::SYS_syncfs,
        libc::SYS_msync,
        libc::SYS_sync_file_range,
    ];
    let rules: BTreeMap<i64, Vec<_>> = calls.into_iter().map(|call| (call, Vec::new())).collect();
    let architecture = std::env::consts::ARCH.try_into().map_err(io::Error::other).step("filter system calls")?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(0), architecture);
    let program: BpfProgram =
        filter.and_then(BpfProgram::try_from).map_err(io::Error::other).step("filter system calls")?;
    apply_filter(&program).map_err(io::Error::other).step("filter system calls")
}

/// Closes all files but the three standard ones.
pub(super) fn close_inherited_files() -> io::Result<()> {
    // SAFETY: this process has no `File` yet whose descriptor would be closed. The call is made by its number, because some
    // C libraries are older than the function.
    Errno::result(unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) })?;
    Ok(())
}

/// Starts the interface `lo`. A new network namespace has only this one, and it is down.
pub(super) fn loopback_up() -> io::Result<()> {
    // SAFETY: `ifreq` is plain data for which zeroes are valid; `lo` and its end fit in the name; the call reads the
    // structure and keeps no pointer; the descriptor is closed by us alone.
    unsafe {
        let socket = Errno::result(libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0))?;
        let mut request: libc::ifreq = std::mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
            *to = *from as libc::c_char;
        }
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        let result = Errno::result(libc::ioctl(socket, libc::SIOCSIFFLAGS, &raw const request));
        libc::close(socket);
        result?;
    }
    Ok(())
}

/// Ends this process at once, without exit handlers: after a fork, only the parent may run them.
pub(super) fn end(code: i32) -> ! {
    // SAFETY: it does not return.
    unsafe { libc::_exit(code) }
}
