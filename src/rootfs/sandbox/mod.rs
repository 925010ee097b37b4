//! The sandbox: runs a program of a target's root as the root user of that root, without access to the host. It takes a
//! root and a command, and returns the command's output or error. What the command wrote stays in the root.
//!
//! The command has user, mount, PID, IPC, UTS and network namespaces of its own. It sees the root, its own small
//! `/dev`, `/proc`, `/run`, `/tmp`, and below `/mnt` what the caller binds there; no network but `lo`, unless
//! the caller leaves it that of the host; a fixed environment. It is root of its user namespace only: on this machine its ids belong to nobody ([`Ids`]). It has few
//! capabilities (`limits`) and may make the system calls of a list (`calls`). When it ends, everything that it started
//! ends, and so it does when this program dies. Calls like fsync(2) succeed without waiting for a disk: after a crash,
//! an unfinished tree is of no use anyway.
//!
//! Only a process with a single thread can make a PID namespace. So this program starts itself again with the argument
//! `sandbox-init`, and sends the new process a `Spec`; that process calls [`main`] (in `init`). For an ordinary user this
//! works inside the namespace of [`crate::system::userns`].

mod calls;
mod error;
mod init;
mod limits;
mod mounts;
mod output;
mod spec;
mod step;
mod users;

use std::io;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Component, Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::root::{Location, Root};
use crate::system::epoch::Epoch;
use crate::system::userns::Ids;
use output::collect;
use spec::{ARGUMENT, Access, Bind, Network, Spec};

pub use error::SandboxError;
pub use init::main;

/// How many characters of a command a message has.
const LONGEST_SHOWN: usize = 100;

/// A sandbox around a root. Each [`Sandbox::run`] makes the namespaces again; only what is written to the root, or to a
/// folder that is bound to be written to, remains.
#[derive(Debug, Clone)]
pub struct Sandbox {
    root: Location,
    ids: Ids,
    root_access: Access,
    binds: Vec<Bind>,
    tree: Option<PathBuf>,
    environment: Vec<(String, String)>,
    network: Network,
}

impl Sandbox {
    /// A sandbox around `root`, which its commands may change.
    pub fn new(root: &Root) -> Self {
        let environment = [
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("HOME", "/root"),
            ("LC_ALL", "C.UTF-8"),
            ("TZ", "UTC"),
            ("DEBIAN_FRONTEND", "noninteractive"),
            ("DEBCONF_NONINTERACTIVE_SEEN", "true"),
        ];
        Self {
            root: root.location().clone(),
            ids: root.ids(),
            root_access: Access::ReadWrite,
            binds: Vec::new(),
            tree: None,
            environment: environment.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec(),
            network: Network::Own,
        }
    }

    /// Shows the host's file or folder `host` at `inside`, a path below /mnt. The root itself is not changed by it.
    /// File systems that are mounted below `host` are not shown. The file or folder is given to the user who is root of
    /// the sandbox, so that the command can write to it.
    #[must_use]
    pub fn bind(self, host: &Path, inside: &str) -> Self {
        self.add_bind(host, inside, Access::ReadWrite)
    }

    /// As [`Sandbox::bind`], but commands cannot write there, and no owner changes: the command
    /// reads what everybody can read.
    #[must_use]
    pub fn bind_read_only(self, host: &Path, inside: &str) -> Self {
        self.add_bind(host, inside, Access::ReadOnly)
    }

    fn add_bind(mut self, host: &Path, inside: &str, access: Access) -> Self {
        self.binds.push(Bind { host: host.to_owned(), inside: PathBuf::from(inside), access });
        self
    }

    /// Shows the root itself at `inside`, a path below /mnt, read-only and without what the sandbox mounts in it.
    #[must_use]
    pub fn show_tree(mut self, inside: &str) -> Self {
        self.tree = Some(PathBuf::from(inside));
        self
    }

    /// Keeps commands from changing the root, not even the times of last access.
    #[must_use]
    pub fn read_only_root(mut self) -> Self {
        self.root_access = Access::ReadOnly;
        self
    }

    /// Leaves commands the network of this machine, with all that listens there: for programs that download and run nothing of
    /// what they get. How names are looked up is a matter of the root's `/etc/resolv.conf`.
    #[must_use]
    pub fn host_network(mut self) -> Self {
        self.network = Network::OfHost;
        self
    }

    #[must_use]
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.environment.retain(|(name, _)| name != key);
        self.environment.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Sets `SOURCE_DATE_EPOCH`, the time that commands should write into their outputs.
    #[must_use]
    pub fn epoch(self, epoch: Epoch) -> Self {
        self.env("SOURCE_DATE_EPOCH", &epoch.seconds().to_string())
    }

    /// Runs a command with nothing on its standard input, and returns its standard output.
    ///
    /// # Errors
    /// When the sandbox cannot be set up, the command ends with another status than 0, or the user interrupts.
    pub fn run(&self, command: &[&str]) -> Result<Vec<u8>, SandboxError> {
        self.run_with_input(command, &[])
    }

    /// Runs a command with `input` on its standard input, and returns its standard output.
    ///
    /// # Errors
    /// As [`Sandbox::run`].
    pub fn run_with_input(&self, command: &[&str], input: &[u8]) -> Result<Vec<u8>, SandboxError> {
        let spec = serde_json::to_vec(&self.spec(command)?).map_err(|error| SandboxError::Start(error.into()))?;
        let mut message = (spec.len() as u64).to_le_bytes().to_vec();
        message.extend(spec);
        message.extend(input);
        let mut child = Killed(
            Command::new("/proc/self/exe")
                .arg0("stackdeb")
                .arg(ARGUMENT)
                .env_clear()
                .current_dir("/")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .map_err(SandboxError::Start)?,
        );
        let shown = shown(command);
        let output = collect(&mut child.0, message, shown.clone())?;
        let status = child.0.wait().map_err(SandboxError::Start)?;
        output.judge(shown, status)
    }

    fn spec(&self, command: &[&str]) -> Result<Spec, SandboxError> {
        let binds = self.binds.iter().map(|bind| self.checked(bind)).collect::<Result<_, _>>()?;
        let tree = self
            .tree
            .as_ref()
            .map(|inside| below_mnt(inside).ok_or_else(|| bad_bind(Path::new("the root"), inside, &NOT_BELOW_MNT)));
        Ok(Spec {
            parent: std::process::id(),
            root: self.root.clone(),
            ids: self.ids,
            root_access: self.root_access,
            binds,
            tree: tree.transpose()?,
            environment: self.environment.clone(),
            network: self.network,
            command: command.iter().map(|&word| word.to_owned()).collect(),
        })
    }

    /// The bind with an absolute path of the host and a path below /mnt. A file to write to gets its new owner.
    fn checked(&self, bind: &Bind) -> Result<Bind, SandboxError> {
        let inside = below_mnt(&bind.inside).ok_or_else(|| bad_bind(&bind.host, &bind.inside, &NOT_BELOW_MNT))?;
        let prepare = || -> io::Result<PathBuf> {
            let host = bind.host.canonicalize()?;
            if bind.access == Access::ReadWrite && self.ids != Ids::SAME {
                chown(&host, Some(self.ids.root()), Some(self.ids.root()))?;
            }
            Ok(host)
        };
        let host = prepare().map_err(|error| bad_bind(&bind.host, &bind.inside, &error))?;
        Ok(Bind { host, inside, access: bind.access })
    }
}

/// A command for a message. dpkg may be given a hundred packages at once.
fn shown(command: &[&str]) -> String {
    let line = command.join(" ");
    match line.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{} …", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

const NOT_BELOW_MNT: &str = "the path is not below /mnt";

fn below_mnt(inside: &Path) -> Option<PathBuf> {
    let below = inside.strip_prefix("/mnt").ok()?;
    let plain = below.components().all(|component| matches!(component, Component::Normal(_)));
    (plain && !below.as_os_str().is_empty()).then(|| below.to_owned())
}

fn bad_bind(host: &Path, inside: &Path, reason: &dyn std::fmt::Display) -> SandboxError {
    let (host, inside) = (host.display().to_string(), inside.display().to_string());
    SandboxError::BadBind { host, inside, reason: reason.to_string() }
}

/// A process that is killed when this value is dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_the_first_words_of_a_long_command() {
        assert_eq!(shown(&["dpkg", "--configure", "nginx"]), "dpkg --configure nginx");
        let packages = vec!["/mnt/pool/ä.deb"; 100];
        let long = shown(&packages);
        assert!(long.starts_with("/mnt/pool/ä.deb /mnt/pool/ä.deb") && long.ends_with(" …"), "{long}");
        assert_eq!(long.chars().count(), LONGEST_SHOWN + 2);
    }

    #[test]
    fn a_folder_can_only_be_bound_below_mnt() {
        let root = Root::open(Path::new("/"), Ids::SAME).unwrap();
        for inside in ["/etc", "/mnt", "/mnt/../etc", "mnt/a", "/mnt/a/../../b"] {
            let sandbox = Sandbox::new(&root).bind(Path::new("/tmp"), inside);
            assert!(matches!(sandbox.spec(&["true"]), Err(SandboxError::BadBind { .. })), "{inside}");
            let sandbox = Sandbox::new(&root).show_tree(inside);
            assert!(matches!(sandbox.spec(&["true"]), Err(SandboxError::BadBind { .. })), "{inside}");
        }
        let sandbox = Sandbox::new(&root).bind(Path::new("/nowhere"), "/mnt/a");
        assert!(sandbox.spec(&["true"]).unwrap_err().to_string().contains("/nowhere"));
    }
}
