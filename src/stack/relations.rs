//! The relations of a package to others beside `Depends`.

use crate::control::Relations;

/// Each is the field of its name in debian/control (Debian Policy 7).
#[derive(Debug, Clone, Default)]
pub struct OtherRelations {
    pub pre_depends: Relations,
    pub recommends: Relations,
    pub suggests: Relations,
    pub conflicts: Relations,
    pub breaks: Relations,
    pub replaces: Relations,
    pub provides: Relations,
}
