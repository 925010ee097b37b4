//! What a package puts on the machine: a list of files, folders and symbolic links by their final paths, all owned by
//! root. Mistakes show when an entry is added, so that the caller can say where it came from.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// What dpkg adds to a name while it unpacks the file.
const WHILE_UNPACKING: usize = ".dpkg-new".len();
/// The longest file name in a folder, in bytes: `NAME_MAX` of Linux's file systems, less what dpkg adds.
const LONGEST_NAME: usize = 255 - WHILE_UNPACKING;
/// The longest link target, in bytes: `PATH_MAX` without the NUL at its end.
const LONGEST_TARGET: usize = 4095;
/// The longest path, in bytes.
const LONGEST_PATH: usize = LONGEST_TARGET - WHILE_UNPACKING;

/// The entries of a package, by their paths. The folders above an entry need not be added: they have mode 0755.
#[derive(Debug, Clone, Default)]
pub struct Payload {
    entries: BTreeMap<String, PayloadEntry>,
}

/// A file, a folder or a link that is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayloadEntry {
    File {
        content: Content,
        mode: u32,
    },
    Folder {
        mode: u32,
    },
    Symlink {
        /// Its target, relative or absolute. Nothing has to be there.
        target: String,
    },
}

/// A file's content, or where it is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Bytes(Vec<u8>),
    /// A file of the build machine. It is read when the package is written. Links are followed; its
    /// mode and times are ignored.
    File(PathBuf),
}

/// Why an entry cannot be in a package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum PayloadError {
    /// The path does not begin with `/`.
    #[error("the path `{0}` does not begin with `/`, so it names no place on the machine")]
    #[diagnostic(help("write the whole path that the file has once the package is installed"))]
    Relative(String),
    /// The path has `..` in it.
    #[error("the path `{0}` has a part `..`: it would lead out of the package")]
    #[diagnostic(help("write the path without `..`"))]
    Parent(String),
    /// The path names the root itself.
    #[error("the path `{0}` is the root folder, which every package has anyway")]
    #[diagnostic(help("name something inside it"))]
    Root(String),
    /// A character that dpkg's database or tar cannot hold.
    #[error("`{}` has a line break or a NUL in it, which dpkg refuses in names", .0.escape_debug())]
    #[diagnostic(help("rename the file"))]
    BadCharacter(String),
    /// Longer than Linux allows, or than dpkg can unpack.
    #[error("`{path}` is too long: at most {limit} bytes will do, these are {length}")]
    #[diagnostic(help(
        "shorten the name, or move the file up a few folders; dpkg needs 9 of the 255 bytes that a name may have"
    ))]
    TooLong {
        /// The path, the part of it, or the link's target.
        path: String,
        /// How long the path is, in bytes.
        length: usize,
        /// The longest one that is possible, in bytes.
        limit: usize,
    },
    #[error("`{path}` is {new} here, but the package has {old} of that path already")]
    #[diagnostic(help("install one of the two somewhere else, or leave it out"))]
    Collision {
        path: String,
        /// What has the path already: a file, a folder or a link.
        old: String,
        /// What was to be added.
        new: String,
    },
    /// An entry below something that is no folder.
    #[error("`{path}` cannot be there: above it, `{above}` is {what}, not a folder")]
    #[diagnostic(help("install one of the two somewhere else; a path through a link must name the link's target"))]
    NotAFolder {
        /// The entry to be added.
        path: String,
        above: String,
        what: String,
    },
    /// More than permission bits.
    #[error("the mode {mode:o} of `{path}` has more than the permission bits 7777")]
    #[diagnostic(help("write the mode in octal, such as 0644 for a file or 0755 for a program"))]
    BadMode {
        path: String,
        /// The mode as it was given.
        mode: u32,
    },
    /// A link whose target is an empty text.
    #[error("the symbolic link `{0}` has no target")]
    #[diagnostic(help("say what it points to"))]
    EmptyTarget(String),
}

impl PayloadEntry {
    /// The entry in words, for error messages.
    pub fn describe(&self) -> String {
        match self {
            Self::File { content: Content::Bytes(_), .. } => "a file".to_owned(),
            Self::File { content: Content::File(path), .. } => format!("a file (from {})", path.display()),
            Self::Folder { mode } => format!("a folder of mode {mode:04o}"),
            Self::Symlink { target } => format!("a link to `{target}`"),
        }
    }
}

impl Payload {
    /// Adds a regular file. `path` is absolute; `mode` are its permission bits, e.g. `0o644`.
    ///
    /// # Errors
    /// When the path is not one that a package can have, or is taken. Whether a [`Content::File`] exists is seen by
    /// [`super::Package::check`].
    pub fn add_file(&mut self, path: &str, content: Content, mode: u32) -> Result<(), PayloadError> {
        self.add(path, PayloadEntry::File { content, mode: checked_mode(path, mode)? })
    }

    /// Adds a folder, which may stay empty. Adding it again with the same mode changes nothing.
    ///
    /// # Errors
    /// When the path is not one that a package can have, or is taken.
    pub fn add_folder(&mut self, path: &str, mode: u32) -> Result<(), PayloadError> {
        self.add(path, PayloadEntry::Folder { mode: checked_mode(path, mode)? })
    }

    /// Adds a symbolic link to `target`. Nothing has to exist there.
    ///
    /// # Errors
    /// When the path or the target is not one that a package can have, or the path is taken.
    pub fn add_symlink(&mut self, path: &str, target: &str) -> Result<(), PayloadError> {
        if target.is_empty() {
            return Err(PayloadError::EmptyTarget(path.to_owned()));
        }
        check_text(target, LONGEST_TARGET)?;
        self.add(path, PayloadEntry::Symlink { target: target.to_owned() })
    }

    /// Whether a package can have an entry with this path: dpkg can unpack it.
    pub fn can_have(path: &str) -> bool {
        normal_path(path).is_ok()
    }

    /// The entry that was added with this path. The path must be written as [`Payload::entries`] returns it.
    pub fn get(&self, path: &str) -> Option<&PayloadEntry> {
        self.entries.get(path)
    }

    /// All entries by absolute path, with the folders above them but without the root. Each folder
    /// comes before what it holds.
    pub fn entries(&self) -> BTreeMap<&str, &PayloadEntry> {
        const IMPLIED: &PayloadEntry = &PayloadEntry::Folder { mode: 0o755 };
        let mut all: BTreeMap<&str, &PayloadEntry> = BTreeMap::new();
        for (path, entry) in &self.entries {
            for above in folders_above(path) {
                all.entry(above).or_insert(IMPLIED);
            }
            all.insert(path, entry);
        }
        all
    }

    /// Adds any kind of entry.
    ///
    /// # Errors
    /// As the functions for each kind.
    pub fn add(&mut self, path: &str, entry: PayloadEntry) -> Result<(), PayloadError> {
        let path = normal_path(path)?;
        for above in folders_above(&path) {
            if let Some(other @ (PayloadEntry::File { .. } | PayloadEntry::Symlink { .. })) = self.entries.get(above) {
                return Err(PayloadError::NotAFolder {
                    above: above.to_owned(),
                    what: other.describe(),
                    path: path.clone(),
                });
            }
        }
        if let Some(old) = self.entries.get(&path) {
            let same_folder =
                matches!((old, &entry), (PayloadEntry::Folder { mode: a }, PayloadEntry::Folder { mode: b }) if a == b);
            if same_folder {
                return Ok(());
            }
            return Err(PayloadError::Collision { old: old.describe(), new: entry.describe(), path });
        }
        if !matches!(entry, PayloadEntry::Folder { .. }) && self.has_entries_below(&path) {
            let old = "a folder with entries".to_owned();
            return Err(PayloadError::Collision { old, new: entry.describe(), path });
        }
        self.entries.insert(path, entry);
        Ok(())
    }

    /// Gives a file of the payload another content. Where there is no file, nothing changes.
    pub fn replace_content(&mut self, path: &str, with: Content) {
        if let Some(PayloadEntry::File { content, .. }) = self.entries.get_mut(path) {
            *content = with;
        }
    }

    /// Whether something is inside that path, which has no `/` at its end.
    pub fn has_entries_below(&self, path: &str) -> bool {
        let below = format!("{path}/");
        self.entries.range(below.clone()..).next().is_some_and(|(next, _)| next.starts_with(&below))
    }
}

/// The folders above an absolute path, the highest first, without the root.
fn folders_above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').skip(1).filter_map(|(index, _)| path.get(..index))
}

fn checked_mode(path: &str, mode: u32) -> Result<u32, PayloadError> {
    if mode & !0o7777 == 0 { Ok(mode) } else { Err(PayloadError::BadMode { path: path.to_owned(), mode }) }
}

/// The path with one `/` before each part, checked.
fn normal_path(path: &str) -> Result<String, PayloadError> {
    let given = || path.to_owned();
    check_text(path, LONGEST_PATH)?;
    if !path.starts_with('/') {
        return Err(PayloadError::Relative(given()));
    }
    let mut normal = String::with_capacity(path.len());
    for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if part == ".." {
            return Err(PayloadError::Parent(given()));
        }
        check_length(part, LONGEST_NAME)?;
        normal.push('/');
        normal.push_str(part);
    }
    if normal.is_empty() { Err(PayloadError::Root(given())) } else { Ok(normal) }
}

fn check_text(text: &str, longest: usize) -> Result<(), PayloadError> {
    if text.contains(['\n', '\0']) {
        return Err(PayloadError::BadCharacter(text.to_owned()));
    }
    check_length(text, longest)
}

fn check_length(text: &str, limit: usize) -> Result<(), PayloadError> {
    if text.len() > limit {
        return Err(PayloadError::TooLong { path: text.to_owned(), length: text.len(), limit });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Content {
        Content::Bytes(Vec::new())
    }

    #[test]
    fn folders_come_before_what_they_hold() {
        let mut payload = Payload::default();
        payload.add_file("/usr/share/a-b", file(), 0o644).unwrap();
        payload.add_file("/usr//share/./a/b", file(), 0o644).unwrap();
        payload.add_folder("/usr/share/a", 0o700).unwrap();
        let entries = payload.entries();
        assert_eq!(entries["/usr/share/a"], &PayloadEntry::Folder { mode: 0o700 });
        let paths: Vec<&str> = entries.into_keys().collect();
        assert_eq!(paths, ["/usr", "/usr/share", "/usr/share/a", "/usr/share/a-b", "/usr/share/a/b"]);
    }

    #[test]
    fn paths_that_no_package_can_have_are_refused() {
        let mut payload = Payload::default();
        let long = format!("/{}", "x".repeat(247));
        let deep = "/x".repeat(2044);
        for bad in ["usr/bin/x", "", "/", "//.", "/usr/../etc/x", "/a\nb", "/a\0b", &long, &deep] {
            assert!(payload.add_file(bad, file(), 0o644).is_err(), "{bad:?}");
            assert!(payload.add_folder(bad, 0o755).is_err(), "{bad:?}");
            assert!(payload.add_symlink(bad, "x").is_err(), "{bad:?}");
        }
        assert!(payload.add_file("/a", file(), 0o100_644).is_err());
        for bad in ["", "a\nb", &"/x".repeat(2048)] {
            assert!(payload.add_symlink("/a", bad).is_err(), "{bad:?}");
        }
        assert!(payload.entries().is_empty());
        payload.add_file(&format!("/{}", "x".repeat(246)), file(), 0o644).unwrap();
    }

    #[test]
    fn two_entries_for_one_path_are_refused() {
        let mut payload = Payload::default();
        payload.add_file("/etc/a", file(), 0o644).unwrap();
        payload.add_symlink("/etc/link", "a").unwrap();
        payload.add_folder("/var/lib/b", 0o750).unwrap();
        payload.add_folder("/var/lib/b", 0o750).unwrap();
        assert!(payload.add_file("/etc/a", file(), 0o644).is_err());
        assert!(payload.add_file("/etc/./a", file(), 0o644).is_err());
        assert!(payload.add_folder("/var/lib/b", 0o755).is_err());
        assert!(payload.add_file("/etc/a/b", file(), 0o644).is_err());
        assert!(payload.add_file("/etc/link/b", file(), 0o644).is_err());
        assert!(payload.add_file("/var", file(), 0o644).is_err());
        assert!(payload.add_symlink("/var/lib", "x").is_err());
        assert!(payload.add_file("/va", file(), 0o644).is_ok());
    }
}
