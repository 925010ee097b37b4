//! How much a system needs a package (Debian Policy 2.5): the field `Priority`.

use std::fmt;
use std::str::FromStr;

/// A priority. The most needed one is the smallest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// The system does not work without the package.
    Required,
    /// Every Unix-like system is expected to have it.
    Important,
    /// A small system without a graphical desktop has it.
    Standard,
    Optional,
    /// The old name of `Optional`. Archives still have it; Policy 2.5 forbids it for new packages.
    Extra,
}

/// A word that is not a priority.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a priority", .0.escape_debug())]
pub struct PriorityError(pub String);

impl Priority {
    /// The priorities that a new package may have.
    pub const USABLE: [Self; 4] = [Self::Required, Self::Important, Self::Standard, Self::Optional];

    /// The word in the field.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Important => "important",
            Self::Standard => "standard",
            Self::Optional => "optional",
            Self::Extra => "extra",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Priority {
    type Err = PriorityError;

    fn from_str(text: &str) -> Result<Self, PriorityError> {
        let known = Self::USABLE.into_iter().chain([Self::Extra]).find(|priority| priority.as_str() == text);
        known.ok_or_else(|| PriorityError(text.to_owned()))
    }
}
