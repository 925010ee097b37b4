//! What a package's script can see and do in the sandbox. Every test runs as root, and, when root runs the tests, a second
//! time as an ordinary user in a user namespace: with a user database of the test's own, so that the host needs no user for it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use libtest_mimic::Trial;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use stackdeb::rootfs::sandbox::{self, Sandbox, SandboxError};
use stackdeb::system::userns::Ids;
use stackdeb::system::{interrupt, tree, userns};
use support::room;
use tempfile::TempDir;

use super::small_root::Root;

const ORDINARY_USER: u32 = 64_123;
const ORDINARY_NAME: &str = "anna";

/// To be asked before anything else: this program is started again as a sandbox's first process, and as what sleeps in one.
pub fn inner_program() -> Option<ExitCode> {
    sandbox::main().or_else(|| {
        let root = std::env::var_os(SLEEPER)?;
        userns::enter().unwrap();
        Some(sleep_in_sandbox(Path::new(&root)))
    })
}

pub fn trials() -> Vec<Trial> {
    let tests: Vec<Trial> = support::tests![
        only_the_loopback_interface_is_there,
        the_hosts_network_is_there_on_request_and_cannot_be_changed,
        the_hosts_environment_is_absent,
        the_command_runs_below_process_1_of_its_own,
        the_host_name_is_localhost,
        dev_is_small_and_the_hosts_stays_as_it_was,
        what_a_script_leaves_running_is_ended,
        a_failure_shows_the_output,
        a_missing_command_is_named,
        syncs_are_ignored,
        what_is_written_to_the_root_stays,
        a_read_only_root_cannot_be_written_to,
        folders_are_bound_below_mnt,
        the_command_reads_its_input,
        output_without_end_ends_the_command,
        files_can_have_every_owner,
        devices_and_mounts_cannot_be_made,
        kernel_settings_cannot_be_changed,
        a_link_in_the_root_leads_no_mount_out_of_it,
        deletion_stops_at_a_mount,
        nothing_survives_an_interrupt_or_a_kill
    ];
    let missing = without_real_root();
    let by_root = support::tests![
        all_of_this_as_an_ordinary_user,
        signals_and_the_exit_status_pass_through_the_namespace,
        what_is_missing_for_an_ordinary_user_is_named
    ];
    tests.into_iter().chain(room::unless(missing, by_root)).collect()
}

/// In a user namespace one is root as well, but some tests become an ordinary user from outside.
pub fn without_real_root() -> Option<&'static str> {
    let inside = std::env::var_os("STACKDEB_USER_NAMESPACE").is_some();
    room::without_root().or(inside.then_some("needs root outside a user namespace"))
}

fn only_the_loopback_interface_is_there() {
    let devices = Root::new().shell("cat /proc/net/dev");
    let names: Vec<&str> = devices.lines().skip(2).filter_map(|line| line.split(':').next()).map(str::trim).collect();
    assert_eq!(names, ["lo"]);
    // An address of 127.0.0.0/8 appears in this table when the interface is up.
    assert!(Root::new().shell("cat /proc/net/fib_trie").contains("127.0.0.1"));
}

fn the_hosts_network_is_there_on_request_and_cannot_be_changed() {
    const PORTS: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
    let root = Root::new();
    let own = fs::read_link("/proc/self/ns/net").unwrap().display().to_string();
    let before = fs::read_to_string(PORTS).unwrap();
    let network = |sandbox: Sandbox| {
        String::from_utf8(sandbox.run(&["sh", "-ec", "readlink /proc/self/ns/net"]).unwrap()).unwrap()
    };
    assert_eq!(network(root.sandbox().host_network()).trim(), own);
    assert_ne!(network(root.sandbox()).trim(), own);
    let change = format!("echo 1 >{PORTS}");
    let error = root.sandbox().host_network().run(&["sh", "-ec", &change]).unwrap_err().to_string();
    assert!(error.contains("Read-only file system"), "{error}");
    assert_eq!(fs::read_to_string(PORTS).unwrap(), before);
}

fn the_hosts_environment_is_absent() {
    // Cargo sets several variables for its tests, and the shell adds PWD.
    assert!(std::env::var_os("PATH").is_some());
    let sandbox = Root::new();
    let output = sandbox.sandbox().env("LC_ALL", "C").run(&["env"]).unwrap();
    let output = String::from_utf8(output).unwrap();
    let mut names: Vec<&str> = output.lines().filter_map(|line| line.split('=').next()).collect();
    names.sort_unstable();
    assert_eq!(names, ["DEBCONF_NONINTERACTIVE_SEEN", "DEBIAN_FRONTEND", "HOME", "LC_ALL", "PATH", "TZ"]);
    assert!(output.contains("LC_ALL=C\n"), "{output}");
    assert_eq!(sandbox.shell("umask; ls /proc/self/fd | cat; pwd").trim(), "0022\n0\n1\n2\n3\n/");
}

fn the_command_runs_below_process_1_of_its_own() {
    let root = Root::new();
    assert_eq!(root.shell("echo $$ $PPID").trim(), "2 1");
    let processes = root.shell("ls /proc");
    assert!(processes.lines().filter(|name| name.parse::<u32>().is_ok()).count() <= 3, "{processes}");
}

fn the_host_name_is_localhost() {
    assert_eq!(Root::new().shell("uname -n").trim(), "localhost");
}

fn listing(folder: &str) -> Vec<(PathBuf, u64)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut listing: Vec<_> = entries.map(|path| (path.clone(), path.symlink_metadata().unwrap().rdev())).collect();
    listing.sort();
    listing
}

fn dev_is_small_and_the_hosts_stays_as_it_was() {
    let before = listing("/dev");
    let root = Root::new();
    assert_eq!(
        root.shell("ls /dev").split_whitespace().collect::<Vec<_>>(),
        ["fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero"]
    );
    // Major and minor numbers as in the kernel's documentation, devices.txt.
    assert_eq!(root.shell("stat -c %t:%T /dev/null /dev/urandom").trim(), "1:3\n1:9");
    root.shell("echo lost >/dev/null; dd if=/dev/urandom of=/dev/shm/file bs=10 count=1 2>/dev/null");
    assert!(fs::read_dir(root.path().join("dev")).unwrap().next().is_none(), "the root's own /dev is empty");
    tree::remove(&root.path()).unwrap();
    assert_eq!(listing("/dev"), before);
}

fn what_a_script_leaves_running_is_ended() {
    let root = Root::new();
    let started = std::time::Instant::now();
    root.shell("sleep 61.7531 & (sleep 61.7531 >/dev/null 2>&1 &)");
    assert!(started.elapsed().as_secs() < 30, "it waited for a process in the background");
    // The same test may run as an ordinary user at this moment.
    wait_until("nothing sleeps", || !is_running(b"61.7531"));
}

fn a_failure_shows_the_output() {
    let error = Root::new().try_shell("echo to output; echo to errors >&2; exit 3").unwrap_err();
    let SandboxError::Command { status, output, .. } = &error else { panic!("{error}") };
    assert!(status.contains('3'), "{status}");
    assert!(output.contains("to output") && output.contains("to errors"), "{output}");
}

fn a_missing_command_is_named() {
    let error = Root::new().sandbox().run(&["no-such-command"]).unwrap_err();
    assert!(matches!(&error, SandboxError::Setup { .. }), "{error}");
    assert!(error.to_string().contains("no-such-command"), "{error}");
    let root = Root::new();
    fs::remove_dir_all(root.path()).unwrap();
    let missing = root.sandbox().run(&["true"]).unwrap_err().to_string();
    assert!(missing.contains(root.path().to_str().unwrap()), "{missing}");
}

fn syncs_are_ignored() {
    // proc(5): 2 is a filter.
    assert!(Root::new().shell("cat /proc/self/status").contains("Seccomp:\t2"));
    // On a FIFO fsync(2) fails with EINVAL; here it must not even be asked.
    let root = Root::new();
    root.shell("dd if=/dev/zero of=/dev/null count=1 conv=fsync 2>&1");
    assert!(
        !Command::new("dd")
            .args(["if=/dev/zero", "of=/dev/null", "count=1", "conv=fsync"])
            .output()
            .unwrap()
            .status
            .success(),
        "outside, /dev/null cannot be synced"
    );
}

fn what_is_written_to_the_root_stays() {
    let root = Root::new();
    root.shell("mkdir -p /etc; echo kept >/etc/file; echo lost >/tmp/file; echo lost >/run/file");
    assert_eq!(fs::read(root.path().join("etc/file")).unwrap(), b"kept\n");
    for folder in ["tmp", "run", "mnt", "dev", "proc"] {
        assert!(fs::read_dir(root.path().join(folder)).unwrap().next().is_none(), "/{folder} is not empty");
        let owner = fs::metadata(root.path().join(folder)).unwrap();
        let root = Ids::of_a_root().root();
        assert_eq!((owner.uid(), owner.gid()), (root, root), "/{folder} does not belong to the root's root");
    }
}

fn a_read_only_root_cannot_be_written_to() {
    let root = Root::new();
    let error = root.sandbox().read_only_root().run(&["sh", "-c", "echo x >/file"]).unwrap_err().to_string();
    assert!(error.contains("Read-only file system"), "{error}");
    root.sandbox().read_only_root().run(&["sh", "-c", "echo x >/tmp/file; echo x >/dev/null"]).unwrap();
}

fn folders_are_bound_below_mnt() {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), b"from the host").unwrap();
    let sandbox = root
        .sandbox()
        .bind_read_only(folder.path(), "/mnt/read")
        .bind(folder.path(), "/mnt/deep/write")
        .bind_read_only(&folder.path().join("file"), "/mnt/file");
    let output = sandbox.run(&["sh", "-ec", "cat /mnt/read/file /mnt/file; echo new >/mnt/deep/write/new"]).unwrap();
    assert_eq!(output, b"from the hostfrom the host");
    assert_eq!(fs::read(folder.path().join("new")).unwrap(), b"new\n");
    let error = sandbox.run(&["sh", "-ec", "echo x >/mnt/read/file"]).unwrap_err().to_string();
    assert!(error.contains("Read-only file system"), "{error}");
    assert!(fs::read_dir(root.path().join("mnt")).unwrap().next().is_none());
}

fn the_command_reads_its_input() {
    let input = vec![b'x'; 300_000];
    let root = Root::new();
    assert_eq!(root.sandbox().run_with_input(&["cat"], &input).unwrap(), input);
    assert_eq!(root.sandbox().run(&["cat"]).unwrap(), b"");
    // Nobody reads it: that is the command's own business.
    root.sandbox().run_with_input(&["env"], &input).unwrap();
}

fn output_without_end_ends_the_command() {
    for script in ["cat /dev/zero", "cat /dev/zero >&2", "cat /dev/zero & cat /dev/zero >&2"] {
        let error = Root::new().try_shell(script).unwrap_err();
        assert!(matches!(&error, SandboxError::TooMuchOutput { megabytes: 64, .. }), "{script}: {error}");
    }
    let error = Root::new().try_shell("dd if=/dev/zero of=/file bs=1 count=1 seek=8589934592").unwrap_err().to_string();
    assert!(error.contains("dd"), "a file of more than 8 GiB was written: {error}");
}

fn files_can_have_every_owner() {
    let root = Root::new();
    root.shell("echo >/file; chown 65534:4321 /file");
    assert_eq!(root.shell("stat -c %u:%g /file").trim(), "65534:4321");
    let metadata = fs::metadata(root.path().join("file")).unwrap();
    let ids = Ids::of_a_root();
    assert_eq!((Some(metadata.uid()), Some(metadata.gid())), (ids.outside(65_534), ids.outside(4321)));
}

fn devices_and_mounts_cannot_be_made() {
    let root = Root::new();
    for command in [["mknod", "/disk", "b", "8", "0"], ["mount", "-t", "tmpfs", "none", "/tmp"]] {
        assert!(root.sandbox().run(&command).is_err(), "{command:?}");
    }
}

fn kernel_settings_cannot_be_changed() {
    let error = Root::new().try_shell("echo x >/proc/sys/kernel/core_pattern").unwrap_err().to_string();
    assert!(error.contains("Read-only file system"), "{error}");
}

fn a_link_in_the_root_leads_no_mount_out_of_it() {
    let root = Root::new();
    std::os::unix::fs::symlink("/etc", root.path().join("run")).unwrap();
    let error = root.try_shell("true").unwrap_err().to_string();
    assert!(error.contains("/run"), "{error}");
}

/// Instead of the tests, with this variable naming a root: runs something long in it.
const SLEEPER: &str = "STACKDEB_TEST_SLEEPER";

fn sleep_in_sandbox(root: &Path) -> ExitCode {
    interrupt::install().unwrap();
    let root = stackdeb::rootfs::Root::open(root, Ids::of_a_root()).unwrap();
    match Sandbox::new(&root).run(&["sh", "-c", "echo >/started; sleep 71.9241; true"]) {
        Err(SandboxError::Interrupted) => ExitCode::from(42),
        other => panic!("{other:?}"),
    }
}

fn nothing_survives_an_interrupt_or_a_kill() {
    for (signal, expected) in [(Signal::SIGTERM, Some(42)), (Signal::SIGKILL, None)] {
        let root = Root::new();
        let mut sleeper = Command::new(std::env::current_exe().unwrap()).env(SLEEPER, root.path()).spawn().unwrap();
        wait_until("it sleeps", || root.path().join("started").exists() && is_running(b"71.9241"));
        kill(Pid::from_raw(sleeper.id() as i32), signal).unwrap();
        assert_eq!(sleeper.wait().unwrap().code(), expected, "{signal}");
        wait_until("the sleep is gone", || !is_running(b"71.9241"));
    }
}

fn is_running(argument: &[u8]) -> bool {
    let all = fs::read_dir("/proc").unwrap().filter_map(|entry| fs::read(entry.unwrap().path().join("cmdline")).ok());
    all.into_iter().any(|line| line.starts_with(b"sleep") && line.windows(argument.len()).any(|part| part == argument))
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..400 {
        if condition() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("20 seconds, and still not: {what}");
}

fn deletion_stops_at_a_mount() {
    let folder = tempfile::tempdir().unwrap();
    let (tree, precious) = (folder.path().join("tree"), folder.path().join("precious"));
    fs::create_dir_all(tree.join("a/b")).unwrap();
    fs::create_dir(&precious).unwrap();
    fs::write(precious.join("file"), b"").unwrap();
    // A mount namespace belongs to one thread, so no other test sees this mount, which is one of the same file system.
    let mounted = (tree.join("a/b"), precious.clone());
    let error = std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
        mount(Some(&mounted.1), &mounted.0, none, MsFlags::MS_BIND, none).unwrap();
        tree::remove(&mounted.0).unwrap_err();
        tree::remove(&tree).unwrap_err().to_string()
    });
    let error = error.join().unwrap();
    assert!(error.contains("tree/a/b is a mount point"), "{error}");
    assert!(precious.join("file").exists());
    tree::remove(folder.path()).unwrap();
    assert!(!folder.path().exists());
}

fn all_of_this_as_an_ordinary_user() {
    all_as_ordinary_user("sandbox::", 21);
}

fn signals_and_the_exit_status_pass_through_the_namespace() {
    for (signal, expected) in [(Signal::SIGTERM, Some(42)), (Signal::SIGKILL, None)] {
        let root = Root::new();
        fs::set_permissions(root.folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        fs::set_permissions(root.path(), PermissionsExt::from_mode(0o777)).unwrap();
        for folder in ["dev", "proc", "run", "tmp", "mnt"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        let user = OrdinaryUser::new(&format!("{ORDINARY_NAME}:200000:65536\n"));
        let mut outer = user.command("", "sandbox::").env(SLEEPER, root.path()).spawn().unwrap();
        wait_until("it sleeps", || root.path().join("started").exists() && is_running(b"71.9241"));
        kill(Pid::from_raw(outer.id() as i32), signal).unwrap();
        assert_eq!(outer.wait().unwrap().code(), expected, "{signal}");
        wait_until("the sleep is gone", || !is_running(b"71.9241"));
    }
}

fn what_is_missing_for_an_ordinary_user_is_named() {
    for (ranges, prepare, expected) in [
        (
            "someone:200000:65536\n",
            "",
            format!("sudo usermod --add-subuids 265536-331071 --add-subgids 265536-331071 {ORDINARY_NAME}"),
        ),
        ("", "PATH=/nowhere", "sudo apt-get install uidmap".to_owned()),
    ] {
        let output = OrdinaryUser::new(ranges).command(prepare, "sandbox::").output().unwrap();
        // Lines end anywhere, also behind a hyphen.
        let words = |text: &str| text.replace('│', "").split_whitespace().collect::<String>();
        let text = words(&String::from_utf8_lossy(&output.stderr));
        assert!(text.contains(&words(&expected)), "{text}");
        // Nothing was tested, and that is said.
        let verdict = String::from_utf8_lossy(&output.stdout);
        assert!(verdict.contains("test result: ok. 0 passed; 0 failed;"), "{verdict}");
    }
}

/// Runs the tests of a file as a user whom only a private mount namespace knows. All of these many must pass.
pub fn all_as_ordinary_user(file: &str, tests: usize) {
    let user = OrdinaryUser::new(&format!("{ORDINARY_NAME}:200000:65536\n"));
    let output = user.command("", file).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains(&format!("test result: ok. {tests} passed")), "{text}");
}

/// The files that make up that user, and a copy of these tests that he can reach.
struct OrdinaryUser(TempDir);

impl OrdinaryUser {
    fn new(ranges: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        fs::copy(std::env::current_exe().unwrap(), folder.path().join("tests")).unwrap();
        fs::write(folder.path().join("ranges"), ranges).unwrap();
        let user = format!("{ORDINARY_NAME}:x:{ORDINARY_USER}:{ORDINARY_USER}::/:/bin/sh");
        fs::write(folder.path().join("users"), format!("root:x:0:0::/root:/bin/sh\n{user}\n")).unwrap();
        Self(folder)
    }

    /// The command that becomes the tests, in the end without any process in between.
    fn command(&self, prepare: &str, file: &str) -> Command {
        let script = "cd \"$1\" && mount --bind ranges /etc/subuid && mount --bind ranges /etc/subgid && \
                      mount --bind users /etc/passwd && \
                      exec setpriv --reuid \"$2\" --regid \"$2\" --clear-groups env $3 ./tests \"$4\"";
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", script, "sh"]).arg(self.0.path()).args([
            &ORDINARY_USER.to_string(),
            prepare,
            file,
        ]);
        command
    }
}
