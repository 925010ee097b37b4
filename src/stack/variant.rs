//! Variants: the same stack with other values, such as one for staging. `stack.toml` has them as `[variant.NAME]`.

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
