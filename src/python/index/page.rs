//! The page of a project in an index → its files. Both forms of the simple repository API are read: HTML (PEP
//! 503), and JSON (PEP 691).

use html5gum::{Token, Tokenizer};
use serde::Deserialize;
use std::collections::BTreeMap;
use url::Url;

use crate::system::hash::Sha256;

/// The type of an answer in JSON.
pub(super) const JSON: &str = "application/vnd.pypi.simple.v1+json";

/// A file of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexFile {
    pub name: String,
    pub url: Url,
    /// `None` when the index does not say.
    pub sha256: Option<Sha256>,
    /// Which Pythons it is for, as its author wrote it.
    pub requires_python: Option<String>,
    /// Whether its author has taken it back (PEP 592): it is used only where this very version is asked for.
    pub yanked: bool,
}

/// Reads a page. `page` is its address, to which the files' addresses are relative.
///
/// # Errors
/// When it is not valid. The error is a phrase.
pub(super) fn parse(body: &[u8], content_type: &str, page: &Url) -> Result<Vec<IndexFile>, String> {
    if content_type.contains("json") { json(body, page) } else { html(body, page) }
}

#[derive(Deserialize)]
struct LibraryPage {
    files: Vec<PageFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PageFile {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
    requires_python: Option<String>,
    #[serde(default)]
    yanked: Yanked,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Yanked {
    Flag(bool),
    #[expect(dead_code, reason = "the reason is for people; that there is one is what counts")]
    Reason(String),
}

impl Default for Yanked {
    fn default() -> Self {
        Self::Flag(false)
    }
}

fn json(body: &[u8], page: &Url) -> Result<Vec<IndexFile>, String> {
    let read: LibraryPage = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let file = |file: PageFile| {
        let url = page.join(&file.url).map_err(|error| format!("`{}`: {error}", file.url))?;
        let sha256 =
            file.hashes.get("sha256").map(|digits| digits.parse::<Sha256>().map_err(|error| error.to_string()));
        let yanked = !matches!(file.yanked, Yanked::Flag(false));
        let requires_python = file.requires_python.filter(|text| !text.trim().is_empty());
        Ok(IndexFile { name: file.filename, url, sha256: sha256.transpose()?, requires_python, yanked })
    };
    read.files.into_iter().map(file).collect()
}

/// Each anchor is a file: its text is the name, and the end of its address may be a digest.
fn html(body: &[u8], page: &Url) -> Result<Vec<IndexFile>, String> {
    let (mut base, mut files) = (page.clone(), Vec::new());
    for token in Tokenizer::new(body) {
        let Ok(Token::StartTag(tag)) = token else { continue };
        let attribute = |name: &[u8]| {
            let found = tag.attributes.iter().find(|(key, _)| key.as_slice() == name);
            found.map(|(_, value)| String::from_utf8_lossy(value).trim().to_owned())
        };
        let Some(href) = attribute(b"href") else { continue };
        match tag.name.as_slice() {
            b"base" => base = page.join(&href).map_err(|error| format!("`{href}`: {error}"))?,
            b"a" => {
                let mut url = base.join(&href).map_err(|error| format!("`{href}`: {error}"))?;
                let digits = url.fragment().and_then(|text| text.strip_prefix("sha256="));
                let sha256 = digits.map(|digits| digits.parse::<Sha256>().map_err(|error| error.to_string()));
                let sha256 = sha256.transpose()?;
                url.set_fragment(None);
                let last = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
                let name = percent_decoded(last);
                let requires_python = attribute(b"data-requires-python").filter(|text| !text.is_empty());
                let yanked = attribute(b"data-yanked").is_some();
                files.push(IndexFile { name, url, sha256, requires_python, yanked });
            }
            _ => {}
        }
    }
    Ok(files)
}

/// A part of an address with `%2B` as `+`.
pub fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let digits = (ahead.next(), ahead.next());
        let value = match (byte, digits) {
            (b'%', (Some(high), Some(low))) => {
                let pair = [high, low];
                std::str::from_utf8(&pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok())
            }
            _ => None,
        };
        if value.is_some() {
            rest = ahead;
        }
        bytes.push(value.unwrap_or(byte));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The digest of "abc" (FIPS 180-4).
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn both_forms_say_the_same() {
        let page = Url::parse("https://example.org/simple/a/").unwrap();
        let html = format!(
            "<!DOCTYPE html><html><body><h1>Links</h1>\n<a href=\"../../files/a-1%2Bx-py3-none-any.whl#sha256={ABC}\" \
             data-requires-python=\"&gt;=3.9\">a-1+x-py3-none-any.whl</a><br/>\n<A HREF='https://m.example/a-1.tar.gz' \
             data-yanked=''>a-1.tar.gz</A></body></html>"
        );
        let json = format!(
            "{{\"meta\":{{\"api-version\":\"1.1\"}},\"name\":\"a\",\"files\":[{{\"filename\":\"a-1+x-py3-none-any.whl\",\
             \"url\":\"../../files/a-1%2Bx-py3-none-any.whl\",\"hashes\":{{\"sha256\":\"{ABC}\"}},\
             \"requires-python\":\">=3.9\",\"size\":3}},{{\"filename\":\"a-1.tar.gz\",\
             \"url\":\"https://m.example/a-1.tar.gz\",\"hashes\":{{}},\"yanked\":\"broken\"}}]}}"
        );
        let of_html = parse(html.as_bytes(), "text/html; charset=utf-8", &page).unwrap();
        assert_eq!(of_html, parse(json.as_bytes(), JSON, &page).unwrap());
        assert_eq!(of_html[0].url.as_str(), "https://example.org/files/a-1%2Bx-py3-none-any.whl");
        assert_eq!(of_html[0].name, "a-1+x-py3-none-any.whl");
        assert_eq!(of_html[0].sha256.unwrap().to_string(), ABC);
        assert!(of_html[1].yanked && !of_html[0].yanked);
        assert!(parse(b"{", JSON, &page).is_err());
    }
}
