//! The values of a manifest, one file a subject: the text of one value comes in; the checked value goes out, or an
//! error that says why not (its message) and what to write in its place (its help).

pub(super) mod database;
pub(super) mod description;
pub(super) mod files;
pub(super) mod host;
pub(super) mod license;
pub(super) mod name;
pub(super) mod python;
pub(super) mod relations;
mod reserved;
pub(super) mod size;
pub(super) mod text;
pub(super) mod time_span;
