//! A pin → the file that is downloaded for it: the best wheel, from the lock's own list of files, else from the index. Where no
//! wheel fits and the lock says what a build needs, it is the source distribution.

use std::collections::BTreeSet;

use url::Url;

use super::lock::{Pin, address};
use super::source::sdist;
use super::{LibraryIndex, PythonError, PythonTarget, WheelName};
use crate::python::index::IndexFile;
use crate::system::hash::Sha256;

/// A file that was chosen.
pub(super) struct Chosen<'a> {
    pub(super) pin: &'a Pin,
    pub(super) file: String,
    pub(super) url: Url,
    pub(super) sha256: Sha256,
    /// What its build needs, when it is a source distribution.
    pub(super) tools: Option<&'a [Pin]>,
}

/// Chooses the file of a pin.
///
/// # Errors
/// When no file fits the target, or the index cannot be asked.
pub(super) fn choose<'a>(pin: &'a Pin, target: &PythonTarget, index: &LibraryIndex) -> Result<Chosen<'a>, PythonError> {
    let fits = |file: &str| {
        let name = WheelName::parse(file).filter(|name| name.version == pin.version)?;
        Some((target.rank(&name)?, std::cmp::Reverse(name.build().cloned())))
    };
    let listed = |sha256: Sha256| pin.hashes.is_empty() || pin.hashes.contains(&sha256);
    if !pin.files.is_empty() {
        let best = pin.files.iter().filter_map(|file| Some((fits(&file.name)?, file))).min_by(|a, b| a.0.cmp(&b.0));
        let source =
            pin.files.iter().find(|file| sdist::version_of(&file.name, &pin.name) == Some(pin.version.clone()));
        let (file, tools) = match (best, source, &pin.tools) {
            (Some((_, file)), _, _) => (file, None),
            (None, Some(file), Some(tools)) => (file, Some(tools.as_slice())),
            _ => return Err(no_wheel(pin, target, pin.files.iter().map(|file| file.name.as_str()))),
        };
        let url = match file.is_direct {
            true => address::of_file(file)?,
            false => index.url_of(&pin.name, &file.name, &file.url, file.sha256)?,
        };
        return Ok(Chosen { pin, file: file.name.clone(), url, sha256: file.sha256, tools });
    }
    let acceptable = |file: &IndexFile| fits(&file.name).is_some() && file.sha256.is_none_or(listed);
    let files = index.files(&pin.name, |files| files.iter().any(acceptable))?;
    let (place, name, version) = (pin.place.clone(), pin.name.to_string(), pin.version.to_string());
    let Some(files) = files else { return Err(PythonError::NoProject { place, name, index: index.shown() }) };
    let best = files.iter().filter(|file| acceptable(file)).min_by_key(|file| (fits(&file.name), file.name.clone()));
    let Some(file) = best else {
        if files.iter().any(|file| fits(&file.name).is_some()) {
            return Err(PythonError::HashNotListed { place, name, version, target: target.title.clone() });
        }
        let of_version: Vec<&str> =
            files.iter().map(|file| file.name.as_str()).filter(|file| is_of(file, pin)).collect();
        if of_version.is_empty() {
            let others = newest(&files);
            return Err(PythonError::NoVersion {
                place,
                library: format!("{name} {version}"),
                index: index.shown(),
                others,
            });
        }
        return Err(no_wheel(pin, target, of_version.into_iter()));
    };
    let sha256 = file.sha256.or_else(|| pin.hashes.first().copied().filter(|_| pin.hashes.len() == 1));
    let sha256 = sha256.ok_or_else(|| PythonError::NoDigest { file: file.name.clone() })?;
    Ok(Chosen { pin, file: file.name.clone(), url: file.url.clone(), sha256, tools: None })
}

/// Whether a file of the index is of the version that is pinned.
fn is_of(file: &str, pin: &Pin) -> bool {
    version_of(file).is_some_and(|version| version == pin.version)
}

fn version_of(file: &str) -> Option<pep440_rs::Version> {
    WheelName::parse(file).map(|name| name.version).or_else(|| sdist::version(file))
}

/// The newest versions of the index, as the end of a sentence.
fn newest(files: &[IndexFile]) -> String {
    let versions: BTreeSet<_> =
        files.iter().filter(|file| !file.yanked).filter_map(|file| version_of(&file.name)).collect();
    let newest: Vec<String> = versions.iter().rev().take(3).map(ToString::to_string).collect();
    if newest.is_empty() { String::new() } else { format!("; its newest versions are {}", newest.join(", ")) }
}

fn no_wheel<'a>(pin: &Pin, target: &PythonTarget, files: impl Iterator<Item = &'a str>) -> PythonError {
    let (wheels, others): (Vec<&str>, Vec<&str>) = files.partition(|file| file.ends_with(".whl"));
    let library = format!("{} {}", pin.name, pin.version);
    if others.iter().any(|file| sdist::version_of(file, &pin.name).is_some()) {
        return PythonError::NoTools { place: pin.place.clone(), library, target: target.title.clone() };
    }
    let instead = match wheels.is_empty() {
        true => String::new(),
        false => format!("; its wheels are for others: {}", wheels.into_iter().take(3).collect::<Vec<_>>().join(", ")),
    };
    let (major, minor) = target.glibc;
    PythonError::NoWheel {
        place: pin.place.clone(),
        library,
        target: format!("{} (CPython 3.{}, glibc {major}.{minor})", target.title, target.minor),
        instead,
    }
}
