//! Public SSH keys, from files and from the user's agent. A private key that the user names by mistake is refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::linode::error::LinodeError;

/// The types of keys that OpenSSH 9 accepts (sshd(8), AUTHORIZED_KEYS FILE FORMAT).
const TYPES: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// The files in the home folder that ssh-keygen(1) writes public keys to.
const DEFAULT_FILES: [&str; 3] = [".ssh/id_ed25519.pub", ".ssh/id_ecdsa.pub", ".ssh/id_rsa.pub"];

/// When the SSH agent's keys are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentKeys {
    /// Besides the keys of the files; the agent must have one.
    Always,
    /// When no file is named.
    WithoutFiles,
}

/// A public key in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(String);

impl PublicKey {
    /// Reads a line. `None` when it is not a key.
    pub fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        let mut words = line.split_ascii_whitespace();
        let (key_type, encoded) = (words.next()?, words.next()?);
        let blob = BASE64_STANDARD.decode(encoded).ok()?;
        // The key repeats its type, after a length of four bytes (RFC 4253, 6.6).
        let (length, rest) = blob.split_first_chunk()?;
        let named = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        let good = TYPES.contains(&key_type) && named == key_type.as_bytes() && !line.contains(char::is_control);
        good.then(|| Self(line.to_owned()))
    }

    /// The whole line, without a line break.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The type and the comment.
    pub fn describe(&self) -> String {
        let mut words = self.0.splitn(3, ' ');
        let key_type = words.next().unwrap_or_default();
        words.nth(1).map_or_else(|| key_type.to_owned(), |comment| format!("{key_type} {comment}"))
    }
}

/// The keys of `files` and of the agent. If no file is named and the agent has no key, those of the files
/// in `home` that ssh-keygen(1) writes.
///
/// # Errors
/// When a file cannot be read or contains something else, or there is no key.
pub fn collect(files: &[PathBuf], agent: AgentKeys, home: Option<&Path>) -> Result<Vec<PublicKey>, LinodeError> {
    let mut keys = of_files(files)?;
    match agent {
        AgentKeys::Always => keys.extend(of_agent()?),
        AgentKeys::WithoutFiles if keys.is_empty() => keys = of_agent().or_else(|_| of_home(home))?,
        AgentKeys::WithoutFiles => {}
    }
    Ok(keys)
}

fn of_home(home: Option<&Path>) -> Result<Vec<PublicKey>, LinodeError> {
    let paths = home.into_iter().flat_map(|home| DEFAULT_FILES.map(|path| home.join(path)));
    let keys = of_files(&paths.filter(|path| path.exists()).collect::<Vec<_>>())?;
    if keys.is_empty() {
        return Err(LinodeError::argument(
            "there is no SSH key: neither the SSH agent nor ~/.ssh has one",
            "`ssh-keygen -t ed25519` makes one; or name a file with --ssh-key",
        ));
    }
    Ok(keys)
}

fn of_files(paths: &[PathBuf]) -> Result<Vec<PublicKey>, LinodeError> {
    let mut all = Vec::new();
    for path in paths {
        all.extend(of_file(path)?);
    }
    Ok(all)
}

fn of_file(path: &Path) -> Result<Vec<PublicKey>, LinodeError> {
    let text = fs::read_to_string(path).map_err(|source| LinodeError::Read {
        what: "the SSH key",
        path: path.to_owned(),
        source,
        help: "name the file of a public key with --ssh-key, such as ~/.ssh/id_ed25519.pub",
    })?;
    if text.contains("PRIVATE KEY") {
        return Err(LinodeError::argument(
            format!("{} is a private key, which must not leave this machine", path.display()),
            "name the file of the public key, which ends with .pub; `ssh-keygen -y -f FILE` shows it",
        ));
    }
    let lines = (1_usize..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let not_a_key = |number: usize| {
        LinodeError::argument(
            format!("line {number} of {} is not a public SSH key", path.display()),
            "a line has a type, the key in base64 and a comment, as in ~/.ssh/id_ed25519.pub; certificates, and keys with \
             options before them, are not accepted",
        )
    };
    let keys: Vec<PublicKey> = lines
        .map(|(number, line)| PublicKey::parse(line).ok_or_else(|| not_a_key(number)))
        .collect::<Result<_, _>>()?;
    if keys.is_empty() { Err(not_a_key(1)) } else { Ok(keys) }
}

/// The keys of the agent, as ssh-add(1) lists them, without its certificates.
fn of_agent() -> Result<Vec<PublicKey>, LinodeError> {
    let error = |reason: &str| {
        let help = "`ssh-add` adds a key to it; or name a file with --ssh-key";
        LinodeError::argument(format!("the SSH agent has no keys: {reason}"), help)
    };
    let listed = Command::new("ssh-add").arg("-L").stdin(Stdio::null()).output();
    let output = listed.map_err(|source| error(&format!("ssh-add: {source}")))?;
    let keys: Vec<PublicKey> = String::from_utf8_lossy(&output.stdout).lines().filter_map(PublicKey::parse).collect();
    if output.status.success() && !keys.is_empty() {
        return Ok(keys);
    }
    match String::from_utf8_lossy(&output.stderr).trim() {
        "" => Err(error("it lists none")),
        said => Err(error(said)),
    }
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
