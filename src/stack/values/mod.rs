//! Checks the values of a manifest, one file for each subject. Each takes the text of a value, and returns the checked
//! value, or an error that says why it is not valid (its message) and what to write instead (its help).

pub(super) mod apt_source;
pub(super) mod calendar;
mod calendar_days;
pub(super) mod command;
pub(super) mod database;
pub(super) mod description;
pub(super) mod environment;
pub(super) mod file_error;
pub(super) mod files;
pub(super) mod host;
pub(super) mod index;
pub(super) mod license;
pub(super) mod limits;
mod migration;
pub(super) mod name;
pub(super) mod network;
pub(super) mod place;
pub(super) mod python;
mod python_source;
pub(super) mod relations;
mod reserved;
pub(super) mod server;
pub(super) mod service;
pub(super) mod size;
pub(super) mod text;
pub(super) mod time_span;
