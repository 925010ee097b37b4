//! How long stackdeb takes to build an image, and how long mmdebstrap, `mke2fs -d` and gzip or pigz take with the same
//! packages. Both have the packages downloaded already. Run it as root, because mmdebstrap is the fastest then.
//!
//! Then, how long an image takes after a change to the app, beside mkosi's incremental build, `mke2fs -d` and pigz ([`MKOSI`]);
//! and with a further package, and when nothing has changed, beside one from nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a benchmark ends in a panic when something is not as it should be"
)]

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::process::Command;

use support::side_by_side;

/// It says how.
const MKOSI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/mkosi");
/// How often each pair is measured, after once that does not count.
const ROUNDS: usize = 3;
/// Small packages that the stack has not, one for each round.
const FURTHER: [&str; ROUNDS + 1] = ["tree", "jq", "ncdu", "lsof"];

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
         \"$0\" -6 theirs.img",
        names.join(","),
        mirror.trim_end_matches('/'),
    );
    let theirs = |compress: &'static str| {
        let (script, folder) = (&script, &folder);
        move || {
            let mut command = Command::new("sh");
            command.args(["-ec", script, compress]).current_dir(folder);
            command
        }
    };
    side_by_side::head("mmdebstrap…");
    side_by_side::compare("image, beside gzip", ROUNDS, ours, theirs("gzip"));
    side_by_side::compare("image, beside pigz", ROUNDS, ours, theirs("pigz"));
    let changed = || shell("echo '# changed' >>app/app.py; exec \"$0\" image");
    assert!(changed().status().unwrap().success());
    let with_mkosi = || {
        let app = folder.join("mkosi/mkosi.extra/usr/share/stack");
        fs::create_dir_all(&app).unwrap();
        let copied = Command::new("cp").args(["-r", "app/."]).arg(app).current_dir(&folder).status().unwrap();
        assert!(copied.success());
        let mut command = Command::new(MKOSI);
        command.arg(folder.join("mkosi")).arg(mirror).args(&names);
        command
    };
    side_by_side::head("mkosi -i…");
    side_by_side::compare("image of a changed app", ROUNDS, changed, with_mkosi);
    let whole = || shell(nothing);
    side_by_side::head("from nothing");
    let manifest = fs::read_to_string(folder.join("stack.toml")).unwrap();
    let further = RefCell::new(FURTHER.iter());
    let with_further = || {
        let name = further.borrow_mut().next().unwrap();
        let with = manifest.replace("[image]\n", &format!("[image]\npackages = [\"{name}\"]\n"));
        fs::write(folder.join("stack.toml"), with).unwrap();
        shell("exec \"$0\" image")
    };
    side_by_side::compare("image with a package more", ROUNDS, with_further, whole);
    let unchanged = || shell("exec \"$0\" image");
    side_by_side::compare("image when nothing has changed", ROUNDS, unchanged, whole);
}
