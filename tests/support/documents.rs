//! The fenced blocks of the documents. The word after `sh` says how a block is tested:
//!
//! | kind | what is done with it |
//! |---|---|
//! | `run` | all of a file's, in one shell, in an empty folder (tests/project/documents.rs) |
//! | `linode` | all of a file's, in one shell, in a project with a built image, against the API in memory (tests/linode) |
//! | `server` | all of a file's, in one shell, as root of a container with the packages `stack` and `shop`, in a copy of the folder that the file's blocks of the kind `run` leave (tests/server/documents.rs); those of https.md and django.md where there is an authority and a project of Django (https.rs, applications.rs) |
//! | `ssh` | all of a file's, in one shell, in the project `shop` or beside it, which reaches a container as `server`, `www.example.org`, `old` and `web-1` (tests/server) |
//! | `clone` | in this repository; what installs the package, in a root of Debian 13 (tests/project) |
//! | `parse` | each command line is parsed (tests/format) |
//!
//! A program that asks is answered at a terminal. A block is of the kind `parse` only where a test of seconds cannot run it,
//! because it needs
//!
//! - a booted image in QEMU, which takes a minute without KVM (`stackdeb boot`, and SSH to its machine), or all that an image is
//!   made of once more (`stackdeb image --no-cache`) or all programs compiled (`./just`);
//! - an account with Terraform, or an archive of somebody else's with a key that it knows;
//! - in README.md, blocks of several other kinds: the tutorial has the same commands; in CONTRIBUTING.md, the tests.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{program, source_folder};

/// A block between two lines of backquotes.
#[derive(Debug)]
pub struct Block {
    /// The document, relative to the repository.
    pub file: PathBuf,
    /// The number of its first line of backquotes, from 1.
    pub line: usize,
    /// `sh`, `toml`; empty when nothing stands there.
    pub language: String,
    /// What stands after the language.
    pub kind: String,
    pub text: String,
}

/// All documents that people read: the repository's own and those in `docs/`, sorted.
pub fn files() -> Vec<PathBuf> {
    let root = source_folder();
    let mut found: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.is_file());
    let mut todo = vec![root.join("docs"), root.join(".github")];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { todo.push(path) } else { found.push(path) }
        }
    }
    found.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    let mut found: Vec<PathBuf> = found.iter().map(|path| path.strip_prefix(root).unwrap().to_owned()).collect();
    found.sort();
    assert!(found.iter().any(|path| path.ends_with("README.md")) && found.len() > 10, "{found:?}");
    found
}

/// The blocks of one document.
pub fn blocks_of(file: &Path) -> Vec<Block> {
    let text = fs::read_to_string(source_folder().join(file)).unwrap();
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for (index, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), open) {
            (Some(info), false) => {
                let (language, kind) = info.split_once(' ').unwrap_or((info, ""));
                let (language, kind) = (language.to_owned(), kind.to_owned());
                blocks.push(Block { file: file.to_owned(), line: index + 1, language, kind, text: String::new() });
                open = true;
            }
            (Some(end), true) => {
                assert_eq!(end, "", "{}:{}", file.display(), index + 1);
                open = false;
            }
            (None, true) => {
                let block = blocks.last_mut().unwrap();
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, false) => {}
        }
    }
    assert!(!open, "{}: its last block has no end", file.display());
    blocks
}

/// Every block of every document.
pub fn blocks() -> Vec<Block> {
    files().iter().flat_map(|file| blocks_of(file)).collect()
}

/// For each document that has blocks of a kind: the document, and these blocks as one script.
pub fn scripts(kind: &str) -> Vec<(PathBuf, String)> {
    let mut scripts: Vec<_> = files().into_iter().map(|file| (script_of(&file, kind), file)).collect();
    scripts.retain(|(script, _)| !script.is_empty());
    assert!(!scripts.is_empty(), "no document has a block `sh {kind}`");
    scripts.into_iter().map(|(script, file)| (file, script)).collect()
}

/// A document's blocks of a kind as one script; empty if it has no such block.
pub fn script_of(file: &Path, kind: &str) -> String {
    let of_kind = blocks_of(file).into_iter().filter(|block| block.language == "sh" && block.kind == kind);
    // Each block says where it begins, so that a failure can be found.
    let say = |block: Block| format!("echo '== {}:{}' >&2\n{}", file.display(), block.line, block.text);
    of_kind.map(say).collect()
}

/// The commands of a how-to that a test types one block at a time: its blocks of a kind.
pub fn steps<const COUNT: usize>(how_to: &str, kind: &str) -> [String; COUNT] {
    let blocks = blocks_of(&Path::new("docs/how-to").join(how_to)).into_iter();
    let found: Vec<String> = blocks.filter(|block| block.kind == kind).map(|block| block.text).collect();
    found.try_into().unwrap_or_else(|found| panic!("{how_to}: not {COUNT} blocks `sh {kind}`, but {found:?}"))
}

/// A shell that runs a script as a reader with an empty home, `folder/home`, types it there.
pub fn shell(folder: &Path, script: &str) -> Command {
    let (bin, home) = (folder.join("bin"), folder.join("home"));
    fs::create_dir_all(&bin).unwrap();
    fs::create_dir_all(&home).unwrap();
    for name in ["stackdeb", "health-check"] {
        symlink(program(name), bin.join(name)).unwrap();
    }
    let mut path = OsString::from(&bin);
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    let mut shell = Command::new("bash");
    shell.args(["-eu", "-o", "pipefail", "-c", script]).current_dir(&home).env("HOME", &home).env("PATH", path);
    // Cargo and its toolchain are those of the user who runs the tests.
    for (variable, default) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        let of_user = || PathBuf::from(std::env::var_os("HOME").unwrap()).join(default).into_os_string();
        shell.env(variable, std::env::var_os(variable).unwrap_or_else(of_user));
    }
    shell.env("DEBFULLNAME", "Jane Doe").env("DEBEMAIL", "jane@example.org");
    shell
}
