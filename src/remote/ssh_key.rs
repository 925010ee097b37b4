//! A new pair of SSH keys, from ssh-keygen(1): of a machine that is to be known, or of a user who is to be let in.

use std::fs;
use std::process::{Command, Stdio};

/// A pair of Ed25519 keys. The private half is a secret.
#[derive(Clone)]
pub struct SshKey {
    private: String,
    public: String,
}

impl SshKey {
    /// Makes a pair with ssh-keygen(1). `None` when this machine has no such program, or it fails.
    pub fn generate() -> Option<Self> {
        let folder = tempfile::tempdir().ok()?;
        let path = folder.path().join("key");
        let mut program = Command::new("ssh-keygen");
        program.args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]).arg(&path);
        let status = program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
        let private = fs::read_to_string(&path).ok().filter(|_| status.success())?;
        let public = fs::read_to_string(path.with_extension("pub")).ok()?;
        Some(Self { private, public: public.trim().to_owned() })
    }

    /// In OpenSSH's own format, several lines.
    pub fn private(&self) -> &str {
        &self.private
    }

    /// The type and the key, in one line.
    pub fn public(&self) -> &str {
        &self.public
    }
}

impl std::fmt::Debug for SshKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SshKey({})", self.public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_private_half_is_not_shown() {
        let key = SshKey::generate().unwrap();
        assert!(key.private().starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
        assert!(!format!("{key:?}").contains("PRIVATE"));
    }
}
