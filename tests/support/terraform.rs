//! Projects whose Terraform configuration is written, and the reader that judges it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{source_folder, stackdeb, text};

/// A project in a folder of its own, which builds without a database unless `database` brings one.
pub struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    /// The project `name` 1.0, with `more` in its manifest.
    pub fn new(name: &str, more: &str) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(project.path("app")).unwrap();
        fs::write(project.path("app/app.py"), "app = None\n").unwrap();
        project.set(name, "1.0", more);
        project
    }

    pub fn set(&self, name: &str, version: &str, more: &str) {
        let text = format!(
            "[package]\nname = \"{name}\"\nversion = \"{version}\"\nmaintainer = \"Jane Doe <jane@example.org>\"\n\
             summary = \"place to buy things at\"\nlicense = \"MIT\"\ncopyright = [\"2026 Jane Doe <jane@example.org>\"]\n\
             [app]\n{more}\n\
             [[changelog]]\nversion = \"{version}\"\ndate = 2026-11-22T10:00:00Z\nchanges = [\"First.\"]\n"
        );
        fs::write(self.path("stack.toml"), text).unwrap();
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        stackdeb().arg("terraform").args(arguments).current_dir(self.folder.path()).output().unwrap()
    }

    /// Writes the configuration, and says what was printed.
    #[track_caller]
    pub fn write(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", text(&output));
        text(&output)
    }

    /// Writing fails, and says so with all of `words`.
    #[track_caller]
    pub fn refuses(&self, arguments: &[&str], words: &[&str]) {
        let output = self.run(arguments);
        // Messages are wrapped to the width of a terminal.
        let said = text(&output).split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
        assert_eq!(output.status.code(), Some(1), "{said}");
        for word in words {
            assert!(said.contains(word), "`{word}` is missing: {said}");
        }
        assert!(!said.contains("panicked"), "{said}");
    }

    /// A file of the configuration.
    #[track_caller]
    pub fn file(&self, name: &str) -> String {
        fs::read_to_string(self.path("terraform").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

/// What is wrong with a configuration, one problem a line, as python-hcl2 and the provider's schema have it.
pub fn problems(folder: &Path) -> String {
    let mut reader = Command::new(source_folder().join("tests/terraform-reader"));
    reader.env("CARGO_TARGET_DIR", super::kept().parent().unwrap());
    reader
        .arg(folder)
        .args(["linode", "random"].map(|name| source_folder().join(format!("tests/support/{name}_provider.json"))));
    let output = reader.output().unwrap();
    let found = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(output.status.success(), found.is_empty(), "{}", text(&output));
    found
}
