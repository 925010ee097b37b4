//! How long stackdeb and dpkg-deb take to build a package of the same files with the same compression. The files are
//! the libraries of Python and Perl, about 60 MB.
//!
//! dpkg-deb gets a finished tree with all control files except `md5sums`. stackdeb makes `md5sums` as well, so
//! md5sum(1) runs before dpkg-deb, as with dh_md5sums(1).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a benchmark ends in a panic when something is not as it should be"
)]

use std::fs;
use std::path::Path;
use std::process::Command;
use support::side_by_side;

const MD5SUMS: &str =
    "(cd tree && find * -path DEBIAN -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -r0 md5sum > DEBIAN/md5sums)";

fn main() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-deb");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("app")).unwrap();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(repository.join("stack.toml")).unwrap();
    let fill = "cp -r \"$0/app/.\" app && for lib in /usr/lib/python3 /usr/share/perl /usr/lib/x86_64-linux-gnu/perl-base; do \
                mkdir -p \"app/library$lib\" && cp -rL \"$lib/.\" \"app/library$lib\" || true; done; \
                find app -name __pycache__ -prune -exec rm -rf {} +";
    shell(&folder, fill, repository);
    println!("{}", String::from_utf8_lossy(&shell(&folder, "du -sh app", repository)).trim());
    side_by_side::head("md5sum, dpkg-deb");
    for (name, zip) in [("none", "-Znone"), ("gzip", "-Zgzip -z9"), ("zstd", "-Zzstd -z19"), ("xz", "-Zxz -z6")] {
        let text = manifest.replacen("[package]", &format!("[package]\ncompression = \"{name}\""), 1);
        fs::write(folder.join("stack.toml"), text).unwrap();
        let ours = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_stackdeb"));
            command.arg("deb").current_dir(&folder);
            command
        };
        assert!(ours().status().unwrap().success());
        shell(&folder, "rm -rf tree && dpkg-deb -R dist/stack.deb tree", repository);
        let theirs = || {
            let mut command = Command::new("sh");
            let script = format!("{MD5SUMS} && dpkg-deb {zip} --root-owner-group -b tree theirs.deb");
            command.args(["-c", &script]).current_dir(&folder);
            command
        };
        side_by_side::compare(name, 3, ours, theirs);
    }
}

fn shell(folder: &Path, script: &str, argument: &Path) -> Vec<u8> {
    let output = Command::new("sh").args(["-ec", script]).arg(argument).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
