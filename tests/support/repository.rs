//! A small repository, signed with a throw-away key by gpg: an archive with its updates and its security updates.

use std::collections::HashMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use flate2::write::GzEncoder;
use liblzma::write::XzEncoder;
use stackdeb::system::epoch::Epoch;
use stackdeb::system::hash::Sha256;

/// The package's path in the pool, and the path of an index.
pub const PACKAGE: &str = "pool/main/a/aa/aa_1_all.deb";
pub const INDEX: &str = "dists/trixie/main/binary-amd64/Packages.xz";

const YEAR: u32 = 365 * 86400;

/// A GnuPG home with the secret keys that sign the Release files of a mirror of the tests.
pub struct Keys {
    home: tempfile::TempDir,
}

pub fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let keys = Keys { home: tempfile::tempdir().unwrap() };
        for name in ["good", "other"] {
            keys.gpg(&["--quick-generate-key", name, "ed25519", "sign", "never"], b"");
        }
        keys.gpg(
            &["--faked-system-time", "20200101T000000!", "--quick-generate-key", "old", "ed25519", "sign", "never"],
            b"",
        );
        keys
    })
}

impl Keys {
    fn gpg(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut child = Command::new("gpg")
            .args(["--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "", "--homedir"])
            .arg(self.home.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("gpg, of the package gnupg");
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    pub fn sign(&self, name: &str, text: &str) -> Vec<u8> {
        self.gpg(&["--local-user", name, "--clearsign"], text.as_bytes())
    }

    pub fn certificate(&self, name: &str) -> Vec<u8> {
        self.gpg(&["--export", name], b"")
    }

    /// The certificate of the key `old`, which ended in 2021, after that key has signed `text` today.
    pub fn sign_with_expired(&self, text: &str) -> (Vec<u8>, Vec<u8>) {
        let signed = self.sign("old", text);
        let listing = String::from_utf8(self.gpg(&["--with-colons", "--list-keys", "old"], b"")).unwrap();
        let fingerprint = listing.lines().find_map(|line| line.strip_prefix("fpr:")).unwrap().trim_matches(':');
        self.gpg(&["--faked-system-time", "20200601T000000!", "--quick-set-expire", fingerprint, "1y"], b"");
        (signed, self.certificate("old"))
    }
}

/// A text as xz compresses it at its fastest.
pub fn compressed(text: &str) -> Vec<u8> {
    let mut xz = XzEncoder::new(Vec::new(), 0);
    xz.write_all(text.as_bytes()).unwrap();
    xz.finish().unwrap()
}

/// What is special about a repository.
pub struct Repository {
    /// The key that signs it.
    pub key: &'static str,
    /// Seconds from now to the end of its Release files.
    pub valid_for: i64,
    /// The codename in the main Release file.
    pub codename: &'static str,
    /// Seconds from now to the date of its Release files.
    pub dated: i64,
}

impl Default for Repository {
    fn default() -> Self {
        Self { key: "good", valid_for: i64::from(YEAR), codename: "trixie", dated: -3600 }
    }
}

impl Repository {
    /// The package's bytes: enough for a download to break in the middle.
    pub fn package() -> Vec<u8> {
        (0..300_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    }

    /// All the files by their path.
    pub fn files(&self) -> HashMap<String, Vec<u8>> {
        let package = Self::package();
        let stanza = format!(
            "Package: aa\nVersion: 1\nArchitecture: all\nFilename: {PACKAGE}\nSize: {}\nSHA256: {}\n",
            package.len(),
            Sha256::of(&package)
        );
        let mut files = self.files_with(compressed(&stanza));
        files.insert(PACKAGE.to_owned(), package);
        files
    }

    /// The files of a repository with that index, compressed by xz, and without packages.
    pub fn files_with(&self, index: Vec<u8>) -> HashMap<String, Vec<u8>> {
        self.files_of(index, "")
    }

    /// The same, with an index of the security updates as well.
    pub fn files_of(&self, index: Vec<u8>, security: &str) -> HashMap<String, Vec<u8>> {
        let mut files = HashMap::new();
        self.pocket(&mut files, "trixie", self.codename, "Packages.xz", index);
        let gzip = GzEncoder::new(Vec::new(), flate2::Compression::default());
        self.pocket(&mut files, "trixie-updates", "trixie-updates", "Packages.gz", gzip.finish().unwrap());
        self.pocket(&mut files, "trixie-security", "trixie-security", "Packages", security.into());
        files
    }

    fn pocket(&self, files: &mut HashMap<String, Vec<u8>>, suite: &str, codename: &str, name: &str, index: Vec<u8>) {
        let path = format!("main/binary-amd64/{name}");
        let text = self.release(codename, &format!(" {} {} {path}\n", Sha256::of(&index), index.len()));
        files.insert(format!("dists/{suite}/{path}"), index);
        files.insert(format!("dists/{suite}/InRelease"), keys().sign(self.key, &text));
    }

    /// The text of a Release file.
    pub fn release(&self, codename: &str, hashes: &str) -> String {
        let date = |offset: i64| {
            let seconds = i64::from(Epoch::now().seconds()) + offset;
            Epoch::from_seconds(seconds).unwrap().to_rfc5322().replace("+0000", "UTC")
        };
        format!(
            "Origin: Test\nCodename: {codename}\nDate: {}\nValid-Until: {}\nArchitectures: amd64\nSHA256:\n{hashes}",
            date(self.dated),
            date(self.valid_for)
        )
    }
}
