//! GRUB as Linode gives it to a machine: from outside, with the image as `(hd0)` and its `/boot/grub/grub.cfg` as the
//! menu. It comes out as one file for QEMU's `-kernel`: GRUB's loader for Linux boot protocols, then its core.
//!
//! Nothing of it is taken from the host: a tree goes in that holds the packages [`PACKAGES`] with what they depend on, and
//! the means to run a program inside it.

use std::fs;
use std::io;
use std::path::Path;

use crate::system::output::{self, OutputError};

/// The Debian packages that the tree must hold, besides their dependencies.
pub const PACKAGES: [&str; 2] = ["grub-common", "grub-pc-bin"];

/// Where the packages put GRUB's parts.
const PARTS: &str = "/usr/lib/grub/i386-pc";

/// The working files, inside the tree; not in `/tmp`, where a sandbox may have one of its own.
const EARLY: &str = "/stackdeb-grub.cfg";
const CORE: &str = "/stackdeb-grub.img";

/// Runs before the menu is read, so that a missing one shows on the serial console too. 19200 baud is Linode's.
const EARLY_CONFIGURATION: &str = "\
serial --unit=0 --speed=19200 --word=8 --parity=no --stop=1
terminal_input serial
terminal_output serial
set root=(hd0)
set prefix=(hd0)/boot/grub
";

/// What a menu may use: as the image carries no GRUB of its own, no module can be loaded later.
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

/// Why there is no GRUB.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum GrubError {
    /// The tree cannot be used.
    #[error("cannot make the boot loader for the virtual machine in {tree}: {source}")]
    #[diagnostic(help("remove the folder `tools` of the cache; it is made again"))]
    Tree {
        /// The tree.
        tree: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It cannot be written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
}

/// Makes GRUB out of the unpacked packages in `tree` and writes it to `loader`. `run` runs a program, given by its path
/// and arguments, with `tree` as its root.
///
/// # Errors
/// What `run` reports, when it reports anything; when a file is missing in the tree; when `loader` cannot be written.
pub fn make<E: From<GrubError>>(
    tree: &Path,
    loader: &Path,
    run: impl FnOnce(&[&str]) -> Result<(), E>,
) -> Result<(), E> {
    let inside = |path: &str| tree.join(path.trim_start_matches('/'));
    let failed = |source| GrubError::Tree { tree: tree.display().to_string(), source };
    fs::write(inside(EARLY), EARLY_CONFIGURATION).map_err(failed)?;
    let mut command = vec!["/usr/bin/grub-mkimage", "-d", PARTS, "-O", "i386-pc", "-p", "(hd0)/boot/grub"];
    command.extend(["-c", EARLY, "-o", CORE]);
    command.extend(MODULES);
    run(&command)?;
    let mut image = fs::read(inside(&format!("{PARTS}/lnxboot.img"))).map_err(failed)?;
    image.extend(fs::read(inside(CORE)).map_err(failed)?);
    output::write_file(loader, &image).map_err(GrubError::from)?;
    Ok(())
}
