//! What a package says of the server that it is on: its version, and how much data are there.

use serde::Deserialize;

use crate::control::PackageName;

/// What the program `data` of the package says of its server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Info {
    /// The version of the package.
    pub version: String,
    /// Where the package's database is.
    pub database: DatabasePlace,
    pub files: FilesSize,
    /// Of a database on the server itself.
    pub contents: Option<DatabaseContents>,
    /// Of a Valkey that is not a cache.
    pub valkey_contents: Option<ValkeyContents>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatabasePlace {
    /// The stack has no database.
    #[default]
    None,
    Here,
    /// The database is on another server, so it is not in the save.
    Elsewhere,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FilesSize {
    pub files: u64,
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DatabaseContents {
    pub name: String,
    /// The number of tables that have rows.
    pub tables: u64,
    pub rows: u64,
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ValkeyContents {
    pub keys: u64,
    pub bytes: u64,
}

impl Info {
    /// The data that are there, as a phrase. `None` when nothing is there.
    pub fn describe(&self, name: &PackageName) -> Option<String> {
        let database = self.contents.as_ref().filter(|database| database.rows > 0);
        let database = database.map(|found| format!("{} rows in the database {}", found.rows, found.name));
        let files = (self.files.files > 0).then(|| format!("{} files in /var/lib/{name}/app", self.files.files));
        let valkey = self.valkey_contents.as_ref().filter(|found| found.keys > 0);
        let valkey = valkey.map(|found| format!("{} keys in Valkey", found.keys));
        let all: Vec<String> = [database, files, valkey].into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join(" and "))
    }
}
