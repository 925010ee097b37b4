//! The suites that images can be built from: one table with everything that differs between them.

use std::fs;
use std::path::Path;

/// The publisher of a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    Debian,
    Ubuntu,
}

/// Whether the cloud-init of a suite has the data source Akamai. Without it, an instance does not read its user data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloudInit {
    /// Version 23.3 or newer, the first that asks Linode's metadata service.
    SeesLinode,
    /// This version, which is older than 23.3.
    TooOld(&'static str),
}

/// Whether images of a suite have been built and booted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// The tests build it and boot it.
    Booted,
    /// It should work according to its documentation, but nobody has built one.
    NotYet,
}

/// A release of a distribution.
#[derive(Debug, PartialEq, Eq)]
pub struct Suite {
    /// The codename, such as `trixie`. It is also the name of the folder under `dists/`.
    pub name: &'static str,
    /// The number of the release, such as `13`.
    pub version: &'static str,
    pub distribution: Distribution,
    /// The components whose packages may be installed.
    pub components: &'static [&'static str],
    /// The folder of the security updates, under `dists/` on the security mirror.
    pub security: &'static str,
    /// The folder of the updates between point releases, under `dists/` on the main mirror.
    pub updates: &'static str,
    /// The metapackage that depends on the newest kernel for virtual machines.
    pub kernel: &'static str,
    pub cloud_init: CloudInit,
    /// The version of its package python3, with the third number.
    pub python: &'static str,
    /// Both numbers of its glibc.
    pub glibc: (u32, u32),
    pub tried: Tried,
}

/// The table has no suite of that name.
#[derive(Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("the suite `{name}` is not supported: the supported ones are {known}")]
#[diagnostic(help("set suite under [image] in stack.toml to one of them"))]
pub struct SuiteError {
    pub name: String,
    /// All names of the table, separated by commas.
    pub known: String,
}

/// Sorted by distribution, then by age.
pub static SUITES: [Suite; 4] = [
    Suite {
        name: "bookworm",
        version: "12",
        distribution: Distribution::Debian,
        components: &["main"],
        security: "bookworm-security",
        updates: "bookworm-updates",
        kernel: "linux-image-cloud-amd64",
        cloud_init: CloudInit::TooOld("22.4.2"),
        python: "3.11.2",
        glibc: (2, 36),
        tried: Tried::NotYet,
    },
    Suite {
        name: "trixie",
        version: "13",
        distribution: Distribution::Debian,
        components: &["main"],
        security: "trixie-security",
        updates: "trixie-updates",
        kernel: "linux-image-cloud-amd64",
        cloud_init: CloudInit::SeesLinode,
        python: "3.13.5",
        glibc: (2, 41),
        tried: Tried::Booted,
    },
    Suite {
        name: "jammy",
        version: "22.04",
        distribution: Distribution::Ubuntu,
        components: &["main", "universe"],
        security: "jammy-security",
        updates: "jammy-updates",
        kernel: "linux-image-virtual",
        cloud_init: CloudInit::SeesLinode,
        python: "3.10.6",
        glibc: (2, 35),
        tried: Tried::NotYet,
    },
    Suite {
        name: "noble",
        version: "24.04",
        distribution: Distribution::Ubuntu,
        components: &["main", "universe"],
        security: "noble-security",
        updates: "noble-updates",
        kernel: "linux-image-virtual",
        cloud_init: CloudInit::SeesLinode,
        python: "3.12.3",
        glibc: (2, 39),
        tried: Tried::NotYet,
    },
];

impl Distribution {
    /// The name as in the field `Origin` of a Release file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debian => "Debian",
            Self::Ubuntu => "Ubuntu",
        }
    }

    /// The path at which the distribution's keyring package installs its keyring.
    pub fn keyring_path(self) -> &'static str {
        match self {
            Self::Debian => "/usr/share/keyrings/debian-archive-keyring.gpg",
            Self::Ubuntu => "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
        }
    }

    /// The certificates (OpenPGP) of the archive, as in the distribution's keyring package.
    pub fn keyring(self) -> &'static [u8] {
        match self {
            Self::Debian => include_bytes!("../../image/keyrings/debian-archive-keyring.gpg"),
            Self::Ubuntu => include_bytes!("../../image/keyrings/ubuntu-archive-keyring.gpg"),
        }
    }

    /// The folder of an archive on a server that keeps the archive as it was at each time.
    pub fn snapshot_folder(self, is_security: bool) -> &'static str {
        match self {
            Self::Debian if is_security => "debian-security",
            Self::Debian => "debian",
            Self::Ubuntu => "ubuntu",
        }
    }

    /// Whether `name`, a suite in apt's sources, is of this distribution. Its mirror then has the other suites as well.
    pub fn has_suite(self, name: &str) -> bool {
        let release = ["-security", "-updates", "-proposed-updates", "-backports", "-proposed", "/updates"]
            .iter()
            .find_map(|pocket| name.strip_suffix(pocket))
            .unwrap_or(name);
        let others: &[&str] = match self {
            Self::Debian => {
                &["oldoldstable", "oldstable", "stable", "testing", "unstable", "sid", "buster", "bullseye", "forky"]
            }
            Self::Ubuntu => &["bionic", "focal", "oracular", "plucky", "questing", "devel"],
        };
        others.contains(&release) || SUITES.iter().any(|suite| suite.distribution == self && suite.name == release)
    }
}

impl Suite {
    /// The suite of this machine, whose root is `root`; trixie where the machine has another system.
    ///
    /// # Errors
    /// Never, as the table has trixie.
    pub fn of_machine(root: &Path) -> Result<&'static Self, SuiteError> {
        let told = fs::read_to_string(root.join("etc/os-release")).unwrap_or_default();
        let codename = told.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME=")).unwrap_or_default();
        Self::find(codename.trim_matches('"')).or_else(|_| Self::find("trixie"))
    }

    /// Finds a suite by its codename.
    ///
    /// # Errors
    /// When the table does not have it.
    pub fn find(name: &str) -> Result<&'static Self, SuiteError> {
        SUITES.iter().find(|suite| suite.name == name).ok_or_else(|| {
            let known: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
            SuiteError { name: name.to_owned(), known: known.join(", ") }
        })
    }

    /// The suite that a folder under `dists/` belongs to: `trixie-security` to `trixie`.
    pub fn of_pocket(pocket: &str) -> Option<&'static Self> {
        SUITES.iter().find(|suite| [suite.name, suite.updates, suite.security].contains(&pocket))
    }

    /// The name for messages: `Debian 13 (trixie)`.
    pub fn title(&self) -> String {
        format!("{} {} ({})", self.distribution.as_str(), self.version, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_for_an_unknown_suite_names_the_known_ones() {
        assert_eq!(Suite::find("trixie").unwrap().version, "13");
        let error = Suite::find("trixy").unwrap_err().to_string();
        assert!(error.contains("trixy") && error.contains("trixie") && error.contains("noble"), "{error}");
    }

    #[test]
    fn names_in_apt_sources_are_recognised() {
        for name in ["trixie", "stable", "stable-updates", "bookworm-security", "buster/updates", "sid"] {
            assert!(Distribution::Debian.has_suite(name) && !Distribution::Ubuntu.has_suite(name), "{name}");
        }
        for name in ["noble", "jammy-security", "focal-backports"] {
            assert!(Distribution::Ubuntu.has_suite(name) && !Distribution::Debian.has_suite(name), "{name}");
        }
        assert!(!Distribution::Debian.has_suite("nodistro"));
    }
}
