//! What a package's script tries in order to get out of the sandbox. This program itself is put into a root and makes the
//! system calls there, because no shell can make them.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use libc::{c_int, c_long};
use libtest_mimic::Trial;
use stackdeb::system::userns::Ids;
use support::room;

use super::sandbox;
use super::small_root::Root;

/// Names the attack that this program makes in the sandbox, in place of the tests.
const ATTACK: &str = "STACKDEB_TEST_ATTACK";
/// The handle of a file of the host, as the numbers of its bytes.
const HANDLE: &str = "STACKDEB_TEST_HANDLE";

/// The longest file handle (name_to_handle_at(2)).
const MAX_HANDLE_SZ: usize = 128;

pub fn inner_program() -> Option<ExitCode> {
    match std::env::var(ATTACK).ok()?.as_str() {
        "calls" => make_calls(),
        "sockets" => make_sockets(),
        "handle" => println!("{}", open_handle("/", &handle_from_environment())),
        other => panic!("{other} is not an attack"),
    }
    Some(ExitCode::SUCCESS)
}

pub fn trials() -> Vec<Trial> {
    let by_root = support::tests![the_wall_of_an_ordinary_user_is_as_high];
    attacks().into_iter().chain(room::unless(sandbox::without_real_root(), by_root)).collect()
}

fn attacks() -> Vec<Trial> {
    let mut attacks: Vec<Trial> = support::tests![
        what_can_reach_the_host_is_not_a_system_call_there,
        only_four_families_of_sockets_can_be_made,
        root_inside_is_nobody_outside,
        the_capabilities_are_those_of_the_list,
        no_mount_honours_a_set_user_id_bit,
        output_goes_to_dev_stdout_and_to_ports_below_1024
    ];
    // What the machine does not have cannot be used against it.
    let folder = tempfile::tempdir().unwrap();
    let no_handles = handle_of(folder.path()).is_none().then_some("needs a file system with file handles");
    attacks.extend(room::unless(no_handles, support::tests![a_file_of_the_host_is_not_opened_by_its_handle]));
    // In a thread of its own, which takes its keyring along.
    let no_keys = !thread::spawn(add_key).join().unwrap();
    let no_keys = no_keys.then_some("needs a kernel with keyrings, and the right to use them");
    attacks.extend(room::unless(no_keys, support::tests![keys_of_the_caller_are_not_there]));
    attacks
}

fn the_wall_of_an_ordinary_user_is_as_high() {
    let able = attacks().iter().filter(|attack| !attack.has_ignored_flag()).count();
    sandbox::all_as_ordinary_user("wall::", able);
}

fn attack(name: &str) -> (Root, stackdeb::rootfs::Sandbox) {
    let root = Root::new();
    root.add(&std::env::current_exe().unwrap(), "attack");
    let sandbox = root.sandbox().env(ATTACK, name);
    (root, sandbox)
}

/// The lines `NAME RESULT` that an attack prints.
fn results(name: &str) -> BTreeMap<String, String> {
    let (_root, sandbox) = attack(name);
    let output = String::from_utf8(sandbox.run(&["attack"]).unwrap()).unwrap();
    let pair = |line: &str| line.split_once(' ').map(|(name, result)| (name.to_owned(), result.to_owned()));
    output.lines().filter_map(pair).collect()
}

fn outcome(result: c_long) -> String {
    if result >= 0 { "done".to_owned() } else { errno() }
}

fn errno() -> String {
    match std::io::Error::last_os_error().raw_os_error() {
        Some(libc::ENOSYS) => "ENOSYS".to_owned(),
        other => format!("{other:?}"),
    }
}

/// Calls that reach the host if they succeed. Each has arguments with which it would do something, or at least would
/// fail with another error than that of a call which does not exist.
fn make_calls() {
    let mut page = [0_u64; 32];
    let null = 0;
    let here = page.as_mut_ptr() as c_long;
    let new_user = c_long::from(libc::CLONE_NEWUSER);
    // SAFETY: the kernel reads and writes at most the page; a child of a clone that succeeds has memory of its own and
    // ends at once.
    let call = |number: c_long, arguments: [c_long; 5]| unsafe {
        let [a, b, c, d, e] = arguments;
        let result = libc::syscall(number, a, b, c, d, e);
        if result == 0 && (number == libc::SYS_clone || number == libc::SYS_clone3) {
            libc::_exit(0);
        }
        result
    };
    let calls = [
        ("keyctl", libc::SYS_keyctl, [0, -3, 0, 0, 0]),
        ("add_key", libc::SYS_add_key, [here, here, here, 1, -3]),
        ("request_key", libc::SYS_request_key, [here, here, null, -3, 0]),
        ("perf_event_open", libc::SYS_perf_event_open, [here, 0, -1, -1, 0]),
        ("io_uring_setup", libc::SYS_io_uring_setup, [1, here, 0, 0, 0]),
        ("bpf", libc::SYS_bpf, [0, here, 48, 0, 0]),
        ("unshare", libc::SYS_unshare, [new_user, 0, 0, 0, 0]),
        ("setns", libc::SYS_setns, [0, 0, 0, 0, 0]),
        ("clone", libc::SYS_clone, [new_user | c_long::from(libc::SIGCHLD), 0, 0, 0, 0]),
        ("clone3", libc::SYS_clone3, [here, 64, 0, 0, 0]),
        ("mount", libc::SYS_mount, [here, here, here, 0, 0]),
        ("umount2", libc::SYS_umount2, [here, 0, 0, 0, 0]),
        ("fsopen", libc::SYS_fsopen, [here, 0, 0, 0, 0]),
        ("open_tree", libc::SYS_open_tree, [-100, here, 1, 0, 0]),
        ("mount_setattr", libc::SYS_mount_setattr, [-100, here, 0, here, 32]),
        ("pivot_root", libc::SYS_pivot_root, [here, here, 0, 0, 0]),
        ("name_to_handle_at", libc::SYS_name_to_handle_at, [-100, here, here, here, 0]),
        ("open_by_handle_at", libc::SYS_open_by_handle_at, [-100, here, 0, 0, 0]),
        ("ptrace", libc::SYS_ptrace, [0, 0, 0, 0, 0]),
        ("process_vm_readv", libc::SYS_process_vm_readv, [1, here, 1, here, 1]),
        ("kcmp", libc::SYS_kcmp, [1, 1, 0, 0, 0]),
        ("pidfd_getfd", libc::SYS_pidfd_getfd, [0, 0, 0, 0, 0]),
        ("userfaultfd", libc::SYS_userfaultfd, [0, 0, 0, 0, 0]),
        ("fanotify_init", libc::SYS_fanotify_init, [0, 0, 0, 0, 0]),
        ("init_module", libc::SYS_init_module, [here, 8, here, 0, 0]),
        ("kexec_load", libc::SYS_kexec_load, [0, 0, here, 0, 0]),
        ("syslog", libc::SYS_syslog, [10, 0, 0, 0, 0]),
        ("quotactl", libc::SYS_quotactl, [0, here, 0, here, 0]),
        ("swapon", libc::SYS_swapon, [here, 0, 0, 0, 0]),
        ("settimeofday", libc::SYS_settimeofday, [here, 0, 0, 0, 0]),
        ("io_setup", libc::SYS_io_setup, [1, here, 0, 0, 0]),
        ("modify_ldt", libc::SYS_modify_ldt, [0, here, 16, 0, 0]),
        ("personality", libc::SYS_personality, [0x0040000, 0, 0, 0, 0]),
        ("ioctl", libc::SYS_ioctl, [0, libc::TIOCSTI as c_long, here, 0, 0]),
    ];
    for (name, number, arguments) in calls {
        println!("{name} {}", outcome(call(number, arguments)));
    }
}

fn what_can_reach_the_host_is_not_a_system_call_there() {
    let results = results("calls");
    assert!(results.len() > 30, "{results:?}");
    let there: Vec<_> = results.iter().filter(|(_, result)| *result != "ENOSYS").collect();
    assert!(there.is_empty(), "{there:?}");
}

fn make_sockets() {
    for family in 0..=60 {
        for kind in [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_RAW, libc::SOCK_SEQPACKET] {
            // SAFETY: the call takes numbers only.
            println!("{family}/{kind} {}", outcome(unsafe { libc::socket(family, kind, 0) }.into()));
        }
    }
}

fn only_four_families_of_sockets_can_be_made() {
    let results = results("sockets");
    let families = |wanted: fn(&str) -> bool| -> Vec<c_int> {
        let mut families: Vec<c_int> = results
            .iter()
            .filter(|(_, result)| wanted(result))
            .map(|(name, _)| name.split('/').next().unwrap().parse().unwrap())
            .collect();
        families.sort_unstable();
        families.dedup();
        families
    };
    let expected = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
    assert_eq!(families(|result| result != "ENOSYS"), expected);
    assert_eq!(families(|result| result == "done"), expected, "a script needs these");
}

/// `struct file_handle` with room for the longest handle.
#[repr(C)]
struct Handle {
    length: u32,
    kind: c_int,
    bytes: [u8; MAX_HANDLE_SZ],
}

fn handle_of(path: &Path) -> Option<Handle> {
    let mut handle = Handle { length: MAX_HANDLE_SZ as u32, kind: 0, bytes: [0; MAX_HANDLE_SZ] };
    let path = CString::new(path.to_str().unwrap()).unwrap();
    let mut mount: c_int = 0;
    // SAFETY: the path ends with a zero; the handle has room for as many bytes as it says.
    let result = unsafe {
        libc::syscall(libc::SYS_name_to_handle_at, libc::AT_FDCWD, path.as_ptr(), &raw mut handle, &raw mut mount, 0)
    };
    (result == 0).then_some(handle)
}

/// Opens a file of the file system of `mount` by its handle, and returns what is in it; else the error.
fn open_handle(mount: &str, handle: &Handle) -> String {
    use std::io::Read;
    use std::os::fd::{AsRawFd, FromRawFd};
    let mount = fs::File::open(mount).unwrap();
    // SAFETY: the handle is one that the kernel has made; the descriptor is nobody else's.
    let opened = unsafe {
        let opened = libc::syscall(libc::SYS_open_by_handle_at, mount.as_raw_fd(), handle, libc::O_RDONLY);
        if opened < 0 {
            return errno();
        }
        fs::File::from_raw_fd(opened as c_int)
    };
    let mut text = String::new();
    let mut opened = opened;
    opened.read_to_string(&mut text).unwrap();
    text
}

fn handle_from_environment() -> Handle {
    let numbers: Vec<u8> = std::env::var(HANDLE).unwrap().split(',').map(|number| number.parse().unwrap()).collect();
    let mut handle = Handle { length: numbers.len() as u32 - 1, kind: numbers[0].into(), bytes: [0; MAX_HANDLE_SZ] };
    handle.bytes[..numbers.len() - 1].copy_from_slice(&numbers[1..]);
    handle
}

fn a_file_of_the_host_is_not_opened_by_its_handle() {
    let (root, sandbox) = attack("handle");
    // On the file system of the root, where the script has an open folder.
    let secret = root.folder.path().join("secret");
    fs::write(&secret, "of the host").unwrap();
    fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)).unwrap();
    let handle = handle_of(&secret).unwrap();
    if Ids::of_a_root() != Ids::SAME {
        let folder = root.folder.path().to_str().unwrap();
        assert_eq!(open_handle(folder, &handle), "of the host", "outside it works, or this is no attack");
    }
    let mut numbers = vec![u8::try_from(handle.kind).unwrap()];
    numbers.extend(&handle.bytes[..handle.length as usize]);
    let numbers: Vec<String> = numbers.iter().map(u8::to_string).collect();
    let output = sandbox.env(HANDLE, &numbers.join(",")).run(&["attack"]).unwrap();
    assert_eq!(String::from_utf8(output).unwrap(), "ENOSYS\n");
}

const KEY: &CStr = c"stackdeb-test-key";

/// Gives this thread a keyring of its own with one key. Returns whether the system allows that.
fn add_key() -> bool {
    let (kind, secret) = (c"user", b"secret");
    // SAFETY: all strings end with a zero, and the length is that of the secret. Only this thread gets the new keyring.
    let added = unsafe {
        // 1 is KEYCTL_JOIN_SESSION_KEYRING, -3 is KEY_SPEC_SESSION_KEYRING (linux/keyctl.h).
        libc::syscall(libc::SYS_keyctl, 1, std::ptr::null::<libc::c_char>());
        libc::syscall(libc::SYS_add_key, kind.as_ptr(), KEY.as_ptr(), secret.as_ptr(), secret.len(), -3)
    };
    added >= 0
}

fn keys_of_the_caller_are_not_there() {
    assert!(add_key());
    let name = KEY.to_str().unwrap();
    assert!(fs::read_to_string("/proc/keys").unwrap().contains(name), "outside it is there");
    let seen = Root::new().shell("cat /proc/keys");
    assert!(!seen.contains(name), "{seen}");
}

fn root_inside_is_nobody_outside() {
    let seen = Root::new().shell("cat /proc/self/uid_map /proc/self/gid_map; stat -c %u:%g /");
    let lines: Vec<&str> = seen.lines().collect();
    let first = Ids::of_a_root().root().to_string();
    assert_eq!(lines.last(), Some(&"0:0"), "{seen}");
    let of_root: Vec<&str> = lines.iter().filter(|line| line.trim().starts_with("0 ")).copied().collect();
    assert_eq!(of_root.len(), 2, "{seen}");
    for line in of_root {
        assert_eq!(line.split_whitespace().nth(1), Some(first.as_str()), "{seen}");
    }
    // In a namespace of the tests' own, root inside is root there, who is an ordinary user of the machine.
    let whole = fs::read_to_string("/proc/self/uid_map").unwrap();
    if whole.split_whitespace().eq(["0", "0", "4294967295"]) {
        assert_ne!(first, "0");
    }
}

fn the_capabilities_are_those_of_the_list() {
    let status = Root::new().shell("cat /proc/self/status");
    let value = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    };
    // Numbers of linux/capability.h: CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SYS_CHROOT, SETFCAP.
    let expected: u64 = [0, 1, 3, 4, 5, 6, 7, 18, 31].iter().map(|number| 1_u64 << number).sum();
    for set in ["CapPrm:", "CapEff:", "CapBnd:"] {
        assert_eq!(value(set), expected, "{set}");
    }
    assert_eq!((value("CapInh:"), value("CapAmb:")), (0, 0));
}

fn no_mount_honours_a_set_user_id_bit() {
    let mounts = Root::new().shell("cat /proc/self/mountinfo");
    // proc_pid_mountinfo(5): the sixth field has the mount's options.
    let without: Vec<&str> = mounts
        .lines()
        .filter(|line| !line.split(' ').nth(5).unwrap().split(',').any(|option| option == "nosuid"))
        .collect();
    assert!(mounts.lines().count() > 5 && without.is_empty(), "{without:#?}");
}

fn output_goes_to_dev_stdout_and_to_ports_below_1024() {
    let root = Root::new();
    assert_eq!(
        root.shell(
            "echo one >/dev/stdout; echo two | cat >/proc/self/fd/1; cat /proc/sys/net/ipv4/ip_unprivileged_port_start"
        ),
        "one\ntwo\n0\n"
    );
    assert_eq!(root.sandbox().run_with_input(&["cat", "/dev/stdin"], b"three").unwrap(), b"three");
}
