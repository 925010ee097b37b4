//! Independent readers: of .deb files, each printing what it found in tab-separated lines, and of YAML.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::package::printed;

/// `field NAME VALUE` (line breaks as `\n`), `script NAME`, `data PATH KIND MODE SIZE TARGET`, `md5 PATH`.
const PYTHON: &str = r"
import sys
from debian.debfile import DebFile
deb = DebFile(sys.argv[1])
for name, value in deb.debcontrol().items():
    print('field', name, value.replace('\n', '\\n'), sep='\t')
for name in deb.scripts():
    print('script', name, sep='\t')
for member in deb.data.tgz():
    kind = 'd' if member.isdir() else 'l' if member.issym() else '-'
    print('data', member.name, kind, oct(member.mode)[2:], member.size, member.linkname, sep='\t')
for name in deb.md5sums(encoding='utf-8'):
    # It takes backslashes for slashes when it looks for a file.
    assert '\\' in name or deb.data.has_file(name), name
    print('md5', name, sep='\t')
";

/// What python3-debian reads. Its 0.1.49 knows gzip, xz and none; Zstandard needs Python 3.14.
pub fn python_debian(deb: &Path) -> String {
    let mut python = Command::new("/usr/bin/python3");
    printed("python3-debian", python.args(["-c", PYTHON]).arg(deb).env("PYTHONUTF8", "1"))
}

/// What the crate `debian-packaging` reads; its form is described in `tests/debian-packaging-reader`.
pub fn debian_packaging(deb: &Path) -> String {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        let target = super::kept().with_file_name("debian-packaging-reader");
        let manifest = super::source_folder().join("tests/debian-packaging-reader/Cargo.toml");
        let mut build = Command::new("cargo");
        build.args(["build", "--quiet", "--locked", "--manifest-path"]).arg(manifest).arg("--target-dir").arg(&target);
        printed("cargo", &mut build);
        target.join("debug/debian-packaging-reader")
    });
    printed("cargo", Command::new(program).arg(deb))
}

/// What PyYAML reads of a text.
pub fn yaml(text: &str) -> serde_json::Value {
    let script = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin.buffer), sys.stdout)";
    let mut python = Command::new("/usr/bin/python3");
    python.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = python.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{text}");
    serde_json::from_slice(&output.stdout).unwrap()
}
