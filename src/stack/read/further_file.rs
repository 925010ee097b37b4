//! The tables `[[file]]`: what a stack installs beside its application, and in which of its packages.

use std::path::Path;

use miette::{Diagnostic, SourceSpan};

use super::further_package::{Holder, Placed};
use super::table::Table;
use crate::stack::further_file::{FurtherContent, FurtherFile, Owner};
use crate::stack::nearest::nearest;
use crate::stack::problem::ManifestPlace;
use crate::stack::values::{files, place};

/// The keys of which an entry has one.
const CONTENTS: [&str; 3] = ["source", "folder", "link"];

/// The mode of a folder for which none is named.
const FOLDER_MODE: u32 = 0o755;

/// What is wrong with an entry as a whole.
#[derive(Debug, thiserror::Error, Diagnostic)]
enum FurtherFileMistake {
    #[error("has none of the keys `source`, `folder` and `link`, so it is not said what is installed")]
    #[diagnostic(help(
        "write `source = \"FILE\"` for a copy of a file of the project, `folder = true` for an empty folder, or `link = \"TARGET\"` for a symbolic link"
    ))]
    Nothing,
    #[error("stands beside `{0}`, and an entry is only one of the two")]
    #[diagnostic(help("keep one of them, and write a further [[file]] for the other"))]
    Several(&'static str),
    #[error("is of no use for a link: Linux looks at the file that it points to")]
    #[diagnostic(help("leave it out, or set it where that file is installed"))]
    OfALink,
    #[error("is `false`, which says nothing")]
    #[diagnostic(help("write `folder = true` for an empty folder, or leave it out"))]
    NoFolder,
    #[error("`{path}` is the path of another [[file]] as well")]
    #[diagnostic(help(
        "dpkg allows no file twice, also not in two packages: give one of them another path, or leave it out"
    ))]
    SamePath {
        path: String,
        #[label("the other one")]
        other: SourceSpan,
    },
    #[error("the stack has no package `{name}`{}", suggestion.as_ref().map_or(String::new(), |known| format!(": did you mean `{known}`?")))]
    #[diagnostic(help("its packages are: {known}; a table [[package]] with that name makes another one"))]
    NoPackage { name: String, suggestion: Option<String>, known: String },
    #[error("`{own}` is the user of the package `{own}`, and `{package}` may be installed before it is there")]
    #[diagnostic(help(
        "let `{package}` depend on `{own}`, and not the other way round: `depends = [\"{own}\"]` in its [[package]]; or name another owner"
    ))]
    OwnerOfOther { own: String, package: String },
}

/// Reads all entries; `None` where a problem has been noted. `own` is the name of the stack's user, if it has one; `holders`
/// are the packages that there are.
pub(super) fn read(
    document: &mut Table<'_>,
    project: &Path,
    own: Option<&str>,
    holders: &[Holder],
) -> Option<Vec<Placed>> {
    let mut all: Vec<Option<Placed>> = Vec::new();
    let mut places: Vec<(String, ManifestPlace)> = Vec::new();
    for mut table in document.optional_tables("file") {
        let place = table.place_if_there("path");
        let package_place = table.place_if_there("package");
        let package = table.text("package", |name| find(name, holders));
        let entry = entry(&mut table, project, own);
        let owner_place = table.place_if_there("owner");
        table.finish();
        if let (Some(place), Some(entry)) = (place, &entry) {
            if let Some((path, other)) = places.iter().find(|(path, _)| *path == entry.path) {
                let (path, other) = (path.clone(), other.span.clone().into());
                document.problems.add(&place, FurtherFileMistake::SamePath { path, other });
            }
            places.push((entry.path.clone(), place));
        }
        if package_place.is_some() && package.is_none() {
            all.push(None);
            continue;
        }
        if let (Some(holder), Some(own), Some(entry), Some(place)) = (package, own, &entry, owner_place)
            && !holder.has_user
            && [&entry.owner.user, &entry.owner.group].iter().any(|name| *name == own)
        {
            let (own, package) = (own.to_owned(), holder.name.clone());
            document.problems.add(&place, FurtherFileMistake::OwnerOfOther { own, package });
        }
        all.push(entry.map(|file| Placed { package: package.map(|holder| holder.name.clone()), file }));
    }
    all.into_iter().collect()
}

fn find<'a>(name: &str, holders: &'a [Holder]) -> Result<&'a Holder, FurtherFileMistake> {
    holders.iter().find(|holder| holder.name == name).ok_or_else(|| {
        let known: Vec<&str> = holders.iter().map(|holder| holder.name.as_str()).collect();
        FurtherFileMistake::NoPackage {
            name: name.escape_debug().to_string(),
            suggestion: nearest(name, &known).map(str::to_owned),
            known: known.join(", "),
        }
    })
}

fn entry(table: &mut Table<'_>, project: &Path, own: Option<&str>) -> Option<FurtherFile> {
    let path = table.required_text("path", place::path);
    let source = table.text("source", |text| files::file(text, project));
    let folder = table.flag("folder");
    let link = table.text("link", place::target);
    let mode = table.text("mode", place::mode);
    let owner = table.text("owner", |text| place::owner(text, own));
    let [mode_place, owner_place] = ["mode", "owner"].map(|key| table.place_if_there(key));
    let contents = CONTENTS.map(|key| table.place_if_there(key).map(|place| (key, place)));
    let mut there = contents.into_iter().flatten();
    let Some((first, place)) = there.next() else {
        table.problems.add(table.place(), FurtherFileMistake::Nothing);
        return None;
    };
    if let Some((_, place)) = there.next() {
        table.problems.add(&place, FurtherFileMistake::Several(first));
        return None;
    }
    let is_mistaken = (mode_place.is_some() && mode.is_none()) || (owner_place.is_some() && owner.is_none());
    let content = match first {
        "source" => FurtherContent::File { source: source?, mode },
        "folder" if folder? => FurtherContent::Folder { mode: mode.unwrap_or(FOLDER_MODE) },
        "folder" => {
            table.problems.add(&place, FurtherFileMistake::NoFolder);
            return None;
        }
        _ => {
            if let Some(place) = mode_place.or(owner_place) {
                table.problems.add(&place, FurtherFileMistake::OfALink);
                return None;
            }
            FurtherContent::Link { target: link? }
        }
    };
    let owner = owner.unwrap_or_else(Owner::root);
    (!is_mistaken).then_some(FurtherFile { path: path?, content, owner })
}
