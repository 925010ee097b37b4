//! An account at Linode, seen from a user's home: a good image, programs that know nothing of this machine but where that
//! home is, and a look at all that they leave behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use memchr::memmem;
use serde_json::Value;

use crate::linode_api::{Api, SIGNATURE};

pub const TOKEN: &str = "7a1c0ffee5ecre7d00d1e57ab1e70cea";
/// What mke2fs has to leave out for Linode.
const FEATURES: &str = "^metadata_csum,^metadata_csum_seed,^orphan_file";

/// Runs a shell script that must succeed, and returns what it printed.
#[track_caller]
pub fn sh(script: &str, arguments: &[&Path]) -> String {
    let mut command = Command::new("sh");
    command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    let output = command.args(["-euc", script, "sh"]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{script}: {}", text(&output));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A good image with more in it than any buffer on the way holds: 64 MiB, of which 8 are noise.
pub fn image() -> &'static Path {
    static IMAGE: OnceLock<PathBuf> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let folder = crate::kept().join("linode-image");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("tree")).unwrap();
        let path = folder.join("shop-1.0+rc1-linode.img.gz");
        let script = format!(
            "cd \"$1\"; head -c 8M /dev/urandom > tree/noise; truncate -s 64M raw; \
             mke2fs -q -t ext4 -O {FEATURES} -d tree raw; gzip -nc raw > \"$2\""
        );
        sh(&script, &[&folder, &path]);
        path
    })
}

/// A home of its own for a program, in which nothing secret may remain.
pub struct Home {
    folder: tempfile::TempDir,
}

impl Default for Home {
    fn default() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }
}

impl Home {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `program`, which knows nothing of this machine but where its home is, and has the token.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir(self.path());
        for variable in ["HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"] {
            command.env(variable, self.path());
        }
        command.env("LINODE_TOKEN", TOKEN);
        command
    }

    pub fn upload(&self, api: &Api) -> Command {
        let mut command = self.command(&crate::program("stackdeb"));
        command.env("LINODE_API_URL", api.address()).args(["upload", "--region", "us-east"]);
        command
    }

    /// Runs to the end, and looks whether a secret came out.
    #[track_caller]
    pub fn run(&self, command: &mut Command) -> Ended {
        self.ended(command.output().unwrap())
    }

    #[track_caller]
    pub fn ended(&self, output: Output) -> Ended {
        let all = text(&output);
        for secret in [TOKEN, SIGNATURE] {
            assert!(!all.contains(secret), "`{secret}` was printed:\n{all}");
            for file in files(self.path()) {
                let content = fs::read(&file).unwrap();
                let found = memmem::find(&content, secret.as_bytes()).is_some();
                assert!(!found, "`{secret}` is in {}", file.display());
            }
        }
        assert!(!all.contains("panicked"), "{all}");
        // Messages are wrapped to the width of a terminal.
        let said = all.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
        Ended { status: output.status.code(), said, stdout: String::from_utf8(output.stdout).unwrap() }
    }
}

pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

pub struct Ended {
    pub status: Option<i32>,
    /// All that it printed, in one line.
    pub said: String,
    pub stdout: String,
}

impl Ended {
    #[track_caller]
    pub fn has(self, status: i32, words: &[&str]) -> Self {
        assert_eq!(self.status, Some(status), "{}", self.said);
        for word in words {
            assert!(self.said.contains(word), "`{word}` is missing: {}", self.said);
        }
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}
