//! The folders with the `.deb` files, as the root's dpkg sees them. The users of a root are others than those of this
//! machine, so the files must be readable for everybody: the packages of a distribution are no secret, and the folder
//! around them may still be closed.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::sandbox::Sandbox;

/// Each folder with its path inside the sandbox.
pub(super) struct Pool {
    folders: BTreeMap<PathBuf, String>,
}

impl Pool {
    /// The folders of `packages`, which can be read by everybody from then on. The error names the file whose permissions
    /// cannot be set.
    pub(super) fn of(packages: &[PathBuf]) -> Result<Self, (String, io::Error)> {
        let mut folders = BTreeMap::new();
        for package in packages {
            let Some(folder) = package.parent() else { continue };
            let number = folders.len();
            if !folders.contains_key(folder) {
                share(folder, 0o555)?;
                folders.insert(folder.to_owned(), format!("/mnt/pool/{number}"));
            }
            share(package, 0o444)?;
        }
        Ok(Self { folders })
    }

    /// Shows the folders to the sandbox.
    pub(super) fn bind(&self, sandbox: Sandbox) -> Sandbox {
        self.folders.iter().fold(sandbox, |sandbox, (host, inside)| sandbox.bind_read_only(host, inside))
    }

    /// The path of a package inside the sandbox.
    pub(super) fn inside(&self, package: &Path) -> String {
        let folder = package.parent().and_then(|folder| self.folders.get(folder)).map_or("", String::as_str);
        format!("{folder}/{}", package.file_name().unwrap_or_default().to_string_lossy())
    }
}

/// Adds the permissions `wanted` to those of a file or folder.
fn share(path: &Path, wanted: u32) -> Result<(), (String, io::Error)> {
    let share = || {
        let present = fs::metadata(path)?.permissions().mode() & 0o7777;
        if present & wanted == wanted {
            Ok(())
        } else {
            fs::set_permissions(path, Permissions::from_mode(present | wanted))
        }
    };
    share().map_err(|error| (path.display().to_string(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_that_only_their_owner_can_read_are_shared() {
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path().join("a.deb");
        fs::write(&package, b"").unwrap();
        fs::set_permissions(&package, Permissions::from_mode(0o600)).unwrap();
        let pool = Pool::of(std::slice::from_ref(&package)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(folder.path()), mode(&package)), (0o755, 0o644));
        assert_eq!(pool.inside(&package), "/mnt/pool/0/a.deb");
    }
}
