//! The image as a file: the same to the bit wherever and by whomever it is built, what its manifest says, and what
//! must not be in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Trial;
use serde_json::Value;
use support::edition::edit;
use support::layers::prepare;
use support::room::in_namespaces;
use support::{Built, built, default_stack, kept, run, stackdeb};

pub fn trials() -> Vec<Trial> {
    in_namespaces(support::tests![
        an_ordinary_user_elsewhere_builds_the_same_bytes,
        a_locked_image_has_the_same_bytes_without_a_release_file,
        it_is_one_gzip_member_with_one_clean_file_system_and_the_manifest_says_what_is_there,
        the_images_own_programs_find_no_fault_with_what_was_rendered,
        no_secret_and_nothing_of_the_build_is_in_it,
        check_prints_what_image_builds,
        the_published_package_is_the_one_that_deb_builds
    ])
}

fn image() -> PathBuf {
    built(Built::Image).join("stack-1.0.0-linode.img.gz")
}

fn manifest() -> Value {
    let path = built(Built::Image).join("stack-1.0.0-linode.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The image decompressed, for programs that look into it.
fn raw(folder: &Path) -> PathBuf {
    let raw = folder.join("image");
    run(Command::new("sh").args(["-c", "gzip -dc \"$0\" > \"$1\""]).arg(image()).arg(&raw));
    raw
}

fn an_ordinary_user_elsewhere_builds_the_same_bytes() {
    let first = image();
    let home = Home::new();
    let project = home.folder.join("other place");
    default_stack(&project);
    // Packages already downloaded need not be fetched once more: they are named, and checked, by their hashes.
    let pool = support::cache().join("pool");
    let script = format!(
        "mkdir -p {0}/a,b/stackdeb && cp -r {1} {0}/a,b/stackdeb/pool && install -m 755 {2} {3} {0}",
        home.folder.display(),
        pool.display(),
        env!("CARGO_BIN_EXE_stackdeb"),
        support::program("health-check"),
    );
    run(Command::new("sh").args(["-c", &script]));
    home.hand_over();
    // The clock is wrong, and not the times of files, which faketime(1) changes as well.
    let build = |cache: &str| {
        format!(
            "cd '{0}/other place' && umask 027 && export NO_FAKE_STAT=1 && \
             TZ=Pacific/Kiritimati LC_ALL=tr_TR.UTF-8 XDG_CACHE_HOME={0}/{cache} \
             exec faketime -f +26h {0}/stackdeb image",
            home.folder.display()
        )
    };
    let second = project.join("dist/stack-1.0.0-linode.img.gz");
    let last = second.with_extension("last");
    let (odd, cache) = (home.folder.join("a,b/stackdeb"), home.folder.join("cache/stackdeb"));
    let mut damaged: Vec<String> = Vec::new();
    for round in 0..3 {
        // The comma in the name of the cache keeps overlays from being mounted, so there the whole tree is made.
        let said = home.run(&build(if round == 0 { "a,b" } else { "cache" }));
        for path in &damaged {
            assert!(said.contains(&format!("kept as {path} is damaged")), "{path}: {said}");
        }
        damaged.clear();
        if round == 0 {
            // From nothing, and then from what is kept, of which some is damaged.
            assert_eq!(support::listing(&odd.join("trees")), [] as [PathBuf; 0]);
            fs::rename(home.folder.join("a,b"), home.folder.join("cache")).unwrap();
            damaged.extend(["blocks", "packages", "choices"].map(|folder| damage_one(&cache.join(folder))));
        } else {
            // On the tree that is kept now, which has another file. The locked image below is made on one as it was kept.
            let tree = fs::read_dir(cache.join("trees")).unwrap().next().expect("a tree is kept").unwrap().path();
            fs::write(tree.join("tree/etc/debian_version"), "another\n").unwrap();
            damaged.push(tree.display().to_string());
        }
        let same = Command::new("cmp").arg(&first).arg(&second).output().unwrap();
        let manifest = |image: &Path| fs::read(image.with_extension("").with_extension("json")).unwrap();
        assert!(same.status.success(), "{}", support::text(&same));
        assert!(manifest(&first) == manifest(&second), "the manifests differ");
        fs::rename(&second, &last).unwrap();
    }
    // Without a change nothing is made.
    fs::rename(&last, &second).unwrap();
    let written = fs::metadata(&second).unwrap().modified().unwrap();
    let said = home.run(&build("cache"));
    assert!(said.contains("nothing has changed since the image was made"), "{said}");
    assert_eq!(fs::metadata(&second).unwrap().modified().unwrap(), written);
    // What belongs to the users of a root is removed as well.
    let private =
        fs::read_dir(cache.join("trees")).unwrap().next().unwrap().unwrap().path().join("tree/var/lib/postgresql");
    home.run(&format!("unshare --map-auto --map-root-user chmod 700 {}", private.display()));
    home.run(&format!("XDG_CACHE_HOME={0}/cache {0}/stackdeb cache prune --to 0", home.folder.display()));
    assert_eq!(fs::read_dir(cache.join("trees")).unwrap().count(), 0);
}

/// With a lock no Release file is used: here none could be, since no key of its signature is known.
fn a_locked_image_has_the_same_bytes_without_a_release_file() {
    let first = image();
    let folder = tempfile::tempdir().unwrap();
    default_stack(folder.path());
    let said = run(stackdeb().arg("lock").current_dir(folder.path()));
    assert!(said.contains(" packages of Debian"), "{said}");
    let key = support::repository::keys().certificate("other");
    fs::write(folder.path().join("other.gpg"), key).unwrap();
    edit(&folder.path().join("stack.toml"), "[image]\n", "[image]\nkeyring = \"other.gpg\"\n");
    run(stackdeb().arg("image").current_dir(folder.path()));
    let second = folder.path().join("dist/stack-1.0.0-linode.img.gz");
    run(Command::new("cmp").arg(&first).arg(&second));
    let manifest = |image: &Path| fs::read_to_string(image.with_extension("").with_extension("json")).unwrap();
    assert_eq!(manifest(&first), manifest(&second));
}

/// Changes the last byte of a file in a folder. Returns its path.
fn damage_one(folder: &Path) -> String {
    let path = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let mut content = fs::read(&path).unwrap();
    *content.last_mut().unwrap() ^= 1;
    fs::write(&path, content).unwrap();
    path.display().to_string()
}

/// Reads the first gzip member of a file, which has no more, and prints the length and the SHA-256 of what is in it.
const FIRST_MEMBER: &str = r#"
import hashlib, sys, zlib
member, digest, length = zlib.decompressobj(31), hashlib.sha256(), 0
with open(sys.argv[1], "rb") as file:
    while block := file.read(1 << 20):
        content = member.decompress(block)
        digest.update(content)
        length += len(content)
assert member.eof and not member.unused_data
print(length, digest.hexdigest())
"#;

fn it_is_one_gzip_member_with_one_clean_file_system_and_the_manifest_says_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let (raw, manifest) = (raw(folder.path()), manifest());
    let first_member = run(Command::new("python3").args(["-c", FIRST_MEMBER]).arg(image()));
    let raw_length = fs::metadata(&raw).unwrap().len();
    assert_eq!(manifest["raw"]["bytes"], raw_length);
    assert_eq!(first_member.trim(), format!("{raw_length} {}", manifest["raw"]["sha256"].as_str().unwrap()));
    let sum = run(Command::new("sha256sum").arg(image()));
    assert_eq!(manifest["compressed"]["sha256"], sum.split(' ').next().unwrap());
    assert_eq!(manifest["compressed"]["bytes"], fs::metadata(image()).unwrap().len());

    run(Command::new("e2fsck").args(["-fn"]).arg(&raw));
    let kind = run(Command::new("file").args(["-b", "-s"]).arg(&raw));
    assert!(kind.contains("ext4 filesystem data"), "{kind}");
    let features = run(Command::new("dumpe2fs").arg("-h").arg(&raw));
    let features = features.lines().find(|line| line.starts_with("Filesystem features:")).unwrap();
    assert!(!features.contains("metadata_csum") && !features.contains("orphan_file"), "{features}");

    let status = run(Command::new("debugfs").args(["-R", "cat /var/lib/dpkg/status"]).arg(&raw));
    let field = |stanza: &str, name: &str| {
        let line = stanza.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_default().to_owned()
    };
    let mut installed: Vec<(String, String)> = status
        .split("\n\n")
        .filter(|stanza| stanza.contains("Status: install ok installed"))
        .map(|stanza| (field(stanza, "Package"), field(stanza, "Version")))
        .collect();
    installed.sort();
    let packages = manifest["packages"].as_array().unwrap();
    let listed: Vec<(String, String)> = packages
        .iter()
        .map(|package| {
            assert_eq!(package["sha256"].as_str().unwrap().len(), 64);
            (package["name"].as_str().unwrap().to_owned(), package["version"].as_str().unwrap().to_owned())
        })
        .collect();
    assert!(installed.len() > 150 && installed.contains(&("stack".to_owned(), "1.0.0".to_owned())));
    assert_eq!(installed, listed);
}

/// Runs a command that writes to nothing of the tree, which other tests read.
const IN_MEMORY: &str =
    "for place in run tmp var/log/nginx var/lib/nginx; do mount -n -t tmpfs tmpfs /$place; done; exec \"$@\"";

/// Not only what the package brings, but also what the image has of its own.
fn the_images_own_programs_find_no_fault_with_what_was_rendered() {
    let tree = prepare(Built::Image);
    let own: Vec<PathBuf> =
        support::listing(&tree.join("etc/systemd/system")).into_iter().filter(|p| p.is_file()).collect();
    let mut units: Vec<String> = [
        ".socket",
        ".service",
        "-secret.service",
        "-database-role.service",
        "-database-setup.service",
        "-database.service",
        "-health.service",
        "-health-alert.service",
        "-health.timer",
    ]
    .map(|end| format!("stack{end}"))
    .to_vec();
    for path in own.iter().filter(|path| path.extension().is_some_and(|kind| kind != "conf")) {
        units.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    assert!(units.len() >= 10, "{units:?}");
    let judged = [
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no"]
            .iter()
            .map(|word| (*word).to_owned())
            .chain(units)
            .collect(),
        vec!["nginx".to_owned(), "-tq".to_owned()],
        vec![
            "sh".to_owned(),
            "-c".to_owned(),
            "ssh-keygen -q -t ed25519 -N '' -f /run/key && mkdir -p /run/sshd && sshd -t -h /run/key".to_owned(),
        ],
        vec![
            "udevadm".to_owned(),
            "verify".to_owned(),
            "--no-summary".to_owned(),
            "/etc/udev/rules.d/90-swap.rules".to_owned(),
        ],
    ];
    for command in judged {
        let command: Vec<String> = command;
        let output = support::inside(&tree).args(["sh", "-ec", IN_MEMORY, "sh"]).args(&command).output().unwrap();
        assert!(output.status.success(), "{command:?}: {}\n{}", output.status, support::text(&output));
    }
    for script in [
        "usr/local/libexec/after-updates",
        "usr/local/libexec/first-boot-certificate",
        "usr/local/libexec/first-boot-cluster",
        "usr/local/libexec/metadata-for-root",
        "usr/local/lib/systemd/system-generators/image-boot-order",
    ] {
        run(Command::new("sh").arg("-n").arg(tree.join(script)));
        run(Command::new("shellcheck").arg(tree.join(script)));
    }
}

fn no_secret_and_nothing_of_the_build_is_in_it() {
    let tree = prepare(Built::Image);
    let found = |expression: &str| {
        run(Command::new("sh").args(["-c", &format!("cd \"$0\" && find . {expression}")]).arg(&tree))
    };
    assert_eq!(
        found(
            "-path './etc/ssh/ssh_host_*' -o -path './etc/ssl/private/*' -o -name random-seed -o -name credential.secret -o -name secret.env"
        ),
        ""
    );
    assert_eq!(
        found(
            "-path './proc/*' -o -path './run/*' -o -path './tmp/*' -o -path './dev/*' -o -path './var/lib/apt/lists/*' -not -name partial -not -name auxfiles"
        ),
        ""
    );
    assert_eq!(
        found("-path './var/lib/postgresql/*/main' -o -path './var/cache/apt/*.bin' -o -name '*-' -path './etc/*'"),
        ""
    );
    assert_eq!(found("-path './var/log/*' -type f -size +0"), "");
    assert_eq!(fs::read(tree.join("etc/machine-id")).unwrap(), b"");
    assert_eq!(run(Command::new("awk").args(["-F:", "$2 ~ /^\\$/"]).arg(tree.join("etc/shadow"))), "");
    // Neither the build's folders, nor the builder's name, nor the host's.
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    for word in [kept().display().to_string(), support::cache().display().to_string(), host.trim().to_owned()] {
        if word.len() > 4 {
            let output = Command::new("grep").args(["-rIlF", "--", &word]).arg(&tree).output().unwrap();
            assert_eq!(support::text(&output), "", "`{word}` is in the image");
        }
    }
}

/// A folder of an ordinary user, who is made when the tests run as root; otherwise of the one who runs them.
struct Home {
    folder: PathBuf,
    user: Option<&'static str>,
}

impl Home {
    fn new() -> Self {
        let root = run(Command::new("id").arg("-u")).trim() == "0";
        let folder = PathBuf::from(format!("/var/tmp/stackdeb-test-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let user = root.then_some("stackdeb-test");
        if root && !Command::new("id").arg("stackdeb-test").output().unwrap().status.success() {
            run(Command::new("useradd").args(["--user-group", "--home-dir", "/nonexistent", "stackdeb-test"]));
            run(Command::new("usermod").args([
                "--add-subuids",
                "900000-965535",
                "--add-subgids",
                "900000-965535",
                "stackdeb-test",
            ]));
        }
        Self { folder, user }
    }

    fn hand_over(&self) {
        if let Some(user) = self.user {
            run(Command::new("chown").args(["-R", &format!("{user}:{user}")]).arg(&self.folder));
        }
    }

    /// Runs a script, which must succeed, as this user. What it printed.
    fn run(&self, script: &str) -> String {
        let mut command = match self.user {
            Some(user) => {
                let mut command = Command::new("runuser");
                command.args(["-u", user, "--", "sh", "-ec", script]);
                command
            }
            None => {
                let mut command = Command::new("sh");
                command.args(["-ec", script]);
                command
            }
        };
        let output = command.env("HOME", &self.folder).output().unwrap();
        assert!(output.status.success(), "{script}: {}", support::text(&output));
        support::text(&output)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
        if self.user.is_some() {
            let _ = Command::new("userdel").arg("stackdeb-test").output();
        }
    }
}

fn check_prints_what_image_builds() {
    let folder = tempfile::tempdir().unwrap();
    default_stack(folder.path());
    let said = run(stackdeb().arg("check").current_dir(folder.path()));
    for entry in fs::read_dir(built(Built::Image)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.ends_with(".json") && name != "stack.deb" {
            assert!(said.contains(&name), "`{name}` is not announced:\n{said}");
        }
    }
}

fn the_published_package_is_the_one_that_deb_builds() {
    let folder = tempfile::tempdir().unwrap();
    default_stack(folder.path());
    run(stackdeb().args(["deb", "--no-cache"]).current_dir(folder.path()));
    let [alone, of_image] = [folder.path().join("dist"), built(Built::Image)].map(|dist| {
        let link = dist.join("stack.deb");
        (fs::read_link(&link).unwrap(), fs::read(&link).unwrap())
    });
    assert_eq!(alone.0, of_image.0);
    assert!(alone.1 == of_image.1, "an image publishes another package than `stackdeb deb`");
}
