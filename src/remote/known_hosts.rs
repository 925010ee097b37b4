//! The host keys of machines that stackdeb has made, in `stackdeb/known_hosts` of the user's state folder
//! (`$XDG_STATE_HOME`, else `~/.local/state`). stackdeb has put each key into the machine's user data itself, so ssh knows
//! whom it meets, and nobody has to accept a key.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::RemoteError;
use super::ssh_key::SshKey;
use crate::system::output::{self, OutputError};

/// Where the file is; `None` without a home.
pub fn path() -> Option<PathBuf> {
    let state = env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    Some(state.or_else(home)?.join("stackdeb/known_hosts"))
}

/// Notes the key of the machine at `address`. An older machine that had this address is forgotten.
///
/// # Errors
/// When the file cannot be written.
pub fn note(file: &Path, address: &str, key: &SshKey) -> Result<(), RemoteError> {
    let before = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(source) => return Err(OutputError { path: file.display().to_string(), source }.into()),
    };
    let others = before.lines().filter(|line| line.split(' ').next() != Some(address));
    let mut text: String = others.flat_map(|line| [line, "\n"]).collect();
    text.push_str(&format!("{address} {}\n", key.public()));
    Ok(output::write_file(file, text.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn an_address_has_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state/known_hosts");
        let (one, other) = (SshKey::generate().unwrap(), SshKey::generate().unwrap());
        note(&file, "192.0.2.1", &one).unwrap();
        note(&file, "192.0.2.10", &one).unwrap();
        note(&file, "192.0.2.1", &other).unwrap();
        let expected = format!("192.0.2.10 {}\n192.0.2.1 {}\n", one.public(), other.public());
        assert_eq!(fs::read_to_string(&file).unwrap(), expected);
        // ssh-keygen(1) reads it as ssh does.
        let found = Command::new("ssh-keygen").args(["-F", "192.0.2.1", "-f"]).arg(&file).output().unwrap();
        assert!(String::from_utf8_lossy(&found.stdout).contains(other.public()));
    }
}
