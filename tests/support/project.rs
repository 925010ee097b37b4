//! A project in a user's home, whose instances stand at a port of the loopback's addresses, and
//! the commands that deploy it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::account::{Home, TOKEN, image, sh};
use crate::linode_api::{Api, Fault, Machines};
use crate::{kept, source_folder};

/// Writes what the manifest of an image says of the stacks in it: name, port, whether there is HTTPS, and health page of each.
/// The room `project` finds the same in the manifest of an image that is built.
pub fn write_manifest(path: &Path, stacks: &[(&str, u16, bool, &str)]) {
    let one = |&(name, port, https, health): &(&str, u16, bool, &str)| json!({"name": name, "version": "1.0", "port": port, "https": https, "host": null, "health_path": health});
    let stacks: Vec<Value> = stacks.iter().map(one).collect();
    fs::write(path, json!({"schema": 1, "stacks": stacks}).to_string()).unwrap();
}

/// A home with the project `shop` 1.0, its built image, and an account at Linode.
pub struct Project {
    pub home: Home,
    pub api: Api,
    /// Where the instances' sites are.
    pub port: u16,
}

impl Project {
    pub fn new(faults: &[Fault]) -> Self {
        Self::with_database("[database]\n", faults)
    }

    pub fn with_database(database: &str, faults: &[Fault]) -> Self {
        let (home, api) = (Home::new(), Api::start(TOKEN, faults));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        api.set_machines(Machines::Sites(port));
        fs::create_dir_all(home.path().join("app")).unwrap();
        fs::create_dir_all(home.path().join("dist")).unwrap();
        fs::create_dir_all(home.path().join(".ssh")).unwrap();
        fs::write(home.path().join("app/app.py"), "app = None\n").unwrap();
        sh("ssh-keygen -q -t ed25519 -N '' -C 'jane@home' -f \"$1\"", &[&home.path().join(".ssh/id_ed25519")]);
        fs::copy(image(), home.path().join("dist/shop-1.0-linode.img.gz")).unwrap();
        let project = Self { home, api, port };
        project.set_version("1.0", database);
        project
    }

    pub fn set_version(&self, version: &str, database: &str) {
        let port = self.port;
        let text = format!(
            "[package]\nname = \"shop\"\nversion = \"{version}\"\nmaintainer = \"Jane Doe <jane@example.org>\"\n\
             summary = \"place to buy things at\"\nlicense = \"MIT\"\ncopyright = [\"2026 Jane Doe <jane@example.org>\"]\n\
             [app]\n[site]\nport = {port}\n{database}\
             [[changelog]]\nversion = \"{version}\"\ndate = 2026-11-22T10:00:00Z\nchanges = [\"First.\"]\n"
        );
        fs::write(self.path("stack.toml"), text).unwrap();
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }

    /// The public key in the usual place.
    pub fn key(&self) -> String {
        fs::read_to_string(self.path(".ssh/id_ed25519.pub")).unwrap().trim().to_owned()
    }

    pub fn stackdeb(&self, arguments: &[&str]) -> Command {
        let mut command = self.home.command(&crate::program("stackdeb"));
        command.env("LINODE_API_URL", self.api.address()).args(arguments);
        command
    }

    pub fn deploy(&self, arguments: &[&str]) -> Command {
        let mut command = self.stackdeb(&["deploy", "--region", "us-east"]);
        command.args(arguments);
        command
    }

    /// With the account's token, against the API in memory.
    pub fn linode_cli(&self, arguments: &[&str]) -> Command {
        let mut command = self.home.command(&source_folder().join("tests/linode-cli").display().to_string());
        command.env("CARGO_TARGET_DIR", kept().parent().unwrap());
        command.env_remove("LINODE_TOKEN").env("LINODE_CLI_TOKEN", TOKEN);
        command.env("LINODE_CLI_SUPPRESS_VERSION_WARNING", "1").env("LINODE_CLI_CONFIG", self.path("linode-cli"));
        command.env("LINODE_CLI_API_HOST", &self.api.host).env("LINODE_CLI_API_SCHEME", "http").args(arguments);
        command
    }

    /// The labels of the instances that are there.
    pub fn labels(&self) -> Vec<String> {
        self.api.instances().iter().map(|linode| linode["label"].as_str().unwrap().to_owned()).collect()
    }
}
