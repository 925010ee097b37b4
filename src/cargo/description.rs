//! The description of a crate as cargo-deb breaks it into lines: at most 78 bytes a line, words as they stand.

/// The longest line, in bytes, and one.
const LENGTH: usize = 79;

/// Breaks a text at its blanks. A line of blanks alone becomes an empty line.
pub(super) fn lines(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for line in text.lines() {
        if line.trim().is_empty() {
            all.push(String::new());
            continue;
        }
        let line = line.replace('\t', "  ");
        let mut current: Option<String> = None;
        for word in line.split(' ') {
            current = Some(match current {
                None => word.to_owned(),
                Some(before) if before.trim().is_empty() || before.len().saturating_add(word.len()) < LENGTH => {
                    format!("{before} {word}")
                }
                Some(before) => {
                    all.push(before);
                    word.to_owned()
                }
            });
        }
        all.extend(current.map(|line| line.trim_end().to_owned()));
    }
    all
}

/// The first line, and all others joined. A line that would begin with a full stop, which Debian Policy 5.6.13 keeps for
/// later use, begins with a blank instead, and so is shown as it is.
pub(super) fn summary_and_rest(description: &str, extended: Option<&str>) -> (String, String) {
    let mut all = lines(description.trim()).into_iter();
    let summary = all.next().unwrap_or_default();
    let extended = extended.map(lines).unwrap_or_default();
    let shown = |line: String| if line.starts_with('.') { format!(" {line}") } else { line };
    let rest: Vec<String> = all.chain(extended).map(shown).collect();
    (summary, rest.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cases of cargo-deb's own test, at its width for packages.
    #[test]
    fn lines_break_at_blanks_and_long_words_stay_whole() {
        let word = "x".repeat(90);
        assert_eq!(lines(&format!("{word}\n \nbo")), [word, String::new(), "bo".to_owned()]);
        let text = format!("{} {} c", "a".repeat(40), "b".repeat(37));
        assert_eq!(lines(&text), [format!("{} {}", "a".repeat(40), "b".repeat(37)), "c".to_owned()]);
        assert_eq!(lines("\tkept  as\tit stands"), ["  kept  as  it stands"]);
        assert_eq!(summary_and_rest("one\n.two", Some("...")).1, " .two\n ...");
    }
}
