//! The keys of `[site]` about HTTPS: `tls`, `email` and `acme-server`.

use miette::Diagnostic;

use super::table::{Item, Table};
use super::value::WordOrTable;
use crate::stack::nearest::nearest;
use crate::stack::site::{HTTPS_PORT, Tls};
use crate::stack::values::{host, text};

/// Why there can be no HTTPS as it is written.
#[derive(Debug, thiserror::Error, Diagnostic)]
enum TlsError {
    #[error("`{text}` is not a way to HTTPS{}", suggestion.as_ref().map_or(String::new(), |known| format!(": did you mean `{known}`?")))]
    #[diagnostic(help(
        "write \"off\", \"self-signed\" or \"acme\", or a table: {{ certificate = \"/etc/ssl/…\", key = \"/etc/ssl/private/…\" }}"
    ))]
    Word { text: String, suggestion: Option<&'static str> },
    #[error("the site's port is {HTTPS_PORT}, which HTTPS needs for itself")]
    #[diagnostic(help("leave `port` out: HTTPS is at port {HTTPS_PORT}, and port 80 redirects to it"))]
    SamePort,
    #[error("a certificate authority asks for its proof at port 80, and the site's port is {0}")]
    #[diagnostic(help("leave `port` out, or name certificate files of your own: {{ certificate = …, key = … }}"))]
    OtherPort(u16),
    #[error("a certificate is for names, and the site answers to every name")]
    #[diagnostic(help("name the hosts: server-names = [\"www.example.org\"]"))]
    NoNames,
    #[error("`{0}` has a wildcard, for which an authority asks another proof than this server can give")]
    #[diagnostic(help(
        "name each host in server-names, or name certificate files of your own: {{ certificate = …, key = … }}"
    ))]
    Wildcard(String),
}

const WORDS: [&str; 3] = ["off", "self-signed", "acme"];

/// Reads the keys; `None` where a problem has been noted. `port` and `names` are those of the site.
pub(super) fn read(site: &mut Table<'_>, port: Option<u16>, names: Option<&[String]>) -> Option<Tls> {
    let email = site.text("email", text::email);
    let server = site.checked_or_default("acme-server", text::https_address);
    let (place, tls) = match site.optional::<WordOrTable<'_>>("tls") {
        None => return Some(Tls::Off),
        Some(Item { value: WordOrTable::Table(value), place }) => {
            let mut table = site.inner("tls", Item { value, place: place.clone() });
            let certificate = table.required_text("certificate", host::server_path);
            let key = table.required_text("key", host::server_path);
            table.finish();
            (place, Tls::Files { certificate: certificate?, key: key? })
        }
        Some(Item { value: WordOrTable::Word(word), place }) => {
            let tls = match word {
                "off" => return Some(Tls::Off),
                "self-signed" => Tls::SelfSigned,
                "acme" => Tls::Acme { email, server: server? },
                other => {
                    let text = other.escape_debug().to_string();
                    site.problems.add(&place, TlsError::Word { text, suggestion: nearest(other, &WORDS) });
                    return None;
                }
            };
            (place, tls)
        }
    };
    let problem = |mistake: TlsError| site.problems.add(&place, mistake);
    if port == Some(HTTPS_PORT) {
        problem(TlsError::SamePort);
    } else if matches!(tls, Tls::Acme { .. }) {
        if let Some(other) = port.filter(|port| *port != 80) {
            problem(TlsError::OtherPort(other));
        }
        for name in names.unwrap_or_default() {
            match name.as_str() {
                "_" => problem(TlsError::NoNames),
                name if name.starts_with('.') || name.contains('*') => problem(TlsError::Wildcard(name.to_owned())),
                _ => {}
            }
        }
    }
    Some(tls)
}
