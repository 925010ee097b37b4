//! The copyright file of stackdeb's own package (DEP-5), from LICENSE.

/// The text of the file. The first paragraph of `license` that begins with `Copyright` says who holds the rights.
pub fn dep5(license: &str) -> String {
    let holder = license.lines().find_map(|line| line.strip_prefix("Copyright (c) ")).unwrap_or_default();
    let body = license.lines().skip_while(|line| !line.starts_with("Permission")).map(|line| match line {
        "" => " .\n".to_owned(),
        line => format!(" {line}\n"),
    });
    format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
         Upstream-Name: stackdeb\n\
         Comment:\n The programs are linked with crates of other authors. crates.txt, in the folder of\n \
         this file, names each with its version and licence.\n\n\
         Files: *\nCopyright: {holder}\nLicense: Expat\n{}",
        body.collect::<String>()
    )
}
