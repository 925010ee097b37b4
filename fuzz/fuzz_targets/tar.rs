//! The archive with a package's files: names and links however long they are, and sizes that nobody has.

#![no_main]

use std::io::{self, Read};

use libfuzzer_sys::fuzz_target;
use stackdeb::deb::entries;

/// The longest path that Linux takes, in bytes.
const PATH_MAX: usize = 4096;

fuzz_target!(|bytes: &[u8]| {
    let mut archive = tar::Archive::new(bytes);
    let Ok(mut entries) = entries(&mut archive) else { return };
    while let Some(Ok(mut entry)) = entries.next() {
        assert!(entry.path().len() <= PATH_MAX);
        assert!(entry.target().is_none_or(|target| target.len() <= PATH_MAX));
        // No entry has more than there is.
        let read = io::copy(&mut entry.by_ref(), &mut io::sink()).unwrap_or_default();
        assert!(read <= bytes.len() as u64);
    }
});
