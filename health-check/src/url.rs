//! Addresses of sites: a text → an address that a request can be sent to.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use ureq::http::Uri;

/// An address `http://HOST[:PORT][/PATH][?QUERY]` (RFC 3986, RFC 9110 section 4.2.1), as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Url(String);

/// Why a text is not an address of a site.
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
            Self::NotHttp => "it does not begin with http://, the only scheme that is understood",
            Self::BadCharacter => "it has a blank, a control character, `#` or a letter outside ASCII",
            Self::UserInfo => "a user's name or password is not sent",
            Self::NoHost => "it names no host",
            Self::BadPort => "its port is not a number from 1 to 65535",
            Self::BadAddress => "there is no IPv6 address in its brackets",
        })
    }
}

impl std::error::Error for UrlError {}

impl Url {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if !text.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://")) {
            return Err(UrlError::NotHttp);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return Err(UrlError::BadCharacter);
        }
        let uri: Uri =
            text.parse().map_err(|_| if text.contains('[') { UrlError::BadAddress } else { UrlError::NoHost })?;
        let authority = uri.authority().ok_or(UrlError::NoHost)?;
        if authority.as_str().contains('@') {
            return Err(UrlError::UserInfo);
        }
        let host = authority.host();
        if host.is_empty() {
            return Err(UrlError::NoHost);
        }
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if bracketed.is_some_and(|host| host.parse::<Ipv6Addr>().is_err()) {
            return Err(UrlError::BadAddress);
        }
        let port = authority.as_str().get(host.len()..).unwrap_or_default();
        let digits = port.strip_prefix(':').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let number = digits.and_then(|digits| digits.parse::<u16>().ok());
        if !port.is_empty() && number.is_none_or(|number| number == 0) {
            return Err(UrlError::BadPort);
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_sites_are_taken() {
        for text in ["http://127.0.0.1:8080/healthz", "http://[::1]:81/a?b=c", "http://[::1]", "HTTP://localhost?x"] {
            assert_eq!(text.parse::<Url>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_is_not_such_an_address_is_refused() {
        for (bad, why) in [
            ("https://a/", UrlError::NotHttp),
            ("a", UrlError::NotHttp),
            ("http://", UrlError::NoHost),
            ("http:///a", UrlError::NoHost),
            ("http://u@a/", UrlError::UserInfo),
            ("http://a:0/", UrlError::BadPort),
            ("http://a:99999/", UrlError::BadPort),
            ("http://a:+1/", UrlError::BadPort),
            ("http://a:/", UrlError::BadPort),
            ("http://[::1/", UrlError::BadAddress),
            ("http://[a]/", UrlError::BadAddress),
            ("http://[::1]x/", UrlError::BadPort),
            ("http://a/ b", UrlError::BadCharacter),
            ("http://a/\r\nX: y", UrlError::BadCharacter),
            ("http://a/#b", UrlError::BadCharacter),
            ("http://ä/", UrlError::BadCharacter),
            ("", UrlError::NotHttp),
        ] {
            assert_eq!(bad.parse::<Url>(), Err(why), "{bad}");
        }
    }
}
