//! Checks the package's description: its first line and the paragraphs below it (Debian Policy 3.4). The rules
//! are those of lintian's `Fields::Description`.

use miette::Diagnostic;

/// The longest first line, in characters.
const LONGEST_SUMMARY: usize = 80;

/// Why a text is not valid as a description.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum DescriptionError {
    #[error("`{summary}` {why}")]
    #[diagnostic(help(
        "it completes the sentence “the package NAME is a …”: \"web application that counts visits\" (Debian Policy 3.4.1)"
    ))]
    Summary { summary: String, why: String },
    #[error("{0}")]
    #[diagnostic(help(
        "say in a few lines what it does and for whom, in paragraphs separated by empty lines (Debian Policy 3.4.2)"
    ))]
    Rest(&'static str),
    #[error("the paragraph `{0}` begins with a full stop, which has a meaning of its own in a control file")]
    #[diagnostic(help("begin it with another character (Debian Policy 5.6.13)"))]
    FullStop(String),
}

/// Checks the first line: two words or more, at most 80 characters. It may not have control characters, begin with an
/// article or with the package's name, or end with a full stop.
///
/// # Errors
/// When it is not so.
pub fn summary(text: &str, package: Option<&str>) -> Result<String, DescriptionError> {
    let wrong =
        |why: &str| Err(DescriptionError::Summary { summary: text.escape_debug().to_string(), why: why.to_owned() });
    let summary = text.trim();
    let lower = summary.to_lowercase();
    let length = summary.chars().count();
    if summary.chars().any(char::is_control) {
        return wrong("has a line break, a tab or another control character in it");
    }
    if length > LONGEST_SUMMARY {
        return wrong(&format!("has {length} characters; {LONGEST_SUMMARY} are allowed"));
    }
    if !summary.contains(char::is_whitespace) {
        return wrong("is not two words or more");
    }
    if ["a ", "an ", "the "].iter().any(|article| lower.starts_with(article)) {
        return wrong("begins with an article");
    }
    if is_sentence(summary) {
        return wrong("is a sentence with a full stop, and should be a phrase");
    }
    let after_name = package.and_then(|package| lower.strip_prefix(package));
    if after_name.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')) {
        return wrong("begins with the package's name, which programs show before it");
    }
    Ok(summary.to_owned())
}

/// Whether a full stop ends a sentence in it. The points of `etc.`, `e.g.` and an ellipsis are not full stops.
fn is_sentence(summary: &str) -> bool {
    let mut ends =
        summary.match_indices('.').filter_map(|(at, stop)| summary.split_at_checked(at.saturating_add(stop.len())));
    let last = ends.rfind(|(_, rest)| rest.is_empty() || rest.starts_with(char::is_whitespace));
    last.is_some_and(|(before, _)| ![" etc.", " e.g.", " eg.", "..."].iter().any(|end| before.ends_with(end)))
}

/// Checks the paragraphs below the first line, and returns them with Unix line ends.
pub fn rest(text: &str, summary: Option<&str>) -> Result<String, DescriptionError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(DescriptionError::Rest("is empty"));
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\r') {
        return Err(DescriptionError::Rest("has a tab or another control character in it"));
    }
    let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    let first = text.lines().next().unwrap_or_default();
    if summary.is_some_and(|summary| letters(summary) == letters(first)) {
        return Err(DescriptionError::Rest("begins with the summary once more"));
    }
    // The words of a paragraph are broken into lines again; only its first word surely begins one.
    let mut above = "";
    for line in text.lines() {
        if line.starts_with('.') && (above.trim().is_empty() || above.starts_with(' ')) {
            return Err(DescriptionError::FullStop(line.to_owned()));
        }
        above = line;
    }
    Ok(text.replace("\r\n", "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_a_phrase() {
        let eighty = format!("web {}", "x".repeat(76));
        for good in ["web application that counts visits", "servers, clients etc.", "stacks of things", &eighty] {
            assert!(summary(good, Some("stack")).is_ok(), "{good}");
        }
        let long = format!("{eighty}x");
        let bad =
            ["", "word", "A web app", "The app", "web app.", "one. Two things", "stack of things", "Stack: things"];
        for bad in bad.into_iter().chain(["two\nlines", "a\tb c", &long]) {
            assert!(summary(bad, Some("stack")).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_rest_says_something_new() {
        assert_eq!(rest("One.\r\n\r\nTwo.\r\n", None).unwrap(), "One.\n\nTwo.");
        assert!(rest("Reads\n.env files.", None).is_ok());
        for bad in ["", "  \n", "a\tb", "Web app!", "nul\0", ".env files", "Reads.\n\n.env files", "a\n  b\n.c"] {
            assert!(rest(bad, Some("web app")).is_err(), "{bad:?}");
        }
    }
}
