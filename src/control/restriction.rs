//! What limits a relation to some builds: the list of architectures in `[…]` (Debian Policy 7.1), and the lists of build
//! profiles in `<…>` (deb-src-control(5)). The text inside the brackets → whether the relation is for a package for amd64 that
//! is built with no profile.

/// The four parts of amd64's whole name (`dpkg-architecture`). A wildcard has some of them, and `any` for others.
const AMD64: [&str; 4] = ["base", "gnu", "linux", "amd64"];

/// Whether dpkg would take it for an architecture's name, known or not: letters, digits and `-`,
/// which is not the first.
pub(super) fn is_architecture(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.bytes().all(allowed)
}

/// Whether a list such as `amd64 arm64`, `linux-any` or `!i386` includes amd64.
/// `None` when it is empty, has something else than names, or has `!` before some names and not before others.
pub(super) fn architectures_have_amd64(list: &str) -> Option<bool> {
    let words: Vec<(bool, &str)> = words(list);
    let (excluded, _) = *words.first()?;
    if words.iter().any(|(not, name)| *not != excluded || !is_architecture(name)) {
        return None;
    }
    Some(words.iter().any(|(_, name)| is_amd64(name)) != excluded)
}

/// Whether one list, such as `!nocheck` or `stage1 cross`, is satisfied when no profile is active: each word has a `!`.
/// `None` when it is empty or has something else than names.
pub(super) fn holds_without_profiles(list: &str) -> Option<bool> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let words = words(list);
    if words.is_empty() || words.iter().any(|(_, name)| name.is_empty() || !name.bytes().all(allowed)) {
        return None;
    }
    Some(words.iter().all(|(not, _)| *not))
}

/// The words of a list, each with whether a `!` stands before it.
fn words(list: &str) -> Vec<(bool, &str)> {
    list.split_ascii_whitespace()
        .map(|word| word.strip_prefix('!').map_or((false, word), |name| (true, name)))
        .collect()
}

/// Whether a name or a wildcard means amd64, as `dpkg-architecture --match-wildcard` says.
fn is_amd64(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let parts: Vec<&str> = name.splitn(AMD64.len(), '-').collect();
    let fits = |(given, own): (&&str, &&str)| *given == "any" || given == own;
    matches!(name.as_str(), "amd64" | "linux-amd64")
        || (parts.contains(&"any") && parts.iter().rev().zip(AMD64.iter().rev()).all(fits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_compared_part_by_part() {
        for yes in
            ["amd64", "AMD64", "any", "any-amd64", "linux-any", "linux-amd64", "gnu-any-any", "base-gnu-linux-any"]
        {
            assert!(architectures_have_amd64(yes).unwrap(), "{yes}");
            assert!(!architectures_have_amd64(&format!("!arm64 !{yes}")).unwrap(), "{yes}");
        }
        for no in ["arm64", "musl-linux-any", "kfreebsd-any", "any-i386", "any-any-arm64", "x32"] {
            assert!(!architectures_have_amd64(no).unwrap(), "{no}");
            assert!(architectures_have_amd64(&format!("!{no}")).unwrap(), "{no}");
        }
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for bad in ["", " ", "a_b", "!", "!!amd64", "amd64 !i386", "-amd64", "amd64,i386"] {
            assert!(architectures_have_amd64(bad).is_none(), "{bad}");
        }
        for bad in ["", " ", "!", "!!nocheck", "no_check"] {
            assert!(holds_without_profiles(bad).is_none(), "{bad}");
        }
    }
}
