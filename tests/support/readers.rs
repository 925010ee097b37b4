//! Independent readers: of .deb files, each printing what it found in tab-separated lines, and of YAML.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

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

/// `binary TEXT` (line breaks as `\n`), and the lines `field` and `data`.
const LIBARCHIVE: &str = r"
import sys
import libarchive
from debian.deb822 import Deb822
with libarchive.file_reader(sys.argv[1]) as members:
    parts = {member.pathname: b''.join(member.get_blocks()) for member in members}
print('binary', parts['debian-binary'].decode().replace('\n', '\\n'), sep='\t')
part = lambda name: next(bytes for path, bytes in parts.items() if path.startswith(name))
with libarchive.memory_reader(part('control.tar')) as entries:
    control = next(b''.join(entry.get_blocks()) for entry in entries if entry.pathname == './control')
for name, value in Deb822(control).items():
    print('field', name, value.replace('\n', '\\n'), sep='\t')
with libarchive.memory_reader(part('data.tar')) as entries:
    for entry in entries:
        kind = 'd' if entry.isdir else 'l' if entry.issym else '-'
        mode = oct(entry.mode & 0o7777)[2:]
        print('data', entry.pathname, kind, mode, entry.size or 0, entry.linkpath or '', sep='\t')
";

/// What python3-debian reads. Its 0.1.49 knows gzip, xz and none; Zstandard needs Python 3.14.
pub fn python_debian(deb: &Path) -> String {
    let mut python = Command::new("/usr/bin/python3");
    printed("python3-debian", python.args(["-c", PYTHON]).arg(deb).env("PYTHONUTF8", "1"))
}

/// What libarchive reads, the library of `bsdtar`, in the same form as `python_debian`. It knows every compression.
pub fn libarchive(deb: &Path) -> String {
    let mut python = Command::new("/usr/bin/python3");
    printed("python3-libarchive-c", python.args(["-c", LIBARCHIVE]).arg(deb).env("LC_ALL", "C.UTF-8"))
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
