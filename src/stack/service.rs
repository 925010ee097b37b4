//! Services beside the app that Debian has: each is an instance of the stack's own, over a Unix socket. A further one gets a
//! field here, a section in `reference/service.rs`, a reader, a template of its unit, and its line in postinst.

/// The services of a stack.
#[derive(Debug, Clone, Default)]
pub struct Services {
    pub valkey: Option<Valkey>,
}

/// Valkey, the store of keys and values that Redis was.
#[derive(Debug, Clone)]
pub struct Valkey {
    /// The most that its data may use, in bytes.
    pub memory_max: u64,
    /// What it does with a write when that is reached (`maxmemory-policy` in valkey.conf).
    pub eviction: String,
}

impl Valkey {
    /// Whether it may remove any key when its memory is used up: what it holds can then be made again.
    pub fn is_cache(&self) -> bool {
        self.eviction.starts_with("allkeys-")
    }
}
