//! What each further package of a stack installs: the files of `[[file]]` that name it, with a changelog, a copyright file
//! (Debian Policy 12.5 and 12.7) and, where it needs them, lintian's overrides and a postinst.

use super::context::Context;
use super::template::{Template, Templates, template};
use super::{RenderError, further_files, machine_code, papers};
use crate::control::{Architecture, PackageName};
use crate::deb::elf::Programs;
use crate::deb::{Content, DebugFiles, Payload, PayloadEntry, Scripts};
use crate::python::Libraries;
use crate::stack::{FurtherPackage, Stack};

/// The part of both postinsts that gives a file to its owner.
pub(super) const SET_OWNER: Template = template!("debian/set-owner");
pub(super) const POSTINST: Template = template!("debian/further-postinst");

/// What a further package consists of.
#[derive(Debug, Clone)]
pub struct FurtherRendered {
    pub architecture: Architecture,
    pub payload: Payload,
    /// As in [`RenderedPackage`](super::RenderedPackage), as are the following.
    pub conffiles: Vec<String>,
    pub scripts: Scripts,
    pub programs: Programs,
    pub debug: DebugFiles,
}

/// Renders all further packages of a stack, in the order of the manifest.
///
/// # Errors
/// When a template has a mistake, a file cannot be read, or a program is damaged.
pub fn further_packages(stack: &Stack) -> Result<Vec<FurtherRendered>, RenderError> {
    stack.further_packages.iter().map(|package| render(stack, package)).collect()
}

fn render(stack: &Stack, package: &FurtherPackage) -> Result<FurtherRendered, RenderError> {
    let FurtherPackage { name, files, .. } = package;
    let code = machine_code::of_files(name.as_str(), files)?;
    // The libraries are in the stack's own package.
    let mut context = Context::of(stack, &Libraries::default());
    context.handed_over = further_files::handed_over(files)?;
    let has_postinst = !context.handed_over.is_empty();
    let mut templates = Templates::of_project(&stack.folder, &context)?;
    templates.add_part(SET_OWNER)?;

    let mut payload = Payload::default();
    let mut add = |path: String, content: Vec<u8>| payload.add_file(&path, Content::Bytes(content), 0o644);
    let copyright = templates.render(template!("debian/copyright"))?;
    add(format!("/usr/share/doc/{name}/copyright"), copyright.into_bytes())?;
    let (path, changelog) = papers::changelog(stack, name)?;
    add(path, changelog)?;
    if !code.overrides.is_empty() {
        add(format!("/usr/share/lintian/overrides/{name}"), format!("{}\n", code.overrides).into_bytes())?;
    }
    let mut conffiles = further_files::add(&mut payload, files)?;
    conffiles.sort();
    for (path, program) in code.stripped {
        payload.replace_content(&path, Content::Bytes(program));
    }
    let postinst = if has_postinst { Some(templates.render(POSTINST)?) } else { None };
    Ok(FurtherRendered {
        architecture: if code.is_there { Architecture::Amd64 } else { Architecture::All },
        payload,
        conffiles,
        scripts: Scripts { postinst, ..Scripts::default() },
        programs: code.programs,
        debug: code.debug,
    })
}

/// Checks that dpkg can install all of these packages side by side. A folder may be in several.
///
/// # Errors
/// At the first path that is a file or a link in two of them, or a folder in one and something else in another.
pub fn check_apart<'a>(packages: impl IntoIterator<Item = (&'a PackageName, &'a Payload)>) -> Result<(), RenderError> {
    let mut known: Vec<(&PackageName, std::collections::BTreeMap<&str, &PayloadEntry>)> = Vec::new();
    for (other, payload) in packages {
        let entries = payload.entries();
        for (path, new) in &entries {
            let is_other = |old: &&PayloadEntry| !matches!((old, new), (PayloadEntry::Folder { mode }, PayloadEntry::Folder { mode: same }) if mode == same);
            let found =
                known.iter().find_map(|(one, entries)| Some((one, entries.get(path).copied().filter(is_other)?)));
            if let Some((one, old)) = found {
                return Err(RenderError::InTwoPackages {
                    path: (*path).to_owned(),
                    one: one.to_string(),
                    old: describe(old),
                    other: other.to_string(),
                    new: describe(new),
                });
            }
        }
        known.push((other, entries));
    }
    Ok(())
}

fn describe(entry: &PayloadEntry) -> String {
    match entry {
        PayloadEntry::File { content: Content::Bytes(_), .. } => "a file that stackdeb makes".to_owned(),
        other => other.describe(),
    }
}
