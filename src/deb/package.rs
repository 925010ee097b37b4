//! A binary package before it is written, and everything that can be wrong with it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use super::{Compression, Content, Control, ControlError, Payload, PayloadEntry};
use crate::system::epoch::Epoch;

/// The size of a block of a tar archive, in bytes.
const TAR_BLOCK: u64 = 512;

/// Everything that goes into a .deb.
#[derive(Debug, Clone)]
pub struct Package {
    pub control: Control,
    /// What it puts on the machine.
    pub payload: Payload,
    /// The absolute paths of those files of the payload that the administrator may edit (Debian Policy 10.7).
    pub conffiles: Vec<String>,
    /// The maintainer scripts (Debian Policy 6).
    pub scripts: Scripts,
    /// The content of the file `triggers` (deb-triggers(5)).
    pub triggers: Option<String>,
    /// How both members are compressed.
    pub compression: Compression,
    /// The time of everything in the package.
    pub epoch: Epoch,
}

/// The maintainer scripts (Debian Policy 6), each whole, with its `#!` line.
#[derive(Debug, Clone, Default)]
pub struct Scripts {
    /// dpkg runs it before it unpacks the files.
    pub preinst: Option<String>,
    /// dpkg runs it after it has unpacked the files.
    pub postinst: Option<String>,
    /// dpkg runs it before it removes the files.
    pub prerm: Option<String>,
    /// dpkg runs it after it has removed the files.
    pub postrm: Option<String>,
}

/// Why a package cannot be written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PackageError {
    /// A field of the control data is wrong.
    #[error("the control data is wrong: {0}")]
    #[diagnostic(transparent)]
    Control(#[from] ControlError),
    /// A conffile's path cannot be one.
    #[error(
        "the conffile `{}` is not an absolute path in one line, without a blank at an end and without `//`, `/./` or `/../`",
        .0.escape_debug()
    )]
    #[diagnostic(help("write the path exactly as it is in the package"))]
    ConffilePath(String),
    /// A conffile that is not in the payload.
    #[error("the conffile `{0}` is not in the package")]
    #[diagnostic(help("add the file, or take it off the list of conffiles"))]
    ConffileMissing(String),
    /// A conffile that is a folder or a link.
    #[error("the conffile `{0}` is not a regular file")]
    #[diagnostic(help("only files can be conffiles: list the files in the folder, or the link's target"))]
    ConffileKind(String),
    #[error("the conffile `{0}` is listed twice")]
    #[diagnostic(help("list it once"))]
    ConffileTwice(String),
    /// A script that the system cannot run.
    #[error("the maintainer script {0} does not begin with `#!` and the absolute path of an interpreter")]
    #[diagnostic(help("begin it with `#!/bin/sh`"))]
    Script(&'static str),
    /// The kernel takes the carriage return for a part of the interpreter's name.
    #[error("the first line of the maintainer script {0} ends with a carriage return, as Windows writes it")]
    #[diagnostic(help("save it with Unix line ends: `sed -i 's/\\r$//'`"))]
    ScriptLineEnd(&'static str),
    /// A line of `triggers` that dpkg refuses.
    #[error("line {line} of the triggers, `{text}`, is not a directive and the name of a trigger")]
    #[diagnostic(help("write `interest-noawait NAME` or another directive of deb-triggers(5)"))]
    Trigger {
        /// The line with the mistake; the first one is 1.
        line: usize,
        text: String,
    },
    /// A file of the build machine cannot be read.
    #[error("cannot read {file}, which is to be installed as {path}: {source}")]
    #[diagnostic(help("make sure that the file exists and that you may read it"))]
    Unreadable {
        /// The file on this machine.
        file: String,
        path: String,
        #[source]
        source: io::Error,
    },
    /// What should be a file of the build machine is a folder, a device, a pipe or the like.
    #[error("{file}, which is to be installed as {path}, is not a regular file")]
    #[diagnostic(help("a folder has to be added with all its entries"))]
    NotRegular {
        /// The file on this machine.
        file: String,
        path: String,
    },
}

/// A package that was checked: only such a package can be written with [`write()`](super::write()).
#[derive(Debug, Clone, Copy)]
pub struct CheckedPackage<'a> {
    pub(super) package: &'a Package,
    /// `Installed-Size` in KiB, by the rule of deb-substvars(5): each file and link is rounded up; anything else, also
    /// the root folder, counts 1.
    pub(super) installed_size: u64,
    /// About how long the payload is as a tar archive, in bytes: long names are not counted, folders are counted twice.
    pub(super) tar_length: u64,
}

impl Package {
    /// Checks all that dpkg-deb checks when it builds a package, and dpkg when it unpacks one. It writes nothing. It opens
    /// each source file and looks at its length, but does not read it.
    ///
    /// # Errors
    /// The first mistake.
    pub fn check(&self) -> Result<CheckedPackage<'_>, PackageError> {
        self.control.check()?;
        self.check_conffiles()?;
        for (name, script) in self.scripts.by_name() {
            let interpreter = script.strip_prefix("#!").map(str::trim_start);
            if script.contains('\0') || !interpreter.is_some_and(|path| path.starts_with('/')) {
                return Err(PackageError::Script(name));
            }
            if script.split('\n').next().is_some_and(|first| first.ends_with('\r')) {
                return Err(PackageError::ScriptLineEnd(name));
            }
        }
        self.check_triggers()?;
        let mut checked = CheckedPackage { package: self, installed_size: 1, tar_length: 4096 };
        for (path, entry) in self.payload.entries() {
            let bytes = match entry {
                PayloadEntry::File { content: Content::Bytes(bytes), .. } => bytes.len() as u64,
                PayloadEntry::File { content: Content::File(file), .. } => content_length(file, path)?,
                PayloadEntry::Symlink { target } => target.len() as u64,
                PayloadEntry::Folder { .. } => 1,
            };
            let blocks = bytes.div_ceil(TAR_BLOCK).saturating_add(1);
            checked.installed_size = checked.installed_size.saturating_add(bytes.div_ceil(1024));
            checked.tar_length = checked.tar_length.saturating_add(blocks.saturating_mul(TAR_BLOCK));
        }
        Ok(checked)
    }

    fn check_conffiles(&self) -> Result<(), PackageError> {
        let mut seen = BTreeSet::new();
        let entries = self.payload.entries();
        for path in &self.conffiles {
            let odd_part = path.split('/').skip(1).any(|part| matches!(part, "" | "." | ".."));
            if !path.starts_with('/') || odd_part || path.contains(['\n', '\0']) || path.trim() != path {
                return Err(PackageError::ConffilePath(path.clone()));
            }
            match entries.get(path.as_str()) {
                Some(PayloadEntry::File { .. }) => {}
                Some(_) => return Err(PackageError::ConffileKind(path.clone())),
                None => return Err(PackageError::ConffileMissing(path.clone())),
            }
            if !seen.insert(path) {
                return Err(PackageError::ConffileTwice(path.clone()));
            }
        }
        Ok(())
    }

    fn check_triggers(&self) -> Result<(), PackageError> {
        for (line, number) in self.triggers.as_deref().unwrap_or_default().lines().zip(1..) {
            let text = line.split('#').next().unwrap_or_default().trim();
            let known = match text.split_once([' ', '\t']) {
                Some((directive, name)) => {
                    let base = directive.strip_suffix("-noawait").or_else(|| directive.strip_suffix("-await"));
                    let name_is_good = name.trim().bytes().all(|byte| byte.is_ascii_graphic());
                    matches!(base.unwrap_or(directive), "interest" | "activate") && name_is_good
                }
                None => text.is_empty(),
            };
            if !known {
                return Err(PackageError::Trigger { line: number, text: line.to_owned() });
            }
        }
        Ok(())
    }
}

impl Scripts {
    /// The scripts that the package has, with their names, in the order of the names.
    pub(super) fn by_name(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("postinst", &self.postinst),
            ("postrm", &self.postrm),
            ("preinst", &self.preinst),
            ("prerm", &self.prerm),
        ];
        all.into_iter().filter_map(|(name, script)| script.as_deref().map(|script| (name, script)))
    }
}

fn content_length(file: &Path, path: &str) -> Result<u64, PackageError> {
    let unreadable =
        |source| PackageError::Unreadable { file: file.display().to_string(), path: path.to_owned(), source };
    // The kind is checked before the file is opened: opening a pipe would wait for a writer.
    let metadata = fs::metadata(file).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(PackageError::NotRegular { file: file.display().to_string(), path: path.to_owned() });
    }
    fs::File::open(file).map_err(unreadable)?;
    Ok(metadata.len())
}
