//! `--multiarch`: whether a crate's package may be installed for several architectures at once, or serves packages of others
//! (deb-control(5), `Multi-Arch`). The choice and the files of the assets → the paths of libraries, the field, and what does not go
//! together.

use super::CargoError;
use super::asset::{Asset, AssetContent};
use crate::deb::debug_package::MULTI_ARCH;
use crate::deb::elf::Programs;

/// The folders of libraries, without and with the name of the architecture.
const LIBRARIES: &str = "/usr/lib/";
const OF_AMD64: &str = "/usr/lib/x86_64-linux-gnu/";

/// What programs look for in /usr/lib itself, whatever the architecture is. cargo-deb moves it where nobody finds it.
const FOR_ALL: [&str; 15] = [
    "binfmt.d",
    "debug",
    "environment.d",
    "firewalld",
    "firmware",
    "kernel",
    "modprobe.d",
    "modules",
    "modules-load.d",
    "python3",
    "sysctl.d",
    "systemd",
    "sysusers.d",
    "tmpfiles.d",
    "udev",
];

/// The value of `--multiarch`, as cargo-deb takes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Multiarch {
    /// The package is for programs of its own architecture.
    #[default]
    None,
    /// The packages of several architectures can be installed at the same time.
    Same,
    /// The package serves those of all architectures.
    Foreign,
}

impl Multiarch {
    /// The field of the control data.
    pub(super) fn field(self) -> Option<(String, String)> {
        let value = match self {
            Self::None => return None,
            Self::Same => "same",
            Self::Foreign => "foreign",
        };
        Some((MULTI_ARCH.to_owned(), value.to_owned()))
    }

    /// Where a file of the assets is installed.
    pub(super) fn path(self, path: &str) -> String {
        match path.strip_prefix(LIBRARIES) {
            Some(rest) if self != Self::None && !path.starts_with(OF_AMD64) && !is_for_all(rest) => {
                format!("{OF_AMD64}{rest}")
            }
            _ => path.to_owned(),
        }
    }

    /// Checks files against the promise that the field makes. `programs` are those in machine code, called by their paths. Returns
    /// what its user should look at.
    ///
    /// # Errors
    /// When `same` is promised, and the package of another architecture would have another program at the same path.
    pub(super) fn check(
        self,
        assets: &[Asset],
        programs: &Programs,
        place: &str,
    ) -> Result<Option<String>, CargoError> {
        let is_library = |asset: &&Asset| {
            let name = asset.path.strip_prefix(OF_AMD64).filter(|name| !name.contains('/'));
            !matches!(asset.source, AssetContent::Link(_)) && name.is_some_and(|name| name.contains(".so"))
        };
        match self {
            Self::None => Ok(None),
            Self::Same => match programs.files().map(|(path, _)| path).find(|path| !path.starts_with(OF_AMD64)) {
                None => Ok(None),
                Some(path) => {
                    let what = format!(
                        "the package promises to be installed beside that of another architecture, which would have other bytes at {path}"
                    );
                    let help = "name only libraries in `assets`, or in a variant for this option; or leave the option out";
                    Err(CargoError::new(format!("--multiarch same, {place}"), what, help))
                }
            },
            Self::Foreign => Ok(assets.iter().find(is_library).map(|asset| {
                format!(
                    "--multiarch foreign says that programs of every architecture may use this package, and none of another one can link {}",
                    asset.path
                )
            })),
        }
    }
}

fn is_for_all(rest: &str) -> bool {
    rest.split_once('/').is_some_and(|(folder, _)| FOR_ALL.contains(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_move_and_what_is_for_all_architectures_stays() {
        let same = |path| Multiarch::Same.path(path);
        assert_eq!(same("/usr/lib/libshop.so"), "/usr/lib/x86_64-linux-gnu/libshop.so");
        assert_eq!(same("/usr/lib/shop/plug.so"), "/usr/lib/x86_64-linux-gnu/shop/plug.so");
        for path in
            ["/usr/lib/x86_64-linux-gnu/libshop.so", "/usr/lib/systemd/system/shop.service", "/usr/libexec/shop"]
        {
            assert_eq!(same(path), path);
        }
        assert_eq!(Multiarch::None.path("/usr/lib/libshop.so"), "/usr/lib/libshop.so");
    }
}
