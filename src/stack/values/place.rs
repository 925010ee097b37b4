//! Checks where a further file is to be on the server, its mode and its owner. A text that passes is one word of a shell.

use miette::Diagnostic;

use crate::stack::further_file::Owner;

/// Why a path, a mode or an owner is not valid.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum PlaceError {
    #[error("`{text}` is not the path of a file on the server: {why}")]
    #[diagnostic(help("write the whole path, as \"/etc/shop/prices.conf\""))]
    Path { text: String, why: &'static str },
    #[error("`{text}` is in {folder}, which {why}, so no package may have files there")]
    #[diagnostic(help(
        "configuration belongs into /etc, programs into /usr/bin or /usr/libexec, other files into /usr/share, each below a name of your own"
    ))]
    Elsewhere { text: String, folder: &'static str, why: &'static str },
    #[error("`{0}` is not what a link can point to")]
    #[diagnostic(help("write a path of printable characters, relative to the link's folder or absolute"))]
    Target(String),
    #[error("`{0}` is not a mode of a file")]
    #[diagnostic(help(
        "write three octal digits, as chmod(1) takes them, with or without a 0 before them: \"0640\". The set-user-ID, set-group-ID and sticky bits are not possible"
    ))]
    Mode(String),
    #[error("`{text}` is not an owner that is there when the package is installed")]
    #[diagnostic(help("write USER:GROUP; either may be {known}"))]
    Owner { text: String, known: String },
}

/// Folders in which no package has files (Filesystem Hierarchy Standard 3.0; Debian Policy 9.1), each with the reason.
const ELSEWHERE: [(&str, &str); 18] = [
    ("/bin", "is a link to the folder of that name in /usr"),
    ("/dev", "the kernel fills"),
    ("/home", "belongs to the machine's users"),
    ("/lib", "is a link to the folder of that name in /usr"),
    ("/lib64", "is a link to the folder of that name in /usr"),
    ("/media", "is for media that are plugged in"),
    ("/mnt", "belongs to the administrator"),
    ("/proc", "the kernel fills"),
    ("/root", "belongs to the administrator"),
    ("/run", "is emptied at each boot"),
    ("/sbin", "is a link to the folder of that name in /usr"),
    ("/srv", "belongs to the administrator"),
    ("/sys", "the kernel fills"),
    ("/tmp", "is emptied at each boot"),
    ("/usr/local", "belongs to the administrator"),
    ("/var/lock", "is emptied at each boot"),
    ("/var/run", "is emptied at each boot"),
    ("/var/tmp", "is emptied after a while"),
];

/// Checks the path of a file, folder or link of a package.
///
/// # Errors
/// When it is not an absolute path in its shortest form, has other characters than those of common file names, or is where no
/// package has files.
pub fn path(text: &str) -> Result<String, PlaceError> {
    let wrong = |why| PlaceError::Path { text: text.escape_debug().to_string(), why };
    let Some(parts) = text.strip_prefix('/') else { return Err(wrong("it does not begin with `/`")) };
    if parts.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(wrong("between two `/`, and after the last one, there must be a name"));
    }
    if !text.chars().all(|char| char.is_ascii_alphanumeric() || "/-_.@+".contains(char)) {
        return Err(wrong("only letters, digits, `/`, `-`, `_`, `.`, `@` and `+` are allowed"));
    }
    let is_in = |folder: &str| text.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    match ELSEWHERE.iter().find(|(folder, _)| is_in(folder)) {
        Some((folder, why)) => Err(PlaceError::Elsewhere { text: text.to_owned(), folder, why }),
        None => Ok(text.to_owned()),
    }
}

/// Checks what a link points to.
///
/// # Errors
/// When it is empty or has a control character.
pub fn target(text: &str) -> Result<String, PlaceError> {
    match text.is_empty() || text.chars().any(char::is_control) {
        true => Err(PlaceError::Target(text.escape_debug().to_string())),
        false => Ok(text.to_owned()),
    }
}

/// Reads permission bits from octal digits, such as `0644`.
///
/// # Errors
/// When they are not three octal digits, or four of which the first is 0.
pub fn mode(text: &str) -> Result<u32, PlaceError> {
    let digits = text.strip_prefix('0').filter(|rest| rest.len() == 3).unwrap_or(text);
    let is_octal = digits.len() == 3 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    let bits = is_octal.then(|| u32::from_str_radix(digits, 8).ok()).flatten();
    bits.ok_or_else(|| PlaceError::Mode(text.escape_debug().to_string()))
}

/// Reads `USER:GROUP`; each is root, nginx's www-data, or `own`, which is the stack's user and group.
///
/// # Errors
/// When it has another form, or names somebody else.
pub fn owner(text: &str, own: Option<&str>) -> Result<Owner, PlaceError> {
    let known: Vec<&str> = ["root", "www-data"].into_iter().chain(own).collect();
    match text.split_once(':') {
        Some((user, group)) if known.contains(&user) && known.contains(&group) => {
            Ok(Owner { user: user.to_owned(), group: group.to_owned() })
        }
        _ => {
            let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            Err(PlaceError::Owner { text: text.escape_debug().to_string(), known: known.join(", ") })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_file_system_standard_pass_and_others_do_not() {
        for good in ["/etc/shop/prices.conf", "/usr/libexec/shop/report", "/opt/shop", "/var/lib/shop", "/binaries/x"] {
            assert_eq!(path(good).unwrap(), good);
        }
        for bad in [
            "",
            "/",
            "etc/x",
            "/etc/",
            "/etc//x",
            "/etc/../x",
            "/etc/./x",
            "/etc/a b",
            "/etc/a'b",
            "/etc/ä",
            "/etc/$x",
            "/usr/local/bin/x",
            "/usr/local",
            "/bin/x",
            "/run/x",
            "/home/jane/x",
            "/var/run/x",
            "/tmp/x",
        ] {
            assert!(path(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn modes_are_those_of_chmod_without_the_special_bits() {
        assert_eq!((mode("0640").unwrap(), mode("755").unwrap(), mode("000").unwrap()), (0o640, 0o755, 0));
        for bad in ["", "0", "64", "0o640", "4755", "00640", "648", "-640", "+640", "rw-r-----"] {
            assert!(mode(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn owners_are_there_on_the_server() {
        let both = owner("root:shop", Some("shop")).unwrap();
        assert_eq!((both.user.as_str(), both.group.as_str()), ("root", "shop"));
        assert!(owner("www-data:www-data", None).is_ok());
        for bad in ["", "root", "root:", ":root", "root:shop:", "jane:jane", "root:postgres"] {
            assert!(owner(bad, Some("shop")).is_err(), "{bad}");
        }
        assert!(owner("root:shop", None).is_err());
    }
}
