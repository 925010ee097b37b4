//! A small root: a few programs of the host with their libraries, which a sandbox can run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use stackdeb::rootfs;
use stackdeb::rootfs::sandbox::{Sandbox, SandboxError};
use stackdeb::system::userns::Ids;
use tempfile::TempDir;

const PROGRAMS: [&str; 13] =
    ["sh", "cat", "ls", "sleep", "env", "uname", "dd", "stat", "chown", "mkdir", "mount", "mknod", "readlink"];

/// The root, and the folder that holds it.
pub struct Root {
    pub folder: TempDir,
    pub root: rootfs::Root,
}

impl Root {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = rootfs::Root::create(&folder.path().join("root"), Ids::of_a_root()).unwrap();
        let root = Self { folder, root };
        for program in PROGRAMS {
            let path = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"].map(|folder| Path::new(folder).join(program));
            let path = path.iter().find(|path| path.exists()).unwrap_or_else(|| panic!("the host has no {program}"));
            root.add(path, program);
        }
        root
    }

    /// Copies a program of the host, with its libraries.
    pub fn add(&self, path: &Path, name: &str) {
        self.copy(path, &Path::new("usr/bin").join(name));
        let libraries = Command::new("ldd").arg(path).output().unwrap();
        for word in String::from_utf8(libraries.stdout).unwrap().split_whitespace().filter(|w| w.starts_with('/')) {
            self.copy(Path::new(word), Path::new(word));
        }
    }

    fn copy(&self, from: &Path, to: &Path) {
        if !self.root.has_file(to) {
            self.root.write(to, 0o755, fs::read(from).unwrap()).unwrap();
        }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    pub fn sandbox(&self) -> Sandbox {
        Sandbox::new(&self.root)
    }

    pub fn shell(&self, script: &str) -> String {
        self.try_shell(script).unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn try_shell(&self, script: &str) -> Result<String, SandboxError> {
        self.sandbox().run(&["sh", "-ec", script]).map(|output| String::from_utf8(output).unwrap())
    }
}
