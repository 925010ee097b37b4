//! Checks host names, the names of an nginx site, and the paths of its pages. A text that passes cannot end a word, a line
//! or a block in a unit or in nginx's configuration.

use miette::Diagnostic;

/// The longest host name of a Linux machine, in bytes (`HOST_NAME_MAX`, gethostname(2)).
const LONGEST_HOST_NAME: usize = 64;
/// The longest name in the DNS, in bytes (RFC 1035, 2.3.4).
const LONGEST_DOMAIN: usize = 253;

/// Why a text is not valid as a host name, a server name or a path.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum HostError {
    #[error("`{text}` is not a host name: {why}")]
    #[diagnostic(help(
        "write letters, digits and `-` (RFC 1123), with dots between the parts: \"web-1\" or \"www.example.org\". A name in another alphabet is written as `xn--…`"
    ))]
    HostName { text: String, why: &'static str },
    #[error("`{text}` is not a server name: {why}")]
    #[diagnostic(help("write a host name, \"*.example.org\", or \"_\" for every name"))]
    ServerName { text: String, why: &'static str },
    #[error("`{text}` is not a page's path: {why}")]
    #[diagnostic(help("write it as \"/healthz\": letters, digits, `/`, `-`, `_`, `.` and `~`"))]
    Path { text: String, why: &'static str },
    #[error("`{text}` is not the name of a file of the site: {why}")]
    #[diagnostic(help("write it as \"index.html\" or \"app/index.html\", relative to the folder that is served"))]
    FilePath { text: String, why: &'static str },
    #[error("`{text}` is not the path of a folder of pages: {why}")]
    #[diagnostic(help("write it as \"/static/\": letters, digits, `/`, `-`, `_`, `.` and `~`"))]
    FolderPath { text: String, why: &'static str },
    #[error("`{text}` is not the path of a file on the server: {why}")]
    #[diagnostic(help("write it as \"/etc/ssl/www.example.org.pem\""))]
    ServerPath { text: String, why: &'static str },
}

/// Says what is wrong with a name in the DNS (RFC 1123, 2.1); `None` when it is valid.
fn fault(name: &str) -> Option<&'static str> {
    let bad_label = |label: &str| {
        if label.is_empty() {
            Some("a dot has nothing before or after it")
        } else if label.len() > 63 {
            Some("a part of it has more than 63 characters")
        } else if !label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            Some("only letters a to z, digits, `-` and dots are allowed")
        } else if label.starts_with('-') || label.ends_with('-') {
            Some("a part of it begins or ends with `-`")
        } else {
            None
        }
    };
    if name.len() > LONGEST_DOMAIN {
        return Some("it has more than 253 characters");
    }
    name.split('.').find_map(bad_label)
}

/// Whether a text is a valid name in the DNS (RFC 1123, 2.1).
pub fn is_domain(text: &str) -> bool {
    fault(text).is_none()
}

/// Checks the host name of a machine (RFC 1123, 2.1; hostname(7)).
pub fn host_name(text: &str) -> Result<String, HostError> {
    let too_long =
        (text.len() > LONGEST_HOST_NAME).then_some("it has more than 64 characters, the most that Linux allows");
    match fault(text).or(too_long) {
        None => Ok(text.to_owned()),
        Some(why) => Err(HostError::HostName { text: text.escape_debug().to_string(), why }),
    }
}

/// Checks a name for nginx's `server_name`: a host name, `_`, or a host name with `*` as its first or last part, or with a
/// dot before it. Regular expressions are not allowed.
pub fn server_name(text: &str) -> Result<String, HostError> {
    if text == "_" {
        return Ok(text.to_owned());
    }
    let rest = text.strip_prefix("*.").or_else(|| text.strip_prefix('.')).or_else(|| text.strip_suffix(".*"));
    let why = match fault(rest.unwrap_or(text)) {
        Some(_) if text.starts_with('~') => Some("regular expressions are not allowed here"),
        why => why,
    };
    match why {
        None => Ok(text.to_owned()),
        Some(why) => Err(HostError::ServerName { text: text.escape_debug().to_string(), why }),
    }
}

/// Checks the path of a page. It has no query.
pub fn path(text: &str) -> Result<String, HostError> {
    let wrong = |why| HostError::Path { text: text.escape_debug().to_string(), why };
    if !text.starts_with('/') || text.starts_with("//") {
        return Err(wrong("it does not begin with one `/`"));
    }
    match text.chars().all(|c| c.is_ascii_alphanumeric() || "/-_.~".contains(c)) {
        true => Ok(text.to_owned()),
        false => Err(wrong("it has a character that means something else in a unit or in nginx's configuration")),
    }
}

/// Checks the name of a file of the site, with its folders: `index.html`. Returns its path, which begins with `/`.
pub fn file_path(text: &str) -> Result<String, HostError> {
    let wrong = |why| HostError::FilePath { text: text.escape_debug().to_string(), why };
    if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(wrong("it has a part that is empty, `.` or `..`"));
    }
    match path(&format!("/{text}")) {
        Ok(path) => Ok(path),
        Err(_) => Err(wrong("it has a character that means something else in nginx's configuration")),
    }
}

/// Checks the beginning of the paths of several pages: `/static/`.
pub fn folder_path(text: &str) -> Result<String, HostError> {
    let wrong = |why| HostError::FolderPath { text: text.escape_debug().to_string(), why };
    let Some(inside) = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).filter(|rest| !rest.is_empty())
    else {
        return Err(wrong("it does not begin and end with `/`, or it is `/` alone, where the app is"));
    };
    if inside.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(wrong("it has a part that is empty, `.` or `..`"));
    }
    match path(text) {
        Ok(path) => Ok(path),
        Err(_) => Err(wrong("it has a character that means something else in nginx's configuration")),
    }
}

/// Checks the absolute path of a file on the server. It is one word in nginx's configuration and in a shell.
pub fn server_path(text: &str) -> Result<String, HostError> {
    let wrong = |why| HostError::ServerPath { text: text.escape_debug().to_string(), why };
    if !text.starts_with('/') || text.ends_with('/') || text.split('/').any(|part| part == "..") {
        return Err(wrong("it does not begin with `/`, or is not the path of a file"));
    }
    if ["/home/", "/root/", "/tmp/", "/var/tmp/"].iter().any(|folder| text.starts_with(folder)) {
        return Err(wrong("the unit that looks at it sees neither home folders nor temporary ones"));
    }
    match text.chars().all(|c| c.is_ascii_alphanumeric() || "/-_.@+".contains(c)) {
        true => Ok(text.to_owned()),
        false => Err(wrong("only letters, digits, `/`, `-`, `_`, `.`, `@` and `+` are allowed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_rfc_1123() {
        let longest = "a".repeat(63);
        for good in ["web", "web-1", "3com", "www.example.org", "a", &longest] {
            assert!(host_name(good).is_ok() && server_name(good).is_ok(), "{good}");
        }
        let long = "a".repeat(64);
        let bad =
            ["", "-a", "a-", "a_b", "a..b", ".", "a b", "é", "a.", "a;b", "a\nb", "a{", "a\"", "$a", "a%h", &long];
        for bad in bad {
            assert!(host_name(bad).is_err() && server_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_site_has_wildcards_at_the_ends_only() {
        for good in ["_", "*.example.org", ".example.org", "www.example.*"] {
            assert!(server_name(good).is_ok(), "{good}");
        }
        for bad in ["*", "www.*.org", "*.*", "~^www", "**.a", "a*.org"] {
            assert!(server_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_folder_of_pages_begins_and_ends_with_a_slash() {
        for good in ["/static/", "/a/b-c/", "/.well-known/"] {
            assert!(folder_path(good).is_ok(), "{good}");
        }
        for bad in ["", "/", "//", "/static", "static/", "/a//b/", "/a/../", "/./", "/a b/", "/a;/", "/$a/", "/{/"] {
            assert!(folder_path(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_path_stays_one_word() {
        for good in ["/", "/healthz", "/a/b-c_d.e~"] {
            assert!(path(good).is_ok(), "{good}");
        }
        for bad in ["", "healthz", "//evil.example", "/a b", "/a;", "/a\n", "/%h", "/a?b", "/a\"", "/{a}", "/$a", "/é"]
        {
            assert!(path(bad).is_err(), "{bad:?}");
        }
    }
}
