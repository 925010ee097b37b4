//! The limits of the command (capabilities, keys, sizes), and system calls that no crate wraps: closing inherited
//! files, starting the loopback interface.

use std::io;

use nix::errno::Errno;
use nix::sys::resource::{Resource, setrlimit};

/// The capabilities that maintainer scripts use (capabilities(7), numbers of linux/capability.h). They hold in the
/// command's own user namespace only, over files and processes that belong to the users of the root.
const KEPT_CAPABILITIES: [libc::c_ulong; 9] = [
    // Files get the owner that a package names.
    0, // CAP_CHOWN
    // Root writes into folders of other users, as in /var/lib/postgresql.
    1, // CAP_DAC_OVERRIDE
    // Root changes the permissions of other users' files.
    3, // CAP_FOWNER
    // The set-group-id bit of a folder such as /var/log/journal stays when its permissions change.
    4, // CAP_FSETID
    // A script ends what it has started as another user.
    5, // CAP_KILL
    // su(1) and runuser(1) become another user.
    6, // CAP_SETGID
    7, // CAP_SETUID
    // `ldconfig -r` makes the list of the initramfs's libraries.
    18, // CAP_SYS_CHROOT
    // setcap(8) in the scripts of packages such as iputils-ping.
    31, // CAP_SETFCAP
];

/// The longest file that a command may write, in bytes. It is more than the largest image that Linode takes.
const LONGEST_FILE: u64 = 8 * 1024 * 1024 * 1024;

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

/// Leaves the caller's session keyring (keyrings(7)) for a new, empty one: the kernel searches it for the command.
pub(super) fn join_new_session_keyring() -> io::Result<()> {
    const KEYCTL_JOIN_SESSION_KEYRING: libc::c_long = 1;
    // SAFETY: with this operation the second argument is a name; null makes a keyring without one.
    let joined =
        unsafe { libc::syscall(libc::SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, std::ptr::null::<libc::c_char>()) };
    match Errno::result(joined) {
        // This kernel has no keyrings, or a container around this program forbids them.
        Ok(_) | Err(Errno::ENOSYS | Errno::EPERM) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Limits the length of files, and lets a crash leave no file with the memory of a program.
pub(super) fn limit_files() -> nix::Result<()> {
    setrlimit(Resource::RLIMIT_FSIZE, LONGEST_FILE, LONGEST_FILE)?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0)
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
