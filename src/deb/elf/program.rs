//! Reads an ELF file, and refuses it if it is not a program for amd64.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use object::elf::{self, FileHeader64};
use object::endian::LittleEndian as LE;
use object::read::elf::{Dynamic, FileHeader, ProgramHeader, SectionTable};

use super::error::ElfError;

/// The sections of a program.
pub(super) type Sections<'data> = SectionTable<'data, FileHeader64<LE>>;

/// Whether a file begins as an ELF file does; false when it cannot be read.
pub fn is_elf(file: &Path) -> bool {
    let mut start = [0; elf::ELFMAG.len()];
    File::open(file).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == elf::ELFMAG
}

/// Reads the header and the table of sections of a program for amd64.
pub(super) fn open(bytes: &[u8]) -> Result<(&FileHeader64<LE>, Sections<'_>), ElfError> {
    let (header, sections) = parse(bytes)?;
    match header.e_type(LE) {
        elf::ET_EXEC => Ok((header, sections)),
        elf::ET_DYN if is_position_independent_program(header, &sections, bytes)? => Ok((header, sections)),
        _ => Err(ElfError::NotAProgram),
    }
}

/// The same for any ELF file of that machine, such as a shared library.
pub(super) fn parse(bytes: &[u8]) -> Result<(&FileHeader64<LE>, Sections<'_>), ElfError> {
    if !bytes.starts_with(&elf::ELFMAG) {
        return Err(ElfError::Damaged("it does not begin like one".into()));
    }
    match (bytes.get(4), bytes.get(5)) {
        (Some(2), Some(1)) => {}
        (Some(1), _) => return Err(ElfError::Foreign("it is a 32-bit one")),
        (_, Some(2)) => return Err(ElfError::Foreign("it is a big-endian one")),
        _ => return Err(ElfError::Damaged("its class is unknown".into())),
    }
    let header = FileHeader64::<LE>::parse(bytes).map_err(damaged)?;
    if header.e_machine(LE) != elf::EM_X86_64 {
        return Err(ElfError::Foreign("its machine is not x86-64"));
    }
    let sections = header.sections(LE, bytes).map_err(damaged)?;
    if sections.is_empty() {
        return Err(ElfError::Damaged("it has no table of sections".into()));
    }
    Ok((header, sections))
}

/// Whether it is a position-independent program. A shared library has the same type, but neither a loader
/// nor the linker's mark `DF_1_PIE`.
fn is_position_independent_program(
    header: &FileHeader64<LE>,
    sections: &Sections,
    bytes: &[u8],
) -> Result<bool, ElfError> {
    let segments = header.program_headers(LE, bytes).map_err(damaged)?;
    let dynamic = sections.dynamic_table(LE, bytes).map_err(damaged)?;
    let marked = |entry: Dynamic| entry.tag == elf::DT_FLAGS_1 && entry.val & elf::DF_1_PIE.0 != 0;
    Ok(segments.iter().any(|segment| segment.p_type(LE) == elf::PT_INTERP) || dynamic.iter().any(marked))
}

/// A name in the file, for messages.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The parser's error for a damaged file.
pub(super) fn damaged(error: object::Error) -> ElfError {
    ElfError::Damaged(error.to_string())
}
