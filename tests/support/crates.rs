//! Crates with `[package.metadata.deb]`: their sources from the registry, stand-ins for what they do not bring along, and
//! their packages by cargo-deb and by stackdeb.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use serde_json::Value;

use crate::{copy_tree, kept, run, source_folder, stackdeb, text};

/// The time of all packages that are compared, in seconds since 1970.
pub const TIME: &str = "1795428000";

/// A small program with debugging data. It stands for every program that a crate builds.
pub fn small_program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
        let source = "#include <stdio.h>\nint main(int n, char **all) { printf(\"%d\\n\", n); return 0; }\n";
        let folder = kept().join("small-program");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("small.c"), source).unwrap();
        run(Command::new("gcc").current_dir(&folder).args(["-g", "small.c", "-o", "small"]));
        folder.join("small")
    });
    &PROGRAM
}

/// Copies the source of a published crate into `folder`. cargo downloads it the first time.
pub fn unpack(name: &str, version: &str, folder: &Path) {
    let empty = tempfile::tempdir().unwrap();
    let mut cargo = Command::new("cargo");
    run(cargo.args(["info", "--quiet", "--color", "never", &format!("{name}@{version}")]).current_dir(empty.path()));
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cargo"));
    let registries = fs::read_dir(home.join("registry/src")).unwrap();
    let mut sources = registries.map(|registry| registry.unwrap().path().join(format!("{name}-{version}")));
    let source = sources.find(|source| source.is_dir()).expect("cargo info unpacks the source");
    copy_tree(&source, folder);
}

/// Makes what the metadata name and the crate does not have: the programs, and whatever its own build would make.
pub fn add_stand_ins(folder: &Path) {
    let metadata: Value = serde_json::from_str(&run(&mut metadata(folder))).unwrap();
    let package = &metadata["packages"][0];
    let deb = &package["metadata"]["deb"];
    let variants = deb["variants"].as_object().into_iter().flat_map(|variants| variants.values());
    for table in [deb].into_iter().chain(variants) {
        let profile = table["profile"].as_str().unwrap_or("release");
        let program = |name: &str| {
            let path = folder.join("target").join(profile).join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::copy(small_program(), &path).unwrap();
        };
        let assets = table["assets"].as_array().cloned().unwrap_or_else(|| vec!["$auto".into()]);
        let appended = table["merge-assets"]["append"].as_array().cloned().unwrap_or_default();
        for asset in assets.iter().chain(&appended) {
            if asset == "$auto" {
                let targets = package["targets"].as_array().unwrap().iter();
                targets.filter(|target| target["kind"][0] == "bin").for_each(|t| program(t["name"].as_str().unwrap()));
            } else if let Some(source) = asset[0].as_str().or(asset["source"].as_str()) {
                match source.strip_prefix("target/release/") {
                    Some(name) => program(name),
                    None => add_stand_in(folder, source),
                }
            }
        }
        for key in ["changelog", "triggers-file", "extended-description-file", "license-file"] {
            if let Some(file) = table[key].as_str().or(table[key][0].as_str()) {
                add_stand_in(folder, file);
            }
        }
    }
}

fn add_stand_in(folder: &Path, pattern: &str) {
    let file = pattern.replace("**", "x").replace('*', "stand-in");
    let path = folder.join(&file);
    if !path.exists() && (file == pattern || !path.parent().unwrap().exists()) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("A stand-in for {file}\n")).unwrap();
    }
}

fn metadata(folder: &Path) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(folder);
    cargo
}

fn prepared(mut command: Command, folder: &Path) -> Command {
    command.current_dir(folder).env("SOURCE_DATE_EPOCH", TIME);
    command.env_remove("CARGO_TARGET_DIR").env_remove("CARGO_BUILD_TARGET");
    command
}

/// `stackdeb deb` with further arguments.
pub fn ours(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = prepared(stackdeb(), folder);
    command.arg("deb").args(arguments).output().unwrap()
}

/// The package that stackdeb makes.
#[track_caller]
pub fn our_package(folder: &Path, arguments: &[&str]) -> PathBuf {
    let output = ours(folder, arguments);
    assert!(output.status.success(), "{}", text(&output));
    let line = String::from_utf8(output.stdout).unwrap();
    folder.join(line.split(" (").next().unwrap())
}

/// The package that cargo-deb makes.
pub fn their_package(folder: &Path, arguments: &[&str]) -> PathBuf {
    static TOOLS: LazyLock<String> =
        LazyLock::new(|| run(&mut Command::new(source_folder().join("documents/cargo-deb"))));
    let mut command = prepared(Command::new(Path::new(TOOLS.trim()).join("cargo-deb")), folder);
    let printed = run(command.args(["--quiet", "--no-build"]).args(arguments));
    PathBuf::from(printed.lines().last().expect("cargo-deb prints the package's path"))
}

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Permission bits; of a link, none.
    pub mode: u32,
    /// `None` if it is not a link.
    pub target: Option<String>,
    /// A file's content, uncompressed if its name ends with `.gz`.
    pub content: Option<Vec<u8>>,
}

/// A package, unpacked by dpkg-deb.
#[derive(Debug)]
pub struct Unpacked {
    pub fields: BTreeMap<String, String>,
    /// The other files of the control archive.
    pub control: BTreeMap<String, Member>,
    /// The files that are installed, by path without `/` before it.
    pub files: BTreeMap<String, Member>,
    /// Has the folder `root` that dpkg-deb filled.
    pub folder: tempfile::TempDir,
}

impl Unpacked {
    pub fn of(package: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        run(Command::new("dpkg-deb").arg("-R").arg(package).arg(folder.path().join("root")));
        let printed = run(Command::new("dpkg-deb").arg("-f").arg(package));
        let mut fields: BTreeMap<String, String> = BTreeMap::new();
        let mut last = String::new();
        for line in printed.lines() {
            match line.split_once(':').filter(|_| !line.starts_with(' ')) {
                Some((name, value)) => {
                    last = name.to_owned();
                    fields.insert(last.clone(), value.trim().to_owned());
                }
                None => *fields.get_mut(&last).unwrap() += &format!("\n{}", line.trim_end()),
            }
        }
        // cargo-deb ends the file with an empty line.
        fields.values_mut().for_each(|value| value.truncate(value.trim_end().len()));
        let mut files = BTreeMap::new();
        add_members(&folder.path().join("root"), "", &mut files);
        let (control, files): (BTreeMap<_, _>, BTreeMap<_, _>) =
            files.into_iter().partition(|(path, _)| path.starts_with("DEBIAN"));
        let control = control.into_iter().filter_map(|(path, member)| {
            let name = path.strip_prefix("DEBIAN/")?.to_owned();
            (name != "control").then_some((name, member))
        });
        Self { fields, control: control.collect(), files, folder }
    }

    /// A text of the control archive; empty if it is not there.
    pub fn control_text(&self, name: &str) -> String {
        let content = self.control.get(name).and_then(|member| member.content.clone());
        String::from_utf8(content.unwrap_or_default()).unwrap()
    }

    /// Where dpkg-deb has put a file.
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join("root").join(file)
    }
}

fn add_members(folder: &Path, above: &str, members: &mut BTreeMap<String, Member>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{above}{}", entry.file_name().to_str().unwrap());
        let metadata = entry.metadata().unwrap();
        let mode = if metadata.is_symlink() { 0 } else { metadata.permissions().mode() & 0o7777 };
        let target = fs::read_link(entry.path()).ok().map(|target| target.to_str().unwrap().to_owned());
        let content = metadata.is_file().then(|| match path.ends_with(".gz") {
            true => Command::new("gzip").arg("-dc").arg(entry.path()).output().unwrap().stdout,
            false => fs::read(entry.path()).unwrap(),
        });
        members.insert(path.clone(), Member { mode, target, content });
        if metadata.is_dir() {
            add_members(&entry.path(), &format!("{path}/"), members);
        }
    }
}
