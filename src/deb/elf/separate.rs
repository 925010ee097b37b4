//! Takes what only a debugger reads out of a program, and keeps it: a program → the stripped program, and the file that gdb
//! finds by the program's build ID, as `objcopy --only-keep-debug` makes it.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use object::elf::{self, FileHeader64, ProgramHeader64, SectionHeader64};
use object::endian::LittleEndian as LE;
use object::pod::bytes_of;
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};

use super::error::ElfError;
use super::program::{Sections, damaged, parse};
use super::strip::strip_and_link;

/// The folder in which gdb looks for such files.
const FOLDER: &str = "/usr/lib/debug";

/// How many bytes may be left empty before a section.
const LARGEST_GAP: usize = 4096;

/// How the sections of debugging data are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DebugSections {
    AsTheyAre,
    /// With zlib, as debhelper writes them: about a third of the size. Debuggers and the backtraces of Rust read them.
    Compressed,
}

/// A program and its debugging data.
#[derive(Debug, Clone)]
pub struct Separated {
    /// The program without its debugging data, and with a `.gnu_debuglink` to them.
    pub program: Vec<u8>,
    /// The content of the file with them.
    pub debug: Vec<u8>,
    /// Where that file is installed.
    pub debug_path: String,
    /// The number that the linker gave the program, in hexadecimal digits; `None` if it gave none.
    pub build_id: Option<String>,
}

/// Whether a file holds debugging data that can be taken out of it: it has such sections, and nothing stands behind the end of the
/// ELF file. Some runtimes keep a program's code there, and it would be lost.
pub fn has_debugging_data(bytes: &[u8]) -> bool {
    let Ok((header, sections)) = parse(bytes) else { return false };
    let has_data = sections.iter().any(|section| {
        let name = sections.section_name(LE, section).unwrap_or_default();
        name == b".debug_info" || name == b".zdebug_info"
    });
    has_data && end(header, &sections, bytes).is_some_and(|end| end >= bytes.len() as u64)
}

/// Where the last part that the ELF file's tables name ends, in bytes.
fn end(header: &FileHeader64<LE>, sections: &Sections, bytes: &[u8]) -> Option<u64> {
    let table = header
        .e_shoff(LE)
        .checked_add(u64::try_from(size_of::<SectionHeader64<LE>>()).ok()?.checked_mul(sections.len() as u64)?)?;
    let segments = header.program_headers(LE, bytes).ok()?.iter().map(|segment| segment.file_range(LE));
    let of_sections = sections.iter().filter_map(|section| section.file_range(LE));
    segments.chain(of_sections).map(|(offset, size)| offset.saturating_add(size)).chain([table]).max()
}

/// Takes the debugging data and the symbols out of the program that is installed at `installed`, an absolute path. `None`
/// when it has neither. The same input gives the same bytes.
///
/// # Errors
/// When it is not a linked file for amd64.
pub fn separate(bytes: &[u8], installed: &str, form: DebugSections) -> Result<Option<Separated>, ElfError> {
    let (_, sections) = parse(bytes)?;
    let is_for_debuggers = |section: &SectionHeader64<LE>| {
        let name = sections.section_name(LE, section).unwrap_or_default();
        section.sh_type(LE) == elf::SHT_SYMTAB || name.starts_with(b".debug_") || name.starts_with(b".zdebug_")
    };
    if !sections.iter().any(is_for_debuggers) {
        return Ok(None);
    }
    let build_id = build_id(&sections, bytes)?;
    let debug_path = match build_id.as_deref().and_then(|id| id.split_at_checked(2)) {
        Some((start, rest)) if !rest.is_empty() => format!("{FOLDER}/.build-id/{start}/{rest}.debug"),
        _ => format!("{FOLDER}{installed}.debug"),
    };
    let debug = only_debug(bytes, form)?;
    // The name, at least one NUL up to a multiple of four bytes, and the file's CRC-32 (gdb's manual, "Separate Debug Files").
    let mut link = debug_path.rsplit('/').next().unwrap_or_default().as_bytes().to_vec();
    link.push(0);
    link.resize(link.len().next_multiple_of(4), 0);
    link.extend_from_slice(&crc32fast::hash(&debug).to_le_bytes());
    let program = strip_and_link(bytes, Some(&link))?;
    Ok(Some(Separated { program, debug, debug_path, build_id }))
}

fn build_id(sections: &Sections, bytes: &[u8]) -> Result<Option<String>, ElfError> {
    for section in sections.iter() {
        let Some(mut notes) = section.notes(LE, bytes).map_err(damaged)? else { continue };
        while let Some(note) = notes.next().map_err(damaged)? {
            if note.name() == elf::ELF_NOTE_GNU && note.n_type(LE) == elf::NT_GNU_BUILD_ID {
                return Ok(Some(note.desc().iter().map(|byte| format!("{byte:02x}")).collect()));
            }
        }
    }
    Ok(None)
}

/// The same file without the content of what is loaded into memory. All sections keep their numbers and addresses, to which the
/// debugging data refer. Notes stay: a debugger compares the build ID.
fn only_debug(bytes: &[u8], form: DebugSections) -> Result<Vec<u8>, ElfError> {
    let (header, sections) = parse(bytes)?;
    let segments = header.program_headers(LE, bytes).map_err(damaged)?;
    let mut new_header = *header;
    let mut out = vec![0; size_of_val(header).saturating_add(size_of_val(segments))];
    // The largest length that a valid file can have, and what alignment may add.
    let longest = bytes.len().saturating_mul(2).saturating_add(LARGEST_GAP);
    let mut table = Vec::with_capacity(sections.len());
    for section in sections.iter() {
        let mut new = *section;
        let kind = section.sh_type(LE);
        let is_loaded = section.sh_flags(LE).contains(elf::SHF_ALLOC) && kind != elf::SHT_NOTE;
        if is_loaded && kind != elf::SHT_NULL {
            new.sh_type.set(LE, elf::SHT_NOBITS);
        }
        if kind != elf::SHT_NULL {
            let name = sections.section_name(LE, section).map_err(damaged)?;
            let mut content = match is_loaded {
                true => Vec::new(),
                false => section.data(LE, bytes).map_err(damaged)?.to_vec(),
            };
            if form == DebugSections::Compressed && name.starts_with(b".debug_") {
                compress(&mut new, &mut content);
            }
            let alignment =
                usize::try_from(new.sh_addralign(LE)).ok().filter(|bytes| (2..=LARGEST_GAP).contains(bytes));
            let mut start = out.len().next_multiple_of(alignment.filter(|_| !is_loaded).unwrap_or(1));
            if kind == elf::SHT_NOTE {
                // The notes near the start of the file keep their place, as the segments say it.
                let before = usize::try_from(section.sh_offset(LE)).unwrap_or_default();
                start = if before.saturating_sub(start) < LARGEST_GAP { start.max(before) } else { start };
            }
            out.resize(start, 0);
            new.sh_offset.set(LE, out.len() as u64);
            out.append(&mut content);
            if out.len() > longest {
                return Err(ElfError::Damaged("its sections overlap".into()));
            }
        }
        table.push(new);
    }
    out.resize(out.len().next_multiple_of(8), 0);
    new_header.e_shoff.set(LE, out.len() as u64);
    new_header.e_phoff.set(LE, if segments.is_empty() { 0 } else { size_of_val(header) as u64 });
    table.iter().for_each(|section| out.extend_from_slice(bytes_of(section)));
    let headers = size_of_val(header).saturating_add(size_of_val(segments));
    let segments: Vec<_> = segments.iter().map(|segment| without_content(segment, headers, &table)).collect();
    let mut start = bytes_of(&new_header).to_vec();
    segments.iter().for_each(|segment| start.extend_from_slice(bytes_of(segment)));
    if let Some(place) = out.get_mut(..start.len()) {
        place.copy_from_slice(&start);
    }
    Ok(out)
}

/// The segment as it is in the file with the debugging data alone: only the headers and the notes still have bytes there.
fn without_content(
    segment: &ProgramHeader64<LE>,
    headers: usize,
    table: &[SectionHeader64<LE>],
) -> ProgramHeader64<LE> {
    let mut new = *segment;
    let notes = table.iter().filter(|section| section.sh_type(LE) == elf::SHT_NOTE);
    let kept = match segment.p_type(LE) {
        elf::PT_PHDR => segment.p_filesz(LE),
        // It begins with the header of the file.
        elf::PT_LOAD if segment.p_offset(LE) == 0 => {
            let in_place =
                notes.filter(|note| note.sh_offset(LE) == note.sh_addr(LE).wrapping_sub(segment.p_vaddr(LE)));
            let ends = in_place.map(|note| note.sh_offset(LE).saturating_add(note.sh_size(LE)));
            ends.chain([headers as u64]).max().unwrap_or_default().min(segment.p_filesz(LE))
        }
        elf::PT_NOTE => match { notes }.find(|note| note.sh_addr(LE) == segment.p_vaddr(LE)) {
            Some(first) => {
                new.p_offset.set(LE, first.sh_offset(LE));
                segment.p_filesz(LE)
            }
            None => 0,
        },
        _ => 0,
    };
    new.p_filesz.set(LE, kept);
    new
}

/// Compresses a section of debugging data, unless it is already, or would be longer (gABI, "Section Compression").
fn compress(section: &mut SectionHeader64<LE>, content: &mut Vec<u8>) {
    if section.sh_flags(LE).contains(elf::SHF_COMPRESSED) {
        return;
    }
    let mut compressed = Vec::new();
    compressed.extend_from_slice(&elf::ELFCOMPRESS_ZLIB.0.to_le_bytes());
    compressed.extend_from_slice(&[0; 4]);
    compressed.extend_from_slice(&(content.len() as u64).to_le_bytes());
    compressed.extend_from_slice(&section.sh_addralign(LE).to_le_bytes());
    let mut encoder = ZlibEncoder::new(compressed, Compression::default());
    // Writing into memory cannot fail.
    let _ = encoder.write_all(content);
    let Ok(compressed) = encoder.finish() else { return };
    if compressed.len() < content.len() {
        section.sh_flags.set(LE, section.sh_flags(LE) | elf::SHF_COMPRESSED);
        section.sh_size.set(LE, compressed.len() as u64);
        section.sh_addralign.set(LE, 8);
        *content = compressed;
    }
}
