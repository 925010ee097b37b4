//! A repository of `stackdeb repo` and an apt of its own that reads it, for an ordinary user.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use stackdeb::control::Stanza;

use super::{listing, run, stackdeb, text};

/// A folder with packages, a repository and its key; and an apt that has nothing installed.
pub struct World {
    pub folder: tempfile::TempDir,
}

impl World {
    #[expect(clippy::new_without_default, reason = "it makes a folder")]
    pub fn new() -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        let root = world.path("apt");
        for folder in [
            "etc/apt/sources.list.d",
            "etc/apt/apt.conf.d",
            "etc/apt/preferences.d",
            "var/lib/apt/lists/partial",
            "var/cache/apt/archives/partial",
            "got",
        ] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::write(root.join("status"), "").unwrap();
        let shown = root.display();
        let settings = format!(
            "Dir \"{shown}\";\nDir::State::status \"{shown}/status\";\nAPT::Architecture \"amd64\";\n\
             APT::Architectures {{ \"amd64\"; }};\nAPT::Sandbox::User \"root\";\nAcquire::Languages \"none\";\n\
             APT::Update::Error-Mode \"any\";\n"
        );
        fs::write(root.join("apt.conf"), settings).unwrap();
        world
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// A package that dpkg-deb builds. Its `text` makes other contents.
    pub fn package(&self, name: &str, version: &str, architecture: &str, text: &str) -> String {
        let tree = self.path(&format!("tree-{name}-{}-{text}", version.replace(':', "-")));
        let file = PathBuf::from(format!("{}.deb", tree.display()));
        fs::create_dir_all(tree.join("DEBIAN")).unwrap();
        let control = format!(
            "Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: A <a@example.org>\n\
             Size: 1\nDescription: a shop\n for all.\n .\n And more.\n"
        );
        fs::write(tree.join("DEBIAN/control"), control).unwrap();
        fs::write(tree.join("text"), text).unwrap();
        run(Command::new("dpkg-deb").args(["--root-owner-group", "-b"]).arg(&tree).arg(&file));
        file.display().to_string()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = stackdeb();
        command.arg("repo").args(arguments).current_dir(self.folder.path()).env("XDG_DATA_HOME", self.path("data"));
        command
    }

    #[track_caller]
    pub fn repo(&self, arguments: &[&str]) -> String {
        run(&mut self.command(arguments))
    }

    /// What is said of a command that fails; nothing is changed by it.
    #[track_caller]
    pub fn refusal(&self, arguments: &[&str]) -> String {
        let before = self.contents("repository");
        let output = self.command(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        assert_eq!(self.contents("repository"), before, "{arguments:?}");
        // Lines are folded to the terminal's width.
        text(&output).split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
    }

    /// Each file with its content.
    pub fn contents(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let folder = self.path(folder);
        if !folder.exists() {
            return BTreeMap::new();
        }
        let files = listing(&folder).into_iter().filter(|path| path.is_file());
        let name = |path: &Path| path.strip_prefix(&folder).unwrap().display().to_string();
        files.map(|path| (name(&path), fs::read(&path).unwrap())).filter(|(name, _)| name != ".lock").collect()
    }

    /// The files by the paths that apt asks for (RFC 3986, 2.1).
    pub fn served(&self) -> HashMap<String, Vec<u8>> {
        let files = self.contents("repository").into_iter();
        files.map(|(path, bytes)| (path.replace('~', "%7e").replace('+', "%2b"), bytes)).collect()
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path("repository").join(path)).unwrap()
    }

    pub fn apt(&self, program: &str, arguments: &[&str]) -> Output {
        self.apt_by(&mut Command::new(program), arguments)
    }

    pub fn apt_by(&self, command: &mut Command, arguments: &[&str]) -> Output {
        let sources = self.path("apt/etc/apt/sources.list.d/shop.sources");
        fs::copy(self.path("repository/shop.sources"), sources).unwrap();
        command.env("APT_CONFIG", self.path("apt/apt.conf")).env("LC_ALL", "C.UTF-8");
        command.args(arguments).current_dir(self.path("apt/got")).output().unwrap()
    }

    /// Removes what apt has downloaded: it keeps what it refuses, and goes on with a part of a file.
    pub fn forget(&self) {
        for folder in ["apt/var", "apt/got"] {
            let files = listing(&self.path(folder)).into_iter().filter(|path| path.is_file());
            files.for_each(|path| fs::remove_file(path).unwrap());
        }
    }

    #[track_caller]
    pub fn apt_works(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.apt(program, arguments);
        let said = text(&output);
        assert!(output.status.success() && !said.contains("W:"), "{program} {arguments:?}: {said}");
        said
    }

    /// The versions that apt knows, the newest first.
    #[track_caller]
    pub fn versions(&self, name: &str) -> Vec<String> {
        self.apt_works("apt-get", &["update"]);
        let madison = self.apt_works("apt-cache", &["madison", name]);
        madison.lines().map(|line| line.split('|').nth(1).unwrap().trim().to_owned()).collect()
    }

    /// Downloads what apt takes for a version, and compares it with the package.
    #[track_caller]
    pub fn download(&self, version: &str, package: &str) {
        self.apt_works("apt-get", &["download", &format!("shop={version}")]);
        let got = listing(&self.path("apt/got"));
        assert_eq!(got.len(), 1, "{got:?}");
        assert_eq!(fs::read(&got[0]).unwrap(), fs::read(package).unwrap());
        fs::remove_file(&got[0]).unwrap();
    }

    /// The certificate of the `.sources` file, as gpg makes it a keyring for gpgv.
    pub fn keyring(&self) -> (PathBuf, String) {
        let source = Stanza::parse(&self.read("shop.sources")).unwrap();
        let certificate = source.get("Signed-By").unwrap().trim().to_owned();
        let keyring = self.path("keyring.gpg");
        fs::write(self.path("keyring.asc"), format!("{certificate}\n")).unwrap();
        let mut gpg = Command::new("gpg");
        gpg.args(["--batch", "--yes", "--dearmor", "-o"]).arg(&keyring).arg(self.path("keyring.asc"));
        run(gpg.env("GNUPGHOME", self.folder.path()));
        (keyring, certificate)
    }
}
