//! What a package has to know of an executable that it carries: the packages that hold its libraries, and its bytes
//! without what only a debugger reads. An ELF file for amd64, linked against glibc, comes in (elf(5), the System V ABI
//! and the symbol versions of the LSB); relations, or the stripped file, go out.

use object::elf::{self, FileHeader64, SectionHeader64};
use object::endian::{LittleEndian as LE, U32, U64};
use object::pod::bytes_of;
use object::read::elf::{Dynamic, FileHeader, ProgramHeader, SectionHeader, SectionTable};

use crate::control::{Alternatives, Comparison, Relation, Relations, Version};

/// Why an executable cannot be packaged.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ElfError {
    /// It is something else, or only a part of an ELF file.
    #[error("it is not a whole ELF file: {0}")]
    #[diagnostic(help("name the compiled program itself, not a script, an archive or an unfinished copy"))]
    Damaged(String),
    /// Its machine code is not x86-64's.
    #[error("it is compiled for another machine than amd64 ({0})")]
    #[diagnostic(help("compile it for the target x86_64-unknown-linux-gnu"))]
    Foreign(&'static str),
    /// An object file, a shared library or a core dump.
    #[error("it is an ELF file, but not a program")]
    #[diagnostic(help("name the linked program; libraries and object files go into no package by themselves"))]
    NotAProgram,
    /// It needs no library, so nothing can be learnt from it, and security updates of glibc would not reach it.
    #[error("it is linked statically, and so misses the security updates of its libraries")]
    #[diagnostic(help(
        "link it dynamically: target x86_64-unknown-linux-gnu, without `-C target-feature=+crt-static`"
    ))]
    Static,
    /// Its loader is not glibc's.
    #[error("its loader is `{0}`: it is not linked against Debian's glibc")]
    #[diagnostic(help("compile it for the target x86_64-unknown-linux-gnu; musl's programs do not start on Debian"))]
    ForeignLoader(String),
    /// No package is known for a library.
    #[error("it needs the library `{0}`, and no package is known to hold it")]
    #[diagnostic(help("link that library statically into the program, or do without it"))]
    UnknownLibrary(String),
    /// A symbol version that cannot be turned into a package version.
    #[error("it needs the version `{version}` of the library `{library}`, which no release of its package promises")]
    #[diagnostic(help("link it against the library of a released Debian, and use no private symbols of it"))]
    UnknownVersion {
        /// The library's file name.
        library: String,
        /// The symbol version's name.
        version: String,
    },
}

/// The loader of glibc on x86-64 (System V ABI, AMD64 supplement).
const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

/// Libraries, the package that holds them, and what the names of their symbol versions begin with.
///
/// They are `libc6` and `libgcc-s1` in every release of Debian since 11 and of Ubuntu since 20.04.
const LIBRARIES: [(&str, &str, &str); 8] = [
    ("libc.so.6", "libc6", "GLIBC_"),
    ("libm.so.6", "libc6", "GLIBC_"),
    ("libpthread.so.0", "libc6", "GLIBC_"),
    ("libdl.so.2", "libc6", "GLIBC_"),
    ("librt.so.1", "libc6", "GLIBC_"),
    ("libutil.so.1", "libc6", "GLIBC_"),
    ("ld-linux-x86-64.so.2", "libc6", "GLIBC_"),
    ("libgcc_s.so.1", "libgcc-s1", "GCC_"),
];

/// Versions that stand for a property of the library and not for its release, with the first release that has it
/// (glibc's Versions.def and news).
const PROPERTIES: [(&str, &str); 4] = [
    ("GLIBC_ABI_DT_RELR", "2.36"),
    ("GLIBC_ABI_GNU_TLS", "2.42"),
    ("GLIBC_ABI_GNU2_TLS", "2.42"),
    ("GLIBC_ABI_DT_X86_64_PLT", "2.42"),
];

/// The packages that a program needs, each at the lowest version that has every symbol version the program asks for;
/// what dpkg-shlibdeps(1) says. In the order of the packages' names.
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

/// A program without symbol tables, debugging data, `.comment` and every other section that is not loaded into memory:
/// what `strip --remove-section=.comment --remove-section=.note` makes of it. The notes that are loaded (build ID, ABI
/// tag, GNU properties) remain.
///
/// Only the table of sections is written anew; what is loaded keeps its place and its bytes, so the program cannot
/// change by it. The same input gives the same bytes, and a stripped program stays as it is.
///
/// # Errors
/// When it is not a program for amd64.
pub fn strip(bytes: &[u8]) -> Result<Vec<u8>, ElfError> {
    let (header, sections) = open(bytes)?;
    let names = sections.enumerate().map(|(_, section)| sections.section_name(LE, section));
    let names: Vec<&[u8]> = names.collect::<Result<_, _>>().map_err(damaged)?;
    let kept = |section: &SectionHeader64<LE>| section.sh_flags(LE).contains(elf::SHF_ALLOC);

    // New numbers for the sections: 0 is the empty one, and stays; what is dropped is linked to nothing.
    let mut numbers = vec![0_u32; sections.len()];
    let mut count = 1_u32;
    for ((_, section), number) in sections.enumerate().zip(&mut numbers) {
        if kept(section) {
            *number = count;
            count += 1;
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
    new_header.e_shstrndx.set(LE, elf::SymbolSection(total - 1));
    for section in &table {
        out.extend_from_slice(bytes_of(section));
    }
    let new_header = bytes_of(&new_header);
    if let Some(place) = out.get_mut(..new_header.len()) {
        place.copy_from_slice(new_header);
    }
    Ok(out)
}

/// Reads the header and the table of sections of a program for amd64.
fn open(bytes: &[u8]) -> Result<(&FileHeader64<LE>, SectionTable<'_, FileHeader64<LE>>), ElfError> {
    if !bytes.starts_with(&elf::ELFMAG) {
        return Err(ElfError::Damaged("it does not begin as one".into()));
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
    match header.e_type(LE) {
        elf::ET_EXEC => Ok((header, sections)),
        elf::ET_DYN if is_position_independent_program(header, &sections, bytes)? => Ok((header, sections)),
        _ => Err(ElfError::NotAProgram),
    }
}

/// Tells such a program from a shared library, which has the same type: by its loader, or the linker's mark.
fn is_position_independent_program(
    header: &FileHeader64<LE>,
    sections: &SectionTable<'_, FileHeader64<LE>>,
    bytes: &[u8],
) -> Result<bool, ElfError> {
    let segments = header.program_headers(LE, bytes).map_err(damaged)?;
    let dynamic = sections.dynamic_table(LE, bytes).map_err(damaged)?;
    let marked = |entry: Dynamic| entry.tag == elf::DT_FLAGS_1 && entry.val & elf::DF_1_PIE.0 != 0;
    Ok(segments.iter().any(|segment| segment.p_type(LE) == elf::PT_INTERP) || dynamic.iter().any(marked))
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

/// The symbol versions that the loader demands at start, each with the library that has to define it.
fn needed_versions(
    sections: &SectionTable<'_, FileHeader64<LE>>,
    bytes: &[u8],
) -> Result<Vec<(String, String)>, ElfError> {
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
/// in 7. A release of GCC is named by its first numbers only: before GCC 5 two of them, from then on one.
fn package_version(prefix: &str, symbol_version: &str) -> Option<Version> {
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

/// Adds a text to a string table, and says where it begins there.
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

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn damaged(error: object::Error) -> ElfError {
    ElfError::Damaged(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use super::*;

    /// Runs a tool; fails with the name of its package when it is missing, and with its complaint when it fails.
    fn run(package: &str, command: &mut Command) -> String {
        let output = command.output().unwrap_or_else(|error| {
            panic!("cannot run {:?}: {error}. This test needs the package {package}.", command.get_program())
        });
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {complaint}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// A program made with the C compiler from one line of C.
    fn compile(folder: &Path, source: &str, flags: &[&str]) -> PathBuf {
        fs::write(folder.join("program.c"), source).unwrap();
        let program = folder.join("program");
        run("gcc", Command::new("gcc").current_dir(folder).args(["program.c", "-o", "program"]).args(flags));
        program
    }

    const HELLO: &str = "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n";

    fn dpkg_shlibdeps(program: &Path) -> String {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("debian")).unwrap();
        fs::write(folder.path().join("debian/control"), "Source: example\n").unwrap();
        let told = run(
            "dpkg-dev",
            Command::new("dpkg-shlibdeps").current_dir(folder.path()).arg("-O").arg(program).env("LC_ALL", "C"),
        );
        told.trim().strip_prefix("shlibs:Depends=").unwrap().to_owned()
    }

    #[test]
    fn relations_are_those_of_dpkg_shlibdeps() {
        let ours = std::env::current_exe().unwrap();
        let mut compared = 0;
        let programs = ["ls", "tar", "awk", "bash", "env", "gzip", "python3", "nginx", "cc", "sort"];
        let host = programs.iter().map(|name| fs::canonicalize(Path::new("/usr/bin").join(name)).unwrap_or_default());
        for program in host.chain([ours.clone()]) {
            let Ok(bytes) = fs::read(&program) else { continue };
            match dependencies(&bytes) {
                Ok(relations) => {
                    assert_eq!(relations.to_string(), dpkg_shlibdeps(&program), "{}", program.display());
                    compared += 1;
                }
                Err(ElfError::UnknownLibrary(_) | ElfError::Damaged(_)) if program != ours => {}
                Err(error) => panic!("{}: {error}", program.display()),
            }
        }
        assert!(compared >= 4, "only {compared} programs were compared");
    }

    #[test]
    fn gcc_versions_are_named_as_its_package_is() {
        // Pairs from libgcc-s1's symbols file (deb-symbols(5)).
        let pairs =
            [("3.0", "3.0"), ("3.3.1", "3.3.1"), ("4.0.0", "4.0"), ("4.2.0", "4.2"), ("7.0.0", "7"), ("12.0.0", "12")];
        for (symbol, package) in pairs {
            assert_eq!(package_version("GCC_", &format!("GCC_{symbol}")).unwrap().as_str(), package);
        }
        assert!(package_version("GLIBC_", "GLIBC_PRIVATE").is_none());
        assert!(package_version("GLIBC_", "GCC_3.0").is_none());
    }

    #[test]
    fn what_cannot_run_on_debian_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = |source: &str, flags: &[&str]| {
            let program = compile(folder.path(), source, flags);
            dependencies(&fs::read(program).unwrap()).unwrap_err().to_string()
        };
        assert!(error(HELLO, &["-static"]).contains("statically"));
        assert!(error(HELLO, &["-static-pie"]).contains("statically"));
        assert!(error(HELLO, &["-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1"]).contains("ld-musl-x86_64"));
        assert!(error(HELLO, &["-shared", "-fPIC"]).contains("not a program"));
        assert!(error(HELLO, &["-c"]).contains("not a program"));
        run("gcc", Command::new("gcc").current_dir(&folder).args(["-shared", "-o", "libodd.so.3", "-xc", "/dev/null"]));
        assert!(error(HELLO, &["-Wl,--no-as-needed", "./libodd.so.3"]).contains("libodd.so.3"));
        let mut foreign = fs::read(compile(folder.path(), HELLO, &[])).unwrap();
        foreign[18] = 183; // e_machine: EM_AARCH64
        assert!(dependencies(&foreign).unwrap_err().to_string().contains("another machine"));
        assert!(dependencies(b"#!/bin/sh\n").is_err());
    }

    #[test]
    fn a_damaged_program_is_an_error_and_no_crash() {
        let folder = tempfile::tempdir().unwrap();
        let whole = fs::read(compile(folder.path(), HELLO, &["-g"])).unwrap();
        for end in (0..whole.len()).step_by(97) {
            assert!(dependencies(&whole[..end]).is_err(), "cut at {end}");
            assert!(strip(&whole[..end]).is_err(), "cut at {end}");
        }
        // Every byte of the header, and of the table of sections, at its extremes: any answer, but an answer.
        let table = u64::from_le_bytes(whole[40..48].try_into().unwrap()) as usize;
        for place in (0..64).chain(table..whole.len()) {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bytes = whole.clone();
                bytes[place] = value;
                _ = dependencies(&bytes);
                _ = strip(&bytes);
            }
        }
    }

    /// Names and flags of the sections, by readelf(1).
    fn sections(program: &Path) -> Vec<String> {
        let table = run("binutils", Command::new("readelf").arg("-SW").arg(program).env("LC_ALL", "C"));
        assert!(!table.contains("Warning") && !table.contains("Error"), "{table}");
        let lines = table.lines().filter_map(|line| line.trim_start().strip_prefix('[')?.split_once("] "));
        lines.filter_map(|(_, rest)| rest.split_whitespace().next()).map(str::to_owned).collect()
    }

    #[test]
    fn a_stripped_program_is_what_strip_makes_of_it() {
        let folder = tempfile::tempdir().unwrap();
        for flags in [&["-g"][..], &["-g", "-no-pie"], &["-static"], &["-s"]] {
            let program = compile(folder.path(), HELLO, flags);
            let bytes = fs::read(&program).unwrap();
            let stripped = strip(&bytes).unwrap();
            let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
            fs::write(&ours, &stripped).unwrap();
            fs::set_permissions(&ours, fs::Permissions::from_mode(0o755)).unwrap();
            let mut strip_tool = Command::new("strip");
            strip_tool.args(["--remove-section=.comment", "--remove-section=.note", "-o"]).arg(&theirs).arg(&program);
            run("binutils", &mut strip_tool);
            assert_eq!(sections(&ours), sections(&theirs), "{flags:?}");
            assert_eq!(run("-", &mut Command::new(&ours)), "hello\n", "{flags:?}");
            // What is loaded, and what a debugger finds of it, is the same.
            let segments = |path: &Path| run("binutils", Command::new("readelf").arg("-lndrVW").arg(path));
            assert_eq!(segments(&ours), segments(&program), "{flags:?}");
            let code = |path: &Path| {
                let told =
                    run("binutils", Command::new("objdump").args(["-s", "-j", ".text", "-j", ".data"]).arg(path));
                told.lines().skip(2).map(str::to_owned).collect::<Vec<_>>()
            };
            assert_eq!(code(&ours), code(&program), "{flags:?}");
            assert_eq!(strip(&stripped).unwrap(), stripped, "stripped twice is not the same, {flags:?}");
        }
    }

    #[test]
    fn lintian_has_nothing_to_say_of_a_stripped_program() {
        let folder = tempfile::tempdir().unwrap();
        let tags = |bytes: &[u8]| {
            let root = folder.path().join("root");
            fs::create_dir_all(root.join("DEBIAN")).unwrap();
            fs::create_dir_all(root.join("usr/bin")).unwrap();
            let control = "Package: example\nVersion: 1\nArchitecture: amd64\nMaintainer: A <a@example.org>\n\
                Description: example\n";
            fs::write(root.join("DEBIAN/control"), control).unwrap();
            fs::write(root.join("usr/bin/program"), bytes).unwrap();
            fs::set_permissions(root.join("usr/bin/program"), fs::Permissions::from_mode(0o755)).unwrap();
            let package = folder.path().join("example.deb");
            run("dpkg", Command::new("dpkg-deb").args(["--root-owner-group", "-b"]).arg(&root).arg(&package));
            // Its exit status tells of the tags of this bare package, too.
            let mut lintian = Command::new("lintian");
            lintian.args(["--pedantic", "-I", "-E", "--allow-root", "--tags"]);
            lintian.arg("unstripped-binary-or-object,binary-has-unneeded-section,statically-linked-binary");
            let output = lintian.arg(&package).output().expect("this test needs the package lintian");
            String::from_utf8(output.stdout).unwrap()
        };
        let bytes = fs::read(compile(folder.path(), HELLO, &["-g"])).unwrap();
        assert!(tags(&bytes).contains("unstripped-binary-or-object"), "the oracle is silent about anything");
        assert_eq!(tags(&strip(&bytes).unwrap()), "");
    }
}
