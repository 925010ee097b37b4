//! One command on one server, through the user's own `ssh`: with their keys, their agent and their configuration. The host
//! key must be known; ssh(1) itself refuses every other one.

use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};

use super::{RemoteError, known_hosts};

/// The most that is kept of what a program on the server says to its standard error, in bytes.
const LONGEST_WORDS: usize = 16 * 1024;

/// With which status ssh ends when the connection fails (ssh(1), EXIT STATUS).
const NO_CONNECTION: i32 = 255;

/// What is sent ahead of each command. Root needs no sudo, and other users give no password.
const AS_ROOT: &str = r#"if [ "$(id -u)" = 0 ]; then exec "$@"; fi; exec sudo -n -- "$@""#;

/// Each connection that is lost without a word is noticed after a minute.
const OPTIONS: [&str; 7] = [
    "StrictHostKeyChecking=yes",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=4",
    "ConnectTimeout=30",
    "ClearAllForwardings=yes",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
];

/// A server as the user names it for ssh: `HOST`, `USER@HOST`, `ssh://USER@HOST:PORT`, or an alias of its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    name: String,
    /// A file of known host keys besides the user's own: of the machines that stackdeb has made.
    known_hosts: Option<PathBuf>,
    /// Options that go before all others, which ssh(1) then no longer looks at.
    options: Vec<String>,
}

impl Host {
    /// # Errors
    /// When the text is empty, begins with a dash, or has spaces or control characters.
    pub fn new(name: &str) -> Result<Self, RemoteError> {
        let odd = |c: char| c.is_whitespace() || c.is_control();
        if name.is_empty() || name.starts_with('-') || name.contains(odd) {
            return Err(RemoteError::Host { host: name.escape_debug().to_string() });
        }
        let known_hosts = known_hosts::path().filter(|file| file.exists());
        Ok(Self { name: name.to_owned(), known_hosts, options: Vec::new() })
    }

    /// A machine that runs on this computer, behind a port of the loopback address. Its root takes the key in the file
    /// `identity`. Its own key is a new one at each first boot, and nobody but the machine is at that port.
    pub fn local(port: u16, identity: &Path) -> Self {
        let options = [
            "StrictHostKeyChecking=no".to_owned(),
            "UserKnownHostsFile=/dev/null".to_owned(),
            "LogLevel=ERROR".to_owned(),
            "BatchMode=yes".to_owned(),
            "IdentitiesOnly=yes".to_owned(),
            "IdentityAgent=none".to_owned(),
            format!("IdentityFile=\"{}\"", identity.display()),
        ];
        let options =
            ["-F", "none"].into_iter().map(str::to_owned).chain(options.into_iter().map(|o| format!("-o{o}")));
        Self { name: format!("ssh://root@127.0.0.1:{port}"), known_hosts: None, options: options.collect() }
    }

    /// Starts a program as root there. Its standard input and output are pipes; what it says is collected.
    ///
    /// # Errors
    /// When there is no `ssh`.
    pub fn start(&self, arguments: &[&str]) -> Result<Remote, RemoteError> {
        self.start_script(AS_ROOT, arguments)
    }

    /// Starts a shell script there, as the user that logs in. `arguments` are its `$1`, `$2`, and so on.
    ///
    /// # Errors
    /// When there is no `ssh`.
    pub fn start_script(&self, script: &str, arguments: &[&str]) -> Result<Remote, RemoteError> {
        let words = [&["/bin/sh", "-c", script, "sh"], arguments].concat();
        let line = words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
        let mut ssh = Command::new("ssh");
        ssh.arg("-T").args(&self.options).args(OPTIONS.iter().flat_map(|option| ["-o", option]));
        if let Some(file) = &self.known_hosts {
            // Beside the system's own; the user's stay as they are configured (ssh_config(5), GlobalKnownHostsFile).
            let system = "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2";
            ssh.arg("-o").arg(format!("GlobalKnownHostsFile={system} \"{}\"", file.display()));
        }
        ssh.arg("--").arg(&self.name).arg(format!("exec {line}"));
        ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = ssh.spawn().map_err(RemoteError::NoSsh)?;
        let said = child.stderr.take().map(|stderr| thread::spawn(move || collect(stderr)));
        Ok(Remote { host: self.clone(), child, said })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A program that runs on a server. If this is dropped, the connection is closed.
pub struct Remote {
    host: Host,
    /// Its standard input and output can be taken.
    pub child: Child,
    said: Option<JoinHandle<String>>,
}

impl Remote {
    /// Waits for the end of the program, which must be a good one, and returns what it printed, if nobody
    /// has taken its standard output.
    ///
    /// # Errors
    /// When the connection broke, or the program ended with an error.
    pub fn finish(mut self) -> Result<Vec<u8>, RemoteError> {
        drop(self.child.stdin.take());
        let mut printed = Vec::new();
        if let Some(mut stdout) = self.child.stdout.take() {
            // Its end is judged by the status of the program.
            let _ = stdout.read_to_end(&mut printed);
        }
        let status = self.child.wait().map_err(RemoteError::NoSsh)?;
        let said = self.said.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        if status.success() { Ok(printed) } else { Err(self.host.failure(status, said)) }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Host {
    fn failure(&self, status: ExitStatus, said: String) -> RemoteError {
        let host = self.to_string();
        if status.code() != Some(NO_CONNECTION) {
            let said = if said.is_empty() { status.to_string() } else { said };
            let help = "the program on the server undoes what it has begun; put right what it names, and try again";
            return RemoteError::Refused { host, said, help };
        }
        let said = if said.is_empty() { "ssh gives no reason".to_owned() } else { said };
        let help = if said.contains("host key") || said.contains("Host key") {
            format!(
                "its host key is not known here, or has changed. Compare `ssh-keyscan {host} | ssh-keygen -lf -` with what \
                 `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` says at the machine's own console; if they agree, \
                 connect once with `ssh {host}` and accept it"
            )
        } else {
            format!("`ssh {host} true` must work; a user other than root needs sudo without a password there")
        };
        RemoteError::Connection { host, said, help }
    }
}

/// A word as a POSIX shell reads it.
fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Reads to the end, keeps the last part, and makes it fit to be shown: without control characters, on few lines.
fn collect(mut stderr: impl Read) -> String {
    let (mut kept, mut block) = (Vec::new(), [0; 4096]);
    loop {
        match stderr.read(&mut block) {
            Ok(0) => break,
            Ok(count) => kept.extend_from_slice(block.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
        let surplus = kept.len().saturating_sub(LONGEST_WORDS);
        kept.drain(..surplus);
    }
    let text = String::from_utf8_lossy(&kept).into_owned();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let shown = lines.map(|line| line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect::<String>());
    shown.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_not_a_server() {
        for bad in ["", "-oProxyCommand=id", "a b", "a\nb", "\u{1b}[31m"] {
            assert!(Host::new(bad).is_err(), "{bad:?}");
        }
        for good in ["www", "root@www.example.org", "ssh://root@[2001:db8::1]:2222"] {
            assert_eq!(Host::new(good).unwrap().to_string(), good);
        }
    }

    #[test]
    fn a_shell_reads_each_word_as_it_was() {
        let words = ["it's", "$HOME", "a b", "\"`\\", ""];
        let line = words.map(quote).join(" ");
        let output = Command::new("sh").args(["-c", &format!("printf '%s\\n' {line}")]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), words.join("\n") + "\n");
    }

    #[test]
    fn what_a_server_says_cannot_steer_the_terminal() {
        assert_eq!(collect(&b"a\x1b[31mb\r\n\n c\n"[..]), "a\u{fffd}[31mb\nc");
        assert!(collect(&vec![b'x'; 1 << 20][..]).len() <= LONGEST_WORDS);
    }
}
