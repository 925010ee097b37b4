//! The releases that an image can be made of, and everything in which they differ: one table.

/// Who publishes a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    /// debian.org
    Debian,
    /// ubuntu.com
    Ubuntu,
}

/// Whether a suite's cloud-init has the Akamai data source, so that an instance on Linode reads its metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloudInit {
    /// It does: it is version 23.3 or newer.
    SeesLinode,
    /// It is this version, which is older.
    TooOld(&'static str),
}

/// Whether images of a suite have been built and booted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// Every test runs with it.
    Booted,
    /// It should work, from its documentation; nobody has built one.
    NotYet,
}

/// One release of a distribution.
#[derive(Debug, PartialEq, Eq)]
pub struct Suite {
    /// The codename, which is also its folder under `dists/`: `trixie`.
    pub name: &'static str,
    /// The release's number: `13`.
    pub version: &'static str,
    /// Who publishes it.
    pub distribution: Distribution,
    /// The components that packages are taken from.
    pub components: &'static [&'static str],
    /// The folder under `dists/` on the security mirror.
    pub security: &'static str,
    /// The folder under `dists/` with updates between point releases, on the main mirror.
    pub updates: &'static str,
    /// The metapackage of the kernel for virtual machines.
    pub kernel: &'static str,
    /// Whether cloud-init reads Linode's metadata.
    pub cloud_init: CloudInit,
    /// Whether it has been tried.
    pub tried: Tried,
}

/// There is no such suite.
#[derive(Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("the suite `{name}` is not known: there are {known}")]
#[diagnostic(help("set [image] suite in stack.toml to one of them"))]
pub struct SuiteError {
    /// What was asked for.
    pub name: String,
    /// The names that there are.
    pub known: String,
}

/// All the suites, by distribution and age.
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
        tried: Tried::NotYet,
    },
];

impl Distribution {
    /// Its name, as in a Release file's `Origin`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debian => "Debian",
            Self::Ubuntu => "Ubuntu",
        }
    }

    /// Where the distribution's own package installs the keyring.
    pub fn keyring_path(self) -> &'static str {
        match self {
            Self::Debian => "/usr/share/keyrings/debian-archive-keyring.gpg",
            Self::Ubuntu => "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
        }
    }

    /// The OpenPGP certificates of its archive, as its own keyring package ships them.
    pub fn keyring(self) -> &'static [u8] {
        match self {
            Self::Debian => include_bytes!("../../image/keyrings/debian-archive-keyring.gpg"),
            Self::Ubuntu => include_bytes!("../../image/keyrings/ubuntu-archive-keyring.gpg"),
        }
    }

    /// Whether a suite's name in apt's sources is one of this distribution's: a mirror that has it has the others too.
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
    /// The suite of that codename.
    ///
    /// # Errors
    /// When the table has none.
    pub fn find(name: &str) -> Result<&'static Self, SuiteError> {
        SUITES.iter().find(|suite| suite.name == name).ok_or_else(|| {
            let known: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
            SuiteError { name: name.to_owned(), known: known.join(", ") }
        })
    }

    /// Its full name: `Debian 13 (trixie)`.
    pub fn title(&self) -> String {
        format!("{} {} ({})", self.distribution.as_str(), self.version, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_suite_is_told_the_known_ones() {
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
