//! How long stackdeb takes to build an image, and how long mmdebstrap, `mke2fs -d` and `gzip -6` take with the same
//! packages. Both have the packages downloaded already. Run it as root, because mmdebstrap is the fastest then.
//!
//! Then, how long an image takes after a change to the app, and when nothing has changed, beside one from nothing.

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

fn main() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-image");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("archives")).unwrap();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in ["app", "stack.toml"] {
        assert!(Command::new("cp").arg("-r").arg(repository.join(entry)).arg(&folder).status().unwrap().success());
    }
    let shell = |script: &str| {
        let mut command = Command::new("sh");
        command.args(["-ec", script, env!("CARGO_BIN_EXE_stackdeb")]).current_dir(&folder);
        command
    };
    // From nothing: of what earlier images have left in the cache, only downloads are used.
    let nothing = "rm -rf dist; exec \"$0\" image --no-cache";
    let ours = || shell(&format!("{nothing} --without-package"));
    assert!(ours().status().unwrap().success());
    let manifest = fs::read(folder.join("dist/stack-1.0.0-linode.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let packages = manifest["packages"].as_array().unwrap();
    let names: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    println!("{} packages", names.len());
    let mirror = Command::new("apt-get")
        .args(["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"])
        .output()
        .unwrap();
    let mirror = String::from_utf8(mirror.stdout).unwrap();
    let mirror = mirror.lines().find(|line| line.contains("debian") && !line.contains("security")).unwrap();
    // The hooks are those in mmdebstrap(1) for keeping packages between runs.
    let script = format!(
        "rm -rf tree theirs.img theirs.img.gz
         mmdebstrap --quiet --variant=custom --include={} --skip=essential/unlink --skip=cleanup/apt/cache \
           --setup-hook='mkdir -p \"$1\"/var/cache/apt/archives; cp -l archives/*.deb \"$1\"/var/cache/apt/archives/ 2>/dev/null || true' \
           --customize-hook='cp -n \"$1\"/var/cache/apt/archives/*.deb archives/ || true' \
           --customize-hook='rm -f \"$1\"/var/cache/apt/archives/*.deb' trixie tree '{mirror}' 'deb {mirror} trixie-updates main' \
           'deb {}-security trixie-security main'
         mke2fs -q -t ext4 -d tree theirs.img 1200M
         gzip -6 theirs.img",
        names.join(","),
        mirror.trim_end_matches('/'),
    );
    let theirs = || {
        let mut command = Command::new("sh");
        command.args(["-ec", &script]).current_dir(&folder);
        command
    };
    side_by_side::head("mmdebstrap…");
    side_by_side::compare("image", 1, ours, theirs);
    let changed = || shell("echo '# changed' >>app/app.py; exec \"$0\" image");
    assert!(changed().status().unwrap().success());
    let whole = || shell(nothing);
    side_by_side::head("from nothing");
    side_by_side::compare("image of a changed app", 1, changed, whole);
    let unchanged = || shell("exec \"$0\" image");
    side_by_side::compare("image when nothing has changed", 1, unchanged, whole);
}
