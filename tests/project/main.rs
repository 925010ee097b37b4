//! From `stack.toml` to the package and the image, as a user builds them.

mod apt_client;
mod apt_solver;
mod image;
mod manifest;
mod package;
mod refusals;
