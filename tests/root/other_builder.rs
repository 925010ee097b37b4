//! The tree of an image beside the one that mmdebstrap(1) makes of the same packages: every file, its mode, its owner's name
//! and its content are the same, save what [`DIFFERENCES`] names, each with its reason. It takes two minutes, so only `just
//! soak` asks for it, with the variable `OTHER_BUILDER`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Trial;
use stackdeb::system::hash::Sha256;
use support::{Built, built, kept, listing, mirror, run};

pub fn trials() -> Vec<Trial> {
    let trials = support::tests![the_tree_is_that_of_mmdebstrap];
    let missing = std::env::var_os("OTHER_BUILDER").is_none().then_some("needs OTHER_BUILDER=1");
    support::room::unless(missing.or_else(support::room::without_root), trials)
}

/// What stackdeb writes before the first package, because packages read it when they are configured. mmdebstrap gets the same.
const BEFORE: [&str; 7] = [
    "etc/dpkg/dpkg.cfg.d/stackdeb",
    "etc/fstab",
    "etc/hostname",
    "etc/hosts",
    "etc/initramfs-tools/conf.d/image",
    "etc/kernel-img.conf",
    "etc/locale.conf",
];

/// Beginnings of paths that may differ, and why. With a `*`, what stands for it has no `/`.
const DIFFERENCES: &[(&str, &str)] = &[
    // What only a running machine may have.
    ("dev/*", "an image needs no device files: the kernel makes them (devtmpfs)"),
    ("etc/machine-id", "empty, so that each machine makes its own (machine-id(5))"),
    ("etc/ssh/ssh_host_", "each machine makes its own keys at its first boot"),
    ("etc/ssl/certs/ssl-cert-snakeoil.pem", "each machine makes its own certificate at its first boot"),
    ("etc/ssl/certs/62742064.0", "the link to that certificate"),
    ("etc/ssl/private/ssl-cert-snakeoil.key", "the key of that certificate"),
    ("etc/postgresql/17", "each machine makes its own cluster at its first boot"),
    ("var/lib/postgresql/17", "as /etc/postgresql/17"),
    ("var/log/postgresql/", "as /etc/postgresql/17"),
    ("etc/apt/apt.conf.d/02autoremove-postgresql", "names the packages of the clusters that there are"),
    ("var/lib/ucf/", "lists the files of clusters"),
    // What a program leaves behind, and nobody reads.
    ("etc/.pwd.lock", "a lock of the programs that make users"),
    ("etc/passwd-", "the file before the last user was made"),
    ("etc/group-", "the file before the last user was made"),
    ("etc/shadow-", "the file before the last user was made"),
    ("etc/gshadow-", "the file before the last user was made"),
    ("etc/.resolv.conf.systemd-resolved.bak", "the resolv.conf of the machine that built the tree"),
    ("run/lock", "/run is empty when a machine starts"),
    ("var/cache/apt/", "downloads, and an index that apt makes again"),
    ("var/cache/debconf/*-old", "the file before the last change"),
    ("var/lib/apt/lists/", "apt makes it again with the owner that it wants"),
    ("var/lib/dpkg/*-old", "the file before the last change"),
    ("var/lib/dpkg/arch", "mmdebstrap names the one architecture that dpkg has anyway"),
    ("var/lib/dpkg/lock", "a lock"),
    ("var/lib/dpkg/triggers/Lock", "a lock"),
    // What is left out to keep the image small: mmdebstrap's first step unpacks the essential packages without dpkg's rules.
    ("usr/share/doc/", "documentation of the essential packages"),
    ("usr/share/info/", "documentation of the essential packages"),
    ("usr/share/lintian/", "documentation of the essential packages"),
    ("usr/share/locale/", "translations of the essential packages"),
    ("usr/share/man/", "documentation of the essential packages"),
    ("etc/alternatives/*.gz", "links to such pages"),
    ("var/lib/dpkg/alternatives/*.gz", "links to such pages"),
    // What follows from the order in which packages are configured.
    ("var/lib/dpkg/triggers/File", "the same lines in another order"),
    // What makes a tree the image of a Linode.
    ("boot/initrd.img-", "has the drivers of a virtual machine"),
    ("boot/grub", "the menu that Linode's GRUB reads"),
    ("etc/apt/apt.conf.d/52image-security-updates", "the image's security updates"),
    ("etc/apt/sources.list", "the same archives in the format deb822"),
    ("etc/cloud/cloud.cfg.d/90-image.cfg", "cloud-init's settings"),
    ("etc/initramfs-tools/modules", "the drivers of a virtual machine"),
    ("etc/postgresql-common/createcluster.d", "the cluster is made at the first boot"),
    ("etc/ssh/sshd_config.d/10-image.conf", "no password over the network"),
    ("etc/systemd/", "the image's units, and which units of packages are enabled"),
    ("etc/udev/rules.d/90-swap.rules", "the second disk is swap"),
    ("etc/.updated", "nothing is to be done after a change of /usr (systemd-update-done.service(8))"),
    ("var/.updated", "as /etc/.updated"),
    ("usr/local/", "the image's programs"),
    ("var/lib/apt/extended_states", "which packages apt may remove: all that were named are wanted there"),
    ("lost+found", "a folder of ext4"),
];

fn is_on_the_list(path: &str) -> bool {
    DIFFERENCES.iter().any(|(pattern, _)| match pattern.split_once('*') {
        None => path.starts_with(pattern),
        Some((before, after)) => path
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .is_some_and(|middle| !middle.contains('/')),
    })
}

/// What one looks at of a file: mode, names of owner and group, and content.
type Seen = (u32, String, String, String);

/// Every path of a tree. Numbers of users depend on the order in which they were made, so their names are compared.
fn tree(root: &Path) -> BTreeMap<String, Seen> {
    let names = |file: &str| -> BTreeMap<u32, String> {
        let text = fs::read_to_string(root.join(file)).unwrap();
        let one = |line: &str| {
            let mut fields = line.split(':');
            let name = fields.next().unwrap().to_owned();
            (fields.nth(1).unwrap().parse().unwrap(), name)
        };
        text.lines().map(one).collect()
    };
    let (users, groups) = (names("etc/passwd"), names("etc/group"));
    let name = |names: &BTreeMap<u32, String>, id: u32| names.get(&id).cloned().unwrap_or_else(|| id.to_string());
    let seen = |path: &PathBuf| {
        let metadata = path.symlink_metadata().unwrap();
        let kind = metadata.file_type();
        let content = if kind.is_symlink() {
            format!("→ {}", fs::read_link(path).unwrap().display())
        } else if kind.is_file() {
            content(path)
        } else if kind.is_char_device() || kind.is_block_device() {
            format!("device {}", metadata.rdev())
        } else {
            String::new()
        };
        (metadata.mode(), name(&users, metadata.uid()), name(&groups, metadata.gid()), content)
    };
    let below = |path: PathBuf| (path.strip_prefix(root).unwrap().to_string_lossy().into_owned(), seen(&path));
    listing(root).into_iter().map(below).collect()
}

/// The digest of a file; for those with the numbers of users, their names.
fn content(path: &Path) -> String {
    let is_users =
        ["passwd", "group", "shadow", "gshadow"].iter().any(|name| path.ends_with(Path::new("etc").join(name)));
    if !is_users {
        return Sha256::of_file(path).unwrap().0.to_string();
    }
    let text = fs::read_to_string(path).unwrap();
    let without_numbers = |line: &str| {
        let fields = line.split(':').filter(|field| field.parse::<u32>().is_err());
        fields.collect::<Vec<_>>().join(":")
    };
    text.lines().map(without_numbers).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join("\n")
}

/// Makes the tree of the same packages with mmdebstrap.
fn theirs(folder: &Path, ours: &Path, manifest: &serde_json::Value) -> PathBuf {
    let names: Vec<&str> =
        manifest["packages"].as_array().unwrap().iter().map(|package| package["name"].as_str().unwrap()).collect();
    let before = BEFORE.map(|path| format!("'{path}'")).join(" ");
    let hook = format!("--setup-hook=mkdir -p \"$1\" && cd '{}' && cp -a --parents -t \"$1\" {before}", ours.display());
    let mirror = mirror();
    let mut command = Command::new("mmdebstrap");
    command.env("SOURCE_DATE_EPOCH", manifest["source_date_epoch"].to_string());
    command.args(["--quiet", "--mode=root", "--variant=essential"]).arg(hook);
    command.arg(format!("--include={}", names.join(","))).arg("trixie").arg(folder.join("tree"));
    command.args([format!("deb {mirror} trixie main"), format!("deb {mirror} trixie-updates main")]);
    run(command.arg(format!("deb {mirror}-security trixie-security main")));
    folder.join("tree")
}

/// Mounts the image of the machine without the stack's package. It is unmounted when this program ends.
fn ours(folder: &Path) -> PathBuf {
    let raw = folder.join("image");
    let tree = folder.join("ours");
    fs::create_dir(&tree).unwrap();
    let image = built(Built::WithoutPackage).join("stack-1.0.0-linode.img.gz");
    run(Command::new("sh").args(["-c", "gzip -dc \"$0\" > \"$1\""]).arg(image).arg(&raw));
    run(Command::new("mount").args(["-o", "loop,ro"]).args([&raw, &tree]));
    tree
}

fn the_tree_is_that_of_mmdebstrap() {
    let folder = kept().join("other-builder");
    stackdeb::system::tree::remove(&folder).unwrap();
    fs::create_dir_all(&folder).unwrap();
    let ours = ours(&folder);
    let manifest = fs::read(built(Built::WithoutPackage).join("stack-1.0.0-linode.json")).unwrap();
    let theirs = theirs(&folder, &ours, &serde_json::from_slice(&manifest).unwrap());
    let (ours, theirs) = (tree(&ours), tree(&theirs));
    let paths: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let different: Vec<&String> = paths.into_iter().filter(|path| ours.get(*path) != theirs.get(*path)).collect();
    assert!(ours.len() > 10_000 && different.len() < theirs.len() / 2, "{} of {}", different.len(), theirs.len());
    let unexplained = different.iter().filter(|path| !is_on_the_list(path));
    let lines: Vec<String> = unexplained
        .map(|path| format!("{path}: {:?}, with mmdebstrap {:?}", ours.get(*path), theirs.get(*path)))
        .collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
    // A line of the list that nothing needs any more hides the next difference.
    let idle = DIFFERENCES.iter().filter(|(pattern, _)| {
        let before = pattern.split('*').next().unwrap_or_default();
        !different.iter().any(|path| path.starts_with(before))
    });
    assert_eq!(idle.map(|(pattern, _)| *pattern).collect::<Vec<_>>(), [] as [&str; 0], "these are not needed");
}
