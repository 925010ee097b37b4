//! Patterns for the files of an app, as `[app] include` and `exclude` have them: a text → whether a path matches it.
//!
//! `*` stands for any text without `/`, `?` for one character, `[a-z]` for one of several, `**` for any number of
//! folders. A pattern without `/` is for a name in any folder; one with `/` begins at the app's folder.

use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};
use miette::Diagnostic;

#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    matcher: GlobMatcher,
}

/// Why a text is not a pattern.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum PatternError {
    #[error("`{pattern}` is not a pattern: {why}")]
    #[diagnostic(help(
        "write a name such as \"*.bak\", or a path in the app's folder such as \"static/.config/**\"; a backslash before a character takes away its meaning"
    ))]
    Syntax { pattern: String, why: String },
    #[error("`{0}` is not a path in the app's folder")]
    #[diagnostic(help("write it without `/` at its beginning and without `..`: it begins at the app's folder"))]
    Outside(String),
}

impl Pattern {
    /// Reads a pattern. A `/` at its end is left out: a folder matches with all that is in it.
    ///
    /// # Errors
    /// When it is empty, has a bracket that is not closed, or leads out of the app's folder.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let wrong = |why: &str| PatternError::Syntax { pattern: text.escape_debug().to_string(), why: why.to_owned() };
        let text = text.strip_prefix("./").unwrap_or(text);
        let text = text.strip_suffix('/').unwrap_or(text);
        if text.is_empty() {
            return Err(wrong("it is empty"));
        }
        if text.starts_with('/') || text.split('/').any(|part| part == "..") {
            return Err(PatternError::Outside(text.escape_debug().to_string()));
        }
        let whole = if text.contains('/') { text.to_owned() } else { format!("**/{text}") };
        let glob = GlobBuilder::new(&whole).literal_separator(true).backslash_escape(true).build();
        let glob = glob.map_err(|error| wrong(&error.kind().to_string()))?;
        Ok(Self { text: text.to_owned(), matcher: glob.compile_matcher() })
    }

    /// The pattern as it was written in `stack.toml`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it matches a path that is relative to the app's folder.
    pub fn matches(&self, path: &Path) -> bool {
        self.matcher.is_match(path)
    }

    /// Whether it names something below `folder`, which is relative to the app's folder.
    pub fn reaches_into(&self, folder: &Path) -> bool {
        Path::new(&self.text).starts_with(folder) && Path::new(&self.text) != folder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_for_a_name_or_for_a_path() {
        let matches = |pattern: &str, path: &str| Pattern::parse(pattern).unwrap().matches(Path::new(path));
        for (pattern, path) in [
            ("*.bak", "a.bak"),
            ("*.bak", "a/b/c.bak"),
            ("a/*.py", "a/b.py"),
            ("a/**", "a/b/c.py"),
            ("./a/", "a"),
            ("[ab].py", "x/a.py"),
            ("\\[a\\].py", "[a].py"),
        ] {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [("*.bak", "a.bakery"), ("a/*.py", "a/b/c.py"), ("a/b", "x/a/b"), ("[ab].py", "c.py")] {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
        for bad in ["", "/", "/etc/passwd", "../x", "a/../b", "[a", "./"] {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
        let pattern = Pattern::parse(".config/app/*.toml").unwrap();
        assert!(pattern.reaches_into(Path::new(".config")) && pattern.reaches_into(Path::new(".config/app")));
        assert!(!pattern.reaches_into(Path::new("config")) && !pattern.reaches_into(Path::new(".config/other")));
    }
}
