//! The sandbox: runs a program of a target's root as that root's own root user, with nothing of the host in sight. A root
//! and a command come in; the command's output, or how it failed, goes out; what it wrote stays in the root.
//!
//! The command has mount, PID, IPC, UTS and network namespaces of its own. It sees the root, its own small `/dev`, `/proc`,
//! `/run`, `/tmp`, and below `/mnt` what the caller binds there; no network but `lo`; a fixed environment. When it ends,
//! everything that it started ends, and so it does when this program dies. Calls like fsync(2) succeed without waiting
//! for a disk: a tree that is not whole yet is worth nothing after a crash.
//!
//! A namespace for processes must be entered by a process with one thread, so this program starts itself again with the
//! argument [`ARGUMENT`] and sends it a [`Spec`]; [`main`] is where it arrives. In an ordinary user's hands it works inside
//! [`crate::system::userns`]'s namespace.

mod init;
mod limits;
mod mounts;

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Component, Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::system::epoch::Epoch;
use crate::system::interrupt;

pub use init::main;

/// The program's first argument when it is to become a sandbox.
const ARGUMENT: &str = "sandbox-init";

/// The exit status of a sandbox that could not be set up; its last line of errors then begins with [`SETUP_FAILED`].
const SETUP_STATUS: i32 = 125;

/// Marks the line on standard error that says why there is no sandbox.
const SETUP_FAILED: &str = "stackdeb-sandbox: ";

/// How many lines of a failed command's output an error shows.
const LINES_SHOWN: usize = 20;

/// How much output is kept for them, in bytes.
const OUTPUT_KEPT: usize = 64 * 1024;

/// Why a command did not run to a good end.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SandboxError {
    /// The command ran and failed.
    #[error("`{command}` failed in the sandbox ({status}){}", indented(.output))]
    #[diagnostic(help(
        "what a package's script wrote last is above; the package that it belongs to is the one to look at"
    ))]
    Command {
        /// The command and its arguments.
        command: String,
        /// How it ended.
        status: String,
        /// The last lines that it wrote to standard output and standard error.
        output: String,
    },
    /// There is no sandbox on this system, or the command is not in the root.
    #[error("cannot run `{command}` in a sandbox: {reason}")]
    #[diagnostic(help(
        "the sandbox needs mount, PID, IPC, UTS and network namespaces and a /proc of its own; many containers forbid \
         them: run outside of the container, or give it more privileges"
    ))]
    Setup {
        /// The command and its arguments.
        command: String,
        /// What was refused.
        reason: String,
    },
    /// A folder of the host can only be seen below /mnt.
    #[error("cannot show {host} at {inside} in a sandbox: {reason}")]
    #[diagnostic(help("name an existing file or folder of the host, and a path below /mnt without `..`"))]
    BadBind {
        /// The host's file or folder.
        host: String,
        /// Its path inside.
        inside: String,
        /// What is wrong.
        reason: String,
    },
    /// The program cannot start itself.
    #[error("cannot start the sandbox: {0}")]
    #[diagnostic(help("check that /proc is mounted, and that there is memory for another process"))]
    Start(#[source] io::Error),
    /// The user asked to stop; the command was killed.
    #[error("interrupted")]
    Interrupted,
}

fn indented(output: &str) -> String {
    output.lines().map(|line| format!("\n    {line}")).collect()
}

/// What the process inside is told.
#[derive(Debug, Serialize, Deserialize)]
struct Spec {
    /// The process that starts it; when that has gone, there is nothing to do.
    parent: u32,
    root: PathBuf,
    root_access: Access,
    binds: Vec<Bind>,
    environment: Vec<(String, String)>,
    command: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Access {
    ReadOnly,
    ReadWrite,
}

/// A file or folder of the host and its path below the sandbox's /mnt.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Bind {
    host: PathBuf,
    inside: PathBuf,
    access: Access,
}

/// A sandbox around a root. Each [`Sandbox::run`] makes the namespaces anew; only what is written to the root, or to a
/// folder that is bound to be written to, remains.
#[derive(Debug, Clone)]
pub struct Sandbox {
    root: PathBuf,
    root_access: Access,
    binds: Vec<Bind>,
    environment: Vec<(String, String)>,
}

impl Sandbox {
    /// A sandbox around the tree `root`, which its commands may change.
    pub fn new(root: &Path) -> Self {
        let environment = [
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("HOME", "/root"),
            ("LC_ALL", "C.UTF-8"),
            ("TZ", "UTC"),
            ("DEBIAN_FRONTEND", "noninteractive"),
            ("DEBCONF_NONINTERACTIVE_SEEN", "true"),
        ];
        Self {
            root: root.to_owned(),
            root_access: Access::ReadWrite,
            binds: Vec::new(),
            environment: environment.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec(),
        }
    }

    /// Shows the host's file or folder `host` at `inside`, a path below /mnt. The root itself is not changed by it.
    /// File systems that are mounted below `host` are not shown.
    #[must_use]
    pub fn bind(self, host: &Path, inside: &str) -> Self {
        self.add_bind(host, inside, Access::ReadWrite)
    }

    /// The same, but nothing can be written there.
    #[must_use]
    pub fn bind_read_only(self, host: &Path, inside: &str) -> Self {
        self.add_bind(host, inside, Access::ReadOnly)
    }

    fn add_bind(mut self, host: &Path, inside: &str, access: Access) -> Self {
        self.binds.push(Bind { host: host.to_owned(), inside: PathBuf::from(inside), access });
        self
    }

    /// Keeps commands from changing the root, not even the times of last access.
    #[must_use]
    pub fn read_only_root(mut self) -> Self {
        self.root_access = Access::ReadOnly;
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.environment.retain(|(name, _)| name != key);
        self.environment.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Gives the commands the time that their outputs are to bear, as `SOURCE_DATE_EPOCH`.
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
        let output = collect(&mut child.0, message)?;
        let status = child.0.wait().map_err(SandboxError::Start)?;
        output.judge(command.join(" "), status)
    }

    fn spec(&self, command: &[&str]) -> Result<Spec, SandboxError> {
        let absolute = |path: &Path| path.canonicalize();
        let mut binds = Vec::new();
        for bind in &self.binds {
            let bad = |reason: String| SandboxError::BadBind {
                host: bind.host.display().to_string(),
                inside: bind.inside.display().to_string(),
                reason,
            };
            let below = bind.inside.strip_prefix("/mnt").map_err(|_| bad("the path is not below /mnt".to_owned()))?;
            let plain = below.components().all(|component| matches!(component, Component::Normal(_)));
            if !plain || below.as_os_str().is_empty() {
                return Err(bad("the path is not below /mnt".to_owned()));
            }
            let host = absolute(&bind.host).map_err(|error| bad(error.to_string()))?;
            binds.push(Bind { host, inside: below.to_owned(), access: bind.access });
        }
        Ok(Spec {
            parent: std::process::id(),
            root: absolute(&self.root).map_err(|error| SandboxError::Setup {
                command: command.join(" "),
                reason: format!("the root {} cannot be used: {error}", self.root.display()),
            })?,
            root_access: self.root_access,
            binds,
            environment: self.environment.clone(),
            command: command.iter().map(|&word| word.to_owned()).collect(),
        })
    }
}

/// A process that does not outlive its owner.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Which of its two outputs a command wrote to.
enum Stream {
    Output,
    Errors,
}

#[derive(Default)]
struct Collected {
    output: Vec<u8>,
    /// The end of both, in the order of arrival.
    combined: Vec<u8>,
}

/// Sends the child its input and takes its output until it has closed both ends.
fn collect(child: &mut Child, input: Vec<u8>) -> Result<Collected, SandboxError> {
    let (sender, receiver) = mpsc::channel();
    if let Some(mut stdin) = child.stdin.take() {
        // A command need not read its input, so a failure is no error.
        thread::spawn(move || drop(stdin.write_all(&input)));
    }
    if let Some(stdout) = child.stdout.take() {
        let sender = sender.clone();
        thread::spawn(move || forward(stdout, &sender, || Stream::Output));
    }
    if let Some(stderr) = child.stderr.take() {
        thread::spawn(move || forward(stderr, &sender, || Stream::Errors));
    }
    let mut collected = Collected::default();
    loop {
        match receiver.recv_timeout(Duration::from_millis(100)) {
            Ok((stream, bytes)) => collected.add(&stream, &bytes),
            Err(RecvTimeoutError::Disconnected) => return Ok(collected),
            Err(RecvTimeoutError::Timeout) => {}
        }
        interrupt::check().map_err(|_| SandboxError::Interrupted)?;
    }
}

fn forward(mut source: impl Read, sender: &Sender<(Stream, Vec<u8>)>, stream: impl Fn() -> Stream) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = source.read(&mut buffer) {
        if sender.send((stream(), buffer.get(..count).unwrap_or_default().to_vec())).is_err() {
            return;
        }
    }
}

impl Collected {
    fn add(&mut self, stream: &Stream, bytes: &[u8]) {
        if matches!(stream, Stream::Output) {
            self.output.extend_from_slice(bytes);
        }
        self.combined.extend_from_slice(bytes);
        if self.combined.len() > 2 * OUTPUT_KEPT {
            self.combined.drain(..self.combined.len() - OUTPUT_KEPT);
        }
    }

    fn judge(self, command: String, status: ExitStatus) -> Result<Vec<u8>, SandboxError> {
        if status.success() {
            return Ok(self.output);
        }
        let combined = String::from_utf8_lossy(&self.combined);
        let lines: Vec<&str> = combined.lines().collect();
        if status.code() == Some(SETUP_STATUS)
            && let Some(reason) = lines.iter().rev().find_map(|line| line.strip_prefix(SETUP_FAILED))
        {
            return Err(SandboxError::Setup { command, reason: reason.to_owned() });
        }
        let output = lines.get(lines.len().saturating_sub(LINES_SHOWN)..).unwrap_or_default().join("\n");
        Err(SandboxError::Command { command, status: status.to_string(), output })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_can_only_be_bound_below_mnt() {
        for inside in ["/etc", "/mnt", "/mnt/../etc", "mnt/a", "/mnt/a/../../b"] {
            let sandbox = Sandbox::new(Path::new("/")).bind(Path::new("/tmp"), inside);
            assert!(matches!(sandbox.spec(&["true"]), Err(SandboxError::BadBind { .. })), "{inside}");
        }
        let sandbox = Sandbox::new(Path::new("/")).bind(Path::new("/nowhere"), "/mnt/a");
        assert!(sandbox.spec(&["true"]).unwrap_err().to_string().contains("/nowhere"));
    }

    #[test]
    fn an_error_shows_the_last_lines_in_their_order() {
        let mut collected = Collected::default();
        for number in 0..30 {
            let stream = if number % 2 == 0 { Stream::Output } else { Stream::Errors };
            collected.add(&stream, format!("line {number}\n").as_bytes());
        }
        let status = Command::new("false").status().unwrap();
        let error = collected.judge("dpkg -i".to_owned(), status).unwrap_err().to_string();
        let last: Vec<&str> = error.lines().skip(1).map(str::trim).collect();
        assert_eq!(last.len(), LINES_SHOWN);
        assert_eq!((last[0], last[19]), ("line 10", "line 29"));
        assert!(error.starts_with("`dpkg -i` failed"), "{error}");
    }
}
