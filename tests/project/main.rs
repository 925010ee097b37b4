//! From `stack.toml` to the package and the image, as a user builds them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test ends in a panic when something is not as it should be"
)]

mod apt_attacks;
mod apt_client;
mod apt_repository;
mod apt_repository_keys;
mod apt_solver;
mod apt_updates;
mod build_command;
mod cache;
mod crate_metadata;
mod crate_stacks;
mod crates;
mod debug_symbols;
mod documents;
mod fragments;
mod image;
mod killed;
mod libraries;
mod libraries_linked;
mod library_locks;
mod library_updates;
mod linked;
mod manifest;
mod multiarch;
mod odd;
mod own_package;
mod package;
mod package_locks;
mod packages;
mod packages_refused;
mod printing;
mod refusals;
mod several;
mod sources;
mod updates;
mod upload;
mod variants;
