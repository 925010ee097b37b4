//! The tables `[[file]]`: what a stack installs beside its application.

use std::path::Path;

use miette::Diagnostic;

use super::table::Table;
use crate::stack::further_file::{FurtherContent, FurtherFile, Owner};
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
    #[error("`{0}` is the path of another [[file]] as well")]
    #[diagnostic(help("give one of them another path, or leave it out"))]
    SamePath(String),
}

/// Reads all entries; `None` where a problem has been noted. `own` is the name of the stack's user, if it has one.
pub(super) fn read(document: &mut Table<'_>, project: &Path, own: Option<&str>) -> Option<Vec<FurtherFile>> {
    let mut all: Vec<Option<FurtherFile>> = Vec::new();
    for mut table in document.optional_tables("file") {
        let place = table.place_if_there("path");
        let entry = entry(&mut table, project, own);
        table.finish();
        if let (Some(place), Some(entry)) = (place, &entry)
            && all.iter().flatten().any(|other| other.path == entry.path)
        {
            document.problems.add(&place, FurtherFileMistake::SamePath(entry.path.clone()));
        }
        all.push(entry);
    }
    all.into_iter().collect()
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
