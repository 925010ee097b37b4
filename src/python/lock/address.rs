//! Requirements that name the address of their wheel (PEP 508): `name @ https://example.org/name-1.0-py3-none-any.whl`, with
//! its SHA-256 behind `#sha256=` or `--hash=sha256:`. The wheel is taken from there, and no index is asked for it.

use pep440_rs::Version;
use pep508_rs::{PackageName, VersionOrUrl};
use std::str::FromStr;
use url::Url;

use super::line::Line;
use super::pin::LockedFile;
use crate::python::index::percent_decoded;
use crate::python::{PythonError, WheelName};
use crate::system::hash::Sha256;

/// The wheel that a line names by its address, with the version that is in its name. `None` when it names none.
///
/// # Errors
/// When the address is not one of a wheel of that library, or there is no digest.
pub(super) fn wheel(line: &Line) -> Result<Option<(Version, LockedFile)>, PythonError> {
    let Some(VersionOrUrl::Url(address)) = &line.requirement.version_or_url else { return Ok(None) };
    let wrong = |why: &str| PythonError::Direct {
        place: line.place.clone(),
        requirement: line.requirement.to_string(),
        why: why.to_owned(),
    };
    let mut url = address.to_url();
    if !matches!(url.scheme(), "https" | "http") {
        return Err(wrong("it is not an address of the web"));
    }
    let fragment = url.fragment().map(str::to_owned);
    url.set_fragment(None);
    let name = percent_decoded(url.path().rsplit('/').next().unwrap_or_default());
    let parsed = WheelName::parse(&name).ok_or_else(|| wrong("its last part is not the name of a wheel"))?;
    if PackageName::from_str(&parsed.name).ok().as_ref() != Some(&line.requirement.name) {
        return Err(wrong("the wheel there is one of another library"));
    }
    let sha256 = digest(fragment.as_deref(), &line.hashes).map_err(wrong)?;
    Ok(Some((parsed.version, LockedFile { name, url: url.to_string(), sha256, is_direct: true })))
}

/// The digest of the file: that of the fragment, or the only one of the options.
fn digest(fragment: Option<&str>, hashes: &[Sha256]) -> Result<Sha256, &'static str> {
    let digits = fragment.into_iter().flat_map(|text| text.split('&')).find_map(|part| part.strip_prefix("sha256="));
    let said =
        digits.map(|digits| digits.parse::<Sha256>().map_err(|_| "its SHA-256 has not 64 digits")).transpose()?;
    match (said, hashes) {
        (Some(digest), []) => Ok(digest),
        (Some(digest), _) if hashes.contains(&digest) => Ok(digest),
        (Some(_), _) => Err("it has two different digests"),
        (None, [digest]) => Ok(*digest),
        (None, []) => Err("it has no SHA-256"),
        (None, _) => Err("it has several digests, and the file has one"),
    }
}

/// The lines of a resolver, with the addresses and digests that are asked for instead of its own for the same library.
pub(super) fn with_digests(lines: Vec<String>, asked: &[&Line]) -> Result<Vec<String>, PythonError> {
    let mut direct = Vec::new();
    for line in asked {
        if let Some((_, file)) = wheel(line)? {
            let name = &line.requirement.name;
            direct.push((name, format!("{name} @ {}#sha256={}", file.url, file.sha256)));
        }
    }
    let replace = |line: String| {
        let end = line.find(['@', '=', '[', ' ', ';']).unwrap_or(line.len());
        let name = line.get(..end).and_then(|name| PackageName::from_str(name.trim()).ok());
        let own = direct.iter().find(|(known, _)| name.as_ref() == Some(*known));
        own.map_or(line, |(_, own)| own.clone())
    };
    Ok(lines.into_iter().map(replace).collect())
}

/// The address that a file is taken from as it is.
pub(in crate::python) fn of_file(file: &LockedFile) -> Result<Url, PythonError> {
    let not_one =
        |_| PythonError::Address { address: file.url.clone(), place: format!("the requirement for {}", file.name) };
    Url::parse(&file.url).map_err(not_one)
}
