//! Checks short texts of the control data: maintainer, section, priority, homepage, lines of the
//! copyright and the changelog, compression.

use miette::Diagnostic;

use super::host;
use crate::control::Priority;
use crate::deb::Compression;
use crate::stack::nearest::nearest;
use crate::system::http;
use crate::system::words::keep_secret;

/// The sections of Debian's archive (Debian Policy 2.4).
pub const SECTIONS: &[&str] = &[
    "admin",
    "cli-mono",
    "comm",
    "database",
    "debug",
    "devel",
    "doc",
    "editors",
    "education",
    "electronics",
    "embedded",
    "fonts",
    "games",
    "gnome",
    "gnu-r",
    "gnustep",
    "graphics",
    "hamradio",
    "haskell",
    "httpd",
    "interpreters",
    "introspection",
    "java",
    "javascript",
    "kde",
    "kernel",
    "libdevel",
    "libs",
    "lisp",
    "localization",
    "mail",
    "math",
    "metapackages",
    "misc",
    "net",
    "news",
    "ocaml",
    "oldlibs",
    "otherosfs",
    "perl",
    "php",
    "python",
    "ruby",
    "rust",
    "science",
    "shells",
    "sound",
    "tasks",
    "tex",
    "text",
    "utils",
    "vcs",
    "video",
    "web",
    "x11",
    "xfce",
    "zope",
];

/// How a package can be compressed.
pub const COMPRESSIONS: &[&str] = &["xz", "zstd", "gzip", "none"];

/// Why a text is not valid.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum TextError {
    #[error("is empty")]
    #[diagnostic(help("write something, or leave the key out"))]
    Empty,
    #[error("has a line break, a tab or another control character in it")]
    #[diagnostic(help("write it on one line, with single spaces"))]
    Control,
    #[error("`{text}` is not a maintainer: {why}")]
    #[diagnostic(help("write a name and an e-mail address: \"Jane Doe <jane@example.org>\" (Debian Policy 5.6.2)"))]
    Maintainer { text: String, why: &'static str },
    #[error("`{text}` is not an e-mail address: {why}")]
    #[diagnostic(help("write it without a name: \"admin@example.org\""))]
    Email { text: String, why: &'static str },
    #[error("`{given}` is not a {what}{}", nearest.map_or(String::new(), |word| format!(": did you mean `{word}`?")))]
    #[diagnostic(help("one of: {known}"))]
    NotOneOf { given: String, what: &'static str, nearest: Option<&'static str>, known: String },
    #[error("`{text}` is not a web address: {why}")]
    #[diagnostic(help("write it as \"https://example.org/path\""))]
    Address { text: String, why: &'static str },
    #[error("`{0}` was given with a user name and a password")]
    #[diagnostic(help(
        "take them out: the address gets into files that everybody can read; a mirror with a password can be copied to a \
         folder or to a mirror on your network"
    ))]
    Credentials(String),
    #[error("`{0}` is not a suite: its name is one word of lower-case letters")]
    #[diagnostic(help("write a release's code name, such as \"trixie\", \"bookworm\" or \"noble\""))]
    Suite(String),
}

/// Checks a line of text: not empty, and without control characters.
pub fn line(text: &str) -> Result<String, TextError> {
    if text.trim().is_empty() {
        return Err(TextError::Empty);
    }
    if text.chars().any(char::is_control) {
        return Err(TextError::Control);
    }
    Ok(text.trim().to_owned())
}

/// Joins the lines of a changelog item to one, and checks it.
pub fn change(text: &str) -> Result<String, TextError> {
    line(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Checks a maintainer, `NAME <ADDRESS>` (Debian Policy 5.6.2, RFC 5322).
///
/// # Errors
/// When it has another form, or the address is not a valid e-mail address.
pub fn maintainer(text: &str) -> Result<String, TextError> {
    let wrong = |why| TextError::Maintainer { text: text.escape_debug().to_string(), why };
    if text.chars().any(char::is_control) {
        return Err(TextError::Control);
    }
    let (name, rest) = text.split_once('<').ok_or_else(|| wrong("there is no address in `<…>`"))?;
    let address = rest.strip_suffix('>').ok_or_else(|| wrong("it does not end with `>`"))?;
    let (name, address) = (name.trim(), address.trim());
    if name.is_empty() {
        return Err(wrong("there is no name before the address"));
    }
    if name.contains(|c: char| "()<>[]:;@\\,\"".contains(c)) {
        return Err(wrong("its name has one of `( ) < > [ ] : ; @ \\ , \"`, which mean something else in an address"));
    }
    if let Some(why) = email_fault(address) {
        return Err(wrong(why));
    }
    if address.starts_with("root@") || name == "root" {
        return Err(wrong("root is not a person"));
    }
    Ok(format!("{name} <{address}>"))
}

/// Says what is wrong with an e-mail address (RFC 5322, 3.4.1); `None` when it is valid.
fn email_fault(address: &str) -> Option<&'static str> {
    let Some((user, domain)) = address.rsplit_once('@') else { return Some("its address has no `@`") };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_{|}~-.".contains(c);
    if user.is_empty() || !user.chars().all(allowed) || user.split('.').any(str::is_empty) {
        return Some("the part of its address before the `@` is not valid");
    }
    (!host::is_domain(domain) || !domain.contains('.')).then_some("its address has no Internet domain after the `@`")
}

/// Checks an e-mail address without a name (RFC 5322, 3.4.1).
pub fn email(text: &str) -> Result<String, TextError> {
    let shown = || text.escape_debug().to_string();
    email_fault(text).map_or_else(|| Ok(text.to_owned()), |why| Err(TextError::Email { text: shown(), why }))
}

/// Checks an archive section, with or without `contrib/` or `non-free/` before it (Debian Policy 2.4).
pub fn section(text: &str) -> Result<String, TextError> {
    let bare = text.strip_prefix("contrib/").or_else(|| text.strip_prefix("non-free/")).unwrap_or(text);
    one_of(bare, "section of Debian's archive", SECTIONS).map(|_| text.to_owned())
}

/// Checks a priority (Debian Policy 2.5).
pub fn priority(text: &str) -> Result<Priority, TextError> {
    let word = one_of(text, "priority", &Priority::USABLE.map(Priority::as_str))?;
    Ok(Priority::USABLE.into_iter().find(|priority| priority.as_str() == word).unwrap_or(Priority::Optional))
}

pub fn compression(text: &str) -> Result<Compression, TextError> {
    Ok(match one_of(text, "compression", COMPRESSIONS)? {
        "xz" => Compression::Xz,
        "zstd" => Compression::Zstd,
        "gzip" => Compression::Gzip,
        _ => Compression::None,
    })
}

fn one_of(text: &str, what: &'static str, known: &[&'static str]) -> Result<&'static str, TextError> {
    known.iter().copied().find(|word| *word == text).ok_or_else(|| TextError::NotOneOf {
        given: text.escape_debug().to_string(),
        what,
        nearest: nearest(text, known),
        known: known.join(", "),
    })
}

/// Checks an address with `https`, as [`address`] does.
pub fn https_address(text: &str) -> Result<String, TextError> {
    let address = address(text)?;
    let shown = || text.escape_debug().to_string();
    match address.starts_with("https://") {
        true => Ok(address),
        false => Err(TextError::Address { text: shown(), why: "it does not begin with `https://`" }),
    }
}

/// Checks an address with `http` or `https` (RFC 3986). It has neither quotes nor blanks, nor a password.
pub fn address(text: &str) -> Result<String, TextError> {
    if let Some(credentials) = http::credentials(text) {
        keep_secret(credentials);
        return Err(TextError::Credentials(http::without_credentials(text).escape_debug().to_string()));
    }
    let wrong = |why| TextError::Address { text: text.escape_debug().to_string(), why };
    let rest = (text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")))
        .ok_or_else(|| wrong("it does not begin with `https://` or `http://`"))?;
    if !text.chars().all(|c| c.is_ascii_alphanumeric() || "-._~:/?#@!&*+,=%".contains(c)) {
        return Err(wrong("it has a character that must be written as `%` and two digits"));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = authority.split_once(':').unwrap_or((authority, "80"));
    if !host::is_domain(host) {
        return Err(wrong("it has no host name"));
    }
    if !port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Err(wrong("its port is not a number from 1 to 65535"));
    }
    Ok(text.to_owned())
}

/// Checks the form of a release's code name.
pub fn suite(text: &str) -> Result<String, TextError> {
    match !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase()) {
        true => Ok(text.to_owned()),
        false => Err(TextError::Suite(text.escape_debug().to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_maintainer_is_a_name_and_an_address() {
        for good in ["Jane Doe <jane@example.org>", "J. O'Neill <j.o+deb@lists.example.org>", "Zoë <zoe@example.org>"]
        {
            assert_eq!(maintainer(good).unwrap(), good);
        }
        let bad =
            ["Jane", "<jane@example.org>", "Jane <jane>", "Jane <jane@localhost>", "Doe, Jane <jane@example.org>"];
        for bad in bad.into_iter().chain([
            "Jane <j@e.org> x",
            "A <a@b.org>, B <b@b.org>",
            "a\nB: c <a@b.org>",
            "root <root@b.org>",
        ]) {
            assert!(maintainer(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_address_is_plain() {
        for good in ["https://example.org", "http://deb.example.org:8080/debian", "https://example.org/a?b=c#d"] {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in
            ["example.org", "ftp://example.org", "https://", "https://a b", "http://a:0/", "http://a\"b/", "http://a\n"]
        {
            assert!(address(bad).is_err(), "{bad:?}");
            let error = address("https://anna:text-test-hunter2@m.example/debian").unwrap_err().to_string();
            assert!(error.contains("https://m.example/debian") && !error.contains("hunter2"), "{error}");
        }
    }
}
