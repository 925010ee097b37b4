//! Public SSH keys, from files and from the user's agent. A private key that is given by mistake goes nowhere.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// The kinds of keys that OpenSSH 9 lets in (sshd(8), AUTHORIZED_KEYS FILE FORMAT).
const KINDS: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// The files below the home folder that ssh-keygen(1) writes public keys to.
const USUAL: [&str; 3] = [".ssh/id_ed25519.pub", ".ssh/id_ecdsa.pub", ".ssh/id_rsa.pub"];

/// Why there is no key.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum KeyError {
    /// The file.
    #[error("cannot read the SSH key {path}: {source}")]
    #[diagnostic(help("name the file of a public key with --ssh-key: ~/.ssh/id_ed25519.pub"))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The wrong half.
    #[error("{0} is a private key, which must not leave this machine")]
    #[diagnostic(help("name the file of the public key, which ends with .pub; `ssh-keygen -y -f FILE` shows it"))]
    Private(PathBuf),
    /// Something else.
    #[error("line {line} of {path} is no public SSH key")]
    #[diagnostic(help(
        "a line is a kind, the key in base64 and a comment, as in ~/.ssh/id_ed25519.pub; certificates, and options in \
         front of it, are not taken"
    ))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// The agent.
    #[error("the SSH agent has no keys to give: {0}")]
    #[diagnostic(help("`ssh-add` gives it one; or name a file with --ssh-key"))]
    Agent(String),
    /// None was found.
    #[error("there is no SSH key: the agent has none, and neither has ~/.ssh")]
    #[diagnostic(help("`ssh-keygen -t ed25519` makes one; or name a file with --ssh-key"))]
    None,
}

/// A public key in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(String);

impl PublicKey {
    /// Reads a line; nothing when it is no key.
    pub fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        let mut words = line.split_ascii_whitespace();
        let (kind, encoded) = (words.next()?, words.next()?);
        let blob = BASE64_STANDARD.decode(encoded).ok()?;
        // The key repeats its kind, after a length of four bytes (RFC 4253, 6.6).
        let (length, rest) = blob.split_first_chunk()?;
        let named = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        let good = KINDS.contains(&kind) && named == kind.as_bytes() && !line.contains(char::is_control);
        good.then(|| Self(line.to_owned()))
    }

    /// The line.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For people: the kind and the comment.
    pub fn describe(&self) -> String {
        let mut words = self.0.splitn(3, ' ');
        let kind = words.next().unwrap_or_default();
        words.nth(1).map_or_else(|| kind.to_owned(), |comment| format!("{kind} {comment}"))
    }
}

/// The keys of files, without what is in them twice.
///
/// # Errors
/// When a file cannot be read, or holds something else.
pub fn of_files(paths: &[PathBuf]) -> Result<Vec<PublicKey>, KeyError> {
    let mut all = Vec::new();
    for path in paths {
        all.extend(of_file(path)?);
    }
    Ok(all)
}

fn of_file(path: &Path) -> Result<Vec<PublicKey>, KeyError> {
    let text = fs::read_to_string(path).map_err(|source| KeyError::Read { path: path.to_owned(), source })?;
    if text.contains("PRIVATE KEY") {
        return Err(KeyError::Private(path.to_owned()));
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let malformed = |line| KeyError::Malformed { path: path.to_owned(), line };
    let keys: Vec<PublicKey> =
        lines.map(|(index, line)| PublicKey::parse(line).ok_or(malformed(index + 1))).collect::<Result<_, _>>()?;
    if keys.is_empty() { Err(malformed(1)) } else { Ok(keys) }
}

/// The keys of the agent, as ssh-add(1) lists them. Its certificates are left out.
///
/// # Errors
/// When there is no agent, or it has no key.
pub fn of_agent() -> Result<Vec<PublicKey>, KeyError> {
    let listed = Command::new("ssh-add").arg("-L").stdin(Stdio::null()).output();
    let output = listed.map_err(|error| KeyError::Agent(format!("ssh-add: {error}")))?;
    let keys: Vec<PublicKey> = String::from_utf8_lossy(&output.stdout).lines().filter_map(PublicKey::parse).collect();
    if output.status.success() && !keys.is_empty() {
        return Ok(keys);
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(KeyError::Agent(if said.is_empty() { "it lists none".to_owned() } else { said }))
}

/// The keys that are meant when none is named: the agent's, else those in `home`'s usual files.
///
/// # Errors
/// When there are none.
pub fn usual(home: Option<&Path>) -> Result<Vec<PublicKey>, KeyError> {
    if let Ok(keys) = of_agent() {
        return Ok(keys);
    }
    let paths = home.into_iter().flat_map(|home| USUAL.map(|path| home.join(path)));
    let keys = of_files(&paths.filter(|path| path.exists()).collect::<Vec<_>>())?;
    if keys.is_empty() { Err(KeyError::None) } else { Ok(keys) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `ssh-keygen -t ed25519`.
    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHcNLrG2wAvB0XhNWy9g+W50kWOX88h31uYlv0h0nqhL";

    #[test]
    fn a_key_is_one_line() {
        assert_eq!(PublicKey::parse(KEY).unwrap().describe(), "ssh-ed25519");
        let commented = PublicKey::parse(&format!("{KEY} jane@home: \"x\"\n")).unwrap();
        assert_eq!(commented.describe(), "ssh-ed25519 jane@home: \"x\"");
        assert!(!commented.as_str().contains('\n'));
        let other = KEY.replacen("ssh-ed25519", "ssh-rsa", 1);
        let certificate = KEY.replacen("ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com", 1);
        for bad in [
            "",
            "ssh-ed25519",
            "ssh-ed25519 AAAA",
            &other,
            &certificate,
            &format!("no-pty {KEY}"),
            &format!("{KEY} a\nb"),
        ] {
            assert!(PublicKey::parse(bad).is_none(), "{bad}");
        }
    }
}
