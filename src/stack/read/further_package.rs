//! The entries of `[[package]]` after the first one: further packages that are built beside the stack's own.

use miette::{Diagnostic, SourceSpan};

use super::relations;
use super::table::Table;
use crate::control::{PackageName, Relations};
use crate::stack::further_file::FurtherFile;
use crate::stack::further_package::FurtherPackage;
use crate::stack::model::PackageInfo;
use crate::stack::problem::{ManifestPlace, Problems};
use crate::stack::values::{description, name, text};

/// What is wrong with a package beside the others.
#[derive(Debug, thiserror::Error, Diagnostic)]
enum FurtherPackageMistake {
    #[error("`{name}` is the name of another package of this file as well")]
    #[diagnostic(help("give one of them another name"))]
    SameName {
        name: String,
        #[label("the other one")]
        other: SourceSpan,
    },
    #[error("no file is in the package `{0}`, so nothing would be installed with it")]
    #[diagnostic(help("put one into it: a table [[file]] with `package = \"{0}\"`; or leave the package out"))]
    NoFile(String),
}

/// A package that a file can be in.
pub(super) struct Holder {
    /// As it is written, which may be a mistake.
    pub(super) name: String,
    /// Whether the stack's user is there when its files are given to their owners.
    pub(super) has_user: bool,
    /// The place of its name in the manifest, for the message about two packages with one name.
    place: ManifestPlace,
}

/// A file with the package that it is in; `None` for the stack's own.
pub(super) struct Placed {
    pub(super) package: Option<String>,
    pub(super) file: FurtherFile,
}

/// The entries, and what is known of those that have mistakes.
pub(super) struct FurtherPackages {
    /// In the order of the manifest; without a package where a problem has been noted.
    entries: Vec<(ManifestPlace, Option<FurtherPackage>)>,
    /// The stack's own package, and those of the entries.
    pub(super) holders: Vec<Holder>,
}

/// Reads all entries. `own` is the stack's own package, if it has no mistake; `own_name` is its name with its place.
pub(super) fn read(
    tables: Vec<Table<'_>>,
    own: Option<&PackageInfo>,
    own_name: Option<(String, ManifestPlace)>,
) -> FurtherPackages {
    let own_name = own_name.map(|(name, place)| Holder { name, has_user: true, place });
    let mut found = FurtherPackages { entries: Vec::new(), holders: own_name.into_iter().collect() };
    for mut table in tables {
        let (place, problems) = (table.place().clone(), table.problems);
        let name = table.name_if_there();
        let mut package = entry(&mut table, own);
        table.finish();
        if let Some((name, place)) = name {
            if let Some(other) = found.holders.iter().find(|other| other.name == name) {
                let other = other.place.span.clone().into();
                problems.add(&place, FurtherPackageMistake::SameName { name: name.clone(), other });
                package = None;
            }
            // Where a mistake has been noted already, no second one is to follow from it.
            let has_user = package.as_ref().zip(own).is_none_or(|(package, own)| {
                let fields = [&package.depends, &package.relations.pre_depends];
                let own_fields = [&own.depends, &own.relations.pre_depends];
                needs(fields, &own.name) && !needs(own_fields, &package.name)
            });
            found.holders.push(Holder { name, has_user, place });
        }
        found.entries.push((place, package));
    }
    found
}

fn needs(fields: [&Relations; 2], package: &PackageName) -> bool {
    fields.iter().flat_map(|field| &field.0).any(|one| matches!(one.0.as_slice(), [only] if only.name == *package))
}

fn entry(table: &mut Table<'_>, own: Option<&PackageInfo>) -> Option<FurtherPackage> {
    let name = table.required_text("name", name::further_name);
    let word = name.as_ref().map(PackageName::as_str);
    let summary = table.required_text("summary", |text| description::summary(text, word));
    let description = table.text("description", |text| description::rest(text, summary.as_deref()));
    let homepage = table.text("homepage", text::address);
    let section = table.text("section", text::section);
    let priority = table.text("priority", text::priority);
    let depends = relations::depends(table, word, own.map(|own| &own.version));
    let relations = relations::others(table, word, own.map(|own| &own.version));
    let own = own?;
    Some(FurtherPackage {
        name: name?,
        summary: summary?,
        description: description.unwrap_or_else(|| default_description(own)),
        homepage: homepage.or_else(|| own.homepage.clone()),
        section: section.unwrap_or_else(|| own.section.clone()),
        priority: priority.unwrap_or(own.priority),
        depends,
        relations,
        files: Vec::new(),
    })
}

/// The description of a package whose entry has none (Debian Policy 3.4.2).
fn default_description(own: &PackageInfo) -> String {
    let PackageInfo { name, summary, .. } = own;
    format!(
        "This package belongs to {name}: {summary}.\n\nIt has files that are installed by themselves, because not every \
         machine needs them. The package {name} has the application with its units and its site."
    )
}

/// Puts each file into its package. Returns the files of the stack's own package, and the further packages; `None` where a
/// problem has been noted.
pub(super) fn with_files(
    packages: FurtherPackages,
    files: Vec<Placed>,
    problems: &Problems,
) -> Option<(Vec<FurtherFile>, Vec<FurtherPackage>)> {
    let mut own = Vec::new();
    let mut entries = packages.entries;
    for Placed { package, file } in files {
        let mut all = entries.iter_mut().filter_map(|(_, further)| further.as_mut());
        match package.and_then(|name| all.find(|further| further.name.as_str() == name)) {
            Some(further) => further.files.push(file),
            None => own.push(file),
        }
    }
    let mut further = Vec::new();
    for (place, package) in entries {
        let package = package?;
        if package.files.is_empty() {
            problems.add(&place, FurtherPackageMistake::NoFile(package.name.to_string()));
            return None;
        }
        further.push(package);
    }
    Some((own, further))
}
