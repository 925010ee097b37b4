//! The programs and libraries among the files: they are stripped as the profile says, and what they link is read.

use std::fs;

use super::CargoError;
use super::asset::{Asset, AssetContent};
use super::keys::{DebugSymbols, Keys};
use super::metadata::ProfileSymbols;
use crate::deb::DebugFiles;
use crate::deb::elf::{self, Programs};

impl Asset {
    fn is_library(&self) -> bool {
        self.path.ends_with(".so")
    }

    fn is_executable(&self) -> bool {
        self.mode & 0o111 != 0
    }

    /// Reads a program or a library; `None` for every other file.
    fn program(&self) -> Result<Option<Vec<u8>>, CargoError> {
        let AssetContent::File(file) = &self.source else { return Ok(None) };
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

/// Strips the programs that cargo built, and returns what all programs link, and the debugging data that are to be packed
/// elsewhere.
pub(super) fn prepare(
    assets: &mut [Asset],
    symbols: ProfileSymbols,
    debug_symbols: DebugSymbols,
) -> Result<(Programs, DebugFiles), CargoError> {
    let file_name = |asset: &Asset| asset.path.rsplit('/').next().unwrap_or_default().to_owned();
    let (mut programs, mut debug) = (Programs::default(), DebugFiles::default());
    programs.shipped = assets.iter().map(file_name).collect();
    for asset in assets {
        let Some(bytes) = asset.program()? else { continue };
        let broken = |error: elf::ElfError| {
            let help = "build it again, for the target x86_64-unknown-linux-gnu";
            CargoError::new(format!("the program {}", asset.path), error.to_string(), help)
        };
        let is_ours = programs.add(&asset.path, &bytes).map_err(broken)?;
        if !is_ours {
            let what = "it is not for the architecture amd64, which is the only one that stackdeb packages";
            let help = "build it for the target x86_64-unknown-linux-gnu, or leave it out";
            return Err(CargoError::new(format!("the program {}", asset.path), what, help));
        }
        let place = match debug_symbols {
            _ if !asset.built || matches!(symbols, ProfileSymbols::StrippedByCargo | ProfileSymbols::Refused) => None,
            DebugSymbols::InPrograms => None,
            DebugSymbols::Separate(sections) | DebugSymbols::OwnPackage(sections) => Some(sections),
        };
        let separated = match place {
            Some(sections) => elf::separate(&bytes, &asset.path, sections).map_err(broken)?,
            None => None,
        };
        if let Some(separated) = separated {
            asset.source = AssetContent::Bytes(debug.add(separated));
        } else if asset.built && matches!(symbols, ProfileSymbols::Unwanted | ProfileSymbols::Refused) {
            asset.source = AssetContent::Bytes(elf::strip(&bytes).map_err(broken)?);
        }
    }
    Ok((programs, debug))
}

/// Says why there will be less debugging data than the keys ask for.
pub(super) fn no_debugging_data(keys: &Keys, symbols: ProfileSymbols, profile: &str) -> Option<String> {
    let own_package = match keys.debug_symbols {
        DebugSymbols::InPrograms => return None,
        DebugSymbols::Separate(_) => false,
        DebugSymbols::OwnPackage(_) => true,
    };
    let why = match (symbols, own_package) {
        (ProfileSymbols::Wanted, _) => return None,
        (ProfileSymbols::StrippedByCargo, _) => {
            format!(
                "there are no debug symbols, because cargo strips the programs: remove `strip` from [profile.{profile}]"
            )
        }
        (ProfileSymbols::Refused, _) => {
            format!("there are no debug symbols: write debug = \"line-tables-only\" in [profile.{profile}]")
        }
        (ProfileSymbols::Unwanted, true) => {
            format!("cargo is told to make debug symbols; [profile.{profile}] can say which, with debug = 1")
        }
        (ProfileSymbols::Unwanted, false) => {
            format!("the debug symbols have no line numbers: write debug = \"line-tables-only\" in [profile.{profile}]")
        }
    };
    Some(format!("{}: {why}", keys.place))
}
