//! Finds the packages with the libraries of any ELF file, a shared library as well: the compiled parts of a Python wheel, for
//! example. Such a file may need libraries that are shipped beside it, and those of the manylinux standard (PEP 600).

use std::collections::{BTreeMap, BTreeSet};

use object::elf;
use object::endian::LittleEndian as LE;
use object::read::elf::{FileHeader, SectionHeader};

use super::dependencies::{LIBRARIES, needed_versions, package_version};
use super::error::ElfError;
use super::program::{damaged, parse, text};
use crate::control::{Alternatives, Relations, Version};

/// The libraries of the manylinux standard that are not in [`LIBRARIES`], with their packages. The alternatives are the names
/// before and after Debian 13's change to 64-bit times.
const OTHERS: [(&str, &str); 15] = [
    ("libresolv.so.2", "libc6"),
    ("libanl.so.1", "libc6"),
    ("libnsl.so.1", "libc6"),
    ("libcrypt.so.1", "libcrypt1"),
    ("libz.so.1", "zlib1g"),
    ("libexpat.so.1", "libexpat1"),
    ("libX11.so.6", "libx11-6"),
    ("libXext.so.6", "libxext6"),
    ("libXrender.so.1", "libxrender1"),
    ("libICE.so.6", "libice6"),
    ("libSM.so.6", "libsm6"),
    ("libGL.so.1", "libgl1"),
    ("libglib-2.0.so.0", "libglib2.0-0t64 | libglib2.0-0"),
    ("libgobject-2.0.so.0", "libglib2.0-0t64 | libglib2.0-0"),
    ("libgthread-2.0.so.0", "libglib2.0-0t64 | libglib2.0-0"),
];

/// The C++ library, whose symbol versions are numbered in two ways.
const CPP: (&str, &str) = ("libstdc++.so.6", "libstdc++6");
/// For each of its symbol versions, the release of GCC that it came with (GCC's manual of libstdc++, "ABI Policy and
/// Guidelines"). The newest first; older ones are in every release of Debian.
const CPP_RELEASES: [(&str, u32, &str); 14] = [
    ("GLIBCXX_3.4.", 34, "15"),
    ("GLIBCXX_3.4.", 33, "14"),
    ("GLIBCXX_3.4.", 31, "13"),
    ("GLIBCXX_3.4.", 30, "12"),
    ("GLIBCXX_3.4.", 29, "11"),
    ("GLIBCXX_3.4.", 26, "9"),
    ("GLIBCXX_3.4.", 25, "8"),
    ("GLIBCXX_3.4.", 23, "7"),
    ("CXXABI_1.3.", 16, "15"),
    ("CXXABI_1.3.", 15, "14"),
    ("CXXABI_1.3.", 14, "13"),
    ("CXXABI_1.3.", 13, "11"),
    ("CXXABI_1.3.", 12, "9"),
    ("CXXABI_1.3.", 11, "7"),
];

/// The libraries that some files need, with their symbol versions.
#[derive(Debug, Clone, Default)]
pub struct Libraries {
    /// Each library with the symbol versions that are needed of it.
    needed: BTreeMap<String, BTreeSet<String>>,
}

impl Libraries {
    /// Adds what a file needs. Returns whether it is an ELF file for amd64 that the loader reads; another file adds nothing.
    ///
    /// # Errors
    /// When it begins like such a file and is damaged.
    pub fn add(&mut self, bytes: &[u8]) -> Result<bool, ElfError> {
        let (header, sections) = match parse(bytes) {
            Ok(open) => open,
            Err(ElfError::Foreign(_)) => return Ok(false),
            Err(_) if !bytes.starts_with(&elf::ELFMAG) => return Ok(false),
            Err(error) => return Err(error),
        };
        if !matches!(header.e_type(LE), elf::ET_DYN | elf::ET_EXEC) {
            return Ok(false);
        }
        let dynamic = sections.dynamic_table(LE, bytes).map_err(damaged)?;
        for entry in dynamic.iter().filter(|entry| entry.tag == elf::DT_NEEDED) {
            self.needed.entry(text(dynamic.string(entry).map_err(damaged)?)).or_default();
        }
        for (library, version) in needed_versions(&sections, bytes)? {
            self.needed.entry(library).or_default().insert(version);
        }
        Ok(true)
    }

    /// The packages with these libraries, in the order of their names, and the libraries of which no package is known.
    /// `shipped` are the names of the files that are shipped as well.
    pub fn packages(&self, shipped: &BTreeSet<String>) -> (Relations, Vec<String>) {
        let (mut lowest, mut unknown) = (BTreeMap::<&str, Option<Version>>::new(), Vec::new());
        for (library, versions) in self.needed.iter().filter(|(library, _)| !shipped.contains(*library)) {
            let (package, found): (&str, Option<Version>) = if library == CPP.0 {
                (CPP.1, versions.iter().filter_map(|version| cpp_release(version)).max())
            } else if let Some((_, package, prefix)) = LIBRARIES.iter().find(|(name, _, _)| name == library) {
                (package, versions.iter().filter_map(|version| package_version(prefix, version)).max())
            } else if let Some((_, package)) = OTHERS.iter().find(|(name, _)| name == library) {
                let glibc = versions.iter().filter_map(|version| package_version("GLIBC_", version)).max();
                (package, glibc.filter(|_| *package == "libc6"))
            } else {
                unknown.push(library.clone());
                continue;
            };
            let slot = lowest.entry(package).or_default();
            *slot = slot.take().max(found);
        }
        let relation = |(package, version): (&str, Option<Version>)| {
            let text = version.map_or_else(|| package.to_owned(), |version| format!("{package} (>= {version})"));
            text.parse::<Alternatives>().ok()
        };
        (Relations(lowest.into_iter().filter_map(relation).collect()), unknown)
    }
}

/// Whether a file has the table of symbols that only a debugger reads; false for what is not an ELF file for amd64.
pub fn has_symbols(bytes: &[u8]) -> bool {
    parse(bytes).is_ok_and(|(_, sections)| sections.iter().any(|section| section.sh_type(LE) == elf::SHT_SYMTAB))
}

/// Whether a file is a program that uses no shared library, as Go makes them; false for what is not an ELF file for amd64.
pub fn is_static(bytes: &[u8]) -> bool {
    let Ok((header, sections)) = parse(bytes) else { return false };
    let is_program = matches!(header.e_type(LE), elf::ET_DYN | elf::ET_EXEC);
    is_program
        && sections.dynamic_table(LE, bytes).is_ok_and(|table| !table.iter().any(|one| one.tag == elf::DT_NEEDED))
}

fn cpp_release(symbol_version: &str) -> Option<Version> {
    CPP_RELEASES.iter().find_map(|(prefix, least, release)| {
        let number: u32 = symbol_version.strip_prefix(prefix)?.parse().ok()?;
        if number >= *least { release.parse().ok() } else { None }
    })
}
