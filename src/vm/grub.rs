//! GRUB as Linode's hosts give it to a machine: the image is `(hd0)`, and its `/boot/grub/grub.cfg` is the menu. In:
//! Debian's packages with GRUB and the libraries that it needs. Out: one file for QEMU's `-kernel`, which is GRUB's loader
//! for Linux boot protocols, then its core.
//!
//! Nothing of it is taken from the host. grub-mkimage only reads and writes files, so it needs neither a sandbox nor rights:
//! it runs where it was unpacked, with the packages' own dynamic loader.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tar::EntryType;

use crate::deb::{ReadError, Reader, entries, finish};
use crate::rootfs::Root;
use crate::system::interrupt;
use crate::system::output::{self, OutputError};
use crate::system::userns::Ids;

/// The Debian packages that are needed, besides their dependencies.
pub const PACKAGES: &str = "grub-common, grub-pc-bin";

/// The parts of the packages that are unpacked. Before Debian 13, libraries are not below `/usr`.
const NEEDED: [&str; 4] =
    ["usr/bin/grub-mkimage", "usr/lib/grub/i386-pc/", "usr/lib/x86_64-linux-gnu/l", "lib/x86_64-linux-gnu/"];
const LINKERS: [&str; 2] =
    ["usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"];
const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu:lib/x86_64-linux-gnu";
/// The folder of GRUB's modules.
const PARTS: &str = "usr/lib/grub/i386-pc";

/// The configuration that is embedded in GRUB's core, and the core. Both are made beside the unpacked packages.
const EARLY: &str = "early.cfg";
const CORE: &str = "core.img";

/// It runs before the menu is read, so that a missing menu shows on the serial console too. Linode uses 19200 baud.
const EARLY_CONFIGURATION: &str = "\
serial --unit=0 --speed=19200 --word=8 --parity=no --stop=1
terminal_input serial
terminal_output serial
set root=(hd0)
set prefix=(hd0)/boot/grub
";

/// All commands that a menu may use. The image has no GRUB of its own, so no module can be loaded later.
const MODULES: [&str; 27] = [
    "all_video",
    "biosdisk",
    "boot",
    "cat",
    "configfile",
    "echo",
    "ext2",
    "gzio",
    "halt",
    "linux",
    "linux16",
    "loadenv",
    "ls",
    "minicmd",
    "normal",
    "probe",
    "reboot",
    "regexp",
    "search",
    "search_fs_file",
    "search_fs_uuid",
    "search_label",
    "serial",
    "sleep",
    "terminal",
    "test",
    "true",
];

/// Why GRUB cannot be made.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum GrubError {
    /// A package file is damaged.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Package(#[from] ReadError),
    /// A package cannot be unpacked.
    #[error("cannot unpack {package} for the virtual machine's boot loader: {source}")]
    #[diagnostic(help("make room on the disk of the cache; remove the package if it is damaged, it is fetched again"))]
    Unpack {
        package: String,
        #[source]
        source: io::Error,
    },
    /// grub-mkimage cannot be run, or what it needs is not in the packages.
    #[error("cannot make the virtual machine's boot loader: {0}")]
    #[diagnostic(help("check that the disk of the cache has room and lets programs run (no `noexec`)"))]
    Make(#[source] io::Error),
    #[error("cannot make the virtual machine's boot loader: grub-mkimage says: {0}")]
    #[diagnostic(help("check that the disk of the cache has room; else report it with the suite's name"))]
    Refused(String),
    /// The finished file cannot be written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
}

/// Makes GRUB out of `packages`, the files of [`PACKAGES`] and of all that they depend on, and writes it to `loader`. Works
/// in a temporary folder in `work`.
///
/// # Errors
/// When a package is damaged or missing, there is no room, or the user interrupts.
pub fn make(packages: &[PathBuf], work: &Path, loader: &Path) -> Result<(), GrubError> {
    let tree = tempfile::Builder::new().prefix("grub-").tempdir_in(work).map_err(GrubError::Make)?;
    let root = Root::open(tree.path(), Ids::SAME).map_err(GrubError::Make)?;
    packages.iter().try_for_each(|package| unpack(package, &root))?;
    let image = link(&root, tree.path())?;
    output::write_file(loader, &image)?;
    Ok(())
}

fn unpack(package: &Path, root: &Root) -> Result<(), GrubError> {
    let mut archive = Reader::open(package)?.data()?;
    let mut unpack = || {
        for entry in entries(&mut archive)? {
            interrupt::check()?;
            let mut entry = entry?;
            let path = OsStr::from_bytes(&entry.path()).to_owned();
            let path = Path::new(&path).strip_prefix(".").unwrap_or(Path::new(&path));
            let shown = path.to_string_lossy();
            if !NEEDED.iter().any(|prefix| shown.starts_with(prefix)) {
                continue;
            }
            match entry.header().entry_type() {
                EntryType::Regular => {
                    let mut content = Vec::new();
                    entry.read_to_end(&mut content)?;
                    root.write(path, entry.header().mode()? & 0o755, content)?;
                }
                EntryType::Symlink => {
                    let target = entry.target().unwrap_or_default().into_owned();
                    root.symlink(&String::from_utf8_lossy(&target), path)?;
                }
                _ => {}
            }
        }
        io::Result::Ok(())
    };
    let failed = |source| GrubError::Unpack { package: package.display().to_string(), source };
    unpack().map_err(failed)?;
    finish(archive).map_err(failed)
}

fn link(root: &Root, tree: &Path) -> Result<Vec<u8>, GrubError> {
    root.write(EARLY, 0o644, EARLY_CONFIGURATION).map_err(GrubError::Make)?;
    let linker = LINKERS.into_iter().find(|path| root.has_file(path));
    let linker = linker.ok_or_else(|| GrubError::Make(io::Error::other("the packages hold no dynamic loader")))?;
    let output = Command::new(tree.join(linker))
        .args(["--inhibit-cache", "--library-path", LIBRARIES, "usr/bin/grub-mkimage"])
        .args(["-d", PARTS, "-O", "i386-pc", "-p", "(hd0)/boot/grub", "-c", EARLY, "-o", CORE])
        .args(MODULES)
        .current_dir(tree)
        .env_clear()
        .output()
        .map_err(GrubError::Make)?;
    if !output.status.success() {
        return Err(GrubError::Refused(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let mut image = fs::read(tree.join(PARTS).join("lnxboot.img")).map_err(GrubError::Make)?;
    image.extend(fs::read(tree.join(CORE)).map_err(GrubError::Make)?);
    Ok(image)
}
