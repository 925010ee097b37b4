//! What an ELF file links: a file → its libraries, the versions of them that the loader checks, and the symbols that they
//! must have. [`Programs`] keeps this for all files of a package.

use std::collections::BTreeSet;

use object::elf;
use object::endian::LittleEndian as LE;
use object::read::SymbolIndex;
use object::read::elf::{FileHeader, Rela, SectionHeader, Sym};

use super::error::ElfError;
use super::program::{Sections, damaged, parse, text};

/// The version of a symbol that has none, as in symbols files (deb-symbols(5)).
const NO_VERSION: &str = "Base";

/// What the loader (ld.so(8)) looks for when it starts one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Linked {
    /// The names of its libraries (`DT_NEEDED`), in the order in which the loader searches them.
    pub libraries: Vec<String>,
    /// Each library with a version that it must define, or the loader refuses the file.
    pub versions: BTreeSet<(String, String)>,
    /// What the libraries must have.
    pub symbols: Vec<Symbol>,
}

/// A symbol that a library must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// With its version, as in symbols files: `memcpy@GLIBC_2.14`, `PQexec@Base`.
    pub name: String,
    /// The library that must define the version; `None` for a symbol without one.
    pub library: Option<String>,
    /// Whether the file also runs without the symbol.
    pub is_weak: bool,
}

/// The ELF files of a package.
#[derive(Debug, Clone, Default)]
pub struct Programs {
    /// Each with its name for messages.
    files: Vec<(String, Linked)>,
    /// The names of all files of the package, without their folders. A library among them needs no other package.
    pub shipped: BTreeSet<String>,
}

impl Programs {
    /// Adds a file that is called `name` in messages. Returns whether it is an ELF file for amd64 that the loader reads;
    /// another file adds nothing.
    ///
    /// # Errors
    /// When it begins like such a file and is damaged.
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> Result<bool, ElfError> {
        let linked = Linked::of(bytes)?;
        let is_ours = linked.is_some();
        self.files.extend(linked.map(|linked| (name.to_owned(), linked)));
        Ok(is_ours)
    }

    /// All files, each with its name for messages.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Linked)> {
        self.files.iter().map(|(name, linked)| (name.as_str(), linked))
    }

    /// The libraries that other packages must have, in the order of their names.
    pub fn libraries(&self) -> BTreeSet<&str> {
        let all = self.files.iter().flat_map(|(_, linked)| &linked.libraries);
        all.filter(|library| !self.shipped.contains(*library)).map(String::as_str).collect()
    }
}

impl Linked {
    /// Reads a file. `None` for one that is not an ELF file for amd64 that the loader reads.
    fn of(bytes: &[u8]) -> Result<Option<Self>, ElfError> {
        let (header, sections) = match parse(bytes) {
            Ok(open) => open,
            Err(ElfError::Foreign(_)) => return Ok(None),
            Err(_) if !bytes.starts_with(&elf::ELFMAG) => return Ok(None),
            Err(error) => return Err(error),
        };
        if !matches!(header.e_type(LE), elf::ET_DYN | elf::ET_EXEC) {
            return Ok(None);
        }
        let dynamic = sections.dynamic_table(LE, bytes).map_err(damaged)?;
        let mut libraries: Vec<String> = Vec::new();
        for entry in dynamic.iter().filter(|entry| entry.tag == elf::DT_NEEDED) {
            let library = text(dynamic.string(entry).map_err(damaged)?);
            if !libraries.contains(&library) {
                libraries.push(library);
            }
        }
        let versions = checked_versions(&sections, bytes)?;
        Ok(Some(Self { libraries, versions, symbols: symbols(&sections, bytes)? }))
    }
}

/// The versions without which the loader refuses the file, each after its library.
fn checked_versions(sections: &Sections, bytes: &[u8]) -> Result<BTreeSet<(String, String)>, ElfError> {
    let mut versions = BTreeSet::new();
    let Some((mut libraries, link)) = sections.gnu_verneed(LE, bytes).map_err(damaged)? else { return Ok(versions) };
    let strings = sections.strings(LE, bytes, link).map_err(damaged)?;
    while let Some((library, mut names)) = libraries.next().map_err(damaged)? {
        let library = text(library.file(LE, strings).map_err(damaged)?);
        while let Some(name) = names.next().map_err(damaged)? {
            if !name.vna_flags.get(LE).contains(elf::VER_FLG_WEAK) {
                versions.insert((library.clone(), text(name.name(LE, strings).map_err(damaged)?)));
            }
        }
    }
    Ok(versions)
}

/// The symbols of the dynamic table that are not defined in the file, and those that the loader copies into it at the start.
fn symbols(sections: &Sections, bytes: &[u8]) -> Result<Vec<Symbol>, ElfError> {
    let table = sections.symbols(LE, bytes, elf::SHT_DYNSYM).map_err(damaged)?;
    let versions = sections.versions(LE, bytes).map_err(damaged)?;
    let mut copied: BTreeSet<usize> = BTreeSet::new();
    for section in sections.iter() {
        let Some((relocations, symbols)) = section.rela(LE, bytes).map_err(damaged)? else { continue };
        if symbols != table.section() {
            continue;
        }
        let copies = relocations.iter().filter(|one| one.r_type(LE, false) == elf::R_X86_64_COPY);
        copied.extend(copies.filter_map(|one| one.symbol(LE, false)).map(|index| index.0));
    }
    let mut found = Vec::new();
    for (SymbolIndex(index), symbol) in table.enumerate() {
        if !symbol.is_undefined(LE) && !copied.contains(&index) {
            continue;
        }
        let name = text(table.symbol_name(LE, symbol).map_err(damaged)?);
        if name.is_empty() {
            continue;
        }
        let version = versions.as_ref().and_then(|table| {
            let index = table.version_index(LE, SymbolIndex(index)).index();
            table.version(index).ok().flatten()
        });
        let of_version = version.map_or_else(|| NO_VERSION.to_owned(), |version| text(version.name()));
        found.push(Symbol {
            name: format!("{name}@{of_version}"),
            library: version.and_then(object::read::elf::Version::file).map(text),
            is_weak: symbol.st_bind() == elf::STB_WEAK,
        });
    }
    Ok(found)
}
