//! The vocabulary of Debian's control data, for all other modules: text → package names, versions, priorities, relations
//! and stanzas that are valid.

mod name;
mod priority;
mod relation;
mod restriction;
mod stanza;
mod version;

pub use name::{Architecture, NameError, PackageName};
pub use priority::{Priority, PriorityError};
pub use relation::{Alternatives, Comparison, Relation, RelationError, Relations};
pub use stanza::{Stanza, StanzaError, Stanzas};
pub use version::{Version, VersionError};
