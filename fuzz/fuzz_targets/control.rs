//! Control data (deb-control(5)): what is read and written again is the same when it is read once more.

#![no_main]
#![allow(clippy::unwrap_used, reason = "a target ends in a panic when something is not as it should be")]

use libfuzzer_sys::fuzz_target;
use stackdeb::control::{Stanza, Stanzas};

fuzz_target!(|text: &[u8]| {
    for stanza in Stanzas::new(text) {
        let Ok(stanza) = stanza else { return };
        let fields: Vec<(&str, &str)> = stanza.fields().collect();
        let again = Stanza::parse(&stanza.to_string()).unwrap();
        assert_eq!(again.fields().collect::<Vec<_>>(), fields);
    }
});
