//! What a user should know about the packages that a stack names, once the versions that the suite has are known.

use crate::control::{PackageName, Relation, Version};
use crate::python::Libraries;
use crate::stack::Stack;

/// The names that [`of_relations`] and [`taken`] need the versions of.
pub fn names(stack: &Stack) -> Vec<PackageName> {
    let mut names: Vec<PackageName> = relations(stack).map(|relation| relation.name.clone()).collect();
    names.extend(stack.package_names().cloned());
    names.sort();
    names.dedup();
    names
}

/// Says that the distribution has a package with the name of one of the stack's. apt would install that one in its place as
/// soon as its version is higher.
pub fn taken(name: &PackageName, version: &Version) -> String {
    format!(
        "the distribution has a package {name} of its own (version {version}), which `apt upgrade` would install in place \
         of the stack's; choose another name, such as {name}-app"
    )
}

/// Says which relations are met only because the version in the suite has an epoch: `python3-django (>= 6)` is met by
/// 3:4.2, which is Django 4.2.
pub fn of_relations(stack: &Stack, version_of: impl Fn(&PackageName) -> Option<Version>) -> Vec<String> {
    let one = |relation: &Relation| {
        let version = version_of(&relation.name)?;
        let (_, asked) = relation.version.as_ref()?;
        let bare: Version = version.without_epoch().parse().ok()?;
        let by_epoch = version.has_epoch() && !asked.has_epoch() && relation.accepts(&version);
        (by_epoch && !relation.accepts(&bare)).then(|| {
            format!(
                "`{relation}` is met by {} {version} only because of the epoch (the number before the colon): without it, \
                 {bare} is too old; if that version will do, leave the relation's version out",
                relation.name
            )
        })
    };
    relations(stack).filter_map(one).collect()
}

/// Says what a project of Django's lacks: what runs its migrations, and what serves its static files.
pub fn of_django(stack: &Stack, libraries: &Libraries) -> Vec<String> {
    let has_package = relations(stack).any(|relation| relation.name.as_str() == "python3-django");
    if !stack.app.folder.join("manage.py").is_file() || !(has_package || libraries.provide("django")) {
        return Vec::new();
    }
    let mut sentences = Vec::new();
    if stack.app.release_command.is_none() {
        sentences.push(
            "the app has manage.py, and nothing runs Django's migrations on the server: [app] release-command = \"python \
             manage.py migrate --noinput\" does"
                .to_owned(),
        );
    }
    if stack.site.static_files.is_empty() {
        sentences.push(
            "the app has manage.py, and nothing serves Django's static files: [app] build-command = \"python manage.py \
             collectstatic --noinput --clear\" collects them, and [[site.static]] serves the folder of STATIC_ROOT"
                .to_owned(),
        );
    }
    sentences
}

fn relations(stack: &Stack) -> impl Iterator<Item = &Relation> {
    let of_package = [&stack.package.depends, &stack.package.relations.pre_depends];
    let fields = of_package.into_iter().chain([&stack.app.depends, &stack.image.packages]);
    let further = stack.further_packages.iter().flat_map(|further| [&further.depends, &further.relations.pre_depends]);
    fields.chain(further).flat_map(|field| &field.0).flat_map(|alternatives| &alternatives.0)
}
