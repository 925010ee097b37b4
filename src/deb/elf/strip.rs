//! Removes what only a debugger reads from a program (elf(5)).

use object::elf::{self, SectionHeader64};
use object::endian::{LittleEndian as LE, U32, U64};
use object::pod::bytes_of;
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};

use super::error::ElfError;
use super::program::{damaged, parse};

/// A program or a shared library without symbol tables, debugging data, `.comment` and every other section that is not loaded into
/// memory: what `strip --remove-section=.comment --remove-section=.note` makes of it. The notes that are loaded
/// (build ID, ABI tag, GNU properties) remain.
///
/// Only the table of sections is new. What is loaded keeps its place and its bytes, so the program behaves the same. The
/// same input gives the same bytes, and a stripped program stays as it is.
///
/// # Errors
/// When it is not a linked file for amd64.
pub fn strip(bytes: &[u8]) -> Result<Vec<u8>, ElfError> {
    strip_and_link(bytes, None)
}

/// The same with a section `.gnu_debuglink`, which names the file with what was removed.
pub(super) fn strip_and_link(bytes: &[u8], debug_link: Option<&[u8]>) -> Result<Vec<u8>, ElfError> {
    let (header, sections) = parse(bytes)?;
    if !matches!(header.e_type(LE), elf::ET_EXEC | elf::ET_DYN) {
        return Err(ElfError::NotAProgram);
    }
    let names = sections.enumerate().map(|(_, section)| sections.section_name(LE, section));
    let names: Vec<&[u8]> = names.collect::<Result<_, _>>().map_err(damaged)?;
    let kept = |section: &SectionHeader64<LE>| section.sh_flags(LE).contains(elf::SHF_ALLOC);

    // New numbers for the sections. Number 0 is the empty section and stays; it also stands for a section that is removed.
    let mut numbers = vec![0_u32; sections.len()];
    let mut count = 1_u32;
    for ((_, section), number) in sections.enumerate().zip(&mut numbers) {
        if kept(section) {
            *number = count;
            count = count.saturating_add(1);
        }
    }
    let renumbered = |old: u32| numbers.get(old as usize).copied().unwrap_or(0);

    let mut table = vec![empty_section()];
    let mut strings = vec![0_u8];
    let segments = header.program_headers(LE, bytes).map_err(damaged)?;
    let mut end = header.e_phoff(LE).saturating_add(size_of_val(segments) as u64);
    for segment in segments {
        let (offset, size) = segment.file_range(LE);
        end = end.max(offset.saturating_add(size));
    }
    for (section, name) in sections.iter().zip(&names).filter(|(section, _)| kept(section)) {
        let mut new = *section;
        new.sh_name.set(LE, add_string(&mut strings, name));
        new.sh_link.set(LE, renumbered(section.sh_link(LE)));
        if section.sh_flags(LE).contains(elf::SHF_INFO_LINK) {
            new.sh_info.set(LE, renumbered(section.sh_info(LE)));
        }
        if let Some((offset, size)) = section.file_range(LE) {
            end = end.max(offset.saturating_add(size));
        }
        table.push(new);
    }
    let loaded = usize::try_from(end).ok().and_then(|end| bytes.get(..end));
    let mut out = loaded.ok_or_else(|| ElfError::Damaged("it ends before its last segment".into()))?.to_vec();

    if let Some(debug_link) = debug_link {
        out.resize(out.len().next_multiple_of(4), 0);
        let mut new = empty_section();
        new.sh_name.set(LE, add_string(&mut strings, b".gnu_debuglink"));
        new.sh_type.set(LE, elf::SHT_PROGBITS);
        new.sh_offset.set(LE, out.len() as u64);
        new.sh_size.set(LE, debug_link.len() as u64);
        new.sh_addralign.set(LE, 4);
        table.push(new);
        out.extend_from_slice(debug_link);
    }
    let mut last = empty_section();
    last.sh_name.set(LE, add_string(&mut strings, b".shstrtab"));
    last.sh_type.set(LE, elf::SHT_STRTAB);
    last.sh_offset.set(LE, out.len() as u64);
    last.sh_size.set(LE, strings.len() as u64);
    last.sh_addralign.set(LE, 1);
    table.push(last);
    out.extend_from_slice(&strings);
    out.resize(out.len().next_multiple_of(8), 0);

    let mut new_header = *header;
    new_header.e_shoff.set(LE, out.len() as u64);
    let too_many = || ElfError::Damaged("it has too many sections for a program".into());
    let total = u16::try_from(table.len()).ok().filter(|&total| total < elf::SHN_LORESERVE).ok_or_else(too_many)?;
    new_header.e_shnum.set(LE, total);
    new_header.e_shstrndx.set(LE, elf::SymbolSection(total.saturating_sub(1)));
    for section in &table {
        out.extend_from_slice(bytes_of(section));
    }
    let new_header = bytes_of(&new_header);
    if let Some(place) = out.get_mut(..new_header.len()) {
        place.copy_from_slice(new_header);
    }
    Ok(out)
}

/// Adds a text to a string table. Returns its position there, in bytes.
fn add_string(table: &mut Vec<u8>, text: &[u8]) -> u32 {
    let at = table.len() as u32;
    table.extend_from_slice(text);
    table.push(0);
    at
}

fn empty_section() -> SectionHeader64<LE> {
    SectionHeader64 {
        sh_name: U32::new(LE, 0),
        sh_type: U32::new(LE, elf::SHT_NULL),
        sh_flags: U64::new(LE, elf::SectionFlags(0)),
        sh_addr: U64::new(LE, 0),
        sh_offset: U64::new(LE, 0),
        sh_size: U64::new(LE, 0),
        sh_link: U32::new(LE, 0),
        sh_info: U32::new(LE, 0),
        sh_addralign: U64::new(LE, 0),
        sh_entsize: U64::new(LE, 0),
    }
}
