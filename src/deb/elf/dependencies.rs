//! Finds the packages with a program's libraries. Their lowest versions follow from the symbol versions that the program
//! needs (System V ABI; "Symbol Versioning" in the LSB).

use object::elf::{self, FileHeader64};
use object::endian::LittleEndian as LE;
use object::read::elf::{FileHeader, ProgramHeader};

use super::error::ElfError;
use super::program::{Sections, damaged, open, text};
use crate::control::{Alternatives, Comparison, Relation, Relations, Version};

/// The loader of glibc on x86-64 (System V ABI, AMD64 supplement).
const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

/// Each library with its package and the beginning of the names of its symbol versions.
///
/// They are `libc6` and `libgcc-s1` in every release of Debian since 11 and of Ubuntu since 20.04.
pub(super) const LIBRARIES: [(&str, &str, &str); 8] = [
    ("libc.so.6", "libc6", "GLIBC_"),
    ("libm.so.6", "libc6", "GLIBC_"),
    ("libpthread.so.0", "libc6", "GLIBC_"),
    ("libdl.so.2", "libc6", "GLIBC_"),
    ("librt.so.1", "libc6", "GLIBC_"),
    ("libutil.so.1", "libc6", "GLIBC_"),
    ("ld-linux-x86-64.so.2", "libc6", "GLIBC_"),
    ("libgcc_s.so.1", "libgcc-s1", "GCC_"),
];

/// Symbol versions that name a property of the library instead of a release, with the first release that has the
/// property (glibc's Versions.def and NEWS).
const PROPERTIES: [(&str, &str); 4] = [
    ("GLIBC_ABI_DT_RELR", "2.36"),
    ("GLIBC_ABI_GNU_TLS", "2.42"),
    ("GLIBC_ABI_GNU2_TLS", "2.42"),
    ("GLIBC_ABI_DT_X86_64_PLT", "2.42"),
];

/// The packages that a program needs, in the order of their names. Each has the lowest version that has every symbol
/// version that the program needs, as dpkg-shlibdeps(1) would say.
///
/// # Errors
/// When it is not a program for amd64 and glibc, or needs a library of which no package is known.
pub fn dependencies(bytes: &[u8]) -> Result<Relations, ElfError> {
    let (header, sections) = open(bytes)?;
    check_loader(header, bytes)?;
    let dynamic = sections.dynamic_table(LE, bytes).map_err(damaged)?;
    let mut relations: Vec<Relation> = Vec::new();
    for entry in dynamic.iter().filter(|entry| entry.tag == elf::DT_NEEDED) {
        let library = text(dynamic.string(entry).map_err(damaged)?);
        let (_, package, _) = find_library(&library)?;
        if !relations.iter().any(|relation| relation.name.as_str() == package) {
            let name = package.parse().map_err(|_| ElfError::UnknownLibrary(library))?;
            relations.push(Relation::any_version(name));
        }
    }
    for (library, symbol_version) in needed_versions(&sections, bytes)? {
        let (_, package, prefix) = find_library(&library)?;
        let Some(version) = package_version(prefix, &symbol_version) else {
            return Err(ElfError::UnknownVersion { library, version: symbol_version });
        };
        let Some(relation) = relations.iter_mut().find(|relation| relation.name.as_str() == package) else { continue };
        if relation.version.as_ref().is_none_or(|(_, lowest)| *lowest < version) {
            relation.version = Some((Comparison::LaterOrEqual, version));
        }
    }
    if relations.is_empty() {
        return Err(ElfError::Static);
    }
    relations.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Relations(relations.into_iter().map(|relation| Alternatives(vec![relation])).collect()))
}

/// Fails unless the program is started by glibc's loader.
fn check_loader(header: &FileHeader64<LE>, bytes: &[u8]) -> Result<(), ElfError> {
    for segment in header.program_headers(LE, bytes).map_err(damaged)? {
        match segment.interpreter(LE, bytes).map_err(damaged)? {
            Some(loader) if loader == LOADER.as_bytes() => return Ok(()),
            Some(loader) => return Err(ElfError::ForeignLoader(text(loader))),
            None => {}
        }
    }
    Err(ElfError::Static)
}

/// The symbol versions that the loader checks at the start, each after the library that must define it.
fn needed_versions(sections: &Sections, bytes: &[u8]) -> Result<Vec<(String, String)>, ElfError> {
    let mut versions = Vec::new();
    let Some((mut libraries, link)) = sections.gnu_verneed(LE, bytes).map_err(damaged)? else { return Ok(versions) };
    let strings = sections.strings(LE, bytes, link).map_err(damaged)?;
    while let Some((library, mut names)) = libraries.next().map_err(damaged)? {
        let library = text(library.file(LE, strings).map_err(damaged)?);
        while let Some(name) = names.next().map_err(damaged)? {
            versions.push((library.clone(), text(name.name(LE, strings).map_err(damaged)?)));
        }
    }
    Ok(versions)
}

fn find_library(library: &str) -> Result<(&'static str, &'static str, &'static str), ElfError> {
    let found = LIBRARIES.into_iter().find(|(name, _, _)| *name == library);
    found.ok_or_else(|| ElfError::UnknownLibrary(library.to_owned()))
}

/// The package version for a symbol version: `GLIBC_2.34` is in libc6 2.34, `GCC_4.2.0` in libgcc-s1 4.2, `GCC_7.0.0`
/// in 7. Only the first numbers name a release of GCC: two of them before GCC 5, one since then.
pub(super) fn package_version(prefix: &str, symbol_version: &str) -> Option<Version> {
    if let Some((_, version)) = PROPERTIES.iter().find(|(name, _)| *name == symbol_version) {
        return version.parse().ok();
    }
    let number = symbol_version.strip_prefix(prefix)?;
    if !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let dropped = match number.split_once('.') {
        Some((major, _)) if prefix == "GCC_" && major.parse::<u32>().is_ok_and(|major| major >= 5) => ".0.0",
        Some((_, rest)) if prefix == "GCC_" && rest.contains('.') => ".0",
        _ => "",
    };
    let number = number.strip_suffix(dropped).unwrap_or(number);
    number.parse().ok()
}
