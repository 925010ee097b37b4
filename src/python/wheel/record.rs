//! `RECORD`, a wheel's list of its files ("Recording installed projects"): a path, a digest and a size in each line.

use std::collections::BTreeMap;
use std::io::{self, Read};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// The files that have no digest in the list: the list itself, and its signatures.
const WITHOUT_DIGEST: [&str; 3] = ["RECORD", "RECORD.jws", "RECORD.p7s"];

/// What the list says about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ListedFile {
    Digest(Algorithm, Vec<u8>),
    /// The list itself, or a signature of it.
    Itself,
}

/// The algorithms that the specification allows: SHA-256 and better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Sha256,
    Sha384,
    Sha512,
}

/// Reads the list. `dist_info` is the folder that it is in.
pub(super) fn parse(text: &str, dist_info: &str) -> Result<BTreeMap<String, ListedFile>, String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut listed = BTreeMap::new();
    for row in reader.records() {
        let row = row.map_err(|error| format!("RECORD: {error}"))?;
        let Some(path) = row.get(0).filter(|path| !path.is_empty()) else { continue };
        let is_itself = WITHOUT_DIGEST.iter().any(|name| path == format!("{dist_info}/{name}"));
        let entry = match row.get(1).and_then(|text| text.split_once('=')) {
            Some((name, digest)) => ListedFile::Digest(algorithm(name)?, decoded(digest)?),
            None if is_itself => ListedFile::Itself,
            None => return Err(format!("RECORD has no digest of {path}")),
        };
        if listed.insert(path.to_owned(), entry).is_some() {
            return Err(format!("RECORD has {path} twice"));
        }
    }
    Ok(listed)
}

fn algorithm(name: &str) -> Result<Algorithm, String> {
    match name {
        "sha256" => Ok(Algorithm::Sha256),
        "sha384" => Ok(Algorithm::Sha384),
        "sha512" => Ok(Algorithm::Sha512),
        _ => Err(format!("RECORD has digests by {name}, which is not SHA-256 or better")),
    }
}

fn decoded(digest: &str) -> Result<Vec<u8>, String> {
    URL_SAFE_NO_PAD.decode(digest.trim_end_matches('=')).map_err(|_| format!("RECORD has the digest `{digest}`"))
}

impl ListedFile {
    /// Whether a file with this content is what the list says. Uses 256 KiB of memory, however long it is.
    pub(super) fn accepts(&self, content: impl Read) -> io::Result<bool> {
        Ok(match self {
            Self::Itself => true,
            Self::Digest(Algorithm::Sha256, digest) => digest_of::<Sha256>(content)? == *digest,
            Self::Digest(Algorithm::Sha384, digest) => digest_of::<Sha384>(content)? == *digest,
            Self::Digest(Algorithm::Sha512, digest) => digest_of::<Sha512>(content)? == *digest,
        })
    }
}

fn digest_of<D: Digest>(mut content: impl Read) -> io::Result<Vec<u8>> {
    let (mut digest, mut buffer) = (D::new(), vec![0; 256 * 1024]);
    loop {
        match content.read(&mut buffer)? {
            0 => return Ok(digest.finalize().to_vec()),
            count => digest.update(buffer.get(..count).unwrap_or_default()),
        }
    }
}

/// A line of the list about a file that is installed.
pub(super) fn line(path: &str, content: &[u8]) -> String {
    let quoted = if path.contains([',', '"']) { format!("\"{}\"", path.replace('"', "\"\"")) } else { path.to_owned() };
    format!("{quoted},sha256={},{}\n", URL_SAFE_NO_PAD.encode(Sha256::digest(content)), content.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read_and_written() {
        let text = format!(
            "{}\"b,c.py\",sha256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0,3\na-1.dist-info/RECORD,,\n",
            line("a.py", b"abc")
        );
        let listed = parse(&text, "a-1.dist-info").unwrap();
        assert_eq!(listed["a.py"], listed["b,c.py"]);
        assert!(listed["a.py"].accepts(&b"abc"[..]).unwrap() && !listed["a.py"].accepts(&b"abd"[..]).unwrap());
        assert_eq!(listed["a-1.dist-info/RECORD"], ListedFile::Itself);
        for bad in ["a.py,,\n", "a.py,md5=xx,1\n", "a.py,sha256=*,1\n", "a.py,sha256=AA,1\na.py,sha256=AA,1\n"] {
            assert!(parse(bad, "a-1.dist-info").is_err(), "{bad}");
        }
    }
}
