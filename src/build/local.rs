//! The packages that are built from stacks, among all that an image has: what is asked for → what is asked of the distribution. A
//! package of a stack is not asked of it; what that package depends on is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use miette::IntoDiagnostic;

use crate::control::{Alternatives, Architecture, Relations, Stanza};
use crate::deb::Reader;
use crate::stack::{Stack, file_name};

/// The control data of such packages, by their names.
pub(super) struct Local<'a>(BTreeMap<&'a str, &'a Stanza>);

impl<'a> Local<'a> {
    pub fn of(controls: impl IntoIterator<Item = &'a Stanza>) -> Self {
        let named = |control: &'a Stanza| Some((control.get("Package")?, control));
        Self(controls.into_iter().filter_map(named).collect())
    }

    /// `asked` with the dependencies of each of these packages instead of the package itself.
    ///
    /// # Errors
    /// When a relation in the control data is not valid.
    pub fn replaced(&self, asked: &Relations) -> miette::Result<Relations> {
        Ok(self.resolved(asked)?.0)
    }

    /// The same, and the names of those of these packages that are needed.
    fn resolved(&self, asked: &Relations) -> miette::Result<(Relations, BTreeSet<&'a str>)> {
        let mut todo: Vec<Alternatives> = asked.0.iter().rev().cloned().collect();
        let mut found = Relations::default();
        let mut seen = BTreeSet::new();
        while let Some(alternatives) = todo.pop() {
            // The first alternative is the one that is chosen, where it is there.
            let local = alternatives.0.first().and_then(|first| self.0.get_key_value(first.name.as_str()));
            let Some((&name, control)) = local else {
                if !found.0.contains(&alternatives) {
                    found.0.push(alternatives);
                }
                continue;
            };
            if seen.insert(name) {
                for field in ["Depends", "Pre-Depends"] {
                    let needed: Relations = control.get(field).unwrap_or_default().parse().into_diagnostic()?;
                    todo.extend(needed.0.into_iter().rev());
                }
            }
        }
        Ok((found, seen))
    }
}

/// The files in `dist` of the packages of a stack that an image has, its own first. All were built.
///
/// # Errors
/// When a file cannot be read.
pub fn in_image(stack: &Stack) -> miette::Result<Vec<PathBuf>> {
    let mut found: Vec<(Stanza, PathBuf)> = Vec::new();
    for name in stack.package_names() {
        let paths = [Architecture::Amd64, Architecture::All]
            .map(|architecture| stack.dist().join(file_name(name.as_str(), &stack.package.version, architecture)));
        // One may be left of an earlier build, when the package had a program, or none.
        let written = |path: &PathBuf| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        if let Some(path) = paths.into_iter().max_by_key(written) {
            found.push((Reader::open(&path)?.control()?, path));
        }
    }
    let local = Local::of(found.iter().map(|(control, _)| control));
    let own: Relations = stack.package.name.as_str().parse().into_diagnostic()?;
    let asked = Relations(own.0.into_iter().chain(stack.image.packages.0.iter().cloned()).collect());
    let (_, needed) = local.resolved(&asked)?;
    let is_needed = |control: &Stanza| control.get("Package").is_some_and(|name| needed.contains(name));
    Ok(found.iter().filter(|(control, _)| is_needed(control)).map(|(_, path)| path.clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_gives_way_to_what_it_depends_on_also_in_a_circle() {
        let controls = [
            "Package: shop\nDepends: nginx, shop-tools (= 1), mail | shop-mail\n",
            "Package: shop-tools\nPre-Depends: dpkg\nDepends: shop (= 1), jq, nginx\n",
            "Package: shop-mail\nDepends: postfix\n",
        ];
        let controls = controls.map(|text| Stanza::parse(text).unwrap());
        let local = Local::of(&controls);
        let replaced = |asked: &str| local.replaced(&asked.parse().unwrap()).unwrap().to_string();
        assert_eq!(replaced("systemd, shop"), "systemd, nginx, dpkg, jq, mail | shop-mail");
        assert_eq!(replaced("shop-mail"), "postfix");
        assert_eq!(replaced("nginx"), "nginx");
    }
}
