//! A site's address: a text comes in; its parts, as a request needs them, go out.

use std::fmt;
use std::str::FromStr;

/// An address `http://HOST[:PORT][/PATH][?QUERY]` (RFC 3986, RFC 9110 section 4.2.1).
#[derive(Debug, Clone, PartialEq)]
pub struct Url {
    text: String,
    /// A name or an IP address, without brackets.
    pub host: String,
    pub port: u16,
    /// As the Host header has it: with brackets, and with the port if it was given.
    pub authority: String,
    /// Path and query, beginning with `/`.
    pub target: String,
}

/// Why a text is not such an address.
#[derive(Debug, PartialEq)]
pub enum UrlError {
    NotHttp,
    BadCharacter,
    UserInfo,
    NoHost,
    BadPort,
    BadAddress,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotHttp => "it does not begin with http://, the only scheme that is spoken",
            Self::BadCharacter => "it has a blank, a control character, `#` or a letter outside ASCII",
            Self::UserInfo => "a user's name or password is not sent",
            Self::NoHost => "it names no host",
            Self::BadPort => "its port is not a number from 1 to 65535",
            Self::BadAddress => "there is no IPv6 address in its brackets",
        })
    }
}

impl Url {
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let scheme = text.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://"));
        let rest = scheme.and_then(|scheme| text.get(scheme.len()..)).ok_or(UrlError::NotHttp)?;
        if !rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return Err(UrlError::BadCharacter);
        }
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(UrlError::UserInfo);
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(bracketed) => {
                let (host, after) = bracketed.split_once(']').ok_or(UrlError::BadAddress)?;
                host.parse::<std::net::Ipv6Addr>().map_err(|_| UrlError::BadAddress)?;
                (host, if after.is_empty() { None } else { Some(after.strip_prefix(':').ok_or(UrlError::BadPort)?) })
            }
            None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
        };
        if host.is_empty() {
            return Err(UrlError::NoHost);
        }
        let digits = |port: &&str| port.bytes().all(|byte| byte.is_ascii_digit());
        let port = match port {
            Some(port) => Some(port).filter(digits).and_then(|port| port.parse().ok()).filter(|port| *port != 0),
            None => Some(80),
        };
        Ok(Self {
            text: text.to_owned(),
            host: host.to_owned(),
            port: port.ok_or(UrlError::BadPort)?,
            authority: authority.to_owned(),
            target: if target.starts_with('/') { target.to_owned() } else { format!("/{target}") },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        for (text, host, port, authority, target) in [
            ("http://127.0.0.1:8080/healthz", "127.0.0.1", 8080, "127.0.0.1:8080", "/healthz"),
            ("http://[::1]:81/a?b=c", "::1", 81, "[::1]:81", "/a?b=c"),
            ("http://[::1]", "::1", 80, "[::1]", "/"),
            ("HTTP://localhost?x", "localhost", 80, "localhost", "/?x"),
        ] {
            let url: Url = text.parse().unwrap();
            assert_eq!((url.host.as_str(), url.port), (host, port), "{text}");
            assert_eq!((url.authority.as_str(), url.target.as_str()), (authority, target), "{text}");
        }
    }

    #[test]
    fn what_is_not_such_an_address_is_refused() {
        for bad in [
            "https://a/",
            "a",
            "http://",
            "http:///a",
            "http://u@a/",
            "http://a:0/",
            "http://a:99999/",
            "http://a:+1/",
            "http://a:/",
            "http://[::1/",
            "http://[a]/",
            "http://[::1]x/",
            "http://a/ b",
            "http://a/\r\nX: y",
            "http://a/#b",
            "http://ä/",
            "",
        ] {
            assert!(bad.parse::<Url>().is_err(), "{bad}");
        }
    }
}
