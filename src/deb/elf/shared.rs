//! The packages with the libraries that any ELF file links, without asking a repository: [`by_table`] knows those of the
//! manylinux standard (PEP 600), which have the same names in every release. And what else is known of such a file.

use std::collections::{BTreeMap, BTreeSet};

use object::elf;
use object::endian::LittleEndian as LE;
use object::read::elf::{FileHeader, SectionHeader};

use super::dependencies::{LIBRARIES, package_version};
use super::linked::Programs;
use super::program::parse;
use super::resolve::Needed;
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

/// Finds what programs need. Whether the packages of a release are new enough is not looked at.
pub fn by_table(programs: &Programs) -> Needed {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut needed = Needed::default();
    for (program, linked) in programs.files() {
        for library in linked.libraries.iter().filter(|library| !programs.shipped.contains(*library)) {
            let of_library = versions.entry(library).or_default();
            let named = linked.versions.iter().filter(|(name, _)| name == library);
            of_library.extend(named.map(|(_, version)| version.as_str()));
            if package(library, of_library).is_none() {
                needed.unknown.entry(library.clone()).or_insert_with(|| program.to_owned());
            }
        }
    }
    let mut lowest: BTreeMap<&str, Option<Version>> = BTreeMap::new();
    for (package, version) in versions.iter().filter_map(|(library, versions)| package(library, versions)) {
        let slot = lowest.entry(package).or_default();
        *slot = slot.take().max(version);
    }
    let relation = |(package, version): (&str, Option<Version>)| {
        let text = version.map_or_else(|| package.to_owned(), |version| format!("{package} (>= {version})"));
        text.parse::<Alternatives>().ok()
    };
    needed.relations = Relations(lowest.into_iter().filter_map(relation).collect());
    needed
}

/// The package with a library, and its lowest version that has these versions of the library.
fn package(library: &str, versions: &BTreeSet<&str>) -> Option<(&'static str, Option<Version>)> {
    let lowest = |prefix: &str| versions.iter().filter_map(|version| package_version(prefix, version)).max();
    if library == CPP.0 {
        return Some((CPP.1, versions.iter().filter_map(|version| cpp_release(version)).max()));
    }
    if let Some((_, package, prefix)) = LIBRARIES.iter().find(|(name, _, _)| *name == library) {
        return Some((package, lowest(prefix)));
    }
    let (_, package) = OTHERS.iter().find(|(name, _)| *name == library)?;
    Some((package, lowest("GLIBC_").filter(|_| *package == "libc6")))
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
