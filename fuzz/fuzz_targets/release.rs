//! Release files of an archive, as they are read once their signature was verified.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stackdeb::apt::Release;

fuzz_target!(|text: &str| {
    if let Err(error) = Release::parse(text, "http://mirror.example.org/InRelease") {
        assert!(!format!("{:?}", miette::Report::new(error)).is_empty());
    }
});
