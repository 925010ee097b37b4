//! The health check as an administrator meets it: one program, one file for each subject.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test ends in a panic when something is not as it should be"
)]

mod alert;
mod certificate;
mod check;
mod database;
mod environment;
mod history;
mod measures;
mod report;
mod settings;
mod site;
mod support;
mod units;
