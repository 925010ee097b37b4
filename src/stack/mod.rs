//! Reads `stack.toml`, fills in the defaults, and checks every value before anything is built. The result is a
//! [`Stack`], complete and valid, or an error with all mistakes.

mod further_file;
mod further_package;
mod kind;
mod model;
mod nearest;
pub mod new_project;
mod outputs;
mod pattern;
mod problem;
mod process;
mod read;
pub mod reference;
mod relations;
mod service;
mod site;
mod together;
mod units;
mod values;
mod variant;

pub use further_file::{FurtherContent, FurtherFile, Owner};
pub use further_package::FurtherPackage;
pub use kind::{
    AppKind, AppServer, CrateFiles, CrateOrigin, Interface, KindName, Listen, Program, ProgramOrigin, PythonApp,
    StaticSite,
};
pub use model::{App, AptSource, ChangelogEntry, Database, FromDebian, Health, Image, PackageInfo, Stack};
pub(crate) use nearest::nearest;
pub use outputs::file_name;
pub use pattern::{Pattern, PatternError};
pub use problem::{LoadError, Problem};
pub use process::{CommandLine, ProcessLimits, Timer, Worker};
pub use read::{FILE_NAME, load, load_variant};
pub use relations::OtherRelations;
pub use service::{Services, Valkey};
pub use site::{HTTPS_PORT, Site, StaticFiles, Tls};
pub use together::{Clash, fit_together};
pub use units::{Unit, UnitStart};
pub use values::description::{DescriptionError, summary};
pub use values::environment::{EnvironmentError, variable_name, variable_value};
pub use values::file_error::FileError;
pub use values::files::migration_names;
pub use values::name::{StackNameError, stack_name};
pub use values::network::{NetworkError, network};
pub use values::size::LARGEST_IMAGE;
pub use values::text::{TextError, maintainer};
pub use variant::{Change, Old, Variant, Variants};
