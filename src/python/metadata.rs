//! The core metadata of a library: the file `METADATA` of a wheel → what the build and the package's papers need.
//! The fields are those of the core metadata specification, up to version 2.5.

use std::str::FromStr;

use pep440_rs::VersionSpecifiers;
use pep508_rs::{ExtraName, Requirement, VerbatimUrl};

/// What a wheel says about itself.
#[derive(Debug, Clone)]
pub struct WheelMetadata {
    pub name: String,
    pub version: String,
    /// What it needs, each with its environment marker.
    pub requires: Vec<Requirement<VerbatimUrl>>,
    /// Which Pythons it is for; `None` when it does not say.
    pub requires_python: Option<VersionSpecifiers>,
    pub extras: Vec<ExtraName>,
    /// The licence in one line: an SPDX expression, else what its author wrote.
    pub license: Option<String>,
    /// The names of the licence's files (PEP 639).
    pub license_files: Vec<String>,
    /// Who wrote it: names, addresses, or both.
    pub authors: Option<String>,
    pub home_page: Option<String>,
}

/// The longest licence that is a name and not the licence's text, in characters.
const LONGEST_LICENSE: usize = 100;

impl WheelMetadata {
    /// Reads the fields; what follows the first empty line is the description.
    ///
    /// # Errors
    /// When the name or version is missing, or a requirement cannot be read. The error is the end of a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fields = fields(text);
        let all = |name: &str| {
            let name = name.to_owned();
            fields.iter().filter(move |(field, _)| field.eq_ignore_ascii_case(&name)).map(|(_, value)| value.as_str())
        };
        let one = |name: &str| all(name).map(str::trim).find(|value| !value.is_empty() && *value != "UNKNOWN");
        let required = |name: &str| one(name).map(str::to_owned).ok_or_else(|| format!("it has no field {name}"));
        let mut requires = Vec::new();
        for text in all("Requires-Dist") {
            let requirement = Requirement::from_str(text).map_err(|error| {
                let first = error.to_string();
                format!("`Requires-Dist: {text}` cannot be read: {}", first.lines().next().unwrap_or_default())
            })?;
            requires.push(requirement);
        }
        let python = |text: &str| {
            VersionSpecifiers::from_str(text).map_err(|_| format!("`Requires-Python: {text}` cannot be read"))
        };
        let classifier = all("Classifier").filter_map(|value| value.strip_prefix("License :: "));
        let classifier =
            classifier.filter_map(|value| value.rsplit(" :: ").next()).find(|value| *value != "OSI Approved");
        let short = one("License").filter(|text| !text.contains('\n') && text.chars().count() <= LONGEST_LICENSE);
        let people = [["Author", "Author-email"], ["Maintainer", "Maintainer-email"]];
        let people = people.into_iter().find_map(|[name, email]| match (one(name), one(email)) {
            (Some(name), Some(email)) if !email.contains('<') => Some(format!("{name} <{email}>")),
            (_, Some(email)) => Some(email.to_owned()),
            (Some(name), None) => Some(name.to_owned()),
            (None, None) => None,
        });
        let url = |wanted: &str| {
            all("Project-URL")
                .filter_map(|value| value.split_once(','))
                .find(|(label, _)| label.trim().eq_ignore_ascii_case(wanted))
                .map(|(_, address)| address.trim().to_owned())
        };
        Ok(Self {
            name: required("Name")?,
            version: required("Version")?,
            requires,
            requires_python: one("Requires-Python").map(python).transpose()?,
            extras: all("Provides-Extra").filter_map(|text| ExtraName::from_str(text).ok()).collect(),
            license: one("License-Expression").or(short).or(classifier).map(str::to_owned),
            license_files: all("License-File").map(str::to_owned).collect(),
            authors: people,
            home_page: one("Home-page")
                .map(str::to_owned)
                .or_else(|| ["source", "source code", "repository", "homepage"].into_iter().find_map(url)),
        })
    }
}

/// The fields of a header as in e-mail (RFC 822): a line that begins with a space goes on with the field above it.
pub(super) fn fields(text: &str) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.lines().take_while(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push('\n');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.to_owned(), value.trim().to_owned()));
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read() {
        let text = "Metadata-Version: 2.4\nName: Flask\nVersion: 3.1.0\nAuthor-email: Pallets <a@example.org>\n\
            License-Expression: BSD-3-Clause\nLicense-File: LICENSE.txt\nRequires-Python: >=3.9\n\
            Requires-Dist: Werkzeug>=3.1\nRequires-Dist: asgiref>=3.2 ; extra == 'async'\nProvides-Extra: async\n\
            Project-URL: Source, https://example.org/flask\n\nRequires-Dist: not-a-field\n";
        let metadata = WheelMetadata::parse(text).unwrap();
        assert_eq!((metadata.name.as_str(), metadata.version.as_str()), ("Flask", "3.1.0"));
        assert_eq!(metadata.requires.len(), 2);
        assert_eq!(metadata.license.as_deref(), Some("BSD-3-Clause"));
        assert_eq!(metadata.authors.as_deref(), Some("Pallets <a@example.org>"));
        assert_eq!(metadata.home_page.as_deref(), Some("https://example.org/flask"));
        let text = "Name: a\nVersion: 1\nLicense: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License\n\
            Author: Jane\nAuthor-email: jane@example.org\n";
        let metadata = WheelMetadata::parse(text).unwrap();
        assert_eq!(metadata.license.as_deref(), Some("MIT License"));
        assert_eq!(metadata.authors.as_deref(), Some("Jane <jane@example.org>"));
        for bad in ["Name: a\n", "Version: 1\n", "Name: a\nVersion: 1\nRequires-Dist: b >>> 1\n"] {
            assert!(WheelMetadata::parse(bad).is_err(), "{bad}");
        }
    }
}
