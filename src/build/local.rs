//! The packages that are built from stacks, among all that an image has: what is asked for → what is asked of the distribution. A
//! package of a stack is not asked of it; what that package depends on is.

use std::collections::{BTreeMap, BTreeSet};

use miette::IntoDiagnostic;

use crate::control::{Alternatives, Relations, Stanza};

/// The control data of such packages, by their names.
pub(super) struct Local<'a>(BTreeMap<&'a str, &'a Stanza>);

impl<'a> Local<'a> {
    pub fn of(controls: impl IntoIterator<Item = &'a Stanza>) -> Self {
        let named = |control: &'a Stanza| Some((control.get("Package")?, control));
        Self(controls.into_iter().filter_map(named).collect())
    }

    /// `asked` with the dependencies of each of these packages in the place of the package itself.
    ///
    /// # Errors
    /// When a relation in the control data is not valid.
    pub fn replaced(&self, asked: &Relations) -> miette::Result<Relations> {
        let mut todo: Vec<Alternatives> = asked.0.iter().rev().cloned().collect();
        let mut found = Relations::default();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        while let Some(alternatives) = todo.pop() {
            // The first alternative is the one that is chosen, where it is there.
            let local = alternatives.0.first().and_then(|first| self.0.get_key_value(first.name.as_str()));
            let Some((name, control)) = local else {
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
        Ok(found)
    }
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
