//! Variants: the same stack with other values, such as one for staging. `stack.toml` has them as `[variant.NAME]`.

use super::Stack;

/// The variants of a stack, and the one that it was read as.
#[derive(Debug, Clone, Default)]
pub struct Variants {
    /// The names of all of them, sorted.
    pub names: Vec<String>,
    /// `None`: the stack as it is without a variant.
    pub chosen: Option<Variant>,
}

/// A variant, and what is different with it.
#[derive(Debug, Clone)]
pub struct Variant {
    pub name: String,
    /// In the order of the keys.
    pub changes: Vec<Change>,
}

/// A key that has another value in a variant.
#[derive(Debug, Clone)]
pub struct Change {
    /// The key with its tables: `site.port`.
    pub key: String,
    pub old: Old,
    pub new: toml::Value,
}

/// The value of a key without the variant.
#[derive(Debug, Clone)]
pub enum Old {
    Written(toml::Value),
    /// The key is not in the file, and this holds.
    Default(toml::Value),
    /// The key is not in the file, and no fixed value stands for it.
    Nothing,
}

impl Stack {
    /// The name of the variant that the stack was read as.
    pub fn variant(&self) -> Option<&str> {
        self.variants.chosen.as_ref().map(|variant| variant.name.as_str())
    }

    /// What sets the stack and each of its variants apart wherever several are side by side, such as in an account:
    /// `NAME` or `NAME@VARIANT`. A package's name cannot have an `@`, so no other stack has the same.
    pub fn full_name(&self) -> String {
        self.joined_name('@')
    }

    /// The same as a part of a host name: `NAME` or `NAME-VARIANT`. Another stack may have this name.
    pub fn host_stem(&self) -> String {
        self.joined_name('-')
    }

    fn joined_name(&self, mark: char) -> String {
        let name = &self.package.name;
        self.variant().map_or_else(|| name.to_string(), |variant| format!("{name}{mark}{variant}"))
    }
}
