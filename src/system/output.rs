//! Files that appear complete or not at all. While a file is written it has no name, so nothing remains of it even if
//! the process is killed. An older file of the same name stays until the new one is complete.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempPath;

/// Why an output could not be written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot write {path}: {source}")]
#[diagnostic(help(
    "check that you can make files in that folder, that the disk has free space, and that no limit (`ulimit -f`) forbids a file of that size; no file there was changed"
))]
pub struct OutputError {
    pub path: String,
    #[source]
    pub source: io::Error,
}

/// A file that is being written. If it is dropped without [`OutputFile::commit`], nothing remains of it.
pub struct OutputFile {
    file: File,
    /// The temporary name, on file systems without `O_TMPFILE`.
    temporary: Option<TempPath>,
    path: PathBuf,
}

impl OutputFile {
    /// Begins a file that will have the name `path`. The folder is made if it does not exist.
    ///
    /// # Errors
    /// When the folder or the file cannot be made.
    pub fn create(path: &Path) -> Result<Self, OutputError> {
        Self::begin(path).map_err(|source| error(path, source))
    }

    fn begin(path: &Path) -> io::Result<Self> {
        let folder = folder_of(path);
        fs::create_dir_all(folder)?;
        let unnamed = OpenOptions::new().read(true).write(true).custom_flags(libc::O_TMPFILE).mode(0o666).open(folder);
        let (file, temporary) = match unnamed {
            Ok(file) => (file, None),
            Err(error) if matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EISDIR | libc::ENOENT)) => {
                let (file, temporary) = tempfile::Builder::new().prefix(".stackdeb-").tempfile_in(folder)?.into_parts();
                (file, Some(temporary))
            }
            Err(error) => return Err(error),
        };
        Ok(Self { file, temporary, path: path.to_owned() })
    }

    /// The name that [`OutputFile::commit`] gives it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open file, for `read_at`, `write_at` and `set_len`.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Writes the content to the disk (fdatasync) and gives the file its name. It replaces an older file of that name.
    ///
    /// # Errors
    /// When either fails. The older file is then unchanged.
    pub fn commit(self) -> Result<(), OutputError> {
        let path = self.path.clone();
        self.finish().map_err(|source| error(&path, source))
    }

    /// Gives the file its name without waiting for the disk. After a power cut, the file can have the name and not the
    /// content, so this is for files of the cache whose digest is checked each time that they are read.
    ///
    /// # Errors
    /// When the file cannot be named. The older file is then unchanged.
    pub fn commit_to_cache(self) -> Result<(), OutputError> {
        let path = self.path.clone();
        self.name().map_err(|source| error(&path, source))
    }

    fn finish(self) -> io::Result<()> {
        self.file.sync_data()?;
        self.name()
    }

    fn name(self) -> io::Result<()> {
        let Some(temporary) = self.temporary else { return self.link() };
        temporary.persist(&self.path).map_err(|error| error.error)
    }

    /// Names an unnamed file. linkat(2) cannot replace a file, so the link has a temporary name and is renamed.
    fn link(&self) -> io::Result<()> {
        let folder = folder_of(&self.path);
        let descriptor = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        let follow = nix::fcntl::AtFlags::AT_SYMLINK_FOLLOW;
        let named = tempfile::Builder::new().prefix(".stackdeb-").make_in(folder, |name| {
            nix::unistd::linkat(nix::fcntl::AT_FDCWD, descriptor.as_str(), nix::fcntl::AT_FDCWD, name, follow)
                .map_err(io::Error::from)
        })?;
        named.into_temp_path().persist(&self.path).map_err(|error| error.error)
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for OutputFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.seek(position)
    }
}

/// Writes a file with this content. It replaces an older one.
///
/// # Errors
/// When that fails. An older file of that name is then unchanged.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    let mut output = OutputFile::create(path)?;
    output.write_all(bytes).map_err(|source| error(path, source))?;
    output.commit()
}

/// Makes `link` a symbolic link to `target`. It replaces a file or link of that name.
///
/// # Errors
/// When the link cannot be made, or `link` is a folder.
pub fn write_symlink(link: &Path, target: &Path) -> Result<(), OutputError> {
    let make = || {
        let named = tempfile::Builder::new()
            .prefix(".stackdeb-")
            .make_in(folder_of(link), |name| std::os::unix::fs::symlink(target, name))?;
        named.into_temp_path().persist(link).map_err(|error| error.error)
    };
    make().map_err(|source| error(link, source))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn error(path: &Path, source: io::Error) -> OutputError {
    OutputError { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out/file");
        write_file(&path, b"old").unwrap();
        for (content, commit) in [
            (b"new".as_slice(), OutputFile::commit as fn(OutputFile) -> _),
            (b"to the cache".as_slice(), OutputFile::commit_to_cache),
        ] {
            let mut output = OutputFile::create(&path).unwrap();
            let before = fs::read(&path).unwrap();
            output.write_all(content).unwrap();
            assert_eq!(fs::read(&path).unwrap(), before);
            commit(output).unwrap();
            assert_eq!(fs::read(&path).unwrap(), content);
        }
        drop(OutputFile::create(&path).unwrap());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "a temporary name remained");
    }

    #[test]
    fn a_link_replaces_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        write_symlink(&link, Path::new("a")).unwrap();
        write_symlink(&link, Path::new("b")).unwrap();
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("b"));
    }
}
