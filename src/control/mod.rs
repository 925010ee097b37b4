//! The vocabulary of Debian control data, which every other module speaks: package names, versions, relations between
//! packages, and the stanzas they are written in. Text comes in; checked values go out.

mod name;
mod relation;
mod stanza;
mod version;

pub use name::{Architecture, NameError, PackageName};
pub use relation::{Alternatives, Comparison, Relation, RelationError, Relations};
pub use stanza::{Stanza, StanzaError, Stanzas};
pub use version::{Version, VersionError};
