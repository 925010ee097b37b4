//! The differences as a page for people. A package with another version changes all of its files, so of these only the ones
//! are listed that an administrator has to know: those with other modes or owners, and those that give rights.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::attributes::title;
use super::difference::{Aspect, Difference, FileChange, Summary, ValueChange};
use super::side::{TreeEntry, TreeEntryKind, What};

/// The page. With `all_files`, each file that differs is on it.
pub fn page(difference: &Difference, all_files: bool) -> String {
    let Difference { a, b, same, packages, fields, files, only_times, without_details } = difference;
    let mut text = format!("A  {}\nB  {}\n", summary(a), summary(b));
    // Writing to a text does not fail.
    if *same {
        text.push_str("\nBoth are the same, to the last bit.\n");
        return text;
    }
    let moved: BTreeMap<&str, &ValueChange> = packages.iter().map(|one| (one.name.as_str(), one)).collect();
    let is_summed = |change: &FileChange| {
        a.kind == What::Image && change.package.as_deref().is_some_and(|name| moved.contains_key(name))
    };
    if !packages.is_empty() {
        text.push_str("\nPackages\n");
        let width = packages.iter().map(|one| one.name.chars().count()).max().unwrap_or_default();
        for one in packages {
            let _ = write!(text, "  {:width$}  {}", one.name, versions(one));
            let own: Vec<&FileChange> =
                files.iter().filter(|file| file.package.as_ref() == Some(&one.name) && is_summed(file)).collect();
            if !own.is_empty() {
                let growth = own.iter().map(|file| file.growth()).fold(0, i64::saturating_add);
                let _ = write!(text, "   {}, {growth:+} bytes", count(own.len(), "file"));
            }
            text.push('\n');
        }
    }
    if !fields.is_empty() {
        text.push_str("\nFields\n");
        for field in fields {
            let _ = writeln!(text, "  {}", field.name);
            for (sign, value) in [('-', &field.a), ('+', &field.b)] {
                for line in value.iter().flat_map(|value| value.trim().lines()) {
                    let _ = writeln!(text, "    {sign} {}", shown(line));
                }
            }
        }
    }
    let listed: Vec<&FileChange> =
        files.iter().filter(|change| all_files || !is_summed(change) || is_notable(change)).collect();
    if !listed.is_empty() {
        text.push_str("\nFiles\n");
        for change in &listed {
            let _ = writeln!(text, "  {}", line(change));
        }
    }
    let unlisted = files.len().saturating_sub(listed.len());
    if unlisted > 0 {
        let _ = writeln!(text, "\n{} of the packages above are not listed: --files does.", count(unlisted, "file"));
    }
    if *only_times > 0 {
        let _ = writeln!(text, "\n{} in the time alone.", differ(*only_times));
    }
    for path in without_details {
        let _ = writeln!(
            text,
            "\nExtended attributes, device numbers and hard links are not compared: {} was not unmounted cleanly, or is not an \
             ext4 file system of the usual form.",
            shown(path)
        );
    }
    if packages.is_empty() && fields.is_empty() && files.is_empty() && *only_times == 0 {
        let where_else = match a.kind {
            What::Package => "in the form of the archive, such as its compression",
            What::Image => "in the file system's own data, such as its UUID, or the places of the files",
        };
        let _ = writeln!(text, "\nThe files are the same; the bytes differ {where_else}.");
    }
    text
}

fn summary(side: &Summary) -> String {
    let kind = match side.kind {
        What::Package => "package".to_owned(),
        What::Image => format!("image with {}", count(side.packages, "package")),
    };
    format!("{}: {kind}, {} and folders, {} bytes in files", shown(&side.path), count(side.files, "file"), side.bytes)
}

fn versions(change: &ValueChange) -> String {
    let version = |value: &Option<String>| value.as_deref().map_or_else(|| "none".to_owned(), shown);
    format!("{} → {}", version(&change.a), version(&change.b))
}

fn is_notable(change: &FileChange) -> bool {
    let aspects = change.aspects();
    let gives_rights = |entry: &Option<TreeEntry>| entry.as_ref().is_some_and(TreeEntry::gives_rights);
    aspects.iter().any(|aspect| !matches!(aspect, Aspect::Content | Aspect::OtherNames))
        || ((change.a.is_none() || change.b.is_none()) && (gives_rights(&change.a) || gives_rights(&change.b)))
}

fn line(change: &FileChange) -> String {
    let path = shown(&change.path);
    match (&change.a, &change.b) {
        (Some(a), Some(b)) => {
            let parts: Vec<String> = change.aspects().into_iter().map(|aspect| part(aspect, a, b)).collect();
            format!("changed  {path}  {}", parts.join(", "))
        }
        (None, Some(entry)) => format!("added    {path}  {}", all_of(entry)),
        (Some(entry), None) => format!("removed  {path}  {}", all_of(entry)),
        (None, None) => path,
    }
}

fn part(aspect: Aspect, a: &TreeEntry, b: &TreeEntry) -> String {
    match aspect {
        Aspect::Kind => format!("{} → {}", a.kind.as_str(), b.kind.as_str()),
        Aspect::Mode => format!("mode {:04o} → {:04o}", a.mode, b.mode),
        Aspect::Owner => format!("owner {}:{} → {}:{}", a.uid, a.gid, b.uid, b.gid),
        Aspect::Content if a.kind == TreeEntryKind::File && a.size == b.size => format!("content, {} bytes", a.size),
        Aspect::Content if a.kind == TreeEntryKind::File => format!("content, {} → {} bytes", a.size, b.size),
        Aspect::Content => {
            let content = |entry: &TreeEntry| shown(entry.content.as_deref().unwrap_or_default());
            let what = if a.kind.is_device() { "device" } else { "link to" };
            format!("{what} {} → {}", content(a), content(b))
        }
        Aspect::Attributes => {
            let names: BTreeSet<&String> = a.attributes.keys().chain(b.attributes.keys()).collect();
            let differing = names.into_iter().filter(|name| a.attributes.get(*name) != b.attributes.get(*name));
            let value = |entry: &TreeEntry, name: &str| {
                entry.attributes.get(name).map_or_else(|| "none".to_owned(), |value| shown(value))
            };
            let one = |name: &String| format!("{} {} → {}", shown(&title(name)), value(a, name), value(b, name));
            differing.map(one).collect::<Vec<_>>().join(", ")
        }
        Aspect::OtherNames => format!("hard links {} → {}", other_names(a), other_names(b)),
    }
}

fn all_of(entry: &TreeEntry) -> String {
    let TreeEntry { kind, mode, uid, gid, size, content, .. } = entry;
    match kind {
        TreeEntryKind::File => format!("mode {mode:04o}, owner {uid}:{gid}, {size} bytes{}", details(entry)),
        TreeEntryKind::Link => format!("link to {}{}", shown(content.as_deref().unwrap_or_default()), details(entry)),
        other => {
            let numbers = content.as_ref().map(|numbers| format!(" {numbers}")).unwrap_or_default();
            format!("{}{numbers}, mode {mode:04o}, owner {uid}:{gid}{}", other.as_str(), details(entry))
        }
    }
}

fn details(entry: &TreeEntry) -> String {
    let mut text: String =
        entry.attributes.iter().map(|(name, value)| format!(", {} {}", shown(&title(name)), shown(value))).collect();
    if !entry.other_names.is_empty() {
        let _ = write!(text, ", hard links {}", other_names(entry));
    }
    text
}

fn other_names(entry: &TreeEntry) -> String {
    let names: Vec<String> = entry.other_names.iter().map(|name| shown(name)).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(" ") }
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn differ(number: usize) -> String {
    match number {
        1 => "1 file or folder differs".to_owned(),
        _ => format!("{number} files or folders differ"),
    }
}

/// A name of a package or file can have what would control the terminal.
fn shown(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}
