//! The names that a package with a library may have: `libssl.so.3` → `libssl3t64`, `libssl3`. Most follow Debian Policy 8.1; the
//! packages that hold several libraries are in a table. A name is a guess: the package's own control files decide.

use crate::deb::elf;

/// Libraries that are in a package with another name; `*` stands for the library's version.
const ELSEWHERE: [(&str, &str); 26] = [
    ("ld-linux-x86-64.so.", "libc6"),
    ("libBrokenLocale.so.", "libc6"),
    ("libanl.so.1", "libc6"),
    ("libdl.so.2", "libc6"),
    ("libm.so.6", "libc6"),
    ("libmvec.so.1", "libc6"),
    ("libnsl.so.1", "libc6"),
    ("libnss_", "libc6"),
    ("libpthread.so.0", "libc6"),
    ("libresolv.so.2", "libc6"),
    ("librt.so.1", "libc6"),
    ("libthread_db.so.1", "libc6"),
    ("libutil.so.1", "libc6"),
    ("libz.so.1", "zlib1g"),
    ("libcrypto.so.", "libssl*"),
    ("libgio-2.0.so.0", "libglib2.0-0"),
    ("libglib-2.0.so.0", "libglib2.0-0"),
    ("libgmodule-2.0.so.0", "libglib2.0-0"),
    ("libgobject-2.0.so.0", "libglib2.0-0"),
    ("libgthread-2.0.so.0", "libglib2.0-0"),
    ("libicudata.so.", "libicu*"),
    ("libicui18n.so.", "libicu*"),
    ("libicuuc.so.", "libicu*"),
    ("libbrotlicommon.so.1", "libbrotli1"),
    ("libbrotlidec.so.1", "libbrotli1"),
    ("libbrotlienc.so.1", "libbrotli1"),
];

/// What a change of all packages has added to the names of many: Debian's and Ubuntu's to 64-bit times, and the one to GCC 5.
const ADDED: [&str; 3] = ["t64", "", "v5"];

/// The names, the likely ones first.
pub fn candidates(library: &str) -> Vec<String> {
    let (stem, version) = elf::split_name(library).unwrap_or((library.trim_end_matches(".so"), ""));
    let elsewhere = ELSEWHERE.iter().find(|(start, _)| library.starts_with(start));
    let bases = match elsewhere {
        Some((_, package)) => vec![package.replace('*', version)],
        None => by_policy(&stem.to_lowercase().replace('_', "-"), &version.to_lowercase().replace('_', "-")),
    };
    let mut names: Vec<String> = Vec::new();
    for base in bases {
        for added in ADDED {
            let name = format!("{base}{added}");
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// Debian Policy 8.1: the library's name and version, with a hyphen between two digits.
fn by_policy(stem: &str, version: &str) -> Vec<String> {
    let ends_in_digit = stem.ends_with(|last: char| last.is_ascii_digit());
    let between = if ends_in_digit { "-" } else { "" };
    let joined = |stem: &str, version: &str| format!("{stem}{between}{version}");
    if version.is_empty() {
        return vec![stem.to_owned()];
    }
    let mut names = vec![joined(stem, version)];
    // `libglib-2.0` and 0 become `libglib2.0-0`.
    if let Some((name, number)) =
        stem.rsplit_once('-').filter(|(_, number)| number.starts_with(|c: char| c.is_ascii_digit()))
    {
        names.push(joined(&format!("{name}{number}"), version));
    }
    if !ends_in_digit {
        names.push(format!("{stem}-{version}"));
    }
    // `libpython3.13` and 1.0 become `libpython3.13`; `libfoo` and 1.2 may become `libfoo1`.
    names.push(stem.to_owned());
    if let Some((first, _)) = version.split_once('.') {
        names.push(joined(stem, first));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_of_debian_are_among_the_candidates() {
        // Libraries and packages of Debian 12 and 13, as `dpkg -S` prints them.
        for (library, package) in [
            ("libc.so.6", "libc6"),
            ("libm.so.6", "libc6"),
            ("libgcc_s.so.1", "libgcc-s1"),
            ("libstdc++.so.6", "libstdc++6"),
            ("libssl.so.3", "libssl3t64"),
            ("libcrypto.so.3", "libssl3"),
            ("libz.so.1", "zlib1g"),
            ("libX11.so.6", "libx11-6"),
            ("libpq.so.5", "libpq5"),
            ("libglib-2.0.so.0", "libglib2.0-0t64"),
            ("libxml2.so.2", "libxml2"),
            ("libpython3.13.so.1.0", "libpython3.13"),
            ("libdb-5.3.so", "libdb5.3"),
            ("libpcre2-8.so.0", "libpcre2-8-0"),
            ("libcom_err.so.2", "libcom-err2"),
            ("libgssapi_krb5.so.2", "libgssapi-krb5-2"),
            ("libbz2.so.1.0", "libbz2-1.0"),
            ("libicuuc.so.72", "libicu72"),
            ("libsqlite3.so.0", "libsqlite3-0"),
        ] {
            let found = candidates(library);
            assert!(found.iter().any(|name| name == package), "{library}: {found:?}");
        }
    }
}
