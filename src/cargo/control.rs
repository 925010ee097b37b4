//! The control data of a crate's package: cargo's answer, the keys and the options → [`Control`].

use std::str::FromStr;

use super::CargoError;
use super::description;
use super::keys::{Keys, RELATIONS};
use super::metadata::{Crate, package_name};
use super::options::Options;
use super::papers;
use crate::control::{Alternatives, Architecture, PackageName, Priority, Relations, Version};
use crate::deb::{Control, ControlRules};

/// The word in `depends` that stands for the packages with the programs' libraries.
const AUTO: &str = "$auto";

/// The control data without the packages that `$auto` stands for, and what has to be said about them.
pub(super) fn control(of: &Crate, keys: &Keys, options: &Options) -> Result<(Control, Vec<String>), CargoError> {
    let mut warnings = Vec::new();
    let mut description = of.description.clone().unwrap_or_default();
    if description.trim().is_empty() {
        warnings.push(format!("{}: the crate has no description", of.manifest()));
        description = format!("[generated from Rust crate {}]", of.name);
    }
    let extended = extended_description(of, keys, &mut warnings)?;
    let (summary, description) = description::summary_and_rest(&description, extended.as_deref());
    let name = keys.name.clone().unwrap_or_else(|| package_name(&of.name));
    let [pre_depends, recommends, suggests, enhances, conflicts, breaks, replaces, provides] = others(keys)?;
    let priority = keys.priority.as_deref().unwrap_or("optional");
    let control = Control {
        rules: ControlRules::Dpkg,
        package: parsed::<PackageName>(&name, &format!("{}, name", keys.place))?,
        version: version(of, keys, options)?,
        architecture: Architecture::Amd64,
        maintainer: maintainer(of, keys, options)?,
        pre_depends,
        depends: Relations::default(),
        recommends,
        suggests,
        enhances,
        conflicts,
        breaks,
        replaces,
        provides,
        section: keys.section.clone(),
        priority: parsed::<Priority>(priority, &format!("{}, priority", keys.place))?,
        homepage: [&of.homepage, &of.documentation, &of.repository].into_iter().flatten().next().cloned(),
        summary,
        description,
        extra: options.multiarch.field().into_iter().collect(),
    };
    warnings.extend(control.check_policy().err().map(|error| format!("{}: {error} (Debian Policy)", keys.place)));
    Ok((control, warnings))
}

fn others(keys: &Keys) -> Result<[Relations; RELATIONS.len()], CargoError> {
    let mut all = [const { Relations(Vec::new()) }; RELATIONS.len()];
    for ((slot, text), key) in all.iter_mut().zip(&keys.relations.others).zip(RELATIONS) {
        if let Some(text) = text {
            *slot = parsed(text, &format!("{}, {key}", keys.place))?;
        }
    }
    Ok(all)
}

/// `Depends`: as it is written, with `libraries` instead of `$auto`.
pub(super) fn depends(keys: &Keys, libraries: &Relations) -> Result<Relations, CargoError> {
    let place = format!("{}, depends", keys.place);
    let mut all = Relations::default();
    for member in keys.relations.depends.split(',').map(str::trim).filter(|member| !member.is_empty()) {
        if member == AUTO {
            libraries.0.iter().for_each(|library| all.add(library.clone()));
        } else {
            let alternatives: Alternatives = parsed(member, &place)?;
            // Empty when it is for other architectures only.
            if !alternatives.0.is_empty() {
                all.add(alternatives);
            }
        }
    }
    Ok(all)
}

/// Whether `depends` asks for the packages of the libraries that the programs link.
pub(super) fn has_auto(keys: &Keys) -> bool {
    keys.relations.depends.split(',').any(|member| member.trim() == AUTO)
}

fn maintainer(of: &Crate, keys: &Keys, options: &Options) -> Result<String, CargoError> {
    let found = keys.maintainer.clone().or_else(|| of.authors.first().cloned());
    let found = found.or_else(|| options.maintainer.clone());
    found.ok_or_else(|| {
        let what = "nobody is named as the maintainer, and the crate has no authors";
        CargoError::new(&keys.place, what, "add `maintainer = \"Name <user@example.org>\"`")
    })
}

/// The crate's version with `~` before what makes it earlier, and the revision.
fn version(of: &Crate, keys: &Keys, options: &Options) -> Result<Version, CargoError> {
    if let Some(version) = &options.deb_version {
        return parsed(version, "--deb-version");
    }
    let mut version = of.version.clone();
    if let Some((main, early)) = of.version.split_once('-') {
        let has = |test: fn(&u8) -> bool| early.as_bytes().iter().any(test);
        if has(u8::is_ascii_digit) && has(|byte| !byte.is_ascii_digit()) {
            version = format!("{main}~{early}");
        }
    }
    let revision = options.deb_revision.as_deref().or(keys.revision.as_deref()).unwrap_or("1");
    if !revision.is_empty() && revision != "0" {
        version = format!("{version}-{revision}");
    }
    parsed(&version, &format!("{}, the version", keys.place))
}

fn extended_description(of: &Crate, keys: &Keys, warnings: &mut Vec<String>) -> Result<Option<String>, CargoError> {
    if let Some(file) = &keys.extended_description_file {
        if keys.extended_description.is_some() {
            let both = "extended-description and extended-description-file are both there; the file is taken";
            warnings.push(format!("{}: {both}", keys.place));
        }
        return papers::read(of.folder(), file, &format!("{}, extended-description-file", keys.place)).map(Some);
    }
    match (&keys.extended_description, &of.readme) {
        (Some(text), _) => Ok(Some(text.clone())),
        (None, Some(readme)) => papers::read(of.folder(), readme, &format!("{}, readme", of.manifest())).map(Some),
        (None, None) => Ok(None),
    }
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(text: &str, place: &str) -> Result<T, CargoError> {
    text.parse().map_err(|error| {
        CargoError::new(place, format!("`{text}` is not valid: {error}"), "write it as Debian Policy 5.6 and 7 say")
    })
}
