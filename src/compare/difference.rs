//! What is different between two sides.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::side::{Side, TreeEntry, What};
use crate::system::hash::Sha256;

/// In what two packages, or two images, differ. `stackdeb diff --json` prints it as it is.
#[derive(Debug, Clone, Serialize)]
pub struct Difference {
    pub a: Summary,
    pub b: Summary,
    /// Whether both have the same bytes; an image and the same image compressed do.
    pub same: bool,
    /// In the order of their names.
    pub packages: Vec<ValueChange>,
    /// The fields of the control data of two packages.
    pub fields: Vec<ValueChange>,
    /// In the order of their paths. A file that differs in its time alone is not among them.
    pub files: Vec<FileChange>,
    /// How many files and folders differ in their time alone.
    pub only_times: usize,
    /// Of which of the two extended attributes, the numbers of devices and hard links are not known: then they are compared in
    /// neither.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub without_details: Vec<String>,
}

/// One of the two in numbers.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    pub path: String,
    pub kind: What,
    pub sha256: Sha256,
    pub packages: usize,
    /// Files, folders, links and what else has a name.
    pub files: usize,
    /// The length of all files together.
    pub bytes: u64,
}

/// A package or a field with another value; `None` where it is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValueChange {
    pub name: String,
    pub a: Option<String>,
    pub b: Option<String>,
}

/// A path where something else is; `None` where nothing is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileChange {
    pub path: String,
    /// The package that it belongs to.
    pub package: Option<String>,
    pub a: Option<TreeEntry>,
    pub b: Option<TreeEntry>,
}

/// In what two entries differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aspect {
    Kind,
    Content,
    Mode,
    Owner,
    Attributes,
    OtherNames,
}

impl Difference {
    /// What is different. It costs as much memory as the two sides have.
    pub fn between(mut a: Side, mut b: Side) -> Self {
        let without_details: Vec<String> =
            [&a, &b].into_iter().filter(|side| !side.has_details).map(|side| side.path.clone()).collect();
        if !without_details.is_empty() {
            [&mut a, &mut b].into_iter().flat_map(|side| side.files.values_mut()).for_each(forget_details);
        }
        let paths: BTreeSet<&String> = a.files.keys().chain(b.files.keys()).collect();
        let (mut files, mut only_times) = (Vec::new(), 0_usize);
        for path in paths {
            let (one, other) = (a.files.get(path), b.files.get(path));
            if let (Some(one), Some(other)) = (one, other)
                && aspects(one, other).is_empty()
            {
                only_times = only_times.saturating_add(usize::from(one.modified != other.modified));
                continue;
            }
            let package = b.owners.get(path).or_else(|| a.owners.get(path)).cloned();
            files.push(FileChange { path: path.clone(), package, a: one.cloned(), b: other.cloned() });
        }
        Self {
            same: a.sha256 == b.sha256,
            packages: values(&a.packages, &b.packages),
            fields: values(&a.fields, &b.fields),
            files,
            only_times,
            without_details,
            a: Summary::of(a),
            b: Summary::of(b),
        }
    }
}

impl Summary {
    fn of(side: Side) -> Self {
        let bytes = side.files.values().map(|entry| entry.size).fold(0, u64::saturating_add);
        let (packages, files) = (side.packages.len(), side.files.len());
        Self { path: side.path, kind: side.what, sha256: side.sha256, packages, files, bytes }
    }
}

impl FileChange {
    /// In what the two differ; empty if one is missing.
    pub fn aspects(&self) -> Vec<Aspect> {
        match (&self.a, &self.b) {
            (Some(a), Some(b)) => aspects(a, b),
            _ => Vec::new(),
        }
    }

    /// By how many bytes it has grown.
    pub fn growth(&self) -> i64 {
        let size =
            |entry: &Option<TreeEntry>| entry.as_ref().map_or(0, |one| i64::try_from(one.size).unwrap_or(i64::MAX));
        size(&self.b).saturating_sub(size(&self.a))
    }
}

fn forget_details(entry: &mut TreeEntry) {
    entry.attributes.clear();
    entry.other_names.clear();
    if entry.kind.is_device() {
        entry.content = None;
    }
}

fn aspects(a: &TreeEntry, b: &TreeEntry) -> Vec<Aspect> {
    let all = [
        (Aspect::Kind, a.kind != b.kind),
        (Aspect::Content, a.kind == b.kind && (a.size != b.size || a.content != b.content)),
        (Aspect::Mode, a.mode != b.mode),
        (Aspect::Owner, (a.uid, a.gid) != (b.uid, b.gid)),
        (Aspect::Attributes, a.attributes != b.attributes),
        (Aspect::OtherNames, a.other_names != b.other_names),
    ];
    all.into_iter().filter_map(|(aspect, differs)| differs.then_some(aspect)).collect()
}

fn values(a: &BTreeMap<String, String>, b: &BTreeMap<String, String>) -> Vec<ValueChange> {
    let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    names
        .into_iter()
        .map(|name| ValueChange { name: name.clone(), a: a.get(name).cloned(), b: b.get(name).cloned() })
        .filter(|change| change.a != change.b)
        .collect()
}
