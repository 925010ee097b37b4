//! Roots in layers: a Debian 13 with all that the package depends on, below what was done to it. What is done costs
//! the room of the changed files alone, and is forgotten in a moment. All mounts are in a namespace of this program's
//! own, and end with it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use stackdeb::system::hash::Sha256;
use stackdeb::system::tree;

use super::{Built, built, default_stack, inputs, inside, kept, made, run, stackdeb, text};

/// What dpkg and its helpers keep for themselves: the time, the order of events, the state before the last one.
const OWN: [&str; 9] = [
    "tmp",
    "run/lock",
    "etc/.pwd.lock",
    "var/log/dpkg.log",
    "var/log/nginx",
    "var/lib/dpkg/lock",
    "var/lib/dpkg/lock-frontend",
    "var/lib/dpkg/status-old",
    "var/lib/dpkg/triggers/Lock",
];

/// The Debian at the bottom: the built image without the package, in a folder, with the package's two
/// versions as `/srv/v1.deb` and `/srv/v2.deb`.
pub fn base() -> Root {
    Root::over(vec![prepare(Built::WithoutPackage)], Disk::Common)
}

/// That image on a disk of its own, which others do not find full when it is.
pub fn on_own_disk(image: Built) -> Root {
    Root::over(vec![prepare(image)], Disk::Own)
}

/// Unpacks an image, if that has not been done.
pub fn prepare(image: Built) -> PathBuf {
    static PREPARED: Mutex<BTreeMap<&str, PathBuf>> = Mutex::new(BTreeMap::new());
    let name = image.name();
    PREPARED.lock().unwrap().entry(name).or_insert_with(|| unpack(image)).clone()
}

fn unpack(image: Built) -> PathBuf {
    let dist = built(image);
    let packages =
        [("v1.deb", "1.0.0"), ("v2.deb", "2.0.0")].map(|(name, version)| (name, package_of_version(version)));
    let mut inputs = fs::read_to_string(dist.join("stack-1.0.0-linode.json")).unwrap();
    inputs.extend(packages.iter().map(|(_, path)| Sha256::of(&fs::read(path).unwrap()).to_string()));
    made(&format!("root-{}", image.name()), &inputs, |root| {
        let raw = tempfile::NamedTempFile::new_in(kept()).unwrap();
        let image = dist.join("stack-1.0.0-linode.img.gz");
        run(Command::new("sh").args(["-c", "gzip -dc \"$0\" > \"$1\""]).arg(image).arg(raw.path()));
        run(Command::new("debugfs").args(["-R", &format!("rdump / {}", root.display())]).arg(raw.path()));
        for (name, path) in &packages {
            fs::copy(path, root.join("srv").join(name)).unwrap();
        }
    })
}

/// An empty folder for the layers, made once.
fn layers() -> PathBuf {
    static LAYERS: LazyLock<PathBuf> = LazyLock::new(|| {
        // A name for each test program: in another's mounts, removing a folder would take what is mounted there along.
        let program = std::env::current_exe().unwrap();
        let folder = kept().join(format!("layers-{}", program.file_name().unwrap().display()));
        tree::remove(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        // In memory, where root of the machine may lay layers over each other whatever the disk's file system is.
        if !in_user_namespace() {
            mount_memory(&folder);
        }
        folder
    });
    LAYERS.clone()
}

/// The default stack's package in that version. The second has another module, lacks one, and has other conffiles.
pub fn package_of_version(version: &str) -> PathBuf {
    let folder = made(&format!("versions/{version}"), &inputs(), |folder| {
        default_stack(folder);
        if version == "1.0.0" {
            fs::write(folder.join("app/old.py"), "\n").unwrap();
        } else {
            make_newer(folder, version);
        }
        run(stackdeb().arg("deb").current_dir(folder));
    });
    folder.join(format!("dist/stack_{version}_amd64.deb"))
}

fn make_newer(folder: &Path, version: &str) {
    let newest =
        format!("[[changelog]]\nversion = \"{version}\"\ndate = 2026-11-23T10:00:00Z\nchanges = [\"More.\"]\n");
    let manifest = fs::read_to_string(folder.join("stack.toml")).unwrap();
    let manifest = manifest.replace("version = \"1.0.0\"\nmain", &format!("version = \"{version}\"\nmain"));
    let manifest = manifest.replace("[app]", "[app]\nthreads = 5\nenvironment = { COLOUR = \"blue\" }");
    let manifest = manifest.replacen("[[changelog]]", &(newest + "\n[[changelog]]"), 1);
    fs::write(folder.join("stack.toml"), manifest).unwrap();
    fs::write(folder.join("app/new.py"), "\n").unwrap();
    fs::write(folder.join("app/migrations/0002_more.sql"), "CREATE TABLE more (x int);\n").unwrap();
}

fn in_user_namespace() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap();
    map.split_whitespace().nth(2) != Some("4294967295")
}

/// A file system in memory. Tests that fill a disk fill one of these.
fn mount_memory(folder: &Path) {
    mount(Some("layers"), folder, Some("tmpfs"), MsFlags::empty(), Some("size=2g")).unwrap();
}

/// Where the changes of a root are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Disk {
    /// In the memory that all roots of a test program share, 2 GiB.
    Common,
    Own,
}

/// A root whose changes are in a layer of its own, which ends with it.
pub struct Root {
    folder: PathBuf,
    disk: Disk,
    /// The topmost first.
    lower: Vec<PathBuf>,
}

impl Root {
    fn over(lower: Vec<PathBuf>, disk: Disk) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let folder = layers().join(COUNT.fetch_add(1, Ordering::Relaxed).to_string());
        let root = Self { folder, disk, lower };
        if disk == Disk::Own {
            fs::create_dir(&root.folder).unwrap();
            mount_memory(&root.folder);
        }
        for name in ["upper", "work", "merged"] {
            fs::create_dir_all(root.folder.join(name)).unwrap();
        }
        fs::set_permissions(root.folder.join("upper"), PermissionsExt::from_mode(0o755)).unwrap();
        let lower: Vec<String> = root.lower.iter().map(|layer| layer.display().to_string()).collect();
        let own = root.folder.display();
        let mut options = format!("lowerdir={},upperdir={own}/upper,workdir={own}/work,volatile", lower.join(":"));
        if in_user_namespace() {
            options.push_str(",userxattr");
        }
        mount(Some("overlay"), &root.path(), Some("overlay"), MsFlags::empty(), Some(options.as_str())).unwrap();
        root
    }

    /// A root that begins as this one is now. This one must not be changed any more.
    pub fn fork(&self) -> Self {
        Self::over([&[self.folder.join("upper")], self.lower.as_slice()].concat(), Disk::Common)
    }

    pub fn path(&self) -> PathBuf {
        self.folder.join("merged")
    }

    /// Runs a shell script inside; whatever comes of it. The script's shell is process 1 of its own namespace.
    pub fn try_sh(&self, script: &str) -> Output {
        inside(&self.path()).args(["sh", "-euc", &format!("{script}\nexit 0")]).output().unwrap()
    }

    /// Runs dpkg on the package; whatever comes of it.
    pub fn try_dpkg(&self, arguments: &str) -> Output {
        self.try_sh(&dpkg(arguments))
    }

    /// Runs dpkg, which must succeed, and returns all that it printed.
    #[track_caller]
    pub fn dpkg(&self, arguments: &str) -> String {
        self.sh(&dpkg(arguments))
    }

    /// dpkg's state of the package and its version; nothing when dpkg does not know it.
    pub fn status(&self) -> String {
        self.sh("dpkg-query -W -f '${db:Status-Status} ${Version}' stack 2>/dev/null || true").trim().to_owned()
    }

    /// Runs a shell script inside that must succeed, and returns all that it printed.
    #[track_caller]
    pub fn sh(&self, script: &str) -> String {
        let output = self.try_sh(script);
        assert!(output.status.success(), "{script}: {}\n{}", output.status, text(&output));
        text(&output)
    }

    /// The paths that differ between this root and `other`: what is there, and, for plain files, what is in them. Times do
    /// not count, nor what dpkg keeps for itself.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut paths = self.changed();
        paths.append(&mut other.changed());
        let differs = |path: &PathBuf| {
            let [ours, theirs] = [self, other].map(|root| describe(&root.path().join(path)));
            (ours != theirs).then(|| format!("/{}: {ours} and {theirs}", path.display()))
        };
        paths.iter().filter_map(differs).collect()
    }

    /// The paths in all layers but the lowest.
    fn changed(&self) -> BTreeSet<PathBuf> {
        let upper = self.folder.join("upper");
        let layers = self.lower.iter().rev().skip(1).chain([&upper]);
        let mut found = BTreeSet::new();
        for layer in layers {
            for path in super::listing(layer) {
                let path = path.strip_prefix(layer).unwrap();
                if !OWN.iter().any(|own| path.starts_with(own)) {
                    found.insert(path.to_owned());
                }
            }
        }
        found
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = umount2(&self.path(), MntFlags::MNT_DETACH);
        if self.disk == Disk::Own {
            let _ = umount2(&self.folder, MntFlags::MNT_DETACH);
        }
        let _ = tree::remove(&self.folder);
    }
}

pub fn dpkg(arguments: &str) -> String {
    format!("DEBIAN_FRONTEND=noninteractive dpkg --force-unsafe-io {arguments}")
}

/// What makes scripts go their longest way: the folder by which they recognise systemd, which is not there, so policy-rc.d
/// has to keep them from it.
pub const AS_IF_LIVE: &str = "mkdir -p /run/systemd/system; \
    printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d";

/// Gives this program mounts of its own, which end with it. To be called before any thread is started.
pub fn own_mounts() {
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).unwrap();
}

/// What is at a path: kind, mode, owner, and a link's target or a file's contents.
fn describe(path: &Path) -> String {
    let Ok(metadata) = fs::symlink_metadata(path) else { return "nothing".to_owned() };
    let owner = format!("{:o} {}:{}", metadata.mode(), metadata.uid(), metadata.gid());
    if metadata.is_symlink() {
        return format!("link to {}", fs::read_link(path).unwrap().display());
    }
    if metadata.is_file() {
        let content = fs::read(path).unwrap();
        return format!("file {owner} {} {}", content.len(), Sha256::of(&content));
    }
    owner
}

/// Stands for each program that a script may call: counts the calls and, at the one that `KILL_AT` names,
/// ends what `KILL_WHAT` names, before or, if `KILL_WHEN` is `after`, after the program's work. The program's
/// own children are not counted.
pub const STEP: &str = "#!/bin/sh
export PATH=/usr/sbin:/usr/bin
echo . >>/tmp/steps
count=0
while read -r _; do count=$((count + 1)); done </tmp/steps
echo \"${0##*/} $*\" >/tmp/last-step
[ \"$count\" = \"$KILL_AT\" ] || exec \"${0##*/}\" \"$@\"
[ \"$KILL_WHEN\" = before ] || \"${0##*/}\" \"$@\"
case $KILL_WHAT in
all) kill -KILL -1 ;;
dpkg) kill -KILL \"$PPID\" $(pidof dpkg) ;;
esac
";

/// A folder `/steps` in `root` with a [`STEP`] for each of the root's programs.
pub fn add_steps(root: &Root) {
    let folder = root.path().join("steps");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join(".step"), STEP).unwrap();
    fs::set_permissions(folder.join(".step"), PermissionsExt::from_mode(0o755)).unwrap();
    for place in ["usr/bin", "usr/sbin"] {
        for entry in fs::read_dir(root.path().join(place)).unwrap() {
            let name = entry.unwrap().file_name();
            // The shell takes the step, and dpkg is what is run.
            if name != OsStr::new("sh") && name != OsStr::new("dpkg") && !folder.join(&name).is_symlink() {
                symlink(".step", folder.join(name)).unwrap();
            }
        }
    }
}
