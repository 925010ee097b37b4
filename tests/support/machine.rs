//! A machine booted from a built image with `stackdeb boot`, and a shell on it over SSH: with the key that cloud-init
//! was to put in place.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use stackdeb::vm::machine;
use tempfile::TempDir;

pub use super::ports::free_port;
use super::server::Server;
use super::{run, stackdeb, text};

/// How long a boot may take under software emulation on a busy machine.
pub const BOOT_LIMIT: Duration = Duration::from_secs(400);

/// Prints what tells one boot from another.
const BOOT_ID: &str = "cat /proc/sys/kernel/random/boot_id";

/// What a test that boots a machine says where QEMU is missing.
pub fn without_qemu() -> Option<&'static str> {
    machine::find_qemu().is_err().then_some("needs qemu-system-x86")
}

/// A running machine; killed when it is dropped.
pub struct Machine {
    child: Child,
    folder: PathBuf,
    /// The address that is forwarded to the machine's port 80.
    pub url: String,
    ssh_port: u16,
    connection: Connection,
}

/// The connection over which all commands go while the machine runs: under emulation, to open one takes seconds. It ends when
/// it is dropped.
struct Connection {
    /// The folder of the socket by which `ssh` finds it.
    folder: TempDir,
    ssh: Option<Child>,
}

impl Connection {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), ssh: None }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("ssh")
    }

    /// Without it, each command opens one of its own.
    fn end(&mut self) {
        if let Some(mut ssh) = self.ssh.take() {
            let _ = ssh.kill();
            let _ = ssh.wait();
            let _ = fs::remove_file(self.socket());
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.end();
    }
}

/// Makes a key for SSH and user data that names it, and gives the machine the name `name`.
pub fn user_data(folder: &Path, name: &str) -> PathBuf {
    fs::create_dir_all(folder).unwrap();
    let key = folder.join("key");
    if !key.exists() {
        run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(&key));
    }
    let public = fs::read_to_string(folder.join("key.pub")).unwrap();
    let path = folder.join("user-data");
    let text = format!(
        "#cloud-config\nhostname: {name}\nusers:\n  - name: root\n    lock_passwd: true\n    ssh_authorized_keys:\n      - {public}"
    );
    fs::write(&path, text).unwrap();
    path
}

impl Machine {
    /// Boots `image` as Linode would, and waits until it is up: the site answers, or, without one, SSH does.
    pub fn boot(image: &Path, folder: &Path, name: &str) -> Self {
        let mut machine = Self::start(image, &user_data(folder, name), folder, free_port());
        machine.wait_for_ssh();
        machine
    }

    /// Switches a machine on whose site is at `port`; the private key of its user data is in `folder`.
    pub fn start(image: &Path, user_data: &Path, folder: &Path, port: u16) -> Self {
        Self::start_with(user_data, folder, port, |boot| {
            boot.arg(image);
        })
    }

    /// The same with an image, and options of `stackdeb boot`, that `add` adds to the command.
    pub fn start_with(user_data: &Path, folder: &Path, port: u16, add: impl FnOnce(&mut Command)) -> Self {
        let ssh_port = free_port();
        let log = fs::File::create(folder.join("console")).unwrap();
        let mut boot = stackdeb();
        boot.args(["boot", "--port", &port.to_string(), "--ssh-port", &ssh_port.to_string()]);
        boot.arg("--user-data").arg(user_data);
        add(&mut boot);
        let child = boot.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let (folder, url) = (folder.to_owned(), format!("http://127.0.0.1:{port}"));
        Self { child, folder, url, ssh_port, connection: Connection::new() }
    }

    /// Waits until a command runs over SSH.
    pub fn wait_for_ssh(&mut self) {
        let begin = Instant::now();
        loop {
            let output = self.try_sh("true");
            if output.status.success() {
                self.connect();
                return;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "the machine ended: {ended:?}\n{}", self.console());
            assert!(begin.elapsed() < BOOT_LIMIT, "no SSH: {}\n{}", text(&output), self.console());
            thread::sleep(Duration::from_secs(2));
        }
    }

    fn connect(&mut self) {
        let port = self.ssh_port.to_string();
        let mut ssh = Command::new("ssh");
        ssh.args(self.ssh_options()).args(["-M", "-N", "-p", &port, "root@127.0.0.1"]);
        ssh.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.connection.ssh = Some(ssh.spawn().unwrap());
    }

    fn ssh_options(&self) -> Vec<String> {
        let key = self.folder.join("key").display().to_string();
        let options = [
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "LogLevel=ERROR",
            "ConnectTimeout=20",
            "BatchMode=yes",
        ];
        let path = format!("ControlPath={}", self.connection.socket().display());
        ["-i".to_owned(), key, "-o".to_owned(), path]
            .into_iter()
            .chain(options.iter().flat_map(|o| ["-o".to_owned(), (*o).to_owned()]))
            .collect()
    }

    /// Kills QEMU, which is as if the power failed.
    pub fn kill(&self) {
        run(Command::new("pkill").args(["-KILL", "-P", &self.child.id().to_string(), "qemu-system"]));
    }

    /// Resets the machine at once, so that what is in its memory alone is lost, and returns the id of the boot that ends.
    pub fn cut_power(&mut self) -> String {
        let before = self.boot_id();
        // The connection ends before the machine does, or it would be waited for.
        self.sh("nohup sh -c 'sleep 0.5; echo b >/proc/sysrq-trigger' >/dev/null 2>&1 &");
        thread::sleep(Duration::from_secs(2));
        self.connection.end();
        before
    }

    /// Waits until the machine is in another boot than that.
    #[track_caller]
    pub fn wait_for_boot_after(&mut self, before: &str) {
        let begin = Instant::now();
        loop {
            thread::sleep(Duration::from_secs(5));
            let output = self.try_sh(BOOT_ID);
            if output.status.success() && String::from_utf8_lossy(&output.stdout).trim() != before {
                self.connect();
                return;
            }
            assert!(begin.elapsed() < BOOT_LIMIT, "it did not come back\n{}", self.console());
        }
    }

    fn boot_id(&self) -> String {
        self.sh(BOOT_ID)
    }
}

impl Server for Machine {
    fn address(&self) -> String {
        self.url.strip_prefix("http://").unwrap().to_owned()
    }

    fn limit(&self) -> Duration {
        BOOT_LIMIT
    }

    /// What the serial console and `stackdeb boot` printed.
    fn console(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.join("console")).unwrap()).into_owned()
    }

    fn try_sh(&self, command: &str) -> Output {
        let port = self.ssh_port.to_string();
        Command::new("ssh")
            .args(self.ssh_options())
            .args(["-p", &port, "root@127.0.0.1", command])
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn copy(&self, file: &Path) {
        let port = self.ssh_port.to_string();
        run(Command::new("scp")
            .args(self.ssh_options())
            .args(["-q", "-P", &port])
            .arg(file)
            .arg("root@127.0.0.1:/root/"));
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        let (sender, receiver) = mpsc::channel();
        let id = self.child.id();
        thread::spawn(move || {
            if receiver.recv_timeout(Duration::from_secs(15)).is_err() {
                let _ = Command::new("kill").args(["-KILL", &id.to_string()]).status();
            }
        });
        let _ = self.child.wait();
        let _ = sender.send(());
    }
}
