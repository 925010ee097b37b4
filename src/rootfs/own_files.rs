//! The files of a root that this program writes itself while the packages are installed: what dpkg and the packages'
//! scripts need, and apt's record. A package's script may have put links in their places.

use std::fmt::Write as _;
use std::path::Path;

use super::build_error::BuildError;
use super::file::RootFile;
use super::root::Root;
use crate::control::PackageName;

const POLICY: &str = "usr/sbin/policy-rc.d";
const START_STOP_DAEMON: &str = "usr/sbin/start-stop-daemon";
const START_STOP_DAEMON_KEPT: &str = "usr/sbin/start-stop-daemon.REAL";

/// Writes files of the root from outside of the sandbox.
pub(super) struct OwnFiles<'a> {
    pub(super) root: &'a Root,
}

impl OwnFiles<'_> {
    /// Writes the files that dpkg and the packages' scripts need.
    pub(super) fn prepare(&self, files: &[RootFile]) -> Result<(), BuildError> {
        self.write("var/lib/dpkg/status", "", 0o644)?;
        self.write(POLICY, "#!/bin/sh\n# No service starts while the image is being built.\nexit 101\n", 0o755)?;
        for file in files {
            self.write(&file.path, &file.content, file.mode)?;
        }
        Ok(())
    }

    /// Replaces start-stop-daemon with a program that does nothing, because scripts may
    /// call it without asking `policy-rc.d`.
    pub(super) fn stop_daemons(&self) -> Result<(), BuildError> {
        if !self.root.has_file(START_STOP_DAEMON) {
            return Ok(());
        }
        self.rename(START_STOP_DAEMON, START_STOP_DAEMON_KEPT)?;
        self.write(START_STOP_DAEMON, "#!/bin/sh\nexit 0\n", 0o755)
    }

    pub(super) fn restore_daemons(&self) -> Result<(), BuildError> {
        if self.root.has_file(START_STOP_DAEMON_KEPT) {
            self.rename(START_STOP_DAEMON_KEPT, START_STOP_DAEMON)?;
        }
        Ok(self.root.remove(POLICY)?)
    }

    /// Writes apt's record of automatically installed packages, which apt-mark(8) reads.
    pub(super) fn mark_automatic(&self, names: &[PackageName]) -> Result<(), BuildError> {
        if names.is_empty() {
            return Ok(());
        }
        let mut text = String::new();
        for name in names {
            // apt writes the native architecture for packages of all architectures, too.
            let _ = write!(text, "Package: {name}\nArchitecture: amd64\nAuto-Installed: 1\n\n");
        }
        self.write("var/lib/apt/extended_states", &text, 0o644)
    }

    fn write(&self, path: impl AsRef<Path>, content: &str, mode: u32) -> Result<(), BuildError> {
        let path = path.as_ref();
        let error = |source| BuildError::Write { path: self.root.shown(path), source };
        self.root.write(path, mode, content).map_err(error)
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), BuildError> {
        let error = |source| BuildError::Write { path: self.root.shown(from), source };
        self.root.rename(from, to).map_err(error)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;
    use crate::system::userns::Ids;

    /// As a package's script can leave the root before this program writes to it again.
    #[test]
    fn what_this_program_writes_and_removes_stays_in_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("root"), folder.path().join("outside"));
        let target = |name: &str| {
            let path = outside.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "of the machine").unwrap();
            path
        };
        let link = |name: &str, target: &Path| {
            let path = inside.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            symlink(target, path).unwrap();
        };
        // A file of this machine in the place of one that is written, and a folder in the place of one that it is in.
        link("var/lib/apt/extended_states", &target("states"));
        link("usr/sbin", target("sbin/start-stop-daemon").parent().unwrap());
        target("sbin/policy-rc.d");
        target("sbin/start-stop-daemon.REAL");
        let before = listing(&outside);
        let root = Root::open(&inside, Ids::SAME).unwrap();
        let own_files = OwnFiles { root: &root };
        own_files.mark_automatic(&["aa".parse().unwrap()]).unwrap();
        own_files.stop_daemons().unwrap();
        own_files.restore_daemons().unwrap();
        fs::remove_file(inside.join("var/lib/apt/extended_states")).unwrap();
        fs::remove_dir(inside.join("var/lib/apt")).unwrap();
        link("var/lib/apt", &outside);
        assert!(own_files.mark_automatic(&["aa".parse().unwrap()]).is_err());
        assert_eq!(listing(&outside), before);
    }

    fn listing(folder: &Path) -> String {
        let output = Command::new("find").arg(folder).args(["-printf", "%P %s %T@ %m\n"]).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    }
}
