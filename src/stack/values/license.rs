//! Checks the licence's short name (as in DEP-5), and finds the text for `/usr/share/doc/NAME/copyright`.

use miette::Diagnostic;

use crate::stack::nearest::nearest;

/// The known licences: short names and texts. For a licence in `/usr/share/common-licenses` the text is a paragraph that
/// names the file there (Debian Policy 12.5).
const TEXTS: &[(&str, &str)] = &[
    ("MIT", include_str!("../licenses/MIT")),
    ("BSD-2-Clause", include_str!("../licenses/BSD-2-Clause")),
    ("BSD-3-Clause", include_str!("../licenses/BSD-3-Clause")),
    ("ISC", include_str!("../licenses/ISC")),
    ("Apache-2.0", include_str!("../licenses/Apache-2.0")),
    ("GPL-2", include_str!("../licenses/GPL-2")),
    ("GPL-2+", include_str!("../licenses/GPL-2+")),
    ("GPL-3", include_str!("../licenses/GPL-3")),
    ("GPL-3+", include_str!("../licenses/GPL-3+")),
    ("LGPL-3+", include_str!("../licenses/LGPL-3+")),
    ("MPL-2.0", include_str!("../licenses/MPL-2.0")),
    ("CC0-1.0", include_str!("../licenses/CC0-1.0")),
];

/// SPDX's names of licences that have other names in DEP-5.
const SPDX: &[(&str, &str)] = &[
    ("GPL-2.0-only", "GPL-2"),
    ("GPL-2.0-or-later", "GPL-2+"),
    ("GPL-3.0-only", "GPL-3"),
    ("GPL-3.0-or-later", "GPL-3+"),
    ("LGPL-3.0-or-later", "LGPL-3+"),
];

/// Why a licence is not valid.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum LicenseError {
    #[error("`{0}` is not the short name of a licence: it may have letters, digits, `.`, `+` and `-`")]
    #[diagnostic(help(
        "write for example \"MIT\" or \"Apache-2.0\"; for a licence of your own write \"proprietary\", and name its text with `license-file`"
    ))]
    Syntax(String),
    #[error("stackdeb does not know the text of `{name}`, which the package must contain{}", nearest.map_or(String::new(), |known| format!(": did you mean `{known}`?")))]
    #[diagnostic(help("name a file with its text, `license-file = \"LICENSE\"`, or choose one of: {known}"))]
    NoText { name: String, nearest: Option<&'static str>, known: String },
}

/// Checks a licence's short name (DEP-5, "License short name"). A name of SPDX becomes that of DEP-5.
pub fn short_name(text: &str) -> Result<String, LicenseError> {
    if text.is_empty() || !text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-')) {
        return Err(LicenseError::Syntax(text.escape_debug().to_string()));
    }
    let renamed = SPDX.iter().find(|(spdx, _)| *spdx == text);
    Ok(renamed.map_or(text, |(_, short)| short).to_owned())
}

/// The short names of the licences whose text is known.
pub fn known_names() -> Vec<&'static str> {
    TEXTS.iter().map(|(name, _)| *name).collect()
}

/// Finds the text of a known licence.
pub fn known_text(name: &str) -> Result<&'static str, LicenseError> {
    let known = known_names();
    TEXTS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text).ok_or_else(|| LicenseError::NoText {
        name: name.to_owned(),
        nearest: nearest(name, &known),
        known: known.join(", "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_licences_are_pointed_at() {
        for (name, text) in TEXTS {
            let in_debian = std::path::Path::new("/usr/share/common-licenses").join(name.trim_end_matches('+'));
            let file = in_debian.display().to_string();
            let ours = ["MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC"].contains(name);
            assert!(ours || text.contains(&file), "{name} does not point at {file}");
            assert!(!text.contains("\t") && text.lines().all(|line| line.len() <= 80), "{name}");
        }
        assert_eq!(short_name("GPL-3.0-or-later").unwrap(), "GPL-3+");
        assert!(matches!(known_text("Apache-2"), Err(LicenseError::NoText { nearest: Some("Apache-2.0"), .. })));
        assert!(short_name("MIT\nX: y").is_err());
    }
}
