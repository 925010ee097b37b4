//! `stack.lock` with the packages of an image. The archive is the test's own: small packages with the names of those that an
//! image needs. They are no Debian, so an image of them is not finished; the tests of `image` make one of Debian's.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{LazyLock, Mutex};

use serde_json::Value;
use stackdeb::rootfs::packages::MACHINE;
use stackdeb::system::hash::Sha256;
use support::edition::edit;
use support::mirror::Mirror;
use support::repository::{Repository, compressed, keys};
use support::wheels::Wheel;
use support::{run, stackdeb, text};
use tempfile::TempDir;

use crate::libraries;
use crate::library_locks::with_resolver;
use libtest_mimic::Trial;

pub fn trials() -> Vec<Trial> {
    support::tests![
        a_lock_names_every_package_and_no_mirror,
        an_image_takes_what_is_locked_from_the_pool_or_from_a_snapshot,
        a_lock_for_something_else_is_refused,
        check_says_without_a_network_that_the_lock_does_not_fit,
        either_part_is_written_without_the_other
    ]
}

/// A package of the archive.
#[derive(Clone)]
pub(super) struct Stub {
    name: String,
    version: String,
    /// Further lines of its control data.
    fields: String,
    is_security: bool,
}

impl Stub {
    pub(super) fn new(name: &str, version: &str, fields: &str) -> Self {
        Self { name: name.to_owned(), version: version.to_owned(), fields: fields.to_owned(), is_security: false }
    }

    pub(super) fn security(self) -> Self {
        Self { is_security: true, ..self }
    }

    pub(super) fn path(&self) -> String {
        let version = self.version.split_once(':').map_or(self.version.as_str(), |(_, rest)| rest);
        format!("pool/main/x/{0}/{0}_{version}_all.deb", self.name)
    }

    fn control(&self) -> String {
        let Self { name, version, fields, .. } = self;
        format!(
            "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: X <x@example.org>\n\
             Description: x\n{fields}"
        )
    }

    /// As dpkg-deb makes it, once.
    fn deb(&self) -> Vec<u8> {
        static MADE: LazyLock<Mutex<HashMap<String, Vec<u8>>>> = LazyLock::new(Mutex::default);
        let mut made = MADE.lock().unwrap();
        made.entry(self.control()).or_insert_with(|| self.make()).clone()
    }

    fn make(&self) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("tree");
        fs::create_dir_all(tree.join("DEBIAN")).unwrap();
        fs::write(tree.join("DEBIAN/control"), self.control()).unwrap();
        let deb = folder.path().join("x.deb");
        let mut build = Command::new("dpkg-deb");
        build.args(["--root-owner-group", "-Znone", "--build"]).arg(tree).arg(&deb);
        run(build.env("SOURCE_DATE_EPOCH", "1795428000"));
        fs::read(deb).unwrap()
    }
}

/// What every image needs of Debian, each at version 99.
pub(super) fn machine() -> Vec<Stub> {
    let of_stack = ["default-dbus-system-bus", "gunicorn", "libc6", "libgcc-s1", "nginx", "python3", "systemd"];
    let names = MACHINE.iter().copied().chain(["linux-image-cloud-amd64"]).chain(of_stack);
    let mut stubs: Vec<Stub> = names.map(|name| Stub::new(name, "99", "")).collect();
    stubs.push(Stub::new("base-files", "99", "Essential: yes\n"));
    stubs.push(Stub::new("mawk", "99", "Priority: required\n"));
    stubs
}

/// The files of an archive with these packages. The security updates are one of their own, in the folder `security`.
pub(super) fn archive(stubs: &[Stub]) -> HashMap<String, Vec<u8>> {
    archive_of(&Repository::default(), stubs)
}

pub(super) fn archive_of(repository: &Repository, stubs: &[Stub]) -> HashMap<String, Vec<u8>> {
    let (mut main, mut security, mut pool) = (String::new(), String::new(), HashMap::new());
    for stub in stubs {
        let bytes = stub.deb();
        let index = if stub.is_security { &mut security } else { &mut main };
        index.push_str(&format!(
            "{}Filename: {}\nSize: {}\nSHA256: {}\n\n",
            stub.control(),
            stub.path(),
            bytes.len(),
            Sha256::of(&bytes)
        ));
        let archive = if stub.is_security { "security/" } else { "" };
        pool.insert(format!("{archive}{}", stub.path()), bytes);
    }
    let files = repository.files_of(compressed(&main), &security).into_iter();
    let place = |path: String| if path.contains("-security") { format!("security/{path}") } else { path };
    files.map(|(path, bytes)| (place(path), bytes)).chain(pool).collect()
}

/// A project whose images are made from the test's own archive.
pub(super) struct Project {
    folder: TempDir,
    pub(super) mirror: Mirror,
}

impl Project {
    pub(super) fn new(stubs: &[Stub]) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap(), mirror: Mirror::start(archive(stubs)) };
        fs::create_dir(project.path("app")).unwrap();
        fs::write(project.path("app/app.py"), "app = None\n").unwrap();
        fs::write(project.path("mirror.gpg"), keys().certificate("good")).unwrap();
        let manifest = format!(
            "[package]\nname = \"shop\"\nmaintainer = \"Jane Doe <jane@example.org>\"\n\
             summary = \"place to buy things at\"\nlicense = \"MIT\"\ncopyright = [\"2026 Jane Doe <jane@example.org>\"]\n\
             [[changelog]]\nversion = \"1.0.0\"\ndate = 2026-11-22T10:00:00Z\nchanges = [\"First.\"]\n\
             [image]\n{}packages = []\n",
            image_lines(&project.mirror.address)
        );
        fs::write(project.path("stack.toml"), manifest).unwrap();
        project
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = stackdeb();
        command.args(arguments).current_dir(self.folder.path()).env("XDG_CACHE_HOME", self.path("cache"));
        command
    }

    /// What a command says that must fail, in one line.
    #[track_caller]
    pub(super) fn refused(&self, arguments: &[&str]) -> String {
        refusal(&self.command(arguments).output().unwrap())
    }

    pub(super) fn lock(&self) -> String {
        fs::read_to_string(self.path("stack.lock")).unwrap()
    }

    pub(super) fn ask_for(&self, packages: &str) {
        let manifest = fs::read_to_string(self.path("stack.toml")).unwrap();
        let (before, _) = manifest.split_once("packages = ").unwrap();
        fs::write(self.path("stack.toml"), format!("{before}packages = {packages}\n")).unwrap();
    }

    /// The packages of the lock, as Python reads it.
    pub(super) fn packages(&self) -> Vec<Value> {
        let script = "import json, sys, tomllib\nlock = tomllib.load(open(sys.argv[1], 'rb'))\n\
                      print(json.dumps(lock['tool']['stackdeb']['image']['packages']))";
        let said = run(Command::new("python3").args(["-c", script]).arg(self.path("stack.lock")));
        serde_json::from_str(&said).unwrap()
    }

    pub(super) fn version_of(&self, name: &str) -> Option<String> {
        let found = self.packages().into_iter().find(|package| package["name"] == name)?;
        Some(found["version"].as_str().unwrap().to_owned())
    }
}

pub(super) fn image_lines(mirror: &str) -> String {
    format!("mirror = \"{mirror}\"\nsecurity-mirror = \"{mirror}/security\"\nkeyring = \"mirror.gpg\"\n")
}

#[track_caller]
pub(super) fn refusal(output: &Output) -> String {
    let said = text(output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(output.stdout.is_empty(), "{said}");
    said.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn a_lock_names_every_package_and_no_mirror() {
    let mut stubs = machine();
    stubs.push(Stub::new("htop", "1", "Depends: libtop (>= 2)\n"));
    stubs.push(Stub::new("libtop", "2", ""));
    stubs.push(Stub::new("libtop", "2.1", "").security());
    stubs.push(Stub::new("unneeded", "1", ""));
    let project = Project::new(&stubs);
    project.ask_for("[\"htop\"]");
    let said = run(&mut project.command(&["lock"]));
    let number = machine().len() + 2;
    assert!(said.ends_with(&format!("stack.lock: {number} packages of Debian\n")), "{said}");
    assert!(!project.path("dist").exists());
    let lock = project.lock();
    let host = project.mirror.address.strip_prefix("http://").unwrap();
    assert!(!lock.contains(host) && !lock.contains("mirror"), "{lock}");
    let packages = project.packages();
    assert_eq!(packages.len(), number);
    for package in &packages {
        let name = package["name"].as_str().unwrap();
        let stub = stubs.iter().rfind(|stub| stub.name == name).unwrap();
        let bytes = stub.deb();
        assert_eq!(package["version"], stub.version.as_str());
        assert_eq!(package["path"], stub.path().as_str());
        assert_eq!(package["size"], bytes.len());
        assert_eq!(package["sha256"], Sha256::of(&bytes).to_string().as_str());
        assert_eq!(package["component"], "main");
        assert_eq!(package["suite"], if stub.is_security { "trixie-security" } else { "trixie" });
    }
    assert_eq!(project.version_of("libtop").as_deref(), Some("2.1"));
    // The same again, also from another mirror with the same archive.
    run(&mut project.command(&["lock"]));
    assert_eq!(project.lock(), lock);
}

fn an_image_takes_what_is_locked_from_the_pool_or_from_a_snapshot() {
    let htop = Stub::new("htop", "1", "");
    let old = [machine(), vec![htop.clone(), Stub::new("nano", "1", "").security()]].concat();
    let project = Project::new(&old);
    project.ask_for("[\"htop\", \"nano\"]");
    run(&mut project.command(&["lock"]));

    // Months later: newer versions, and the old ones are no more in the pool.
    let nano = Stub::new("nano", "1", "").security();
    let mut files =
        archive(&[machine(), vec![Stub::new("htop", "2", ""), Stub::new("nano", "2", "").security()]].concat());
    let asked = |path: &str| project.mirror.requests(path).len();
    project.mirror.replace(files.clone());
    let releases = asked("dists/trixie/InRelease");
    let said = project.refused(&["image"]);
    let gone = ["htop 1", "nano 1"]
        .iter()
        .any(|name| said.contains(&format!("the mirror does not have {name} any more, which the lock names")));
    let help = "[image]snapshot-mirror";
    assert!(gone && said.replace(' ', "").contains(help), "{said}");
    assert!(!project.path("dist").exists());

    // A server that keeps them answers for a time that is a day after the Release file's.
    edit(
        &project.path("stack.toml"),
        "packages = [",
        &format!("snapshot-mirror = \"{}/archive/\"\npackages = [", project.mirror.address),
    );
    let said = project.refused(&["image"]);
    assert!(said.contains("neither the mirror nor the snapshot mirror has"), "{said}");
    let time = |suite: &str| snapshot_time(&project.lock(), suite);
    let snapshots = [
        format!("archive/debian/{}/{}", time("trixie"), htop.path()),
        format!("archive/debian-security/{}/{}", time("trixie-security"), nano.path()),
    ];
    files.insert(snapshots[0].clone(), htop.deb());
    files.insert(snapshots[1].clone(), nano.deb());
    project.mirror.replace(files);
    // These packages are no Debian, so the image fails after all of them were had.
    let said = project.refused(&["image"]);
    assert!(!said.contains("mirror"), "{said}");
    assert!(snapshots.iter().all(|path| asked(path) > 0), "{said}");
    for stub in &old {
        let kept = project.path("cache/stackdeb/pool").join(format!("{}.deb", Sha256::of(&stub.deb())));
        assert!(kept.is_file(), "{} {} is not in the pool", stub.name, stub.version);
    }
    assert_eq!(asked("dists/trixie/InRelease"), releases, "a Release file was asked for");

    // Another file in its place is refused.
    fs::remove_dir_all(project.path("cache")).unwrap();
    let mut files = archive(&old);
    files.insert(htop.path(), Stub::new("htop", "1", "Section: evil\n").deb());
    project.mirror.replace(files);
    let said = project.refused(&["image"]);
    assert!(said.contains("are expected") || said.contains("is expected"), "{said}");
}

/// What GNU date makes of the date of a Release file in a lock.
fn snapshot_time(lock: &str, suite: &str) -> String {
    let start = format!("{{ suite = \"{suite}\", date = ");
    let date = lock.lines().find_map(|line| line.split_once(&start)).unwrap().1.split(',').next().unwrap();
    let format = ["-u", "+%Y%m%dT%H%M%SZ", "-d", &format!("{date} + 1 day")].map(str::to_owned);
    run(Command::new("date").args(format)).trim().to_owned()
}

fn a_lock_for_something_else_is_refused() {
    let project = Project::new(&[machine(), vec![Stub::new("htop", "1", ""), Stub::new("nano", "1", "")]].concat());
    project.ask_for("[\"nano\"]");
    run(&mut project.command(&["lock"]));
    let lock = project.lock();
    let mut edits = vec![
        (lock.clone(), "[\"htop\"]", "the packages `htop` are asked for, and it was made for `nano`"),
        (lock.clone(), "[\"nano (>= 1)\"]", "`nano (>= 1)`"),
        (lock.clone(), "[]", "it was made for the packages `nano`, which nothing asks for any more"),
        (lock.replace("suite = \"trixie\"\nrequires", "suite = \"noble\"\nrequires"), "[\"nano\"]", "cannot be used"),
        (lock.replace("requires = [", "requires = "), "[\"nano\"]", "stack.lock cannot be used"),
        (lock.replace("path = \"pool", "path = \"../pool"), "[\"nano\"]", "is not a path in a pool"),
    ];
    // One that was edited by hand.
    let other = lock.lines().find(|line| line.contains("name = \"nano\"")).unwrap();
    let renamed = lock.replace(other, &other.replace("name = \"nano\"", "name = \"nano-tiny\""));
    edits.push((renamed, "[\"nano\"]", "nano-tiny is not what its file says"));
    edits.push((lock.replace("    \"nano\",\n", ""), "[]", "names the package nano, which nothing asks for"));
    for (text, packages, words) in edits {
        fs::write(project.path("stack.lock"), &text).unwrap();
        project.ask_for(packages);
        let said = project.refused(&["image"]);
        assert!(said.contains(words), "{words}: {said}");
        assert!(said.contains("stackdeb lock"), "{said}");
        assert!(!project.path("dist").exists() && project.lock() == text, "{said}");
    }
}

fn check_says_without_a_network_that_the_lock_does_not_fit() {
    let project = Project::new(&[machine(), vec![Stub::new("htop", "1", ""), Stub::new("nano", "1", "")]].concat());
    project.ask_for("[\"nano\"]");
    run(&mut project.command(&["lock"]));
    project.mirror.replace(HashMap::new());
    let check = |arguments: &[&str]| run(&mut project.command(&[&["check"], arguments].concat()));
    assert!(!check(&[]).contains("stack.lock"), "{}", check(&[]));
    let manifest = fs::read_to_string(project.path("stack.toml")).unwrap();
    for (packages, suite, is_part) in [
        ("[\"htop\"]", "trixie", false),
        ("[\"nano\", \"htop\"]", "trixie", false),
        ("[]", "trixie", true),
        ("[\"nano\"]", "noble", false),
    ] {
        fs::write(
            project.path("stack.toml"),
            manifest.replace("[image]\n", &format!("[image]\nsuite = \"{suite}\"\n")),
        )
        .unwrap();
        project.ask_for(packages);
        // The image asks no mirror before it refuses the lock.
        let refused = project.refused(&["image"]);
        let (_, after) = refused.split_once("stack.lock does not fit: ").unwrap_or_else(|| panic!("{refused}"));
        let words = format!("stack.lock does not fit: {}", after.split(" help:").next().unwrap());
        let said = check(&[]);
        let line = said.lines().find_map(|line| line.strip_prefix("warning   ")).unwrap_or_else(|| panic!("{said}"));
        assert!(line.starts_with(&words) && line.contains("run `stackdeb lock --packages`"), "{line}: {words}");
        assert_eq!(line.contains("if another stack of the image asks for them"), is_part, "{line}");
        let report: Value = serde_json::from_str(&check(&["--json"])).unwrap();
        assert_eq!(report["warnings"][0], line);
    }
    fs::write(project.path("stack.lock"), project.lock().replace("requires = [", "requires = ")).unwrap();
    let said = project.refused(&["check"]);
    assert!(said.contains("stack.lock cannot be used"), "{said}");
}

fn either_part_is_written_without_the_other() {
    let web = Wheel::new("web", "1.0", "py3-none-any");
    let libraries = libraries::Project::new("web\n", std::slice::from_ref(&web));
    let mirror = Mirror::start(archive(&machine()));
    fs::write(libraries.path("mirror.gpg"), keys().certificate("good")).unwrap();
    let lines = format!("[image]\n{}[[change", image_lines(&mirror.address));
    edit(&libraries.path("stack.toml"), "[[change", &lines);
    let lock = |arguments: &[&str]| {
        let mut command = libraries.command("lock");
        with_resolver(command.args(arguments), true);
        command.output().unwrap()
    };
    let read = || fs::read_to_string(libraries.path("stack.lock")).unwrap();
    let ok = |output: &Output| assert!(output.status.success(), "{}", text(output));
    let both = lock(&[]);
    ok(&both);
    let said = text(&both);
    assert!(said.contains("web 1.0\n") && said.contains("stack.lock: 1 libraries, "), "{said}");
    let whole = read();
    assert!(whole.contains("[[packages]]\nname = \"web\"") && whole.contains("[tool.stackdeb.image]"), "{whole}");
    run(&mut libraries.command("deb"));

    // Each alone.
    fs::remove_file(libraries.path("stack.lock")).unwrap();
    ok(&lock(&["--libraries"]));
    assert!(!read().contains("[tool.stackdeb.image]"), "{}", read());
    ok(&lock(&["--packages"]));
    assert_eq!(read(), whole);
    // The mirror has nothing any more, and is not asked.
    mirror.replace(HashMap::new());
    ok(&lock(&["--libraries"]));
    assert_eq!(read(), whole);
    let fails = lock(&["--packages"]);
    assert!(!fails.status.success() && read() == whole, "{}", text(&fails));

    // What fails in its second part leaves the first part too.
    fs::write(libraries.path("requirements.txt"), "web<2\n").unwrap();
    let fails = lock(&[]);
    assert!(!fails.status.success() && read() == whole, "{}", text(&fails));
    fs::remove_file(libraries.path("stack.lock")).unwrap();
    let fails = lock(&[]);
    assert!(!fails.status.success() && !libraries.path("stack.lock").exists(), "{}", text(&fails));

    // The two options exclude each other; and a project without libraries has no libraries to lock.
    assert_eq!(lock(&["--libraries", "--packages"]).status.code(), Some(2));
    let project = Project::new(&machine());
    let said = project.refused(&["lock", "--libraries"]);
    assert!(said.contains("stack.toml has no [app] requirements"), "{said}");
}
