//! Release files: text that a known key has signed (see [`super::keyring`]) → a [`Release`] of the right suite that has
//! not expired, with the hash of every index. The format: <https://wiki.debian.org/DebianRepository/Format>.

use std::collections::HashMap;
use std::io;

use jiff::fmt::rfc2822::DateTimeParser;

use super::keyring::{Keyring, SignatureError};
use crate::control::{Stanza, StanzaError};
use crate::system::epoch::Epoch;
use crate::system::hash::Sha256;

/// How far the date of a Release file may be ahead of this machine's
/// clock, in seconds (apt's `Acquire::Max-FutureTime`).
const CLOCK_SKEW: u32 = 10;

/// The fields of a Release file that are used here.
#[derive(Debug, Clone)]
pub struct Release {
    /// Such as `stable` or `stable-security`.
    pub suite: Option<String>,
    /// Such as `trixie` or `trixie-security`.
    pub codename: Option<String>,
    pub date: Epoch,
    /// When it expires. `None` for stable releases, which do not expire.
    pub valid_until: Option<Epoch>,
    /// Whether the mirror offers the indices by their hash. Those stay available while the mirror is being updated.
    pub by_hash: bool,
    /// Whether packages of the architecture `all` have an index of their own.
    pub separate_all: bool,
    files: HashMap<String, SignedFile>,
}

/// The size and hash of a file, as a signed file states them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedFile {
    pub sha256: Sha256,
    /// In bytes.
    pub size: u64,
}

/// Why a Release file is not used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ReleaseError {
    #[error("{url} is not trusted: {source}")]
    #[diagnostic(help(
        "if the mirror signs with a key of its own, name its keyring under [image] in stack.toml; otherwise try \
         another mirror: somebody between you and this one may have changed the file"
    ))]
    Signature {
        url: String,
        #[source]
        source: SignatureError,
    },
    #[error("{url} expired at {until}, and now it is {now}")]
    #[diagnostic(help(
        "if this machine's clock is right, the mirror is out of date: name another one under [image] in stack.toml"
    ))]
    Expired { url: String, until: String, now: String },
    #[error("{url} has the date {date}, which is in the future: now it is {now}")]
    #[diagnostic(help("set this machine's clock"))]
    FromTheFuture { url: String, date: String, now: String },
    #[error("{url} has the date {date}, but an earlier build has used one of {newest}")]
    #[diagnostic(help(
        "the mirror is behind, or somebody between you and it plays back an old state: try again later, or name another \
         mirror under [image] in stack.toml; the option `--allow-downgrade` of `stackdeb image`, \
         `lock` and `update` uses the older one"
    ))]
    Older { url: String, date: String, newest: String },
    /// The newest date that was seen.
    #[error("cannot read or write the newest date of a Release file, {path}: {source}")]
    #[diagnostic(help("if the disk has room, delete that file: it is only a memory of earlier builds"))]
    Memory {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("{url} is the Release file of `{found}`, not of `{wanted}`")]
    #[diagnostic(help("the mirror, or somebody between you and it, delivers the wrong suite: try another mirror"))]
    OtherSuite { url: String, wanted: String, found: String },
    /// A field is missing or cannot be read.
    #[error("{url}: the field {field} {reason}")]
    #[diagnostic(help(
        "the address is not that of a Debian archive (https://wiki.debian.org/DebianRepository/Format): check it"
    ))]
    Field { url: String, field: &'static str, reason: String },
    /// It is not control data.
    #[error("{url} is not control data: {source}")]
    #[diagnostic(help(
        "the address is not that of a Debian archive (https://wiki.debian.org/DebianRepository/Format): check it"
    ))]
    Syntax {
        url: String,
        #[source]
        source: StanzaError,
    },
}

impl Release {
    /// Verifies and reads an InRelease file. `url` is for error messages; `wanted` is the suite's name or codename.
    ///
    /// # Errors
    /// When the file has no good signature, has expired at `now`, is from the future, is of another suite, or cannot be
    /// read.
    pub fn verify(
        in_release: &[u8],
        url: &str,
        keyring: &Keyring,
        wanted: &str,
        now: Epoch,
    ) -> Result<Self, ReleaseError> {
        let text = keyring
            .verify(in_release, now)
            .map_err(|source| ReleaseError::Signature { url: url.to_owned(), source })?;
        let release = Self::parse(&text, url)?;
        release.check(url, wanted, now)?;
        Ok(release)
    }

    /// Returns the size and hash of the file with that path below the suite's folder (`main/binary-amd64/Packages.xz`),
    /// or `None` if the Release file does not list it.
    pub fn file(&self, path: &str) -> Option<SignedFile> {
        self.files.get(path).copied()
    }

    /// Reads the text of a Release file whose signature was verified. It may have expired.
    ///
    /// # Errors
    /// When a field is missing or cannot be read.
    pub fn parse(text: &str, url: &str) -> Result<Self, ReleaseError> {
        let stanza = Stanza::parse(text).map_err(|source| ReleaseError::Syntax { url: url.to_owned(), source })?;
        let bad = |field, reason: String| ReleaseError::Field { url: url.to_owned(), field, reason };
        let owned = |field: &str| stanza.get(field).map(ToOwned::to_owned);
        let date = stanza.get("Date").ok_or_else(|| bad("Date", "is missing".to_owned()))?;
        let valid_until = stanza.get("Valid-Until").map(parse_date).transpose();
        let hashes = stanza.get("SHA256").ok_or_else(|| bad("SHA256", "is missing".to_owned()))?;
        let mut files = HashMap::new();
        for line in hashes.lines().filter(|line| !line.trim().is_empty()) {
            let (path, file) = parse_file(line).ok_or_else(|| bad("SHA256", format!("has the line `{line}`")))?;
            files.insert(path.to_owned(), file);
        }
        let architectures = stanza.get("Architectures").unwrap_or_default();
        Ok(Self {
            suite: owned("Suite"),
            codename: owned("Codename"),
            date: parse_date(date).map_err(|reason| bad("Date", reason))?,
            valid_until: valid_until.map_err(|reason| bad("Valid-Until", reason))?,
            by_hash: stanza.get("Acquire-By-Hash") == Some("yes"),
            separate_all: architectures.split_whitespace().any(|name| name == "all")
                && stanza.get("No-Support-for-Architecture-all") != Some("Packages"),
            files,
        })
    }

    fn check(&self, url: &str, wanted: &str, now: Epoch) -> Result<(), ReleaseError> {
        let url = || url.to_owned();
        let names: Vec<&str> = self.codename.iter().chain(&self.suite).map(String::as_str).collect();
        if !names.contains(&wanted) {
            return Err(ReleaseError::OtherSuite { url: url(), wanted: wanted.to_owned(), found: names.join("/") });
        }
        if self.date.seconds() > now.seconds().saturating_add(CLOCK_SKEW) {
            let (date, now) = (self.date.to_rfc5322(), now.to_rfc5322());
            return Err(ReleaseError::FromTheFuture { url: url(), date, now });
        }
        match self.valid_until {
            Some(until) if until < now => {
                Err(ReleaseError::Expired { url: url(), until: until.to_rfc5322(), now: now.to_rfc5322() })
            }
            _ => Ok(()),
        }
    }
}

/// Reads `Sat, 12 Sep 2026 07:55:41 UTC`. Two things differ from RFC 5322: the zone is a name, which is always UTC, and
/// Ubuntu writes hours below 10 with one digit (`Sat, 21 Nov 2026  0:45:27 UTC`).
fn parse_date(text: &str) -> Result<Epoch, String> {
    let words = text.split_whitespace().map(|word| match word {
        "UTC" | "GMT" => "+0000".to_owned(),
        time if time.find(':') == Some(1) => format!("0{time}"),
        other => other.to_owned(),
    });
    let timestamp = DateTimeParser::new()
        .parse_timestamp(words.collect::<Vec<_>>().join(" "))
        .map_err(|error| format!("is `{text}`, which is not a date: {error}"))?;
    Epoch::from_seconds(timestamp.as_second()).map_err(|error| format!("is `{text}`: {error}"))
}

/// Reads a line `HASH SIZE PATH`. Returns `None` if it has another form.
fn parse_file(line: &str) -> Option<(&str, SignedFile)> {
    let mut words = line.split_whitespace();
    let (sha256, size, path) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?);
    words.next().is_none().then_some((path, SignedFile { sha256, size }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://m.example/dists/trixie/InRelease";

    fn text(extra: &str) -> String {
        format!("Suite: stable\nCodename: trixie\nDate: Sat, 12 Sep 2026 07:55:41 UTC\n{extra}SHA256:\n")
    }

    fn at(seconds: i64) -> Epoch {
        Epoch::from_seconds(seconds).unwrap()
    }

    #[test]
    fn fields_and_files() {
        let hash = Sha256::of(b"abc");
        let release = Release::parse(&format!("{} {hash}   3 main/x\n", text("Acquire-By-Hash: yes\n")), URL).unwrap();
        assert_eq!(release.file("main/x"), Some(SignedFile { sha256: hash, size: 3 }));
        assert_eq!(release.date.to_rfc3339(), "2026-09-12T07:55:41Z");
        assert!(release.by_hash && release.valid_until.is_none());
    }

    #[test]
    fn dates_are_read_as_the_archives_write_them() {
        // Debian's and Ubuntu's own; the seconds are what `date -u -d … +%s` prints.
        for (text, seconds) in
            [("Sat, 12 Sep 2026 07:55:41 UTC", 1_789_199_741), ("Sat, 21 Nov 2026  0:45:27 UTC", 1_795_221_927)]
        {
            assert_eq!(parse_date(text), Ok(at(seconds)), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (bad, field) in [
            ("Codename: trixie\nSHA256:\n", "Date"),
            ("Date: Sat, 12 Sep 2026 07:55:41 UTC\n", "SHA256"),
            ("Date: yesterday\nSHA256:\n", "Date"),
            ("Date: Sat, 12 Sep 2026 07:55:41 UTC\nSHA256:\n zz 1 x\n", "SHA256"),
        ] {
            let error = Release::parse(bad, URL).unwrap_err();
            assert!(matches!(&error, ReleaseError::Field { field: f, .. } if *f == field), "{bad}: {error}");
        }
    }

    #[test]
    fn the_time_and_the_suite_must_be_right() {
        let release = Release::parse(&text("Valid-Until: Sat, 19 Sep 2026 07:55:41 UTC\n"), URL).unwrap();
        let day = 86400;
        let made = i64::from(release.date.seconds());
        assert!(release.check(URL, "trixie", at(made + day)).is_ok());
        assert!(release.check(URL, "stable", at(made + day)).is_ok());
        let check = |wanted, seconds| release.check(URL, wanted, at(seconds)).unwrap_err();
        assert!(matches!(check("trixie", made + 8 * day), ReleaseError::Expired { .. }));
        assert!(matches!(check("trixie", made - day), ReleaseError::FromTheFuture { .. }));
        assert!(matches!(check("sid", made + day), ReleaseError::OtherSuite { .. }));
    }
}
