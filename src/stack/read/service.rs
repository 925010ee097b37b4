//! The table `[service]`, with a table for each service.

use super::table::Table;
use crate::stack::service::{Services, Valkey};
use crate::stack::values::service;

/// Reads all services; `None` where a problem has been noted.
pub(super) fn read(document: &mut Table<'_>) -> Option<Services> {
    let Some(mut table) = document.table("service") else { return Some(Services::default()) };
    let valkey = table.table("valkey").map(read_valkey);
    table.finish();
    match valkey {
        Some(valkey) => Some(Services { valkey: Some(valkey?) }),
        None => Some(Services::default()),
    }
}

fn read_valkey(mut table: Table<'_>) -> Option<Valkey> {
    let memory_max = table.checked_or_default("memory-max", service::memory);
    let eviction = table.checked_or_default("eviction", service::eviction);
    table.finish();
    Some(Valkey { memory_max: memory_max?, eviction: eviction? })
}
