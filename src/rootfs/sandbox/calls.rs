//! The system calls that the command may make: a list of what dpkg, maintainer scripts and the programs that they start
//! need. Every other call fails with ENOSYS, as in a kernel that does not have it: programs are used to that, and do without.
//!
//! Not on the list are, among others: files by their handles (open_by_handle_at(2) reaches every file of a disk), keyrings,
//! mounts, namespaces, other processes' memory (ptrace(2)), BPF, perf events, io_uring, modules, clocks, swap, reboots.

use std::collections::BTreeMap;
use std::io;

use libc::c_int;
use seccompiler::SeccompCmpArgLen::Dword;
use seccompiler::SeccompCmpOp::{Eq, MaskedEq, Ne};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, apply_filter,
};

use super::step::{SetupError, SetupStep};

/// The numbers of system calls.
macro_rules! calls {
    ($($name:ident)*) => { &[$(libc::$name),*] };
}

/// What a program does with files, also with the times, owners and attributes that dpkg restores.
const FILES: &[i64] = calls! {
    SYS_access SYS_chdir SYS_chmod SYS_chown SYS_chroot SYS_close SYS_close_range SYS_copy_file_range SYS_creat SYS_dup
    SYS_dup2 SYS_dup3 SYS_faccessat SYS_faccessat2 SYS_fadvise64 SYS_fallocate SYS_fchdir SYS_fchmod SYS_fchmodat
    SYS_fchmodat2 SYS_fchown SYS_fchownat SYS_fcntl SYS_fgetxattr SYS_flistxattr SYS_flock SYS_fremovexattr
    SYS_fsetxattr SYS_fstat SYS_fstatfs SYS_ftruncate SYS_futimesat SYS_getcwd SYS_getdents SYS_getdents64 SYS_getxattr
    SYS_inotify_add_watch SYS_inotify_init SYS_inotify_init1 SYS_inotify_rm_watch SYS_lchown SYS_lgetxattr SYS_link
    SYS_linkat SYS_listxattr SYS_llistxattr SYS_lremovexattr SYS_lseek SYS_lsetxattr SYS_lstat SYS_memfd_create
    SYS_mkdir SYS_mkdirat SYS_mknod SYS_mknodat SYS_newfstatat SYS_open SYS_openat SYS_openat2 SYS_pipe SYS_pipe2
    SYS_pread64 SYS_preadv SYS_preadv2 SYS_pwrite64 SYS_pwritev SYS_pwritev2 SYS_read SYS_readahead SYS_readlink
    SYS_readlinkat SYS_readv SYS_removexattr SYS_rename SYS_renameat SYS_renameat2 SYS_rmdir SYS_sendfile SYS_setxattr
    SYS_splice SYS_stat SYS_statfs SYS_statx SYS_symlink SYS_symlinkat SYS_tee SYS_truncate SYS_umask SYS_unlink
    SYS_unlinkat SYS_utime SYS_utimensat SYS_utimes SYS_write SYS_writev
};

/// These succeed without waiting for a disk.
const SYNCS: &[i64] = calls! {
    SYS_fdatasync SYS_fsync SYS_msync SYS_sync SYS_sync_file_range SYS_syncfs
};

/// Processes and threads: starting, waiting, signals, priorities, limits, and the user that they run as.
const PROCESSES: &[i64] = calls! {
    SYS_arch_prctl SYS_capget SYS_capset SYS_execve SYS_execveat SYS_exit SYS_exit_group SYS_fork SYS_futex
    SYS_futex_waitv SYS_get_robust_list SYS_getcpu SYS_getegid SYS_geteuid SYS_getgid SYS_getgroups SYS_getpgid
    SYS_getpgrp SYS_getpid SYS_getppid SYS_getpriority SYS_getresgid SYS_getresuid SYS_getrlimit SYS_getrusage
    SYS_getsid SYS_gettid SYS_getuid SYS_ioprio_get SYS_ioprio_set SYS_kill SYS_membarrier SYS_pause SYS_pidfd_open
    SYS_pidfd_send_signal SYS_prctl SYS_prlimit64 SYS_restart_syscall SYS_rseq SYS_rt_sigaction SYS_rt_sigpending
    SYS_rt_sigprocmask SYS_rt_sigqueueinfo SYS_rt_sigreturn SYS_rt_sigsuspend SYS_rt_sigtimedwait SYS_rt_tgsigqueueinfo
    SYS_sched_get_priority_max SYS_sched_get_priority_min SYS_sched_getaffinity SYS_sched_getattr SYS_sched_getparam
    SYS_sched_getscheduler SYS_sched_rr_get_interval SYS_sched_setaffinity SYS_sched_setattr SYS_sched_setparam
    SYS_sched_setscheduler SYS_sched_yield SYS_seccomp SYS_set_robust_list SYS_set_tid_address SYS_setfsgid SYS_setfsuid
    SYS_setgid SYS_setgroups SYS_setpgid SYS_setpriority SYS_setregid SYS_setresgid SYS_setresuid SYS_setreuid
    SYS_setrlimit SYS_setsid SYS_setuid SYS_sigaltstack SYS_sysinfo SYS_tgkill SYS_tkill SYS_times SYS_uname SYS_vfork
    SYS_wait4 SYS_waitid
};

const MEMORY: &[i64] = calls! {
    SYS_brk SYS_madvise SYS_mincore SYS_mlock SYS_mlock2 SYS_mlockall SYS_mmap SYS_mprotect SYS_mremap SYS_munlock
    SYS_munlockall SYS_munmap
};

/// Time, timers, and waiting for files.
const TIME: &[i64] = calls! {
    SYS_alarm SYS_clock_getres SYS_clock_gettime SYS_clock_nanosleep SYS_epoll_create SYS_epoll_create1 SYS_epoll_ctl
    SYS_epoll_pwait SYS_epoll_pwait2 SYS_epoll_wait SYS_eventfd SYS_eventfd2 SYS_getitimer SYS_getrandom
    SYS_gettimeofday SYS_nanosleep SYS_poll SYS_ppoll SYS_pselect6 SYS_select SYS_setitimer SYS_signalfd SYS_signalfd4
    SYS_time SYS_timer_create SYS_timer_delete SYS_timer_getoverrun SYS_timer_gettime SYS_timer_settime
    SYS_timerfd_create SYS_timerfd_gettime SYS_timerfd_settime
};

/// Connections between the command's own processes, and System V's means, which initdb of PostgreSQL uses.
const CONNECTIONS: &[i64] = calls! {
    SYS_accept SYS_accept4 SYS_bind SYS_connect SYS_getpeername SYS_getsockname SYS_getsockopt SYS_listen SYS_msgctl
    SYS_msgget SYS_msgrcv SYS_msgsnd SYS_recvfrom SYS_recvmmsg SYS_recvmsg SYS_semctl SYS_semget SYS_semop
    SYS_semtimedop SYS_sendmmsg SYS_sendmsg SYS_sendto SYS_setsockopt SYS_shmat SYS_shmctl SYS_shmdt SYS_shmget
    SYS_shutdown
};

/// The families of sockets: local ones, the network (of which there is only `lo`), and netlink, by which programs list
/// the network's interfaces. A socket of AF_VSOCK would lead out of the namespaces.
const FAMILIES: [c_int; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

/// The flags of clone(2) that make namespaces. clone3(2) hides its flags from a filter; the C library then takes clone(2).
const NAMESPACES: c_int = libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET;

/// Calls of ioctl(2) that type into a terminal.
const TYPING: [libc::Ioctl; 2] = [libc::TIOCSTI, libc::TIOCLINUX];

/// personality(2): what Linux is by default, and the question.
const PERSONALITIES: [u64; 2] = [0, 0xffff_ffff];

/// Installs the filter. This also sets no_new_privs, which changes nothing for the command: it is root already, and a
/// process that has changed to another user with setuid(2) stays that user.
pub(super) fn filter() -> Result<(), SetupError> {
    let without_conditions = |calls: &[i64]| calls.iter().map(|&call| (call, Vec::new())).collect::<Vec<_>>();
    let install = || -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        // Of two filters that disagree, the one that does not allow the call decides (seccomp(2)).
        let syncs = without_conditions(SYNCS).into_iter().collect();
        install(syncs, SeccompAction::Errno(0), SeccompAction::Allow)?;
        let plain = [FILES, SYNCS, PROCESSES, MEMORY, TIME, CONNECTIONS];
        let mut allowed: BTreeMap<_, _> = plain.into_iter().flat_map(without_conditions).collect();
        let is = |place, value: c_int| condition(place, Eq, u64::from(value.cast_unsigned()));
        let families = FAMILIES.into_iter().map(|family| rule(vec![is(0, family)?])).collect::<Result<_, _>>()?;
        allowed.insert(libc::SYS_socket, families);
        allowed.insert(libc::SYS_socketpair, vec![rule(vec![is(0, libc::AF_UNIX)?])?]);
        let namespaces = MaskedEq(u64::from(NAMESPACES.cast_unsigned()));
        allowed.insert(libc::SYS_clone, vec![rule(vec![condition(0, namespaces, 0)?])?]);
        let typing = TYPING.into_iter().map(|number| condition(1, Ne, number)).collect::<Result<_, _>>()?;
        allowed.insert(libc::SYS_ioctl, vec![rule(typing)?]);
        let personalities = PERSONALITIES.into_iter().map(|value| rule(vec![condition(0, Eq, value)?]));
        allowed.insert(libc::SYS_personality, personalities.collect::<Result<_, _>>()?);
        install(allowed, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS.cast_unsigned()))
    };
    install().map_err(io::Error::other).step("filter system calls")
}

fn condition(place: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompCondition, seccompiler::Error> {
    Ok(SeccompCondition::new(place, Dword, operator, value)?)
}

/// A call is allowed if all conditions of one of its rules hold.
fn rule(conditions: Vec<SeccompCondition>) -> Result<SeccompRule, seccompiler::Error> {
    Ok(SeccompRule::new(conditions)?)
}

fn install(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    on_list: SeccompAction,
    otherwise: SeccompAction,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    // The filter's parameters are in the other order: what happens to a call that is not on the list comes first.
    let filter = SeccompFilter::new(rules, otherwise, on_list, std::env::consts::ARCH.try_into()?)?;
    Ok(apply_filter(&BpfProgram::try_from(filter)?)?)
}
