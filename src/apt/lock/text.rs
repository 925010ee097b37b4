//! The lock as text: a table of TOML, one package a line, so that a change is one line in the history of a project.

use std::fmt::Write;

use jiff::Timestamp;
use serde::Deserialize;

use super::{LockError, LockedPackage, LockedRelease, PackageLock};
use crate::apt::suite::Suite;
use crate::system::epoch::Epoch;

/// The line that the table begins with, in `stack.lock`.
pub(super) const TABLE: &str = "[tool.stackdeb.image]";

/// The part of `stack.lock` that is read here.
#[derive(Deserialize)]
struct LockDocument {
    #[serde(default)]
    tool: LockTools,
}

#[derive(Default, Deserialize)]
struct LockTools {
    #[serde(default)]
    stackdeb: Ours,
}

#[derive(Default, Deserialize)]
struct Ours {
    image: Option<LockTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LockTable {
    suite: String,
    requires: Vec<String>,
    releases: Vec<ReleaseRow>,
    packages: Vec<PackageRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReleaseRow {
    suite: String,
    date: toml::value::Datetime,
    sha256: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PackageRow {
    name: String,
    version: String,
    suite: String,
    component: String,
    date: Option<toml::value::Datetime>,
    path: String,
    size: u64,
    sha256: String,
    #[serde(default)]
    required: bool,
}

impl PackageLock {
    /// Reads the table in the text of a `stack.lock`; `None` if it has none. `path` is shown in messages.
    ///
    /// # Errors
    /// When the text is not TOML, or a value of the table is not valid.
    pub fn parse(text: &str, path: &str) -> Result<Option<Self>, LockError> {
        let wrong = |reason: String| LockError::wrong(path, reason);
        let document: LockDocument = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let Some(table) = document.tool.stackdeb.image else { return Ok(None) };
        let suite = Suite::find(&table.suite).map_err(|error| wrong(error.to_string()))?;
        let releases = table.releases.into_iter().map(release).collect::<Result<_, _>>().map_err(wrong)?;
        let package = |package: PackageRow| {
            let name = package.name.clone();
            checked(package, suite).map_err(|reason| wrong(format!("the package {name}: {reason}")))
        };
        let packages: Vec<LockedPackage> = table.packages.into_iter().map(package).collect::<Result<_, _>>()?;
        for pair in packages.windows(2) {
            if let [one, next] = pair
                && one.name >= next.name
            {
                return Err(wrong(format!(
                    "the package {} stands twice or at another place than by its name",
                    next.name
                )));
            }
        }
        Ok(Some(Self { suite, requires: table.requires, releases, packages }))
    }

    /// The table, which [`PackageLock::parse`] reads.
    pub fn to_text(&self) -> String {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let mut text = format!("{TABLE}\nsuite = {}\nrequires = [\n", quoted(self.suite.name));
        // Writing to a text does not fail.
        for one in &self.requires {
            let _ = writeln!(text, "    {},", quoted(one));
        }
        text.push_str("]\nreleases = [\n");
        for LockedRelease { suite, date, sha256 } in &self.releases {
            let (suite, date) = (quoted(suite), date.to_rfc3339());
            let _ = writeln!(text, "    {{ suite = {suite}, date = {date}, sha256 = \"{sha256}\" }},");
        }
        text.push_str("]\npackages = [\n");
        for one in &self.packages {
            let [name, version, path] = [one.name.as_str(), one.version.as_str(), &one.path].map(quoted);
            let [suite, component] = [&one.suite, &one.component].map(|text| quoted(text));
            let required = if one.required { ", required = true" } else { "" };
            let date = one.date.map(|date| format!("date = {}, ", date.to_rfc3339())).unwrap_or_default();
            let _ = writeln!(
                text,
                "    {{ name = {name}, version = {version}, suite = {suite}, component = {component}, {date}path = {path}, \
                 size = {}, sha256 = \"{}\"{required} }},",
                one.size, one.sha256
            );
        }
        text.push_str("]\n");
        text
    }
}

/// Divides the text of a `stack.lock` into what is before the table of packages, and that table with what follows it.
pub fn split(text: &str) -> (&str, &str) {
    let mut place = 0_usize;
    for line in text.split_inclusive('\n') {
        if line.trim_end() == TABLE {
            break;
        }
        place = place.saturating_add(line.len());
    }
    text.split_at_checked(place).unwrap_or((text, ""))
}

fn release(release: ReleaseRow) -> Result<LockedRelease, String> {
    let ReleaseRow { suite, date, sha256 } = release;
    Ok(LockedRelease {
        date: epoch(date)?,
        sha256: sha256.parse().map_err(|_| format!("{suite} has no SHA-256"))?,
        suite,
    })
}

fn epoch(date: toml::value::Datetime) -> Result<Epoch, String> {
    let time: Timestamp = date.to_string().parse().map_err(|_| format!("{date} is not a time in UTC"))?;
    Epoch::from_seconds(time.as_second()).map_err(|error| error.to_string())
}

fn checked(package: PackageRow, suite: &Suite) -> Result<LockedPackage, String> {
    let PackageRow { name, version, suite: pocket, component, date, path, size, sha256, required } = package;
    if ![suite.name, suite.updates, suite.security].contains(&pocket.as_str()) {
        return Err(format!("`{pocket}` is not a part of {}", suite.name));
    }
    if !suite.components.contains(&component.as_str()) {
        return Err(format!("`{component}` is not a component that is used of {}", suite.name));
    }
    let plain = |c: char| c.is_ascii_graphic() && !"?#\\\"".contains(c);
    if !path.chars().all(plain) || path.split('/').any(|part| ["", ".", ".."].contains(&part)) {
        return Err(format!("`{}` is not a path in a pool", path.escape_debug()));
    }
    Ok(LockedPackage {
        name: name.parse().map_err(|error: crate::control::NameError| error.to_string())?,
        version: version.parse().map_err(|error: crate::control::VersionError| error.to_string())?,
        size,
        sha256: sha256.parse().map_err(|_| format!("`{}` is not a SHA-256", sha256.escape_debug()))?,
        suite: pocket,
        component,
        date: date.map(epoch).transpose()?,
        path,
        required,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::hash::Sha256;

    fn lock() -> PackageLock {
        let suite = Suite::find("trixie").unwrap();
        let package = |name: &str, pocket: &str, required: bool| LockedPackage {
            name: name.parse().unwrap(),
            version: "1:2.0-1+b1".parse().unwrap(),
            size: 7,
            sha256: Sha256::of(name.as_bytes()),
            suite: pocket.to_owned(),
            component: "main".to_owned(),
            date: required.then(|| Epoch::from_seconds(1_795_000_000).unwrap()),
            path: format!("pool/main/{name}_2.0-1+b1_amd64.deb"),
            required,
        };
        let date = Epoch::from_seconds(1_795_428_000).unwrap();
        PackageLock {
            suite,
            requires: vec!["bash".to_owned(), "zlib1g (>= 1:1.2) | other".to_owned()],
            releases: vec![LockedRelease { suite: "trixie".to_owned(), date, sha256: Sha256::of(b"") }],
            packages: vec![package("bash", "trixie", true), package("zlib1g", "trixie-security", false)],
        }
    }

    #[test]
    fn a_lock_is_read_as_it_was_written() {
        let before = "lock-version = \"1.0\"\npackages = []\n\n[tool.stackdeb]\nsuite = \"noble\"\n\n";
        let text = format!("{before}{}", lock().to_text());
        assert_eq!(PackageLock::parse(&text, "stack.lock").unwrap(), Some(lock()));
        assert_eq!(split(&text), (before, lock().to_text().as_str()));
        assert_eq!(PackageLock::parse(before, "stack.lock").unwrap(), None);
        assert_eq!(split(before), (before, ""));
    }

    #[test]
    fn what_is_not_valid_is_named() {
        let cases = [
            ("pool/main/bash", "../../etc/bash", "not a path in a pool"),
            ("pool/main/bash", "/pool/main/bash", "not a path in a pool"),
            ("pool/main/bash", "pool/a?b", "not a path in a pool"),
            ("\"trixie-security\"", "\"sid\"", "`sid` is not a part of trixie"),
            ("component = \"main\"", "component = \"non-free\"", "not a component"),
            ("version = \"1:2.0-1+b1\"", "version = \"x y\"", "the package bash"),
            ("name = \"zlib1g\"", "name = \"bash\"", "stands twice"),
            ("suite = \"trixie\"\nrequires", "suite = \"trixy\"\nrequires", "the suite `trixy` is not supported"),
            ("2026-11-23T10:00:00Z", "2026-11-23", "2026-11-23 is not a time in UTC"),
            ("size = 7", "size = -7", "size"),
            ("size = 7", "mirror = \"x\", size = 7", "mirror"),
        ];
        for (old, new, words) in cases {
            let text = lock().to_text();
            assert!(text.contains(old), "{old}: {text}");
            let error = PackageLock::parse(&text.replacen(old, new, 1), "stack.lock").unwrap_err().to_string();
            assert!(error.contains(words) && error.contains("stack.lock cannot be used"), "{new}: {error}");
        }
    }

    #[test]
    fn a_lock_for_something_else_says_what_it_was_made_for() {
        let lock = lock();
        lock.check_requires(&lock.requires, "stack.lock").unwrap();
        let asked = ["bash".to_owned(), "htop".to_owned()];
        let error = lock.check_requires(&asked, "stack.lock").unwrap_err().to_string();
        assert_eq!(
            error,
            "stack.lock does not fit: the packages `htop` are asked for, and it was made for `zlib1g (>= 1:1.2) | other`"
        );
        let error = lock.check_suite(Suite::find("noble").unwrap(), "stack.lock").unwrap_err().to_string();
        assert!(error.contains("its packages are of trixie, and [image] suite is noble"), "{error}");
    }
}
