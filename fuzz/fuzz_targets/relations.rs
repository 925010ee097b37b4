//! Relations between packages and their versions (Policy 7.1 and 5.6.12): what is read and written again is the same, and the order
//! of versions is one.

#![no_main]
#![allow(clippy::unwrap_used, reason = "a target ends in a panic when something is not as it should be")]

use libfuzzer_sys::fuzz_target;
use stackdeb::control::{Relations, Version};

fuzz_target!(|text: &str| {
    if let Ok(relations) = text.parse::<Relations>() {
        assert_eq!(relations.to_string().parse::<Relations>().unwrap(), relations);
    }
    // Each line a version.
    let versions: Vec<Version> = text.lines().take(8).filter_map(|line| line.parse().ok()).collect();
    for one in &versions {
        assert_eq!(one.to_string().parse::<Version>().unwrap(), *one);
        for other in &versions {
            assert_eq!(one.cmp(other), other.cmp(one).reverse());
            for third in versions.iter().filter(|third| one <= other && other <= *third) {
                assert!(one <= third, "{one} <= {other} <= {third}");
            }
        }
    }
});
