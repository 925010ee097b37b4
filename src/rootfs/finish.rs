//! Finishes a configured root, so that it can be copied to any number of machines: installs the image's own files, enables
//! their units, and removes everything that is secret, that identifies one machine, or that depends on the build instead
//! of the input.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;

use super::{RootFile, RunInRoot};
use crate::system::epoch::Epoch;
use crate::system::interrupt;
use crate::system::tree::{self, TreeError};

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
    ("var/lib/apt/lists/*Release", "`apt-get update` fetches it anew"),
    ("var/lib/apt/lists/*Packages", "`apt-get update` fetches it anew"),
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
    #[diagnostic(help("check that the disk has room; the root is a working copy, and a new build makes it anew"))]
    File {
        /// The file, on this machine.
        path: String,
        #[source]
        source: io::Error,
    },
    /// Something cannot be removed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Remove(#[from] TreeError),
    #[error("{0} is mounted inside the root, and finishing would remove what is in it")]
    #[diagnostic(help("unmount it with umount(8), then build again"))]
    Mounted(String),
    #[error("cannot enable the image's units: {0}")]
    #[diagnostic(help("if the project has units of its own in its folder `image`, check their [Install] sections"))]
    Enable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Finishes the tree `root`: installs all of `files`, removes what must not be copied, and sets times later than `epoch` to
/// `epoch`. The files of packages are usually older. An epoch older than the packages invalidates their `.pyc` files.
///
/// # Errors
/// When a file cannot be written or removed, something is mounted in the root, `systemctl enable` fails in it, or the
/// user interrupts. The root is then not usable.
pub fn finish(root: &Path, files: &[RootFile], epoch: Epoch, run: RunInRoot) -> Result<(), FinishError> {
    let root = &root.canonicalize().map_err(|source| error(root, source))?;
    refuse_mounts(root)?;
    let has = |folder: &str| root.join(folder).is_dir();
    let wanted = |file: &&RootFile| match file.path.file_name().and_then(|name| name.to_str()) {
        Some(CERTIFICATE_UNIT | "first-boot-certificate") => has(CERTIFICATES),
        Some(CLUSTER_UNIT | "first-boot-cluster") => has(CLUSTERS),
        _ => true,
    };
    for file in files.iter().filter(wanted) {
        put(root, file)?;
    }
    let mut enable = vec!["systemctl", "enable"];
    enable.extend(UNITS);
    enable.extend(has(CERTIFICATES).then_some(CERTIFICATE_UNIT));
    enable.extend(has(CLUSTERS).then_some(CLUSTER_UNIT));
    run(&enable).map_err(FinishError::Enable)?;
    for (pattern, _) in REMOVED {
        interrupt::check().map_err(|source| error(root, source))?;
        remove_matching(root, pattern)?;
    }
    remove_links_to(&root.join("etc/ssl/certs"), Path::new("ssl-cert-snakeoil.pem"))?;
    // The file is empty, not missing (machine-id(5)): then systemd fills it at the first boot, also while the root is still
    // read-only, and does not apply presets, which would change what the packages enabled.
    replace(&root.join("etc/machine-id"), 0o444, b"")?;
    let resolver = root.join("etc/resolv.conf");
    symlink("../run/systemd/resolve/stub-resolv.conf", &resolver).map_err(|source| error(&resolver, source))?;
    // ConditionNeedsUpdate= in systemd.unit(5): the packages have already made what the first boot would make.
    for stamp in ["etc/.updated", "var/.updated"] {
        replace(&root.join(stamp), 0o644, b"")?;
    }
    clamp_times(root, epoch)
}

/// Sets the times of `root` and everything below it to `epoch` where they are later.
fn clamp_times(root: &Path, epoch: Epoch) -> Result<(), FinishError> {
    let latest = TimeSpec::new(epoch.seconds().into(), 0);
    let mut todo = vec![root.to_owned()];
    while let Some(path) = todo.pop() {
        interrupt::check().map_err(|source| error(&path, source))?;
        let found = fs::symlink_metadata(&path).map_err(|source| error(&path, source))?;
        if found.is_dir() {
            todo.extend(entries(&path)?);
        }
        if (found.mtime(), found.mtime_nsec()) > (epoch.seconds().into(), 0) {
            utimensat(AT_FDCWD, &path, &latest, &latest, UtimensatFlags::NoFollowSymlink)
                .map_err(|errno| error(&path, errno.into()))?;
        }
    }
    Ok(())
}

/// Installs one file and replaces what was there. It never follows a symbolic link, which might lead out of the root.
fn put(root: &Path, file: &RootFile) -> Result<(), FinishError> {
    let mut folder = root.to_owned();
    for part in file.path.parent().unwrap_or(Path::new("")).components() {
        let Component::Normal(part) = part else { return Err(error(&file.path, io::ErrorKind::InvalidInput.into())) };
        folder.push(part);
        match fs::symlink_metadata(&folder) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(error(&folder, io::ErrorKind::NotADirectory.into())),
            Err(_) => {
                fs::create_dir(&folder)
                    .and_then(|()| fs::set_permissions(&folder, Permissions::from_mode(0o755)))
                    .map_err(|source| error(&folder, source))?;
            }
        }
    }
    replace(&root.join(&file.path), file.mode, file.content.as_bytes())
}

/// Writes a new file in the place of whatever has that name.
fn replace(path: &Path, mode: u32, content: &[u8]) -> Result<(), FinishError> {
    let write = || {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file: File = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(content)?;
        // Again, because the umask may have removed bits.
        file.set_permissions(Permissions::from_mode(mode))
    };
    write().map_err(|source| error(path, source))
}

/// Removes what `pattern` names: a path whose last part may hold one `*`.
fn remove_matching(root: &Path, pattern: &str) -> Result<(), FinishError> {
    let (parent, last) = pattern.rsplit_once('/').unwrap_or(("", pattern));
    let (before, after) = last.split_once('*').unwrap_or((last, ""));
    let parent = root.join(parent);
    // What is in a folder that is a link is matched by its real path, if at all.
    if !fs::symlink_metadata(&parent).is_ok_and(|found| found.is_dir()) {
        return Ok(());
    }
    for path in entries(&parent)? {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let fits = match last.contains('*') {
            // The two parts of the pattern must not overlap in the name.
            true => name.strip_prefix(before).is_some_and(|rest| rest.ends_with(after)),
            false => name == last,
        };
        if fits {
            tree::remove(&path)?;
        }
    }
    Ok(())
}

/// Removes the symbolic links of a folder that lead to `target`: OpenSSL finds certificates by links with their hash.
fn remove_links_to(folder: &Path, target: &Path) -> Result<(), FinishError> {
    if !folder.is_dir() {
        return Ok(());
    }
    for path in entries(folder)? {
        if fs::read_link(&path).is_ok_and(|found| found == target) {
            fs::remove_file(&path).map_err(|source| error(&path, source))?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, FinishError> {
    let list = || fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>();
    list().map_err(|source| error(folder, source))
}

/// Fails if something is mounted inside the root. Otherwise the removal would also delete files there; a host has lost its
/// `/dev` in this way.
fn refuse_mounts(root: &Path) -> Result<(), FinishError> {
    let table = Path::new("/proc/self/mountinfo");
    let mounts = fs::read_to_string(table).map_err(|source| error(table, source))?;
    // proc_pid_mountinfo(5): the fifth field is the mount point, with spaces and such in octal.
    let below = |line: &str| {
        let point = line.split(' ').nth(4)?.replace("\\040", " ");
        let inside = Path::new(&point) != root && Path::new(&point).starts_with(root);
        inside.then_some(point)
    };
    mounts.lines().find_map(below).map_or(Ok(()), |point| Err(FinishError::Mounted(point)))
}

fn error(path: &Path, source: io::Error) -> FinishError {
    FinishError::File { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "of the build").unwrap();
        }
        root
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
        finish(root.path(), &files, Epoch::from_seconds(1).unwrap(), &run).unwrap();
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
        assert_eq!(commands.borrow().len(), 1);
        let latest = fs::symlink_metadata(root.path().join("a/b/c")).unwrap().mtime();
        assert_eq!(latest, 1, "later than the epoch");
        assert!(commands.borrow()[0].contains("serial-getty@ttyS0.service"));
    }

    #[test]
    fn nothing_is_written_through_a_link() {
        let (root, outside) = (tree(&["etc/machine-id"]), tempfile::tempdir().unwrap());
        symlink(outside.path(), root.path().join("boot")).unwrap();
        let epoch = Epoch::from_seconds(1).unwrap();
        let result = finish(root.path(), &[root_file("boot/grub.cfg")], epoch, &|_| Ok(Vec::new()));
        assert!(matches!(result, Err(FinishError::File { .. })));
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    }
}
