//! The programs and libraries among the files: they are stripped as the profile says, and their libraries say what the
//! package depends on.

use std::collections::BTreeSet;
use std::fs;

use super::CargoError;
use super::metadata::Symbols;
use super::resolve::{Asset, Source};
use crate::control::Relations;
use crate::deb::elf::{self, Libraries};

impl Asset {
    fn is_library(&self) -> bool {
        self.path.ends_with(".so")
    }

    fn is_executable(&self) -> bool {
        self.mode & 0o111 != 0
    }

    /// Reads a program or a library; `None` for every other file.
    fn program(&self) -> Result<Option<Vec<u8>>, CargoError> {
        let Source::File(file) = &self.source else { return Ok(None) };
        if !(self.is_library() || self.is_executable()) || self.path.ends_with(".sh") {
            return Ok(None);
        }
        let unreadable = |error| {
            let what = format!("it cannot be read: {error}");
            CargoError::new(file.display().to_string(), what, "build the crate first, without `--no-build`")
        };
        let bytes = fs::read(file).map_err(unreadable)?;
        Ok(bytes.starts_with(b"\x7fELF").then_some(bytes))
    }
}

/// Strips the programs that cargo built, and returns the packages with the libraries that all programs need.
/// `depends` is the place of the key `depends` if it has `$auto`; without it, no library is looked for.
pub(super) fn prepare(assets: &mut [Asset], symbols: Symbols, depends: Option<&str>) -> Result<Relations, CargoError> {
    let file_name = |asset: &Asset| asset.path.rsplit('/').next().unwrap_or_default().to_owned();
    let shipped: BTreeSet<String> = assets.iter().map(file_name).collect();
    let mut libraries = Libraries::default();
    for asset in assets {
        let Some(bytes) = asset.program()? else { continue };
        let broken = |error: elf::ElfError| {
            let help = "build it again, for the target x86_64-unknown-linux-gnu";
            CargoError::new(format!("the program {}", asset.path), error.to_string(), help)
        };
        let is_ours = libraries.add(&bytes).map_err(broken)?;
        if !is_ours {
            let what = "it is not for the architecture amd64, which is the only one that stackdeb packages";
            let help = "build it for the target x86_64-unknown-linux-gnu, or leave it out";
            return Err(CargoError::new(format!("the program {}", asset.path), what, help));
        }
        if asset.built && symbols == Symbols::Unwanted {
            asset.source = Source::Bytes(elf::strip(&bytes).map_err(broken)?);
        }
    }
    let Some(place) = depends else { return Ok(Relations::default()) };
    match libraries.packages(&shipped) {
        (packages, unknown) if unknown.is_empty() => Ok(packages),
        (_, unknown) => {
            let what = format!("stackdeb knows no package with {}, which the programs need", unknown.join(", "));
            Err(CargoError::new(place, what, "write all packages that it needs in place of `$auto`, libc6 among them"))
        }
    }
}
