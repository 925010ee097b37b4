//! Programs and shared libraries: what they link, what is left when they are stripped, and what of it a debugger gets.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stackdeb::deb::elf;

fuzz_target!(|bytes: &[u8]| {
    let mut programs = elf::Programs::default();
    let _ = programs.add("program", bytes);
    let _ = elf::dependencies(bytes);
    if let Ok(stripped) = elf::strip(bytes) {
        // What was written can be read, and there is nothing left to strip.
        let _ = elf::dependencies(&stripped);
    }
    let _ = elf::has_debugging_data(bytes);
    if let Ok(Some(separated)) = elf::separate(bytes, "/usr/bin/program", elf::DebugSections::Compressed) {
        let _ = elf::dependencies(&separated.program);
        let _ = elf::has_debugging_data(&separated.debug);
    }
});
