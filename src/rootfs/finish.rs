//! Finishes a configured root, so that it can be copied to any number of machines: installs the image's own files,
//! enables their units, and removes everything that is secret, that identifies one machine, or that depends on the
//! build instead of the input.

use std::io;
use std::path::{Path, PathBuf};

use super::{Root, RootEntry, RootFile, RunInRoot};
use crate::system::epoch::Epoch;
use crate::system::interrupt;
use crate::system::tree::TreeError;

/// The paths that are removed, each with the reason. The last part may have one `*`. A folder is removed with its content.
const REMOVED: &[(&str, &str)] = &[
    // Secrets: they must differ from machine to machine.
    ("etc/ssh/ssh_host_*", "host keys are made at first boot (sshd-keygen.service)"),
    ("etc/ssl/private/ssl-cert-snakeoil.key", "the certificate is made at first boot (first-boot-certificate.service)"),
    ("etc/ssl/certs/ssl-cert-snakeoil.pem", "it belongs to that key"),
    ("var/lib/systemd/random-seed", "a seed must be secret"),
    ("var/lib/systemd/credential.secret", "systemd makes it when it needs it"),
    // One machine's identity.
    ("var/lib/dbus/machine-id", "systemd-tmpfiles links it to /etc/machine-id"),
    ("etc/resolv.conf", "it is the build's; a link to systemd-resolved's file replaces it"),
    // The build's tools.
    ("usr/sbin/policy-rc.d", "it kept services from starting during the build"),
    ("etc/postgresql-common/createcluster.d/image-build.conf", "it kept the cluster from being made in the build"),
    ("etc/apt/sources.list", "etc/apt/sources.list.d says it"),
    // What the build left behind.
    // The folder `partial` beside them stays: it is apt's own.
    ("var/lib/apt/lists/*Release", "`apt-get update` fetches it again"),
    ("var/lib/apt/lists/*Packages", "`apt-get update` fetches it again"),
    ("var/lib/apt/lists/lock", "an empty file that apt makes"),
    ("var/cache/apt/*.bin", "apt's caches of those lists"),
    ("var/cache/apt/archives/*.deb", "they are installed"),
    ("var/cache/ldconfig/aux-cache", "it holds inode numbers and times of the build host"),
    ("var/cache/debconf/*-old", "a backup"),
    ("var/lib/dpkg/*-old", "a backup"),
    ("var/lib/dpkg/lock*", "an empty file that dpkg makes"),
    ("var/lib/dpkg/triggers/Lock", "an empty file that dpkg makes"),
    ("var/log/apt/*", "a log of the build, with its times"),
    ("var/log/dpkg.log", "a log of the build, with its times"),
    ("var/log/alternatives.log", "a log of the build, with its times"),
    ("var/log/bootstrap.log", "a log of the build, with its times"),
    ("etc/passwd-", "a backup"),
    ("etc/group-", "a backup"),
    ("etc/shadow-", "a backup"),
    ("etc/gshadow-", "a backup"),
    ("etc/subuid-", "a backup"),
    ("etc/subgid-", "a backup"),
    ("etc/.pwd.lock", "an empty file that passwd makes"),
    // Folders that are mounted over or emptied at boot.
    ("dev/*", "devtmpfs is mounted there"),
    ("proc/*", "proc is mounted there"),
    ("run/*", "a tmpfs is mounted there"),
    ("sys/*", "sysfs is mounted there"),
    ("tmp/*", "temporary files of the build"),
    ("var/tmp/*", "temporary files of the build"),
];

// Other image builders remove these, but they stay here: `__pycache__` (it is the same in every build, and without it each
// Python program compiles at its first start), `/var/log/journal` (with this folder, the journal is kept over reboots), and
// apt's record of automatically installed packages.

/// The units that are enabled here; packages enable their own.
const UNITS: &[&str] = &[
    // systemd starts it by itself only if the kernel's command line has `console=ttyS0`, and not every loader sets that.
    "serial-getty@ttyS0.service",
    "metadata-for-root.service",
    "sshd-keygen.service",
    "systemd-networkd.service",
    "systemd-resolved.service",
];
const CERTIFICATE_UNIT: &str = "first-boot-certificate.service";
const CLUSTER_UNIT: &str = "first-boot-cluster.service";

/// These folders exist only with the packages ssl-cert and postgresql-common.
const CERTIFICATES: &str = "etc/ssl/private";
const CLUSTERS: &str = "etc/postgresql-common";

/// Why a root cannot be finished.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum FinishError {
    /// A file cannot be changed or removed.
    #[error("cannot finish {path}: {source}")]
    #[diagnostic(help("check that the disk has room; the root is a working copy, and a new build makes it again"))]
    File {
        /// The file, on this machine.
        path: String,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Remove(#[from] TreeError),
    #[error("{0} is mounted inside the root, and finishing would remove what is in it")]
    #[diagnostic(help("unmount it with umount(8), then build again"))]
    Mounted(String),
    #[error("cannot enable and disable the image's units: {0}")]
    #[diagnostic(help("if the project has units of its own in its folder `image`, check their [Install] sections"))]
    Enable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Finishes the tree `root`: installs all of `files`, disables the units `disabled`, removes what must not be copied, and
/// sets times later than `epoch` to `epoch`. The files of packages are usually older. An epoch older than the packages
/// invalidates their `.pyc` files. Returns what is in the tree then.
///
/// # Errors
/// When a file cannot be written or removed, something is mounted in the root, `systemctl` fails in it, or the
/// user interrupts. The root is then not usable.
pub fn finish(
    root: &Root,
    files: &[RootFile],
    disabled: &[&str],
    epoch: Epoch,
    run: RunInRoot,
) -> Result<Vec<RootEntry>, FinishError> {
    let failed = |path: &str| {
        let path = root.shown(path);
        move |source| FinishError::File { path, source }
    };
    // The removal would also delete files of what is mounted.
    if let Some(point) = root.mount_inside().map_err(failed(""))? {
        return Err(FinishError::Mounted(point));
    }
    let wanted = |file: &&RootFile| match file.path.file_name().and_then(|name| name.to_str()) {
        Some(CERTIFICATE_UNIT | "first-boot-certificate") => root.has_folder(CERTIFICATES),
        Some(CLUSTER_UNIT | "first-boot-cluster") => root.has_folder(CLUSTERS),
        _ => true,
    };
    for file in files.iter().filter(wanted) {
        let error = |source| FinishError::File { path: root.shown(&file.path), source };
        root.write(&file.path, file.mode, &file.content).map_err(error)?;
    }
    let mut enable = vec!["systemctl", "enable"];
    enable.extend(UNITS);
    enable.extend(root.has_folder(CERTIFICATES).then_some(CERTIFICATE_UNIT));
    enable.extend(root.has_folder(CLUSTERS).then_some(CLUSTER_UNIT));
    run(&enable).map_err(FinishError::Enable)?;
    for unit in disabled {
        run(&["systemctl", "disable", unit]).map_err(FinishError::Enable)?;
    }
    for (pattern, _) in REMOVED {
        interrupt::check().map_err(failed(""))?;
        remove_matching(root, pattern)?;
    }
    remove_links_to(root, "etc/ssl/certs", Path::new("ssl-cert-snakeoil.pem"))?;
    // The file is empty, not missing (machine-id(5)): then systemd fills it at the first boot, also while the root is still
    // read-only, and does not apply presets, which would change what the packages enabled.
    root.write("etc/machine-id", 0o444, "").map_err(failed("etc/machine-id"))?;
    let resolver = "etc/resolv.conf";
    root.symlink("../run/systemd/resolve/stub-resolv.conf", resolver).map_err(failed(resolver))?;
    // ConditionNeedsUpdate= in systemd.unit(5): the packages have already made what the first boot would make.
    for stamp in ["etc/.updated", "var/.updated"] {
        root.write(stamp, 0o644, "").map_err(failed(stamp))?;
    }
    let error = |(path, source): (PathBuf, _)| FinishError::File { path: root.shown(path), source };
    root.clamp_times(epoch).map_err(error)
}

/// Removes what `pattern` names: a path whose last part may hold one `*`.
fn remove_matching(root: &Root, pattern: &str) -> Result<(), FinishError> {
    let (parent, last) = pattern.rsplit_once('/').unwrap_or(("", pattern));
    let Some((before, after)) = last.split_once('*') else { return Ok(root.remove(pattern)?) };
    for path in entries(root, parent)? {
        // The two parts of the pattern must not overlap in the name.
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.strip_prefix(before).is_some_and(|rest| rest.ends_with(after)) {
            root.remove(&path)?;
        }
    }
    Ok(())
}

/// Removes the symbolic links of a folder that lead to `target`: OpenSSL finds certificates by links with their hash.
fn remove_links_to(root: &Root, folder: &str, target: &Path) -> Result<(), FinishError> {
    for path in entries(root, folder)? {
        if root.link_target(&path).is_some_and(|found| found == target) {
            root.remove(&path)?;
        }
    }
    Ok(())
}

/// The paths of what is in a folder; none if there is no such folder.
fn entries(root: &Root, folder: &str) -> Result<Vec<PathBuf>, FinishError> {
    let names = root.names(folder).map_err(|source| FinishError::File { path: root.shown(folder), source })?;
    Ok(names.into_iter().map(|name| Path::new(folder).join(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::userns::Ids;
    use std::cell::RefCell;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "of the build").unwrap();
        }
        root
    }

    fn opened(root: &Path) -> Root {
        Root::open(root, Ids::SAME).unwrap()
    }

    fn root_file(path: &str) -> RootFile {
        RootFile { path: path.into(), mode: 0o644, content: "x\n".into() }
    }

    #[test]
    fn secrets_and_traces_go_and_the_rest_stays() {
        let gone = ["etc/ssh/ssh_host_rsa_key", "etc/passwd-", "var/lib/apt/lists/a_InRelease", "tmp/deep/file"];
        let kept = ["etc/ssh/moduli", "etc/passwd", "var/lib/apt/extended_states", "etc/ssl/certs/ca.pem"];
        let root = tree(&[gone.as_slice(), &kept, &["etc/machine-id", "etc/resolv.conf", "var/x"]].concat());
        symlink("ssl-cert-snakeoil.pem", root.path().join("etc/ssl/certs/0badcafe.0")).unwrap();
        let commands = RefCell::new(Vec::new());
        let run = |command: &[&str]| {
            commands.borrow_mut().push(command.join(" "));
            Ok(Vec::new())
        };
        let files = [root_file("a/b/c"), root_file("x/first-boot-cluster.service")];
        finish(&opened(root.path()), &files, &["some.service"], Epoch::from_seconds(1).unwrap(), &run).unwrap();
        for path in gone {
            assert!(!root.path().join(path).exists(), "{path} is still there");
        }
        for path in kept {
            assert!(root.path().join(path).exists(), "{path} is gone");
        }
        assert!(fs::symlink_metadata(root.path().join("etc/ssl/certs/0badcafe.0")).is_err());
        assert_eq!(fs::read(root.path().join("etc/machine-id")).unwrap(), b"");
        assert_eq!(fs::read(root.path().join("a/b/c")).unwrap(), b"x\n");
        assert!(!root.path().join("x").exists(), "a unit of PostgreSQL without PostgreSQL");
        assert_eq!(commands.borrow().len(), 2);
        assert_eq!(commands.borrow().last().unwrap(), "systemctl disable some.service");
        let latest = fs::symlink_metadata(root.path().join("a/b/c")).unwrap().mtime();
        assert_eq!(latest, 1, "later than the epoch");
        assert!(commands.borrow()[0].contains("serial-getty@ttyS0.service"));
    }

    /// Links that a package's script may leave behind, each to a folder with files of this machine that have the names
    /// of what is removed or written.
    #[test]
    fn nothing_outside_is_written_or_removed_through_a_link() {
        for link in
            ["etc", "etc/ssh", "etc/ssl", "var", "var/log", "var/log/apt", "var/cache", "tmp", "run", "boot", "usr"]
        {
            let outside =
                tree(&["ssh_host_x", "ssh/ssh_host_x", "machine-id", "passwd-", "dpkg.log", "x.log", "log/dpkg.log"]);
            let root = tree(&[]);
            fs::create_dir_all(root.path().join(link).parent().unwrap()).unwrap();
            symlink(outside.path(), root.path().join(link)).unwrap();
            let before = listing(outside.path());
            let epoch = Epoch::from_seconds(1).unwrap();
            let files = [root_file("boot/grub.cfg"), root_file("usr/lib/x")];
            let _ = finish(&opened(root.path()), &files, &[], epoch, &|_| Ok(Vec::new()));
            assert_eq!(listing(outside.path()), before, "through /{link}");
        }
    }

    fn listing(folder: &Path) -> String {
        let output = std::process::Command::new("find").arg(folder).args(["-printf", "%P %s %T@\n"]).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    }
}
