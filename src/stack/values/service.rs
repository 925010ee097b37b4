//! Checks what a service is set up with.

use miette::Diagnostic;

use super::size;

/// What Valkey can do when its memory is used up (`maxmemory-policy` in valkey.conf).
pub const EVICTIONS: &[&str] = &[
    "noeviction",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
];

/// The least that Valkey is useful with, in bytes.
const LEAST: u64 = 1 << 20;

/// Why a text is not valid for a service.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum ServiceError {
    #[error("`{0}` is not a size from 1M")]
    #[diagnostic(help("write a whole number with `M` or `G`: \"256M\""))]
    Memory(String),
    #[error("`{0}` is not a policy of Valkey's")]
    #[diagnostic(help("write \"noeviction\" for a queue, \"allkeys-lru\" for a cache; the others are {others}", others = EVICTIONS.join(", ")))]
    Eviction(String),
}

/// Reads the memory that data may use, in bytes.
///
/// # Errors
/// When it is not a size, or too small.
pub fn memory(text: &str) -> Result<u64, ServiceError> {
    let bytes = size::bytes(text).filter(|bytes| *bytes >= LEAST);
    bytes.ok_or_else(|| ServiceError::Memory(text.escape_debug().to_string()))
}

/// Checks a policy, and returns the same text.
///
/// # Errors
/// When Valkey does not know it.
pub fn eviction(text: &str) -> Result<String, ServiceError> {
    match EVICTIONS.contains(&text) {
        true => Ok(text.to_owned()),
        false => Err(ServiceError::Eviction(text.escape_debug().to_string())),
    }
}
