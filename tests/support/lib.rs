//! What the tests of several rooms need, one file for each subject. Here: the programs under test, the stack that ships as a
//! project of its own, and what is built of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test ends in a panic when something is not as it should be"
)]

pub mod account;
pub mod ahead;
pub mod applications;
pub mod apt_world;
pub mod balancer;
pub mod checks;
pub mod container;
pub mod crate_stack;
pub mod crates;
pub mod debian_packages;
pub mod documents;
pub mod edition;
pub mod faults;
pub mod lanes;
pub mod layers;
pub mod linode_api;
pub mod load;
pub mod local_site;
pub mod machine;
pub mod metadata;
pub mod mirror;
pub mod open_loop;
pub mod package;
pub mod packages;
pub mod ports;
pub mod project;
pub mod readers;
pub mod repository;
pub mod room;
pub mod sdists;
pub mod server;
pub mod several;
pub mod side_by_side;
pub mod ssh;
pub mod stack;
pub mod terminal;
pub mod terraform;
pub mod upgrade;
pub mod visitor;
pub mod websocket;
pub mod wheels;
pub mod wrk;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nix::fcntl::{Flock, FlockArg};
use stackdeb::system::tree;

/// The folder of this repository.
pub fn source_folder() -> &'static Path {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    folder.expect("this package is in tests/support")
}

/// The folder of Cargo's profile, `target/release`, in which this test program was built.
fn profile() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    program.ancestors().nth(2).expect("a test program is in target/release/deps").to_owned()
}

/// The folder of files that cost too much to make for each run. `cargo clean` removes it.
pub fn kept() -> PathBuf {
    let folder = profile().with_file_name("tmp");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The path of a program under test. Cargo builds only stackdeb for the tests of its package.
#[track_caller]
pub fn program(name: &str) -> String {
    let path = profile().join(name);
    assert!(path.exists(), "{} is not built: `cargo build --release -p {name}` builds it", path.display());
    path.display().to_string()
}

pub fn stackdeb() -> Command {
    Command::new(program("stackdeb"))
}

/// Copies the stack that ships with the project to `folder`.
pub fn default_stack(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    fs::copy(source_folder().join("stack.toml"), folder.join("stack.toml")).unwrap();
    copy_tree(&source_folder().join("app"), &folder.join("app"));
}

/// Copies plain files and folders.
pub fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Runs a command that must succeed, and returns what it printed to standard output.
#[track_caller]
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error} (tests/setup installs it)"));
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, text(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Both streams of a command, for messages.
pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What of the default stack is built once and kept.
#[derive(Clone, Copy)]
pub enum Built {
    /// The image with the stack in it.
    Image,
    /// The same image without the stack's own package: a clean machine.
    WithoutPackage,
}

impl Built {
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::WithoutPackage => "without-package",
        }
    }
}

/// The built default stack's `dist` folder.
#[track_caller]
pub fn built(what: Built) -> PathBuf {
    let arguments: &[&str] = match what {
        Built::Image => &["image"],
        Built::WithoutPackage => &["image", "--without-package"],
    };
    let folder = made(what.name(), &inputs(), |folder| {
        default_stack(folder);
        run(stackdeb().args(arguments).current_dir(folder));
    });
    folder.join("dist")
}

/// The digests of all that the default stack is built from.
pub fn inputs() -> String {
    let mut inputs = Command::new("sha256sum");
    inputs.arg(program("stackdeb")).arg(program("health-check")).arg("stack.toml");
    run(inputs.args(["app/app.py"]).current_dir(source_folder()))
}

/// The folder `name` that is kept. `make` fills it, unless it was made from the same `inputs` before. Test programs that run
/// side by side wait for each other.
#[track_caller]
pub fn made(name: &str, inputs: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let beside = |ending: &str| kept().join(format!("{}.{ending}", name.replace('/', "-")));
    let lock = fs::File::create(beside("lock")).unwrap();
    let _one_at_a_time = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, error)| error).unwrap();
    let (folder, stamp) = (kept().join(name), beside("inputs"));
    if fs::read_to_string(&stamp).is_ok_and(|old| old == inputs) {
        return folder;
    }
    let _ = fs::remove_file(&stamp);
    tree::remove(&folder).unwrap();
    fs::create_dir_all(&folder).unwrap();
    make(&folder);
    fs::write(&stamp, inputs).unwrap();
    folder
}

/// The address of the Debian mirror that this machine's apt uses.
pub fn mirror() -> String {
    let targets =
        run(Command::new("apt-get").args(["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]));
    let uri = targets.lines().find(|line| line.contains("debian") && !line.contains("security"));
    uri.expect("apt's sources name no Debian mirror").trim_end_matches('/').to_owned()
}

/// The cache of the user who runs the tests.
pub fn cache() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    base.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache")).join("stackdeb")
}

/// A command inside `root`, in namespaces of its own, without a network and with nothing of the host's `/dev`. An
/// ordinary user is root there.
pub fn inside(root: &Path) -> Command {
    let script = "mount -t proc proc \"$0/proc\"; mount -t tmpfs tmpfs \"$0/dev\"; \
                  mknod -m 666 \"$0/dev/null\" c 1 3 2>/dev/null || : > \"$0/dev/null\"; \
                  export LC_ALL=C.UTF-8 PATH=/usr/bin:/usr/sbin:/bin:/sbin HOME=/root; exec chroot \"$0\" \"$@\"";
    let mut command = Command::new("unshare");
    if !nix::unistd::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--mount", "--pid", "--net", "--fork", "sh", "-ec", script]).arg(root);
    command
}

/// Every path below `folder`, sorted.
pub fn listing(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                todo.push(entry.path());
            }
            found.push(entry.path());
        }
    }
    found.sort();
    found
}
