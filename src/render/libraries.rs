//! The libraries from the Python Package Index in the package: their files, what the copyright file says about them, and
//! lintian's overrides for what they have by nature.

use std::collections::BTreeMap;
use std::fs;

use super::error::RenderError;
use crate::deb::{Content, Payload};
use crate::python::{Libraries, Library, PythonError, Roots, WheelPlace};
use crate::stack::Stack;

/// Adds the files of all libraries.
pub(super) fn add(payload: &mut Payload, stack: &Stack, libraries: &Libraries) -> Result<(), RenderError> {
    let roots = Roots::of(stack.package.name.as_str());
    let mut owners: BTreeMap<String, (&Library, Content)> = BTreeMap::new();
    for library in &libraries.all {
        let unreadable = |source| PythonError::Unreadable { path: library.wheel.file.clone(), source };
        for file in library.wheel.installed(&roots).map_err(unreadable)? {
            if let Some((owner, content)) = owners.get(&file.path) {
                // Two libraries may have the same empty `__init__.py` of a namespace that they share.
                if same(content, &file.content) {
                    continue;
                }
                let (one, other) = (owner.wheel.file.clone(), library.wheel.file.clone());
                return Err(PythonError::Clash { one, other, path: file.path }.into());
            }
            payload.add_file(&file.path, file.content.clone(), file.mode)?;
            owners.insert(file.path, (library, file.content));
        }
    }
    Ok(())
}

fn same(one: &Content, other: &Content) -> bool {
    let bytes = |content: &Content| match content {
        Content::Bytes(bytes) => Some(bytes.clone()),
        Content::File(path) => fs::read(path).ok(),
    };
    matches!((bytes(one), bytes(other)), (Some(one), Some(other)) if one == other)
}

/// A paragraph for each library (DEP-5): its files, who wrote it, its licence, and where the licence's text is.
pub(super) fn papers(libraries: &Libraries, roots: &Roots) -> String {
    libraries.all.iter().map(|library| paper(library, roots)).collect::<Vec<_>>().join("\n\n")
}

fn paper(library: &Library, roots: &Roots) -> String {
    let (wheel, metadata) = (&library.wheel, &library.wheel.metadata);
    let below = roots.libraries.trim_start_matches('/');
    let modules = wheel.modules().into_iter().map(|module| {
        let is_file = wheel.files.iter().any(|file| file.place == WheelPlace::Library(module.to_owned()));
        let module = pattern(module);
        if is_file { format!("{below}/{module}") } else { format!("{below}/{module}/*") }
    });
    let files: Vec<String> = modules.chain([format!("{below}/{}/*", pattern(&wheel.dist_info))]).collect();
    let authors = metadata.authors.clone().unwrap_or_else(|| format!("the authors of {}", library.name));
    let said = metadata.license.clone().unwrap_or_else(|| "its metadata do not say".to_owned());
    let texts = license_files(library);
    let texts: Vec<String> = texts.iter().map(|path| format!("   {}/{path}", roots.libraries)).collect();
    let text = if texts.is_empty() {
        " The library has no file with the licence's text.".to_owned()
    } else {
        format!(" The text of the licence:\n{}", texts.join("\n"))
    };
    let source =
        metadata.home_page.as_ref().map(|page| format!("\n It comes from {}.", one_line(page))).unwrap_or_default();
    format!(
        "Files: {}\nCopyright: {}\nLicense: {}-license\n{text}\nComment: {} {}, from the Python Package Index. Licence: {}.{source}",
        files.join("\n       "),
        one_line(&authors),
        library.name,
        library.name,
        library.version,
        one_line(&said),
    )
}

/// The files with the licence's text, below the folder of the libraries.
fn license_files(library: &Library) -> Vec<String> {
    let info = format!("{}/", library.wheel.dist_info);
    let is_license = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path).to_uppercase();
        ["LICENSE", "LICENCE", "COPYING", "NOTICE", "AUTHORS"].iter().any(|word| name.starts_with(word))
            || library
                .wheel
                .metadata
                .license_files
                .iter()
                .any(|file| path == format!("licenses/{file}") || path == file)
    };
    let own = library.wheel.files.iter().filter_map(|file| match &file.place {
        WheelPlace::Library(path) => path.strip_prefix(&info).filter(|rest| is_license(rest)).map(|_| path.clone()),
        _ => None,
    });
    own.collect()
}

/// In the field `Files`, white space separates patterns, and `?` stands for any character.
fn pattern(name: &str) -> String {
    name.replace(|c: char| c.is_whitespace() || "*?\\".contains(c), "?")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The tags of lintian for what may be in the libraries, which are packed as their authors published them; each with the
/// pattern of what the tag says about a file.
const OF_EVERY: [&str; 2] = ["extra-license-file", "package-contains-documentation-outside-usr-share-doc"];
const OF_COMPILED: [&str; 3] =
    ["hardening-no-bindnow", "hardening-no-fortify-functions", "binary-has-unneeded-section .comment"];

fn is_image(path: &str) -> bool {
    [".bmp", ".gif", ".jpg", ".jpeg", ".png", ".tiff", ".xpm", ".xbm"].iter().any(|end| path.ends_with(end))
}

/// Overrides for what belongs to the libraries by nature.
pub(super) fn overrides(libraries: &Libraries, roots: &Roots, name: &str) -> String {
    let below = format!("[{}/*]", roots.libraries.trim_start_matches('/'));
    let mut lines =
        vec!["# The libraries are as their authors published them, with their licences beside them.".to_owned()];
    lines.extend(OF_EVERY.iter().map(|tag| format!("{name}: {tag} {below}")));
    let programs = roots.programs.trim_start_matches('/');
    if libraries.all.iter().any(|library| library.wheel.has_programs()) {
        lines.push(format!("{name}: executable-in-usr-lib [{programs}/*]"));
    }
    let files = libraries.all.iter().flat_map(|library| &library.wheel.files);
    if files.clone().any(|file| matches!(&file.place, WheelPlace::Library(path) if is_image(path))) {
        lines.push(format!("{name}: image-file-in-usr-lib {below}"));
    }
    if libraries.needs.compiled {
        lines.push("# Their compiled parts were made elsewhere, for every distribution of Linux.".to_owned());
        lines.extend(OF_COMPILED.iter().map(|tag| format!("{name}: {tag} {below}")));
    }
    let unstripped = libraries.needs.unstripped.iter();
    lines.extend(unstripped.map(|path| {
        format!(
            "{name}: unstripped-binary-or-object [{}/{path}]",
            below.trim_start_matches('[').trim_end_matches("/*]")
        )
    }));
    lines.join("\n")
}
